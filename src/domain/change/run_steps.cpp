// SPDX-License-Identifier: Apache-2.0
#include "domain/change/run_steps.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace slipway::domain {

namespace {

const std::vector<RunStep>& steps_in_hand(const Run& run) {
    return run.undo.empty() ? run.steps : run.undo;
}

const PinnedRunbook* runbook_of_run(const Change& change, const Run& run) {
    const auto* runbook = runbook_of(change, runbook_for(run.purpose));
    return runbook && runbook->digest == run.runbook ? runbook : nullptr;
}

} // namespace

RunStep pending_step(const std::string& name) {
    RunStep step;
    step.name = name;
    return step;
}

bool is_done(const RunStep& step) {
    return step.state == RunStepState::succeeded || step.state == RunStepState::skipped;
}

const RunStep* next_step(const Run& run) {
    const auto& steps = steps_in_hand(run);
    const auto next = std::find_if(steps.begin(), steps.end(), [](const RunStep& step) {
        return !is_done(step);
    });
    return next == steps.end() ? nullptr : &*next;
}

const RunStep* step_after(const Run& run, const std::string& name) {
    const auto& steps = steps_in_hand(run);
    const auto here = std::find_if(steps.begin(), steps.end(), [&](const RunStep& step) {
        return step.name == name;
    });
    return here == steps.end() || here + 1 == steps.end() ? nullptr : &*(here + 1);
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
    if (outline->kind == "manual" || outline->kind == "decision")
        return true;
    return (outline->confirm || !outline->second.empty()) && !is_confirmed(*outline, step);
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
        if (done->state == RunStepState::pending || done->state == RunStepState::skipped)
            continue;
        for (const auto& undo : runbook->undo)
            if (undo.undoes == done->name)
                steps.push_back(pending_step(undo.name));
    }
    return steps;
}

} // namespace slipway::domain
