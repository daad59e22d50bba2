// SPDX-License-Identifier: Apache-2.0
// slipway ring gather | facts | import_facts | script: what is known of the hosts of a ring.
#include <algorithm>
#include <map>

#include "cli/body.hpp"
#include "cli/commands.hpp"
#include "cli/waiting.hpp"

namespace slipway::cli {

namespace {

std::string ring_path(const Arguments& arguments, std::string_view what) {
    return fmt::format("/api/v1/rings/{}/{}", url_encoded(arguments.text("id")), what);
}

// A host a line: how much is known of it, since when, from where; or why nothing is.
JsonArray rows_of(const JsonArray& hosts) {
    JsonArray rows;
    for (const auto& host : hosts) {
        const auto* facts = find(host, "facts");
        const auto* found = find(host, "found");
        const auto fault = found ? text_or_empty(*found, "fault") : std::string_view{};
        const bool gathered = found && !text_or_empty(*found, "script").empty();
        const std::string from = !found ? "written in the record"
                                 : gathered
                                     ? "gathered for " + std::string(text_or_empty(*found, "by"))
                                     : "imported by " + std::string(text_or_empty(*found, "by"));
        rows.push_back(JsonObject{
            {"host", text_or_empty(host, "host")},
            {"role", text_or_empty(host, "role")},
            {"facts", facts && facts->is_object() ? facts->get_object().size() : 0},
            {"at", text_or_empty(host, "facts_at")},
            {"from", from},
            {"fault", fault}});
    }
    return rows;
}

// Why there is nothing to show, and what mends it.
std::string nothing_known(const Arguments& arguments, const Json& host) {
    const auto* found = find(host, "found");
    const auto fault = found ? text_or_empty(*found, "fault") : std::string_view{};
    return fmt::format(
        "nothing is known of {}{}{}; slipway ring gather {} asks its hosts\n",
        clean(arguments.text("host")), fault.empty() ? "" : ": ", clean(fault),
        clean(arguments.text("id"))
    );
}

std::vector<Column> facts_columns() {
    return {{"HOST", "host"}, {"ROLE", "role"}, {"FACTS", "facts"},
            {"SINCE", "at"},  {"FROM", "from"}, {"FAULT", "fault"}};
}

// When what is known of each host came, by host; a gathering brings every one a new time.
std::map<std::string, std::string> found_at(const Json& facts) {
    std::map<std::string, std::string> out;
    const auto* hosts = find(facts, "items");
    for (const auto& host : hosts && hosts->is_array() ? hosts->get_array() : JsonArray{})
        out.emplace(text_or_empty(host, "host"), text_at(host, "found.at"));
    return out;
}

// Good when every host said something.
Result<ExitCode> await_facts(
    const Context& context, const Arguments& arguments,
    const std::map<std::string, std::string>& before
) {
    const auto facts = TRY(wait_for_report(
        context, arguments, "the facts of " + arguments.text("id"),
        [&]() -> Result<std::optional<Json>> {
            auto now = TRY(context.get(ring_path(arguments, "facts")));
            if (const auto* hosts = find(now, "items"); hosts == nullptr || !hosts->is_array())
                return fail(ErrorCode::internal, "the server's answer is not a list");
            for (const auto& [host, at] : found_at(now))
                if (const auto known = before.find(host);
                    at.empty() || (known != before.end() && known->second == at))
                    return std::nullopt;
            return now;
        }
    ));
    const auto rows = rows_of(find(facts, "items")->get_array());
    if (context.json)
        context.print_json(to_text(facts));
    else
        context.print(table(rows, facts_columns(), context.style));
    const bool good = std::all_of(rows.begin(), rows.end(), [](const Json& row) {
        return text_or_empty(row, "fault").empty();
    });
    return good ? ExitCode::ok : ExitCode::blocked;
}

Result<ExitCode> gather(Context& context, const Arguments& arguments) {
    std::map<std::string, std::string> before;
    if (arguments.has("wait"))
        before = found_at(TRY(context.get(ring_path(arguments, "facts"))));
    const auto answer = TRY(context.change("POST", ring_path(arguments, "gather"), JsonObject{}));
    if (arguments.has("wait"))
        return await_facts(context, arguments, before);
    if (context.json)
        context.print_json(answer.body);
    const auto id = clean(arguments.text("id"));
    context.say(fmt::format(
        "the hosts of {} are asked; slipway ring facts {} shows what they say\n", id, id
    ));
    return ExitCode::ok;
}

Result<ExitCode> import_host(Context& context, const Arguments& arguments) {
    const auto text =
        TRY(read_file(arguments.text("path"), limits::request_body_max, context.around.in));
    const auto document = parse_json(text);
    if (!document)
        return fail(
            ErrorCode::invalid_input,
            fmt::format("{} is not JSON: {}", arguments.text("path"), document.error().message)
        );
    const JsonObject body{{"host", arguments.text("host")}, {"document", *document}};
    const auto answer = TRY(context.change("POST", ring_path(arguments, "facts"), body));
    if (context.json)
        context.print_json(answer.body);
    context.say(fmt::format("the facts of {} are written\n", clean(arguments.text("host"))));
    return ExitCode::ok;
}

// The facts of one host, a line each.
Result<ExitCode> show_host(Context& context, const Arguments& arguments) {
    const auto json = TRY(context.get(ring_path(arguments, "facts")));
    const auto name = arguments.text("host");
    const auto* hosts = find(json, "items");
    for (const auto& host : hosts && hosts->is_array() ? hosts->get_array() : JsonArray{}) {
        if (text_or_empty(host, "host") != name)
            continue;
        const auto* facts = find(host, "facts");
        const bool known = facts && facts->is_object() && !facts->get_object().empty();
        if (context.json)
            context.print_json(to_text(host));
        else if (known)
            context.print(document(*facts, context.style));
        else
            context.say(nothing_known(arguments, host));
        return ExitCode::ok;
    }
    return fail(
        ErrorCode::not_found, fmt::format("the ring {} has no host {}", arguments.text("id"), name)
    );
}

Result<ExitCode> show_facts(Context& context, const Arguments& arguments) {
    if (arguments.has("host"))
        return show_host(context, arguments);
    return show_list(
        context, arguments, ring_path(arguments, "facts"), "", facts_columns(), "cursor", rows_of
    );
}

} // namespace

void add_ring_commands(Commands& commands, const LocalCommands& local) {
    Command gathering{
        {"ring", "gather"},
        "Have the facts of every host of a ring gathered, here or over SSH",
        {positional("id", "the ring")},
        gather,
        "slipway ring gather staging --wait"};
    for (auto& option : wait_options())
        gathering.options.push_back(std::move(option));
    commands.push_back(std::move(gathering));
    commands.push_back(
        {{"ring", "facts"},
         "What is known of the hosts of a ring, since when and from where",
         {positional("id", "the ring"), valued("host", "HOST", "all facts of this host")},
         show_facts,
         "slipway ring facts staging --host web-1"}
    );
    Option host = valued("host", "HOST", "the host's name in the ring");
    host.required = true;
    commands.push_back(
        {{"ring", "import_facts"},
         "Take the facts of one host, printed by the facts script there",
         {positional("id", "the ring"), positional("path", "what it printed; - reads the input"),
          std::move(host)},
         import_host,
         "slipway ring import_facts staging web-1.json --host web-1"}
    );
    if (local.facts_script.empty())
        return;
    Command script;
    script.words = {"ring", "script"};
    script.summary = "Print the script that gathers the facts of a host";
    script.run = [&local](Context& context, const Arguments&) -> Result<ExitCode> {
        context.print(local.facts_script);
        return ExitCode::ok;
    };
    script.example = "slipway ring script > facts.sh";
    script.reach = Reach::alone;
    commands.push_back(std::move(script));
}

} // namespace slipway::cli
