// SPDX-License-Identifier: Apache-2.0
#include "domain/change/run_times.hpp"

#include <algorithm>

#include "domain/change/run_steps.hpp"
#include "domain/runbook/parallel.hpp"

namespace slipway::domain {

namespace {

std::optional<Span> time_of(const std::map<std::string, Span>& times, const std::string& step) {
    const auto found = times.find(step);
    return found == times.end() ? std::nullopt : std::optional(found->second);
}

// A step that is done, and when it ran.
struct Stretch {
    std::string step;
    Time began{};
    Time ended{};
};

constexpr std::string_view times_remedy =
    "correct the clock of what reports, or leave the times out: then this server's clock counts";

Result<void>
require_told_time(std::optional<Time> told, std::string_view field, const Run& run, Time now) {
    const auto refuse = [&](std::string_view what) {
        return fail_field(
            std::string(field), fmt::format(
                                    "{} is more than {} {}; {}", to_text(*told),
                                    to_text(Span(limits::run_clock_skew_max)), what, times_remedy
                                )
        );
    };
    if (told && *told < run.started_at - limits::run_clock_skew_max)
        return refuse(fmt::format("before the run began, {}", to_text(run.started_at)));
    if (told && *told > now + limits::run_clock_skew_max)
        return refuse(fmt::format("ahead of this server's clock, {}", to_text(now)));
    return {};
}

bool says_when_it_ran(const RunStep& step) {
    return step.started_at && step.ended_at && *step.started_at < *step.ended_at;
}

bool is_by_hand(const PinnedRunbook& runbook, const std::string& name) {
    return std::any_of(runbook.steps.begin(), runbook.steps.end(), [&](const auto& outline) {
        return outline.name == name && done_by_person(outline);
    });
}

// What was told of a run after it was aborted says nothing of how long it took.
bool is_told_late(const Run& run, const RunStep& step) {
    return run.state == RunState::aborted && run.ended_at && *step.ended_at > *run.ended_at;
}

std::vector<Stretch> stretches_of(const Run& run) {
    std::vector<Stretch> stretches;
    Time reached = run.started_at; // by the steps so far ...
    Time before = reached;         // ... and by those before the group that this one is of
    for (std::size_t i = 0; i < run.steps.size(); ++i) {
        const auto& step = run.steps[i];
        if (i == 0 || !run_together(run.steps[i - 1], step))
            before = reached;
        if (!step.ended_at || is_told_late(run, step))
            continue;
        const Time began = says_when_it_ran(step) ? *step.started_at : before;
        if (step.state == RunStepState::succeeded)
            stretches.push_back(
                {step.name, began,
                 std::clamp(*step.ended_at, began, began + Span(limits::runbook_time_max))}
            );
        reached = std::max(reached, *step.ended_at);
    }
    return stretches;
}

// A time in which several ran counts once.
Span time_covered(std::vector<Stretch> stretches) {
    std::sort(stretches.begin(), stretches.end(), [](const Stretch& a, const Stretch& b) {
        return a.began < b.began;
    });
    Span all{};
    Time reached{};
    for (const auto& stretch : stretches) {
        all += std::max(Span::zero(), stretch.ended - std::max(reached, stretch.began));
        reached = std::max(reached, stretch.ended);
    }
    return all;
}

} // namespace

std::map<std::string, Span> step_times(const Run& run) {
    std::map<std::string, Span> times;
    for (const auto& stretch : stretches_of(run))
        times[stretch.step] = stretch.ended - stretch.began;
    return times;
}

Span time_taken(const Run& run) {
    return time_covered(stretches_of(run));
}

Span time_taken_where_both(const Run& run, const Run& other) {
    auto stretches = stretches_of(run);
    const auto others = step_times(other);
    std::erase_if(stretches, [&](const Stretch& one) { return !others.contains(one.step); });
    return time_covered(std::move(stretches));
}

std::map<std::string, Time> steps_in_hand_of(const Run& run, const PinnedRunbook& runbook) {
    std::map<std::string, Time> in_hand;
    Time reached = run.started_at;
    Time before = reached;
    bool done = true; // all before the group
    bool group_done = true;
    for (std::size_t i = 0; i < run.steps.size(); ++i) {
        const auto& step = run.steps[i];
        if (i == 0 || !run_together(run.steps[i - 1], step)) {
            before = reached;
            done = done && group_done;
        }
        if (step.ended_at)
            reached = std::max(reached, *step.ended_at);
        group_done = group_done && is_done(step);
        if (step.state == RunStepState::running && step.started_at)
            in_hand[step.name] = std::max(before, *step.started_at);
        else if (step.state == RunStepState::pending && done && is_active(run) && is_by_hand(runbook, step.name))
            in_hand[step.name] = before;
    }
    return in_hand;
}

Run with_overruns(
    const Run& run, const PinnedRunbook& runbook, const std::map<std::string, Span>& expected,
    Time now
) {
    Run late = run;
    const auto in_hand = steps_in_hand_of(run, runbook);
    for (auto& step : late.steps) {
        const auto takes = expected.find(step.name);
        if (takes == expected.end())
            continue;
        const auto since = in_hand.find(step.name);
        const bool failed = awaits_decision(step) && says_when_it_ran(step);
        if (failed && *step.ended_at - *step.started_at > takes->second) {
            step.state = RunStepState::succeeded;
        } else if (since != in_hand.end() && now - since->second > takes->second) {
            step.state = RunStepState::succeeded;
            step.started_at = since->second;
            step.ended_at = now;
        }
    }
    return late;
}

Run without_people(Run run, const PinnedRunbook& runbook) {
    for (auto& step : run.steps)
        if (is_by_hand(runbook, step.name) ||
            (!step.confirmed_by.empty() && !says_when_it_ran(step)))
            step.state = RunStepState::skipped;
    return run;
}

Result<void> require_told_times(const Run& run, const ReportRun& body, Time now) {
    std::map<std::string, std::optional<Time>> begins;
    for (const auto& step : run.steps)
        begins[step.name] = step.started_at;
    for (std::size_t i = 0; i < body.steps.size(); ++i) {
        const auto& step = body.steps[i];
        TRY(require_told_time(step.started_at, fmt::format("steps[{}].started_at", i), run, now));
        const auto ended = fmt::format("steps[{}].ended_at", i);
        TRY(require_told_time(step.ended_at, ended, run, now));
        auto& began = begins[step.name];
        if (step.started_at)
            began = step.started_at;
        // When it began may have been told earlier, or be what our clock said then.
        const auto skew = step.started_at ? Span{} : Span(limits::run_clock_skew_max);
        if (began && step.ended_at && *step.ended_at < *began - skew)
            return fail_field(
                ended, fmt::format(
                           "{} is before the step began, {}; {}", to_text(*step.ended_at),
                           to_text(*began), times_remedy
                       )
            );
    }
    return {};
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
