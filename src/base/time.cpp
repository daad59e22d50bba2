// SPDX-License-Identifier: Apache-2.0
#include "base/time.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include <fmt/format.h>

namespace slipway {

namespace {

using namespace std::chrono;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// Reads exactly `count` digits and moves past them; -1 when they are not there.
int read_digits(std::string_view& text, std::size_t count) {
    if (text.size() < count)
        return -1;
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (!is_digit(text[i]))
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    text.remove_prefix(count);
    return value;
}

bool skip(std::string_view& text, char expected) {
    if (text.empty() || text.front() != expected)
        return false;
    text.remove_prefix(1);
    return true;
}

constexpr std::string_view time_help = "expected an RFC 3339 time such as 2026-11-22T18:00:00Z";
constexpr std::string_view span_help =
    "expected a number and a unit (ms, s, m, h, d) such as 90s or 48h, at most 3650d";

struct Unit {
    std::string_view name;
    Span span;
};

constexpr std::array<Unit, 5> units{{
    {"d", hours(24)},
    {"h", hours(1)},
    {"m", minutes(1)},
    {"s", seconds(1)},
    {"ms", milliseconds(1)},
}};

constexpr Span span_max = hours(24) * 3650;

// The years that can be written with four digits, and from when on others may name a time.
constexpr Time first_time = sys_days(year(0) / January / 1);
constexpr Time last_time = sys_days(year(10000) / January / 1) - milliseconds(1);
constexpr Time first_told = sys_days(year(1970) / January / 1);

Result<Time> read_time(std::string_view text) {
    const auto bad = [] { return fail(ErrorCode::invalid_input, std::string(time_help)); };
    const int y = read_digits(text, 4);
    if (y < 0 || !skip(text, '-'))
        return bad();
    const int mo = read_digits(text, 2);
    if (!skip(text, '-'))
        return bad();
    const int d = read_digits(text, 2);
    if (text.empty() || (text.front() != 'T' && text.front() != 't'))
        return bad();
    text.remove_prefix(1);
    const int h = read_digits(text, 2);
    if (!skip(text, ':'))
        return bad();
    const int mi = read_digits(text, 2);
    int s = 0;
    if (skip(text, ':'))
        s = read_digits(text, 2);
    const year_month_day date{
        year(y), month(static_cast<unsigned>(mo)), std::chrono::day(static_cast<unsigned>(d))};
    if (mo < 1 || d < 1 || !date.ok() || h < 0 || h > 23 || mi < 0 || mi > 59 || s < 0 || s > 59)
        return bad();
    int ms = 0;
    if (skip(text, '.')) {
        if (text.empty() || !is_digit(text.front()))
            return bad();
        int scale = 100;
        while (!text.empty() && is_digit(text.front())) {
            ms += (text.front() - '0') * scale;
            scale /= 10;
            text.remove_prefix(1);
        }
    }
    Span offset{0};
    if (!skip(text, 'Z') && !skip(text, 'z')) {
        const int sign = skip(text, '+') ? 1 : skip(text, '-') ? -1 : 0;
        if (sign == 0)
            return bad();
        const int oh = read_digits(text, 2);
        if (!skip(text, ':'))
            return bad();
        const int om = read_digits(text, 2);
        if (oh < 0 || oh > 23 || om < 0 || om > 59)
            return bad();
        offset = sign * (hours(oh) + minutes(om));
    }
    if (!text.empty())
        return bad();
    return Time(sys_days(date)) + hours(h) + minutes(mi) + seconds(s) + milliseconds(ms) - offset;
}

} // namespace

// By hand: a stored change holds many times and is written with every command; a general formatter
// took a third of that.
std::string to_text(Time time) {
    time = std::clamp(time, first_time, last_time);
    const auto day = floor<days>(time);
    const year_month_day date{day};
    const hh_mm_ss clock{time - day};
    std::string text = "0000-00-00T00:00:00.000Z";
    const auto put = [&](std::size_t last, long long value) {
        for (; value != 0; value /= 10)
            text[last--] = static_cast<char>('0' + value % 10);
    };
    put(3, static_cast<int>(date.year()));
    put(6, static_cast<unsigned>(date.month()));
    put(9, static_cast<unsigned>(date.day()));
    put(12, clock.hours().count());
    put(15, clock.minutes().count());
    put(18, clock.seconds().count());
    put(22, clock.subseconds().count());
    return text;
}

Result<Time> time_from_text(std::string_view text) {
    const auto time = TRY(read_time(text));
    if (time < first_told || time > last_time)
        return fail(
            ErrorCode::invalid_input,
            fmt::format("expected a time from {} to {}", to_text(first_told), to_text(last_time))
        );
    return time;
}

Result<Time> kept_time_from_text(std::string_view text) {
    return read_time(text);
}

std::string to_text(Span span) {
    if (span == Span::zero())
        return "0s";
    for (const auto& unit : units)
        if (span % unit.span == Span::zero())
            return fmt::format("{}{}", span / unit.span, unit.name);
    return fmt::format("{}ms", span.count());
}

Result<Span> span_from_text(std::string_view text) {
    const auto bad = [] { return fail(ErrorCode::invalid_input, std::string(span_help)); };
    if (text.empty())
        return bad();
    Span total{0};
    while (!text.empty()) {
        std::int64_t number = 0;
        std::size_t digits = 0;
        while (digits < text.size() && is_digit(text[digits]) && digits < 12)
            number = number * 10 + (text[digits++] - '0');
        if (digits == 0)
            return bad();
        text.remove_prefix(digits);
        std::size_t letters = 0;
        while (letters < text.size() && !is_digit(text[letters]))
            ++letters;
        Span unit{0};
        for (const auto& known : units)
            if (known.name == text.substr(0, letters))
                unit = known.span;
        if (unit == Span::zero() || number > span_max / unit)
            return bad();
        text.remove_prefix(letters);
        total += number * unit;
        if (total > span_max)
            return bad();
    }
    return total;
}

Result<Span> kept_span_from_text(std::string_view text) {
    Span::rep number = 0;
    const auto* end = text.data() + text.size();
    const auto [rest, failed] = std::from_chars(text.data(), end, number);
    if (failed == std::errc{})
        for (const auto& unit : units)
            if (Span::rep all = 0; unit.name == std::string_view(rest, end) &&
                                   !__builtin_mul_overflow(number, unit.span.count(), &all))
                return Span(all);
    return span_from_text(text);
}

} // namespace slipway
