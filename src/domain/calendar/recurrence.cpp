// SPDX-License-Identifier: Apache-2.0
#include "domain/calendar/recurrence.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "domain/calendar/field_path.hpp"
#include "domain/calendar/recurrence_rule.hpp"
#include "domain/calendar/zone.hpp"

namespace slipway::domain {

namespace {

using namespace std::chrono;

constexpr Time calendar_begin{sys_days{year(1970) / January / 2}};
constexpr Time calendar_end{sys_days{year(2037) / December / 31}};

// A recurrence whose texts have been read. Exactly one of rule and "once" holds.
struct ReadRecurrence {
    LocalTime from;
    days whole_days{};
    Span rest{};
    std::optional<RecurrenceRule> rule;
    std::optional<LocalTime> until;
    std::optional<std::uint32_t> count;
    std::vector<LocalTime> except_times;
    std::vector<LocalDate> except_dates;
};

// Field names, below the name that the caller gave.
struct Names {
    std::string_view parent;

    std::string operator()(std::string_view name) const { return field_path(parent, name); }
};

// A date means the whole day.
Result<LocalTime> read_until(std::string_view text, std::string_view field) {
    if (text.size() == 10)
        return TRY(date_from_text(text, field)) + days(1) - seconds(1);
    return local_from_text(text, field);
}

// UNTIL as a rule writes it: 20261231, 20261231T180000 or 20261231T180000Z.
Result<LocalTime>
read_rule_until(std::string_view text, std::string_view zone, std::string_view field) {
    const bool utc = text.size() == 16 && text.ends_with('Z');
    if (text.size() != 8 && text.size() != 15 && !utc)
        return fail_field(
            std::string(field), "UNTIL: expected 20261231, 20261231T180000 or 20261231T180000Z"
        );
    auto plain = fmt::format("{}-{}-{}", text.substr(0, 4), text.substr(4, 2), text.substr(6, 2));
    if (text.size() > 8)
        plain += fmt::format(
            "{}{}:{}:{}", text.substr(8, 1), text.substr(9, 2), text.substr(11, 2),
            text.substr(13, 2)
        );
    const auto until = TRY(read_until(plain, field));
    if (!utc)
        return until;
    return to_local(TRY(to_instant(until, "UTC", field)), zone);
}

Result<void> read_length(const Recurrence& recurrence, const Names& names, ReadRecurrence& read) {
    const bool by_end = !recurrence.to.empty();
    if (by_end == recurrence.duration.has_value())
        return fail_field(names("duration"), "give either 'to' or 'duration'");
    const auto field = names(by_end ? "to" : "duration");
    Span length = recurrence.duration.value_or(Span::zero());
    if (by_end)
        length = TRY(local_from_text(recurrence.to, field)) - read.from;
    if (length <= Span::zero())
        return fail_field(field, by_end ? "must be later than 'from'" : "must be more than 0");
    if (length > limits::occurrence_length_max)
        return fail_field(
            field, fmt::format(
                       "each lasts {}, the limit is {}", to_text(length),
                       to_text(Span(limits::occurrence_length_max))
                   )
        );
    read.whole_days = floor<days>(length);
    read.rest = length - read.whole_days;
    return {};
}

Result<void> read_rule(const Recurrence& recurrence, const Names& names, ReadRecurrence& read) {
    if (recurrence.rule.empty()) {
        const auto* surplus = !recurrence.until.empty()    ? "until"
                              : recurrence.count           ? "count"
                              : !recurrence.except.empty() ? "except"
                                                           : nullptr;
        if (surplus != nullptr)
            return fail_field(names(surplus), "only with a rule");
        return {};
    }
    read.rule = TRY(rule_from_text(recurrence.rule, names("rule")));
    read.count = read.rule->count;
    if (!read.rule->until.empty())
        read.until = TRY(read_rule_until(read.rule->until, recurrence.zone, names("rule")));
    const bool ends = read.count || read.until;
    if (!recurrence.until.empty()) {
        if (ends || recurrence.count)
            return fail_field(names("until"), "the recurrence has another end already");
        read.until = TRY(read_until(recurrence.until, names("until")));
    }
    if (recurrence.count) {
        if (ends)
            return fail_field(names("count"), "the recurrence has another end already");
        if (*recurrence.count < 1 || *recurrence.count > limits::occurrences_max)
            return fail_field(
                names("count"), fmt::format("expected 1 to {}", limits::occurrences_max)
            );
        read.count = recurrence.count;
    }
    for (std::size_t i = 0; i < recurrence.except.size(); ++i) {
        const auto& text = recurrence.except[i];
        const auto field = fmt::format("{}[{}]", names("except"), i);
        if (text.size() == 10)
            read.except_dates.push_back(TRY(date_from_text(text, field)));
        else
            read.except_times.push_back(TRY(local_from_text(text, field)));
    }
    return {};
}

Result<ReadRecurrence> read_recurrence(const Recurrence& recurrence, const Names& names) {
    ReadRecurrence read;
    TRY(require_zone(recurrence.zone, names("zone")));
    read.from = TRY(local_from_text(recurrence.from, names("from")));
    TRY(read_length(recurrence, names, read));
    TRY(read_rule(recurrence, names, read));
    // What happens once is a time that somebody chose, so a skipped one is refused.
    if (!read.rule)
        TRY(to_instant(read.from, recurrence.zone, names("from")));
    return read;
}

bool is_left_out(const ReadRecurrence& read, LocalTime start) {
    const auto has = [](const auto& list, const auto& value) {
        return std::find(list.begin(), list.end(), value) != list.end();
    };
    return has(read.except_times, start) || has(read.except_dates, floor<days>(start));
}

// Starts in local time whose occurrences could touch the range, sorted.
std::vector<LocalTime> local_starts(const ReadRecurrence& read, LocalDate begin, LocalDate last) {
    if (!read.rule)
        return {read.from};
    const auto first = floor<days>(read.from);
    const auto clock = read.from - first;
    if (read.until)
        last = std::min(last, floor<days>(*read.until));
    if (read.count)
        begin = first;
    std::vector<LocalTime> starts;
    for (const auto date : rule_days(*read.rule, first, begin, last)) {
        const auto start = date + clock;
        if (read.until && start > *read.until)
            break;
        starts.push_back(start);
        if (read.count && starts.size() == *read.count)
            break;
    }
    std::erase_if(starts, [&](LocalTime start) { return is_left_out(read, start); });
    return starts;
}

Result<Interval> interval_of(const ReadRecurrence& read, LocalTime start, const std::string& zone) {
    const auto begin = TRY(to_instant_past_gap(start, zone));
    const auto end = read.whole_days == days(0)
                         ? begin
                         : TRY(to_instant_past_gap(start + read.whole_days, zone));
    return Interval{begin, end + read.rest};
}

} // namespace

Result<void> check_recurrence(const Recurrence& recurrence, std::string_view field) {
    const Names names{field};
    const auto read = TRY(read_recurrence(recurrence, names));
    const LocalDate end{year(2037) / December / 31};
    if (local_starts(read, floor<days>(read.from), end).empty())
        return fail_field(names("rule"), "never occurs between 'from' and the end of 2037");
    return {};
}

Result<std::vector<Interval>> occurrences(const Recurrence& recurrence, const Interval& range) {
    const auto read = TRY(read_recurrence(recurrence, {}));
    if (range.empty())
        return fail_field("range", "must end after its start");
    if (range.end > calendar_end)
        return fail_field("range", "ends after 2037-12-30, where the zone database ends");
    const Interval asked{std::max(range.start, calendar_begin), range.end};
    std::vector<Interval> found;
    if (asked.empty())
        return found;
    const auto earliest = std::max(calendar_begin, asked.start - read.whole_days - read.rest);
    const auto begin = floor<days>(TRY(to_local(earliest, recurrence.zone))) - days(1);
    const auto last = floor<days>(TRY(to_local(asked.end, recurrence.zone))) + days(1);
    for (const auto start : local_starts(read, begin, last)) {
        if (read.rule && floor<days>(start) < begin)
            continue;
        const auto interval = TRY(interval_of(read, start, recurrence.zone));
        if (!overlaps(interval, asked))
            continue;
        if (found.size() == limits::occurrences_max)
            return fail(
                ErrorCode::limit_exceeded,
                fmt::format(
                    "rule: more than {} occurrences in the range; ask about less time",
                    limits::occurrences_max
                )
            );
        found.push_back(interval);
    }
    return found;
}

} // namespace slipway::domain
