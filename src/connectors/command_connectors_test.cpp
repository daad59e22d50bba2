// SPDX-License-Identifier: Apache-2.0
// The command transport and the manifests that use it: command, files and restic, for real.
#include "connectors/connectors_fixture.hpp"

#include <csignal>

#include <sys/syscall.h>

#include "connectors/command_transport.hpp"

namespace slipway::connectors {

namespace {

using namespace test;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

CommandRequest shell(const std::string& script, Span timeout = std::chrono::seconds(20)) {
    CommandRequest request;
    request.arguments = {"sh", "-c", script};
    request.timeout = timeout;
    return request;
}

TEST(CommandTransport, RefusesWhatCannotRun) {
    CommandRequest request;
    request.timeout = std::chrono::seconds(1);
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{},
          {""},
          {"no-such-program"},
          {"../bin/sh"},
          {"/etc/passwd"},
          {"sh", std::string("a\0b", 3)},
          std::vector<std::string>(101, "sh")}) {
        request.arguments = arguments;
        const auto answer = run_command(request);
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().code, ErrorCode::invalid_input);
    }
}

TEST(CommandTransport, EndlessOutputStopsAtTheLimit) {
    const auto answer = run_command(shell("while :; do echo filler filler filler; done"));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::limit_exceeded);
}

TEST(CommandTransport, AStopEndsTheProgram) {
    auto name = (std::filesystem::temp_directory_path() / "stop-XXXXXX").string();
    const std::string folder = ::mkdtemp(name.data());
    std::stop_source stop;
    auto request = shell("touch " + folder + "/begun; sleep 1000", std::chrono::seconds(1000));
    request.stop = stop.get_token();
    std::thread stopper([&] {
        for (int i = 0; i < 1000 && !std::filesystem::exists(folder + "/begun"); ++i)
            ::poll(nullptr, 0, 20);
        stop.request_stop();
    });
    const auto answer = run_command(request);
    stopper.join();
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
    std::filesystem::remove_all(folder);
}

TEST(CommandTransport, EndlessLastWordsStopAtTheTimeLimit) {
    const auto begin = std::chrono::steady_clock::now();
    const auto answer = run_command(shell("yes >&2", std::chrono::seconds(1)));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::timeout);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(15));
}

TEST(CommandTransport, WhatIsLeftWritingDoesNotHoldTheAnswer) {
    const auto answer = run_command(shell("yes >&2 & sleep 0.3; echo done"));
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->output, "done\n");
}

TEST(CommandTransport, AnEndThatNobodyKnowsIsNoSuccess) {
    const auto before = std::signal(SIGCHLD, SIG_IGN);
    const auto answer = run_command(shell("exit 3"));
    std::signal(SIGCHLD, before);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
}

TEST(CommandTransport, ASlowProgramAndItsChildrenAreEnded) {
    auto name = (std::filesystem::temp_directory_path() / "child-XXXXXX").string();
    const std::string folder = ::mkdtemp(name.data());
    const auto answer = run_command(
        shell("sleep 1000 & echo $! > " + folder + "/pid; wait", std::chrono::seconds(1))
    );
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, ErrorCode::timeout);
    pid_t child = 0;
    std::ifstream(folder + "/pid") >> child;
    ASSERT_GT(child, 0);
    // The signal was sent; the kernel says when the child is gone, however busy the machine is.
    const int watched = static_cast<int>(::syscall(SYS_pidfd_open, child, 0));
    if (watched >= 0) {
        pollfd one{watched, POLLIN, 0};
        EXPECT_EQ(::poll(&one, 1, 60'000), 1);
        ::close(watched);
    }
    std::filesystem::remove_all(folder);
}

TEST(CommandTransport, AnOrphanDoesNotHoldTheAnswer) {
    const auto answer = run_command(shell("sleep 1000 & echo done"));
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->output, "done\n");
}

TEST(CommandTransport, BytesStatusAndEnvironment) {
    ::setenv("SLIPWAY_TEST_LEAK", "leaked", 1);
    auto request = shell("cat; echo words >&2; env >&2; exit 7");
    request.input = std::string(300'000, 'a');
    request.environment = {{"GIVEN", "value"}};
    const auto answer = run_command(request);
    ::unsetenv("SLIPWAY_TEST_LEAK");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 7);
    EXPECT_EQ(answer->output, request.input);
    EXPECT_THAT(answer->last_words, HasSubstr("GIVEN=value"));
    EXPECT_THAT(answer->last_words, Not(HasSubstr("leaked")));
    const auto killed = run_command(shell("kill -KILL $$"));
    ASSERT_TRUE(killed);
    EXPECT_EQ(killed->status, 128 + SIGKILL);
    auto deaf = shell("exec true"); // reads nothing of a long input
    deaf.input = request.input;
    EXPECT_TRUE(run_command(deaf));
}

TEST(TreeDigest, IsWhatTheShellSays) {
    const auto scratch = ScratchFolder::make(std::filesystem::temp_directory_path().string());
    ASSERT_TRUE(scratch);
    ASSERT_EQ(
        run_command(shell(
                        "cd " + scratch->path() +
                        " && mkdir -p b/c && echo x > b/c/d && echo y > a && : > b.e && "
                        "ln -s /etc/passwd link"
                    ))
            ->status,
        0
    );
    const auto tree = digest_tree(scratch->path());
    ASSERT_TRUE(tree);
    EXPECT_EQ(tree->files, 3);
    const auto said = run_command(shell(
        "cd " + scratch->path() +
        " && find . -type f | LC_ALL=C sort | xargs sha256sum | sha256sum | cut -d' ' -f1"
    ));
    EXPECT_EQ(said->output, tree->digest.hex() + "\n");
    EXPECT_FALSE(digest_tree(scratch->path() + "/missing"));
    EXPECT_TRUE(digest_tree(scratch->path(), static_cast<std::size_t>(tree->files)));
    const auto large = digest_tree(scratch->path(), static_cast<std::size_t>(tree->files) - 1);
    ASSERT_FALSE(large);
    EXPECT_EQ(large.error().code, ErrorCode::limit_exceeded);
}

class CommandConnectors : public ConnectorsTest {};

TEST_F(CommandConnectors, ProgramsStandWhereTheServerAllows) {
    for (const auto* program : {"/usr/bin/env", "sh", "../x", "/tmp/../usr/bin/env"}) {
        configure("command", JsonObject{{"program", program}});
        const auto answer = ask("command", app::CmdbRead{CiId("web")});
        ASSERT_FALSE(answer) << program;
        EXPECT_EQ(answer.error().fields.at(0).field, "settings.program");
    }
}

TEST_F(CommandConnectors, ExitStatusesAndWrongAnswers) {
    const auto program = write("program", "#!/bin/sh\ncat >&2; . " + path("script") + "\n", true);
    configure("command", JsonObject{{"program", program}});

    struct Case {
        const char* script;
        ErrorCode code;
    };

    for (const auto& one :
         {Case{"exit 1", ErrorCode::invalid_input}, Case{"exit 4", ErrorCode::not_found},
          Case{"exit 9", ErrorCode::conflict}, Case{"exit 75", ErrorCode::unavailable},
          Case{"echo no json", ErrorCode::unavailable}, Case{"echo '{}'", ErrorCode::internal},
          Case{"echo '{\"ci\":\"web\",\"extra\":1}'", ErrorCode::internal},
          Case{"kill -9 $$", ErrorCode::invalid_input}}) {
        write("script", one.script);
        const auto answer = ask("command", app::CmdbRead{CiId("web")});
        ASSERT_FALSE(answer) << one.script;
        EXPECT_EQ(answer.error().code, one.code) << one.script << answer.error().message;
    }
    write("script", "echo 'no space left' >&2; echo 'on /srv' >&2; exit 1");
    EXPECT_THAT(
        ask("command", app::CmdbRead{CiId("web")}).error().message,
        testing::EndsWith("no space left; on /srv")
    ) << "nobody else says what to mend";
    write(
        "script", "for i in $(seq 60); do echo \"warning: could not set owner of t$i\"; done >&2; "
                  "echo 'error: no space left' >&2; exit 1"
    );
    const auto chatty = ask("command", app::CmdbRead{CiId("web")}).error().message;
    EXPECT_THAT(chatty, testing::EndsWith("of t60; error: no space left"));
    EXPECT_THAT(chatty, HasSubstr("(status 1): warning: could")) << "whole lines";
    write("script", "printf 'Ger\\344t voll: /srv\\n' >&2; exit 1");
    EXPECT_THAT(
        ask("command", app::CmdbRead{CiId("web")}).error().message, testing::EndsWith("voll: /srv")
    ) << "a letter that is no UTF-8";
    const auto quiet =
        write("quiet", "#!/bin/sh\necho 'no space left on /srv'; echo >&2; exit 1\n", true);
    configure("command", JsonObject{{"program", quiet}});
    EXPECT_THAT(
        ask("command", app::CmdbRead{CiId("web")}).error().message,
        testing::EndsWith("(status 1): no space left on /srv")
    ) << "on standard output";
}

TEST_F(CommandConnectors, AProgramAnswers) {
    const auto program = write(
        "program",
        "#!/bin/sh\ncat > " + path("seen") + "\necho '{\"ci\":\"web\",\"version\":\"1.5\"}'\n", true
    );
    configure("command", JsonObject{{"program", program}, {"options", JsonObject{{"a", 1}}}});
    const auto record = ask("command", app::CmdbPush{CiId("web"), "1.5", "h", "ada", {}});
    ASSERT_TRUE(record) << record.error().message;
    EXPECT_EQ(record->version, "1.5");
    std::string seen;
    std::getline(std::ifstream(path("seen")), seen);
    EXPECT_THAT(seen, HasSubstr(R"("capability":"cmdb","operation":"push","key":"key-1")"));
    EXPECT_THAT(seen, HasSubstr(R"("options":{"a":1})"));
}

// That a foreign snapshot is left alone was the program's to see, and not the server's.
TEST_F(CommandConnectors, AProgramIsAskedForNoSnapshotOfAnotherTag) {
    const auto program = write(
        "program",
        "#!/bin/sh\ncat >> " + path("seen") + "\necho $2 >> " + path("calls") +
            "\n[ $2 = read ] && { [ -e " + path("gone") +
            " ] && exit 4; echo '{\"id\":\"s-1\",\"tag\":\"CHG-12\"}'; exit; }\n" +
            "echo '{\"done\":true,\"detail\":\"by the program\"}'\n",
        true
    );
    configure("command", JsonObject{{"program", program}});
    const auto calls = [&] {
        std::ifstream file(path("calls"));
        std::string all{std::istreambuf_iterator<char>(file), {}};
        std::filesystem::remove(path("calls"));
        return all;
    };
    EXPECT_EQ(
        ask("command", app::SnapshotRemove{"s-1", "CHG-13"}).error().code, ErrorCode::conflict
    );
    EXPECT_EQ(
        ask("command", app::SnapshotRevert{"s-1", "CHG-13"}).error().code, ErrorCode::conflict
    );
    EXPECT_EQ(calls(), "read\nread\n");
    const auto reverted = ask("command", app::SnapshotRevert{"s-1", "CHG-12"});
    ASSERT_TRUE(reverted) << all_texts(reverted.error());
    EXPECT_EQ(reverted->detail, "by the program");
    EXPECT_EQ(ask("command", app::SnapshotRemove{"s-1", "CHG-12"})->detail, "by the program");
    EXPECT_EQ(calls(), "read\nrevert\nread\nremove\n");
    write("gone", "");
    EXPECT_TRUE(ask("command", app::SnapshotRemove{"s-1", "CHG-12"})->done) << "it is gone already";
    EXPECT_EQ(
        ask("command", app::SnapshotRevert{"s-1", "CHG-12"}).error().code, ErrorCode::not_found
    );
    EXPECT_EQ(calls(), "read\nread\n");
    std::ifstream file(path("seen"));
    const std::string seen{std::istreambuf_iterator<char>(file), {}};
    EXPECT_THAT(seen, HasSubstr(R"("key":"key-1 read")")) << "another piece of work";
}

TEST_F(CommandConnectors, SecretsReachTheEnvironmentOnly) {
    const auto program =
        write("program", "#!/bin/sh\necho \"secret $TOKEN args $*\" >&2; cat >&2; exit 1\n", true);
    const std::string head = R"yaml(
system: leaky
title: Leaky
transport: command
settings:
  - {name: program, type: program, help: program, required: true}
  - {name: token, type: text, help: token, secret: true}
environment: {TOKEN: "{.settings.token}"}
capabilities:
  cmdb:
    read:
      requests: [{run: ["{.settings.program}", )yaml";
    manifest("leaky", head + "\"x{.settings.token}\"]}]\n");
    configure("leaky", JsonObject{{"program", program}, {"token", secret_reference()}});
    auto answer = ask("leaky", app::CmdbRead{CiId("web")});
    ASSERT_FALSE(answer);
    EXPECT_THAT(answer.error().message, HasSubstr("must not stand in a command's arguments"));
    manifest("leaky", head + "read]}]\n");
    connectors_.reset();
    answer = ask("leaky", app::CmdbRead{CiId("web")});
    ASSERT_FALSE(answer);
    EXPECT_THAT(answer.error().detail, HasSubstr("secret [secret] args read"));
    EXPECT_THAT(all_texts(answer.error()), Not(HasSubstr(secret)));
}

TEST_F(CommandConnectors, LongLastWordsHoldNoPieceOfASecretOrCharacter) {
    // The secret would be cut by the limit of what is shown, in front and behind.
    const auto program = write(
        "program",
        "#!/bin/sh\nfor size in 490 1990; do printf '%s' \"$TOKEN\"; "
        "head -c $size /dev/zero | tr '\\0' x; done >&2\n"
        "printf 'ä%s' \"$TOKEN\" >&2; head -c 1998 /dev/zero | tr '\\0' x >&2\nexit 1\n",
        true
    );
    manifest("leaky", R"yaml(
system: leaky
title: Leaky
transport: command
settings:
  - {name: program, type: program, help: program, required: true}
  - {name: token, type: text, help: token, secret: true}
environment: {TOKEN: "{.settings.token}"}
capabilities:
  cmdb:
    read:
      requests: [{run: ["{.settings.program}"]}]
)yaml");
    configure("leaky", JsonObject{{"program", program}, {"token", secret_reference()}});
    const auto answer = ask("leaky", app::CmdbRead{CiId("web")});
    ASSERT_FALSE(answer);
    EXPECT_TRUE(is_valid_text(answer.error().detail));
    EXPECT_FALSE(answer.error().detail.empty());
    for (std::size_t size = 4; size <= secret.size(); ++size) {
        for (const auto& shown : {answer.error().detail, answer.error().message}) {
            EXPECT_THAT(shown, Not(HasSubstr(secret.substr(0, size))));
            EXPECT_THAT(shown, Not(HasSubstr(secret.substr(secret.size() - size))));
        }
    }
}

TEST_F(CommandConnectors, AValueInFrontOfAnotherTextIsNoOption) {
    manifest("joined", R"yaml(
system: joined
title: Joined
transport: command
capabilities:
  backup:
    prove:
      requests: [{run: [echo, "{.input.point}/x"]}]
)yaml");
    configure("joined", JsonObject{});
    const auto answer = ask("joined", app::BackupProve{CiId("web"), "h", "--help"});
    ASSERT_FALSE(answer);
    EXPECT_THAT(answer.error().message, HasSubstr("must not begin with '-'"));
}

TEST_F(CommandConnectors, ScratchIsRemovedAndValuesAreNoOptions) {
    configure("restic", JsonObject{{"repository", path("repo")}, {"password", secret_reference()}});
    const auto proof = ask("restic", app::BackupProve{CiId("web"), "h", "--help"});
    ASSERT_FALSE(proof);
    EXPECT_THAT(proof.error().message, HasSubstr("must not begin with '-'"));
    for (const auto& entry : std::filesystem::directory_iterator(folder_))
        EXPECT_THAT(entry.path().filename().string(), Not(HasSubstr("slipway-")));
}

TEST_F(CommandConnectors, FolderSnapshotsLiveTheirLife) {
    write("site/index.html", "1.4");
    configure(
        "files",
        JsonObject{
            {"program", SLIPWAY_ROOT "/src/connectors/testdata/snapshot.sh"},
            {"folder", path("site")},
            {"store", path("store")}}
    );
    const auto expires = time_from_text("2026-11-29T20:00:00Z");
    const auto taken = ask("files", app::SnapshotTake{"web1", "slipway-CHG-12", *expires});
    ASSERT_TRUE(taken) << all_texts(taken.error());
    EXPECT_EQ(taken->tag, "slipway-CHG-12");
    EXPECT_EQ(taken->expires, *expires);
    EXPECT_GT(taken->size_bytes, 0);
    EXPECT_EQ(ask("files", app::SnapshotRead{"../secret"}).error().code, ErrorCode::not_found);
    EXPECT_EQ(ask("files", app::SnapshotRead{"none"}).error().code, ErrorCode::not_found);
    EXPECT_EQ(ask("files", app::SnapshotRead{taken->id})->host, "web1");
    EXPECT_EQ(ask("files", app::SnapshotList{"slipway-"})->snapshots.size(), 1U);
    EXPECT_TRUE(ask("files", app::SnapshotList{"foreign-"})->snapshots.empty());

    write("site/index.html", "1.5");
    write("site/new.html", "new");
    const auto reverted = ask("files", app::SnapshotRevert{taken->id, "slipway-CHG-12"});
    ASSERT_TRUE(reverted) << all_texts(reverted.error());
    std::string content;
    std::getline(std::ifstream(path("site/index.html")), content);
    EXPECT_EQ(content, "1.4");
    EXPECT_FALSE(std::filesystem::exists(path("site/new.html")));

    EXPECT_EQ(
        ask("files", app::SnapshotRevert{taken->id, "slipway-CHG-13"}).error().code,
        ErrorCode::conflict
    );
    const auto later = ask("files", app::SnapshotTake{"web1", "slipway-CHG-12", *expires + 1h});
    ASSERT_TRUE(later) << all_texts(later.error());
    EXPECT_NE(later->id, taken->id) << "what is taken later is another snapshot";
    EXPECT_TRUE(ask("files", app::SnapshotRemove{later->id, "slipway-CHG-12"})->done);
    const auto foreign = ask("files", app::SnapshotRemove{taken->id, "slipway-CHG-13"});
    ASSERT_FALSE(foreign);
    EXPECT_EQ(foreign.error().code, ErrorCode::conflict);
    EXPECT_EQ(ask("files", app::SnapshotList{"slipway-"})->snapshots.size(), 1U);
    EXPECT_TRUE(ask("files", app::SnapshotRemove{taken->id, "slipway-CHG-12"})->done);
    EXPECT_TRUE(ask("files", app::SnapshotRemove{taken->id, "slipway-CHG-12"})->done); // again
    EXPECT_TRUE(ask("files", app::SnapshotList{"slipway-"})->snapshots.empty());
}

TEST_F(CommandConnectors, ResticProvesARestore) {
    if (!std::filesystem::exists("/usr/bin/restic"))
        GTEST_SKIP() << "restic is not installed (apt-get install restic)";
    write("site/index.html", "1.4");
    write("site/feed/items.json", "[]");
    auto init =
        shell("restic init --no-cache -q && restic backup --no-cache -q --host web1 --tag site site"
        );
    init.folder = folder_;
    init.environment = {{"RESTIC_REPOSITORY", path("repo")}, {"RESTIC_PASSWORD", secret}};
    ASSERT_EQ(run_command(init)->status, 0);
    configure(
        "restic",
        JsonObject{{"repository", path("repo")}, {"password", secret_reference()}, {"tag", "site"}}
    );
    const auto status = ask("restic", app::BackupCheck{CiId("web"), "web1"});
    ASSERT_TRUE(status) << all_texts(status.error());
    ASSERT_TRUE(status->last_success.has_value());
    EXPECT_EQ(status->source, path("site"));
    const auto none = ask("restic", app::BackupCheck{CiId("web"), "other-host"});
    ASSERT_TRUE(none) << all_texts(none.error());
    EXPECT_FALSE(none->last_success.has_value());

    const auto proof = ask("restic", app::BackupProve{CiId("web"), "web1", status->point});
    ASSERT_TRUE(proof) << all_texts(proof.error());
    EXPECT_TRUE(proof->restored);
    EXPECT_EQ(proof->files, 2);
    EXPECT_EQ(proof->point, status->point);
    EXPECT_EQ(proof->host, "web1");
    EXPECT_EQ(proof->point_at, status->last_success);
    EXPECT_TRUE(proof->ci.empty()) << "nobody said what of it is the item";
    ASSERT_TRUE(proof->content_digest.has_value());
    const auto again = ask("restic", app::BackupProve{CiId("web"), "web1", status->point});
    EXPECT_EQ(again->content_digest, proof->content_digest);
    EXPECT_FALSE(ask("restic", app::BackupProve{CiId("web"), "web1", "no-such-point"}));

    // Of another machine the point is proven too; the gate compares whose it is.
    const auto asked_for =
        ask("restic", app::BackupProve{CiId("web"), "other-host", status->point});
    EXPECT_EQ(asked_for->host, "web1");

    write("secret", "wrong password\n");
    const auto refused = ask("restic", app::BackupCheck{CiId("web"), "web1"});
    ASSERT_FALSE(refused);
    EXPECT_THAT(all_texts(refused.error()), Not(HasSubstr("wrong password\n")));
}

} // namespace

} // namespace slipway::connectors
