// SPDX-License-Identifier: Apache-2.0
#include "domain/change/abort_clock.hpp"

#include <algorithm>

#include "domain/change/rehearsal_proof.hpp"
#include "domain/change/run_steps.hpp"
#include "domain/change/run_times.hpp"
#include "domain/change/smoke_subject.hpp"
#include "domain/change/way_back.hpp"
#include "domain/runbook/parallel.hpp"

namespace slipway::domain {

namespace {

std::string why_not_counted(const Change& change, const Run& run) {
    if (const auto other = steps_not_as_written(change, run); !other.empty())
        return fmt::format("{} ({})", other.front().what, other.front().step);
    const auto elsewhere = run.purpose == RunPurpose::rehearsal
                               ? not_from_the_deployment(change, run)
                               : std::optional<Staleness>{};
    return elsewhere ? fmt::format("{} ({})", elsewhere->message, elsewhere->evidence) : "";
}

// The last run of exactly these bytes on the test ring that went well, every step as written, and
// took time. A step that was skipped, or failed at once and was taken as done, took no time that
// says anything; nor does what another runner reports all at once, or a rehearsal that went back
// from something else than the deployment. Of a run that does not count it is said why.
const Run* measured(
    const Change& change, RunPurpose purpose, const PinnedRunbook& runbook,
    std::vector<std::string>& evidence
) {
    for (auto run = change.runs.rbegin(); run != change.runs.rend(); ++run) {
        if (run->purpose != purpose || run->runbook != runbook.digest ||
            run->state != RunState::succeeded || time_taken(*run) == Span::zero())
            continue;
        const auto why = why_not_counted(change, *run);
        if (why.empty())
            return &*run;
        evidence.push_back(fmt::format("{} on {} does not count: {}", run->id.value, run->ring, why)
        );
    }
    return nullptr;
}

// A window is no longer than a runbook may take: beyond that, more makes no difference, and figures
// that a wrong clock once told are not multiplied with each other.
Span at_most(Span span) {
    return std::min(span, Span(limits::runbook_time_max));
}

// From its first check to its last one: what lies between two of them counts too, and in older
// reports of the runner a check has only its last try. Of what others report without saying when it
// ended only the checks' own times are known, since they may have waited before they told us.
Span time_of(const SmokeReport& report) {
    Span took{};
    for (const auto& result : report.results)
        took += Span(result.took_ms);
    if (report.began && (report.ended || report.source == SmokeSource::runner))
        took = std::max(took, report.ended.value_or(report.at) - *report.began);
    return at_most(took);
}

// What the smoke list of the runbook took on the test ring; the policy's reserve when nobody knows.
// A list that found a fault may have ended early, or waited long for what never came.
Span smoke_time(
    const Change& change, const Facts& facts, SmokeOccasion occasion, const PinnedRunbook& runbook,
    std::vector<std::string>& evidence
) {
    const auto name = occasion == SmokeOccasion::rehearsal ? "rollback" : "deployment";
    const auto* report = last_smoke(change, occasion);
    const bool known = report != nullptr && report->list == runbook.smoke_digest;
    const bool faulty = known && found_fault(*report);
    const auto took = known && !faulty ? time_of(*report) : Span::zero();
    if (took == Span::zero()) {
        evidence.push_back(fmt::format(
            "smoke test of the {}: {}, the policy keeps {}", name,
            faulty ? report->id + " found a fault and measures nothing" : "not measured",
            spoken(facts.policy->smoke_reserve)
        ));
        return facts.policy->smoke_reserve;
    }
    evidence.push_back(
        fmt::format("smoke test of the {}: {} took {}", name, report->id, spoken(took))
    );
    return took;
}

// Of the steps that are done, or have taken longer already than they should.
struct Progress {
    Span live{}; // what they took ...
    Span ring{}; // ... and what the same steps took on the test ring
};

Progress progress_of(const Run& live, const Run& ring) {
    return {at_most(time_taken_where_both(live, ring)), at_most(time_taken_where_both(ring, live))};
}

// How long going back takes: as rehearsed, and longer where production's machines were slower so
// far. The runbook's own limits bound it, since no step is begun after them.
void reckon_rollback(
    const Change& change, const PinnedRunbook& back, const Progress& progress, AbortClock& clock
) {
    const auto limit = duration_of(back);
    const auto* rehearsal = measured(change, RunPurpose::rehearsal, back, clock.evidence);
    if (rehearsal == nullptr) {
        clock.rollback = limit;
        clock.evidence.push_back(fmt::format(
            "rollback: not measured with these bytes, its runbook allows {}", spoken(limit)
        ));
        return;
    }
    clock.rehearsed = true;
    const auto took = at_most(time_taken(*rehearsal));
    clock.rollback = took;
    clock.evidence.push_back(fmt::format(
        "rollback: {} took {} on {}, {}", rehearsal->id.value, spoken(took), rehearsal->ring,
        to_text(rehearsal->ended_at.value_or(rehearsal->started_at))
    ));
    // Of steps of milliseconds a fraction of a second is a large part, and tells nothing.
    const auto ring = std::max(progress.ring, Span(limits::slowness_measured_min));
    if (progress.ring == Span::zero() || progress.live <= ring)
        return;
    const Span slower(took.count() * progress.live.count() / ring.count());
    clock.rollback = std::clamp(slower, took, std::max(took, limit));
    clock.evidence.push_back(fmt::format(
        "production took {} so far where the test ring took {}: the rollback is reckoned at {}",
        spoken(progress.live), spoken(progress.ring), spoken(clock.rollback)
    ));
}

// What each step is reckoned to take: as on the ring, or what its runbook allows.
Span reckoned(
    const PinnedRunbook& runbook, const std::map<std::string, Span>& ring, const std::string& name
) {
    if (const auto known = ring.find(name); known != ring.end())
        return known->second;
    for (const auto& step : runbook.steps)
        if (step.name == name)
            return step.timeout;
    return Span::zero();
}

// Walks through the steps: those that are done move the time on as they did, the others as
// reckoned, from now on at the earliest; of a group the longest one counts.
void look_ahead(
    const Run& live, const PinnedRunbook& forth, const Run* ring, Span smoke, Time now,
    AbortClock& clock
) {
    const auto times = ring ? step_times(*ring) : std::map<std::string, Span>{};
    const auto in_hand = steps_in_hand_of(live, forth);
    Time reached = live.started_at; // what is done had ended
    Time busy = now;                // until then what is in hand is reckoned to take
    Span after = smoke;
    Span longest{}; // of the steps to come of the group
    for (std::size_t i = 0; i < live.steps.size(); ++i) {
        const auto& step = live.steps[i];
        if (i == 0 || !run_together(live.steps[i - 1], step))
            longest = {};
        if (step.ended_at)
            reached = std::max(reached, *step.ended_at);
        if (is_done(step))
            continue;
        const auto takes = reckoned(forth, times, step.name);
        if (const auto since = in_hand.find(step.name); since != in_hand.end()) {
            busy = std::max(busy, since->second + takes);
        } else {
            after += std::max(Span::zero(), takes - longest);
            longest = std::max(longest, takes);
        }
    }
    if (live.ended_at)
        reached = std::max(reached, *live.ended_at);
    clock.expected_end = std::max(reached, busy) + after;
    clock.point_of_no_return = clock.abort_by - after;
}

// When the next of the steps in hand will have taken longer than on the test ring.
std::optional<Time> next_overrun(const Change& change, const Facts& facts) {
    const auto* live = deployment_under_way(change, facts);
    const auto* forth = runbook_of(change, RunbookPurpose::deployment);
    std::vector<std::string> unused;
    const auto* ring = forth ? measured(change, RunPurpose::ring_deploy, *forth, unused) : nullptr;
    if (live == nullptr || ring == nullptr)
        return std::nullopt;
    const auto times = step_times(*ring);
    std::optional<Time> next;
    for (const auto& [step, since] : steps_in_hand_of(*live, *forth))
        if (const auto known = times.find(step); known != times.end())
            if (const Time over = since + known->second;
                over > facts.now && (!next || over < *next))
                next = over;
    return next;
}

} // namespace

const Run* deployment_under_way(const Change& change, const Facts& facts) {
    const auto* run = last_run(change, RunPurpose::deployment);
    if (run == nullptr || !run->undo.empty() || !change.failed_because.empty() || is_over(change))
        return nullptr;
    if (is_active(*run))
        return run;
    if (run->state != RunState::succeeded || is_stabilising(change) ||
        !has_step(change, facts, StepKind::smoke_production))
        return nullptr;
    const auto* tested = last_smoke(change, SmokeOccasion::production);
    const bool done = tested && !mismatch_of(change, *tested) && !found_fault(*tested);
    return done ? nullptr : run;
}

std::optional<AbortClock> abort_clock(const Change& change, const Facts& facts) {
    const auto* back = runbook_of(change, RunbookPurpose::rollback);
    const auto* live = deployment_under_way(change, facts);
    const bool past = deployment_begun(change) && live == nullptr;
    if (!change.window || back == nullptr || past || is_over(change))
        return std::nullopt;
    AbortClock clock;
    const auto* forth = runbook_of(change, RunbookPurpose::deployment);
    std::vector<std::string> not_counted;
    const auto* ring =
        forth ? measured(change, RunPurpose::ring_deploy, *forth, not_counted) : nullptr;
    std::optional<Run> so_far;
    if (live && ring)
        so_far = with_overruns(*live, *forth, step_times(*ring), facts.now);
    reckon_rollback(
        change, *back, so_far ? progress_of(without_people(*so_far, *forth), *ring) : Progress{},
        clock
    );
    clock.smoke = smoke_time(change, facts, SmokeOccasion::rehearsal, *back, clock.evidence);
    clock.margin = facts.policy->abort_by_margin;
    clock.evidence.push_back(
        fmt::format("margin: {} by the policy {}", spoken(clock.margin), facts.policy->name)
    );
    clock.window_end = window_end(change);
    if (!change.extensions.empty())
        clock.evidence.push_back(fmt::format(
            "window: {} extended it from {} to {}", change.extensions.back().by.value,
            to_text(change.window->end), to_text(clock.window_end)
        ));
    clock.abort_by = clock.window_end - clock.rollback - clock.smoke - clock.margin;
    if (live == nullptr || forth == nullptr)
        return clock;
    clock.run = live->id;
    if (so_far)
        if (const auto all = progress_of(*so_far, *ring); all.live > all.ring)
            clock.slipped = all.live - all.ring;
    const auto smoke = smoke_time(change, facts, SmokeOccasion::staging, *forth, clock.evidence);
    clock.evidence.insert(clock.evidence.end(), not_counted.begin(), not_counted.end());
    clock.evidence.push_back(
        ring ? fmt::format("steps to come: as {} took them on {}", ring->id.value, ring->ring)
             : std::string("steps to come: not measured, what their runbook allows each")
    );
    look_ahead(*live, *forth, ring, smoke, facts.now, clock);
    return clock;
}

Time reached_at(
    const Change& change, const Facts& facts, const std::function<Time(const AbortClock&)>& mark
) {
    Facts then = facts;
    const auto mark_at = [&](Time when) {
        then.now = when;
        return mark(abort_clock(change, then).value());
    };
    const Time marked = mark_at(facts.now);
    if (marked <= facts.now)
        return marked;
    // Until the next step is overdue nothing but what is overdue already moves it, and only ahead.
    Time until = marked;
    if (const auto next = next_overrun(change, facts))
        until = std::min(until, *next);
    if (mark_at(until) >= until) // as it is where nothing is overdue: no moment before is it
        return until;
    Time before = facts.now;
    while (until - before > std::chrono::seconds(1)) {
        const Time middle = before + (until - before) / 2;
        (mark_at(middle) > middle ? before : until) = middle;
    }
    return until;
}

std::optional<Reason> too_late(const Change& change, const Run& run, const Facts& facts) {
    if (run.purpose != RunPurpose::deployment || !run.undo.empty())
        return std::nullopt;
    if (!change.window || facts.now >= window_end(change))
        return Reason{
            "run-exact", "window.end", "a deployment does not go on after its window",
            change.window ? "ended " + to_text(window_end(change)) : "no window",
            "Abort it (decide_run), or have a change manager give it more time (extend_window)" +
                or_go_back(change)};
    const auto clock = abort_clock(change, facts);
    if (!clock || facts.now < clock->abort_by)
        return std::nullopt;
    return Reason{
        "run-exact", "abort_by",
        "past abort-by no further step begins: there would be no time left to go back",
        fmt::format(
            "abort-by {}: the window ends {}, less rollback {}, its smoke test {} and margin {}",
            to_text(clock->abort_by), to_text(clock->window_end), spoken(clock->rollback),
            spoken(clock->smoke), spoken(clock->margin)
        ),
        "Have a change manager give it more time (extend_window)" + or_go_back(change)};
}

} // namespace slipway::domain
