// SPDX-License-Identifier: Apache-2.0
#include "domain/change/run_steps.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "domain/runbook/parallel.hpp"

namespace slipway::domain {

namespace {

const std::vector<RunStep>& steps_in_hand(const Run& run) {
    return run.undo.empty() ? run.steps : run.undo;
}

// The group around this step as [begin, end); the step alone when it is of none.
struct Group {
    std::size_t begin = 0;
    std::size_t end = 0;
};

Group group_of(const std::vector<RunStep>& steps, std::size_t step) {
    Group group{step, step + 1};
    while (group.begin > 0 && run_together(steps[group.begin - 1], steps[group.begin]))
        --group.begin;
    while (group.end < steps.size() && run_together(steps[group.end - 1], steps[group.end]))
        ++group.end;
    return group;
}

const PinnedRunbook* runbook_of_run(const Change& change, const Run& run) {
    const auto* runbook = runbook_of(change, runbook_for(run.purpose));
    return runbook && runbook->digest == run.runbook ? runbook : nullptr;
}

} // namespace

RunStep pending_step(const RunbookStepOutline& outline) {
    RunStep step;
    step.name = outline.name;
    step.parallel = outline.parallel;
    if (outline.timeout > Span::zero())
        step.time_limit = outline.timeout;
    return step;
}

bool is_done(const RunStep& step) {
    return step.state == RunStepState::succeeded || step.state == RunStepState::skipped;
}

bool awaits_decision(const RunStep& step) {
    return step.state == RunStepState::failed || step.state == RunStepState::unknown;
}

std::vector<const RunStep*> current_steps(const Run& run) {
    const auto& steps = steps_in_hand(run);
    const auto first = std::find_if_not(steps.begin(), steps.end(), is_done) - steps.begin();
    std::vector<const RunStep*> current;
    if (const auto at = static_cast<std::size_t>(first); at < steps.size())
        for (auto i = at; i < group_of(steps, at).end; ++i)
            if (!is_done(steps[i]))
                current.push_back(&steps[i]);
    return current;
}

std::vector<const RunStep*> running_steps(const Run& run) {
    auto steps = current_steps(run);
    std::erase_if(steps, [](const RunStep* step) { return step->state != RunStepState::running; });
    return steps;
}

std::string names_of(const std::vector<const RunStep*>& steps) {
    std::string names;
    for (const auto* step : steps)
        names += (names.empty() ? "" : ", ") + step->name;
    return names;
}

std::vector<const RunStep*> steps_behind(const Run& run, const std::string& name) {
    const auto& steps = steps_in_hand(run);
    std::vector<const RunStep*> behind;
    const auto here = std::find_if(steps.begin(), steps.end(), [&](const RunStep& step) {
        return step.name == name;
    });
    if (here == steps.end())
        return behind;
    const auto begin = group_of(steps, static_cast<std::size_t>(here - steps.begin())).end;
    if (begin < steps.size())
        for (auto i = begin; i < group_of(steps, begin).end; ++i)
            behind.push_back(&steps[i]);
    return behind;
}

std::vector<NotAsWritten> steps_not_as_written(const Change& change, const Run& run) {
    std::vector<NotAsWritten> found;
    for (const auto& step : run.steps)
        if (step.state == RunStepState::skipped)
            found.push_back({step.name, "a step was skipped", run.id.value});
    for (const auto& deviation : change.deviations)
        if (deviation.run == run.id && deviation.choice == DeviationChoice::resume)
            found.push_back({deviation.step, "a step failed", deviation.what});
    return found;
}

const RunStep* next_step(const Run& run) {
    const auto steps = current_steps(run);
    const auto stopped = std::find_if(steps.begin(), steps.end(), [](const RunStep* step) {
        return awaits_decision(*step);
    });
    if (stopped != steps.end())
        return *stopped;
    return steps.empty() ? nullptr : steps.front();
}

RunbookPurpose runbook_for(RunPurpose purpose) {
    return purpose == RunPurpose::ring_deploy || purpose == RunPurpose::deployment
               ? RunbookPurpose::deployment
               : RunbookPurpose::rollback;
}

const RunbookStepOutline*
outline_of(const Change& change, const Run& run, const std::string& name) {
    const auto* runbook = runbook_of_run(change, run);
    if (runbook == nullptr)
        return nullptr;
    for (const auto* list : {&runbook->steps, &runbook->undo})
        for (const auto& step : *list)
            if (step.name == name)
                return &step;
    return nullptr;
}

bool is_confirmed(const RunbookStepOutline& outline, const RunStep& step) {
    return !step.confirmed_by.empty() && (outline.second.empty() || !step.seconded_by.empty());
}

bool waits_for_person(const RunbookStepOutline* outline, const RunStep& step) {
    if (outline == nullptr)
        return false;
    if (done_by_person(*outline))
        return true;
    return (outline->confirm || !outline->second.empty()) && !is_confirmed(*outline, step);
}

bool waits_to_be_confirmed(const Change& change, const Run& run, const RunStep& step) {
    return !awaits_decision(step) && waits_for_person(outline_of(change, run, step.name), step);
}

bool done_by_person(const RunbookStepOutline& outline) {
    return outline.kind == "manual" || outline.kind == "decision";
}

std::string
how_to_confirm(const Change& change, const RunId& run, const RunbookStepOutline& outline) {
    return fmt::format(
        "slipway change confirm_step {} --run {} --step {}{}", change.id.value, run.value,
        outline.name, done_by_person(outline) ? " --note SEEN" : ""
    );
}

Result<Digest> approved_step(const Change& change, const Run& run, const StepReport& report) {
    const auto* outline = outline_of(change, run, report.name);
    if (outline != nullptr && (report.digest == Digest{} || report.digest == outline->digest))
        return outline->digest;
    // How a step ended is heard whatever is pinned now; it only does not begin.
    if (outline == nullptr && report.state != RunStepState::running)
        return report.digest;
    return fail_blocked(
        "other bytes than the approved ones never run",
        {{"run-exact", "steps." + report.name,
          outline ? "this is not the step of the pinned runbook"
                  : "another runbook was pinned since the run began",
          outline ? fmt::format("ran {}, pinned {}", report.digest.hex(), outline->digest.hex())
                  : "began with " + run.runbook.hex(),
          "Abort the run (decide_run) and start one of the pinned runbook"}}
    );
}

Result<void> require_pinned(const Change& change, const Run& run) {
    const auto* pinned = runbook_of(change, runbook_for(run.purpose));
    if (pinned && pinned->digest == run.runbook)
        return {};
    return fail_blocked(
        "other bytes than the approved ones never run",
        {{"run-exact", run.id.value, "another runbook was pinned since the run began",
          "began with " + run.runbook.hex(),
          "Abort the run (decide_run) and start one of the pinned runbook"}}
    );
}

std::vector<RunStep> undo_steps(const Change& change, const Run& run) {
    std::vector<RunStep> steps;
    const auto* runbook = runbook_of_run(change, run);
    if (runbook == nullptr)
        return steps;
    for (auto done = run.steps.rbegin(); done != run.steps.rend(); ++done) {
        // What was done by hand began with the word of the first of its two people.
        const auto* outline = outline_of(change, run, done->name);
        const bool said = outline != nullptr && outline->kind == "manual" &&
                          (!done->confirmed_by.empty() || !done->seconded_by.empty());
        const bool never_began =
            done->state == RunStepState::pending && done->attempts == 0 && !said;
        if (never_began || done->state == RunStepState::skipped)
            continue;
        for (const auto& undo : runbook->undo)
            if (undo.undoes == done->name)
                steps.push_back(pending_step(undo));
    }
    return steps;
}

const Deviation* undo_decision(const Change& change, const Run& run) {
    for (const auto& deviation : change.deviations)
        if (deviation.run == run.id && deviation.choice == DeviationChoice::undo)
            return &deviation;
    return nullptr;
}

bool is_among(const std::vector<RunStep>& steps, const std::string& name) {
    return std::any_of(steps.begin(), steps.end(), [&](const RunStep& step) {
        return step.name == name;
    });
}

std::string undo_block_of(const Change& change, const Run& run, const std::string& step) {
    const auto* runbook = runbook_of_run(change, run);
    if (runbook != nullptr)
        for (const auto& undo : runbook->undo)
            if (undo.undoes == step)
                return undo.name;
    return {};
}

} // namespace slipway::domain
