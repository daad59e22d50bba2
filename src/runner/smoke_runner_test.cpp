// SPDX-License-Identifier: Apache-2.0
// How often a check is tried, what it is given, and how each kind gets through the runner's door.
#include "runner/smoke_runner.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "runner/check.hpp"
#include "runner/local_runner.hpp"
#include "runner/loopback_server.hpp"

namespace slipway::runner {
namespace {

using namespace std::chrono_literals;
using domain::RunOutcome;
using domain::SmokeCheck;
using domain::SmokeKind;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// Lets no time go by, and may do something meanwhile.
class QuickPause final : public Pause {
  public:
    bool wait(Span span, const std::stop_token& stop) const override {
        waited.push_back(span);
        if (meanwhile)
            meanwhile();
        return !stop.stop_requested();
    }

    mutable std::vector<Span> waited;
    std::function<void()> meanwhile;
};

class SmokeRun : public testing::Test {
  protected:
    void SetUp() override {
        char name[] = "/tmp/slipway-smoke-XXXXXX";
        ASSERT_NE(::mkdtemp(name), nullptr);
        folder_ = name;
        context_.cwd = folder_;
    }

    void TearDown() override { std::filesystem::remove_all(folder_); }

    // Passes at the try with this number; each try leaves a letter in a file.
    SmokeCheck passing_at(int number) const {
        SmokeCheck check;
        check.name = "slow-start";
        check.kind = SmokeKind::command;
        check.script = "printf x >>tries; test \"$(wc -c <tries)\" -ge " + std::to_string(number);
        check.timeout = 20s;
        return check;
    }

    domain::CheckResult run(const SmokeCheck& check) {
        const LocalRunner local(clock_, folder_ / "scratch", Confinement());
        const SmokeRunner runner(
            clock_,
            [&](const auto& step, const auto& context, auto& sink) {
                return local.run_step(step, context, sink);
            },
            [this](std::string_view reference) { return resolve(reference); }, pause_
        );
        return runner.run(
            check, [this] { return make_context(); }, stop_.get_token()
        );
    }

    Result<StepContext> make_context() {
        ++contexts_;
        if (contexts_ > contexts_max_)
            return fail(ErrorCode::unavailable, "the vault is closed");
        return context_;
    }

    Result<NamedSecret> resolve(std::string_view reference) {
        asked_for_ = reference;
        return fail(ErrorCode::invalid_input, "there is no such secret");
    }

    FixedClock clock_{*time_from_text("2026-11-22T20:00:00Z")};
    std::filesystem::path folder_;
    StepContext context_;
    std::stop_source stop_;
    int contexts_ = 0;
    int contexts_max_ = 1000;
    QuickPause pause_;
    std::string asked_for_;
};

SmokeCheck http(const std::string& url) {
    SmokeCheck check;
    check.name = "page";
    check.kind = SmokeKind::http;
    check.url = url;
    check.expect_status = 200;
    check.timeout = 10s;
    return check;
}

TEST_F(SmokeRun, tries_once_when_nothing_else_is_said) {
    const auto result = run(passing_at(2));
    EXPECT_EQ(result.outcome, RunOutcome::failed);
    EXPECT_EQ(result.tries, 1);
    EXPECT_EQ(result.message, "exit status 1, expected 0");
    EXPECT_TRUE(pause_.waited.empty());
}

TEST_F(SmokeRun, gives_up_after_its_retries) {
    auto check = passing_at(4);
    check.patience = domain::SmokePatience{2, 7s, {}};
    const auto result = run(check);
    EXPECT_EQ(result.outcome, RunOutcome::failed);
    EXPECT_EQ(result.tries, 3);
    EXPECT_EQ(result.message, "exit status 1, expected 0; tried 3 times");
    EXPECT_THAT(pause_.waited, ElementsAre(7s, 7s));
}

TEST_F(SmokeRun, ends_with_the_first_try_that_passes) {
    auto check = passing_at(3);
    check.patience = domain::SmokePatience{limits::smoke_retries_max, 1s, 30s};
    const auto result = run(check);
    EXPECT_EQ(result.outcome, RunOutcome::passed) << result.message;
    EXPECT_EQ(result.tries, 3);
    EXPECT_EQ(result.message, "exit status 0; so at try 3 of 31");
    EXPECT_THAT(pause_.waited, ElementsAre(30s, 1s, 1s));
}

// Only its last try was counted: a check of half an hour had taken 4 ms, and abort-by came as much
// too late.
TEST_F(SmokeRun, takes_as_long_as_its_settling_its_tries_and_its_pauses) {
    auto check = passing_at(3);
    check.patience = domain::SmokePatience{5, 3s, 6s};
    pause_.meanwhile = [&] { clock_.advance(pause_.waited.back()); };
    const auto result = run(check);
    EXPECT_TRUE(result.passed()) << result.message;
    EXPECT_EQ(result.ended - result.started, 12s);
}

TEST_F(SmokeRun, stops_before_the_first_try_and_between_two) {
    auto check = passing_at(9);
    check.patience = domain::SmokePatience{9, 1s, {}};
    pause_.meanwhile = [&] {
        if (pause_.waited.size() == 2)
            stop_.request_stop();
    };
    auto result = run(check);
    EXPECT_EQ(result.outcome, RunOutcome::stopped);
    EXPECT_EQ(result.tries, 2);
    EXPECT_THAT(result.message, HasSubstr("between two tries"));
    check.patience = domain::SmokePatience{9, 1s, 30s};
    result = run(check);
    EXPECT_EQ(result.outcome, RunOutcome::stopped);
    EXPECT_EQ(result.tries, 0);
    EXPECT_EQ(std::filesystem::file_size(folder_ / "tries"), 2);
}

TEST_F(SmokeRun, does_not_try_again_what_could_not_be_started) {
    auto check = passing_at(1);
    check.patience = domain::SmokePatience{9, 1s, {}};
    context_.cwd = folder_ / "missing";
    auto result = run(check);
    EXPECT_EQ(result.outcome, RunOutcome::not_started);
    EXPECT_EQ(result.tries, 1);
    check.host = "-l";
    result = run(check);
    EXPECT_EQ(result.outcome, RunOutcome::not_started);
    EXPECT_EQ(result.tries, 1);
    check.host = "${NOWHERE}";
    result = run(check);
    EXPECT_EQ(result.outcome, RunOutcome::not_started);
    EXPECT_EQ(result.tries, 0);
    check.patience->settle = 1h;
    EXPECT_EQ(run(check).outcome, RunOutcome::not_started);
    contexts_max_ = 0;
    EXPECT_EQ(run(passing_at(1)).message, "the vault is closed");
    EXPECT_TRUE(pause_.waited.empty());
}

TEST_F(SmokeRun, tries_again_when_another_machine_cannot_be_reached) {
    auto check = passing_at(1);
    check.host = "${WHERE}";
    context_.variables["WHERE"] = "web1"; // which a local runner never reaches
    check.patience = domain::SmokePatience{2, 7s, {}};
    const auto result = run(check);
    EXPECT_EQ(result.outcome, RunOutcome::failed);
    EXPECT_EQ(result.tries, 3);
    EXPECT_THAT(result.message, HasSubstr("the step is for web1"));
}

TEST_F(SmokeRun, gives_each_try_a_context_of_its_own) {
    auto check = passing_at(3);
    check.patience = domain::SmokePatience{9, 1s, {}};
    EXPECT_EQ(run(check).outcome, RunOutcome::passed);
    EXPECT_EQ(contexts_, 3);
    // What is not to be had any more at a later try is no failure of the check.
    contexts_ = 0;
    contexts_max_ = 2;
    check.script = "exit 1";
    const auto result = run(check);
    EXPECT_EQ(result.outcome, RunOutcome::not_started);
    EXPECT_EQ(result.tries, 2);
    EXPECT_EQ(result.message, "the vault is closed; tried 2 times");
}

TEST_F(SmokeRun, shows_no_secret) {
    context_.secrets = {{"TOKEN", "s3cr3t-v4lue"}};
    const LoopbackServer server({
        {"/s3cr3t-v4lue", http_answer("200 OK", "{}", "X-Said: s3cr3t-v4lue\r\n")},
        {"/cut", http_answer(
                     "200 OK", "{}",
                     "X-Said: " + std::string(limits::smoke_shown_max - 8, 'x') + "s3cr3t-v4lue\r\n"
                 )},
    });
    auto check = http("http://" + server.address() + "/${TOKEN}");
    check.http = domain::HttpDemands{{{"X-Said", "hello"}}, "", {}, {}, ""};
    const auto told = run(check);
    EXPECT_EQ(told.outcome, RunOutcome::unexpected_output);
    EXPECT_EQ(told.message, "the header X-Said is \"[secret]\", expected \"hello\"");
    // A message that is cut within a secret shows no part of it either.
    check.url = "http://" + server.address() + "/cut";
    EXPECT_THAT(run(check).message, HasSubstr("x[secret]...\""));
    check.http.reset();
    check.url = "http://127.0.0.1:1/?token=${TOKEN}";
    EXPECT_THAT(run(check).message, Not(HasSubstr("s3cr3t")));
}

TEST_F(SmokeRun, puts_no_secret_into_what_is_shown) {
    context_.secrets = {{"TOKEN", "s3cr3t-v4lue"}};
    auto body = http("http://127.0.0.1:1/");
    body.expect_body = "${TOKEN}";
    auto header = http("http://127.0.0.1:1/");
    header.http = domain::HttpDemands{{{"X-Said", "${TOKEN}"}}, "", {}, {}, ""};
    auto end = http("http://127.0.0.1:1/");
    end.http = domain::HttpDemands{{}, "", {}, {}, "${TOKEN}"};
    auto host = passing_at(1);
    host.host = "${TOKEN}";
    for (const auto& check : {body, header, end, host})
        EXPECT_THAT(run(check).message, HasSubstr("${TOKEN} has no value"));
    context_.secrets = {{"PIN", "123"}};
    EXPECT_THAT(run(http("http://127.0.0.1:1/?${PIN}")).message, HasSubstr("could not be masked"));
}

TEST_F(SmokeRun, takes_the_time_of_a_job_from_a_command) {
    SmokeCheck check;
    check.name = "export";
    check.kind = SmokeKind::job;
    check.timeout = 20s;
    check.job = domain::JobDemands{"", "", 1h};
    check.script = "echo 2026-11-22T19:30:00Z; echo never";
    EXPECT_EQ(run(check).outcome, RunOutcome::passed) << run(check).message;
    check.script = "echo 2026-11-22T18:30:00Z";
    EXPECT_EQ(run(check).outcome, RunOutcome::unexpected_output);
    check.script = "true";
    EXPECT_EQ(run(check).outcome, RunOutcome::unexpected_output);
    check.script = "echo 2026-11-22T19:30:00Z; exit 1";
    EXPECT_EQ(run(check).outcome, RunOutcome::failed);
}

TEST_F(SmokeRun, knows_each_kind) {
    SmokeCheck check;
    check.name = "one";
    check.timeout = 5s;
    check.address = "no address";
    for (const auto kind : {SmokeKind::tcp, SmokeKind::tls}) {
        check.kind = kind;
        EXPECT_EQ(run(check).outcome, RunOutcome::not_started);
    }
    check.kind = SmokeKind::dns;
    check.dns = domain::DnsDemands{"www.example.com", domain::DnsType::A, "${SERVER}", {}, {}, {}};
    context_.variables["SERVER"] = "nobody";
    EXPECT_THAT(run(check).message, HasSubstr("\"nobody\" is not the address of a name server"));
    check.kind = SmokeKind::job;
    check.job = domain::JobDemands{(folder_ / "none").string(), "", 1h};
    EXPECT_EQ(run(check).outcome, RunOutcome::failed);
    check.kind = SmokeKind::metric;
    check.metric = domain::MetricDemands{"up", "1"};
    EXPECT_EQ(run(check).outcome, RunOutcome::not_started);
    check.kind = SmokeKind::sql;
    check.sql = domain::SqlDemands{"env:${WHICH}", "select 1", "== 1"};
    context_.variables["WHICH"] = "SLIPWAY_SECRET_ORDERS";
    EXPECT_EQ(run(check).outcome, RunOutcome::not_started);
    EXPECT_EQ(run(check).message, "database: there is no such secret");
    EXPECT_EQ(asked_for_, "env:SLIPWAY_SECRET_ORDERS");
    // A variable of the ring that is a secret needs no reference any more.
    asked_for_.clear();
    context_.secrets = {{"ORDERS", "host=/nowhere password=s3cr3t"}};
    check.sql->database = "${ORDERS}";
    EXPECT_EQ(run(check).message, "the database does not let us in, or is not there");
    EXPECT_EQ(asked_for_, "");
}

TEST_F(SmokeRun, checks_http) {
    LoopbackServer server({
        {"/", http_answer("200 OK", "Harbor 1.5")},
        {"/bad", http_answer("500 Oops", "Harbor 1.5")},
        {"/moved", http_answer("302 Found", "", "Location: /\r\n")},
        {"/loop", http_answer("302 Found", "", "Location: /loop\r\n")},
        {"/1", http_answer("302 Found", "", "Location: /2\r\n")},
        {"/2", http_answer("302 Found", "", "Location: /3\r\n")},
        {"/3", http_answer("302 Found", "", "Location: /4\r\n")},
        {"/4", http_answer("302 Found", "", "Location: /5\r\n")},
        {"/5", http_answer("302 Found", "", "Location: /\r\n")},
        {"/0", http_answer("302 Found", "", "Location: /1\r\n")},
        {"/file", http_answer("302 Found", "", "Location: file:///etc/passwd\r\n")},
        {"/large", http_answer("200 OK", std::string(limits::smoke_body_max + 1, 'x') + "end")},
    });
    ::setenv("http_proxy", "http://127.0.0.1:1", 1); // must not be used
    context_.variables["SITE"] = "http://" + server.address();
    const auto outcome = [&](const std::string& path, const std::string& expect, int status = 200) {
        auto check = http("${SITE}" + path);
        check.expect_body = expect;
        check.expect_status = status;
        return run(check);
    };
    const auto good = outcome("/", "Harbor 1.5");
    EXPECT_EQ(good.outcome, RunOutcome::passed) << good.message;
    EXPECT_EQ(good.status, 200);
    EXPECT_EQ(outcome("/", "/1\\.\\d$/").outcome, RunOutcome::passed);
    EXPECT_EQ(outcome("/", "1.6").outcome, RunOutcome::unexpected_output);
    EXPECT_EQ(outcome("/bad", "").outcome, RunOutcome::failed);
    EXPECT_EQ(outcome("/bad", "").message, "the answer was 500, expected 200");
    EXPECT_EQ(outcome("/bad", "", 500).outcome, RunOutcome::passed);
    EXPECT_EQ(outcome("/moved", "Harbor").outcome, RunOutcome::passed);
    EXPECT_EQ(outcome("/loop", "").outcome, RunOutcome::failed);
    static_assert(limits::smoke_redirects_max == 5);
    EXPECT_EQ(outcome("/1", "Harbor").outcome, RunOutcome::passed);
    EXPECT_EQ(outcome("/0", "Harbor").outcome, RunOutcome::failed);
    EXPECT_EQ(outcome("/file", "root").outcome, RunOutcome::failed);
    EXPECT_EQ(outcome("/large", "xxx").outcome, RunOutcome::passed);
    EXPECT_EQ(outcome("/large", "end").outcome, RunOutcome::unexpected_output);
    ::unsetenv("http_proxy");

    auto slow = http("${SITE}/silent");
    slow.timeout = 200ms;
    EXPECT_EQ(run(slow).outcome, RunOutcome::timed_out);
    EXPECT_EQ(run(http("${NOWHERE}/")).outcome, RunOutcome::not_started);
    EXPECT_EQ(run(http("file:///etc/passwd")).outcome, RunOutcome::failed);
}

TEST_F(SmokeRun, checks_tcp) {
    SmokeCheck check;
    check.name = "port";
    check.kind = SmokeKind::tcp;
    check.timeout = 5s;
    check.outside = true;
    {
        LoopbackServer server({});
        check.address = server.address();
        const auto result = run(check);
        EXPECT_EQ(result.outcome, RunOutcome::passed) << result.message;
        EXPECT_FALSE(result.outside); // where it runs is not for the runner to say
    }
    EXPECT_EQ(run(check).outcome, RunOutcome::failed); // the server is gone
    for (const auto* bad : {"", "host", ":1", "h:", "user@h:1", "h:1/x", "h:1?x"}) {
        check.address = bad;
        EXPECT_EQ(run(check).outcome, RunOutcome::not_started) << bad;
    }
}

TEST_F(SmokeRun, checks_with_a_command) {
    SmokeCheck check;
    check.name = "age";
    check.kind = SmokeKind::command;
    check.script = "echo \"age $AGE\"; exit 2";
    check.expect_status = 2;
    check.expect_body = "age 5";
    context_.variables["AGE"] = "5";
    EXPECT_EQ(run(check).outcome, RunOutcome::passed);
    EXPECT_EQ(run(check).status, 2);
    check.expect_body = "age 6";
    EXPECT_EQ(run(check).outcome, RunOutcome::unexpected_output);
    check.script = "exec sleep 1000";
    check.timeout = 100ms;
    EXPECT_EQ(run(check).outcome, RunOutcome::timed_out);
}

TEST(Pause, ends_with_its_time_or_with_a_stop) {
    std::stop_source stop;
    EXPECT_TRUE(system_pause.wait(1ms, stop.get_token()));
    stop.request_stop();
    EXPECT_FALSE(system_pause.wait(1h, stop.get_token()));
    std::stop_source later;
    std::jthread other([&] { later.request_stop(); });
    EXPECT_FALSE(system_pause.wait(1h, later.get_token()));
}

} // namespace
} // namespace slipway::runner
