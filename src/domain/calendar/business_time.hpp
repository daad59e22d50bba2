// SPDX-License-Identifier: Apache-2.0
// Time that counts only while an office is open, for lead times and due rules "in business time".
// Opening hours are local; days whose clock changes are counted in elapsed time. An office that is
// never open in limits::business_days_max days is an error, not an endless search.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "domain/calendar/interval.hpp"

namespace slipway::domain {

SLIPWAY_ENUM(Weekday, monday, tuesday, wednesday, thursday, friday, saturday, sunday)

struct BusinessHours {
    std::set<Weekday> days = {
        Weekday::monday, Weekday::tuesday, Weekday::wednesday, Weekday::thursday, Weekday::friday};
    std::string from = "09:00";
    std::string to = "17:30";
    std::string zone = "UTC";
    std::vector<std::string> holidays;
    bool operator==(const BusinessHours&) const = default;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("days", self.days, required("days of the week", 7));
        visit("from", self.from, required("opening time, such as 09:00", 5));
        visit("to", self.to, required("closing time, later than from", 5));
        visit("zone", self.zone, required("IANA time zone", 64));
        visit("holidays", self.holidays, optional("closed local dates, such as 2026-12-24", 1000));
    }
};

Result<void> check_business_hours(const BusinessHours& hours, std::string_view field = {});

// The instant when `span` of business time has passed since `from`. A span of zero gives `from`
// itself when the office is open then, otherwise the next opening.
Result<Time> add_business(Time from, Span span, const BusinessHours& hours);
// The latest instant from which `span` of business time passes until `to`. A span of zero gives
// `to` itself when the office is open until then, otherwise the closing before.
Result<Time> subtract_business(Time to, Span span, const BusinessHours& hours);
// The same time of day so many working days later, or earlier for a negative number; a time at
// which the office is closed becomes its opening or closing on that day. From a day on which it is
// closed the next working day, or the last one, is the first that counts. Zero days: add_business()
// of no time.
Result<Time> add_working_days(Time from, int number, const BusinessHours& hours);
// Business time between two instants; negative spans do not exist, so `to` before `from` gives 0.
Result<Span> business_between(Time from, Time to, const BusinessHours& hours);

} // namespace slipway::domain
