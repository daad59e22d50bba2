// SPDX-License-Identifier: Apache-2.0
// The clock of a deployment day: what it rests on, how it moves as the deployment slips, what it
// refuses, who is called, and who may give more time.
#include "domain/change/abort_clock.hpp"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/run_times.hpp"
#include "domain/change/testing/scenario.hpp"
#include "domain/change/timers.hpp"

namespace slipway::domain::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;

void set_times(Run& run, const std::vector<Span>& took) {
    Time reached = run.started_at;
    for (std::size_t i = 0; i < took.size(); ++i) {
        run.steps.at(i).started_at = reached;
        reached += took[i];
        run.steps.at(i).ended_at = reached;
    }
}

// Ready, and measured on the test ring: 13 minutes to deploy and 3 to test it, 7 minutes to go back
// and 2 to test that. The window ends at twelve.
const Scenario& measured() {
    static const Scenario story = [] {
        auto s = ready();
        set_times(s.change.runs.edit()[0], {2min, 10min, 1min});
        set_times(s.change.runs.edit()[1], {1min, 5min, 1min});
        for (auto& report : s.change.smoke_reports.edit())
            for (auto& result : report.results)
                result.took_ms = report.occasion == SmokeOccasion::staging ? 90'000 : 60'000;
        s.replayed = s.change;
        return s;
    }();
    return story;
}

void start_at_window(Scenario& s, std::string_view executor = "external") {
    s.does(
        "ina", "start_run",
        executor == "external" ? deployment_elsewhere()
                               : R"({"purpose":"deployment","executor":"local"})"
    );
}

std::string step_report(std::string_view step, std::string_view state) {
    return fmt::format(R"({{"run":"run-3","steps":[{{"name":"{}","state":"{}"}}]}})", step, state);
}

void report_then(
    Scenario& s, std::string_view step, std::string_view state, std::string_view who = "ina"
) {
    s.does(who, "report_run", step_report(step, state));
}

// The deployment has begun at 10:01 and its first step took this long.
Scenario under_way(Span drained = 2min) {
    auto s = measured();
    start_at_window(s);
    report_then(s, "drain", "running");
    s.now += drained;
    report_then(s, "drain", "succeeded");
    return s;
}

// Up to where one may look back on it.
void finish(Scenario& s) {
    if (last_run(s.change, RunPurpose::deployment)->steps.back().state != RunStepState::running)
        report_then(s, "verify", "running");
    report_then(s, "verify", "succeeded");
    s.complete("ina", "execute");
    s.smoke("ina", "production");
    s.complete("ina", "smoke_production");
}

AbortClock clock_of(const Scenario& s) {
    return abort_clock(s.change, s.facts("otto")).value();
}

TEST(RunTimes, are_those_of_the_steps_that_ended_well) {
    const Time ten = at(window_start);
    domain::Run run;
    run.started_at = ten;
    const auto step = [](std::string name, RunStepState state, std::optional<Time> from,
                         std::optional<Time> until) {
        return RunStep{std::move(name), state, from, until, 0, {}, {}, {}, 1};
    };
    run.steps = {
        step("command", RunStepState::succeeded, ten + 1s, ten + 60s),
        step("confirmed", RunStepState::succeeded, ten + 180s, ten + 180s),
        step("told its end", RunStepState::succeeded, std::nullopt, ten + 200s),
        step("skipped", RunStepState::skipped, {}, {}),
        step("failed", RunStepState::failed, ten + 210s, ten + 220s),
        step("to come", RunStepState::pending, {}, {}),
    };
    const std::map<std::string, Span> expected{
        {"command", 59s}, {"confirmed", 120s}, {"told its end", 20s}};
    EXPECT_EQ(step_times(run), expected);
    EXPECT_EQ(time_taken(run), 199s);
}

TEST(RunTimes, are_said_as_people_say_them) {
    EXPECT_EQ(spoken(0ms), "0ms");
    EXPECT_EQ(spoken(430ms), "430ms");
    EXPECT_EQ(spoken(1s), "1s");
    EXPECT_EQ(spoken(12s + 590ms), "12.5s");
    EXPECT_EQ(spoken(3min), "3m");
    EXPECT_EQ(spoken(3min + 7s + 900ms), "3m7s");
    EXPECT_EQ(spoken(26h + 20min + 59s), "26h20m");
}

TEST(AbortClock, is_the_windows_end_less_what_going_back_takes) {
    const struct {
        const char* what;
        const char* abort_by;
        const char* evidence; // part of one of the sentences
        std::function<void(Scenario&)> edit;
    } rows[] = {
        {"as rehearsed", "2026-11-26T11:46Z", "run-2 took 7m on staging", [](auto&) {}},
        {"smoke test not measured", "2026-11-26T11:33Z", "the policy keeps 15m",
         [](auto& s) {
             for (auto& result : s.change.smoke_reports.edit()[1].results)
                 result.took_ms = 0;
         }},
        {"smoke list edited since", "2026-11-26T11:33Z", "the policy keeps 15m",
         [](auto& s) { s.change.smoke_reports.edit()[1].list = sha256("another"); }},
        {"settled, with tries and pauses", "2026-11-26T11:36Z", "took 12m",
         [](auto& s) {
             auto& report = s.change.smoke_reports.edit()[1];
             report.source = SmokeSource::runner;
             report.began = report.at - 12min;
             for (auto& result : report.results)
                 result.took_ms = 4; // its last try
         }},
        {"written down an hour after it ended", "2026-11-26T11:36Z", "took 12m",
         [](auto& s) {
             auto& report = s.change.smoke_reports.edit()[1];
             report.source = SmokeSource::runner;
             report.began = report.at - 72min;
             report.ended = report.at - 60min;
         }},
        {"told later than it was seen", "2026-11-26T11:46Z", "took 2m",
         [](auto& s) {
             auto& report = s.change.smoke_reports.edit()[1];
             report.began = report.at - 12min;
         }},
        {"other bytes rehearsed", "2026-11-26T11:43Z", "its runbook allows 10m",
         [](auto& s) { s.change.runs.edit()[1].runbook = sha256("another"); }},
        {"the rehearsal failed", "2026-11-26T11:43Z", "its runbook allows 10m",
         [](auto& s) { s.change.runs.edit()[1].state = RunState::aborted; }},
        {"reported all at once", "2026-11-26T11:43Z", "its runbook allows 10m",
         [](auto& s) {
             set_times(s.change.runs.edit()[1], {0min, 0min, 0min});
         }},
        {"a step of the rehearsal was skipped", "2026-11-26T11:43Z",
         "run-2 on staging does not count: a step was skipped",
         [](auto& s) { s.change.runs.edit()[1].steps[1].state = RunStepState::skipped; }},
        {"a step of it failed and was taken as done", "2026-11-26T11:43Z",
         "run-2 on staging does not count: a step failed",
         [](auto& s) {
             const auto& run = s.change.runs.edit()[1];
             s.change.deviations.push_back(
                 {run.id, run.steps[1].name, "exit status 1", DeviationChoice::resume, "r",
                  PersonId("otto"), s.now}
             );
         }},
        {"its smoke test found a fault", "2026-11-26T11:33Z", "found a fault and measures nothing",
         [](auto& s) { s.change.smoke_reports.edit()[1].results[0].passed = false; }},
        {"another margin", "2026-11-26T11:31Z", "20m by the policy",
         [](auto& s) { s.policy.abort_by_margin = 20min; }},
        {"extended", "2026-11-26T12:16Z", "petra extended it from",
         [](auto& s) {
             s.change.extensions.push_back(
                 {at(window_end), at(window_end) + 30min, "r", PersonId("petra"), s.now}
             );
         }},
    };

    for (const auto& row : rows) {
        SCOPED_TRACE(row.what);
        auto s = measured();
        row.edit(s);
        const auto clock = clock_of(s);
        EXPECT_EQ(to_text(clock.abort_by), to_text(at(row.abort_by)));
        EXPECT_THAT(clock.evidence, Contains(HasSubstr(row.evidence)));
        EXPECT_TRUE(clock.run.empty());
        EXPECT_FALSE(clock.expected_end);
        EXPECT_EQ(clock.abort_by, clock.window_end - clock.rollback - clock.smoke - clock.margin);
    }
}

TEST(AbortClock, stands_still_where_nothing_can_be_aborted) {
    const auto none = [](const std::function<void(Scenario&)>& edit) {
        auto s = under_way();
        edit(s);
        return !abort_clock(s.change, s.facts("otto"));
    };
    EXPECT_FALSE(none([](auto&) {}));
    EXPECT_TRUE(none([](auto& s) { s.change.window.reset(); }));
    EXPECT_TRUE(none([](auto& s) { s.change.runbooks.edit().erase("rollback"); }));
    EXPECT_TRUE(none([](auto& s) { s.change.failed_because = "it burns"; }));
    EXPECT_TRUE(none([](auto& s) { s.change.closure = Closure{}; }));
}

TEST(AbortClock, moves_as_the_deployment_slips) {
    const struct {
        Span drained;
        const char* abort_by;
        const char* expected_end;
        std::optional<Span> slipped;
    } rows[] = {
        {1min, "2026-11-26T11:46Z", "2026-11-26T10:16Z", std::nullopt},
        {2min, "2026-11-26T11:46Z", "2026-11-26T10:17Z", std::nullopt},
        // Where production takes a quarter longer, seven minutes of rollback become 8:45.
        {150s, "2026-11-26T11:44:15Z", "2026-11-26T10:17:30Z", 30s},
        // And where it takes six times as long, the ten minutes that the runbook allows.
        {12min, "2026-11-26T11:43Z", "2026-11-26T10:27Z", 10min},
    };

    for (const auto& row : rows) {
        SCOPED_TRACE(to_text(row.drained));
        const auto clock = clock_of(under_way(row.drained));
        EXPECT_EQ(clock.run.value, "run-3");
        EXPECT_EQ(to_text(clock.abort_by), to_text(at(row.abort_by)));
        EXPECT_EQ(to_text(clock.expected_end.value()), to_text(at(row.expected_end)));
        EXPECT_EQ(clock.slipped, row.slipped);
        // Eleven minutes of steps and three of smoke tests are still to come.
        EXPECT_EQ(clock.point_of_no_return, clock.abort_by - 14min);
    }
}

TEST(AbortClock, looks_ahead_from_the_step_that_runs) {
    auto s = under_way();
    s.now += 5min; // somebody was waited for
    report_then(s, "switch", "running");
    const auto clock = clock_of(s);
    EXPECT_EQ(clock.expected_end, s.now + 14min);
    EXPECT_EQ(clock.point_of_no_return, clock.abort_by - 4min);
}

// What it says while the step is late is what it says when the step has ended.
TEST(AbortClock, counts_what_a_step_takes_while_it_takes_it) {
    auto s = under_way();
    report_then(s, "switch", "running");
    s.now += 10min; // as on the ring
    EXPECT_EQ(clock_of(s).abort_by, at("2026-11-26T11:46Z"));
    EXPECT_FALSE(clock_of(s).slipped);
    s.now += 3min;
    const auto late = clock_of(s);
    EXPECT_EQ(late.abort_by, at("2026-11-26T11:44:15Z"));
    EXPECT_EQ(late.slipped, Span(3min));
    EXPECT_EQ(late.expected_end, s.now + 4min);
    EXPECT_EQ(late.point_of_no_return, late.abort_by - 4min);
    for (const auto* end : {"succeeded", "failed"}) {
        SCOPED_TRACE(end);
        auto ended = s;
        report_then(ended, "switch", end);
        EXPECT_EQ(clock_of(ended).abort_by, late.abort_by);
        EXPECT_EQ(clock_of(ended).slipped, late.slipped);
    }
}

TEST(AbortClock, what_a_person_takes_makes_the_end_later_and_the_rollback_no_slower) {
    auto s = measured();
    s.change.runbooks.at("deployment").steps[0].kind = "manual";
    s.replayed = s.change;
    start_at_window(s);
    s.now += 1h;
    const auto waiting = clock_of(s);
    EXPECT_EQ(waiting.abort_by, at("2026-11-26T11:46Z"));
    EXPECT_EQ(waiting.expected_end, s.now + 14min);
    EXPECT_EQ(waiting.point_of_no_return, waiting.abort_by - 14min);
    EXPECT_EQ(waiting.slipped, Span(58min));
    s.does("ina", "confirm_step", R"({"run":"run-3","step":"drain","note":"seen"})");
    const auto confirmed = clock_of(s);
    EXPECT_EQ(encode(confirmed), encode(waiting));
}

TEST(AbortClock, steps_of_milliseconds_say_nothing_of_how_slow_production_is) {
    auto s = measured();
    set_times(s.change.runs.edit()[0], {2ms, 10min, 1min});
    s.replayed = s.change;
    start_at_window(s);
    report_then(s, "drain", "running");
    s.now += 204ms;
    report_then(s, "drain", "succeeded");
    EXPECT_EQ(clock_of(s).slipped, Span(202ms));
    EXPECT_EQ(clock_of(s).abort_by, at("2026-11-26T11:46Z"));
}

TEST(AbortClock, takes_the_limits_of_steps_that_were_never_measured) {
    auto s = ready(); // its runs took no time
    start_at_window(s);
    const auto clock = clock_of(s);
    EXPECT_EQ(clock.expected_end, s.now + 150s + s.policy.smoke_reserve);
    EXPECT_THAT(clock.evidence, Contains(HasSubstr("what their runbook allows each")));
}

TEST(AbortClock, runs_until_the_smoke_test_has_passed) {
    auto s = under_way();
    for (const auto* step : {"switch", "verify"})
        report_then(s, step, "succeeded");
    EXPECT_EQ(clock_of(s).point_of_no_return, clock_of(s).abort_by - 3min);
    s.smoke("ina", "production", false);
    EXPECT_TRUE(abort_clock(s.change, s.facts("otto")));
    // What was seen before the deployment ended is written down later, and ends nothing.
    s.now += 1min;
    s.does(
        "ina", "record_smoke",
        fmt::format(
            R"({{"occasion":"production","results":[{{"name":"front-page","passed":true}}],"began":"{}"}})",
            to_text(s.now - 2min)
        )
    );
    EXPECT_TRUE(abort_clock(s.change, s.facts("otto")));
    s.smoke("ina", "production");
    EXPECT_FALSE(abort_clock(s.change, s.facts("otto")));
}

TEST(AbortClock, past_it_no_further_step_begins) {
    auto s = under_way();
    s.now = clock_of(s).abort_by - 1s;
    auto before = s;
    report_then(before, "switch", "running");
    s.now += 1s;
    const auto error = s.refused("ina", "report_run", step_report("switch", "running"));
    EXPECT_EQ(first(error).gate, "run-exact");
    EXPECT_EQ(first(error).field, "abort_by");
    EXPECT_THAT(first(error).evidence, HasSubstr("abort-by 2026-11-26T11:46:00"));
    EXPECT_THAT(first(error).evidence, HasSubstr("rollback 7m"));
    EXPECT_THAT(first(error).remedy, HasSubstr("extend_window"));
    EXPECT_THAT(first(error).remedy, HasSubstr("roll_back"));
}

TEST(AbortClock, what_had_begun_is_heard_and_then_the_run_calls_its_owner) {
    for (const auto* executor : {"external", "local"}) {
        SCOPED_TRACE(executor);
        const auto* who = std::string_view(executor) == "local" ? "system" : "ina";
        auto s = measured();
        start_at_window(s, executor);
        s.now = at(window_end) - 15min;
        report_then(s, "drain", "running", who);
        s.now += 5min;
        s.tasks.clear();
        report_then(s, "drain", "succeeded", who);
        EXPECT_EQ(s.change.runs.back().steps[0].state, RunStepState::succeeded);
        EXPECT_EQ(s.change.runs.back().state, RunState::waiting);
        ASSERT_EQ(s.tasks.size(), 1u);
        EXPECT_THAT(s.tasks[0].payload, HasSubstr("past abort-by"));
        for (const auto* choice : {"retry", "skip"})
            EXPECT_EQ(
                first(s.refused(
                          "otto", "decide_run",
                          fmt::format(R"({{"run":"run-3","choice":"{}","reason":"r"}})", choice)
                      ))
                    .field,
                "abort_by"
            );
        auto aborted = s;
        aborted.does("otto", "decide_run", R"({"run":"run-3","choice":"abort","reason":"late"})");
        EXPECT_EQ(aborted.change.deviations.back().what, "past abort-by");
        s.does("pia", "roll_back", R"({"reason":"too late","executor":"external"})");
        s.does("pia", "confirm_step", R"({"run":"run-4","step":"turn-round","note":"seen"})");
    }
}

TEST(AbortClock, what_another_runner_did_is_heard_step_by_step_in_one_report) {
    auto s = measured();
    start_at_window(s);
    s.now = at(window_end) + 1min;
    s.does("ina", "report_run", R"({"run":"run-3","steps":[{"name":"drain","state":"succeeded"},
        {"name":"switch","state":"succeeded"}]})");
    const auto& run = s.change.runs.back();
    EXPECT_EQ(run.steps[1].state, RunStepState::succeeded);
    EXPECT_EQ(run.state, RunState::waiting);
}

TEST(AbortClock, past_it_nobody_decides_to_go_on) {
    auto s = measured();
    s.change.runbooks.at("deployment").steps[0].kind = "decision";
    s.replayed = s.change;
    start_at_window(s);
    s.now = clock_of(s).abort_by;
    EXPECT_EQ(
        first(s.refused("ina", "confirm_step", R"({"run":"run-3","step":"drain","note":"seen"})"))
            .field,
        "abort_by"
    );
}

TEST(AbortClock, a_rehearsal_that_was_left_waiting_leaves_no_time_to_deploy) {
    auto s = measured();
    set_times(s.change.runs.edit()[1], {3h, 5min, 1min});
    s.replayed = s.change;
    const auto error = s.refused("ina", "start_run", deployment_elsewhere());
    EXPECT_EQ(first(error).field, "abort_by");
    EXPECT_THAT(first(error).evidence, HasSubstr("run-2 took 3h6m"));
}

// As a clock that was never set makes them. Such times were taken as they came: two such spans
// overflowed, and abort-by was in the year 0, which nobody could read again.
TEST(AbortClock, a_record_with_impossible_times_still_has_one_that_can_be_kept) {
    auto s = under_way();
    auto& runs = s.change.runs.edit();
    for (auto& run : runs)
        for (auto& step : run.steps)
            if (step.ended_at) {
                step.started_at = Time{};
                step.ended_at = at("9999-12-31T23:00Z");
            }
    runs[0].steps[0].ended_at = Time{} + 1ms;
    for (auto& report : s.change.smoke_reports.edit())
        for (auto& result : report.results)
            result.took_ms = std::numeric_limits<std::uint32_t>::max();
    const auto clock = clock_of(s);
    EXPECT_EQ(clock.rollback, Span(limits::runbook_time_max));
    EXPECT_EQ(clock.abort_by, clock.window_end - 2 * limits::runbook_time_max - clock.margin);
    EXPECT_EQ(step_times(runs[1]).begin()->second, Span(limits::runbook_time_max));
}

TEST(Reports, of_another_runner_tell_times_that_can_be_true) {
    auto s = measured();
    start_at_window(s);
    report_then(s, "drain", "running");
    s.now += 10min;
    const auto body = [](std::string_view began, std::string_view ended) {
        std::string times;
        if (!began.empty())
            times += fmt::format(R"(,"started_at":"{}")", began);
        if (!ended.empty())
            times += fmt::format(R"(,"ended_at":"{}")", ended);
        return fmt::format(
            R"({{"run":"run-3","steps":[{{"name":"drain","state":"succeeded"{}}}]}})", times
        );
    };
    const auto then = [&](Span ago) { return to_text(s.now - ago); };

    const struct {
        std::string began, ended, field, says;
    } rows[] = {
        {"1970-01-01T00:00:00Z", "", "started_at", "more than 5m before the run began"},
        {then(16min), then(1min), "started_at", "more than 5m before the run began"},
        {"", then(16min), "ended_at", "more than 5m before the run began"},
        {"", "9999-12-31T23:00:00Z", "ended_at", "more than 5m ahead of this server's clock"},
        {then(-6min), "", "started_at", "more than 5m ahead of this server's clock"},
        {then(1min), then(2min), "ended_at", "is before the step began"},
    };

    for (const auto& row : rows) {
        const auto error = s.refused("ina", "report_run", body(row.began, row.ended));
        ASSERT_EQ(error.fields.size(), 1u) << row.began << row.ended;
        EXPECT_EQ(error.fields[0].field, "steps[0]." + row.field);
        EXPECT_THAT(error.fields[0].message, HasSubstr(row.says));
        EXPECT_THAT(error.fields[0].message, HasSubstr("leave the times out"));
    }
    // A clock that goes a little wrong is what clocks do.
    s.does("ina", "report_run", body(then(14min), then(-4min)));
}

std::size_t calls(const Scenario& s, std::string_view kind) {
    std::size_t count = 0;
    for (const auto& event : s.events)
        count += event.type == "reminded" && text_or_empty(json(event.data), "kind") == kind;
    return count;
}

TEST(AbortClock, calls_owner_and_implementer_ahead_of_the_point_of_no_return_and_at_abort_by) {
    auto s = under_way();
    const auto clock = clock_of(s);
    const auto alarm = *clock.point_of_no_return - s.policy.abort_by_lead;
    const auto wake = wake_at(s.change, s.facts("system"));
    EXPECT_TRUE(wake && *wake <= alarm);
    s.now = alarm - 1s;
    s.does("system", "tick");
    EXPECT_EQ(calls(s, "abort_by_near"), 0u);
    s.now = alarm;
    s.tasks.clear();
    s.does("system", "tick");
    EXPECT_EQ(calls(s, "abort_by_near"), 1u);
    // It stands since three minutes past ten; what is left takes 14 minutes from now.
    for (const auto* person : {"otto", "ina"})
        EXPECT_TRUE(std::any_of(s.tasks.begin(), s.tasks.end(), [&](const TaskDraft& task) {
            return task.kind == "page" &&
                   task.payload.find("must turn round by Thu 2026-11-26 ") != std::string::npos &&
                   task.payload.find("at Thu 2026-11-26 11:31 UTC if it") != std::string::npos &&
                   task.payload.find(fmt::format("\"person\":\"{}\"", person)) != std::string::npos;
        })) << person;
    s.does("system", "tick");
    EXPECT_EQ(calls(s, "abort_by_near"), 1u);
    s.now = clock.abort_by;
    s.does("system", "tick");
    s.does("system", "tick");
    EXPECT_EQ(calls(s, "abort_by_passed"), 1u);
    s.does("petra", "extend_window", R"({"until":"2026-11-26T12:45:00Z","reason":"nearly done"})");
    s.now = clock_of(s).abort_by - 1s;
    s.does("system", "tick");
    EXPECT_EQ(calls(s, "abort_by_near"), 2u) << "another end is another call";
    EXPECT_EQ(calls(s, "abort_by_passed"), 1u);
}

// Seven minutes of rollback are reckoned longer by seven twelfths of the time that passes: abort-by
// comes towards those who wait for the step.
TEST(AbortClock, calls_in_time_while_a_step_slips) {
    auto s = measured();
    start_at_window(s);
    s.change.runbooks.at("rollback").time_limit = 3h;
    s.replayed = s.change;
    report_then(s, "drain", "running");
    s.now += 2min;
    report_then(s, "drain", "succeeded");
    report_then(s, "switch", "running");
    for (int i = 0; i < 20 && calls(s, "abort_by_near") == 0; ++i) {
        s.now = std::max(s.now + 1s, wake_at(s.change, s.facts("system")).value());
        s.does("system", "tick");
    }
    EXPECT_EQ(calls(s, "abort_by_near"), 1u);
    EXPECT_GE(s.now, at("2026-11-26T10:59:44Z"));
    EXPECT_LE(s.now, at("2026-11-26T10:59:46Z"));
    EXPECT_EQ(calls(s, "abort_by_passed"), 0u);
}

TEST(AbortClock, a_server_that_slept_through_the_alarm_calls_once) {
    auto s = under_way();
    s.now = at(window_end);
    s.does("system", "tick");
    EXPECT_EQ(calls(s, "abort_by_near"), 0u);
    EXPECT_EQ(calls(s, "abort_by_passed"), 1u);
}

constexpr std::string_view half_an_hour = R"({"until":"2026-11-26T12:30:00Z","reason":"nearly"})";

TEST(Extension, is_refused) {
    const auto at_noon = [] {
        auto s = under_way();
        s.now = at(window_end);
        return s;
    };

    const struct {
        const char* what;
        const char* person;
        std::string_view body;
        const char* field; // of the first reason, or else the first field
        const char* said;  // part of the evidence, or of the field's message
        std::function<void(Scenario&)> edit;
    } rows[] = {
        {"an engineer", "lena", half_an_hour, "extensions", "owner otto", [](auto&) {}},
        {"the owner himself", "otto", half_an_hour, "extensions", "owner otto", [](auto&) {}},
        {"a manager who carries it out", "petra", half_an_hour, "extensions", "implementer petra",
         [](auto& s) { s.change.implementer = PersonId("petra"); }},
        {"no reason", "petra", R"({"until":"2026-11-26T12:30:00Z","reason":" "})", "reason",
         "only blanks", [](auto&) {}},
        {"no later end", "petra", R"({"until":"2026-11-26T12:00:00Z","reason":"r"})", "until",
         "must be later", [](auto&) {}},
        {"beyond the policy", "petra", R"({"until":"2026-11-26T13:00:01Z","reason":"r"})", "until",
         "asked for 3601s more", [](auto&) {}},
        {"beyond it in small steps", "petra", R"({"until":"2026-11-26T13:30:00Z","reason":"r"})",
         "until", "asked for 90m more",
         [](auto& s) {
             s.change.extensions.push_back(
                 {at(window_end), at(window_end) + 50min, "r", PersonId("paul"), s.now}
             );
         }},
        {"into a blackout", "petra", half_an_hour, "until", "blackout freeze: tills close",
         [](auto& s) {
             ASSERT_TRUE(put_record(
                 s.records, "blackout", "freeze",
                 R"({"id":"freeze","name":"the freeze","kind":"hard","reason":"tills close",
                     "recurrence":{"from":"2026-11-26T12:20","duration":"4h","zone":"UTC"}})"
             ));
             renew(s.records);
         }},
        {"into another change", "petra", half_an_hour, "until", "its window is 2026-11-26T12:10",
         [](auto& s) {
             s.others = {
                 {ChangeId("CHG-9"),
                  "Other",
                  {at("2026-11-26T12:10Z"), at("2026-11-26T13:00Z")},
                  {}}};
         }},
        {"for nothing", "petra", R"({"until":"2026-11-26T12:14:00Z","reason":"r"})", "until",
         "abort-by would be 2026-11-26T12:00:00", [](auto&) {}},
        {"after a failure", "petra", half_an_hour, "runs", "rolling_back",
         [](auto& s) {
             s.does("otto", "decide_run", R"({"run":"run-3","choice":"abort","reason":"r"})");
         }},
    };

    for (const auto& row : rows) {
        SCOPED_TRACE(row.what);
        auto s = at_noon();
        row.edit(s);
        const auto error = s.refused(row.person, "extend_window", row.body);
        const auto& field = error.reasons.empty() ? error.fields.at(0).field : first(error).field;
        const auto& said =
            error.reasons.empty() ? error.fields.at(0).message : first(error).evidence;
        EXPECT_EQ(field, row.field) << explain(error);
        EXPECT_THAT(said, HasSubstr(row.said));
    }
    auto s = ready();
    EXPECT_EQ(first(s.refused("petra", "extend_window", half_an_hour)).field, "runs");
    s = deployed();
    s.smoke("ina", "production");
    EXPECT_EQ(first(s.refused("petra", "extend_window", half_an_hour)).field, "runs");
}

TEST(Extension, lets_the_deployment_go_on_and_is_a_deviation) {
    auto s = under_way();
    s.now = at(window_end) - 10min;
    s.refused("ina", "report_run", step_report("switch", "running"));
    s.does("petra", "extend_window", half_an_hour);
    EXPECT_EQ(domain::window_end(s.change), at("2026-11-26T12:30Z"));
    EXPECT_EQ(s.change.window->end, at(window_end)) << "what was approved stays as it was";
    EXPECT_TRUE(is_approved(s.change));
    report_then(s, "switch", "running");
    s.now = at(window_end) + 1min; // beyond the agreed end
    report_then(s, "switch", "succeeded");
    EXPECT_EQ(s.change.runs.back().state, RunState::running);
    const auto deviations = deviations_on_production(s.change);
    ASSERT_EQ(deviations.size(), 1u);
    EXPECT_EQ(deviations[0].by.value, "petra");
    EXPECT_EQ(deviations[0].step, "switch");
    EXPECT_EQ(deviations[0].reason, "nearly");
    EXPECT_THAT(deviations[0].what, HasSubstr("extended from 2026-11-26T12:00:00"));
    finish(s);
    s.does("otto", "hold_review", R"({"went_to_plan":"most"})");
    EXPECT_THAT(s.change.review->deviations, HasSubstr("petra gave it more time: nearly"));
}

TEST(Extension, of_a_run_that_waits_for_a_person_says_how_he_confirms) {
    auto s = measured();
    s.change.runbooks.at("deployment").steps[0].kind = "manual";
    s.replayed = s.change;
    start_at_window(s);
    s.does("petra", "extend_window", half_an_hour);
    EXPECT_TRUE(s.has_said("confirm_step CHG-12 --run run-3 --step drain --note SEEN"));
    EXPECT_FALSE(s.has_said("--choice retry"));
}

TEST(Extension, of_a_run_that_stopped_leaves_going_on_to_its_owner) {
    auto s = under_way();
    report_then(s, "switch", "running");
    s.now = at(window_end) - 1min;
    report_then(s, "switch", "succeeded");
    EXPECT_EQ(s.change.runs.back().state, RunState::waiting);
    s.does("petra", "extend_window", half_an_hour);
    EXPECT_TRUE(s.has_said("--choice retry"));
    s.does("otto", "decide_run", R"({"run":"run-3","choice":"retry","reason":"there is time"})");
    EXPECT_EQ(s.change.deviations.back().what, "past abort-by") << "when the run stopped there";
    report_then(s, "verify", "running");
    report_then(s, "verify", "succeeded");
    EXPECT_EQ(s.change.runs.back().state, RunState::succeeded);
}

TEST(Timings, of_a_live_run_stand_beside_its_rehearsal_and_in_the_review) {
    auto s = under_way(6min);
    s.now += 9min;
    report_then(s, "switch", "succeeded");
    report_then(s, "verify", "running");
    const auto compared = compare_with_rehearsals(s.change);
    ASSERT_EQ(compared.size(), 1u);
    EXPECT_EQ(compared[0].run.value, "run-3");
    EXPECT_EQ(compared[0].rehearsal.value, "run-1");
    EXPECT_EQ(compared[0].ring, "staging");
    EXPECT_EQ(compared[0].rehearsed, 13min);
    EXPECT_EQ(compared[0].live, 15min);
    ASSERT_EQ(compared[0].steps.size(), 3u);
    EXPECT_EQ(compared[0].steps[0].rehearsed, 2min);
    EXPECT_EQ(compared[0].steps[0].live, 6min);
    EXPECT_EQ(compared[0].steps[1].live, 9min) << "since the step before it ended";
    EXPECT_FALSE(compared[0].steps[2].live);
    finish(s);
    s.does("otto", "hold_review", R"({"went_to_plan":"all"})");
    EXPECT_EQ(encode(s.change.review->timings), encode(compare_with_rehearsals(s.change)));
}

TEST(Timings, other_bytes_and_later_runs_are_no_rehearsal) {
    auto s = deployed();
    EXPECT_EQ(compare_with_rehearsals(s.change).size(), 1u);
    auto other = s;
    other.change.runs.edit()[0].runbook = sha256("another");
    EXPECT_TRUE(compare_with_rehearsals(other.change).empty());
    auto later = s;
    std::swap(later.change.runs.edit()[0], later.change.runs.edit()[2]);
    EXPECT_TRUE(compare_with_rehearsals(later.change).empty());
}

} // namespace
} // namespace slipway::domain::testing
