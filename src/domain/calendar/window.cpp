// SPDX-License-Identifier: Apache-2.0
#include "domain/calendar/window.hpp"

#include <fmt/format.h>

#include "domain/calendar/zone.hpp"

namespace slipway::domain {

namespace {

// What people agree on has one meaning: nobody should learn at night which of two hours was meant.
Result<Time>
only_instant(const std::string& text, const std::string& zone, std::string_view field) {
    const auto local = TRY(local_from_text(text, field));
    const auto first = TRY(to_instant(local, zone, field));
    const auto second = TRY(second_reading(local, zone));
    if (second)
        return fail_field(
            std::string(field),
            fmt::format(
                "the clock shows {} twice in {}: at {} and, after it has gone back, at {}; choose "
                "a time before or after that hour",
                text, zone, to_text(first), to_text(*second)
            )
        );
    return first;
}

} // namespace

Result<Interval> resolve_window(const WindowSpec& spec) {
    TRY(require_zone(spec.zone));
    const auto start = only_instant(spec.start, spec.zone, "start");
    const auto end = only_instant(spec.end, spec.zone, "end");
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
