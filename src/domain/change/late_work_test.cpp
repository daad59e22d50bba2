// SPDX-License-Identifier: Apache-2.0
// What a person did by hand and says when nothing may begin any more.
#include "domain/change/late_work.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/abort_clock.hpp"
#include "domain/change/testing/scenario.hpp"

namespace slipway::domain::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr auto* pulled = R"({"run":"run-3","step":"drain","note":"the cable is out"})";
constexpr auto* given_up = R"({"run":"run-3","choice":"abort","reason":"too late"})";

// The deployment waits at a manual step, the one at this place.
Scenario waiting_at(std::size_t step) {
    auto s = ready();
    auto& steps = s.change.runbooks.at("deployment").steps;
    steps[step].kind = "manual";
    s.replayed = s.change;
    s.does("ina", "start_run", deployment_elsewhere());
    for (std::size_t before = 0; before < step; ++before)
        s.does(
            "ina", "report_run",
            fmt::format(
                R"({{"run":"run-3","steps":[{{"name":"{}","state":"succeeded"}}]}})",
                steps[before].name
            )
        );
    return s;
}

const RunStep& step_of_run(const Scenario& s, std::size_t step = 0) {
    return s.change.runs[2].steps[step];
}

TEST(LateWork, is_heard_past_abort_by_and_nothing_begins_behind_it) {
    auto s = waiting_at(0);
    s.now = abort_clock(s.change, s.facts("otto")).value().abort_by;
    s.tasks.clear();
    s.does("ina", "confirm_step", pulled);
    EXPECT_EQ(step_of_run(s).state, RunStepState::succeeded);
    EXPECT_EQ(step_of_run(s).detail, "confirmed past abort-by: the cable is out");
    EXPECT_EQ(step_of_run(s).ended_at, s.now);
    EXPECT_EQ(s.change.runs[2].state, RunState::waiting);
    EXPECT_TRUE(s.has_said("drain is heard past abort-by; no step begins behind it"));
    ASSERT_EQ(s.tasks.size(), 1U);
    EXPECT_THAT(s.tasks[0].payload, HasSubstr("run-3 stopped at switch"));
    EXPECT_THAT(s.tasks[0].payload, HasSubstr("More time: slipway change extend_window CHG-12"));
    EXPECT_THAT(s.tasks[0].payload, Not(HasSubstr("--choice retry"))) << "it is refused";
    s.refused(
        "ina", "report_run", R"({"run":"run-3","steps":[{"name":"switch","state":"running"}]})"
    );
    s.does("otto", "decide_run", given_up);
}

TEST(LateWork, at_the_end_of_the_runbook_is_the_end_of_the_run) {
    auto s = waiting_at(2);
    s.now = at(window_end);
    s.does("ina", "confirm_step", R"({"run":"run-3","step":"verify","note":"it answers"})");
    EXPECT_EQ(step_of_run(s, 2).detail, "confirmed after the window: it answers");
    EXPECT_EQ(s.change.runs[2].state, RunState::succeeded);
}

TEST(LateWork, is_heard_of_a_run_that_was_aborted) {
    auto s = waiting_at(0);
    s.does("pia", "roll_back", R"({"reason":"too late","executor":"external"})");
    s.now += std::chrono::minutes(1);
    EXPECT_FALSE(
        s.refused("ina", "confirm_step", R"({"run":"run-3","step":"drain"})").fields.empty()
    ) << "he says what he saw";
    s.does("ina", "confirm_step", pulled);
    EXPECT_EQ(step_of_run(s).state, RunStepState::succeeded);
    EXPECT_EQ(step_of_run(s).detail, "confirmed after run-3 was aborted: the cable is out");
    EXPECT_EQ(step_of_run(s).confirmed_by.value, "ina");
    EXPECT_GT(step_of_run(s).ended_at, s.change.runs[2].ended_at);
    EXPECT_EQ(s.change.runs[2].state, RunState::aborted);
    EXPECT_EQ(s.change.runs[3].state, RunState::waiting) << "the rollback is as it was";
    const auto told = s.tasks.back();
    EXPECT_EQ(told.kind, "page");
    EXPECT_THAT(told.payload, HasSubstr(R"("person":"pia")")) << "she goes back, and must know";
    EXPECT_THAT(told.payload, HasSubstr("CHG-12: drain of run-3 was done by hand"));
    s.refused("ina", "confirm_step", pulled); // once
}

TEST(LateWork, of_two_people_is_heard_of_both) {
    auto s = ready();
    auto& step = s.change.runbooks.at("deployment").steps[0];
    step.kind = "manual";
    step.second = "pia";
    s.replayed = s.change;
    s.does("ina", "start_run", deployment_elsewhere());
    s.does("otto", "decide_run", given_up);
    s.does("otto", "confirm_step", pulled);
    EXPECT_EQ(step_of_run(s).state, RunStepState::pending);
    s.does("pia", "confirm_step", pulled);
    EXPECT_EQ(step_of_run(s).state, RunStepState::succeeded);
}

void add_undo(Scenario& s, const std::string& step) {
    RunbookStepOutline undo;
    undo.name = "undo-" + step;
    undo.kind = "manual";
    undo.digest = sha256(undo.name);
    undo.undoes = step;
    s.change.runbooks.at("deployment").undo.push_back(undo);
    s.replayed = s.change;
}

TEST(LateWork, is_heard_while_the_run_is_undone) {
    auto s = waiting_at(1);
    add_undo(s, "drain");
    s.does("otto", "decide_run", R"({"run":"run-3","choice":"undo","reason":"too late"})");
    s.does("ina", "confirm_step", R"({"run":"run-3","step":"switch","note":"switched"})");
    EXPECT_EQ(step_of_run(s, 1).detail, "confirmed after run-3 was turned round: switched");
    EXPECT_EQ(s.change.runs[2].state, RunState::waiting) << "at its undo step";
    s.does("ina", "confirm_step", R"({"run":"run-3","step":"undo-drain","note":"back"})");
    EXPECT_EQ(s.change.runs[2].undo[0].detail, "back");
    EXPECT_EQ(s.change.runs[2].state, RunState::aborted);
}

// Its undo block was passed over, and nobody was told.
TEST(LateWork, of_one_of_two_people_is_taken_back_with_the_rest) {
    auto s = ready();
    auto& step = s.change.runbooks.at("deployment").steps[0];
    step.kind = "manual";
    step.second = "pia";
    add_undo(s, "drain");
    s.does("ina", "start_run", deployment_elsewhere());
    auto unsaid = s;
    s.does("otto", "confirm_step", pulled);
    s.does("otto", "decide_run", R"({"run":"run-3","choice":"undo","reason":"stop"})");
    ASSERT_EQ(s.change.runs[2].undo.size(), 1U);
    EXPECT_EQ(s.change.runs[2].undo[0].name, "undo-drain");
    EXPECT_FALSE(s.has_said("is passed over"));
    EXPECT_EQ(
        first(unsaid.refused(
                  "otto", "decide_run", R"({"run":"run-3","choice":"undo","reason":"stop"})"
              ))
            .message,
        "no step that began has an undo block"
    );
}

TEST(LateWork, whose_undo_block_did_not_run_says_so) {
    auto s = waiting_at(1);
    add_undo(s, "drain");
    add_undo(s, "switch");
    s.does("otto", "decide_run", R"({"run":"run-3","choice":"undo","reason":"too late"})");
    EXPECT_TRUE(s.has_said("so its undo block undo-switch is passed over"));
    s.does("ina", "confirm_step", R"({"run":"run-3","step":"switch","note":"switched"})");
    EXPECT_TRUE(s.has_said("its undo block undo-switch has not run: take it back by hand"));
}

// In the window it took the smoke test and the rehearsal that were made since from the change.
TEST(LateWork, on_a_test_ring_that_ran_again_since_is_no_news) {
    auto s = ready();
    auto& first_try = s.change.runs.edit().front();
    ASSERT_FALSE(on_production(first_try.purpose));
    first_try.state = RunState::aborted;
    first_try.steps[0].state = RunStepState::pending;
    s.change.runbooks.at("deployment").steps[0].kind = "manual";
    s.replayed = s.change;
    const auto body = fmt::format(
        R"({{"run":"{}","step":"{}","note":"it was out"}})", first_try.id.value,
        first_try.steps[0].name
    );
    ASSERT_EQ(s.change.runs[1].ring, first_try.ring);
    EXPECT_EQ(first(s.refused("ina", "confirm_step", body)).evidence, "aborted");
}

// What stands behind the step was never reached; and to decide is no work.
TEST(LateWork, is_of_the_step_that_the_run_was_at) {
    auto s = waiting_at(0);
    s.change.runbooks.at("deployment").steps[1].kind = "manual";
    s.replayed = s.change;
    s.does("otto", "decide_run", given_up);
    const auto error =
        s.refused("ina", "confirm_step", R"({"run":"run-3","step":"switch","note":"switched"})");
    EXPECT_EQ(first(error).evidence, "aborted");
    s.change.runbooks.at("deployment").steps[0].kind = "decision";
    s.replayed = s.change;
    s.refused("ina", "confirm_step", pulled);
}

// Nobody had asked for it when the run was aborted, and told by one word after the other it was
// heard all the same.
TEST(LateWork, behind_what_was_told_late_was_never_reached) {
    auto s = waiting_at(0);
    s.change.runbooks.at("deployment").steps[1].kind = "manual";
    s.replayed = s.change;
    s.does("otto", "decide_run", given_up);
    s.now += std::chrono::minutes(1);
    s.does("ina", "confirm_step", pulled);
    s.refused("ina", "confirm_step", R"({"run":"run-3","step":"switch","note":"switched"})");
}

// The list was run without it, and nobody was asked to run it again.
TEST(LateWork, that_is_told_after_the_rollback_was_tested_opens_its_step_again) {
    auto s = waiting_at(0);
    s.does("otto", "decide_run", given_up);
    s.now += std::chrono::minutes(1);
    s.does("pia", "roll_back", R"({"reason":"too late","executor":"external"})");
    report_rollback(s);
    s.smoke("ina", "rollback");
    tell_of_rollback(s);
    s.complete("otto", "rollback");
    s.now += std::chrono::minutes(1);
    s.does("ina", "confirm_step", pulled);
    EXPECT_EQ(s.change.steps.at(StepId("rollback")).state, StepState::open);
    EXPECT_TRUE(s.has_said("open again: rollback"));
}

TEST(LateWork, that_is_not_late_has_its_note_alone) {
    const auto s = waiting_at(0);
    EXPECT_THAT(how_late(s.change, s.change.runs[2], s.facts("ina")), IsEmpty());
    EXPECT_EQ(late_note("", "seen"), "seen");
    EXPECT_EQ(late_note("past abort-by", ""), "confirmed past abort-by");
}

} // namespace
} // namespace slipway::domain::testing
