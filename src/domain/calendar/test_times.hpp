// SPDX-License-Identifier: Apache-2.0
// Times as the tests of the calendar write them: of UTC, and of a zone that puts its clocks forward
// and back. Only tests include this.
#pragma once

#include "domain/calendar/interval.hpp"
#include "domain/calendar/zone.hpp"

namespace slipway::domain {

inline constexpr auto berlin = "Europe/Berlin";

inline Time at(std::string_view text) {
    return *time_from_text(text);
}

inline Time in_berlin(std::string_view text) {
    return *to_instant(text, berlin);
}

inline Interval berlin_time(std::string_view from, std::string_view to) {
    return {in_berlin(from), in_berlin(to)};
}

} // namespace slipway::domain
