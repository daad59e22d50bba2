// SPDX-License-Identifier: Apache-2.0
// A command as data: its words, its options and what it does. One table of these gives parsing,
// help, completion and the "did you mean" of a mistyped word, so none of them can miss a command.
// Option names are snake_case; people may write '-' for '_'. The table is made once a process; rows
// that follow from the change commands and the registers are made of their JSON Schemas.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "cli/exit_codes.hpp"

namespace slipway::cli {

struct Context;

struct Option {
    std::string name;      // "window_from"; of a positional: "change"
    std::string value;     // what stands for the value in help: "TIME"; empty: a flag
    std::string help;      // one phrase
    bool required = false; // reported as a usage error when absent
    bool repeated = false; // may be given several times, and each value counts
    bool positional = false;
    bool hidden = false; // works, but is not listed: another line of the help names it
    std::vector<std::string> choices = {}; // the only values allowed
    std::string short_name = {};           // one letter
    // Must be given in one way or another: also by a file or the whole body. `required` implies it.
    bool needed = false;

    bool is_marked() const { return required || needed; }
};

inline Option positional(std::string name, std::string help) {
    return {name, name, std::move(help), true, false, true};
}

inline Option valued(std::string name, std::string value, std::string help) {
    return {std::move(name), std::move(value), std::move(help)};
}

inline Option flag(std::string name, std::string help) {
    return {std::move(name), "", std::move(help)};
}

// What was given on the command line, by option name.
struct Arguments {
    std::map<std::string, std::vector<std::string>, std::less<>> values;

    bool has(std::string_view name) const { return values.contains(name); }

    // The last value given, or empty.
    std::string text(std::string_view name, std::string absent = {}) const {
        const auto found = values.find(name);
        return found == values.end() || found->second.empty() ? std::move(absent)
                                                              : found->second.back();
    }

    std::vector<std::string> all(std::string_view name) const {
        const auto found = values.find(name);
        return found == values.end() ? std::vector<std::string>{} : found->second;
    }
};

// Which of the options of every command mean something to a command; the others it does not have.
enum class Reach : unsigned char {
    server, // it talks to a server: all of them
    here,   // it works on this machine: --json and --quiet
    alone,  // what it writes has one form only: none
};

// A mistake in how the command was called, found before anything was sent or done. The error's
// field is the option, as it is written; exit_code_of() tells these from other input by that.
inline tl::unexpected<Error> fail_option(const std::string& name, std::string message) {
    return fail_field("--" + name, std::move(message));
}

struct Command {
    std::vector<std::string> words; // {"change", "pin_runbook"}
    std::string summary;            // one sentence without a full stop
    std::vector<Option> options;
    std::function<Result<ExitCode>(Context&, const Arguments&)> run;
    std::string example = {}; // a whole command line
    bool hidden = false;
    Reach reach = Reach::server;
    // Under which the help lists a command on a change that does something.
    std::string heading = {};
};

} // namespace slipway::cli
