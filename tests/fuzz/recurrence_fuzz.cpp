// SPDX-License-Identifier: Apache-2.0
// Recurrences as people send them, one text on each line: rule, from, to, zone, until, exceptions.
// Whatever the bytes are, reading must end, and occurrences must overlap the range and be sorted.
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "base/assert.hpp"
#include "domain/calendar/recurrence.hpp"
#include "domain/calendar/recurrence_rule.hpp"

using namespace slipway;
using namespace slipway::domain;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    const auto next = [&] {
        const auto end = std::min(rest.find('\n'), rest.size());
        const std::string line(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
        return line;
    };
    Recurrence recurrence;
    recurrence.rule = next();
    static_cast<void>(rule_from_text(recurrence.rule));
    recurrence.from = next();
    recurrence.to = next();
    recurrence.zone = next();
    recurrence.until = next();
    while (!rest.empty() && recurrence.except.size() < 366)
        recurrence.except.push_back(next());

    const Interval range{
        Time{std::chrono::hours(24) * 365 * 54}, Time{std::chrono::hours(24) * 365 * 57}};
    const auto found = occurrences(recurrence, range);
    if (check_recurrence(recurrence))
        ASSERT(found || found.error().code == ErrorCode::limit_exceeded);
    if (!found)
        return 0;
    ASSERT(std::is_sorted(found->begin(), found->end()));
    for (const auto& one : *found)
        ASSERT(overlaps(one, range));
    return 0;
}
