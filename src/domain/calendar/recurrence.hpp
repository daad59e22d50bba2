// SPDX-License-Identifier: Apache-2.0
// When something happens: once, or by a rule of RFC 5545 (RRULE) as every calendar writes it. The
// rule is worked out in local time, so 22:00 stays 22:00 across a change of the clock. The days of
// a duration are calendar days and the rest is elapsed time (RFC 5545, 3.3.6), so a rule of "1d"
// from midnight ends at midnight on a day of 23 hours too. `from` is the earliest start and gives
// the time of day; it occurs itself only where it matches the rule.
// Rules repeat daily or slower and are refused, naming the part, when they are malformed. A rule
// that never matches ends: rules are followed for the range asked about and no further.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "domain/calendar/interval.hpp"

namespace slipway::domain {

struct Recurrence {
    std::string from;
    std::string to;
    std::optional<Span> duration;
    std::string zone;
    std::string rule;
    std::string until;
    std::optional<std::uint32_t> count;
    std::vector<std::string> except;
    bool operator==(const Recurrence&) const = default;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit(
            "from", self.from, required("local start of the first, such as 2026-11-30T18:00", 32)
        );
        visit("to", self.to, optional("local end of the first; or give a duration", 32));
        visit("duration", self.duration, optional("how long each lasts, such as 36h or 3d"));
        visit("zone", self.zone, required("IANA time zone, such as Europe/Berlin", 64));
        visit(
            "rule", self.rule,
            optional("RFC 5545 rule, such as FREQ=WEEKLY;BYDAY=TU; empty: once", 500)
        );
        visit("until", self.until, optional("latest local start, or a date", 32));
        visit("count", self.count, optional("how often, counted from the first"));
        visit("except", self.except, optional("local starts or dates that are left out", 366));
    }
};

// For storing: refuses what occurrences() would refuse for any range, and what never occurs. Errors
// name the field below `field` where one is given ("recurrence" gives "recurrence.rule").
Result<void> check_recurrence(const Recurrence& recurrence, std::string_view field = {});

// Those that overlap the range, whole, sorted by start. Errors: invalid_input for a malformed
// recurrence or a range beyond 2037; limit_exceeded for more than limits::occurrences_max of them.
Result<std::vector<Interval>> occurrences(const Recurrence& recurrence, const Interval& range);

} // namespace slipway::domain
