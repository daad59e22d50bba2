// SPDX-License-Identifier: Apache-2.0
#include "domain/calendar/spoken.hpp"

#include <fmt/format.h>

namespace slipway::domain {

std::string spoken(Span span) {
    using namespace std::chrono_literals;
    const auto two = [](Span value, Span large, std::string_view name, Span small,
                        std::string_view small_name) {
        const auto rest = value % large / small;
        const auto text = fmt::format("{}{}", value / large, name);
        return rest == 0 ? text : fmt::format("{}{}{}", text, rest, small_name);
    };
    if (span < 1s)
        return fmt::format("{}ms", span.count());
    if (span < 1min)
        return fmt::format("{}s", static_cast<double>(span / 100ms) / 10);
    return span < 1h ? two(span, 1min, "m", 1s, "s") : two(span, 1h, "h", 1min, "m");
}

} // namespace slipway::domain
