// SPDX-License-Identifier: Apache-2.0
#include "domain/change/smoke_subject.hpp"

#include <algorithm>

#include "domain/change/rehearsal_proof.hpp"
#include "domain/change/ring_use.hpp"

namespace slipway::domain {

namespace {

std::string named(const SmokeSubject& subject) {
    return subject.run.empty() ? "the return to the snapshots" : subject.run.value;
}

std::string when_it_ran(const SmokeSubject* subject, Time began) {
    return fmt::format(
        "ran {}, {}", to_text(began),
        subject == nullptr ? "there was no run"
        : subject->since   ? fmt::format("{} ended {}", named(*subject), to_text(*subject->since))
                           : named(*subject) + " has not ended"
    );
}

// Our own runner alone says until when it looked.
const Run* run_meanwhile(
    const Change& change, const SmokeReport& report, const SmokeSubject& subject, Time began
) {
    if (report.source != SmokeSource::runner)
        return nullptr;
    const auto ended = report.ended.value_or(report.at);
    for (const auto& run : change.runs)
        if (run.id != subject.run && run.ring == report.ring && run.started_at < ended &&
            (!run.ended_at || *run.ended_at > began))
            return &run;
    return nullptr;
}

// A step that went on when its run was aborted, until after the list had begun.
const RunStep* step_meanwhile(const Run& run, Time began) {
    if (run.state != RunState::aborted || run.started_at > began)
        return nullptr;
    for (const auto* steps : {&run.steps, &run.undo})
        for (const auto& step : *steps)
            if (step.state != RunStepState::pending && step.ended_at && *step.ended_at > began)
                return &step;
    return nullptr;
}

std::optional<SmokeMismatch>
beside_cut_step(const Change& change, const SmokeReport& report, Time began) {
    for (const auto& run : change.runs)
        if (const auto* step = run.ring == report.ring ? step_meanwhile(run, began) : nullptr)
            return SmokeMismatch{
                "a step of an aborted run was at work when the smoke list ran",
                fmt::format(
                    "{} ran {}, {} of {} ended {}", report.id, to_text(began), step->name,
                    run.id.value, to_text(*step->ended_at)
                )};
    return std::nullopt;
}

// On a test ring: the run of the change that took the place of the one that is judged before the
// list looked there. In the same moment its number on the ring says which was first.
const Run* own_run_between(
    const Change& change, const SmokeReport& report, const SmokeSubject& subject, Time began
) {
    bool since = false;
    for (const auto& run : change.runs) {
        const bool first = run.ring_turn && report.ring_turn ? *run.ring_turn <= *report.ring_turn
                                                             : run.started_at < began;
        if (since && run.ring == report.ring && run.started_at <= began && first)
            return &run;
        since = since || run.id == subject.where->id;
    }
    return nullptr;
}

// What a run left on a test ring is gone with the next one there.
std::string once_more(const Change& change, SmokeOccasion occasion) {
    return fmt::format(
        "{}, then run the list (slipway change run_smoke {} --occasion {})",
        how_to_run_again(change, run_tested_on(occasion)), change.id.value, to_text(occasion)
    );
}

} // namespace

std::optional<SmokeSubject> smoke_subject(const Change& change, SmokeOccasion occasion) {
    const auto* run = last_run(change, run_tested_on(occasion));
    const bool succeeded = run != nullptr && run->state == RunState::succeeded;
    if (occasion == SmokeOccasion::rollback)
        if (const auto back = rolled_back_at(change); back && (!succeeded || back > run->ended_at))
            return SmokeSubject{{}, last_run(change, RunPurpose::deployment), back};
    if (run == nullptr)
        return std::nullopt;
    return SmokeSubject{run->id, run, run->ended_at};
}

bool is_superseded(const Change& change, SmokeOccasion occasion, const RunId& run) {
    const auto subject = smoke_subject(change, occasion);
    return !run.empty() && (!subject || subject->run != run);
}

std::optional<SmokeMismatch> mismatch_of(const Change& change, const SmokeReport& report) {
    const auto subject = smoke_subject(change, report.occasion);
    const auto began = report.began.value_or(report.at);
    if (is_superseded(change, report.occasion, report.run))
        return SmokeMismatch{
            "the smoke list tested another run",
            fmt::format(
                "{} tested {}, the last is {}", report.id, report.run.value,
                subject ? named(*subject) : "none"
            )};
    if (!subject || !subject->since || began < *subject->since)
        return SmokeMismatch{
            "the smoke list ran before the run that it judges",
            when_it_ran(subject ? &*subject : nullptr, began) +
                (report.source == SmokeSource::junit ? " by the report's own time stamps" : "")};
    if (report.ring != subject->where->ring)
        return SmokeMismatch{
            "the smoke list tested another ring",
            fmt::format(
                "{} tested {}, {} went to {}", report.id, report.ring, subject->where->id.value,
                subject->where->ring
            )};
    if (const auto* other = run_meanwhile(change, report, *subject, began))
        return SmokeMismatch{
            "another run was under way while the smoke list ran",
            fmt::format(
                "{} ran from {} to {}, {} began {}", report.id, to_text(began),
                to_text(report.ended.value_or(report.at)), other->id.value,
                to_text(other->started_at)
            )};
    if (auto beside = beside_cut_step(change, report, began))
        return beside;
    if (on_production(subject->where->purpose))
        return std::nullopt;
    if (const auto* run = own_run_between(change, report, *subject, began))
        return SmokeMismatch{
            "another run was on the ring before the smoke list ran",
            fmt::format(
                "{} ({}) began on {} after {}, {}", run->id.value, to_text(run->purpose), run->ring,
                subject->where->id.value, to_text(run->started_at)
            ),
            once_more(change, report.occasion)};
    const auto others =
        report.ring_turn ? other_runs_since(change, *subject->where, *report.ring_turn) : 0;
    if (others > 0)
        return SmokeMismatch{
            "another change's run was on the ring before the smoke list was recorded",
            fmt::format(
                "{} runs of other changes began on {} after {}", others, report.ring,
                subject->where->id.value
            ),
            once_more(change, report.occasion)};
    return std::nullopt;
}

bool found_fault(const SmokeReport& report) {
    return !report.silent_agents.empty() || !report.new_alerts.empty() ||
           std::any_of(report.results.begin(), report.results.end(), [](const auto& result) {
               return !result.passed;
           });
}

} // namespace slipway::domain
