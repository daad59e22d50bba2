// SPDX-License-Identifier: Apache-2.0
// The rows of the table of commands, one function for each file of commands. The order of the calls
// in command_table() is the order of the help.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/cli.hpp"
#include "cli/command.hpp"
#include "cli/context.hpp"

namespace slipway::cli {

using Commands = std::vector<Command>;

void add_login_commands(Commands& commands);
void add_token_commands(Commands& commands);
void add_change_commands(Commands& commands);
void add_smoke_commands(Commands& commands);
void add_gate_commands(Commands& commands);
void add_follow_commands(Commands& commands);
void add_register_commands(Commands& commands);
void add_ring_commands(Commands& commands, const LocalCommands& local);
void add_attachment_commands(Commands& commands);
void add_ledger_commands(Commands& commands);
void add_lint_commands(Commands& commands);
void add_verify_commands(Commands& commands);
void add_probe_commands(Commands& commands);
void add_snapshot_commands(Commands& commands);
void add_task_commands(Commands& commands);
void add_system_commands(Commands& commands, const LocalCommands& local);
void add_completion_commands(Commands& commands);

// Every command there is.
Commands all_commands(const LocalCommands& local);

// A list of the server: a table for people, the server's JSON for programs. With --all the pages
// are followed (limits::cli_pages_max) and shown as one list. `cursor` names the option, and the
// parameter of the query, that takes the "next" of the page before. `rows` makes of the items what
// people see of them; --json shows them as they came.
Result<ExitCode> show_list(
    const Context& context, const Arguments& arguments, std::string path, std::string query,
    const std::vector<Column>& columns, const std::string& cursor = "cursor",
    const std::function<JsonArray(const JsonArray& items)>& rows = {}
);
std::vector<Option> list_options();

// A one-time code that was just given: alone on standard output, so that a program may take it, and
// beside it until when it holds and what its person types. `server` is where, or empty.
void show_code(const Context& context, const Json& code, const std::string& server);

// One document of the server.
Result<ExitCode> show_document(const Context& context, std::string_view path);

// Uploads a file with a line of progress on a terminal; gives its digest.
Result<std::string> upload_file(const Context& context, const std::string& path);
// Streams what the path answers into a file that appears only when it is whole; "-" is standard
// output. Gives the number of bytes.
Result<std::uint64_t>
download_file(const Context& context, const std::string& path, const std::string& target);

} // namespace slipway::cli
