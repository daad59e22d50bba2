// SPDX-License-Identifier: Apache-2.0
// The hours in which a team is awake, for two rules about windows: a rollback falls into the
// on-call team's daylight, and nobody deploys on a Friday evening without a reason.
#pragma once

#include <set>
#include <string>

#include "domain/calendar/business_time.hpp"
#include "domain/calendar/interval.hpp"

namespace slipway::domain {

struct DayHours {
    std::string from = "08:00";
    std::string to = "20:00";
    std::string zone = "UTC";
    std::set<Weekday> days; // empty: every day
    bool operator==(const DayHours&) const = default;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("from", self.from, required("local start of the day, such as 08:00", 5));
        visit("to", self.to, required("local end of the day, at most 24:00", 5));
        visit("zone", self.zone, required("IANA time zone of the team", 64));
        visit("days", self.days, optional("days of the week; empty: every day", 7));
    }
};

Result<void> check_day_hours(const DayHours& hours, std::string_view field = {});

// True when the whole interval lies inside the hours of one day, or of days that touch (24:00 and
// 00:00). An empty interval is never within.
Result<bool> within_day_hours(const Interval& interval, const DayHours& hours);

// True when the instant lies on `day` between `from` ("16:00") and midnight, in local time.
Result<bool> is_evening_of(Time time, Weekday day, std::string_view from, std::string_view zone);
// The same of an interval: any part of it counts.
Result<bool> touches_evening_of(
    const Interval& interval, Weekday day, std::string_view from, std::string_view zone
);
Result<bool> is_friday_evening(Time time, std::string_view zone, std::string_view from = "16:00");
Result<bool> touches_friday_evening(
    const Interval& interval, std::string_view zone, std::string_view from = "16:00"
);

} // namespace slipway::domain
