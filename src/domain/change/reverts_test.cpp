// SPDX-License-Identifier: Apache-2.0
// A revert that was asked for does not outlive the decision to go back with the runbook.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/reverts.hpp"
#include "domain/change/testing/gate_rows.hpp"
#include "domain/change/testing/scenario.hpp"

namespace slipway::domain::testing {
namespace {

using namespace std::chrono_literals;

constexpr auto roll_back = R"({"reason":"the provider is down","executor":"external"})";

// The deployment failed, and its snapshot is to be gone back to.
struct Reverting {
    Reverting() {
        deploy(s);
        s.smoke("ina", "production", false);
        task = ask();
    }

    SnapshotTask ask() {
        s.tasks.clear();
        s.now += 1min;
        s.does("pia", "revert_snapshot", R"({"reason":"the image is bad"})");
        EXPECT_EQ(s.tasks.size(), 1U);
        return *restore<SnapshotTask>(std::string_view(s.tasks.back().payload));
    }

    const Snapshot& snapshot() const { return s.change.snapshots.at(0); }

    Scenario s = ready();
    SnapshotTask task;
};

void end_rollback(Scenario& s) {
    const auto run = s.change.runs.back().id.value;
    s.does(
        "pia", "decide_run",
        fmt::format(R"({{"run":"{}","choice":"abort","reason":"to the snapshot"}})", run)
    );
}

TEST(Reverts, stand_until_the_runbook_goes_back_instead) {
    Reverting r;
    EXPECT_TRUE(is_to_be_reverted(r.s.change, r.task));
    r.s.now += 1min;
    r.s.said.clear();
    r.s.does("pia", "roll_back", roll_back);
    EXPECT_FALSE(r.snapshot().revert_asked_at);
    EXPECT_FALSE(is_to_be_reverted(r.s.change, r.task));
    EXPECT_THAT(r.s.said, ::testing::Contains(::testing::HasSubstr("web-1 is not gone back to")));
    EXPECT_THAT(r.s.said, ::testing::Contains(::testing::HasSubstr("begin no step before that")))
        << "the answer promised that the run waits";
}

// Whatever it was that went back: what was deployed does not run there any more.
TEST(Reverts, that_nobody_asked_for_end_the_deployment) {
    auto s = ready();
    deploy(s);
    s.smoke("ina", "production", true);
    EXPECT_NE(s.change.state, ChangeState::rolling_back);
    s.said.clear();
    s.does("system", "report_snapshot", R"({"host":"web-1","id":"vol-7","state":"reverted"})");
    EXPECT_EQ(s.change.failed_because, "web-1 went back to its snapshot");
    EXPECT_TRUE(s.has_said("so the deployment has failed"));
    EXPECT_NE(s.change.state, ChangeState::implemented);
    const auto refused = s.refused("petra", "close", R"({"outcome":"successful","summary":"x"})");
    EXPECT_FALSE(refused.reasons.empty());
}

TEST(Reverts, stand_until_a_rollback_is_started_too) {
    Reverting r;
    r.s.does("pia", "start_run", R"({"purpose":"rollback","executor":"external"})");
    EXPECT_FALSE(r.snapshot().revert_asked_at);
}

// The provider was at it when the owner went back with the runbook. It is back only for as long as
// no step of that run has begun.
TEST(Reverts, that_end_behind_the_roll_back_do_not_make_it_rolled_back) {
    Reverting r;
    r.s.now += 1min;
    r.s.does("pia", "roll_back", roll_back);
    const auto run = r.s.change.runs.back().id.value;
    r.s.now += 1min;
    r.s.does(
        "system", "report_snapshot",
        fmt::format(R"({{"host":"web-1","id":"{}","state":"reverted"}})", r.snapshot().id)
    );
    EXPECT_TRUE(r.snapshot().reverted_at);
    EXPECT_EQ(r.s.change.state, ChangeState::rolling_back) << "the run is about to begin";
    auto untouched = r.s;
    const auto abort = fmt::format(R"({{"run":"{}","choice":"abort","reason":"r"}})", run);
    untouched.does("pia", "decide_run", abort);
    EXPECT_EQ(untouched.change.state, ChangeState::rolled_back);
    r.s.now += 1min;
    r.s.does(
        "pia", "confirm_step",
        fmt::format(R"({{"run":"{}","step":"turn-round","note":"seen"}})", run)
    );
    r.s.does(
        "pia", "report_run",
        fmt::format(R"({{"run":"{}","steps":[{{"name":"switch-back","state":"failed"}}]}})", run)
    );
    r.s.does("pia", "decide_run", abort);
    EXPECT_EQ(r.s.change.state, ChangeState::rolling_back);
    r.s.does("pia", "roll_back", roll_back);
}

TEST(Reverts, that_are_asked_for_again_are_not_those_of_before) {
    Reverting r;
    r.s.does("pia", "roll_back", roll_back);
    end_rollback(r.s);
    const auto again = r.ask();
    EXPECT_TRUE(is_to_be_reverted(r.s.change, again));
    EXPECT_FALSE(is_to_be_reverted(r.s.change, r.task));
}

TEST(Reverts, do_not_stand_behind_a_rollback_or_once_the_change_is_over) {
    const Reverting r;
    auto older = r.task;
    older.asked_at.reset(); // of an earlier version
    EXPECT_TRUE(is_to_be_reverted(r.s.change, older));
    auto went_back = r.s.change;
    domain::Run run;
    run.purpose = RunPurpose::rollback;
    run.started_at = r.s.now + 1min;
    went_back.runs.push_back(run);
    EXPECT_FALSE(is_to_be_reverted(went_back, older));
    auto over = r.s.change;
    over.closure.emplace();
    EXPECT_FALSE(is_to_be_reverted(over, older));
}

// As an earlier version left them: dropped when the rollback began, and never taken off the record.
TEST(Reverts, that_a_rollback_has_dropped_can_be_asked_for_again) {
    Reverting r;
    const auto asked = r.snapshot().revert_asked_at;
    r.s.does("pia", "roll_back", roll_back);
    end_rollback(r.s);
    r.s.change.snapshots.at(0).revert_asked_at = asked;
    r.s.replayed = r.s.change;
    const auto again = r.ask();
    EXPECT_TRUE(is_to_be_reverted(r.s.change, again));
}

TEST(Reverts, do_not_lose_their_snapshot_to_its_end) {
    Reverting r;
    const auto removals = [&] {
        r.s.tasks.clear();
        r.s.does("system", "tick");
        return std::count_if(r.s.tasks.begin(), r.s.tasks.end(), [](const auto& task) {
            return task.kind == "snapshot_remove";
        });
    };
    r.s.now = r.snapshot().expires_at + 1h;
    EXPECT_EQ(removals(), 0);
    r.s.does("pia", "roll_back", roll_back);
    EXPECT_EQ(removals(), 1) << "nobody wants it any more";
}

} // namespace
} // namespace slipway::domain::testing
