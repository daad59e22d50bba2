// SPDX-License-Identifier: Apache-2.0
#include "cli/outcome.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "cli/event_words.hpp"
#include "cli/waiting.hpp"

namespace slipway::cli {

namespace {

struct Report {
    std::string_view command;
    std::string_view event; // by which it comes
    std::string_view rows;  // of what was looked at
};

constexpr Report reports[] = {
    {"run_smoke", "smoke_reported", "report.results"},
    {"preflight", "preflight_reported", "preflight.checks"},
    {"verify_backup", "backup_recorded", "backup.proofs"},
};

const Report* report_of(std::string_view command) {
    const auto* found = std::find_if(std::begin(reports), std::end(reports), [&](const auto& one) {
        return one.command == command;
    });
    return found == std::end(reports) ? nullptr : found;
}

std::string change_path(const std::string& change, std::string_view rest = {}) {
    return fmt::format("/api/v1/changes/{}{}", url_encoded(change), rest);
}

JsonArray list_at(const Json& value, std::string_view path) {
    const auto* found = at_path(value, path);
    return found && found->is_array() ? found->get_array() : JsonArray{};
}

void say_sentence(const Context& context, std::string_view type, const Json& data) {
    context.say(hanging("  ", EntryWords(0).of(type, data), context.style) + "\n");
}

void say_last_run(const Context& context, const std::string& change, const Json& record) {
    const auto runs = list_at(record, "runs");
    if (runs.empty())
        return;
    context.say(fmt::format(
        "  {} {}: slipway run follow {}\n", clean(text_or_empty(runs.back(), "id")),
        clean(text_or_empty(runs.back(), "purpose")), clean(change)
    ));
}

void say_impact(const Context& context, const std::string& change, const Json& record) {
    const auto* impact = find(record, "impact");
    if (impact == nullptr)
        return;
    say_sentence(context, "impact_traced", JsonObject{{"impact", *impact}});
    const auto* answered = find(*impact, "acknowledged");
    for (const auto& hit : list_at(*impact, "hits")) {
        const auto ci = text_or_empty(hit, "ci");
        const auto owner = clean(text_or_empty(hit, "owner"));
        if (!truth_at(hit, "needs_acknowledgement") || (answered && find(*answered, ci)))
            continue;
        context.say(fmt::format(
            "  {} answers for {}:\n    slipway change acknowledge_impact {} --ci {}\n",
            owner.empty() ? "nobody yet" : owner, clean(ci), clean(change), clean(ci)
        ));
    }
}

bool is_open(const Json& step) {
    const auto state = text_or_empty(step, "state");
    return truth_at(step, "applies") && truth_at(step, "required") && state != "completed" &&
           state != "postponed";
}

// Who may complete it: the person it is assigned to, or its roles, with who has them.
std::string whose_turn(const Json& step, const Json& record) {
    if (const auto assignee = text_or_empty(step, "assignee"); !assignee.empty())
        return clean(assignee);
    std::string out;
    for (const auto& role : list_at(step, "roles")) {
        const auto name = cell(role);
        const auto person = text_at(record, name == "initiator" ? "requester" : name);
        out += fmt::format(
            "{}{}", out.empty() ? "" : ", ",
            person.empty() ? name : fmt::format("{} ({})", clean(person), name)
        );
    }
    return out.empty() ? "whoever may write changes" : out;
}

// The open steps of the first phase that has any: later ones wait for them.
JsonArray next_steps(const Json& checklist, const Json& record) {
    JsonArray rows;
    std::string phase;
    for (const auto& step : list_at(checklist, "steps")) {
        if (!is_open(step) || (!rows.empty() && text_or_empty(step, "phase") != phase))
            continue;
        phase = text_or_empty(step, "phase");
        rows.push_back(JsonObject{
            {"id", text_or_empty(step, "id")},
            {"title", text_or_empty(step, "title")},
            {"turn", whose_turn(step, record)},
            {"due_at", text_or_empty(step, "due_at")}});
    }
    return rows;
}

// Before anything else of a change that waits for its window.
void say_past_window(const Context& context, const std::string& change, const Json& record) {
    constexpr std::string_view before_it[] = {"planning", "validating", "in_review", "approved"};
    const auto end = text_at(record, "window.end");
    const auto state = text_or_empty(record, "state");
    if (end.empty() ||
        std::find(std::begin(before_it), std::end(before_it), state) == std::end(before_it))
        return;
    const auto now = server_time(context);
    if (now.empty() || now < end) // RFC 3339 in UTC sorts as it passes
        return;
    context.say(
        hanging(
            "  ",
            fmt::format(
                "the window is over, move it: slipway change schedule {} --start TIME "
                "--end TIME --zone {}",
                clean(change), clean(text_at(record, "window.zone"))
            ),
            context.style
        ) +
        "\n"
    );
}

void say_steps(const Context& context, const JsonArray& rows) {
    for (const auto& row : rows) {
        const auto due = text_at(row, "due_at");
        context.say(
            hanging(
                fmt::format("  {}: ", clean(text_or_empty(row, "id"))),
                fmt::format(
                    "{}; {}{}", clean(text_or_empty(row, "title")), text_or_empty(row, "turn"),
                    due.empty() ? "" : "; due " + clean(zoned_time(due))
                ),
                context.style
            ) +
            "\n"
        );
    }
}

// What the board wants to be done before the deployment, and nobody has said to be done.
void say_conditions(const Context& context, const std::string& change, const Json& record) {
    for (const auto& condition : list_at(record, "decision.conditions")) {
        if (!text_at(condition, "met_at").empty())
            continue;
        const auto id = clean(text_or_empty(condition, "id"));
        context.say(
            hanging(
                fmt::format("  {}: ", id),
                fmt::format(
                    "{}; a condition of the board: slipway change meet_condition {} --id {} "
                    "--evidence TEXT",
                    clean(text_or_empty(condition, "text")), clean(change), id
                ),
                context.style
            ) +
            "\n"
        );
    }
}

bool is_good_report(std::string_view command, const Json& data) {
    if (command == "verify_backup")
        return text_at(data, "backup.verdict") == "verified";
    const auto checks = list_at(data, report_of(command)->rows);
    return std::all_of(
               checks.begin(), checks.end(), [](const Json& one) { return truth_at(one, "passed"); }
           ) &&
           !checks.empty() && list_at(data, "report.silent_agents").empty() &&
           list_at(data, "report.new_alerts").empty() &&
           text_at(data, "report.not_outside").empty();
}

// What the gate says of the backups by now. That they were restored is not all that it asks. Null
// where the checklist has no such gate.
Result<Json> backup_gate(const Context& context, const std::string& change) {
    const auto gates = TRY(context.get(change_path(change, "/gates")));
    for (const auto& gate : list_at(gates, "gates"))
        if (text_or_empty(gate, "gate") == "backup-restorable")
            return gate;
    return Json{};
}

// The entry, for programs, and what the gate made of it.
Json with_gate(Json entry, const Json& gate) {
    if (gate.is_object())
        entry.get_object()["gate"] = gate;
    return entry;
}

// Whose the restored point is, as it says itself.
std::string point_of(const Json& proof) {
    const auto host = text_or_empty(proof, "point_host");
    return std::string(host.empty() ? text_or_empty(proof, "point_ci") : host);
}

void show_report(const Context& context, const Report& report, const Json& data) {
    JsonArray rows;
    for (const auto& one : list_at(data, report.rows)) {
        const bool good = truth_at(one, find(one, "ci") ? "restored" : "passed");
        const auto ci = text_or_empty(one, "ci");
        const auto name = text_or_empty(one, "name");
        rows.push_back(JsonObject{// Of a host itself nothing is named.
                                  {"name", !ci.empty()    ? ci
                                           : name.empty() ? text_or_empty(one, "kind")
                                                          : name},
                                  {"host", text_or_empty(one, "host")},
                                  {"result", !good        ? "failed"
                                             : ci.empty() ? "passed"
                                                          : "restored"},
                                  {"point_of", point_of(one)},
                                  {"point_at", text_or_empty(one, "point_at")},
                                  {"detail", text_or_empty(one, "detail")}});
    }
    if (context.quiet)
        return;
    std::vector<Column> columns{{"CHECK", "name"}, {"HOST", "host"}, {"RESULT", "result"}};
    if (report.command == "verify_backup") {
        columns.push_back({"POINT OF", "point_of"});
        columns.push_back({"POINT MADE", "point_at"});
    }
    columns.push_back({"DETAIL", "detail"});
    context.print(table(rows, columns, context.style));
}

// The first such entry on this page of the history. What a person handed in meanwhile is not what
// was asked for.
std::optional<Json> report_on(const Json& page, const Report& report) {
    for (const auto& item : list_at(page, "items")) {
        const auto* entry = find(item, "entry");
        const auto source = entry ? text_at(*entry, "data.report.source") : std::string{};
        if (entry && text_or_empty(*entry, "type") == report.event &&
            (source.empty() || source == "runner"))
            return *entry;
    }
    return std::nullopt;
}

} // namespace

void say_led_to(const Context& context, std::string_view command, const std::string& change) {
    const bool runs = command == "start_run" || command == "roll_back";
    if (context.json || context.quiet || (!runs && command != "trace_impact"))
        return;
    const auto record = context.get(change_path(change));
    if (!record)
        return;
    if (runs)
        say_last_run(context, change, *record);
    else
        say_impact(context, change, *record);
}

void say_next(const Context& context, const Json& record) {
    const std::string change(text_or_empty(record, "id"));
    const auto state = text_or_empty(record, "state");
    if (context.json || context.quiet || state == "closed" || state == "cancelled")
        return;
    for (const auto& run : list_at(record, "runs"))
        if (text_or_empty(run, "state") == "waiting")
            context.say(fmt::format(
                "{} waits for a person: slipway run follow {}\n", clean(text_or_empty(run, "id")),
                clean(change)
            ));
    const auto checklist = context.get(change_path(change, "/steps"));
    const auto rows = checklist ? next_steps(*checklist, record) : JsonArray{};
    if (rows.empty())
        return;
    context.say("\nnext steps, and whose turn it is:\n");
    say_past_window(context, change, record);
    say_steps(context, rows);
    say_conditions(context, change, record);
}

bool reports_later(std::string_view command) {
    return report_of(command) != nullptr;
}

Result<ExitCode> await_report(
    const Context& context, const Arguments& arguments, std::string_view command,
    const std::string& version
) {
    const auto change = arguments.text("change");
    const auto& report = *report_of(command);
    auto cursor = version;
    const auto entry = TRY(wait_for_report(
        context, arguments, fmt::format("the report of {} of {}", command, change),
        [&]() -> Result<std::optional<Json>> {
            const auto page = TRY(context.get(change_path(
                change, fmt::format("/events?limit={}&cursor={}", limits::page_size_max, cursor)
            )));
            if (const auto next = text_or_empty(page, "next"); !next.empty())
                cursor = next;
            return report_on(page, report);
        }
    ));
    const auto* data = find(entry, "data");
    const Json found = data ? *data : Json(JsonObject{});
    const bool good = is_good_report(command, found);
    const auto gate =
        good && command == "verify_backup" ? TRY(backup_gate(context, change)) : Json{};
    const bool refused = text_or_empty(gate, "verdict") == "fail";
    if (context.json) {
        context.print_json(to_text(with_gate(entry, gate)));
        return good && !refused ? ExitCode::ok : ExitCode::blocked;
    }
    if (!refused)
        say_sentence(context, report.event, found);
    show_report(context, report, found);
    if (refused)
        return fail_blocked(
            "the backups were restored, but the gate backup-restorable does not take the proof",
            reasons_of(Json(list_at(gate, "reasons")))
        );
    return good ? ExitCode::ok : ExitCode::blocked;
}

} // namespace slipway::cli
