// SPDX-License-Identifier: Apache-2.0
#include "domain/calendar/window.hpp"

#include <fmt/format.h>

#include "domain/calendar/zone.hpp"

namespace slipway::domain {

Result<Interval> resolve_window(const WindowSpec& spec) {
    TRY(require_zone(spec.zone));
    const auto start = to_instant(spec.start, spec.zone, "start");
    const auto end = to_instant(spec.end, spec.zone, "end");
    if (!start && !end) {
        auto both = start.error();
        both.message += "; " + end.error().message;
        both.fields.push_back(end.error().fields.front());
        return tl::unexpected(std::move(both));
    }
    const Interval window{TRY(start), TRY(end)};
    if (window.empty())
        return fail_field("end", fmt::format("must be later than the start, {}", spec.start));
    if (window.length() > limits::window_max)
        return fail_field(
            "end", fmt::format(
                       "the window lasts {}, the limit is {}", to_text(window.length()),
                       to_text(Span(limits::window_max))
                   )
        );
    return window;
}

} // namespace slipway::domain
