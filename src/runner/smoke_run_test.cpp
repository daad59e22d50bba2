// SPDX-License-Identifier: Apache-2.0
// How often a check is tried, and how each kind gets through the runner's door.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "runner/local_runner.hpp"

namespace slipway::runner {
namespace {

using namespace std::chrono_literals;
using domain::RunOutcome;
using domain::SmokeCheck;
using domain::SmokeKind;
using testing::ElementsAre;
using testing::HasSubstr;

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
        const LocalRunner runner(
            clock_, folder_ / "scratch",
            [this](std::string_view reference) { return resolve(reference); }, pause_
        );
        return runner.run_smoke(check, context_);
    }

    Result<std::string> resolve(std::string_view reference) {
        asked_for_ = reference;
        return fail(ErrorCode::invalid_input, "there is no such secret");
    }

    FixedClock clock_{*time_from_text("2026-11-22T20:00:00Z")};
    std::filesystem::path folder_;
    StepContext context_;
    QuickPause pause_;
    std::string asked_for_;
};

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

TEST_F(SmokeRun, stops_before_the_first_try_and_between_two) {
    std::stop_source stop;
    context_.stop = stop.get_token();
    auto check = passing_at(9);
    check.patience = domain::SmokePatience{9, 1s, {}};
    pause_.meanwhile = [&] {
        if (pause_.waited.size() == 2)
            stop.request_stop();
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
    check.host = "web1";
    check.patience = domain::SmokePatience{9, 1s, {}};
    auto result = run(check);
    EXPECT_EQ(result.outcome, RunOutcome::not_started);
    EXPECT_EQ(result.tries, 1);
    check.host = "${NOWHERE}";
    result = run(check);
    EXPECT_EQ(result.outcome, RunOutcome::not_started);
    EXPECT_EQ(result.tries, 0);
    EXPECT_TRUE(pause_.waited.empty());
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
    EXPECT_EQ(asked_for_, "env:SLIPWAY_SECRET_ORDERS");
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
