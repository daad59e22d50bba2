// SPDX-License-Identifier: Apache-2.0
// From the words of a command line to a command and its arguments, over the table of commands. The
// options of one command are read by CLI11. Everything wrong here is a usage error (exit code 64).
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cli/command.hpp"

namespace slipway::cli {

// Options of every command.
const std::vector<Option>& global_options();
// Those that mean something to this one.
std::vector<Option> global_options(const Command& command);

struct Invocation {
    const Command* command = nullptr; // nothing: help of the group `words`, or of the program
    std::vector<std::string> words;   // of the command or group, in their own spelling
    Arguments arguments;
    bool help = false;
    bool help_all = false; // of a group whose help is longer than a screen, all of it
};

// Errors: invalid_input; the message names the nearest word.
Result<Invocation>
parse_command_line(const std::vector<Command>& commands, const std::vector<std::string>& words);

// What may stand where the last word stands, for completion; one a line, also files or the numbers
// of changes when asked.
struct Candidates {
    std::vector<std::string> words;
    bool files = false;
    bool changes = false;
};

Candidates candidates_for(const std::vector<Command>& commands, std::vector<std::string> words);

// Help for the program, a group or a command, in lines of 80 columns.
std::string help_text(
    const std::vector<Command>& commands, const Invocation& invocation, std::string_view version
);

} // namespace slipway::cli
