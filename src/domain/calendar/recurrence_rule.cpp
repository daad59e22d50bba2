// SPDX-License-Identifier: Apache-2.0
#include "domain/calendar/recurrence_rule.hpp"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

#include "base/limits.hpp"

namespace slipway::domain {

namespace {

using namespace std::chrono;

constexpr std::array<std::string_view, 7> weekday_names{"SU", "MO", "TU", "WE", "TH", "FR", "SA"};

// One "NAME=value" of a rule, with the field that messages carry.
struct Part {
    std::string_view name;
    std::string_view value;
    std::string_view field;

    tl::unexpected<Error> refuse(std::string_view why) const {
        return fail_field(std::string(field), fmt::format("{}: {}", name, why));
    }
};

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> pieces;
    for (;;) {
        const auto end = text.find(separator);
        pieces.push_back(text.substr(0, end));
        if (end == std::string_view::npos)
            return pieces;
        text.remove_prefix(end + 1);
    }
}

// A sign where `is_signed`, then one to four digits.
std::optional<int> read_integer(std::string_view text, bool is_signed) {
    const bool negative = is_signed && text.starts_with('-');
    if (negative || (is_signed && text.starts_with('+')))
        text.remove_prefix(1);
    if (text.empty() || text.size() > 4)
        return std::nullopt;
    int value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9')
            return std::nullopt;
        value = value * 10 + (c - '0');
    }
    return negative ? -value : value;
}

Result<int> read_positive(const Part& part, int max) {
    const auto value = read_integer(part.value, false);
    if (!value || *value < 1 || *value > max)
        return part.refuse(fmt::format("expected a whole number from 1 to {}", max));
    return *value;
}

// A list of numbers from 1 to max, or from -max to -1 where `is_signed`.
Result<std::vector<int>> read_numbers(const Part& part, int max, bool is_signed) {
    std::vector<int> numbers;
    for (const auto piece : split(part.value, ',')) {
        const auto value = read_integer(piece, is_signed);
        if (!value || *value == 0 || *value > max || *value < -max)
            return part.refuse(fmt::format(
                "'{}' is not from 1 to {}{}", piece, max, is_signed ? " or negative" : ""
            ));
        numbers.push_back(*value);
    }
    return numbers;
}

std::optional<weekday> read_weekday(std::string_view text) {
    const auto found = std::find(weekday_names.begin(), weekday_names.end(), text);
    if (found == weekday_names.end())
        return std::nullopt;
    return weekday(static_cast<unsigned>(found - weekday_names.begin()));
}

Result<std::vector<DayRule>> read_days(const Part& part) {
    std::vector<DayRule> rules;
    for (const auto piece : split(part.value, ',')) {
        const auto name = piece.substr(piece.size() < 2 ? 0 : piece.size() - 2);
        const auto number = piece.substr(0, piece.size() - name.size());
        const auto day = read_weekday(name);
        const auto position = number.empty() ? 0 : read_integer(number, true);
        if (!day || !position || std::abs(*position) > 53 || (!number.empty() && *position == 0))
            return part.refuse(
                fmt::format("'{}' is no weekday such as MO, or -1FR for the last Friday", piece)
            );
        rules.push_back({*position, *day});
    }
    return rules;
}

Result<Frequency> read_frequency(const Part& part) {
    constexpr std::array<std::string_view, 4> names{"DAILY", "WEEKLY", "MONTHLY", "YEARLY"};
    const auto found = std::find(names.begin(), names.end(), part.value);
    if (found == names.end())
        return part.refuse(fmt::format("'{}' is not DAILY, WEEKLY, MONTHLY or YEARLY", part.value));
    return static_cast<Frequency>(found - names.begin());
}

Result<void> read_part(RecurrenceRule& rule, const Part& part) {
    if (part.name == "FREQ")
        rule.frequency = TRY(read_frequency(part));
    else if (part.name == "INTERVAL")
        rule.interval = TRY(read_positive(part, limits::recurrence_interval_max));
    else if (part.name == "COUNT")
        rule.count = static_cast<std::uint32_t>(
            TRY(read_positive(part, static_cast<int>(limits::occurrences_max)))
        );
    else if (part.name == "UNTIL")
        rule.until = part.value;
    else if (part.name == "BYMONTH")
        rule.months = TRY(read_numbers(part, 12, false));
    else if (part.name == "BYWEEKNO")
        rule.week_numbers = TRY(read_numbers(part, 53, true));
    else if (part.name == "BYYEARDAY")
        rule.year_days = TRY(read_numbers(part, 366, true));
    else if (part.name == "BYMONTHDAY")
        rule.month_days = TRY(read_numbers(part, 31, true));
    else if (part.name == "BYSETPOS")
        rule.positions = TRY(read_numbers(part, 366, true));
    else if (part.name == "BYDAY")
        rule.days = TRY(read_days(part));
    else if (part.name == "WKST") {
        const auto day = read_weekday(part.value);
        if (!day)
            return part.refuse("expected MO, TU, WE, TH, FR, SA or SU");
        rule.week_start = *day;
    } else if (part.name == "BYHOUR" || part.name == "BYMINUTE" || part.name == "BYSECOND")
        return part.refuse("is not taken; the time of day is that of 'from'");
    else
        return part.refuse("is no part of a rule that is known here");
    return {};
}

// What RFC 5545, 3.3.10, forbids between parts.
Result<void> check_together(const RecurrenceRule& rule, std::string_view field) {
    const auto refuse = [&](std::string_view why) {
        return fail_field(std::string(field), std::string(why));
    };
    const bool yearly = rule.frequency == Frequency::yearly;
    if (!rule.week_numbers.empty() && !yearly)
        return refuse("BYWEEKNO: only with FREQ=YEARLY");
    if (!rule.year_days.empty() && !yearly)
        return refuse("BYYEARDAY: only with FREQ=YEARLY");
    if (!rule.month_days.empty() && rule.frequency == Frequency::weekly)
        return refuse("BYMONTHDAY: not with FREQ=WEEKLY");
    const bool numbered = std::any_of(rule.days.begin(), rule.days.end(), [](const DayRule& day) {
        return day.position != 0;
    });
    if (numbered && !yearly && rule.frequency != Frequency::monthly)
        return refuse("BYDAY: numbered weekdays only with FREQ=MONTHLY or FREQ=YEARLY");
    if (numbered && !rule.week_numbers.empty())
        return refuse("BYDAY: numbered weekdays not together with BYWEEKNO");
    if (rule.count && !rule.until.empty())
        return refuse("COUNT: not together with UNTIL");
    if (!rule.positions.empty() && rule.months.empty() && rule.week_numbers.empty() &&
        rule.year_days.empty() && rule.month_days.empty() && rule.days.empty())
        return refuse("BYSETPOS: needs another BY part to choose from");
    return {};
}

LocalDate week_begin(LocalDate date, weekday first) {
    return date - (weekday(date) - first);
}

// The first week with at least four days in the year (RFC 5545, 3.3.10).
LocalDate first_week(year which, weekday first) {
    return week_begin(LocalDate{which / January / 4}, first);
}

bool holds_number(const std::vector<int>& numbers, int from_start, int from_end) {
    return std::any_of(numbers.begin(), numbers.end(), [&](int number) {
        return number == from_start || number == -from_end;
    });
}

bool in_numbered_week(const RecurrenceRule& rule, LocalDate date) {
    const auto begin = week_begin(date, rule.week_start);
    const auto which = year_month_day{begin + days(3)}.year();
    const auto passed = (begin - first_week(which, rule.week_start)).count() / 7;
    const auto left = (first_week(which + years(1), rule.week_start) - begin).count() / 7;
    return holds_number(rule.week_numbers, static_cast<int>(passed) + 1, static_cast<int>(left));
}

struct Stretch {
    LocalDate first;
    LocalDate last;
};

Stretch month_of(const year_month_day& date) {
    const auto month = date.year() / date.month();
    return {LocalDate{month / 1}, LocalDate{month / last}};
}

Stretch year_of(const year_month_day& date) {
    return {LocalDate{date.year() / January / 1}, LocalDate{date.year() / December / 31}};
}

bool on_named_day(const RecurrenceRule& rule, LocalDate date, const year_month_day& parts) {
    const auto within = rule.frequency == Frequency::yearly && rule.months.empty()
                            ? year_of(parts)
                            : month_of(parts);
    const auto from_start = static_cast<int>((date - within.first).count() / 7) + 1;
    const auto from_end = static_cast<int>((within.last - date).count() / 7) + 1;
    const weekday today{date};
    return std::any_of(rule.days.begin(), rule.days.end(), [&](const DayRule& day) {
        return day.day == today &&
               (day.position == 0 || day.position == from_start || day.position == -from_end);
    });
}

// What the first occurrence says where the rule itself names no day.
bool as_first(const RecurrenceRule& rule, LocalDate first, LocalDate date) {
    if (!rule.days.empty() || !rule.month_days.empty() || !rule.year_days.empty())
        return true;
    const year_month_day then{first};
    const year_month_day now{date};
    switch (rule.frequency) {
    case Frequency::daily:
        return true;
    case Frequency::weekly:
        return weekday(date) == weekday(first);
    case Frequency::monthly:
        return now.day() == then.day();
    case Frequency::yearly:
        break;
    }
    if (!rule.week_numbers.empty())
        return weekday(date) == weekday(first);
    return now.day() == then.day() && (!rule.months.empty() || now.month() == then.month());
}

bool matches(const RecurrenceRule& rule, LocalDate first, LocalDate date) {
    const year_month_day parts{date};
    const auto month = static_cast<int>(static_cast<unsigned>(parts.month()));
    if (!rule.months.empty() && !holds_number(rule.months, month, 0))
        return false;
    if (!rule.days.empty() && !on_named_day(rule, date, parts))
        return false;
    if (!rule.month_days.empty()) {
        const auto within = month_of(parts);
        if (!holds_number(
                rule.month_days, static_cast<int>((date - within.first).count()) + 1,
                static_cast<int>((within.last - date).count()) + 1
            ))
            return false;
    }
    if (!rule.year_days.empty()) {
        const auto within = year_of(parts);
        if (!holds_number(
                rule.year_days, static_cast<int>((date - within.first).count()) + 1,
                static_cast<int>((within.last - date).count()) + 1
            ))
            return false;
    }
    if (!rule.week_numbers.empty() && !in_numbered_week(rule, date))
        return false;
    return as_first(rule, first, date);
}

Stretch period_of(const RecurrenceRule& rule, LocalDate date) {
    switch (rule.frequency) {
    case Frequency::daily:
        break;
    case Frequency::weekly: {
        const auto begin = week_begin(date, rule.week_start);
        return {begin, begin + days(6)};
    }
    case Frequency::monthly:
        return month_of(year_month_day{date});
    case Frequency::yearly:
        return year_of(year_month_day{date});
    }
    return {date, date};
}

// Periods from the first one, which is 0; INTERVAL keeps its multiples.
int period_number(const RecurrenceRule& rule, LocalDate first, LocalDate date) {
    const year_month_day then{first};
    const year_month_day now{date};
    const auto years_between = static_cast<int>(now.year()) - static_cast<int>(then.year());
    switch (rule.frequency) {
    case Frequency::daily:
        break;
    case Frequency::weekly:
        return static_cast<int>(
            (week_begin(date, rule.week_start) - week_begin(first, rule.week_start)).count() / 7
        );
    case Frequency::monthly:
        return years_between * 12 + static_cast<int>(static_cast<unsigned>(now.month())) -
               static_cast<int>(static_cast<unsigned>(then.month()));
    case Frequency::yearly:
        return years_between;
    }
    return static_cast<int>((date - first).count());
}

std::vector<LocalDate> chosen(std::vector<LocalDate> set, const std::vector<int>& positions) {
    if (positions.empty())
        return set;
    std::vector<LocalDate> kept;
    const auto size = static_cast<int>(set.size());
    for (int i = 0; i < size; ++i)
        if (holds_number(positions, i + 1, size - i))
            kept.push_back(set[static_cast<std::size_t>(i)]);
    return kept;
}

} // namespace

Result<RecurrenceRule> rule_from_text(std::string_view text, std::string_view field) {
    if (text.size() > limits::recurrence_rule_max)
        return fail_field(
            std::string(field),
            fmt::format(
                "has {} characters, the limit is {}", text.size(), limits::recurrence_rule_max
            )
        );
    std::string upper(text);
    std::transform(upper.begin(), upper.end(), upper.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    std::string_view rest = upper;
    if (rest.starts_with("RRULE:"))
        rest.remove_prefix(6);
    RecurrenceRule rule;
    std::set<std::string_view> seen;
    for (const auto piece : split(rest, ';')) {
        const auto equals = piece.find('=');
        if (equals == std::string_view::npos || equals + 1 == piece.size())
            return fail_field(
                std::string(field),
                fmt::format("'{}' is not of the form NAME=value, such as FREQ=WEEKLY", piece)
            );
        const Part part{piece.substr(0, equals), piece.substr(equals + 1), field};
        if (!seen.insert(part.name).second)
            return part.refuse("stands twice in the rule");
        TRY(read_part(rule, part));
    }
    if (!seen.contains("FREQ"))
        return fail_field(std::string(field), "FREQ: is missing, such as FREQ=WEEKLY");
    TRY(check_together(rule, field));
    return rule;
}

std::vector<LocalDate>
rule_days(const RecurrenceRule& rule, LocalDate first, LocalDate begin, LocalDate last) {
    begin = std::max(begin, first);
    std::vector<LocalDate> found;
    for (auto date = begin; date <= last;) {
        const auto period = period_of(rule, date);
        if (period_number(rule, first, date) % rule.interval == 0) {
            // BYSETPOS counts in the whole period; without it the days asked about are enough.
            const auto from = rule.positions.empty() ? date : period.first;
            const auto to = rule.positions.empty() ? std::min(period.last, last) : period.last;
            std::vector<LocalDate> set;
            for (auto day = from; day <= to; day += days(1))
                if (matches(rule, first, day))
                    set.push_back(day);
            for (const auto day : chosen(std::move(set), rule.positions))
                if (day >= begin && day <= last)
                    found.push_back(day);
        }
        date = period.last + days(1);
    }
    return found;
}

} // namespace slipway::domain
