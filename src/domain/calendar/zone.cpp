// SPDX-License-Identifier: Apache-2.0
// The only file that includes the date library, so its configuration stands here once: the packaged
// library is built to read the system's zone files.
#define USE_OS_TZDB 1
#define ONLY_C_LOCALE 1
#define HAS_STRING_VIEW 1
#include "domain/calendar/zone.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <date/tz.h>
#include <fmt/format.h>

namespace slipway::domain {

namespace {

using namespace std::chrono;

constexpr LocalTime first_local{LocalDate{year(1970) / January / 1}};
constexpr LocalTime after_last_local{LocalDate{year(2038) / January / 1}};
constexpr Time first_instant{};
constexpr Time after_last_instant{sys_days{year(2038) / January / 1}};
constexpr std::size_t clock_changes_max = 1000;

std::optional<int> read_number(std::string_view& text, std::size_t digits) {
    if (text.size() < digits)
        return std::nullopt;
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
        if (text[i] < '0' || text[i] > '9')
            return std::nullopt;
        value = value * 10 + (text[i] - '0');
    }
    text.remove_prefix(digits);
    return value;
}

std::optional<int> read_after(std::string_view& text, char mark, std::size_t digits) {
    if (text.empty() || text.front() != mark)
        return std::nullopt;
    text.remove_prefix(1);
    return read_number(text, digits);
}

std::optional<LocalDate> read_date(std::string_view& text) {
    const auto y = read_number(text, 4);
    const auto m = y ? read_after(text, '-', 2) : std::nullopt;
    const auto d = m ? read_after(text, '-', 2) : std::nullopt;
    if (!d)
        return std::nullopt;
    const year_month_day date{
        year(*y), month(static_cast<unsigned>(*m)), day(static_cast<unsigned>(*d))};
    if (!date.ok() || *y < 1970 || *y > 2037)
        return std::nullopt;
    return LocalDate{date};
}

const date::time_zone* zone_named(std::string_view name) {
    if (name.empty() || name.size() > 64)
        return nullptr;
    // One question asks for the same zone many times over. Zones live as long as the process, since
    // the database is never reloaded.
    thread_local const date::time_zone* latest = nullptr;
    if (latest != nullptr && latest->name() == name)
        return latest;
    try {
        latest = date::locate_zone(name);
        return latest;
    } catch (const std::exception&) {
        return nullptr;
    }
}

Result<const date::time_zone*> need_zone(std::string_view name, std::string_view field) {
    if (const auto* zone = zone_named(name))
        return zone;
    return fail_field(
        std::string(field),
        fmt::format("'{}' is no IANA time zone of this system, such as Europe/Berlin", name)
    );
}

date::local_seconds to_date(LocalTime local) {
    return date::local_seconds{local.time_since_epoch()};
}

Time instant_of(LocalTime local, seconds offset) {
    return Time{local.time_since_epoch() - offset};
}

LocalTime local_of(Time time, seconds offset) {
    return LocalTime{floor<seconds>(time.time_since_epoch()) + offset};
}

// One day of slack on both sides, since a zone moves the year's end by up to 14 hours.
bool in_range(LocalTime local) {
    return local >= first_local - days(1) && local < after_last_local + days(1);
}

// The time between two clock changes of the zone that was asked for last. Due dates ask for many
// times that lie close together, and looking a period up costs more than the rest of a due date.
struct Period {
    const date::time_zone* zone = nullptr;
    date::sys_info info;

    bool holds(const date::time_zone& asked, date::sys_seconds time, seconds slack = {}) const {
        return zone == &asked && time >= info.begin + slack && time < info.end - slack;
    }
};

Period& latest_period() {
    thread_local Period period;
    return period;
}

// The offset of a local time in the period that was asked for last. A day away from the clock
// changes a local time has exactly one reading.
std::optional<seconds> known_offset(LocalTime local, const date::time_zone& zone) {
    const auto& latest = latest_period();
    const date::sys_seconds reading{local.time_since_epoch() - latest.info.offset};
    if (!in_range(local) || !latest.holds(zone, reading, days(1)))
        return std::nullopt;
    return latest.info.offset;
}

Result<date::local_info>
local_info(LocalTime local, const date::time_zone& zone, std::string_view field) {
    if (!in_range(local))
        return fail_field(std::string(field), "expected a local time of the years 1970 to 2037");
    if (known_offset(local, zone))
        return date::local_info{date::local_info::unique, latest_period().info, {}};
    auto info = zone.get_info(to_date(local));
    if (info.result == date::local_info::unique)
        latest_period() = {&zone, info.first};
    return info;
}

} // namespace

Result<LocalTime> local_from_text(std::string_view text, std::string_view field) {
    auto rest = text;
    const auto date = read_date(rest);
    const auto h = date ? read_after(rest, 'T', 2) : std::nullopt;
    const auto m = h ? read_after(rest, ':', 2) : std::nullopt;
    std::optional<int> s = 0;
    if (m && !rest.empty())
        s = read_after(rest, ':', 2);
    if (!m || !s || !rest.empty() || *h > 23 || *m > 59 || *s > 59)
        return fail_field(
            std::string(field), "expected a local time of the years 1970 to 2037, without an "
                                "offset, such as 2026-11-22T18:00"
        );
    return LocalTime{*date} + hours(*h) + minutes(*m) + seconds(*s);
}

Result<LocalDate> date_from_text(std::string_view text, std::string_view field) {
    auto rest = text;
    const auto date = read_date(rest);
    if (!date || !rest.empty())
        return fail_field(
            std::string(field), "expected a date of the years 1970 to 2037, such as 2026-12-24"
        );
    return *date;
}

Result<minutes> clock_from_text(std::string_view text, std::string_view field) {
    auto rest = text;
    const auto h = read_number(rest, 2);
    const auto m = h ? read_after(rest, ':', 2) : std::nullopt;
    if (!m || !rest.empty() || *m > 59 || *h > 24 || (*h == 24 && *m != 0))
        return fail_field(std::string(field), "expected a time of day from 00:00 to 24:00");
    return minutes(*h * 60 + *m);
}

std::string date_text(LocalDate date) {
    const year_month_day parts{date};
    return fmt::format(
        "{:04}-{:02}-{:02}", static_cast<int>(parts.year()), static_cast<unsigned>(parts.month()),
        static_cast<unsigned>(parts.day())
    );
}

std::string local_text(LocalTime local) {
    const auto date = floor<days>(local);
    const hh_mm_ss clock{local - date};
    auto text = fmt::format(
        "{}T{:02}:{:02}", date_text(date), clock.hours().count(), clock.minutes().count()
    );
    if (clock.seconds() != seconds::zero())
        text += fmt::format(":{:02}", clock.seconds().count());
    return text;
}

bool is_known_zone(std::string_view zone) {
    return zone_named(zone) != nullptr;
}

Result<void> require_zone(std::string_view zone, std::string_view field) {
    TRY(need_zone(zone, field));
    return {};
}

Result<Time> to_instant(LocalTime local, std::string_view zone, std::string_view field) {
    const auto* rules = TRY(need_zone(zone, "zone"));
    const auto info = TRY(local_info(local, *rules, field));
    if (info.result == date::local_info::nonexistent)
        return fail_field(
            std::string(field),
            fmt::format(
                "{} does not exist in {}: the clock goes from {} to {} there", local_text(local),
                zone, local_text(LocalTime{info.first.end.time_since_epoch() + info.first.offset}),
                local_text(LocalTime{info.second.begin.time_since_epoch() + info.second.offset})
            )
        );
    return instant_of(local, info.first.offset);
}

Result<Time> to_instant(std::string_view local, std::string_view zone, std::string_view field) {
    return to_instant(TRY(local_from_text(local, field)), zone, field);
}

Result<std::optional<Time>> second_reading(LocalTime local, std::string_view zone) {
    const auto* rules = TRY(need_zone(zone, "zone"));
    const auto info = TRY(local_info(local, *rules, "local"));
    if (info.result != date::local_info::ambiguous)
        return std::optional<Time>{};
    return std::optional<Time>(instant_of(local, info.second.offset));
}

Result<Time> to_instant_past_gap(LocalTime local, std::string_view zone) {
    const auto* rules = TRY(need_zone(zone, "zone"));
    if (const auto offset = known_offset(local, *rules))
        return instant_of(local, *offset);
    return instant_of(local, TRY(local_info(local, *rules, "local")).first.offset);
}

Result<LocalTime> to_local(Time time, std::string_view zone) {
    const auto* rules = TRY(need_zone(zone, "zone"));
    if (time < first_instant || time >= after_last_instant)
        return fail_field("time", "expected a time of the years 1970 to 2037");
    const date::sys_seconds second{floor<seconds>(time).time_since_epoch()};
    auto& latest = latest_period();
    if (!latest.holds(*rules, second))
        latest = {rules, rules->get_info(second)};
    return local_of(time, latest.info.offset);
}

std::string to_local_text(Time time, std::string_view zone) {
    if (const auto local = to_local(time, zone))
        return local_text(*local);
    return to_text(time);
}

std::string to_spoken_text(Time time, std::string_view zone) {
    const auto local = to_local(time, zone);
    if (!local)
        return to_text(time);
    constexpr std::array names{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    auto text = local_text(*local);
    text[10] = ' ';
    return fmt::format(
        "{} {} {}", names[weekday{floor<days>(*local)}.iso_encoding() - 1], text, zone
    );
}

Result<std::vector<ClockChange>> clock_changes(const Interval& within, std::string_view zone) {
    const auto* rules = TRY(need_zone(zone, "zone"));
    std::vector<ClockChange> changes;
    auto at = floor<seconds>(std::max(within.start, first_instant));
    const auto last = std::min(within.end, after_last_instant);
    while (changes.size() < clock_changes_max && at < last) {
        const auto now = rules->get_info(date::sys_seconds{at.time_since_epoch()});
        const sys_seconds next{now.end.time_since_epoch()};
        if (next >= last || next <= at)
            break;
        const auto then = rules->get_info(now.end);
        if (then.offset != now.offset)
            changes.push_back({Time{next}, now.offset, then.offset});
        at = next;
    }
    return changes;
}

} // namespace slipway::domain
