// SPDX-License-Identifier: Apache-2.0
#include "domain/calendar/slots.hpp"

#include <algorithm>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "domain/calendar/test_times.hpp"

namespace slipway::domain {

namespace {

using namespace std::chrono_literals;

// From Monday 23 to Sunday 29 November 2026.
SlotRequest one_week() {
    SlotRequest request;
    request.duration = 2h;
    request.rollback_duration = 1h;
    request.from = "2026-11-23T00:00";
    request.until = "2026-11-30T00:00";
    request.zone = berlin;
    return request;
}

Blackout blackout(BlackoutKind kind, std::string from, std::string to) {
    Blackout made;
    made.id = "freeze";
    made.name = "Freeze";
    made.kind = kind;
    made.reason = "because";
    made.recurrence.from = std::move(from);
    made.recurrence.to = std::move(to);
    made.recurrence.zone = berlin;
    return made;
}

TEST(slots, proposes_no_window_that_begins_or_ends_in_the_hour_shown_twice) {
    auto request = one_week();
    request.from = "2026-10-24T20:00";
    request.until = "2026-10-25T08:00";
    request.step = 1h;
    request.count = 20;
    const auto answer = propose_slots(request, {});
    ASSERT_TRUE(answer);
    ASSERT_EQ(answer->removed.size(), 1u);
    EXPECT_EQ(answer->removed[0].rule, "clock");
    EXPECT_EQ(answer->removed[0].count, 4u);
    for (const auto& proposal : answer->proposals)
        for (const auto time : {proposal.window.start, proposal.window.end})
            EXPECT_FALSE(*second_reading(*to_local(time, berlin), berlin)) << to_text(time);
}

TEST(slots, refuses_and_names_the_field) {
    const auto field = [](auto change) {
        auto request = one_week();
        change(request);
        return propose_slots(request, {}).error().fields.front().field;
    };
    EXPECT_EQ(field([](auto& r) { r.duration = 0h; }), "duration");
    EXPECT_EQ(field([](auto& r) { r.duration = 7 * 24h; }), "duration");
    EXPECT_EQ(field([](auto& r) { r.rollback_duration = 0h; }), "rollback_duration");
    EXPECT_EQ(field([](auto& r) { r.step = 1s; }), "step");
    EXPECT_EQ(field([](auto& r) { r.count = 0; }), "count");
    EXPECT_EQ(field([](auto& r) { r.count = 21; }), "count");
    EXPECT_EQ(field([](auto& r) { r.zone = "Moon"; }), "zone");
    EXPECT_EQ(field([](auto& r) { r.from = "now"; }), "from");
    EXPECT_EQ(field([](auto& r) { r.until = "2026-11-23T02:59"; }), "until");
    auto fine = one_week();
    fine.step = 1min;
    EXPECT_EQ(propose_slots(fine, {}).error().code, ErrorCode::limit_exceeded);
    SlotRules rules;
    const std::vector<BusyInterval> too_many(limits::busy_intervals_max + 1);
    rules.busy = too_many;
    EXPECT_EQ(propose_slots(one_week(), rules).error().code, ErrorCode::limit_exceeded);
    rules.busy = {};
    rules.day_hours = DayHours{"08:00", "07:00", berlin, {}};
    EXPECT_EQ(propose_slots(one_week(), rules).error().fields.front().field, "day_hours.to");
}

TEST(slots, says_which_rules_left_nothing) {
    const std::vector freezes{blackout(BlackoutKind::hard, "2026-11-23T00:00", "2026-11-27T00:00")};
    const std::vector<BusyInterval> busy{
        {berlin_time("2026-11-27T00:00", "2026-11-29T00:00"), "CHG-7 on db-1"}};
    SlotRules rules;
    rules.blackouts = freezes;
    rules.busy = busy;
    rules.day_hours = DayHours{"08:00", "20:00", berlin, {Weekday::monday}};
    const auto answer = *propose_slots(one_week(), rules);
    EXPECT_TRUE(answer.proposals.empty());
    ASSERT_EQ(answer.removed.size(), 3U);
    EXPECT_EQ(answer.removed[0].rule, "blackout");
    EXPECT_EQ(answer.removed[0].label, "Freeze");
    EXPECT_EQ(answer.removed[1].label, "CHG-7 on db-1");
    EXPECT_EQ(answer.removed[2].rule, "daylight");
    std::uint32_t removed = 0;
    for (const auto& removal : answer.removed)
        removed += removal.count;
    EXPECT_EQ(removed, answer.considered);
    EXPECT_EQ(answer.considered, (7 * 24 - 3) * 2U + 1U);
}

TEST(slots, nothing_begins_in_the_past_or_before_it_can_be_approved) {
    SlotRules rules;
    rules.now = berlin_time("2026-11-24T00:15", "2026-11-25T00:00").start;
    rules.meeting = {berlin_time("2026-11-25T10:00", "2026-11-26T00:00").start, "CAB meets"};
    auto request = one_week();
    request.count = 20;
    const auto answer = *propose_slots(request, rules);
    ASSERT_FALSE(answer.proposals.empty());
    for (const auto& proposal : answer.proposals)
        EXPECT_GT(proposal.window.start, rules.meeting->at);
    ASSERT_EQ(answer.removed.size(), 2U);
    EXPECT_EQ(answer.removed[0].rule, "board");
    EXPECT_EQ(answer.removed[0].label, "CAB meets");
    EXPECT_EQ(answer.removed[0].count, 68U) << "that of ten o'clock is one of them";
    EXPECT_EQ(answer.removed[1].rule, "past");
    EXPECT_EQ(answer.removed[1].count, 49U);
}

TEST(slots, nothing_begins_before_it_can_be_announced) {
    SlotRules rules;
    rules.notice = {
        berlin_time("2026-11-25T10:00", "2026-11-26T00:00").start, "not announced in time"};
    auto request = one_week();
    request.count = 20;
    const auto answer = *propose_slots(request, rules);
    ASSERT_FALSE(answer.proposals.empty());
    for (const auto& proposal : answer.proposals)
        EXPECT_GE(proposal.window.start, rules.notice->earliest);
    ASSERT_EQ(answer.removed.size(), 1U);
    EXPECT_EQ(answer.removed[0].rule, "notice");
    EXPECT_EQ(answer.removed[0].label, "not announced in time");
    EXPECT_EQ(answer.removed[0].count, 116U) << "that of ten o'clock is none of them";
}

TEST(slots, best_first_with_reasons) {
    SlotRules rules;
    rules.day_hours = DayHours{"08:00", "20:00", berlin, {}};
    const auto answer = *propose_slots(one_week(), rules);
    ASSERT_EQ(answer.proposals.size(), 5U);
    const auto& best = answer.proposals[0];
    EXPECT_EQ(best.score, 100);
    EXPECT_EQ(best.window, berlin_time("2026-11-23T06:00", "2026-11-23T09:00"));
    EXPECT_EQ(best.rollback, berlin_time("2026-11-23T08:00", "2026-11-23T09:00"));
    EXPECT_EQ(best.reasons.size(), 2U);
    EXPECT_EQ(answer.proposals[1].window.start, best.window.end);
}

TEST(slots, friday_evening_soft_blackouts_and_nights_cost_what_the_header_says) {
    auto request = one_week();
    request.from = "2026-11-27T15:00";
    request.until = "2026-11-27T18:00";
    const std::vector soft{blackout(BlackoutKind::soft, "2026-11-27T12:00", "2026-11-27T16:00")};
    SlotRules rules;
    rules.blackouts = soft;
    rules.day_hours = DayHours{"08:00", "12:00", berlin, {}};
    rules.daylight = DaylightRule::prefer;
    const auto answer = *propose_slots(request, rules);
    ASSERT_EQ(answer.proposals.size(), 1U);
    EXPECT_EQ(answer.proposals[0].score, 100 - 50 - 40 - 30);
    EXPECT_EQ(answer.proposals[0].reasons.size(), 4U);
    rules.friday_from.clear();
    EXPECT_EQ(propose_slots(request, rules)->proposals[0].score, 20);
}

RC_GTEST_PROP(slots, proposals_keep_every_rule, ()) {
    const auto base = *to_instant("2026-11-23T00:00", berlin);
    const auto any_interval = [&] {
        const auto start = base + std::chrono::minutes(*rc::gen::inRange(-600, 10080));
        return Interval{start, start + std::chrono::minutes(*rc::gen::inRange(1, 2000))};
    };
    std::vector<BusyInterval> busy;
    std::vector<Blackout> blackouts;
    for (int i = *rc::gen::inRange(0, 5); i > 0; --i)
        busy.push_back({any_interval(), "busy"});
    for (int i = *rc::gen::inRange(0, 4); i > 0; --i) {
        const auto when = any_interval();
        blackouts.push_back(blackout(
            *rc::gen::element(BlackoutKind::hard, BlackoutKind::soft),
            to_local_text(when.start, berlin), to_local_text(when.end, berlin)
        ));
    }
    auto request = one_week();
    request.duration = std::chrono::minutes(*rc::gen::inRange(1, 600));
    request.rollback_duration = std::chrono::minutes(*rc::gen::inRange(1, 300));
    SlotRules rules;
    rules.busy = busy;
    rules.blackouts = blackouts;
    rules.day_hours = DayHours{"07:00", "21:00", berlin, {}};
    const auto answer = *propose_slots(request, rules);
    std::uint32_t removed = 0;
    for (const auto& removal : answer.removed)
        removed += removal.count;
    RC_ASSERT(removed <= answer.considered);
    RC_ASSERT(answer.proposals.empty() == (removed == answer.considered));
    for (const auto& proposal : answer.proposals) {
        RC_ASSERT(proposal.window.length() == request.duration + request.rollback_duration);
        RC_ASSERT(proposal.rollback.length() == request.rollback_duration);
        RC_ASSERT(contains(proposal.window, proposal.rollback));
        RC_ASSERT(*within_day_hours(proposal.rollback, *rules.day_hours));
        for (const auto& one : busy)
            RC_ASSERT(!overlaps(one.interval, proposal.window));
        const auto hits = *blackout_hits(blackouts, proposal.window, {});
        for (const auto& hit : hits)
            RC_ASSERT(hit.kind == BlackoutKind::soft);
        for (const auto& other : answer.proposals)
            RC_ASSERT(&other == &proposal || !overlaps(other.window, proposal.window));
    }
    RC_ASSERT(std::is_sorted(
        answer.proposals.begin(), answer.proposals.end(),
        [](const SlotProposal& a, const SlotProposal& b) { return a.score > b.score; }
    ));
}

} // namespace

} // namespace slipway::domain
