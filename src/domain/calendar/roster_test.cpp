// SPDX-License-Identifier: Apache-2.0
#include "domain/calendar/roster.hpp"

#include <algorithm>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "domain/calendar/test_times.hpp"

namespace slipway::domain {

namespace {

using namespace std::chrono_literals;

RosterShift shift(
    std::string person, RosterRole role, std::string from, std::string to, std::string rule = {}
) {
    RosterShift made{PersonId(std::move(person)), role, {}};
    made.when.from = std::move(from);
    made.when.to = std::move(to);
    made.when.zone = berlin;
    made.when.rule = std::move(rule);
    return made;
}

// Ada and Bo take turns of a week from Monday 09:00; Cy and Di stand behind them.
std::vector<RosterShift> roster() {
    const auto every_other = "FREQ=WEEKLY;INTERVAL=2";
    return {
        shift("ada", RosterRole::primary, "2026-11-16T09:00", "2026-11-23T09:00", every_other),
        shift("bo", RosterRole::primary, "2026-11-23T09:00", "2026-11-30T09:00", every_other),
        shift("cy", RosterRole::secondary, "2026-11-16T09:00", "2026-11-23T09:00", "FREQ=WEEKLY"),
        shift("di", RosterRole::escalation, "2026-11-16T09:00", "2026-11-23T09:00", "FREQ=WEEKLY"),
    };
}

TEST(roster, refuses_and_names_the_shift) {
    auto shifts = roster();
    const auto window = berlin_time("2026-11-24T22:00", "2026-11-25T02:00");
    shifts[2].when.zone = "Moon";
    EXPECT_EQ(cover(shifts, window).error().fields.front().field, "shifts[2].when.zone");
    EXPECT_FALSE(cover(roster(), {window.end, window.start}));
    EXPECT_FALSE(cover(roster(), {window.start, window.start + 367 * 24h}));
    EXPECT_FALSE(cover(std::vector<RosterShift>(limits::roster_shifts_max + 1), window));
}

TEST(roster, nobody_is_a_gap_in_every_role) {
    const auto window = berlin_time("2026-11-24T22:00", "2026-11-25T02:00");
    const auto report = *cover({}, window);
    EXPECT_EQ(report.gaps.size(), 3U);
    EXPECT_EQ(report.gaps[1], (RoleGap{RosterRole::secondary, window}));
    EXPECT_FALSE(report.complete());
    EXPECT_EQ(cover({}, window, {RosterRole::primary})->gaps.size(), 1U);
}

TEST(roster, a_window_over_the_hand_over_is_covered) {
    const auto window = berlin_time("2026-11-23T08:00", "2026-11-23T10:00");
    const auto report = *cover(roster(), window);
    EXPECT_TRUE(report.complete());
    ASSERT_EQ(report.held.size(), 4U);
    EXPECT_EQ(
        report.held[0], (RoleHold{
                            RosterRole::primary, PersonId("ada"),
                            berlin_time("2026-11-23T08:00", "2026-11-23T09:00")})
    );
    EXPECT_EQ(report.held[1].person, PersonId("bo"));
    // Two shifts of one person that touch are one stretch.
    EXPECT_EQ(report.held[2], (RoleHold{RosterRole::secondary, PersonId("cy"), window}));
}

TEST(roster, names_one_person_in_two_roles) {
    auto shifts = roster();
    shifts.push_back(shift("bo", RosterRole::secondary, "2026-11-25T00:00", "2026-11-25T01:00"));
    const auto report = *cover(shifts, berlin_time("2026-11-24T22:00", "2026-11-25T02:00"));
    EXPECT_TRUE(report.gaps.empty());
    EXPECT_EQ(
        report.doubled, (std::vector<DoubleRole>{
                            {PersonId("bo"), RosterRole::primary, RosterRole::secondary,
                             berlin_time("2026-11-25T00:00", "2026-11-25T01:00")}})
    );
    EXPECT_FALSE(report.complete());
}

// Whatever minute of cover is taken away, exactly that minute is reported.
RC_GTEST_PROP(roster, any_missing_minute_is_found, ()) {
    const auto window =
        berlin_time("2026-10-24T22:00", "2026-10-25T06:00"); // over the clock change
    const auto role =
        *rc::gen::element(RosterRole::primary, RosterRole::secondary, RosterRole::escalation);
    const auto minute = *rc::gen::inRange(0, 9 * 60);
    const Interval hole{
        window.start + std::chrono::minutes(minute),
        window.start + std::chrono::minutes(minute + 1)};
    std::vector<RosterShift> shifts;
    const auto add = [&](std::string who, RosterRole held, const Interval& when) {
        if (when.empty())
            return;
        auto made = shift(
            std::move(who), held, to_local_text(when.start, "UTC"), to_local_text(when.end, "UTC")
        );
        made.when.zone = "UTC";
        shifts.push_back(made);
    };
    for (const auto each : {RosterRole::primary, RosterRole::secondary, RosterRole::escalation}) {
        const std::string who{to_text(each)};
        if (each != role) {
            add(who, each, window);
            continue;
        }
        add(who, each, {window.start, hole.start});
        add(who, each, {hole.end, window.end});
    }
    const auto report = *cover(shifts, window);
    RC_ASSERT(report.gaps == (std::vector<RoleGap>{{role, hole}}));
    RC_ASSERT(report.doubled.empty());
}

} // namespace

} // namespace slipway::domain
