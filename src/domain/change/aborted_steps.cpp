// SPDX-License-Identifier: Apache-2.0
#include "domain/change/aborted_steps.hpp"

#include <algorithm>

#include "domain/change/paging.hpp"
#include "domain/change/run_steps.hpp"

namespace slipway::domain {

namespace {

// Another runbook may be pinned since, whose step of this name is another one. Where nobody has
// written it down it is what the runner gives a step.
Span time_limit_of(const Change& change, const Run& run, const RunStep& step) {
    if (step.time_limit)
        return *step.time_limit;
    const auto* outline = outline_of(change, run, step.name);
    return outline && outline->timeout > Span::zero() ? outline->timeout : step_timeout_default;
}

std::optional<StepLeft>
left_of(const Change& change, const Run& run, const RunStep& step, Time now) {
    const bool running = step.state == RunStepState::running;
    if (!running && step.state != RunStepState::unknown)
        return std::nullopt;
    const Time began = step.started_at.value_or(run.started_at);
    if (now >= began + limits::runbook_time_max)
        return std::nullopt;
    StepLeft left{step.name, {}, run.executor};
    const Time told_by = began + time_limit_of(change, run, step) + limits::step_end_grace;
    if (running && now < told_by)
        left.ends_by = told_by;
    return left;
}

// The command that tells how one of them ended.
std::string how_to_tell_end(const ChangeId& change, const RunId& run, const std::string& step) {
    return fmt::format(
        R"(slipway change report_run {} --run {} --steps '[{{"name": "{}", "state": "failed"}}]')",
        change.value, run.value, step
    );
}

// As long as nobody has told how they ended.
std::vector<const RunStep*> aborted_steps(const Run* run) {
    if (run == nullptr || run->state != RunState::aborted)
        return {};
    std::vector<const RunStep*> steps;
    for (const auto* list : {&run->steps, &run->undo})
        for (const auto& step : *list)
            if (step.state == RunStepState::running || step.state == RunStepState::unknown)
                steps.push_back(&step);
    return steps;
}

// The one whose end the report tells. That it is unknown is told once.
const RunStep* aborted_step(const Run* run, const StepReport& report) {
    const bool ended =
        report.state == RunStepState::succeeded || report.state == RunStepState::failed;
    for (const auto* step : aborted_steps(run))
        if (step->name == report.name && (ended || (report.state == RunStepState::unknown &&
                                                    step->state == RunStepState::running)))
            return step;
    return nullptr;
}

void call_to_look_again(Decider& decider, const Run& run, const RunStep& step) {
    const auto& change = decider.change();
    const auto what =
        fmt::format("{} of {} on {}: {}", step.name, run.id.value, run.ring, to_text(step.state));
    decider.say(fmt::format(
        "{} was closed before that end was told: see what runs on {} now", change.id.value, run.ring
    ));
    call(
        decider, change.change_owner,
        fmt::format("{} was closed, and a step of it ended since", change.id.value),
        fmt::format(
            "{}\n{}. The change was closed as {} before that was told: see what runs there now, "
            "and open a change for what is to be mended.\n",
            change.title, what, to_text(change.closure->outcome)
        )
    );
}

} // namespace

std::optional<StepLeft> step_left(const Change& change, const Run& run, Time now) {
    std::optional<StepLeft> found;
    if (run.state != RunState::aborted)
        return found;
    for (const auto* steps : {&run.steps, &run.undo})
        for (const auto& step : *steps)
            if (auto left = left_of(change, run, step, now); left && (!found || !found->ends_by))
                found = std::move(left);
    return found;
}

std::vector<LeftByRun> steps_left(const Change& change, Time now) {
    std::vector<LeftByRun> found;
    for (const auto& run : change.runs)
        if (auto left = step_left(change, run, now))
            found.push_back({&run, *std::move(left)});
    return found;
}

std::vector<LeftByRun>
steps_left_beside(const Change& change, const std::string& ring, Executor next, Time now) {
    auto found = steps_left(change, now);
    std::erase_if(found, [&](const LeftByRun& by) {
        const bool in_turn = by.run->executor == Executor::local && next == Executor::local;
        return by.run->ring != ring || (by.left.ends_by && in_turn);
    });
    return found;
}

std::optional<Reason>
still_at_work(const Change& change, const std::string& ring, std::string_view gate, Time now) {
    for (const auto& [run, left] : steps_left(change, now))
        if (run->ring == ring && left.ends_by)
            return Reason{
                std::string(gate), "runs." + run->id.value,
                "a step of an aborted run is still at work",
                fmt::format("{} of {} on {}", left.step, run->id.value, run->ring),
                how_it_ends(change.id, run->id, left)};
    return std::nullopt;
}

std::string how_it_ends(const ChangeId& change, const RunId& run, const StepLeft& left) {
    const auto tell = how_to_tell_end(change, run, left.step);
    if (!left.ends_by)
        return fmt::format(
            "See on its machine whether {} still runs, end it there, and report it ({})", left.step,
            tell
        );
    auto remedy = fmt::format(
        "Wait for its end: {}its own time limit ends it by {}. If that is too late, end it on its "
        "machine",
        left.executor == Executor::local ? "it was stopped, which takes seconds, and " : "",
        to_text(*left.ends_by)
    );
    if (left.executor == Executor::external)
        remedy += fmt::format(", and report it ({})", tell);
    return remedy;
}

bool is_of_aborted_steps(const Change& change, const ReportRun& body) {
    const auto* run = find_run(change, body.run);
    return !body.steps.empty() &&
           std::all_of(body.steps.begin(), body.steps.end(), [&](const StepReport& report) {
               return aborted_step(run, report) != nullptr;
           });
}

bool is_silent(const Change& change, const Run& run, const Facts& facts) {
    const auto left = step_left(change, run, facts.now);
    return left && !left->ends_by;
}

Result<void> require_end_alone(const Change& change, const ReportRun& body) {
    const auto steps = aborted_steps(find_run(change, body.run));
    if (steps.empty())
        return require_open(change);
    return fail_blocked(
        "the run has ended",
        {{"run-exact", body.run.value, "of an aborted run only the end of its steps is heard",
          "not heard of: " + names_of(steps),
          fmt::format(
              "Report that alone, as succeeded, failed or unknown: {}",
              how_to_tell_end(change.id, body.run, steps.front()->name)
          )}}
    );
}

Result<Decision>
report_aborted_steps(const Change& change, const ReportRun& body, const Facts& facts) {
    Decider decider(change, facts);
    for (const auto& report : body.steps) {
        const auto* run = find_run(decider.change(), body.run);
        const auto* aborted = aborted_step(run, report);
        if (aborted == nullptr)
            return fail_field("steps." + report.name, "is reported twice");
        RunStep step = *aborted;
        step.state = report.state;
        step.ended_at = std::min(report.ended_at.value_or(facts.now), facts.now);
        step.exit_status = report.exit_status.value_or(0);
        step.detail = report.detail;
        step.transcript = report.transcript;
        if (!facts.system)
            step.reported_by.insert(facts.actor);
        const bool looks_again =
            change.closure && on_production(run->purpose) && step.state != RunStepState::unknown;
        decider.emit(RunStepReported{body.run, step});
        if (looks_again)
            call_to_look_again(decider, *find_run(decider.change(), body.run), step);
    }
    return decider.finish();
}

void say_not_ended(Decider& decider) {
    const auto& change = decider.change();
    for (const auto& [run, left] : steps_left(change, decider.facts().now))
        decider.say(fmt::format(
            "{} of {} on {} {}: {}", left.step, run->id.value, run->ring,
            left.ends_by ? "is still at work"
                         : "may still be at work, nobody has told how it ended",
            how_it_ends(change.id, run->id, left)
        ));
}

} // namespace slipway::domain
