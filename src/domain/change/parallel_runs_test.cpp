// SPDX-License-Identifier: Apache-2.0
// Steps of a parallel group run at the same time; what stands behind the group waits for all of it,
// and a run of which several steps did not end well waits for a decision on each.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/abort_clock.hpp"
#include "domain/change/run_steps.hpp"
#include "domain/change/run_times.hpp"
#include "domain/change/testing/draw.hpp"
#include "domain/change/testing/scenario.hpp"

namespace slipway::domain::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Ready to run these steps, each "name" or "name/group".
Scenario with_steps(const std::vector<std::string>& steps) {
    auto s = ready();
    auto& runbook = s.change.runbooks.at("deployment");
    runbook.steps.clear();
    for (const auto& text : steps) {
        const auto slash = text.find('/');
        RunbookStepOutline outline;
        outline.name = text.substr(0, slash);
        outline.kind = "command";
        outline.digest = sha256(text);
        outline.timeout = 60s;
        outline.parallel = slash == std::string::npos ? "" : text.substr(slash + 1);
        runbook.steps.push_back(outline);
    }
    s.replayed = s.change;
    return s;
}

// Begun elsewhere; drain is done, and web1, web2 and web3 are next, at the same time.
Scenario at_group() {
    auto s = with_steps({"drain", "web1/web", "web2/web", "web3/web", "verify"});
    s.does("ina", "start_run", deployment_elsewhere());
    s.does(
        "ina", "report_run", R"({"run":"run-3","steps":[{"name":"drain","state":"succeeded"}]})"
    );
    return s;
}

std::string step_body(std::string_view step, std::string_view state) {
    return fmt::format(R"({{"run":"run-3","steps":[{{"name":"{}","state":"{}"}}]}})", step, state);
}

void report_as(
    Scenario& s, std::string_view step, std::string_view state, std::string_view who = "ina"
) {
    s.does(who, "report_run", step_body(step, state));
}

std::string choice_for(std::string_view chosen, std::string_view step = {}) {
    return fmt::format(
        R"({{"run":"run-3","choice":"{}","reason":"looked at it"{}}})", chosen,
        step.empty() ? "" : fmt::format(R"(,"step":"{}")", step)
    );
}

const Run& newest_run(const Scenario& s) {
    return s.change.runs.back();
}

std::vector<std::string> names(const std::vector<const RunStep*>& steps) {
    std::vector<std::string> all;
    for (const auto* step : steps)
        all.push_back(step->name);
    return all;
}

TEST(ParallelSteps, overlap_and_what_is_behind_them_waits_for_all) {
    auto s = at_group();
    EXPECT_THAT(names(current_steps(newest_run(s))), ElementsAre("web1", "web2", "web3"));
    EXPECT_THAT(names(steps_behind(newest_run(s), "drain")), ElementsAre("web1", "web2", "web3"));
    EXPECT_THAT(names(steps_behind(newest_run(s), "web2")), ElementsAre("verify"));
    EXPECT_TRUE(steps_behind(newest_run(s), "verify").empty());
    report_as(s, "web2", "running");
    report_as(s, "web1", "running");
    report_as(s, "web2", "succeeded");
    const auto early = s.refused("ina", "report_run", step_body("verify", "running"));
    EXPECT_EQ(first(early).evidence, "next is web1, web3");
    EXPECT_EQ(
        first(s.refused("ina", "report_run", step_body("web2", "running"))).evidence,
        "next is web1, web3"
    ) << "no step runs twice";
    report_as(s, "web3", "succeeded");
    report_as(s, "web1", "succeeded");
    report_as(s, "verify", "running");
    report_as(s, "verify", "succeeded");
    EXPECT_EQ(newest_run(s).state, RunState::succeeded);
}

TEST(ParallelSteps, do_not_overlap_without_a_group) {
    auto s = ready();
    s.replayed = s.change;
    s.does("ina", "start_run", deployment_elsewhere());
    report_as(s, "drain", "running");
    EXPECT_EQ(
        first(s.refused("ina", "report_run", step_body("switch", "running"))).evidence,
        "next is drain"
    );
}

TEST(ParallelSteps, our_own_runner_begins_them_in_one_command_and_each_once) {
    auto s = with_steps({"web1/web", "web2/web"});
    s.does("ina", "start_run", R"({"purpose":"deployment"})");
    constexpr std::string_view begin = R"({"run":"run-3","steps":[
        {"name":"web1","state":"running"},{"name":"web2","state":"running"}]})";
    s.does("system", "report_run", begin);
    EXPECT_THAT(names(running_steps(newest_run(s))), ElementsAre("web1", "web2"));
    EXPECT_THAT(first(s.refused("system", "report_run", begin)).message, HasSubstr("twice"));
    report_as(s, "web2", "succeeded", "system");
    report_as(s, "web1", "succeeded", "system");
    EXPECT_EQ(newest_run(s).state, RunState::succeeded);
}

TEST(ParallelSteps, those_that_run_go_on_to_their_end_when_one_fails_and_its_owner_hears_of_it) {
    auto s = at_group();
    report_as(s, "web1", "running");
    report_as(s, "web2", "running");
    s.tasks.clear();
    report_as(s, "web1", "failed");
    EXPECT_EQ(newest_run(s).state, RunState::running);
    ASSERT_EQ(s.tasks.size(), 1u);
    EXPECT_THAT(s.tasks[0].payload, HasSubstr("stops at web1 once web2 has ended"));
    for (const auto* step : {"web3", "web1", "verify"})
        EXPECT_EQ(
            first(s.refused("ina", "report_run", step_body(step, "running"))).gate, "run-exact"
        ) << step;
    s.refused("otto", "decide_run", choice_for("retry")); // it has not stopped
    s.tasks.clear();
    report_as(s, "web2", "succeeded");
    EXPECT_EQ(newest_run(s).state, RunState::waiting);
    ASSERT_EQ(s.tasks.size(), 1u);
    EXPECT_THAT(s.tasks[0].payload, HasSubstr("stopped at web1"));
    s.does("otto", "decide_run", choice_for("retry"));
    EXPECT_THAT(names(current_steps(newest_run(s))), ElementsAre("web1", "web3"));
    report_as(s, "web3", "running");
    report_as(s, "web1", "running");
    report_as(s, "web1", "succeeded");
    report_as(s, "web3", "succeeded");
    report_as(s, "verify", "succeeded");
    EXPECT_EQ(newest_run(s).state, RunState::succeeded);
    EXPECT_EQ(newest_run(s).steps[1].attempts, 2);
    EXPECT_EQ(newest_run(s).steps[2].attempts, 1);
}

TEST(ParallelSteps, that_did_not_end_well_are_decided_on_each_and_by_name) {
    auto s = at_group();
    for (const auto* step : {"web1", "web2", "web3"})
        report_as(s, step, "running");
    report_as(s, "web3", "unknown");
    report_as(s, "web2", "failed");
    report_as(s, "web1", "succeeded");
    EXPECT_EQ(newest_run(s).state, RunState::waiting);
    const auto unnamed = s.refused("otto", "decide_run", choice_for("retry"));
    EXPECT_EQ(unnamed.fields.at(0).field, "step");
    EXPECT_THAT(unnamed.fields.at(0).message, HasSubstr("web2, web3"));
    s.refused("otto", "decide_run", choice_for("skip", "web1"));
    s.refused("otto", "decide_run", choice_for("skip", "verify"));
    s.does("otto", "decide_run", choice_for("resume", "web3"));
    EXPECT_EQ(newest_run(s).state, RunState::waiting);
    EXPECT_EQ(newest_run(s).steps[3].state, RunStepState::succeeded);
    s.refused("otto", "decide_run", choice_for("resume", "web3")); // sent twice
    s.does("otto", "decide_run", choice_for("skip"));              // only one is left
    EXPECT_EQ(newest_run(s).state, RunState::running);
    EXPECT_EQ(s.change.deviations.back().step, "web2");
    report_as(s, "verify", "succeeded");
    EXPECT_EQ(newest_run(s).state, RunState::succeeded);
}

TEST(ParallelSteps, a_retried_step_waits_until_the_others_are_decided_on) {
    auto s = at_group();
    for (const auto* step : {"web1", "web2"})
        report_as(s, step, "running");
    report_as(s, "web1", "failed");
    report_as(s, "web2", "failed");
    s.does("otto", "decide_run", choice_for("retry", "web1"));
    EXPECT_EQ(newest_run(s).state, RunState::waiting);
    s.refused("ina", "report_run", step_body("web1", "running"));
    s.does("otto", "decide_run", choice_for("retry", "web2"));
    report_as(s, "web2", "running");
    report_as(s, "web1", "running");
}

TEST(ParallelSteps, that_an_abort_cut_short_are_all_heard_of) {
    auto s = with_steps({"web1/web", "web2/web", "web3/web"});
    s.does("ina", "start_run", R"({"purpose":"deployment"})");
    s.does("system", "report_run", R"({"run":"run-3","steps":[{"name":"web1","state":"running"},
        {"name":"web2","state":"running"},{"name":"web3","state":"running"}]})");
    s.does("otto", "decide_run", choice_for("abort"));
    EXPECT_EQ(newest_run(s).state, RunState::aborted);
    report_as(s, "web2", "failed", "system");
    s.refused("system", "report_run", step_body("web2", "failed")); // once
    s.does("system", "report_run", R"({"run":"run-3","steps":[{"name":"web1","state":"unknown"},
        {"name":"web3","state":"unknown"}]})");
    EXPECT_EQ(newest_run(s).steps[0].state, RunStepState::unknown);
    EXPECT_EQ(newest_run(s).steps[1].state, RunStepState::failed);
    EXPECT_EQ(newest_run(s).steps[2].state, RunStepState::unknown);
}

TEST(ParallelSteps, begin_in_time_each_of_them) {
    auto s = at_group();
    report_as(s, "web1", "running");
    s.now = at(window_end) + 1min;
    EXPECT_EQ(
        first(s.refused("ina", "report_run", R"({"run":"run-3","steps":[
            {"name":"web2","state":"running"},{"name":"web1","state":"succeeded"}]})"))
            .field,
        "window.end"
    );
    report_as(s, "web1", "succeeded"); // what was done is heard
    EXPECT_EQ(newest_run(s).state, RunState::waiting);
}

TEST(ParallelSteps, are_taken_back_one_after_the_other_and_the_retried_one_too) {
    auto s = with_steps({"web1/web", "web2/web", "web3/web"});
    for (const auto* step : {"web1", "web2", "web3"}) {
        RunbookStepOutline undo;
        undo.name = fmt::format("undo-{}", step);
        undo.kind = "command";
        undo.digest = sha256(undo.name);
        undo.undoes = step;
        s.change.runbooks.at("deployment").undo.push_back(undo);
    }
    s.replayed = s.change;
    s.does("ina", "start_run", deployment_elsewhere());
    for (const auto* step : {"web1", "web2"})
        report_as(s, step, "running");
    report_as(s, "web1", "failed");
    report_as(s, "web2", "failed");
    s.does(
        "otto", "decide_run", choice_for("retry", "web1")
    ); // it has run, and may have left something
    s.does("otto", "decide_run", choice_for("undo"));
    EXPECT_THAT(names(current_steps(newest_run(s))), ElementsAre("undo-web2"));
    s.refused("ina", "report_run", step_body("undo-web1", "running"));
    report_as(s, "undo-web2", "succeeded");
    report_as(s, "undo-web1", "succeeded");
    EXPECT_EQ(newest_run(s).state, RunState::aborted);
}

TEST(ParallelSteps, take_as_long_as_the_time_that_they_cover) {
    const Time ten = at(window_start);
    domain::Run run;
    run.started_at = ten;
    const auto step = [&](std::string name, std::string group, Span from, Span until) {
        RunStep one;
        one.name = std::move(name);
        one.parallel = std::move(group);
        one.state = RunStepState::succeeded;
        one.started_at = ten + from;
        one.ended_at = ten + until;
        return one;
    };
    run.steps = {
        step("drain", "", 0s, 60s), step("web1", "web", 60s, 180s), step("web2", "web", 70s, 100s),
        step(
            "web3", "web", 200s, 200s
        ), // told its end alone: it may have run since the group began
        step("verify", "", 200s, 210s)};
    const std::map<std::string, Span> expected{
        {"drain", 60s}, {"web1", 120s}, {"web2", 30s}, {"web3", 140s}, {"verify", 10s}};
    EXPECT_EQ(step_times(run), expected);
    EXPECT_EQ(time_taken(run), 210s);
    auto other = run;
    other.steps[3].state = RunStepState::skipped;
    EXPECT_EQ(time_taken(other), 60s + 120s + 10s);
    EXPECT_EQ(time_taken_where_both(run, other), 60s + 120s + 10s);
    // What is taken up again later has taken its time as well.
    other.steps[2].started_at = ten + 190s;
    other.steps[2].ended_at = ten + 195s;
    EXPECT_EQ(time_taken(other), 60s + 120s + 5s + 10s);
}

TEST(ParallelSteps, move_the_clock_by_the_longest_of_them) {
    auto s = at_group();
    const auto end = [&] { return *abort_clock(s.change, s.facts("otto"))->expected_end; };
    const auto smoke = s.policy.smoke_reserve;
    auto& steps = s.change.runbooks.at("deployment").steps;
    steps[2].timeout = 5min; // web2; the others have a minute each
    s.replayed = s.change;
    EXPECT_EQ(duration_of(s.change.runbooks.at("deployment")), 15min) << "its time limit";
    const auto began = s.now;
    EXPECT_EQ(end(), began + 5min + 1min + smoke);
    for (const auto* step : {"web1", "web2", "web3"})
        report_as(s, step, "running");
    EXPECT_EQ(end(), began + 5min + 1min + smoke);
    EXPECT_EQ(
        *abort_clock(s.change, s.facts("otto"))->point_of_no_return,
        abort_clock(s.change, s.facts("otto"))->abort_by - 1min - smoke
    );
    s.now += 2min;
    report_as(s, "web1", "succeeded");
    EXPECT_EQ(end(), began + 5min + 1min + smoke) << "web2 runs since the group began";
}

// --- no sequence of commands gets round the order -----------------------------------------------

const std::vector<std::string> order{"one",  "two/a", "three/a", "four/a",
                                     "five", "six/b", "seven/b", "eight"};

std::string name_of(std::size_t step) {
    return order[step].substr(0, order[step].find('/'));
}

// Written without the code under test: the first step of the group, by the list above.
std::size_t group_begin(std::size_t step) {
    static const std::vector<std::size_t> begins{0, 1, 1, 1, 4, 5, 5, 7};
    return begins[step];
}

std::size_t place_of(const std::string& name) {
    std::size_t step = 0;
    while (name_of(step) != name)
        ++step;
    return step;
}

// What the entries of a run add up to, read one by one.
struct Reading {
    std::vector<RunStepState> states = std::vector<RunStepState>(order.size());
    std::vector<int> begun = std::vector<int>(order.size());
    std::vector<int> retried = std::vector<int>(order.size());
    std::vector<bool> resumed = std::vector<bool>(order.size());
    std::size_t overlaps = 0;
    bool ended = false;

    void take(const StoredEvent& event) {
        if (event.type == RunStepReported::type)
            take_report(restore<RunStepReported>(json(event.data))->step);
        if (event.type == RunDecided::type)
            take_decision(restore<RunDecided>(json(event.data))->deviation);
        if (event.type == RunEnded::type)
            ended = restore<RunEnded>(json(event.data))->state == RunState::succeeded;
        if (ended)
            for (const auto state : states)
                RC_ASSERT(is_over(state));
    }

    static bool is_over(RunStepState state) {
        return state == RunStepState::succeeded || state == RunStepState::skipped;
    }

    void take_report(const RunStep& step) {
        const auto at = place_of(step.name);
        if (resumed[at] && step.state == RunStepState::succeeded) {
            resumed[at] = false; // says whose word it rests on
            return;
        }
        if (states[at] != RunStepState::running) {
            RC_ASSERT(!ended);
            RC_ASSERT(states[at] == RunStepState::pending);
            RC_ASSERT(begun[at]++ == retried[at]); // once, and once more for each retry
            for (std::size_t before = 0; before < group_begin(at); ++before)
                RC_ASSERT(is_over(states[before]));
            for (std::size_t i = 0; i < states.size(); ++i)
                overlaps += i != at && states[i] == RunStepState::running;
        }
        states[at] = step.state;
    }

    void take_decision(const Deviation& deviation) {
        const auto at = place_of(deviation.step);
        // Nothing is decided on while something runs, but for an abort.
        for (const auto state : states)
            RC_ASSERT(deviation.choice == DeviationChoice::abort || state != RunStepState::running);
        if (deviation.choice == DeviationChoice::retry) {
            retried[at] += begun[at] > retried[at];
            states[at] = RunStepState::pending;
        } else if (deviation.choice == DeviationChoice::skip) {
            states[at] = RunStepState::skipped;
        } else if (deviation.choice == DeviationChoice::resume) {
            RC_ASSERT(states[at] == RunStepState::failed || states[at] == RunStepState::unknown);
            states[at] = RunStepState::succeeded;
            resumed[at] = true;
        }
    }
};

// A few steps, most of them near where the run is.
std::string any_report(const Scenario& s) {
    static const std::vector<std::string> states{"running", "running",   "running", "succeeded",
                                                 "failed",  "succeeded", "unknown"};
    const auto current = current_steps(newest_run(s));
    std::string steps;
    for (std::size_t i = 0; i <= below(2); ++i) {
        const bool near = !current.empty() && below(6) > 0;
        const auto step =
            near ? current[below(current.size())]->name : name_of(below(order.size()));
        steps += fmt::format(
            R"({}{{"name":"{}","state":"{}"}})", steps.empty() ? "" : ",", step,
            states[below(states.size())]
        );
    }
    return fmt::format(R"({{"run":"run-3","steps":[{}]}})", steps);
}

std::string any_choice() {
    static const std::vector<std::string> choices{"retry", "skip", "resume", "retry", "resume"};
    return choice_for(
        choices[below(choices.size())], below(2) == 0 ? std::string() : name_of(below(order.size()))
    );
}

TEST(Properties, no_sequence_of_commands_gets_round_the_order_of_a_run) {
    static const auto begun = [](std::string_view executor) {
        auto s = with_steps(order);
        s.does(
            "ina", "start_run",
            executor == "system" ? R"({"purpose":"deployment"})" : deployment_elsewhere()
        );
        s.events.clear();
        return s;
    };
    static const Scenario here = begun("system");
    static const Scenario elsewhere = begun("ina");
    std::size_t overlaps = 0;
    std::size_t successes = 0;
    EXPECT_TRUE(rc::check([&] {
        const bool own = below(2) == 0;
        auto s = own ? here : elsewhere;
        for (std::size_t i = 0; i < 120; ++i) {
            if (below(4) > 0)
                (void)s.attempt(own ? "system" : "ina", "report_run", json(any_report(s)));
            else
                (void)s.attempt("otto", "decide_run", json(any_choice()));
        }
        Reading reading;
        for (const auto& event : s.events)
            reading.take(event);
        overlaps += reading.overlaps;
        successes += reading.ended;
    }));
    EXPECT_GT(overlaps, 0u) << "no two steps ever overlap: they prove nothing";
    EXPECT_GT(successes, 0u) << "no run ever ends: they prove little";
}

} // namespace
} // namespace slipway::domain::testing
