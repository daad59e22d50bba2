// SPDX-License-Identifier: Apache-2.0
#include "domain/calendar/slots.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "domain/calendar/zone.hpp"

namespace slipway::domain {

namespace {

using namespace std::chrono;

constexpr int score_best = 100;
constexpr int score_daylight = 50;
constexpr int score_friday = 40;
constexpr int score_soft = 30;
constexpr int score_days_max = 9;

struct Search {
    Interval range;
    Span length{};
};

Result<Search> read_request(const SlotRequest& request) {
    TRY(require_zone(request.zone));
    if (request.duration < minutes(1))
        return fail_field("duration", "must be at least 1m");
    if (request.rollback_duration < minutes(1))
        return fail_field("rollback_duration", "must be at least 1m");
    if (request.duration > limits::window_max ||
        request.duration + request.rollback_duration > limits::window_max)
        return fail_field(
            "duration",
            fmt::format(
                "deployment and rollback together may last {}", to_text(Span(limits::window_max))
            )
        );
    if (request.step < minutes(1) || request.step > days(7))
        return fail_field("step", "must be from 1m to 7d");
    if (request.count < 1 || request.count > limits::slot_proposals_max)
        return fail_field("count", fmt::format("expected 1 to {}", limits::slot_proposals_max));
    const Search search{
        {TRY(to_instant(request.from, request.zone, "from")),
         TRY(to_instant(request.until, request.zone, "until"))},
        request.duration + request.rollback_duration};
    if (search.range.length() < search.length)
        return fail_field("until", "leaves no room for deployment and rollback");
    const auto starts = (search.range.length() - search.length) / request.step + 1;
    if (starts > static_cast<Span::rep>(limits::slot_candidates_max))
        return fail(
            ErrorCode::limit_exceeded,
            fmt::format(
                "step: {} starts between from and until, the limit is {}; ask about less time or "
                "longer steps",
                starts, limits::slot_candidates_max
            )
        );
    return search;
}

// What lies in the way of a window, with what people call it.
struct Obstacle {
    Interval interval;
    std::string label;
};

struct Obstacles {
    std::vector<Obstacle> hard;
    std::vector<Obstacle> soft;
    std::vector<Obstacle> busy;
};

Result<Obstacles> obstacles_in(const Search& search, const SlotRules& rules) {
    if (rules.busy.size() > limits::busy_intervals_max)
        return fail(
            ErrorCode::limit_exceeded,
            fmt::format(
                "{} busy intervals, the limit is {}", rules.busy.size(), limits::busy_intervals_max
            )
        );
    Obstacles found;
    for (auto& hit : TRY(blackout_hits(rules.blackouts, search.range, rules.touched)))
        (hit.kind == BlackoutKind::hard ? found.hard : found.soft)
            .push_back({hit.occurrence, std::move(hit.name)});
    for (const auto& busy : rules.busy)
        if (overlaps(busy.interval, search.range))
            found.busy.push_back({busy.interval, busy.label});
    return found;
}

const Obstacle* first_in(const std::vector<Obstacle>& obstacles, const Interval& window) {
    const auto found = std::find_if(obstacles.begin(), obstacles.end(), [&](const Obstacle& one) {
        return overlaps(one.interval, window);
    });
    return found == obstacles.end() ? nullptr : &*found;
}

// Rule and label of what removes the candidate; an empty rule when nothing does.
std::pair<std::string, std::string> removed_by(
    const Interval& window, const Obstacles& obstacles, const SlotRules& rules, bool in_daylight
) {
    if (rules.now && window.start < *rules.now)
        return {"past", "they are over"};
    if (rules.meeting && window.start <= rules.meeting->at)
        return {"board", rules.meeting->label};
    if (rules.notice && window.start < rules.notice->earliest)
        return {"notice", rules.notice->label};
    if (const auto* hard = first_in(obstacles.hard, window))
        return {"blackout", hard->label};
    if (const auto* busy = first_in(obstacles.busy, window))
        return {"busy", busy->label};
    if (!in_daylight && rules.daylight == DaylightRule::require)
        return {
            "daylight", fmt::format(
                            "the rollback must lie between {} and {} {}", rules.day_hours->from,
                            rules.day_hours->to, rules.day_hours->zone
                        )};
    return {};
}

// A window is agreed upon in local times; schedule refuses one that the clock shows twice.
Result<bool> is_shown_twice(Time time, std::string_view zone) {
    return TRY(second_reading(TRY(to_local(time, zone)), zone)).has_value();
}

struct Candidate {
    Interval window;
    Interval rollback;
    bool in_daylight = true;
};

Result<SlotProposal> proposal_of(
    const Candidate& candidate, const Search& search, const SlotRequest& request,
    const SlotRules& rules, const std::vector<Obstacle>& soft
) {
    SlotProposal proposal{candidate.window, candidate.rollback, score_best, {}};
    const auto note = [&](int cost, std::string reason) {
        proposal.score -= cost;
        proposal.reasons.push_back(
            cost == 0 ? std::move(reason) : fmt::format("{} (-{})", reason, cost)
        );
    };
    note(0, "free of hard blackouts and of everything busy");
    if (rules.day_hours && candidate.in_daylight)
        note(0, "the rollback lies within the on-call team's day");
    else if (rules.day_hours)
        note(score_daylight, "the rollback lies outside the on-call team's day");
    if (!rules.friday_from.empty() &&
        TRY(touches_friday_evening(candidate.window, request.zone, rules.friday_from)))
        note(score_friday, "reaches into Friday evening");
    if (const auto* blackout = first_in(soft, candidate.window))
        note(score_soft, fmt::format("inside the soft blackout '{}'", blackout->label));
    const auto waited = static_cast<int>(std::min<std::int64_t>(
        floor<days>(candidate.window.start - search.range.start).count(), score_days_max
    ));
    if (waited > 0)
        note(waited, "later than the first day asked for");
    return proposal;
}

std::vector<SlotProposal> best_of(std::vector<SlotProposal> all, std::size_t count) {
    std::stable_sort(all.begin(), all.end(), [](const SlotProposal& a, const SlotProposal& b) {
        return a.score > b.score;
    });
    std::vector<SlotProposal> kept;
    for (auto& proposal : all) {
        if (kept.size() == count)
            break;
        const bool taken = std::any_of(kept.begin(), kept.end(), [&](const SlotProposal& other) {
            return overlaps(other.window, proposal.window);
        });
        if (!taken)
            kept.push_back(std::move(proposal));
    }
    return kept;
}

} // namespace

Result<SlotAnswer> propose_slots(const SlotRequest& request, const SlotRules& rules) {
    const auto search = TRY(read_request(request));
    if (rules.day_hours)
        TRY(check_day_hours(*rules.day_hours, "day_hours"));
    const auto obstacles = TRY(obstacles_in(search, rules));
    SlotAnswer answer;
    std::map<std::pair<std::string, std::string>, std::uint32_t> removed;
    std::vector<SlotProposal> free;
    for (auto start = search.range.start; start + search.length <= search.range.end;
         start += request.step) {
        ++answer.considered;
        Candidate candidate{
            {start, start + search.length}, {start + request.duration, start + search.length}};
        if (rules.day_hours)
            candidate.in_daylight = TRY(within_day_hours(candidate.rollback, *rules.day_hours));
        auto by = removed_by(candidate.window, obstacles, rules, candidate.in_daylight);
        if (by.first.empty() && (TRY(is_shown_twice(candidate.window.start, request.zone)) ||
                                 TRY(is_shown_twice(candidate.window.end, request.zone))))
            by = {"clock", "the clock shows its start or end twice"};
        if (!by.first.empty())
            ++removed[std::move(by)];
        else
            free.push_back(TRY(proposal_of(candidate, search, request, rules, obstacles.soft)));
    }
    answer.proposals = best_of(std::move(free), request.count);
    for (const auto& [by, count] : removed)
        answer.removed.push_back({by.first, by.second, count});
    std::stable_sort(
        answer.removed.begin(), answer.removed.end(),
        [](const SlotRemoval& a, const SlotRemoval& b) { return a.count > b.count; }
    );
    return answer;
}

} // namespace slipway::domain
