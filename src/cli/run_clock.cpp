// SPDX-License-Identifier: Apache-2.0
#include "cli/run_clock.hpp"

#include <fmt/format.h>

#include "domain/change/run_times.hpp"

namespace slipway::cli {

namespace {

std::optional<Span> span_at(const Json& value, std::string_view name) {
    const auto span = span_from_text(text_or_empty(value, name));
    return span ? std::optional(*span) : std::nullopt;
}

std::string spoken_at(const Json& value, std::string_view name) {
    const auto span = span_at(value, name);
    return span ? domain::spoken(*span) : std::string{};
}

// The time of day is enough in a line that is read while it happens.
std::string time_of_day(std::string_view text) {
    const auto local = local_time(text);
    return local.size() == 19 ? local.substr(11) : clean(local);
}

std::string difference(const Json& row) {
    const auto then = span_at(row, "rehearsed");
    const auto now = span_at(row, "live");
    if (!then || !now || *then == *now)
        return {};
    return *now > *then ? "+" + domain::spoken(*now - *then) : "-" + domain::spoken(*then - *now);
}

Json timing_row(std::string_view name, const Json& times) {
    return JsonObject{
        {"step", name},
        {"rehearsed", spoken_at(times, "rehearsed")},
        {"live", spoken_at(times, "live")},
        {"difference", difference(times)}};
}

} // namespace

std::string clock_line(const Json& record, const Style& style) {
    const auto* clock = find(record, "abort_clock");
    if (clock == nullptr || text_or_empty(*clock, "run").empty())
        return {};
    auto line = fmt::format(
        "abort by {} · expected end {}", time_of_day(text_or_empty(*clock, "abort_by")),
        time_of_day(text_or_empty(*clock, "expected_end"))
    );
    if (const auto slipped = spoken_at(*clock, "slipped"); !slipped.empty())
        line += fmt::format(" · {} slower than the test ring", slipped);
    return style.paint(Paint::dim, line) + "\n";
}

std::string clock_block(const Json& record, const Style& style) {
    const auto* clock = find(record, "abort_clock");
    if (clock == nullptr || text_or_empty(*clock, "run").empty())
        return {};
    const auto at = [&](const char* name) { return zoned_time(text_or_empty(*clock, name)); };
    auto out = fmt::format(
        "  {}\n  expected end: {}, with its smoke test; what runs now must end by {}\n",
        style.paint(Paint::bold, "abort by: " + clean(at("abort_by"))), clean(at("expected_end")),
        clean(at("point_of_no_return"))
    );
    const auto* evidence = find(*clock, "evidence");
    for (const auto& line : evidence && evidence->is_array() ? evidence->get_array() : JsonArray{})
        out += hanging("    ", cell(line), style) + "\n";
    return out;
}

std::string timing_block(const Json& record, std::string_view run, const Style& style) {
    const auto* timings = find(record, "timings");
    for (const auto& timing : timings && timings->is_array() ? timings->get_array() : JsonArray{}) {
        if (text_or_empty(timing, "run") != run)
            continue;
        JsonArray rows;
        const auto* steps = find(timing, "steps");
        for (const auto& step : steps && steps->is_array() ? steps->get_array() : JsonArray{})
            rows.push_back(timing_row(text_or_empty(step, "step"), step));
        rows.push_back(timing_row("together", timing));
        const auto rehearsal = clean(text_or_empty(timing, "rehearsal"));
        return fmt::format(
                   "{} beside {} on {}:\n", clean(run), rehearsal,
                   clean(text_or_empty(timing, "ring"))
               ) +
               table(
                   rows,
                   {{"STEP", "step"},
                    {"REHEARSED", "rehearsed"},
                    {"LIVE", "live"},
                    {"DIFFERENCE", "difference"}},
                   style
               );
    }
    return {};
}

} // namespace slipway::cli
