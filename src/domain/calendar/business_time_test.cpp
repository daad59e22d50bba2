// SPDX-License-Identifier: Apache-2.0
#include "domain/calendar/business_time.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "domain/calendar/day_hours.hpp"
#include "domain/calendar/test_times.hpp"

namespace slipway::domain {

namespace {

using namespace std::chrono_literals;

BusinessHours office() {
    BusinessHours hours;
    hours.zone = berlin;
    hours.holidays = {"2026-12-24", "2026-12-25"};
    return hours;
}

template <class T>
std::string field_of(const Result<T>& result) {
    return result ? "nothing" : result.error().fields.front().field;
}

TEST(business_time, refuses_malformed_hours) {
    const auto field = [](auto change) {
        auto hours = office();
        change(hours);
        return field_of(check_business_hours(hours, "hours"));
    };
    EXPECT_EQ(field([](auto&) {}), "nothing");
    EXPECT_EQ(field([](auto& h) { h.zone = "Moon"; }), "hours.zone");
    EXPECT_EQ(field([](auto& h) { h.days.clear(); }), "hours.days");
    EXPECT_EQ(field([](auto& h) { h.from = "9"; }), "hours.from");
    EXPECT_EQ(field([](auto& h) { h.to = "09:00"; }), "hours.to");
    EXPECT_EQ(field([](auto& h) { h.holidays = {"Christmas"}; }), "hours.holidays[0]");
}

TEST(business_time, refuses_what_never_ends) {
    const auto now = in_berlin("2026-11-22T18:00");
    EXPECT_FALSE(add_business(now, -1ms, office()));
    EXPECT_FALSE(subtract_business(now, -1ms, office()));
    EXPECT_FALSE(add_business(now, 3650 * 24h, office()));
    EXPECT_FALSE(subtract_business(now, 3650 * 24h, office()));
    EXPECT_FALSE(business_between(now - 3700 * 24h, now, office()));
}

TEST(business_time, counts_open_hours_only) {
    // Friday 16:30 and two hours: one on Friday, one on Monday.
    const auto friday = in_berlin("2026-11-27T16:30");
    EXPECT_EQ(*add_business(friday, 2h, office()), in_berlin("2026-11-30T10:00"));
    EXPECT_EQ(*subtract_business(in_berlin("2026-11-30T10:00"), 2h, office()), friday);
    EXPECT_EQ(*business_between(friday, in_berlin("2026-11-30T10:00"), office()), 2h);
    EXPECT_EQ(*business_between(in_berlin("2026-11-30T10:00"), friday, office()), 0h);
    // Holidays are closed: from Wednesday 23 December to Monday 28.
    EXPECT_EQ(
        *add_business(in_berlin("2026-12-23T17:00"), 1h, office()), in_berlin("2026-12-28T09:30")
    );
    // Nothing to wait for: now when open, otherwise the next opening or the closing before.
    EXPECT_EQ(*add_business(friday, 0h, office()), friday);
    EXPECT_EQ(
        *add_business(in_berlin("2026-11-28T12:00"), 0h, office()), in_berlin("2026-11-30T09:00")
    );
    EXPECT_EQ(
        *subtract_business(in_berlin("2026-11-28T12:00"), 0h, office()),
        in_berlin("2026-11-27T17:30")
    );
}

TEST(business_time, an_office_at_night_has_its_real_hours_when_the_clock_changes) {
    auto night = office();
    night.days = {Weekday::sunday};
    night.from = "00:00";
    night.to = "06:00";
    const auto open = [&](std::string_view from, std::string_view to) {
        return *business_between(in_berlin(from), in_berlin(to), night);
    };
    EXPECT_EQ(open("2027-03-28T00:00", "2027-03-29T00:00"), 5h);
    EXPECT_EQ(open("2026-10-25T00:00", "2026-10-26T00:00"), 7h);
}

TEST(business_time, a_working_day_keeps_the_time_of_day) {
    const auto hours = office();
    const auto moved = [&](std::string_view from, int days) {
        return *add_working_days(in_berlin(from), days, hours);
    };
    EXPECT_EQ(moved("2026-11-27T10:00", 2), in_berlin("2026-12-01T10:00"));
    EXPECT_EQ(moved("2026-12-01T10:00", -2), in_berlin("2026-11-27T10:00"));
    EXPECT_EQ(moved("2026-12-23T10:00", 1), in_berlin("2026-12-28T10:00")) << "holidays";
    EXPECT_EQ(moved("2026-11-27T22:00", 1), in_berlin("2026-11-30T17:30")) << "closed by then";
    EXPECT_EQ(moved("2026-11-27T05:00", 1), in_berlin("2026-11-30T09:00"));
    EXPECT_EQ(moved("2026-11-28T12:00", 1), in_berlin("2026-11-30T12:00")) << "from a Saturday";
    EXPECT_EQ(moved("2026-11-28T12:00", -1), in_berlin("2026-11-27T12:00"));
    EXPECT_EQ(moved("2026-11-28T12:00", 0), in_berlin("2026-11-30T09:00"));
    EXPECT_FALSE(add_working_days(in_berlin("2026-11-28T12:00"), 3650, hours));
}

RC_GTEST_PROP(business_time, a_working_day_back_undoes_one_forth, ()) {
    const auto hours = office();
    const auto begin = *add_business(
        in_berlin("2026-01-01T00:00") + std::chrono::minutes(*rc::gen::inRange(0, 900000)), 0h,
        hours
    );
    const int days = *rc::gen::inRange(-200, 200);
    RC_PRE(days != 0);
    RC_ASSERT(*add_working_days(*add_working_days(begin, days, hours), -days, hours) == begin);
}

RC_GTEST_PROP(business_time, subtracting_undoes_adding, ()) {
    auto hours = office();
    hours.zone = *rc::gen::element<std::string>(berlin, "America/New_York", "Australia/Lord_Howe");
    hours.from = *rc::gen::element<std::string>("00:00", "02:30", "09:00");
    const auto begin =
        in_berlin("2026-01-01T00:00") + std::chrono::minutes(*rc::gen::inRange(0, 900000));
    const auto span = std::chrono::minutes(*rc::gen::inRange(1, 20000));
    const auto start = *add_business(begin, 0ms, hours); // the office is open then
    const auto end = *add_business(start, span, hours);
    RC_ASSERT(*subtract_business(end, span, hours) == start);
    RC_ASSERT(*business_between(start, end, hours) == span);
    RC_ASSERT(*business_between(begin, start, hours) == 0ms);
}

TEST(day_hours, refuses_malformed_hours) {
    EXPECT_EQ(field_of(check_day_hours({"8", "20:00", "UTC", {}}, "day")), "day.from");
    EXPECT_EQ(field_of(check_day_hours({"08:00", "08:00", "UTC", {}}, "day")), "day.to");
    EXPECT_EQ(field_of(check_day_hours({"08:00", "20:00", "Moon", {}}, "day")), "day.zone");
    EXPECT_FALSE(within_day_hours({Time{}, Time{} + 367 * 24h}, DayHours{}));
    EXPECT_FALSE(is_friday_evening(Time{}, "UTC", "late"));
    EXPECT_FALSE(is_friday_evening(Time{}, "Moon"));
}

TEST(day_hours, holds_an_interval_inside_one_day) {
    const DayHours day{"08:00", "20:00", berlin, {}};
    const auto within = [&](std::string_view from, std::string_view to) {
        return *within_day_hours({in_berlin(from), in_berlin(to)}, day);
    };
    EXPECT_TRUE(within("2026-11-25T08:00", "2026-11-25T20:00"));
    EXPECT_FALSE(within("2026-11-25T07:59", "2026-11-25T09:00"));
    EXPECT_FALSE(within("2026-11-25T19:00", "2026-11-25T20:01"));
    EXPECT_FALSE(within("2026-11-25T19:00", "2026-11-26T09:00"));
    EXPECT_FALSE(within("2026-11-25T09:00", "2026-11-25T09:00"));
    // On the other side of the world the same hours are night.
    const DayHours sydney{"08:00", "20:00", "Australia/Sydney", {}};
    EXPECT_FALSE(
        *within_day_hours({in_berlin("2026-11-25T15:00"), in_berlin("2026-11-25T16:00")}, sydney)
    );
    const DayHours weekdays{"00:00", "24:00", berlin, {Weekday::thursday, Weekday::friday}};
    EXPECT_TRUE(
        *within_day_hours({in_berlin("2026-11-26T20:00"), in_berlin("2026-11-28T00:00")}, weekdays)
    );
    EXPECT_FALSE(
        *within_day_hours({in_berlin("2026-11-27T20:00"), in_berlin("2026-11-28T00:01")}, weekdays)
    );
}

TEST(day_hours, friday_evening_begins_and_ends) {
    const auto evening = [](std::string_view text) {
        return *is_friday_evening(in_berlin(text), berlin);
    };
    EXPECT_FALSE(evening("2026-11-27T15:59"));
    EXPECT_TRUE(evening("2026-11-27T16:00"));
    EXPECT_TRUE(evening("2026-11-27T23:59"));
    EXPECT_FALSE(evening("2026-11-28T00:00"));
    EXPECT_FALSE(evening("2026-11-26T18:00"));
    EXPECT_TRUE(*touches_friday_evening(
        {in_berlin("2026-11-27T14:00"), in_berlin("2026-11-27T16:01")}, berlin
    ));
    EXPECT_FALSE(*touches_friday_evening(
        {in_berlin("2026-11-27T14:00"), in_berlin("2026-11-27T16:00")}, berlin
    ));
}

} // namespace

} // namespace slipway::domain
