// SPDX-License-Identifier: Apache-2.0
// A maintenance window as people enter it, two local times and a zone, and the instants it means.
// The zone is kept so that the window stays at the promised time of day when zone rules change.
#pragma once

#include <string>

#include "domain/calendar/interval.hpp"

namespace slipway::domain {

struct WindowSpec {
    std::string start;
    std::string end;
    std::string zone;
    bool operator==(const WindowSpec&) const = default;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("start", self.start, required("local start, such as 2026-11-22T18:00", 32));
        visit("end", self.end, required("local end, at most 7 days after the start", 32));
        visit("zone", self.zone, required("IANA time zone, such as Europe/Berlin", 64));
    }
};

// Errors: invalid_input with every field that is wrong: a time that the clock skips or shows twice
// (both instants are named); the window must end after its start and last at most
// limits::window_max.
Result<Interval> resolve_window(const WindowSpec& spec);

} // namespace slipway::domain
