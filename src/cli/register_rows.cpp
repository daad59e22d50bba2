// SPDX-License-Identifier: Apache-2.0
#include "cli/register_rows.hpp"

#include <map>

#include <fmt/format.h>

#include "base/limits.hpp"
#include "domain/calendar/board.hpp"
#include "domain/calendar/roster.hpp"

namespace slipway::cli {

namespace {

Time time_of_server(const Context& context) {
    const auto now = time_from_text(server_time(context));
    return now ? *now : context.around.clock.now();
}

// The first that overlaps this span.
std::optional<domain::Interval>
first_within(const domain::Recurrence& recurrence, const domain::Interval& range) {
    const auto found = domain::occurrences(recurrence, range);
    return found && !found->empty() ? std::optional(found->front()) : std::nullopt;
}

// The one that holds at this time, or the first after it.
std::optional<domain::Interval> next_of(const domain::Recurrence& recurrence, Time now) {
    return first_within(recurrence, {now, now + std::chrono::hours(24 * days_ahead_max)});
}

void add_dates(JsonObject& row, const Json& record, Time now) {
    const auto* json = find(record, "recurrence");
    const auto recurrence = restore<domain::Recurrence>(json ? *json : Json{});
    if (!recurrence)
        return;
    if (const auto next = next_of(*recurrence, now)) {
        row["next_from"] = to_text(next->start);
        row["next_until"] = to_text(next->end);
    }
}

void add_meeting(JsonObject& row, const Json& record, Time now) {
    const auto* json = find(record, "schedule");
    const auto schedule = restore<domain::BoardSchedule>(json ? *json : Json{});
    if (!schedule || schedule->meetings.from.empty())
        return;
    if (const auto next = next_of(schedule->meetings, now))
        row["next_meeting"] = to_text(next->start);
}

// Each person is looked at once, however many rosters he stands in.
bool has_left(
    const Context& context, const std::string& person, std::map<std::string, bool>& left
) {
    const auto known = left.find(person);
    if (known != left.end())
        return known->second;
    const auto record = context.get("/api/v1/people/" + url_encoded(person));
    const auto* inactive = record && record->is_object() ? find(*record, "inactive") : nullptr;
    return left[person] = inactive && inactive->is_bool() && inactive->get_bool();
}

// "pia, sven (secondary), eva (escalation, inactive)"
void add_on_call(
    const Context& context, JsonObject& row, const Json& record, Time now,
    std::map<std::string, bool>& left
) {
    const auto* json = find(record, "shifts");
    std::string out;
    for (const auto& one : json && json->is_array() ? json->get_array() : JsonArray{}) {
        const auto shift = restore<domain::RosterShift>(one);
        if (!shift || !first_within(shift->when, {now, now + std::chrono::milliseconds(1)}))
            continue;
        std::vector<std::string_view> notes;
        if (shift->role != domain::RosterRole::primary)
            notes.push_back(to_text(shift->role));
        if (has_left(context, shift->person.value, left))
            notes.push_back("inactive");
        out += (out.empty() ? "" : ", ") + shift->person.value;
        if (!notes.empty())
            out += fmt::format(" ({})", fmt::join(notes, ", "));
    }
    row["on_call"] = out.empty() ? "nobody" : out;
}

// Which ring holds these contents now, by digest.
std::map<std::string, std::string> rings_by_contents(const Context& context) {
    std::map<std::string, std::string> out;
    const auto page = context.get(fmt::format("/api/v1/rings?limit={}", limits::page_size_max));
    const auto* rings = page && page->is_object() ? find(*page, "items") : nullptr;
    for (const auto& ring : rings && rings->is_array() ? rings->get_array() : JsonArray{})
        out.emplace(text_or_empty(ring, "contents"), text_or_empty(ring, "id"));
    return out;
}

void add_rings(
    JsonObject& row, const Json& record, const std::map<std::string, std::string>& rings
) {
    const auto* digests = find(record, "rings");
    JsonArray names;
    for (const auto& one : digests && digests->is_array() ? digests->get_array() : JsonArray{}) {
        const auto digest = cell(one);
        const auto ring = rings.find(digest);
        names.emplace_back(
            ring == rings.end() ? digest.substr(0, 8) + " (as no ring is now)" : ring->second
        );
    }
    row["ring_names"] = std::move(names);
}

} // namespace

std::vector<Column> worked_out_columns(std::string_view name) {
    if (name == "blackout")
        return {{"NEXT FROM", "next_from"}, {"UNTIL", "next_until"}};
    if (name == "board")
        return {{"NEXT MEETING", "next_meeting"}};
    if (name == "roster")
        return {{"ON CALL NOW", "on_call"}};
    if (name == "catalogue_entry")
        return {{"RINGS", "ring_names"}};
    // How long ago that was decides whether a change may rely on the record.
    if (name == "ci")
        return {{"VERIFIED", "verified_at"}};
    return {};
}

JsonArray with_worked_out(const Context& context, std::string_view name, JsonArray records) {
    if (records.empty() || name == "ci" || worked_out_columns(name).empty())
        return records;
    if (name == "catalogue_entry") {
        const auto rings = rings_by_contents(context);
        for (auto& record : records)
            add_rings(record.get_object(), record, rings);
        return records;
    }
    const auto now = time_of_server(context);
    std::map<std::string, bool> left;
    for (auto& record : records) {
        auto& row = record.get_object();
        if (name == "blackout")
            add_dates(row, record, now);
        else if (name == "board")
            add_meeting(row, record, now);
        else
            add_on_call(context, row, record, now, left);
    }
    return records;
}

} // namespace slipway::cli
