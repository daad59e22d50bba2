// SPDX-License-Identifier: Apache-2.0
// Help is made of the table of commands, in lines of 80 columns; nothing is cut. That of the
// program and of a group fits a screen of 24 lines; the commands on a change are many, so that they
// are only named there, by the part of a change's life that they belong to, and --all says what
// each does. Every command has a help of its own, as long as its options need.
#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "cli/parser.hpp"
#include "cli/text.hpp"

namespace slipway::cli {

namespace {

constexpr std::size_t columns_max = 80;

std::string indented(std::string_view text, std::size_t indent) {
    return std::string(indent, ' ') + wrapped(text, columns_max - indent, indent);
}

std::string full_command(const std::vector<std::string>& words) {
    std::string out = "slipway";
    for (const auto& word : words)
        out += " " + word;
    return out;
}

struct Entry {
    std::string name;
    std::string help;
    bool marked = false; // it must be given
};

std::string entries_text(const std::vector<Entry>& entries) {
    std::size_t widest = 0;
    for (const auto& entry : entries)
        widest = std::max(widest, columns_of(entry.name));
    widest = std::min<std::size_t>(widest, 34);
    const std::size_t start = 2 + widest + 2;
    std::string whole;
    for (const auto& entry : entries) {
        std::string head = (entry.marked ? "* " : "  ") + entry.name;
        head.append(start > columns_of(head) ? start - columns_of(head) : 2, ' ');
        const auto left = columns_max - columns_of(head);
        whole += head;
        std::string text = wrapped(entry.help, left, 0);
        std::string aligned;
        for (const char c : text) {
            aligned += c;
            if (c == '\n')
                aligned.append(columns_of(head), ' ');
        }
        whole += aligned + "\n";
    }
    return whole;
}

std::vector<Entry>
children(const std::vector<Command>& commands, const std::vector<std::string>& prefix) {
    std::vector<Entry> out;
    for (const auto& command : commands) {
        if (command.hidden || command.words.size() <= prefix.size() ||
            !std::equal(prefix.begin(), prefix.end(), command.words.begin()))
            continue;
        const auto& word = command.words[prefix.size()];
        const bool leaf = command.words.size() == prefix.size() + 1;
        const auto known = std::find_if(out.begin(), out.end(), [&](const Entry& entry) {
            return entry.name == word;
        });
        if (known != out.end()) {
            known->help += ", " + command.words.back();
            continue;
        }
        out.push_back({word, leaf ? command.summary : command.words.back(), false});
    }
    return out;
}

// One list for each heading, in the order in which the headings come first.
std::string headed_text(const std::vector<Command>& commands, const std::string& group, bool all) {
    const std::string looking = "Look at it"; // what changes nothing
    std::vector<std::string> headings;
    std::map<std::string, std::vector<Entry>> below;
    for (const auto& command : commands) {
        if (command.hidden || command.words.size() != 2 || command.words[0] != group)
            continue;
        const auto& heading = command.heading.empty() ? looking : command.heading;
        if (!below.contains(heading))
            headings.push_back(heading);
        below[heading].push_back({command.words[1], command.summary, false});
    }
    std::string out;
    for (const auto& heading : headings) {
        if (all) {
            out += fmt::format(
                "{}{}:\n{}", out.empty() ? "" : "\n", heading, entries_text(below[heading])
            );
            continue;
        }
        std::string names;
        for (const auto& entry : below[heading])
            names += (names.empty() ? "" : ", ") + entry.name;
        out += indented(heading + ": " + names, 4).substr(4) + "\n";
    }
    return out;
}

std::string
group_help(const std::vector<Command>& commands, const std::vector<std::string>& words, bool all) {
    const auto entries = children(commands, words);
    std::string out = fmt::format("Usage: {} COMMAND [OPTIONS]\n\n", full_command(words));
    const bool headed = std::any_of(commands.begin(), commands.end(), [&](const Command& command) {
        return command.words.front() == words.front() && !command.heading.empty();
    });
    out += headed ? headed_text(commands, words.front(), all) : entries_text(entries);
    out += fmt::format("\n{} COMMAND --help shows one command", full_command(words));
    if (headed && !all)
        out += fmt::format(";\n{} --help --all says what each does", full_command(words));
    return out + ".\n";
}

// What people do, by purpose. The registers have many names and one shape, and so have the files
// that are checked.
std::string program_help(const std::vector<Command>& commands, std::string_view version) {
    std::vector<Entry> entries;
    std::string registers;
    std::string checked;
    for (auto& entry : children(commands, {})) {
        if (entry.name != "change" && entry.help.starts_with("list, show")) {
            registers += (registers.empty() ? "" : ", ") + entry.name;
            continue;
        }
        if (entry.help == "lint") {
            checked += (checked.empty() ? "" : ", ") + entry.name;
            continue;
        }
        if (entry.name == "version" || entry.name == "logout")
            continue; // the first line says the one, login the other
        if (entry.name == "login")
            entry = {
                "login, logout", "Sign in and keep the session for what follows; end it", false};
        if (entry.name == "change")
            entry.help = "open, list, show, steps, gates, vote, complete_step and more";
        entries.push_back(std::move(entry));
    }
    std::string out = fmt::format(
        "Slipway {}: takes a release from RFC to closure, and proves it.\n"
        "Usage: slipway COMMAND [--server URL] [--token_file PATH] [--json] [--quiet]\n",
        version
    );
    registers += ": list, show, put, edit, remove; see COMMAND --help";
    auto tail = "  " + wrapped(registers, columns_max - 2, 4) + "\n";
    if (!checked.empty())
        tail = fmt::format("  {}: lint\n", checked) + tail;
    out += entries_text(entries);
    return out + tail;
}

std::string command_help(const Command& command) {
    std::string use = "Usage: " + full_command(command.words);
    std::vector<Entry> entries;
    for (const auto& option : command.options) {
        if (option.positional) {
            std::string name = option.value;
            std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) {
                return static_cast<char>(std::toupper(c));
            });
            const auto shown = name + (option.repeated ? "..." : "");
            use += option.required ? " " + shown : " [" + shown + "]";
            if (!option.help.empty())
                entries.push_back({name, option.help, option.is_marked()});
        } else if (!option.hidden) {
            std::string help = option.help;
            // Many fields name their values themselves.
            const bool named = !option.choices.empty() &&
                               help.find(option.choices.front()) != std::string::npos &&
                               help.find(option.choices.back()) != std::string::npos;
            if (option.value == "NAME" && !option.choices.empty() && !named) {
                std::string names;
                for (const auto& choice : option.choices)
                    names += (names.empty() ? "" : ", ") + choice;
                help = help.empty() ? names : help + ": " + names;
            }
            entries.push_back(
                {option.value.empty() ? "--" + option.name
                                      : fmt::format("--{} {}", option.name, option.value),
                 std::move(help), option.is_marked()}
            );
        }
    }
    std::string out = wrapped(use + " [OPTIONS]", columns_max, 4) + "\n";
    out += indented(command.summary + ".", 0) + "\n\n";
    std::string tail = "\n";
    if (const auto global = global_options(command); !global.empty()) {
        tail += "Also:";
        for (const auto& option : global)
            tail += " --" + option.name + (option.value.empty() ? "" : " " + option.value);
        tail += "   ";
    }
    tail += "(* required)\n";
    if (!command.example.empty())
        tail += "Example: " + wrapped(command.example, columns_max - 9, 4) + "\n";
    return out + entries_text(entries) + tail;
}

} // namespace

std::string help_text(
    const std::vector<Command>& commands, const Invocation& invocation, std::string_view version
) {
    if (invocation.command != nullptr)
        return command_help(*invocation.command);
    if (invocation.words.empty())
        return program_help(commands, version);
    return group_help(commands, invocation.words, invocation.help_all);
}

} // namespace slipway::cli
