// SPDX-License-Identifier: Apache-2.0
// Local times and IANA zones. A local time is what the clock on the wall shows, written
// "2026-11-22T18:00" with optional seconds; it becomes an instant only together with a zone. The
// rules come from the system's zone database (package tzdata), which is loaded once and may be read
// from any thread. That database lists its clock changes up to the year 2037, so local times are
// taken from 1970 to 2037 and everything else is refused instead of being an hour wrong.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "domain/calendar/interval.hpp"

namespace slipway::domain {

using LocalTime = std::chrono::local_seconds;
using LocalDate = std::chrono::local_days;

// All messages carry `field`, the name by which the caller knows the value.
Result<LocalTime> local_from_text(std::string_view text, std::string_view field = "local");
Result<LocalDate> date_from_text(std::string_view text, std::string_view field = "date");
// "09:30" as the time since midnight; "24:00" is the end of the day.
Result<std::chrono::minutes> clock_from_text(std::string_view text, std::string_view field);

std::string local_text(LocalTime local);
std::string date_text(LocalDate date);

bool is_known_zone(std::string_view zone);
// Errors: invalid_input naming `field` for an unknown zone.
Result<void> require_zone(std::string_view zone, std::string_view field = "zone");

// A time that the clock skips is refused with an explanation that names the gap; of a time that the
// clock shows twice the earlier instant is taken, and second_reading() tells the other.
Result<Time> to_instant(LocalTime local, std::string_view zone, std::string_view field = "local");
Result<Time>
to_instant(std::string_view local, std::string_view zone, std::string_view field = "local");
Result<std::optional<Time>> second_reading(LocalTime local, std::string_view zone);

// For recurring rules, which cannot be refused once a year: a skipped time is read with the offset
// before the gap (RFC 5545, 3.3.5), so 02:30 becomes 03:30 on that day.
Result<Time> to_instant_past_gap(LocalTime local, std::string_view zone);

Result<LocalTime> to_local(Time time, std::string_view zone);
// The local time to the minute, or to the second when it has any. For an unknown zone the UTC time
// with a "Z", which is always right.
std::string to_local_text(Time time, std::string_view zone);
// For people: "Fri 2026-11-27 18:00 Europe/Berlin".
std::string to_spoken_text(Time time, std::string_view zone);

// One change of the clock: at `at` the offset from UTC goes from `before` to `after`.
struct ClockChange {
    Time at{};
    std::chrono::seconds before{};
    std::chrono::seconds after{};
};

// The changes inside the interval, oldest first; at most 1000.
Result<std::vector<ClockChange>> clock_changes(const Interval& within, std::string_view zone);

} // namespace slipway::domain
