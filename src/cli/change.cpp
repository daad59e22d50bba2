// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <filesystem>

#include "domain/change/change.hpp"
#include "domain/change/command_table.hpp"

#include "cli/body.hpp"
#include "cli/checklist.hpp"
#include "cli/commands.hpp"
#include "cli/event_words.hpp"
#include "cli/outcome.hpp"
#include "cli/waiting.hpp"
#include "domain/calendar/zone.hpp"

namespace slipway::cli {

namespace {

constexpr std::string_view changes_path = "/api/v1/changes";

std::string path_of(const Arguments& arguments, std::string_view rest = {}) {
    return fmt::format("{}/{}{}", changes_path, url_encoded(arguments.text("change")), rest);
}

Option change_positional() {
    return positional("change", "the change, such as CHG-12");
}

// What a command answers: the state, and what the person should know.
void say_outcome(const Context& context, const Json& answer) {
    const auto id = text_or_empty(answer, "id");
    const auto* version = find(answer, "version");
    context.say(fmt::format(
        "{} {}{}\n", context.style.paint(Paint::bold, clean(id)),
        clean(text_or_empty(answer, "state")),
        version ? context.style.paint(Paint::dim, " · version " + cell(*version)) : ""
    ));
    const auto* said = find(answer, "said");
    if (said == nullptr || !said->is_array())
        return;
    const auto width = context.style.width > 30 ? context.style.width - 2 : 0;
    for (const auto& line : said->get_array())
        context.say("  " + wrapped(with_commands(cell(line), id), width, 4) + "\n");
}

Result<ExitCode>
run_command(const domain::CommandRow& row, Context& context, const Arguments& arguments) {
    const bool opens = row.name == "open";
    const auto upload = [&](const std::string& path) { return upload_file(context, path); };
    const auto body = TRY(body_of(row.schema(), arguments, context.around.in, upload));
    std::optional<std::string> version;
    if (arguments.has("if_version"))
        version = arguments.text("if_version");
    const auto path =
        opens ? std::string(changes_path) : path_of(arguments, fmt::format("/{}", row.name));
    const auto answer = TRY(context.change("POST", path, body, version));
    const auto json = TRY(json_of(answer));
    const auto* at_version = find(json, "version");
    if (arguments.has("wait") && at_version != nullptr) {
        say_outcome(context, json);
        return await_report(context, arguments, row.name, cell(*at_version));
    }
    if (context.json)
        context.print_json(answer.body);
    else if (opens)
        context.print(clean(text_or_empty(json, "id")) + "\n");
    else
        say_outcome(context, json);
    say_led_to(context, row.name, arguments.text("change"));
    return ExitCode::ok;
}

// The table of commands goes by phase; each heading stands before the first command of its phase.
constexpr std::array headings{
    std::pair{"open", "Plan it"},
    std::pair{"compare_ring", "Try it on the test ring, and run it"},
    std::pair{"run_smoke", "Prove that it works"},
    std::pair{"submit", "Have the board decide"},
    std::pair{"send_notice", "Tell people, and make ready"},
    std::pair{"revert_snapshot", "Go back"},
    std::pair{"log_observation", "Watch, review and close"},
    std::pair{"fill_step", "The checklist, waivers and comments"}};

std::string heading_of(std::string_view command) {
    std::string heading;
    for (const auto& row : domain::command_table()) {
        for (const auto& [first, name] : headings)
            if (row.name == first)
                heading = name;
        if (row.name == command)
            break;
    }
    return heading;
}

Command command_of(const domain::CommandRow& row) {
    Command command;
    command.words = {"change", std::string(row.name)};
    command.summary = row.summary;
    command.heading = heading_of(row.name);
    if (reports_later(row.name))
        command.example = fmt::format(
            "slipway change {} CHG-12{} --wait", row.name,
            row.name == "run_smoke" ? " --occasion staging" : ""
        );
    if (row.name != "open")
        command.options.push_back(change_positional());
    for (auto& option : body_options(row.schema()))
        command.options.push_back(std::move(option));
    if (row.name != "open")
        command.options.push_back(
            valued("if_version", "N", "refuse when the change is no longer at this version")
        );
    if (reports_later(row.name))
        for (auto& option : wait_options())
            command.options.push_back(std::move(option));
    command.run = [&row](Context& context, const Arguments& arguments) {
        return run_command(row, context, arguments);
    };
    if (row.name == "open")
        command.example = "slipway change open --title \"Harbor site 1.4 to 1.5\" --risk low";
    if (row.name == "pin_runbook")
        command.example = "slipway change pin_runbook CHG-12 --purpose rollback --file undo.md";
    if (row.name == "vote")
        command.example = "slipway change vote CHG-12 --choice approve";
    return command;
}

Command list_command() {
    Command command;
    command.words = {"change", "list"};
    command.summary = "Changes, newest first, by filter and full-text search";
    command.options = {
        valued("q", "WORDS", "words to search for"),
        valued("state", "STATE", "only in this state (repeat for more)"),
        valued("type", "TYPE", "only of this type (repeat for more)"),
        valued("requester", "PERSON", "who asked for it"),
        valued("owner", "PERSON", "the change owner"),
        valued("ci", "ID", "a configuration item that is in its scope"),
        valued("meeting", "ID", "the CAB meeting on whose agenda it is"),
        flag("overridden", "only those classified as another type than proposed"),
        valued("window_from", "TIME", "the window ends after this time"),
        valued("window_until", "TIME", "the window starts before this time"),
    };
    for (auto& option : list_options())
        command.options.push_back(std::move(option));
    for (auto& option : command.options) {
        option.repeated = option.name == "state" || option.name == "type";
        if (option.name == "state")
            for (const auto name : enum_names(domain::ChangeState{}))
                option.choices.emplace_back(name);
        if (option.name == "type")
            for (const auto name : enum_names(domain::ChangeType{}))
                option.choices.emplace_back(name);
    }
    command.run = [](Context& context, const Arguments& arguments) {
        const auto query = query_of(
            arguments, {"q", "state", "type", "requester", "owner", "ci", "meeting", "overridden",
                        "window_from", "window_until"}
        );
        return show_list(
            context, arguments, std::string(changes_path), query,
            {{"CHANGE", "id"},
             {"TITLE", "title"},
             {"STATE", "state"},
             {"TYPE", "type"},
             {"OUTCOME", "outcome"},
             {"OWNER", "change_owner"},
             {"WINDOW", "window_start"}}
        );
    };
    command.example = "slipway change list --state in_review --ci web-1";
    return command;
}

Result<ExitCode> show_gates(Context& context, const Arguments& arguments) {
    std::string raw;
    const auto json = TRY(context.get(path_of(arguments, "/gates"), &raw));
    if (context.json) {
        context.print_json(raw);
        return ExitCode::ok;
    }
    const auto* gates = find(json, "gates");
    const auto rows = gates && gates->is_array() ? gates->get_array() : JsonArray{};
    if (const auto note = text_or_empty(json, "note"); !note.empty())
        context.say(wrapped(clean(note), context.style.width, 0) + "\n\n");
    context.print(table(
        rows,
        {{"GATE", "gate"}, {"VERDICT", "verdict"}, {"STEP", "step"}, {"WARNINGS", "warnings"}},
        context.style
    ));
    if (context.quiet)
        return ExitCode::ok;
    // What one gate says of another is said once, where it is said first.
    std::vector<Reason> all;
    for (const auto& gate : rows)
        if (const auto* reasons = find(gate, "reasons"))
            for (auto& reason : reasons_of(*reasons))
                all.push_back(std::move(reason));
    context.print(reasons_text(all, context.style, arguments.text("change")));
    return ExitCode::ok;
}

// Whole sentences, which a table would cut.
void say_why(const Context& context, const JsonArray& proposals) {
    for (const auto& proposal : proposals) {
        const auto start = clean(text_at(proposal, "window.start"));
        const auto* reasons = find(proposal, "reasons");
        if (start.empty() || reasons == nullptr || !reasons->is_array())
            continue;
        context.print(fmt::format("\n{}\n", context.style.paint(Paint::bold, start)));
        for (const auto& reason : reasons->get_array())
            context.print(fmt::format("  {}\n", wrapped(cell(reason), context.style.width, 4)));
    }
}

std::string starts_in_words(const std::string& count) {
    return count + (count == "1" ? " start" : " starts");
}

// What made how many of the starts that were tried impossible.
void say_removed(const Context& context, const JsonArray& removals) {
    for (const auto& removal : removals) {
        const auto rule = text_or_empty(removal, "rule");
        const auto* count = find(removal, "count");
        const auto* what = rule == "past"       ? "in the past"
                           : rule == "busy"     ? "overlapping "
                           : rule == "blackout" ? "inside the blackout "
                           : rule == "board"    ? "before "
                                                : "";
        context.print(fmt::format(
            "  {}\n", wrapped(
                          fmt::format(
                              "{}: {}{}", count ? starts_in_words(cell(*count)) : "?", what,
                              rule == "past" ? "" : clean(text_or_empty(removal, "label"))
                          ),
                          context.style.width, 4
                      )
        ));
    }
}

// In which --from and --until are read, and window.start and window.end of `schedule` as well.
Result<std::string> zone_of_request(const Context& context, const Arguments& arguments) {
    if (arguments.has("zone"))
        return arguments.text("zone");
    const auto organisation = context.get("/api/v1/organisations/main");
    if (!organisation && organisation.error().code != ErrorCode::not_found)
        return tl::unexpected(organisation.error());
    const auto zone = organisation ? text_or_empty(*organisation, "zone") : std::string_view{};
    return std::string(zone.empty() ? "UTC" : zone);
}

// The proposals with their times as they are typed, "2026-12-17T08:30" in this zone.
JsonArray as_typed(JsonArray proposals, const std::string& zone) {
    for (auto& proposal : proposals)
        for (const auto& [part, end] :
             {std::pair{"window", "start"}, {"window", "end"}, {"rollback", "start"}}) {
            const auto time = time_from_text(text_at(proposal, fmt::format("{}.{}", part, end)));
            if (time)
                proposal.get_object()[part].get_object()[end] = domain::to_local_text(*time, zone);
        }
    return proposals;
}

// A day alone is its beginning; without --from it is the server's present minute.
Result<Arguments> with_local_times(const Context& context, Arguments arguments) {
    constexpr std::size_t day_alone = 10; // 2026-12-01
    for (const auto* name : {"from", "until"})
        if (arguments.text(name).size() == day_alone)
            arguments.values[name] = {arguments.text(name) + "T00:00"};
    for (const auto* name : {"from", "until"})
        if (arguments.has(name))
            if (const auto local = domain::local_from_text(arguments.text(name)); !local)
                return fail_option(name, local.error().message);
    if (arguments.has("from"))
        return arguments;
    const auto zone = TRY(zone_of_request(context, arguments));
    const auto version = TRY(context.get("/api/v1/version"));
    const auto now = TRY(time_from_text(text_or_empty(version, "now")));
    arguments.values["zone"] = {zone};
    arguments.values["from"] = {
        domain::to_local_text(std::chrono::ceil<std::chrono::minutes>(now), zone)};
    return arguments;
}

Result<ExitCode> propose(Context& context, const Arguments& given) {
    const auto arguments = TRY(with_local_times(context, given));
    const auto query = query_of(
        arguments, {"from", "until", "duration", "rollback_duration", "zone", "step", "count"}
    );
    std::string raw;
    const auto json = TRY(context.get(path_of(arguments, "/window_proposals") + query, &raw));
    if (context.json) {
        context.print_json(raw);
        return ExitCode::ok;
    }
    const auto list = [&](std::string_view name) {
        const auto* found = find(json, name);
        return found && found->is_array() ? found->get_array() : JsonArray{};
    };
    const auto zone = TRY(zone_of_request(context, arguments));
    const auto proposals = as_typed(list("proposals"), zone);
    context.print(table(
        proposals,
        {{fmt::format("FROM ({})", clean(zone)), "window.start"},
         {"UNTIL", "window.end"},
         {"ROLLBACK BY", "rollback.start"},
         {"SCORE", "score"}},
        context.style
    ));
    if (context.quiet)
        return ExitCode::ok;
    say_why(context, proposals);
    if (!proposals.empty())
        context.print(fmt::format(
            "\ntake one: slipway change schedule {} --start {} --end {} --zone {}\n",
            clean(arguments.text("change")), clean(text_at(proposals[0], "window.start")),
            clean(text_at(proposals[0], "window.end")), clean(zone)
        ));
    if (const auto removed = list("removed"); !removed.empty()) {
        context.print("\nnot possible:\n");
        say_removed(context, removed);
    }
    return ExitCode::ok;
}

Result<ExitCode> export_change(Context& context, const Arguments& arguments) {
    const auto target = arguments.text("out", arguments.text("change") + ".zip");
    std::error_code unseen;
    const bool instead = target != "-" && std::filesystem::exists(target, unseen);
    const auto size = TRY(download_file(context, path_of(arguments, "/export"), target));
    if (context.json && target != "-")
        context.print_json(to_text(Json(JsonObject{{"file", target}, {"size_bytes", size}})));
    if (target != "-")
        context.say(fmt::format(
            "{0}: {1} bytes{2}; check it: slipway verify {0}\n", target, size,
            instead ? ", instead of the file that was there" : ""
        ));
    return ExitCode::ok;
}

// The newest entry first. Their words are found from the oldest on: later ones lean on earlier
// ones.
JsonArray history_rows(const JsonArray& items) {
    EntryWords words;
    JsonArray rows;
    for (auto item = items.rbegin(); item != items.rend(); ++item) {
        JsonObject row;
        for (const auto* name : {"seq", "at"})
            if (const auto* value = find(*item, name))
                row[name] = *value;
        if (const auto* actor = at_path(*item, "entry.actor"))
            row["who"] = *actor;
        const auto* data = at_path(*item, "entry.data");
        row["what"] = words.of(text_or_empty(*item, "type"), data ? *data : Json(JsonObject{}));
        rows.push_back(std::move(row));
    }
    std::reverse(rows.begin(), rows.end());
    return rows;
}

// On call, what counts is what happened last.
Result<ExitCode> show_history(Context& context, const Arguments& arguments) {
    return show_list(
        context, arguments, path_of(arguments, "/events"), "?order=newest",
        {{"SEQ", "seq"}, {"AT", "at"}, {"WHO", "who"}, {"WHAT", "what"}}, "cursor", history_rows
    );
}

// An exit status is always written down; before a step has ended it says nothing.
void leave_out_exit_statuses(Json& record) {
    auto* runs = record.is_object() ? record.get_object().if_contains("runs") : nullptr;
    if (runs == nullptr || !runs->is_array())
        return;
    for (auto& run : runs->get_array()) {
        auto* steps = run.is_object() ? run.get_object().if_contains("steps") : nullptr;
        if (steps == nullptr || !steps->is_array())
            continue;
        for (auto& step : steps->get_array())
            if (step.is_object() && !step.get_object().contains("ended_at"))
                step.get_object().erase("exit_status");
    }
}

// The trace begins at the items of the scope, which lie in no direction of themselves.
void name_what_is_in_scope(Json& record) {
    auto* impact = record.is_object() ? record.get_object().if_contains("impact") : nullptr;
    auto* hits = impact && impact->is_object() ? impact->get_object().if_contains("hits") : nullptr;
    if (hits == nullptr || !hits->is_array())
        return;
    for (auto& hit : hits->get_array()) {
        const auto* depth = at_path(hit, "depth");
        if (depth == nullptr || cell(*depth) != "0")
            continue;
        hit.get_object()["direction"] = "none: it is in the scope";
        hit.get_object().erase("depth");
    }
}

// A list in one line, if its members have ids: runs with what became of them, others by their id.
std::optional<Json> in_one_line(const Json& value) {
    if (!value.is_array() || value.get_array().empty())
        return std::nullopt;
    JsonArray line;
    for (const auto& member : value.get_array()) {
        const auto id = text_at(member, "id");
        if (id.empty())
            return std::nullopt;
        auto words = id;
        for (const auto* part : {"purpose", "gate", "host", "state"})
            if (const auto text = text_at(member, part); !text.empty())
                words += " " + text;
        // What its provider says of a snapshot, such as why a host could not go back to it.
        if (const auto said = text_at(member, "detail"); !said.empty())
            words += ": " + said;
        line.emplace_back(words);
    }
    return line;
}

// Which actions are done, and whose the others are.
Json actions_in_one_line(const JsonArray& actions) {
    JsonArray line;
    for (const auto& action : actions)
        line.emplace_back(
            text_at(action, "done_at").empty()
                ? fmt::format("{} open ({})", text_at(action, "id"), text_at(action, "owner"))
                : text_at(action, "id") + " done"
        );
    return line;
}

// What is owed until when, and which waivers hold until when; not what is settled or has ended.
Json still_open(const Context& context, const Json& record, std::string_view name) {
    const auto state = text_or_empty(record, "state");
    const bool over = state == "closed" || state == "cancelled";
    const auto now = name == "waivers" && !over ? server_time(context) : std::string{};
    JsonArray open;
    for (const auto& member : find(record, name)->get_array()) {
        const auto ends = text_at(member, name == "owed" ? "due_at" : "expires_at");
        const auto held = text_at(member, "state");
        const bool past = name == "owed"
                              ? !text_at(member, "settled_at").empty()
                              : over || held == "revoked" || (!now.empty() && ends <= now);
        if (past)
            continue;
        auto words = text_at(member, "id");
        for (const auto* part : {"gate", "state"})
            if (const auto text = text_at(member, part); !text.empty())
                words += " " + text;
        open.emplace_back(
            fmt::format("{} {} {}", words, name == "owed" ? "by" : "until", zoned_time(ends))
        );
    }
    return open;
}

// The approved end, and until when the deployment was given time beyond it.
Json end_of_window(const Json& record, const Json& approved) {
    const auto* extensions = find(record, "extensions");
    if (extensions == nullptr || !extensions->is_array() || extensions->get_array().empty())
        return approved;
    return Json(fmt::format(
        "{}, extended; approved until {}",
        zoned_time(text_or_empty(extensions->get_array().back(), "until")), cell(approved)
    ));
}

// What one looks for first; `left_out` gets the names of what else there is.
Json short_form(const Context& context, const Json& record, std::vector<std::string>& left_out) {
    constexpr std::array parts{
        "classification.type", "scope.summary",    "scope.customer_impact", "window.start",
        "window.end",          "decision.outcome", "abort_clock.abort_by",  "closure.outcome",
        "closure.summary",     "backup.verdict",   "stabilisation.until"};
    JsonObject brief;
    for (const auto* first : {"id", "title", "state", "failed_because"})
        if (const auto* value = find(record, first); value && !cell(*value).empty())
            brief[first] = *value;
    for (const auto* part : parts)
        if (const auto* value = at_path(record, part))
            brief[part] =
                part == std::string_view("window.end") ? end_of_window(record, *value) : *value;
    for (const auto& [key, value] : record.get_object()) {
        const std::string name(key);
        if (brief.contains(name) || cell(value).empty() || name == "tenant" ||
            name == "ring_contents")
            continue;
        if ((name == "owed" || name == "waivers") && value.is_array()) {
            auto open = still_open(context, record, name);
            if (!open.get_array().empty())
                brief[name] = std::move(open);
            else
                left_out.push_back(name);
        } else if (name == "actions" && value.is_array())
            brief[name] = actions_in_one_line(value.get_array());
        else if (auto line = in_one_line(value))
            brief[name] = *std::move(line);
        else if (value.is_object() || value.is_array())
            left_out.push_back(name);
        else
            brief[name] = value;
    }
    return brief;
}

Result<ExitCode> show_change(Context& context, const Arguments& arguments) {
    std::string raw;
    auto record = TRY(context.get(path_of(arguments), &raw));
    if (context.json) {
        context.print_json(raw);
        return ExitCode::ok;
    }
    if (!arguments.has("all") && record.is_object()) {
        std::vector<std::string> left_out;
        context.print(document(short_form(context, record, left_out), context.style));
        const auto more = wrapped(
            fmt::format("more with --all: {}", fmt::join(left_out, ", ")), context.style.width, 2
        );
        if (!context.quiet)
            context.print(context.style.paint(Paint::dim, more) + "\n");
        say_next(context, record);
        return ExitCode::ok;
    }
    leave_out_exit_statuses(record);
    name_what_is_in_scope(record);
    context.print(document(record, context.style));
    say_next(context, record);
    return ExitCode::ok;
}

void add_views(Commands& commands) {
    commands.push_back(
        {{"change", "show"},
         "One change: what it is about and how far it is",
         {change_positional(), flag("all", "its whole record")},
         show_change,
         "slipway change show CHG-12"}
    );
    commands.push_back(checklist_command());
    commands.push_back(
        {{"change", "gates"},
         "The verdict of every gate as of now, with reasons and remedies",
         {change_positional()},
         show_gates,
         "slipway change gates CHG-12"}
    );
    Command history{
        {"change", "history"},
        "What happened to one change, newest first: when, who and what",
        {change_positional()},
        show_history,
        "slipway change history CHG-12 --all"};
    for (auto& option : list_options())
        history.options.push_back(std::move(option));
    commands.push_back(std::move(history));
    // The server knows the rest: the runbooks' time and the organisation's zone.
    auto from =
        valued("from", "TIME", "the earliest local start; a day alone is its beginning; else now");
    auto until = valued("until", "TIME", "the latest local end");
    until.required = true;
    commands.push_back(
        {{"change", "windows"},
         "Free windows, best first: 100 less what its reasons cost is the score",
         {change_positional(), std::move(from), std::move(until),
          valued(
              "duration", "SPAN", "time for the deployment; by default the runbook's, if pinned"
          ),
          valued("rollback_duration", "SPAN", "time for the rollback"),
          valued("zone", "ZONE", "IANA time zone; the organisation's by default"),
          valued("step", "SPAN", "distance of the starts that are tried"),
          valued("count", "N", "how many proposals, at most 20")},
         propose,
         "slipway change windows CHG-12 --from 2026-12-01 --until 2026-12-08"}
    );
    commands.push_back(
        {{"change", "export"},
         "Save the evidence of one change as a ZIP that verifies offline",
         {change_positional(), valued("out", "PATH", "where to; CHG-12.zip by default, - prints")},
         export_change,
         "slipway change export CHG-12 --out evidence.zip"}
    );
}

} // namespace

void add_change_commands(Commands& commands) {
    commands.push_back(list_command());
    add_views(commands);
    for (const auto& row : domain::command_table())
        if (!row.internal)
            commands.push_back(command_of(row));
}

} // namespace slipway::cli
