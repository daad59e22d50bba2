// SPDX-License-Identifier: Apache-2.0
#include "cli/cli.hpp"

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <iostream>

#include <fmt/ranges.h>

#include "cli/commands.hpp"
#include "cli/parser.hpp"
#include "cli/terminal.hpp"

namespace slipway::cli {

namespace {

// With --json the problem document as the server sent it, else one of the same form.
std::string problem_json(const Error& error) {
    if (error.detail.starts_with("{"))
        return error.detail;
    JsonObject out{{"code", code_name(error.code)}, {"detail", error.message}};
    JsonArray fields;
    for (const auto& field : error.fields)
        fields.push_back(JsonObject{{"field", field.field}, {"message", field.message}});
    if (!fields.empty())
        out["fields"] = std::move(fields);
    if (!error.reasons.empty())
        out["reasons"] = *parse_json(encode_answer(error.reasons));
    return to_text(Json(std::move(out)));
}

// Also on a line that is not understood otherwise: a program reads the refusal as it reads others.
bool wants_json(const std::vector<std::string>& words) {
    const auto end = std::find(words.begin(), words.end(), "--");
    return std::find(words.begin(), end, "--json") != end;
}

Error no_command(const std::vector<std::string>& group) {
    if (group.empty())
        return {ErrorCode::invalid_input, "no command is given; see slipway --help"};
    return {
        ErrorCode::invalid_input,
        fmt::format(
            "slipway {0} is no whole command; see slipway {0} --help", fmt::join(group, " ")
        )};
}

Style style_of(const Context& context, bool terminal) {
    Style style;
    if (terminal)
        style.width = context.around.width;
    const auto today = zoned_time(to_text(context.around.clock.now()));
    style.year = std::atoi(today.substr(0, 4).c_str());
    style.colour = terminal && context.environment("NO_COLOR").empty() &&
                   context.environment("TERM") != "dumb";
    return style;
}

ExitCode run(const Invocation& invocation, Context& context) {
    auto done = invocation.command->run(context, invocation.arguments);
    // What was done is done, but a secret that is shown only once may be lost with what was said.
    if (!(context.around.out << std::flush) && done)
        done = fail(
            ErrorCode::unavailable,
            "the command was carried out, but what it says could not be written to standard output"
        );
    if (done)
        return *done;
    const auto& error = done.error();
    if (context.json && context.around.out)
        context.print_json(problem_json(error));
    else
        context.around.err << refusal(
            error, style_of(context, context.around.err_is_terminal),
            invocation.arguments.text("change")
        );
    return exit_code_of(error);
}

} // namespace

Commands all_commands(const LocalCommands& local) {
    Commands commands;
    add_login_commands(commands);
    add_token_commands(commands);
    add_change_commands(commands);
    add_smoke_commands(commands);
    add_follow_commands(commands);
    add_gate_commands(commands);
    add_register_commands(commands);
    add_ring_commands(commands, local);
    add_attachment_commands(commands);
    add_lint_commands(commands);
    add_verify_commands(commands);
    add_ledger_commands(commands);
    add_snapshot_commands(commands);
    add_task_commands(commands);
    add_probe_commands(commands);
    add_system_commands(commands, local);
    add_completion_commands(commands);
    return commands;
}

int run_cli(
    const std::vector<std::string>& arguments, const LocalCommands& local,
    const Surroundings& surroundings
) {
    const auto commands = all_commands(local);
    Context context{local, surroundings, commands};
    auto parsed = parse_command_line(commands, arguments);
    if (!parsed) {
        if (wants_json(arguments))
            context.print_json(problem_json(parsed.error()));
        else
            surroundings.err << "slipway: " << parsed.error().message << '\n';
        return static_cast<int>(ExitCode::usage);
    }
    if (parsed->help || parsed->command == nullptr) {
        // Without a command it is a question when help is asked for, a mistake otherwise: a script
        // whose variable is empty must not succeed.
        const bool asked = parsed->help;
        if (!asked && wants_json(arguments)) {
            context.print_json(problem_json(no_command(parsed->words)));
            return static_cast<int>(ExitCode::usage);
        }
        (asked ? surroundings.out : surroundings.err)
            << help_text(commands, *parsed, local.version) << std::flush;
        return static_cast<int>(asked ? ExitCode::ok : ExitCode::usage);
    }
    context.json = parsed->arguments.has("json");
    context.quiet = parsed->arguments.has("quiet");
    context.server = parsed->arguments.text("server");
    context.token_file = parsed->arguments.text("token_file");
    context.style = style_of(context, surroundings.out_is_terminal);
    try {
        return static_cast<int>(run(*parsed, context));
    } catch (const std::exception& error) {
        // What a library throws and no adapter foresaw; better an honest line than a crash.
        surroundings.err << "slipway: internal: " << clean(error.what()) << '\n';
        return static_cast<int>(ExitCode::internal);
    }
}

int run_cli(int argc, char** argv, const LocalCommands& local) {
    const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
    const SystemClock clock;
    SystemRandom random;
    return run_cli(
        arguments, local,
        Surroundings{
            std::cin, std::cout, std::cerr, is_terminal(1), is_terminal(2), terminal_width(), clock,
            random, wait_for_span, read_hidden}
    );
}

} // namespace slipway::cli
