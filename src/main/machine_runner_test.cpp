// SPDX-License-Identifier: Apache-2.0
#include "main/machine_runner.hpp"

#include <filesystem>
#include <fstream>
#include <stdlib.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway {
namespace {

using namespace std::chrono_literals;
using domain::RunOutcome;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class MachineRunnerTest : public testing::Test {
  protected:
    void SetUp() override {
        char name[] = "/tmp/slipway-machine-XXXXXX";
        ASSERT_NE(::mkdtemp(name), nullptr);
        folder_ = name;
        for (const auto* made :
             {"secrets/test/edge", "secrets/production/edge", "programs/test/edge", "work"})
            std::filesystem::create_directories(folder_ / made);
        write("secrets/test/edge/token", "f1le-v4lue\n");
        write("secrets/production/edge/token", "never-read\n");
        write("secrets/token", "never-read\n");
        write("elsewhere", "never-read\n");
        for (const auto* program : {"programs/test/edge/vault", "programs/vault"}) {
            write(program, "#!/bin/sh\necho \"pr0gram-$1\"\n");
            std::filesystem::permissions(folder_ / program, std::filesystem::perms::owner_all);
        }
        // Nobody listens at port 1, and no name is looked up.
        write("ssh_config", "Host *\n  HostName 127.0.0.1\n  Port 1\n");
        ::setenv("SLIPWAY_SECRET_TEST_EDGE__MACHINE", "env-v4lue", 1);
    }

    void TearDown() override {
        ::unsetenv("SLIPWAY_SECRET_TEST_EDGE__MACHINE");
        std::filesystem::remove_all(folder_);
    }

    void write(const std::string& name, const std::string& text) const {
        std::ofstream(folder_ / name) << text;
    }

    MachineRunner runner() {
        MachineRunnerOptions options{folder_ / "scratch", folder_ / "work", {}, {}};
        options.secrets.secret_folders = {(folder_ / "secrets").string()};
        options.secrets.program_folders = {(folder_ / "programs").string()};
        options.ssh.config_file = folder_ / "ssh_config";
        return MachineRunner(clock_, random_, std::move(options));
    }

    app::RingSetting setting() const { return {domain::RingKind::test, "edge", variables_}; }

    std::string path(const std::string& name) const { return (folder_ / name).string(); }

    domain::StepResult
    run(const std::string& script, const std::string& host = {}, std::stop_token stop = {}) {
        domain::RunbookStep step;
        step.name = "one";
        step.interpreter = "sh";
        step.host = host;
        step.script = script;
        step.timeout = 30s;
        return runner().run_step(
            step, setting(), std::move(stop),
            [&](const domain::TranscriptLine& line) { lines_.push_back(line.text); }
        );
    }

    std::filesystem::path folder_;
    FixedClock clock_{*time_from_text("2026-11-22T20:00:00Z")};
    SystemRandom random_;
    domain::Variables variables_;
    std::vector<std::string> lines_;
};

TEST_F(MachineRunnerTest, runs_nothing_without_its_secrets) {
    for (const auto& reference :
         {"secret:hunter2", "secret:", "secret:file:/etc/passwd", "secret:env:PATH",
          "secret:env:SLIPWAY_SECRET_TEST_EDGE__NOT_THERE", "secret:command:/bin/echo x"}) {
        variables_["TOKEN"] = reference;
        const auto result = run("echo never");
        EXPECT_EQ(result.outcome, RunOutcome::not_started) << reference;
        EXPECT_THAT(result.message, HasSubstr("the secret TOKEN is not to be had")) << reference;
    }
    variables_["TOKEN"] = "secret:file:" + (folder_ / "elsewhere").string();
    EXPECT_EQ(run("echo never").outcome, RunOutcome::not_started);
    EXPECT_TRUE(lines_.empty());
}

// A test ring's script is approved by nobody: it could print what it is given.
TEST_F(MachineRunnerTest, gives_a_ring_no_secret_of_another_one) {
    ::setenv("SLIPWAY_SECRET_PRODUCTION_EDGE__KEY", "never-read", 1);
    ::setenv("SLIPWAY_SECRET_MAIL", "never-read", 1);
    for (const auto& reference :
         {"file:" + path("secrets/production/edge/token"), "file:" + path("secrets/token"),
          "file:" + path("secrets/test/edge/../../token"), "command:" + path("programs/vault"),
          std::string("env:SLIPWAY_SECRET_PRODUCTION_EDGE__KEY"),
          std::string("env:SLIPWAY_SECRET_MAIL")}) {
        variables_ = {{"TOKEN", "secret:" + reference}};
        const auto result = run("echo $TOKEN | rev");
        EXPECT_EQ(result.outcome, RunOutcome::not_started) << reference;
        EXPECT_THAT(result.message, HasSubstr("the secret TOKEN is not to be had")) << reference;
        // Nor one that the smoke list names by itself.
        variables_.clear();
        domain::SmokeCheck check;
        check.name = "orders";
        check.kind = domain::SmokeKind::sql;
        check.timeout = 10s;
        check.sql = domain::SqlDemands{reference, "select 1", "== 1"};
        EXPECT_EQ(runner().run_check(check, setting(), {}).outcome, RunOutcome::not_started)
            << reference;
    }
    EXPECT_TRUE(lines_.empty());
    ::unsetenv("SLIPWAY_SECRET_PRODUCTION_EDGE__KEY");
    ::unsetenv("SLIPWAY_SECRET_MAIL");
}

TEST_F(MachineRunnerTest, resolves_secrets_and_shows_none) {
    variables_ = {
        {"PLAIN", "plain"},
        {"A", "secret:file:" + (folder_ / "secrets/test/edge/token").string()},
        {"B", "secret:env:SLIPWAY_SECRET_TEST_EDGE__MACHINE"},
        {"C", "secret:command:" + (folder_ / "programs/test/edge/vault").string() + " key"}};
    const auto result = run("echo $PLAIN $A $B $C; printf %s $A | base64; test $A = f1le-v4lue && "
                            "test $B = env-v4lue && test $C = pr0gram-key");
    EXPECT_EQ(result.outcome, RunOutcome::passed) << result.message;
    EXPECT_THAT(lines_, ElementsAre("plain [secret] [secret] [secret]", "[secret]"));
}

TEST_F(MachineRunnerTest, a_stop_does_not_wait_for_a_slow_vault) {
    write("programs/test/edge/vault", "#!/bin/sh\nexec sleep 1000\n");
    variables_ = {{"TOKEN", "secret:command:" + path("programs/test/edge/vault")}};
    std::stop_source stop;
    stop.request_stop();
    const auto result = run("echo never", {}, stop.get_token());
    EXPECT_EQ(result.outcome, RunOutcome::stopped);
    EXPECT_EQ(result.message, "stopped before it began");
    EXPECT_TRUE(lines_.empty());
}

TEST_F(MachineRunnerTest, sends_a_step_to_its_host) {
    variables_ = {{"HERE", "localhost"}, {"THERE", "web1"}};
    EXPECT_EQ(run("true", "${HERE}").outcome, RunOutcome::passed);
    const auto there = run("true", "${THERE}");
    EXPECT_EQ(there.outcome, RunOutcome::not_started);
    EXPECT_THAT(there.message, HasSubstr("could not connect to web1"));
    EXPECT_THAT(run("true", "${NOWHERE}").message, HasSubstr("${NOWHERE}"));
    EXPECT_THAT(run("true", "-l").message, HasSubstr("not the name of a host"));

    domain::SmokeCheck check;
    check.name = "age";
    check.kind = domain::SmokeKind::command;
    check.script = "true";
    check.host = "${THERE}";
    EXPECT_THAT(
        runner().run_check(check, setting(), {}).message, HasSubstr("could not connect to web1")
    );
    check.kind = domain::SmokeKind::job;
    check.job = domain::JobDemands{"", "", 1h};
    EXPECT_THAT(
        runner().run_check(check, setting(), {}).message, HasSubstr("could not connect to web1")
    );
    check.kind = domain::SmokeKind::command;
    check.job.reset();
    check.host = "${HERE}";
    EXPECT_EQ(runner().run_check(check, setting(), {}).outcome, RunOutcome::passed);
}

TEST_F(MachineRunnerTest, resolves_secrets_at_each_try_of_a_check) {
    // The vault gives another token each time, and only the second one is good.
    write(
        "programs/test/edge/vault", "#!/bin/sh\necho x >>" + (folder_ / "asked").string() +
                                        "\necho \"token-$(wc -l <" + (folder_ / "asked").string() +
                                        ")\"\n"
    );
    variables_ = {{"TOKEN", "secret:command:" + (folder_ / "programs/test/edge/vault").string()}};
    domain::SmokeCheck check;
    check.name = "age";
    check.kind = domain::SmokeKind::command;
    check.script = "echo $TOKEN; test $TOKEN = token-2";
    check.timeout = 20s;
    check.patience = domain::SmokePatience{5, 1ms, {}};
    const auto result = runner().run_check(check, setting(), {});
    EXPECT_EQ(result.outcome, RunOutcome::passed) << result.message;
    EXPECT_EQ(result.tries, 2);
    check.expect_body = "token-3";
    check.script = "echo $TOKEN";
    check.patience.reset();
    EXPECT_EQ(
        runner().run_check(check, setting(), {}).message, "the output does not have \"[secret]\""
    );
}

TEST_F(MachineRunnerTest, resolves_the_connection_of_a_database) {
    write("secrets/test/edge/orders", "host=/nowhere user=x password=s3cr3t");
    const auto reference = "file:" + (folder_ / "secrets/test/edge/orders").string();
    domain::SmokeCheck check;
    check.name = "orders";
    check.kind = domain::SmokeKind::sql;
    check.timeout = 10s;
    check.sql = domain::SqlDemands{"file:" + (folder_ / "elsewhere").string(), "select 1", "== 1"};
    EXPECT_EQ(runner().run_check(check, setting(), {}).outcome, RunOutcome::not_started);
    variables_ = {{"PLAIN", reference}, {"SECRET", "secret:" + reference}};
    for (const auto& database : {reference, std::string("${PLAIN}"), std::string("${SECRET}")}) {
        check.sql->database = database;
        const auto result = runner().run_check(check, setting(), {});
        EXPECT_EQ(result.outcome, RunOutcome::failed) << database << ": " << result.message;
        EXPECT_THAT(result.message, Not(HasSubstr("s3cr3t")));
    }
}

TEST_F(MachineRunnerTest, a_check_asks_only_for_the_secrets_that_it_names) {
    domain::SmokeCheck check;
    check.name = "page";
    check.kind = domain::SmokeKind::http;
    check.url = "http://127.0.0.1:1/";
    check.expect_status = 200;
    check.timeout = 10s;
    variables_ = {{"TOKEN", "secret:env:SLIPWAY_SECRET_TEST_EDGE__NOT_THERE"}};
    EXPECT_EQ(runner().run_check(check, setting(), {}).outcome, RunOutcome::failed);
    check.url += "?token=${TOKEN}";
    EXPECT_EQ(runner().run_check(check, setting(), {}).outcome, RunOutcome::not_started);
    variables_["TOKEN"] = "secret:env:SLIPWAY_SECRET_TEST_EDGE__MACHINE";
    const auto called = runner().run_check(check, setting(), {});
    EXPECT_EQ(called.outcome, RunOutcome::failed);
    EXPECT_THAT(called.message, Not(HasSubstr("env-v4lue")));
}

TEST_F(MachineRunnerTest, a_login_asks_for_the_secrets_of_who_signs_in) {
    domain::SmokeCheck check;
    check.name = "login";
    check.kind = domain::SmokeKind::sso;
    check.url = "http://127.0.0.1:1";
    check.timeout = 10s;
    check.sso = domain::SsoDemands{"site",
                                   "",
                                   "",
                                   "${SMOKE_USER}",
                                   "env:SLIPWAY_SECRET_TEST_EDGE__MACHINE",
                                   domain::SsoGrant::direct,
                                   ""};
    variables_ = {{"SMOKE_USER", "secret:env:SLIPWAY_SECRET_TEST_EDGE__NOT_THERE"}};
    auto result = runner().run_check(check, setting(), {});
    EXPECT_EQ(result.outcome, RunOutcome::not_started);
    EXPECT_THAT(result.message, HasSubstr("the secret SMOKE_USER is not to be had"));
    variables_ = {{"SMOKE_USER", "secret:env:SLIPWAY_SECRET_TEST_EDGE__MACHINE"}};
    result = runner().run_check(check, setting(), {});
    EXPECT_EQ(result.outcome, RunOutcome::failed) << result.message; // nobody listens there
    EXPECT_THAT(result.message, Not(HasSubstr("env-v4lue")));
    check.sso->password = "file:/etc/passwd";
    result = runner().run_check(check, setting(), {});
    EXPECT_EQ(result.outcome, RunOutcome::not_started);
    EXPECT_THAT(result.message, HasSubstr("password: "));
}

} // namespace
} // namespace slipway
