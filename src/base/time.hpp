// SPDX-License-Identifier: Apache-2.0
// Instants and spans. An instant is UTC with a resolution of one millisecond, written as RFC 3339
// with exactly three decimals and "Z"; a span is written as a number and a unit: ms, s, m, h or d
// ("90s", "48h", "7d"), where a day is 24 hours. Local times and zones live in domain/calendar.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace slipway {

using Span = std::chrono::milliseconds;
using Time = std::chrono::sys_time<Span>;

// "2026-11-22T19:53:12.123Z". A time outside the years 0 to 9999, which has no such text, is
// written as the first or last one that has.
std::string to_text(Time time);
// What others send. Accepts RFC 3339: "T", optional fraction, "Z" or a numeric offset. The years
// are 1970 to 9999, in UTC: whoever is east of Greenwich was in 1970 before that began.
Result<Time> time_from_text(std::string_view text);
// What we kept: whatever to_text() writes, so that nothing is ever stored that cannot be read.
Result<Time> kept_time_from_text(std::string_view text);

// The largest unit that gives a whole number: "48h" stays "2d".
std::string to_text(Span span);
// A number and a unit, or several: "1h30m". At most ten years. Negative spans are refused.
Result<Span> span_from_text(std::string_view text);
// What we kept: whatever to_text() writes, also a negative span and one of centuries.
Result<Span> kept_span_from_text(std::string_view text);

} // namespace slipway
