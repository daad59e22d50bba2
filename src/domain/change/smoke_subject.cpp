// SPDX-License-Identifier: Apache-2.0
#include "domain/change/smoke_subject.hpp"

#include <algorithm>

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
            when_it_ran(subject ? &*subject : nullptr, began)};
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
    const auto others = report.ring_turn && !on_production(subject->where->purpose)
                            ? other_runs_since(change, *subject->where, *report.ring_turn)
                            : 0;
    if (others > 0)
        return SmokeMismatch{
            "another change's run was on the ring before the smoke list was recorded",
            fmt::format(
                "{} runs of other changes began on {} after {}", others, report.ring,
                subject->where->id.value
            ),
            "Run " + subject->where->id.value + " again on the ring, then its list"};
    return std::nullopt;
}

bool found_fault(const SmokeReport& report) {
    return !report.silent_agents.empty() || !report.new_alerts.empty() ||
           std::any_of(report.results.begin(), report.results.end(), [](const auto& result) {
               return !result.passed;
           });
}

} // namespace slipway::domain
