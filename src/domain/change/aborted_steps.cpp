// SPDX-License-Identifier: Apache-2.0
#include "domain/change/aborted_steps.hpp"

#include <algorithm>

#include "domain/change/paging.hpp"
#include "domain/change/ring_use.hpp"
#include "domain/change/run_steps.hpp"

namespace slipway::domain {

namespace {

// As long as nobody has told how they ended.
std::vector<const RunStep*> aborted_steps(const Run* run) {
    if (run == nullptr || run->state != RunState::aborted)
        return {};
    auto steps = current_steps(*run);
    std::erase_if(steps, [](const RunStep* step) {
        return step->state != RunStepState::running && step->state != RunStepState::unknown;
    });
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
            "and "
            "open a change for what is to be mended.\n",
            change.title, what, to_text(change.closure->outcome)
        )
    );
}

} // namespace

bool is_of_aborted_steps(const Change& change, const ReportRun& body) {
    const auto* run = find_run(change, body.run);
    return !body.steps.empty() &&
           std::all_of(body.steps.begin(), body.steps.end(), [&](const StepReport& report) {
               return aborted_step(run, report) != nullptr;
           });
}

bool is_silent(const Change& change, const Run& run, const Facts& facts) {
    const auto left = step_left(change, run, facts.now);
    return left && left->unknown;
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
    for (const auto& run : change.runs)
        if (const auto left = step_left(change, run, decider.facts().now))
            decider.say(fmt::format(
                "{} of {} on {} {}: {}", left->step, run.id.value, run.ring,
                left->unknown ? "may still be at work, nobody has told how it ended"
                              : "is still at work",
                how_it_ends(change.id, run.id, *left)
            ));
}

} // namespace slipway::domain
