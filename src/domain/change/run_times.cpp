// SPDX-License-Identifier: Apache-2.0
#include "domain/change/run_times.hpp"

#include <algorithm>

namespace slipway::domain {

namespace {

std::optional<Span> time_of(const std::map<std::string, Span>& times, const std::string& step) {
    const auto found = times.find(step);
    return found == times.end() ? std::nullopt : std::optional(found->second);
}

} // namespace

std::map<std::string, Span> step_times(const Run& run) {
    std::map<std::string, Span> times;
    Time before = run.started_at;
    for (const auto& step : run.steps) {
        if (!step.ended_at)
            continue;
        const bool says_when = step.started_at && *step.started_at < *step.ended_at;
        const Time began = says_when ? *step.started_at : before;
        if (step.state == RunStepState::succeeded)
            times[step.name] = std::max(Span::zero(), *step.ended_at - began);
        before = std::max(before, *step.ended_at);
    }
    return times;
}

Span time_taken(const Run& run) {
    Span all{};
    for (const auto& [step, took] : step_times(run))
        all += took;
    return all;
}

const Run* rehearsal_of(const Change& change, const Run& live) {
    if (!on_production(live.purpose))
        return nullptr;
    const auto rehearsed_as =
        live.purpose == RunPurpose::deployment ? RunPurpose::ring_deploy : RunPurpose::rehearsal;
    const Run* found = nullptr;
    for (const auto& run : change.runs) {
        if (run.id == live.id)
            break;
        if (run.purpose == rehearsed_as && run.runbook == live.runbook &&
            run.state == RunState::succeeded)
            found = &run;
    }
    return found;
}

std::vector<RunComparison> compare_with_rehearsals(const Change& change) {
    std::vector<RunComparison> comparisons;
    for (const auto purpose : {RunPurpose::deployment, RunPurpose::rollback}) {
        const auto* live = last_run(change, purpose);
        const auto* rehearsal = live ? rehearsal_of(change, *live) : nullptr;
        if (rehearsal == nullptr)
            continue;
        RunComparison comparison;
        comparison.run = live->id;
        comparison.purpose = purpose;
        comparison.rehearsal = rehearsal->id;
        comparison.ring = rehearsal->ring;
        comparison.rehearsed = time_taken(*rehearsal);
        comparison.live = time_taken(*live);
        const auto then = step_times(*rehearsal);
        const auto now = step_times(*live);
        for (const auto& step : live->steps)
            comparison.steps.push_back(
                {step.name, time_of(then, step.name), time_of(now, step.name)}
            );
        comparisons.push_back(std::move(comparison));
    }
    return comparisons;
}

} // namespace slipway::domain
