// SPDX-License-Identifier: Apache-2.0
#include "runner/local_runner.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <rapidcheck.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/recorder.hpp"
#include "runner/transcript.hpp"

namespace slipway::runner {
namespace {

using namespace std::chrono_literals;
using domain::RunbookStep;
using domain::RunbookStepKind;
using domain::RunOutcome;
using domain::StepResult;
using testing::AnyOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

class Runner : public testing::Test {
  protected:
    void SetUp() override {
        char name[] = "/tmp/slipway-runner-XXXXXX";
        ASSERT_NE(::mkdtemp(name), nullptr);
        folder_ = name;
        context_.cwd = folder_;
    }

    void TearDown() override {
        // No script file is ever left behind.
        const auto scratch = folder_ / "scratch";
        EXPECT_TRUE(!std::filesystem::exists(scratch) || std::filesystem::is_empty(scratch));
        std::filesystem::remove_all(folder_);
    }

    RunbookStep step(const std::string& script) const {
        RunbookStep one;
        one.name = "one";
        one.interpreter = "sh";
        one.script = script;
        one.timeout = 20s;
        one.digest = sha256(script);
        return one;
    }

    StepResult run(const RunbookStep& one) {
        return LocalRunner(clock_, folder_ / "scratch", Confinement())
            .run_step(one, context_, sink_);
    }

    FixedClock clock_{*time_from_text("2026-11-22T20:00:00Z")};
    std::filesystem::path folder_;
    StepContext context_;
    Recorder sink_;
};

TEST_F(Runner, does_not_start_what_it_must_not) {
    auto manual = step("true");
    manual.kind = RunbookStepKind::manual;
    auto elsewhere = step("true");
    elsewhere.host = "${WHERE}";
    auto unknown = step("true");
    unknown.interpreter = "no-such-interpreter";
    auto path = step("true");
    path.interpreter = "../../bin/sh";
    for (const auto& one : {manual, elsewhere, unknown, path}) {
        const auto result = run(one);
        EXPECT_EQ(result.outcome, RunOutcome::not_started) << result.message;
        EXPECT_FALSE(result.message.empty());
    }
    context_.variables["WHERE"] = "web1";
    EXPECT_THAT(run(elsewhere).message, HasSubstr("web1"));
    context_.variables["WHERE"] = "localhost";
    EXPECT_EQ(run(elsewhere).outcome, RunOutcome::passed);

    context_.variables["A-B"] = "x";
    EXPECT_EQ(run(step("true")).outcome, RunOutcome::not_started);
    context_.variables = {{"A", std::string("x\0y", 3)}};
    EXPECT_EQ(run(step("true")).outcome, RunOutcome::not_started);
    context_.variables = {};
    context_.cwd = folder_ / "missing";
    EXPECT_EQ(run(step("true")).outcome, RunOutcome::not_started);
    EXPECT_TRUE(sink_.lines.empty());
}

TEST_F(Runner, tells_success_from_failure) {
    auto expecting = [&](const std::string& script, int status, const std::string& expect) {
        auto one = step(script);
        one.exit_status = status;
        one.expect = expect;
        return run(one);
    };
    EXPECT_EQ(expecting("true", 0, "").outcome, RunOutcome::passed);
    EXPECT_EQ(expecting("exit 3", 3, "").outcome, RunOutcome::passed);
    const auto failed = expecting("exit 3", 0, "");
    EXPECT_EQ(failed.outcome, RunOutcome::failed);
    EXPECT_EQ(failed.exit_status, 3);
    EXPECT_EQ(failed.message, "exit status 3, expected 0");
    EXPECT_EQ(expecting("echo v1.5", 0, "v1.5").outcome, RunOutcome::passed);
    EXPECT_EQ(expecting("echo v1.4", 0, "v1.5").outcome, RunOutcome::unexpected_output);
    EXPECT_EQ(expecting("echo a; echo b12", 0, "/^b\\d+$/").outcome, RunOutcome::passed);
    EXPECT_EQ(expecting("echo b", 0, "/^b\\d+$/").outcome, RunOutcome::unexpected_output);
    const auto signalled = expecting("kill -KILL $$", 0, "");
    EXPECT_EQ(signalled.outcome, RunOutcome::signalled);
    EXPECT_EQ(signalled.signal, SIGKILL);
    EXPECT_EQ(signalled.exit_status, -1);
}

// The machine's clock is set while a step runs: by a person, by NTP, by a virtual machine that
// wakes.
TEST_F(Runner, a_clock_that_jumps_changes_no_time_limit_and_no_order) {
    for (const Span jump : {Span(24h), Span(-24h)}) {
        sink_.on_line = [&](const std::string&) { clock_.advance(jump); };
        auto one = step("echo a; sleep 0.2; echo b");
        const auto result = run(one);
        EXPECT_EQ(result.outcome, RunOutcome::passed) << result.message;
        EXPECT_GE(result.ended, result.started);
        one = step("echo a; exec sleep 1000");
        one.timeout = 300ms;
        const auto begun = std::chrono::steady_clock::now();
        EXPECT_EQ(run(one).outcome, RunOutcome::timed_out);
        EXPECT_GE(std::chrono::steady_clock::now() - begun, 300ms);
        EXPECT_LT(std::chrono::steady_clock::now() - begun, 10s);
    }
}

TEST_F(Runner, writes_a_transcript_that_its_digest_covers) {
    const auto result = run(step("echo out; echo err >&2; printf 'no end'"));
    EXPECT_THAT(sink_.lines, ElementsAre("out", "err", "no end"));
    EXPECT_EQ(result.transcript, sha256(sink_.bytes));
    EXPECT_EQ(result.transcript_bytes, sink_.bytes.size());
    EXPECT_FALSE(result.transcript_truncated);
    EXPECT_TRUE(sink_.bytes.starts_with("2026-11-22T20:00:00.000Z out\n"));
    EXPECT_EQ(result.step_digest, step("echo out; echo err >&2; printf 'no end'").digest);
    EXPECT_EQ(result.started, clock_.now());
    EXPECT_EQ(result.ended, clock_.now());
}

TEST_F(Runner, gives_the_script_a_clean_place) {
    ::setenv("SLIPWAY_TEST_SECRET", "leaked", 1);
    const FileDescriptor leak(::dup(STDOUT_FILENO)); // without close-on-exec
    context_.variables = {{"RING", "staging"}, {"LANG", "C"}};
    run(step(fmt::format(
        "echo ring=$RING lang=$LANG; env; pwd; cat; test ! -e /proc/$$/fd/{} || echo leaked",
        leak.get()
    )));
    ::unsetenv("SLIPWAY_TEST_SECRET");
    EXPECT_THAT(sink_.lines, Contains("ring=staging lang=C"));
    EXPECT_THAT(sink_.lines, Contains(folder_.string()));
    EXPECT_THAT(sink_.bytes, testing::Not(HasSubstr("leaked")));
    for (const auto& line : sink_.lines)
        if (const auto end = line.find('='); end != std::string::npos) {
            EXPECT_THAT(
                (std::vector<std::string>{
                    "PATH", "HOME", "LANG", "TMPDIR", "RING", "PWD", "ring", "OLDPWD", "_", "SHLVL"}
                ),
                Contains(line.substr(0, end))
            );
        }
}

TEST_F(Runner, keeps_secrets_and_scripts_out_of_the_process_list) {
    context_.variables = {{"TOKEN", "s3cr3t"}};
    run(step("echo \"$TOKEN in-script\" >/dev/null; tr '\\0' ' ' </proc/$$/cmdline; echo;"
             "stat -c %a \"$0\"; stat -c %a \"$(dirname \"$0\")\""));
    ASSERT_EQ(sink_.lines.size(), 3);
    EXPECT_THAT(sink_.lines[0], testing::Not(HasSubstr("s3cr3t")));
    EXPECT_THAT(sink_.lines[0], testing::Not(HasSubstr("in-script")));
    EXPECT_EQ(sink_.lines[1], "600");
    EXPECT_EQ(sink_.lines[2], "700");
}

TEST_F(Runner, shows_no_secret) {
    context_.secrets = {{"TOKEN", "s3cr3t-v4lue"}};
    context_.masked = {"czNjcjN0LXY0bHVl"};
    auto one = step("printf 's3cr3t'; sleep 0.2; echo '-v4lue'; printf %s \"$TOKEN\" | base64; "
                    "printf s3cr3t-v4");
    one.expect = "s3cr3t-v4lue";
    const auto result = run(one);
    EXPECT_THAT(sink_.lines, ElementsAre("[secret]", "[secret]", "[secret]")) << sink_.bytes;
    EXPECT_EQ(result.transcript, sha256(sink_.bytes));
    EXPECT_EQ(result.message, "the output does not have \"[secret]\"");

    // It never names what is shown.
    one.host = "${TOKEN}";
    EXPECT_EQ(run(one).outcome, RunOutcome::not_started);

    context_.secrets = {{"PIN", "123"}};
    EXPECT_EQ(run(step("true")).outcome, RunOutcome::not_started);
}

TEST_F(Runner, knows_other_interpreters) {
    auto bash = step("a=(x y); echo ${a[1]}");
    bash.interpreter = "bash";
    EXPECT_TRUE(run(bash).passed());
    auto python = step("import sys\nprint('py'); sys.exit(4)");
    python.interpreter = "python3";
    python.exit_status = 4;
    EXPECT_TRUE(run(python).passed());
    EXPECT_THAT(sink_.lines, ElementsAre("y", "py"));
}

TEST_F(Runner, ends_the_whole_group_at_the_time_limit) {
    // Neither the shell nor its child goes on SIGTERM.
    auto one = step("trap '' TERM; sh -c 'trap \"\" TERM; echo $$; exec sleep 1000' & wait; wait");
    one.timeout = 300ms;
    const auto result = run(one);
    EXPECT_EQ(result.outcome, RunOutcome::timed_out);
    EXPECT_THAT(result.message, HasSubstr("300ms"));
    ASSERT_EQ(sink_.lines.size(), 1);
    EXPECT_TRUE(is_dead(sink_.lines[0]));
}

TEST_F(Runner, lets_a_script_clean_up_when_its_time_is_over) {
    auto one = step("trap 'echo cleaned; exit 0' TERM; while :; do sleep 0.01; done");
    one.timeout = 300ms;
    EXPECT_EQ(run(one).outcome, RunOutcome::timed_out);
    EXPECT_THAT(sink_.lines, Contains("cleaned"));
}

// All descriptors but `spare` that the process may have.
class FewDescriptors {
  public:
    explicit FewDescriptors(int spare) {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit few{std::min<rlim_t>(before_.rlim_cur, 256), before_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &few);
        for (int copy = ::dup(0); copy >= 0; copy = ::dup(0))
            taken_.push_back(copy);
        for (; spare > 0 && !taken_.empty(); --spare) {
            ::close(taken_.back());
            taken_.pop_back();
        }
    }

    ~FewDescriptors() {
        for (const int copy : taken_)
            ::close(copy);
        ::setrlimit(RLIMIT_NOFILE, &before_);
    }

  private:
    rlimit before_{};
    std::vector<int> taken_;
};

TEST_F(Runner, without_a_descriptor_to_stop_a_step_by_nothing_is_started) {
    for (int spare = 0; spare <= 8; ++spare) {
        std::stop_source source;
        context_.stop = source.get_token();
        sink_.on_line = [&](const std::string&) { source.request_stop(); };
        auto endless = step("echo started; exec sleep 3");
        endless.timeout = 2s;
        StepResult result;
        {
            const FewDescriptors few(spare);
            result = run(endless);
        }
        EXPECT_THAT(result.outcome, AnyOf(RunOutcome::not_started, RunOutcome::stopped))
            << "with " << spare << " descriptors: " << result.message;
    }
}

// A program of the test's own, and whether the system has begun to run it.
class WatchedProgram {
  public:
    WatchedProgram(const std::filesystem::path& original, const std::filesystem::path& folder)
        : path_(folder / original.filename()), opened_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
        std::filesystem::copy_file(original, path_);
        EXPECT_GE(::inotify_add_watch(opened_.get(), path_.c_str(), IN_OPEN), 0);
    }

    std::string path() const { return path_.string(); }

    // Since it was asked last.
    bool has_begun(int wait_ms) const {
        pollfd watched{opened_.get(), POLLIN, 0};
        std::array<char, 4096> events{};
        return ::poll(&watched, 1, wait_ms) == 1 &&
               ::read(opened_.get(), events.data(), events.size()) > 0;
    }

  private:
    std::filesystem::path path_;
    FileDescriptor opened_;
};

// A poll of more descriptors than a process may have fails. It was told as the end of the time.
TEST_F(Runner, a_failing_poll_was_told_as_a_time_limit) {
    rlimit usual{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &usual), 0);
    std::jthread until_its_end;
    sink_.on_line = [&](const std::string& line) {
        if (line == "second")
            return;
        FileDescriptor step(static_cast<int>(::syscall(SYS_pidfd_open, std::stoi(line), 0)));
        const rlimit none{1, usual.rlim_max};
        EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
        until_its_end = std::jthread([&usual, step = std::move(step)] {
            pollfd ended{step.get(), POLLIN, 0};
            EXPECT_EQ(::poll(&ended, 1, 10'000), 1);
            EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &usual), 0);
        });
    };
    const auto result = run(step("echo $$; sleep 0.2; echo second"));
    EXPECT_EQ(result.outcome, RunOutcome::passed) << result.message;
    EXPECT_THAT(sink_.lines, Contains("second"));
}

TEST_F(Runner, a_program_that_ran_was_told_as_not_started) {
    const WatchedProgram program("/bin/true", folder_);
    int refused = 0;
    for (int spare = 0; spare <= 16; ++spare) {
        bool started = false;
        {
            const FewDescriptors few(spare);
            started = Process::start({.arguments = {program.path()}, .environment = {}, .cwd = "/"})
                          .has_value();
        }
        EXPECT_EQ(program.has_begun(0), started) << "with " << spare << " descriptors";
        refused += started ? 0 : 1;
    }
    EXPECT_GT(refused, 0);
    EXPECT_LT(refused, 17);
}

TEST_F(Runner, stops_on_request) {
    std::stop_source source;
    context_.stop = source.get_token();
    sink_.on_line = [&](const std::string&) { source.request_stop(); };
    const auto begin = std::chrono::steady_clock::now();
    const auto result = run(step("echo $$; exec sleep 1000"));
    EXPECT_EQ(result.outcome, RunOutcome::stopped);
    EXPECT_EQ(result.signal, SIGTERM);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
    EXPECT_TRUE(is_dead(sink_.lines.at(0)));
    EXPECT_EQ(run(step("echo never")).outcome, RunOutcome::stopped);
    EXPECT_EQ(sink_.lines.size(), 1);
}

TEST_F(Runner, ends_what_a_step_leaves_running) {
    const auto result = run(step("sleep 1000 & echo $!"));
    EXPECT_EQ(result.outcome, RunOutcome::passed) << result.message;
    ASSERT_EQ(sink_.lines.size(), 1);
    EXPECT_TRUE(is_dead(sink_.lines[0]));
}

TEST_F(Runner, ends_what_writes_without_end) {
    // One goes on SIGTERM, the other only on SIGKILL; the step itself is done long before.
    auto one = step("yes & (trap '' TERM; while :; do echo more; done) & sleep 0.3; exit 0");
    const auto begin = std::chrono::steady_clock::now();
    const auto result = run(one);
    EXPECT_EQ(result.outcome, RunOutcome::passed) << result.message;
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
}

TEST_F(Runner, calls_nothing_passed_whose_end_nobody_knows) {
    // Whoever starts the server may have ignored SIGCHLD; then the system keeps no exit status.
    const auto before = std::signal(SIGCHLD, SIG_IGN);
    const auto good = run(step("true"));
    const auto bad = run(step("exit 3"));
    std::signal(SIGCHLD, before);
    for (const auto& result : {good, bad}) {
        EXPECT_EQ(result.outcome, RunOutcome::unknown);
        EXPECT_EQ(result.exit_status, -1);
        EXPECT_THAT(result.message, HasSubstr("does not say how"));
    }
}

// The pid that a script writes into the file, once it is there whole.
pid_t pid_in(const std::filesystem::path& file) {
    for (int i = 0; i < 1000; ++i) {
        std::ifstream in(file);
        pid_t pid = 0;
        if (in >> pid && in.get() == '\n')
            return pid;
        ::poll(nullptr, 0, 10); // nothing tells when a script has written
    }
    return 0;
}

TEST_F(Runner, leaves_nothing_running_when_the_server_is_killed) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1); // so that what is left behind is ours to wait for
    const auto file = folder_ / "pids";
    const pid_t server = ::fork();
    if (server == 0) {
        run(step("sleep 1000 & echo $! >" + file.string() + "; wait"));
        ::_exit(0);
    }
    const pid_t child = pid_in(file);
    ASSERT_GT(child, 0);
    ::kill(server, SIGKILL);
    ::waitpid(server, nullptr, 0);
    // The script, its child, and the guard, in the order in which they end.
    std::map<pid_t, int> ended;
    for (int status = 0; ended.size() < 3;) {
        const auto pid = ::waitpid(-1, &status, 0); // the test's time limit is the limit
        ASSERT_GT(pid, 0);
        ended[pid] = status;
    }
    ASSERT_TRUE(ended.contains(child));
    EXPECT_EQ(WTERMSIG(ended[child]), SIGKILL);
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
    std::filesystem::remove_all(folder_ / "scratch"); // nobody was left to do it
}

TEST_F(Runner, a_server_killed_while_a_program_began_left_it_running) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1); // so that what is left behind is ours to wait for
    const WatchedProgram program("/bin/sleep", folder_);
    int killed = 2;
    for (int i = 0; i < 5 && killed == 2; ++i) {
        const pid_t server = ::fork();
        if (server == 0) {
            const auto process =
                Process::start({.arguments = {program.path(), "20"}, .environment = {}, .cwd = "/"}
                );
            ::pause();
            ::_exit(0);
        }
        ASSERT_TRUE(program.has_begun(20'000));
        ::kill(server, SIGKILL);
        killed = 0; // the guard ends by itself
        for (int status = 0; ::waitpid(-1, &status, 0) > 0;)
            killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? 1 : 0;
    }
    EXPECT_EQ(killed, 2) << "the server and the program";
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST_F(Runner, limits_the_transcript_and_says_so) {
    auto one = step("yes 0123456789012345678901234567890123456789 | head -n 200000; echo last");
    one.expect = "last";
    const auto result = run(one);
    EXPECT_TRUE(result.transcript_truncated);
    EXPECT_LE(result.transcript_bytes, limits::transcript_max);
    EXPECT_THAT(sink_.lines.back(), HasSubstr("the transcript ends here"));
    EXPECT_EQ(result.transcript, sha256(sink_.bytes));
    // What was not kept was not seen, and is not called a success.
    EXPECT_EQ(result.outcome, RunOutcome::unexpected_output);
    EXPECT_EQ(result.exit_status, 0);
}

TEST_F(Runner, makes_output_safe) {
    run(step("printf 'a\\033[2Jb\\000c\\tok\\r\\n\\377x \\303\\244\\n'; "
             "head -c 5000 /dev/zero | tr '\\0' x; echo"));
    ASSERT_EQ(sink_.lines.size(), 3);
    EXPECT_EQ(sink_.lines[0], "a\\x1b[2Jb\\x00c\tok");
    EXPECT_EQ(sink_.lines[1], "\xef\xbf\xbdx \xc3\xa4");
    EXPECT_EQ(sink_.lines[2], std::string(limits::transcript_line_max, 'x') + " [line cut]");
}

TEST(Transcript, controls_beyond_ascii_are_shown_and_not_obeyed) {
    EXPECT_EQ(
        safe_text("a\xc2\x9b"
                  "2Jb"),
        "a\\u009b2Jb"
    );
    EXPECT_EQ(safe_text("\xc2\x80\xc2\x9f\xc2\xa0"), "\\u0080\\u009f\xc2\xa0");
    EXPECT_EQ(safe_text("rm \xe2\x80\xaetxt\xe2\x80\xac"), "rm \\u202etxt\\u202c");
    EXPECT_EQ(
        safe_text("\xe2\x81\xa6x\xe2\x81\xa9\xe2\x80\x8f\xd8\x9c"), "\\u2066x\\u2069\\u200f\\u061c"
    );
    EXPECT_EQ(safe_text("\xe2\x80\x93\xf0\x9f\x9a\xa2"), "\xe2\x80\x93\xf0\x9f\x9a\xa2");
}

TEST(Transcript, any_bytes_become_safe_lines) {
    EXPECT_TRUE(rc::check([](const std::vector<std::string>& pieces) {
        Recorder sink;
        Transcript transcript(sink);
        for (const auto& piece : pieces)
            transcript.take(piece, Time{});
        transcript.finish(Time{});
        RC_ASSERT(transcript.digest() == sha256(sink.bytes));
        for (const auto& line : sink.lines) {
            RC_ASSERT(is_valid_text(line));
            for (const unsigned char c : line)
                RC_ASSERT((c >= 0x20 && c != 0x7f) || c == '\t');
        }
    }));
}

} // namespace
} // namespace slipway::runner
