// SPDX-License-Identifier: Apache-2.0
// An RFC 5545 RRULE as a predicate over calendar days: daily, weekly, monthly and yearly rules with
// BYMONTH, BYWEEKNO, BYYEARDAY, BYMONTHDAY, BYDAY, BYSETPOS, WKST, INTERVAL, COUNT and UNTIL. It
// knows no zone and no time of day. It exists because the packaged calendar library passes over
// BYSETPOS in weekly rules and needs a quarter of a second for a rule that never matches; here the
// work is bounded by the days asked about. The tests still use that library as a second opinion.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/enums.hpp"
#include "domain/calendar/zone.hpp"

namespace slipway::domain {

SLIPWAY_ENUM(Frequency, daily, weekly, monthly, yearly)

// "-1FR": the last Friday of the period; position 0: every one.
struct DayRule {
    int position = 0;
    std::chrono::weekday day;
};

struct RecurrenceRule {
    Frequency frequency = Frequency::daily;
    int interval = 1;
    std::optional<std::uint32_t> count;
    std::string until; // as written: a date, a local time, or UTC with "Z"
    std::chrono::weekday week_start = std::chrono::Monday;
    std::vector<int> months;
    std::vector<int> week_numbers;
    std::vector<int> year_days;
    std::vector<int> month_days;
    std::vector<DayRule> days;
    std::vector<int> positions;
};

// Errors: invalid_input naming `field` and the part that is wrong.
Result<RecurrenceRule> rule_from_text(std::string_view text, std::string_view field = "rule");

// The days of the rule that began on `first`, from the later of `first` and `begin` to `last`, both
// included, sorted. COUNT and UNTIL are the caller's.
std::vector<LocalDate>
rule_days(const RecurrenceRule& rule, LocalDate first, LocalDate begin, LocalDate last);

} // namespace slipway::domain
