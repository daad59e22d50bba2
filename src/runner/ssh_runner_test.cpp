// SPDX-License-Identifier: Apache-2.0
#include "runner/ssh_runner.hpp"

#include <csignal>
#include <fstream>
#include <iterator>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/loopback_sshd.hpp"
#include "runner/recorder.hpp"
#include "runner/smoke_runner.hpp"

namespace slipway::runner {
namespace {

using namespace std::chrono_literals;
using domain::RunbookStep;
using domain::RunbookStepKind;
using domain::RunOutcome;
using domain::SmokeCheck;
using domain::SmokeKind;
using domain::StepResult;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class Ssh : public testing::Test {
  protected:
    static void SetUpTestSuite() { sshd_ = std::make_unique<LoopbackSshd>(); }

    static void TearDownTestSuite() { sshd_.reset(); }

    void SetUp() override {
        context_.cwd = sshd_->folder();
        options_.config_file = sshd_->config();
    }

    static RunbookStep step(const std::string& script, const std::string& host = "web1") {
        RunbookStep one;
        one.name = "one";
        one.interpreter = "sh";
        one.host = host;
        one.script = script;
        one.timeout = 60s;
        one.digest = sha256(script);
        return one;
    }

    StepResult run(const RunbookStep& one) {
        return SshRunner(clock_, random_, options_).run_step(one, context_, sink_);
    }

    static inline std::unique_ptr<LoopbackSshd> sshd_;
    FixedClock clock_{*time_from_text("2026-11-22T20:00:00Z")};
    SystemRandom random_;
    SshOptions options_;
    StepContext context_;
    Recorder sink_;
};

TEST_F(Ssh, lets_no_host_be_an_option_or_a_command) {
    const auto proof = (sshd_->folder() / "proof").string();
    for (const auto& host :
         {"-oProxyCommand=touch " + proof, std::string("-oPermitLocalCommand=yes"),
          std::string("-"), std::string("web1 web2"), "web1;touch " + proof,
          "$(touch " + proof + ")", std::string("web1\nweb2"), std::string("x@-oProxyCommand=y"),
          std::string("-x@web1"), std::string("a@b@c"), std::string("@web1"), std::string("web1@"),
          std::string(256, 'a')}) {
        context_.variables["HOST"] = host;
        const auto result = run(step("touch " + proof, "${HOST}"));
        EXPECT_EQ(result.outcome, RunOutcome::not_started) << host;
        EXPECT_THAT(result.message, HasSubstr("host: ")) << host;
        EXPECT_FALSE(std::filesystem::exists(proof)) << host;
    }
}

TEST_F(Ssh, does_not_start_what_it_must_not) {
    auto manual = step("true");
    manual.kind = RunbookStepKind::manual;
    auto odd = step("true");
    odd.interpreter = "sh -x";
    auto unknown = step("true");
    unknown.interpreter = "no-such-interpreter";
    for (const auto& one : {manual, odd, unknown, step("true", ""), step("true", "${NO}")}) {
        const auto result = run(one);
        EXPECT_EQ(result.outcome, RunOutcome::not_started);
        EXPECT_FALSE(result.message.empty());
    }
    EXPECT_EQ(run(unknown).message, "the interpreter is not installed on web1");
    context_.secrets = {{"HOST", "web1"}};
    EXPECT_EQ(run(step("true", "${HOST}")).outcome, RunOutcome::not_started);
    context_.secrets = {};
    context_.variables = {{"A-B", "x"}};
    EXPECT_EQ(run(step("true")).outcome, RunOutcome::not_started);
    EXPECT_TRUE(sink_.lines.empty());
}

TEST_F(Ssh, refuses_a_host_that_is_not_the_one_it_knows) {
    const auto proof = (sshd_->folder() / "proof").string();
    for (const auto* host : {"stranger", "unknown"}) {
        const auto result = run(step("touch " + proof, host));
        EXPECT_EQ(result.outcome, RunOutcome::not_started) << host;
        EXPECT_THAT(result.message, StartsWith("Host key verification failed")) << host;
        EXPECT_THAT(result.message, HasSubstr(host));
        // How to throw the known key away is not the first thing to read.
        EXPECT_THAT(result.message, Not(HasSubstr("ssh-keygen"))) << host;
        EXPECT_FALSE(std::filesystem::exists(proof));
    }
    EXPECT_THAT(run(step("true", "stranger")).message, HasSubstr("has changed"));
    EXPECT_THAT(
        sink_.bytes, HasSubstr("ssh: @    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED")
    );
    const auto locked = run(step("touch " + proof, "locked"));
    EXPECT_EQ(locked.outcome, RunOutcome::not_started);
    EXPECT_THAT(locked.message, HasSubstr("Permission denied"));
}

TEST_F(Ssh, says_that_a_host_cannot_be_reached) {
    for (const auto* host : {"nobody", "cut-off"}) {
        const auto result = run(step("true", host));
        EXPECT_EQ(result.outcome, RunOutcome::not_started) << host;
        EXPECT_EQ(result.exit_status, -1);
        EXPECT_THAT(result.message, HasSubstr("could not connect to ")) << host;
    }
    EXPECT_THAT(run(step("true", "nobody")).message, HasSubstr("Connection refused"));
    EXPECT_THAT(run(step("true", "cut-off")).message, HasSubstr("Connection refused"));
    EXPECT_THAT(sink_.bytes, HasSubstr("ssh: ssh: connect to host 127.0.0.1"));
}

TEST_F(Ssh, does_not_wait_for_ever_for_a_host_that_never_answers) {
    options_.connect_limit = 1s;
    const auto silent = run(step("true", "silent"));
    EXPECT_EQ(silent.outcome, RunOutcome::not_started);
    EXPECT_THAT(silent.message, HasSubstr("silent"));
    std::thread greeting([&] { sshd_->mute().greet_next(); });
    const auto mute = run(step("true", "mute"));
    greeting.join();
    EXPECT_EQ(mute.outcome, RunOutcome::not_started);
    EXPECT_THAT(mute.message, HasSubstr("mute"));
}

TEST_F(Ssh, tells_success_from_failure) {
    const auto good = run(step("echo out; echo err >&2; cat; printf 'no end'"));
    EXPECT_EQ(good.outcome, RunOutcome::passed) << good.message;
    EXPECT_THAT(sink_.lines, ElementsAre("out", "err", "no end"));
    EXPECT_EQ(good.transcript, sha256(sink_.bytes));
    const auto failed = run(step("exit 3"));
    EXPECT_EQ(failed.outcome, RunOutcome::failed);
    EXPECT_EQ(failed.exit_status, 3);
    EXPECT_EQ(failed.message, "exit status 3, expected 0");
    auto as_ssh_does = step("exit 255");
    EXPECT_EQ(run(as_ssh_does).exit_status, 255);
    as_ssh_does.exit_status = 255;
    EXPECT_EQ(run(as_ssh_does).outcome, RunOutcome::passed);
    auto unexpected = step("echo v1.4");
    unexpected.expect = "v1.5";
    EXPECT_EQ(run(unexpected).outcome, RunOutcome::unexpected_output);
}

TEST_F(Ssh, reaches_several_hosts_also_by_a_jump) {
    for (const auto* host : {"web1", "web2", "inner"}) {
        const auto result = run(step("echo \"$SSH_CONNECTION\"", host));
        EXPECT_EQ(result.outcome, RunOutcome::passed) << host << ": " << result.message;
    }
    EXPECT_THAT(sink_.lines, testing::SizeIs(3));
    EXPECT_THAT(sink_.lines, Each(HasSubstr("127.0.0.1")));
}

TEST_F(Ssh, knows_other_interpreters_and_gives_the_variables) {
    context_.variables = {{"TEXT", "it's \"two\"\nlines $HOME `x` \\n"}};
    auto bash = step("a=(x y); echo ${a[1]}; echo \"$TEXT\"");
    bash.interpreter = "bash";
    EXPECT_TRUE(run(bash).passed());
    auto python = step("import sys\nprint('py', sys.argv[1:]); sys.exit(4)");
    python.interpreter = "python3";
    python.exit_status = 4;
    EXPECT_TRUE(run(python).passed());
    EXPECT_THAT(sink_.lines, ElementsAre("y", "it's \"two\"", "lines $HOME `x` \\n", "py []"));
}

TEST_F(Ssh, runs_a_long_script_as_it_is) {
    std::string script;
    for (int i = 0; i < 5000; ++i)
        script += ": 'a line \\ with $nothing special'\n";
    const auto result = run(step(script + "\n\ncat <<'SLIPWAY_END'\n\\x $y\nSLIPWAY_END\n"));
    EXPECT_EQ(result.outcome, RunOutcome::passed) << result.message;
    EXPECT_THAT(sink_.lines, ElementsAre("\\x $y"));
}

TEST_F(Ssh, shows_lines_as_they_come) {
    // The script goes on only when its first line has been seen here.
    const auto seen = (sshd_->folder() / "seen").string();
    sink_.on_line = [&](const std::string&) { std::ofstream(seen) << "yes"; };
    const auto result =
        run(step("echo first; until [ -e " + seen + " ]; do sleep 0.05; done; echo second"));
    EXPECT_EQ(result.outcome, RunOutcome::passed) << result.message;
    EXPECT_THAT(sink_.lines, ElementsAre("first", "second"));
}

TEST_F(Ssh, makes_output_safe) {
    run(step("printf 'a\\033[2Jb\\000c\\n\\377x\\n'"));
    EXPECT_THAT(sink_.lines, ElementsAre("a\\x1b[2Jb\\x00c", "\xef\xbf\xbdx"));
}

TEST_F(Ssh, ends_the_far_group_at_the_time_limit) {
    auto one = step("trap '' TERM; sh -c 'trap \"\" TERM; echo $$; exec sleep 1000' & wait; wait");
    one.timeout = 8s; // time to connect is within it
    const auto result = run(one);
    EXPECT_EQ(result.outcome, RunOutcome::timed_out) << result.message;
    EXPECT_THAT(result.message, Not(HasSubstr("may still be running")));
    ASSERT_EQ(sink_.lines.size(), 1) << sink_.bytes;
    EXPECT_TRUE(is_dead(sink_.lines[0]));
}

TEST_F(Ssh, stops_on_request_and_lets_a_script_clean_up) {
    std::stop_source source;
    context_.stop = source.get_token();
    sink_.on_line = [&](const std::string&) { source.request_stop(); };
    const auto result =
        run(step("trap 'echo cleaned; exit 0' TERM; echo $$; while :; do sleep 0.01; done"));
    EXPECT_EQ(result.outcome, RunOutcome::stopped);
    EXPECT_TRUE(is_dead(sink_.lines.at(0)));
    EXPECT_THAT(sink_.lines, Contains("cleaned"));
    EXPECT_EQ(run(step("echo never")).outcome, RunOutcome::stopped);
    EXPECT_THAT(sink_.lines, Not(Contains("never")));
}

TEST_F(Ssh, ends_what_a_step_leaves_running) {
    const auto result = run(step("sleep 1000 & echo $!"));
    EXPECT_EQ(result.outcome, RunOutcome::passed) << result.message;
    ASSERT_EQ(sink_.lines.size(), 1);
    EXPECT_TRUE(is_dead(sink_.lines[0]));
}

TEST_F(Ssh, tells_that_the_connection_was_lost) {
    // The script tells its own number and that of the sshd that serves the connection.
    sink_.on_line = [&](const std::string& line) {
        if (line.starts_with("sshd "))
            ::kill(std::stoi(line.substr(5)), SIGKILL);
    };
    const auto result = run(
        step("echo $$; echo \"sshd $(cut -d ' ' -f 4 /proc/$PPID/stat)\"; trap '' TERM; sleep 1000")
    );
    EXPECT_EQ(result.outcome, RunOutcome::unknown);
    EXPECT_EQ(result.exit_status, -1);
    EXPECT_THAT(result.message, HasSubstr("the connection to web1 was lost"));
    EXPECT_THAT(result.message, HasSubstr("unknown"));
    ASSERT_GE(sink_.lines.size(), 2);
    EXPECT_TRUE(is_dead(sink_.lines[0]));
}

// The connection dies, then it is to stop, and ssh gives up by itself before it is killed. This was
// told as a step that was stopped, and another try ran beside it.
TEST_F(Ssh, what_a_dead_connection_leaves_running_is_not_called_ended) {
    options_.alive_interval = 1s;
    options_.alive_count = 2;
    std::stop_source source;
    context_.stop = source.get_token();
    pid_t sshd = 0;
    sink_.on_line = [&](const std::string& line) {
        if (!line.starts_with("sshd "))
            return;
        sshd = std::stoi(line.substr(5));
        ::kill(sshd, SIGSTOP);
        source.request_stop();
    };
    const auto result = run(
        step("echo $$; echo \"sshd $(cut -d ' ' -f 4 /proc/$PPID/stat)\"; trap '' TERM; sleep 1000")
    );
    ASSERT_GT(sshd, 0) << result.message;
    ::kill(sshd, SIGCONT);
    EXPECT_EQ(result.outcome, RunOutcome::unknown);
    EXPECT_EQ(
        result.message,
        "stopped on request, and web1 did not say that it ended, so it may still be "
        "running there"
    );
    EXPECT_TRUE(is_dead(sink_.lines.at(0))) << "it is ended once sshd sees that nobody is there";
}

// As with sudo, whose processes get no signal of ours: the script's end was called the step's.
TEST_F(Ssh, what_the_far_side_cannot_end_is_not_called_ended) {
    std::stop_source source;
    sink_.on_line = [&](const std::string&) { source.request_stop(); };
    for (const auto* trap : {"", "trap '' TERM; "}) {
        sink_.lines.clear();
        source = {};
        context_.stop = source.get_token();
        const auto result =
            run(step(std::string(trap) + "setsid sh -c 'echo $$; exec sleep 60' & wait; wait"));
        ASSERT_EQ(sink_.lines.size(), 1) << result.message;
        EXPECT_EQ(::kill(std::stoi(sink_.lines[0]), SIGKILL), 0) << "it is there";
        EXPECT_EQ(result.outcome, RunOutcome::unknown) << trap;
        EXPECT_EQ(
            result.message, "stopped on request, and something on web1 still holds its output, so "
                            "it may still be running there"
        );
    }
}

// Whether the command line of any process that we may look at holds the text.
bool in_a_command_line(const std::string& text) {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
        std::ifstream in(entry.path() / "cmdline", std::ios::binary);
        const std::string line{std::istreambuf_iterator<char>(in), {}};
        if (line.find(text) != std::string::npos)
            return true;
    }
    return false;
}

TEST_F(Ssh, shows_no_secret_anywhere) {
    context_.secrets = {{"TOKEN", "s3cr3t-v4lue"}};
    context_.variables = {{"PLAIN", "pl41n-v4lue"}};
    bool seen = false;
    sink_.on_line = [&](const std::string&) {
        for (const auto* text : {"s3cr3t-v4lue", "pl41n-v4lue", "in-the-script"})
            seen = seen || in_a_command_line(text);
    };
    auto one = step(": in-the-script; printf s3cr3t; sleep 0.2; echo '-v4lue'; echo \"$TOKEN\"; "
                    "echo \"$PLAIN\"");
    one.expect = "s3cr3t-v4lue";
    const auto result = run(one);
    EXPECT_THAT(sink_.lines, ElementsAre("[secret]", "[secret]", "pl41n-v4lue"));
    EXPECT_EQ(result.message, "the output does not have \"[secret]\"");
    EXPECT_FALSE(seen);
}

TEST_F(Ssh, makes_smoke_checks_that_are_commands) {
    SmokeCheck check;
    check.name = "age";
    check.kind = SmokeKind::command;
    check.host = "${HOST}";
    check.script = "echo \"age $AGE\"; exit 2";
    check.expect_status = 2;
    check.expect_body = "age 5";
    check.timeout = 60s;
    context_.variables = {{"AGE", "5"}, {"HOST", "web2"}};
    const SshRunner runner(clock_, random_, options_);
    const SmokeRunner smoke(
        clock_,
        [&](const auto& step, const auto& context, auto& sink) {
            return runner.run_step(step, context, sink);
        },
        {}
    );
    const auto contexts = [this] { return Result<StepContext>(context_); };
    const auto result = smoke.run(check, contexts, {});
    EXPECT_EQ(result.outcome, RunOutcome::passed) << result.message;
    EXPECT_EQ(result.status, 2);
    check.kind = SmokeKind::job;
    check.job = domain::JobDemands{"", "", 1h};
    check.expect_status = 0;
    check.expect_body.clear();
    check.script = "test -n \"$SSH_CONNECTION\" && echo 2026-11-22T19:30:00Z";
    const auto fired = smoke.run(check, contexts, {});
    EXPECT_EQ(fired.outcome, RunOutcome::passed) << fired.message;
}

} // namespace
} // namespace slipway::runner
