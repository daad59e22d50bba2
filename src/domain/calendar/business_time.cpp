// SPDX-License-Identifier: Apache-2.0
#include "domain/calendar/business_time.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "domain/calendar/field_path.hpp"
#include "domain/calendar/zone.hpp"

namespace slipway::domain {

namespace {

using namespace std::chrono;

// Business hours whose texts have been read.
struct Office {
    const BusinessHours& hours;
    minutes from{};
    minutes to{};
    std::set<LocalDate> holidays;

    bool is_open_on(LocalDate date) const {
        const auto day = static_cast<Weekday>(weekday(date).iso_encoding() - 1);
        return hours.days.contains(day) && !holidays.contains(date);
    }

    Result<Interval> opening(LocalDate date) const {
        return Interval{
            TRY(to_instant_past_gap(date + from, hours.zone)),
            TRY(to_instant_past_gap(date + to, hours.zone))};
    }
};

Result<Office> read_office(const BusinessHours& hours, std::string_view field) {
    TRY(require_zone(hours.zone, field_path(field, "zone")));
    if (hours.days.empty())
        return fail_field(field_path(field, "days"), "needs at least one day of the week");
    Office office{hours, {}, {}, {}};
    office.from = TRY(clock_from_text(hours.from, field_path(field, "from")));
    office.to = TRY(clock_from_text(hours.to, field_path(field, "to")));
    if (office.to <= office.from)
        return fail_field(
            field_path(field, "to"), fmt::format("must be later than {}", hours.from)
        );
    for (std::size_t i = 0; i < hours.holidays.size(); ++i)
        office.holidays.insert(TRY(
            date_from_text(hours.holidays[i], field_path(field, fmt::format("holidays[{}]", i)))
        ));
    return office;
}

tl::unexpected<Error> not_enough() {
    return fail_field(
        "days", fmt::format("not enough business time within {} days", limits::business_days_max)
    );
}

} // namespace

Result<void> check_business_hours(const BusinessHours& hours, std::string_view field) {
    TRY(read_office(hours, field));
    return {};
}

Result<Time> add_business(Time from, Span span, const BusinessHours& hours) {
    const auto office = TRY(read_office(hours, {}));
    if (span < Span::zero())
        return fail_field("span", "must not be negative");
    // The day before is looked at too, because its closing may have been moved over midnight.
    auto date = floor<days>(TRY(to_local(from, hours.zone))) - days(1);
    for (int i = 0; i < limits::business_days_max; ++i, date += days(1)) {
        if (!office.is_open_on(date))
            continue;
        const auto open = TRY(office.opening(date));
        if (open.end <= from)
            continue;
        const auto begin = std::max(open.start, from);
        if (span <= open.end - begin)
            return begin + span;
        span -= open.end - begin;
    }
    return not_enough();
}

Result<Time> subtract_business(Time to, Span span, const BusinessHours& hours) {
    const auto office = TRY(read_office(hours, {}));
    if (span < Span::zero())
        return fail_field("span", "must not be negative");
    auto date = floor<days>(TRY(to_local(to, hours.zone))) + days(1);
    for (int i = 0; i < limits::business_days_max; ++i, date -= days(1)) {
        if (!office.is_open_on(date))
            continue;
        const auto open = TRY(office.opening(date));
        if (open.start >= to)
            continue;
        const auto end = std::min(open.end, to);
        if (span <= end - open.start)
            return end - span;
        span -= end - open.start;
    }
    return not_enough();
}

Result<Time> add_working_days(Time from, int number, const BusinessHours& hours) {
    if (number == 0)
        return add_business(from, Span::zero(), hours);
    const auto office = TRY(read_office(hours, {}));
    const auto local = TRY(to_local(from, hours.zone));
    auto date = floor<days>(local);
    const auto clock = std::clamp<seconds>(local - date, office.from, office.to);
    const int step = number < 0 ? -1 : 1;
    for (int i = 0; i < limits::business_days_max; ++i) {
        date += days(step);
        if (!office.is_open_on(date))
            continue;
        number -= step;
        if (number == 0)
            return to_instant_past_gap(date + clock, hours.zone);
    }
    return not_enough();
}

Result<Span> business_between(Time from, Time to, const BusinessHours& hours) {
    const auto office = TRY(read_office(hours, {}));
    Span total{};
    if (to <= from)
        return total;
    if (to - from > days(limits::business_days_max))
        return fail_field("to", fmt::format("more than {} days", limits::business_days_max));
    const auto last = floor<days>(TRY(to_local(to, hours.zone))) + days(1);
    auto date = floor<days>(TRY(to_local(from, hours.zone))) - days(1);
    for (; date <= last; date += days(1)) {
        if (!office.is_open_on(date))
            continue;
        if (const auto shared = overlap_of(TRY(office.opening(date)), {from, to}))
            total += shared->length();
    }
    return total;
}

} // namespace slipway::domain
