// SPDX-License-Identifier: Apache-2.0
// Steps that are at work when their run is over: what waits for them, and what is heard and said.
#include "domain/change/aborted_steps.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/testing/scenario.hpp"
#include "domain/gates/gate.hpp"
#include "domain/runbook/runbook.hpp"

namespace slipway::domain::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

std::string how_drain_ended(std::string_view state) {
    return fmt::format(R"({{"run":"run-3","steps":[{{"name":"drain","state":"{}"}}]}})", state);
}

// Aborted while its first step was at work, which nobody has ended.
Scenario aborted_at_work() {
    auto s = ready();
    s.does("ina", "start_run", R"({"purpose":"ring_deploy","executor":"external"})");
    s.does("ina", "report_run", R"({"run":"run-3","steps":[{"name":"drain","state":"running"}]})");
    s.does("otto", "decide_run", R"({"run":"run-3","choice":"abort","reason":"stuck"})");
    return s;
}

TEST(AbortedSteps, an_aborted_run_has_its_ring_until_its_step_has_ended) {
    auto s = aborted_at_work();
    const auto left = [&] { return step_left(s.change, s.change.runs[2], s.now); };
    ASSERT_TRUE(left());
    EXPECT_EQ(left()->step, "drain");
    const auto began = s.now;
    EXPECT_EQ(left()->ends_by, began + 60s + limits::step_end_grace) << "its own time limit";
    s.now = *left()->ends_by;
    EXPECT_FALSE(left()->ends_by) << "nobody told of its end";
    s.now = began + limits::runbook_time_max;
    EXPECT_FALSE(left());
    s.now = began;
    // Nothing that another runner does begins beside it; who goes back is not held up.
    const auto error =
        s.refused("ina", "start_run", R"({"purpose":"ring_deploy","executor":"external"})");
    EXPECT_EQ(first(error).message, "drain of run-3 has not ended");
    EXPECT_THAT(first(error).remedy, HasSubstr("slipway change report_run CHG-12 --run run-3"));
    s.refused("ina", "report_run", how_drain_ended("running"));
    s.refused("ina", "report_run", R"({"run":"run-3","steps":[{"name":"drain","state":"failed"},
        {"name":"drain","state":"failed"}]})");
    s.does("ina", "report_run", how_drain_ended("failed"));
    EXPECT_EQ(s.change.runs[2].steps[0].state, RunStepState::failed);
    EXPECT_EQ(s.change.runs[2].state, RunState::aborted);
    EXPECT_FALSE(left());
    s.does("ina", "start_run", R"({"purpose":"ring_deploy","executor":"external"})");
    EXPECT_TRUE(s.change.runs[3].left_at_work.empty());
}

TEST(AbortedSteps, a_step_of_unknown_end_is_said_and_named_by_the_gate) {
    auto s = aborted_at_work();
    s.does("ina", "report_run", how_drain_ended("unknown"));
    OtherRun other{ChangeId("CHG-7"), RunId("run-3"), "staging", s.now, PersonId("petra"), {}};
    other.left = StepLeft{"copy", {}, {}};
    s.ring_uses["staging"].under_way = {other};
    s.said.clear();
    s.run("ina", "ring_deploy");
    EXPECT_TRUE(s.has_said("copy of run-3 of CHG-7 may still be at work there"));
    EXPECT_TRUE(s.has_said("drain of run-3 may still be at work there"));
    EXPECT_THAT(
        s.change.runs[3].left_at_work, ElementsAre("copy of run-3 of CHG-7", "drain of run-3")
    );
    const auto result = evaluate(*find_gate("ring-deployed"), s.change, s.facts("ina"));
    EXPECT_EQ(result.verdict, Verdict::pass);
    EXPECT_THAT(result.warnings, Contains(HasSubstr("copy of run-3 of CHG-7")));
    s.ring_uses["staging"].under_way.clear();
    s.run("ina", "ring_deploy");
    EXPECT_THAT(s.change.runs[4].left_at_work, ElementsAre("drain of run-3"));
    // Somebody has looked after all.
    s.refused("ina", "report_run", how_drain_ended("unknown"));
    s.does("ina", "report_run", how_drain_ended("failed"));
    s.run("ina", "ring_deploy");
    EXPECT_TRUE(s.change.runs[5].left_at_work.empty());
}

TEST(AbortedSteps, the_end_of_a_step_is_heard_of_a_change_that_is_over) {
    auto cancelled = aborted_at_work();
    cancelled.does("otto", "cancel", R"({"reason":"not wanted"})");
    EXPECT_TRUE(cancelled.has_said("drain of run-3 on staging is still at work: Wait for its end"));
    auto closed = settled();
    const auto id = closed.change.runs.size();
    closed.does("ina", "start_run", R"({"purpose":"ring_deploy","executor":"external"})");
    const auto told = [&](std::string_view state) {
        return fmt::format(
            R"({{"run":"run-{}","steps":[{{"name":"drain","state":"{}"}}]}})", id + 1, state
        );
    };
    closed.does("ina", "report_run", told("running"));
    closed.does(
        "otto", "decide_run",
        fmt::format(R"({{"run":"run-{}","choice":"abort","reason":"stuck"}})", id + 1)
    );
    closed.does("otto", "close", R"({"outcome":"successful","summary":"1.5 runs."})");

    const struct {
        Scenario& s;
        std::string body;
        std::size_t run;
    } rows[] = {{cancelled, how_drain_ended("failed"), 2}, {closed, told("failed"), id}};

    for (const auto& [s, body, run] : rows) {
        const auto state = s.change.state;
        const auto events = s.events.size();
        ASSERT_TRUE(step_left(s.change, s.change.runs[run], s.now));
        s.refused("vic", "report_run", body);
        auto by_the_server = s;
        by_the_server.change.runs.edit()[run].executor = Executor::local;
        by_the_server.replayed = by_the_server.change;
        for (auto [who, told_of] : {std::pair{"ina", &s}, {"system", &by_the_server}}) {
            told_of->does(who, "report_run", body);
            EXPECT_FALSE(step_left(told_of->change, told_of->change.runs[run], told_of->now));
            EXPECT_EQ(told_of->change.runs[run].steps[0].state, RunStepState::failed);
            EXPECT_EQ(told_of->change.state, state);
            EXPECT_EQ(told_of->events.size(), events + 1);
        }
        EXPECT_EQ(first(s.refused("ina", "report_run", body)).gate, "closure");
    }
}

TEST(AbortedSteps, what_is_told_with_the_end_of_a_step_names_the_report_that_is_heard) {
    const auto bundle = R"({"run":"run-3","steps":[{"name":"drain","state":"succeeded"},
        {"name":"switch","state":"running"}]})";
    auto s = aborted_at_work();
    auto over = s;
    over.does("otto", "cancel", R"({"reason":"not wanted"})");
    for (auto* told : {&s, &over}) {
        const auto error = told->refused("ina", "report_run", bundle);
        EXPECT_EQ(first(error).gate, "run-exact");
        EXPECT_THAT(first(error).evidence, HasSubstr("drain"));
        EXPECT_THAT(
            first(error).remedy,
            HasSubstr("slipway change report_run CHG-12 --run run-3 --steps '[{\"name\": \"drain\"")
        );
    }
}

TEST(AbortedSteps, a_new_pin_does_not_prolong_a_step_that_was_left) {
    auto s = aborted_at_work();
    const auto left = [&] { return step_left(s.change, s.change.runs[2], s.now); };
    const auto ends_by = left()->ends_by;
    s.pin("jonas", edited_deployment_file(), "deployment");
    EXPECT_EQ(left()->ends_by, ends_by);
    s.change.runs.edit()[2].steps[0].time_limit.reset(); // an old entry
    EXPECT_EQ(left()->ends_by, s.now + step_timeout_default + limits::step_end_grace);
    s.now = *left()->ends_by;
    EXPECT_FALSE(left()->ends_by);
}

TEST(AbortedSteps, of_a_step_of_our_own_runner_a_person_tells_the_end_when_nobody_else_will) {
    auto s = ready();
    s.does("ina", "start_run", R"({"purpose":"ring_deploy"})");
    s.does(
        "system", "report_run", R"({"run":"run-3","steps":[{"name":"drain","state":"running"}]})"
    );
    s.does("otto", "decide_run", R"({"run":"run-3","choice":"abort","reason":"stuck"})");
    s.refused("ina", "report_run", how_drain_ended("failed"));
    s.does("system", "report_run", how_drain_ended("unknown"));
    const auto left = step_left(s.change, s.change.runs[2], s.now);
    ASSERT_TRUE(left);
    EXPECT_THAT(
        how_it_ends(s.change.id, RunId("run-3"), *left),
        HasSubstr("slipway change report_run CHG-12 --run run-3 --steps")
    );
    s.does("ina", "report_run", how_drain_ended("failed"));
    EXPECT_FALSE(step_left(s.change, s.change.runs[2], s.now));
}

TEST(AbortedSteps, going_back_beside_the_own_step_is_proven_when_that_has_ended) {
    auto s = ready();
    s.does("ina", "start_run", deployment_elsewhere());
    s.does("ina", "report_run", R"({"run":"run-3","steps":[{"name":"drain","state":"running"}]})");
    s.said.clear();
    s.does("pia", "roll_back", R"({"reason":"it burns","executor":"local"})");
    EXPECT_TRUE(s.has_said("drain of run-3 may still be at work there"));
    EXPECT_THAT(s.change.runs[3].left_at_work, ElementsAre("drain of run-3"));
    const auto beside = [&](const Change& change, const char* ring) {
        return steps_left_beside(change, ring, Executor::local, s.now);
    };
    EXPECT_THAT(beside(s.change, "production"), SizeIs(1));
    EXPECT_THAT(beside(s.change, "staging"), IsEmpty());
    auto local = s.change;
    local.runs.edit()[2].executor = Executor::local;
    EXPECT_THAT(beside(local, "production"), IsEmpty()) << "it has ended when the rollback begins";

    report_rollback(s);
    ASSERT_EQ(s.change.runs[3].state, RunState::succeeded);
    s.now += 10s;
    s.smoke("ina", "rollback");
    const auto gate = [&] {
        return evaluate(*find_gate("rollback-done"), s.change, s.facts("ina"));
    };
    const auto field = [](std::string_view name) {
        return Contains(::testing::Field(&Reason::field, name));
    };
    EXPECT_THAT(gate().reasons, field("runs.run-3"));
    for (const auto& [command, body] :
         {std::pair{"run_smoke", R"({"occasion":"rollback"})"}, {"update_cmdb", "{}"}}) {
        const auto error = s.refused("otto", command, body);
        EXPECT_EQ(first(error).field, "runs.run-3");
        EXPECT_THAT(first(error).remedy, HasSubstr("slipway change report_run CHG-12 --run run-3"));
    }
    s.now += 10s;
    s.does("ina", "report_run", how_drain_ended("succeeded"));
    EXPECT_THAT(gate().reasons, Not(field("runs.run-3")));
    EXPECT_THAT(gate().reasons, field("smoke.rollback")) << "the list ran before the step ended";
    s.does("ina", "run_smoke", R"({"occasion":"rollback"})");
    s.now += 10s;
    s.smoke("ina", "rollback");
    EXPECT_THAT(gate().reasons, Not(field("smoke.rollback")));
    EXPECT_THAT(gate().warnings, Contains(HasSubstr("drain of run-3")));
}

// Rolled back and closed, and nobody has told how the first step of the deployment ended.
Scenario closed_on_a_step_at_work() {
    auto s = ready();
    s.does("ina", "start_run", deployment_elsewhere());
    s.does("ina", "report_run", R"({"run":"run-3","steps":[{"name":"drain","state":"running"}]})");
    s.does("pia", "roll_back", R"({"reason":"it burns","executor":"external"})");
    report_rollback(s);
    s.now += 1h;
    s.smoke("ina", "rollback");
    tell_of_rollback(s);
    for (const auto* step : {"execute", "smoke_production", "rollback"})
        s.complete("ina", step);
    review_failure(s);
    s.said.clear();
    s.does("otto", "close", R"({"outcome":"rolled_back","summary":"1.4 runs again"})");
    return s;
}

TEST(AbortedSteps, that_nobody_has_told_the_end_of_are_named_when_a_change_is_closed) {
    const auto s = closed_on_a_step_at_work();
    EXPECT_TRUE(s.has_said("drain of run-3 on production may still be at work, nobody has told how "
                           "it ended: See on its machine"));
}

TEST(AbortedSteps, hold_up_the_all_clear_while_they_are_at_work_on_production) {
    auto s = ready();
    s.does("ina", "start_run", deployment_elsewhere());
    s.does("ina", "report_run", R"({"run":"run-3","steps":[{"name":"drain","state":"running"}]})");
    s.does("otto", "decide_run", R"({"run":"run-3","choice":"abort","reason":"stuck"})");
    s.does("rosa", "request_waiver", R"({"gate":"rollback-done","reason":"mended by hand"})");
    s.does("petra", "grant_waiver", R"({"id":"W-1"})");
    const auto error = s.refused("otto", "send_notice", R"({"kind":"all_clear"})");
    EXPECT_EQ(first(error).field, "runs.run-3") << explain(error);
    s.does("ina", "report_run", how_drain_ended("failed"));
    s.does("otto", "send_notice", R"({"kind":"all_clear"})");
}

TEST(AbortedSteps, that_end_on_production_after_their_change_was_closed_are_told_to_its_owner) {
    for (const auto* state : {"succeeded", "failed"}) {
        auto s = closed_on_a_step_at_work();
        s.said.clear();
        s.tasks.clear();
        s.does("ina", "report_run", how_drain_ended(state));
        EXPECT_TRUE(s.has_said("CHG-12 was closed before that end was told"));
        ASSERT_EQ(s.tasks.size(), 1U);
        EXPECT_EQ(s.tasks[0].kind, "page");
        EXPECT_THAT(s.tasks[0].payload, HasSubstr(R"("person":"otto")"));
        EXPECT_THAT(
            s.tasks[0].payload, HasSubstr(fmt::format(
                                    "drain of run-3 on production: {}. The change was closed as "
                                    "rolled_back",
                                    state
                                ))
        );
    }
    auto s = closed_on_a_step_at_work();
    s.tasks.clear();
    s.does("ina", "report_run", how_drain_ended("unknown"));
    EXPECT_TRUE(s.tasks.empty()) << "that is known already";
}

} // namespace
} // namespace slipway::domain::testing
