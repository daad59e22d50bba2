// SPDX-License-Identifier: Apache-2.0
#include "domain/calendar/day_hours.hpp"

#include <fmt/format.h>

#include "domain/calendar/field_path.hpp"
#include "domain/calendar/zone.hpp"

namespace slipway::domain {

namespace {

using namespace std::chrono;

constexpr auto interval_max = days(366);

struct Clocks {
    minutes from;
    minutes to;
};

Result<Clocks> read_clocks(const DayHours& hours, std::string_view field) {
    TRY(require_zone(hours.zone, field_path(field, "zone")));
    const Clocks clocks{
        TRY(clock_from_text(hours.from, field_path(field, "from"))),
        TRY(clock_from_text(hours.to, field_path(field, "to")))};
    if (clocks.to <= clocks.from)
        return fail_field(
            field_path(field, "to"), fmt::format("must be later than {}", hours.from)
        );
    return clocks;
}

// The hours of each day that could touch the interval; an empty set of days means every day.
Result<std::vector<Interval>> days_around(
    const Interval& interval, const Clocks& clocks, const std::set<Weekday>& wanted,
    std::string_view zone
) {
    std::vector<Interval> found;
    if (interval.length() > interval_max)
        return fail_field("interval", "lasts more than 366 days");
    auto date = floor<days>(TRY(to_local(interval.start, zone))) - days(1);
    const auto last = floor<days>(TRY(to_local(interval.end, zone))) + days(1);
    for (; date <= last; date += days(1))
        if (wanted.empty() ||
            wanted.contains(static_cast<Weekday>(weekday(date).iso_encoding() - 1)))
            found.push_back(
                {TRY(to_instant_past_gap(date + clocks.from, zone)),
                 TRY(to_instant_past_gap(date + clocks.to, zone))}
            );
    return found;
}

} // namespace

Result<void> check_day_hours(const DayHours& hours, std::string_view field) {
    TRY(read_clocks(hours, field));
    return {};
}

Result<bool> within_day_hours(const Interval& interval, const DayHours& hours) {
    const auto clocks = TRY(read_clocks(hours, {}));
    if (interval.empty())
        return false;
    for (const auto& awake : merge(TRY(days_around(interval, clocks, hours.days, hours.zone))))
        if (contains(awake, interval))
            return true;
    return false;
}

Result<bool> is_evening_of(Time time, Weekday day, std::string_view from, std::string_view zone) {
    return touches_evening_of({time, time + Span(1)}, day, from, zone);
}

Result<bool> touches_evening_of(
    const Interval& interval, Weekday day, std::string_view from, std::string_view zone
) {
    TRY(require_zone(zone));
    const Clocks clocks{TRY(clock_from_text(from, "from")), hours(24)};
    for (const auto& evening : TRY(days_around(interval, clocks, {day}, zone)))
        if (overlaps(evening, interval))
            return true;
    return false;
}

Result<bool> is_friday_evening(Time time, std::string_view zone, std::string_view from) {
    return is_evening_of(time, Weekday::friday, from, zone);
}

Result<bool>
touches_friday_evening(const Interval& interval, std::string_view zone, std::string_view from) {
    return touches_evening_of(interval, Weekday::friday, from, zone);
}

} // namespace slipway::domain
