// SPDX-License-Identifier: Apache-2.0
#include <ostream>

#include "cli/commands.hpp"
#include "cli/working.hpp"

namespace slipway::cli {

namespace {

Result<ExitCode> health(Context& context, const Arguments&) {
    HttpRequest request;
    const auto client = TRY(context.open_client());
    request.path = "/api/v1/health";
    TRY(client.send(request));
    request.path = "/api/v1/version";
    const auto answer = TRY(client.send(request));
    const auto json = TRY(json_of(answer));
    if (context.json)
        context.print_json(answer.body);
    const auto* sandbox = find(json, "sandbox");
    context.say(fmt::format(
        "{} is up: version {}, {}{}\n", client.server(), clean(text_or_empty(json, "version")),
        clean(zoned_time(text_or_empty(json, "now"))),
        sandbox && sandbox->is_bool() && sandbox->get_bool() ? ", a sandbox" : ""
    ));
    return ExitCode::ok;
}

// How far it is from the server's own time to the one that was asked for.
Result<std::string> span_until(const Context& context, const std::string& until) {
    const auto wanted = time_from_text(until);
    if (!wanted)
        return fail_option("until", wanted.error().message);
    const auto version = TRY(context.get("/api/v1/version"));
    const auto now = TRY(time_from_text(text_or_empty(version, "now")));
    if (*wanted <= now)
        return fail_option("until", "the server's clock is past that; it goes forward only");
    return to_text(std::chrono::duration_cast<Span>(*wanted - now));
}

Result<ExitCode> advance(Context& context, const Arguments& arguments) {
    if (arguments.has("by") == arguments.has("until"))
        return fail_option("until", "give a time, or how far instead: slipway sandbox advance 48h");
    const auto by = arguments.has("by") ? arguments.text("by")
                                        : TRY(span_until(context, arguments.text("until")));
    HttpRequest request;
    request.method = "POST";
    request.path = "/api/v1/sandbox/clock";
    // Not sent again when the connection is lost: the clock would go forward twice.
    request.body = to_text(Json(JsonObject{{"by", by}}));
    const auto answer = TRY(TRY(context.client()).send(request));
    const auto json = TRY(json_of(answer));
    if (context.json)
        context.print_json(answer.body);
    context.say(fmt::format(
        "the server's clock stands at {}\n", clean(zoned_time(text_or_empty(json, "now")))
    ));
    return ExitCode::ok;
}

Result<Json> work_on(
    const LocalCommand& command, const std::string& name, const Context& context,
    const Arguments& arguments
) {
    const Working working(context, name);
    return command.run(arguments);
}

// A backup's files are many lines of digests, which only a program compares.
void show_backup(const Context& context, const Json& report, const std::string& name) {
    const auto count = [&](std::string_view of) {
        const auto* value = find(report, of);
        return value == nullptr    ? std::string("0")
               : value->is_array() ? std::to_string(value->get_array().size())
                                   : cell(*value);
    };
    context.print(fmt::format(
        "{} and verified: {} entries, {} bytes; files beside the database: {} (--json names "
        "them)\n",
        name == "admin backup" ? "backed up" : "restored", count("events"), count("bytes"),
        count("files")
    ));
    if (const auto* left_out = find(report, "left_out"); left_out && !cell(*left_out).empty())
        context.print(fmt::format("not in it, keep it yourself: {}\n", cell(*left_out)));
    if (name == "admin restore")
        context.print(
            "a server on this copy sends mail, pages people and runs steps as the original does, "
            "and signs a\nsecond history: only look at it (slipway verify, slipway admin doctor) "
            "while the original serves\n"
        );
}

Result<ExitCode> run_local(
    const LocalCommand& command, const std::string& name, Context& context,
    const Arguments& arguments
) {
    const bool serves = name == "serve"; // goes on for good, and says so itself
    const auto json =
        TRY(serves ? command.run(arguments) : work_on(command, name, context, arguments));
    if (json.is_null())
        return ExitCode::ok;
    if (context.json)
        context.print_json(to_text(json));
    else if (&command == &context.local.admin_password_code)
        show_code(context, json, {});
    else if (!context.quiet && (name == "admin backup" || name == "admin restore"))
        show_backup(context, json, name);
    else if (!context.quiet)
        context.print(document(json, context.style));
    return command.is_sound && !command.is_sound(json) ? ExitCode::blocked : ExitCode::ok;
}

void add_local(Commands& commands, std::vector<std::string> words, const LocalCommand& command) {
    if (!command.run)
        return;
    const auto name = fmt::format("{}", fmt::join(words, " "));
    commands.push_back(
        {std::move(words), command.summary, command.options,
         [&command, name](Context& context, const Arguments& arguments) {
             return run_local(command, name, context, arguments);
         },
         command.example, false, name == "serve" ? Reach::alone : Reach::here}
    );
}

} // namespace

void add_system_commands(Commands& commands, const LocalCommands& local) {
    add_local(commands, {"serve"}, local.serve);
    add_local(commands, {"admin", "backup"}, local.admin_backup);
    add_local(commands, {"admin", "restore"}, local.admin_restore);
    add_local(commands, {"admin", "rebuild"}, local.admin_rebuild);
    add_local(commands, {"admin", "doctor"}, local.admin_doctor);
    add_local(commands, {"admin", "password_code"}, local.admin_password_code);
    auto by = positional("by", "how far, such as 48h");
    by.value = "SPAN";
    by.required = false;
    commands.push_back(
        {{"sandbox", "advance"},
         "Put the clock of a sandbox server forward",
         {std::move(by), valued("until", "TIME", "until then, such as 2026-12-01T09:00:00Z")},
         advance,
         "slipway sandbox advance 48h"}
    );
    commands.push_back(
        {{"health"},
         "Whether the server serves, its version and its time",
         {},
         health,
         "slipway health"}
    );
    commands.push_back(
        {{"version"},
         "The version of this program",
         {},
         [](Context& context, const Arguments&) -> Result<ExitCode> {
             if (context.json)
                 context.print_json(to_text(Json(JsonObject{{"version", context.local.version}})));
             context.print("slipway " + context.local.version + "\n");
             return ExitCode::ok;
         },
         "slipway version",
         false,
         Reach::here}
    );
}

} // namespace slipway::cli
