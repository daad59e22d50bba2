// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.hpp"

namespace slipway::cli {

namespace {

Result<ExitCode> retry(Context& context, const Arguments& arguments) {
    const auto path = fmt::format("/api/v1/tasks/{}/retry", url_encoded(arguments.text("id")));
    const auto answer = TRY(context.change("POST", path, JsonObject{}));
    if (context.json)
        context.print_json(answer.body);
    context.say(fmt::format("task {} is tried once more\n", clean(arguments.text("id"))));
    return ExitCode::ok;
}

} // namespace

void add_snapshot_commands(Commands& commands) {
    auto options = list_options();
    options.insert(
        options.begin(),
        valued("state", "STATE", "others than those that take room, such as removed")
    );
    commands.push_back(
        {{"snapshot", "list"},
         "The snapshots that changes have taken, with growth and end",
         std::move(options),
         [](Context& context, const Arguments& arguments) {
             return show_list(
                 context, arguments, "/api/v1/snapshots", query_of(arguments, {"state"}),
                 {{"CHANGE", "change"},
                  {"HOST", "host"},
                  {"STATE", "state"},
                  {"ENDS", "expires_at"},
                  {"OVERDUE", "overdue"},
                  {"BYTES", "size_bytes"},
                  {"GROWN", "grown_bytes"},
                  {"CONNECTOR", "connector"},
                  {"ID", "id"}}
             );
         },
         "slipway snapshot list"}
    );
}

void add_task_commands(Commands& commands) {
    auto options = list_options();
    options.insert(options.begin(), flag("dead", "only what was given up after too many tries"));
    commands.push_back(
        {{"task", "list"},
         "What is still to be done outside",
         std::move(options),
         [](Context& context, const Arguments& arguments) {
             return show_list(
                 context, arguments, "/api/v1/tasks", query_of(arguments, {"dead"}),
                 {{"ID", "id"},
                  {"KIND", "kind"},
                  {"CHANGE", "change"},
                  {"TRIES", "attempts"},
                  {"DUE", "due_at"},
                  {"DEAD", "dead"},
                  {"ERROR", "last_error"}}
             );
         },
         "slipway task list --dead"}
    );
    commands.push_back(
        {{"task", "retry"},
         "Try a task that was given up once more",
         {positional("id", "its number, from task list")},
         retry,
         "slipway task retry 17"}
    );
}

} // namespace slipway::cli
