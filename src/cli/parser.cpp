// SPDX-License-Identifier: Apache-2.0
#include "cli/parser.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <fmt/format.h>

#include "base/json.hpp"
#include "base/time.hpp"
#include "cli/text.hpp"

namespace slipway::cli {

namespace {

using Words = std::vector<std::string>;

std::string with_underscores(std::string text) {
    std::replace(text.begin(), text.end(), '-', '_');
    return text;
}

bool is_option(std::string_view word) {
    return word.size() > 1 && word.front() == '-' && word != "--";
}

// "--if-version=3" -> "--if_version=3"; values keep their dashes.
std::string canonical_option(const std::string& word) {
    if (!word.starts_with("--") || word == "--")
        return word;
    const auto end = std::min(word.find('='), word.size());
    return "--" + with_underscores(word.substr(2, end - 2)) + word.substr(end);
}

const Option* find_option(const std::vector<Option>& options, std::string_view word) {
    if (!word.starts_with("--"))
        return nullptr;
    const auto name = word.substr(2, std::min(word.find('='), word.size()) - 2);
    for (const auto& option : options)
        if (!option.positional && option.name == name)
            return &option;
    return nullptr;
}

const Option* find_option(const Command& command, std::string_view word) {
    const auto* own = find_option(command.options, word);
    return own ? own : find_option(global_options(), word);
}

// The value follows in the next word.
bool takes_next(const Option* option, std::string_view word) {
    return option != nullptr && !option->value.empty() && word.find('=') == std::string_view::npos;
}

bool begins_with(const Words& words, const Words& prefix) {
    return words.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), words.begin());
}

// The words that may follow `prefix`, in the order of the table.
Words children_of(const std::vector<Command>& commands, const Words& prefix, bool hidden = false) {
    Words out;
    for (const auto& command : commands)
        if (command.words.size() > prefix.size() && begins_with(command.words, prefix) &&
            (hidden || !command.hidden))
            if (const auto& word = command.words[prefix.size()];
                std::find(out.begin(), out.end(), word) == out.end())
                out.push_back(word);
    return out;
}

const Command* command_at(const std::vector<Command>& commands, const Words& words) {
    for (const auto& command : commands)
        if (command.words == words)
            return &command;
    return nullptr;
}

struct Place {
    Words words;                      // of the command or group
    const Command* command = nullptr; // nothing at a group
    Words rest;                       // options before it and everything behind it
    std::string unknown;              // a word that should have been a command
};

// Follows the words through the table until a command is reached.
Place locate(const std::vector<Command>& commands, const Words& words) {
    Place place;
    std::size_t i = 0;
    for (; i < words.size() && place.command == nullptr; ++i) {
        const auto word = canonical_option(words[i]);
        if (is_option(word)) {
            place.rest.push_back(word);
            if (takes_next(find_option(global_options(), word), word) && i + 1 < words.size())
                place.rest.push_back(words[++i]);
            continue;
        }
        const auto children = children_of(commands, place.words, true);
        const auto name = with_underscores(word);
        if (std::find(children.begin(), children.end(), name) == children.end()) {
            place.unknown = word;
            break;
        }
        place.words.push_back(name);
        place.command = command_at(commands, place.words);
    }
    for (; place.unknown.empty() && i < words.size(); ++i) {
        place.rest.push_back(canonical_option(words[i]));
        const auto* option =
            place.command ? find_option(*place.command, place.rest.back()) : nullptr;
        if (words[i] == "--") {
            place.rest.insert(
                place.rest.end(), words.begin() + static_cast<long>(i) + 1, words.end()
            );
            break;
        }
        if (takes_next(option, place.rest.back()) && i + 1 < words.size())
            place.rest.push_back(words[++i]);
    }
    return place;
}

// As the line of use in the help writes what stands for itself.
std::string upper_case(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) {
        return static_cast<char>(std::toupper(c));
    });
    return text;
}

std::string joined(const Words& words, std::string_view between = " ") {
    std::string out;
    for (const auto& word : words)
        out += (out.empty() ? std::string{} : std::string(between)) + word;
    return out;
}

std::string spoken(const Words& words) {
    return words.empty() ? "slipway" : "slipway " + joined(words);
}

tl::unexpected<Error> usage(std::string message) {
    return fail(ErrorCode::invalid_input, std::move(message));
}

// People take a value for a command: "change aprove" is "change vote --choice approve". Gives the
// words of such a line, for the nearest value of any option below the group.
std::optional<Words>
nearest_value(const std::vector<Command>& commands, const Words& group, const std::string& word) {
    Words values;
    for (const auto& command : commands)
        if (!group.empty() && !command.hidden && begins_with(command.words, group))
            for (const auto& option : command.options)
                if (!option.positional)
                    values.insert(values.end(), option.choices.begin(), option.choices.end());
    const auto near = nearest(word, values);
    if (!near)
        return std::nullopt;
    for (const auto& command : commands)
        if (!command.hidden && begins_with(command.words, group))
            for (const auto& option : command.options)
                if (!option.positional &&
                    std::find(option.choices.begin(), option.choices.end(), *near) !=
                        option.choices.end()) {
                    auto line = command.words;
                    line.push_back("--" + option.name);
                    line.push_back(*near);
                    return line;
                }
    return std::nullopt;
}

// What people take for a command, by the words that they write.
constexpr std::pair<std::string_view, std::string_view> taken_for_commands[] = {
    {"change approve", "slipway change vote --choice approve"},
    {"change reject", "slipway change vote --choice reject"},
    {"change deploy", "slipway change start_run --purpose deployment"},
    {"change acknowledge", "slipway change acknowledge_page or acknowledge_impact"},
    {"change abort", "slipway change decide_run --choice abort"},
    {"run list", "slipway change show"},
    {"run abort", "slipway change decide_run --choice abort"},
    {"board agenda", "slipway change list --meeting"},
    {"status", "slipway health"},
    {"workflow list", "slipway change steps"},
    {"workflow show", "slipway change steps"},
};

std::string_view known_mistake(const Place& place) {
    auto words = place.words;
    words.push_back(with_underscores(place.unknown));
    const auto given = joined(words);
    for (const auto& [mistake, meant] : taken_for_commands)
        if (mistake == given)
            return meant;
    return {};
}

tl::unexpected<Error> unknown_command(const std::vector<Command>& commands, const Place& place) {
    const auto children = children_of(commands, place.words);
    auto message =
        fmt::format("\"{}\" is not a command of {}", clean(place.unknown), spoken(place.words));
    if (const auto meant = known_mistake(place); !meant.empty())
        return usage(fmt::format("{}; did you mean \"{}\"?", message, meant));
    auto at = place.words;
    std::optional<std::string> near;
    // People forget the noun: "slipway vote" is "slipway change vote".
    for (const auto& command : commands)
        if (!near && place.words.empty() && command.words.size() == 2 &&
            command.words[1] == with_underscores(place.unknown)) {
            at = {command.words[0]};
            near = command.words[1];
        }
    if (!near)
        near = nearest(with_underscores(place.unknown), children);
    if (near) {
        at.push_back(*near);
        message += fmt::format("; did you mean \"{}\"?", spoken(at));
    } else if (const auto line = nearest_value(commands, place.words, with_underscores(place.unknown))) {
        message += fmt::format("; did you mean \"{}\"?", spoken(*line));
    } else {
        message += fmt::format("; see {} --help", spoken(place.words));
    }
    return usage(std::move(message));
}

tl::unexpected<Error> unknown_option(const Command& command, const std::string& word) {
    const auto name = word.substr(0, word.find('='));
    Words names;
    const auto global = global_options(command);
    for (const auto* options : {&command.options, &global})
        for (const auto& option : *options)
            if (!option.positional)
                names.push_back("--" + option.name);
    if (std::find(names.begin(), names.end(), name) != names.end())
        return usage(fmt::format(
            "\"{}\" stands behind \"--\", where no option is read; write it before", clean(name)
        ));
    if (const auto near = nearest(name, names))
        return usage(fmt::format(
            "\"{}\" is not an option of {}; did you mean {}?", clean(name), spoken(command.words),
            *near
        ));
    return usage(
        fmt::format("\"{}\" is not understood; see {} --help", clean(name), spoken(command.words))
    );
}

void declare(CLI::App& app, const Option& option, std::map<std::string, Words>& values) {
    if (option.value.empty()) {
        app.add_flag_callback("--" + option.name, [&values, name = option.name] {
            values[name] = {"true"};
        });
        return;
    }
    std::string names = option.positional ? option.name : "--" + option.name;
    if (!option.short_name.empty())
        names += ",-" + option.short_name;
    auto* made =
        app.add_option_function<Words>(names, [&values, name = option.name](const Words& given) {
            values[name] = given;
        });
    made->allow_extra_args(option.positional && option.repeated);
    if (option.repeated)
        made->take_all();
    else if (option.positional)
        made->expected(1);
    else
        made->expected(1)->take_all();
    made->required(option.required);
}

// Of two values, either could be the one that was meant.
Result<void> check_single(const Command& command, const Arguments& arguments) {
    const auto global = global_options(command);
    for (const auto* options : {&command.options, &global})
        for (const auto& option : *options)
            if (!option.value.empty() && !option.repeated && !option.positional &&
                arguments.all(option.name).size() > 1)
                return usage(fmt::format(
                    "--{} is given {} times and takes one value", option.name,
                    arguments.all(option.name).size()
                ));
    return {};
}

Result<void> check_choices(const Command& command, const Arguments& arguments) {
    for (const auto& option : command.options) {
        if (option.choices.empty())
            continue;
        for (const auto& value : arguments.all(option.name)) {
            const auto& names = option.choices;
            if (std::find(names.begin(), names.end(), value) != names.end())
                continue;
            const auto near = nearest(value, names);
            return usage(fmt::format(
                "--{}: \"{}\" is not one of: {}{}", option.name, clean(value), joined(names, ", "),
                near ? fmt::format("; did you mean {}?", *near) : ""
            ));
        }
    }
    return {};
}

// What is no such value in any case; whether it is in bounds, the server says.
std::string finding_in(const Option& option, const std::string& value) {
    if (option.value == "SPAN") {
        const auto span = span_from_text(value);
        return span ? std::string{} : span.error().message;
    }
    const auto number = option.value == "N" ? parse_json(value) : Result<Json>(Json(0));
    return number && number->is_number() ? std::string{}
                                         : fmt::format("expected a number, not \"{}\"", value);
}

Result<void> check_values(const Command& command, const Arguments& arguments) {
    for (const auto& option : command.options)
        for (const auto& value : arguments.all(option.name))
            if (const auto finding = finding_in(option, value); !finding.empty())
                return usage(fmt::format(
                    "{}: {}", option.positional ? upper_case(option.value) : "--" + option.name,
                    clean(finding)
                ));
    return {};
}

Result<Arguments> parse_arguments(const Command& command, Words words) {
    CLI::App app;
    app.set_help_flag();
    app.allow_extras();
    std::map<std::string, Words> values;
    const auto global = global_options(command);
    for (const auto* options : {&command.options, &global})
        for (const auto& option : *options)
            declare(app, option, values);
    try {
        std::reverse(words.begin(), words.end());
        app.parse(std::move(words));
    } catch (const CLI::RequiredError& error) {
        std::string missing;
        for (const auto& option : command.options)
            if (option.required && !values.contains(option.name))
                missing += fmt::format(
                    "{}{}", missing.empty() ? "" : ", ",
                    option.positional ? upper_case(option.value) : "--" + option.name
                );
        const auto extra = app.remaining();
        for (const auto& word : extra)
            if (is_option(word))
                return unknown_option(command, word);
        return usage(fmt::format("{} needs {}", spoken(command.words), missing));
    } catch (const CLI::ParseError& error) {
        return usage(clean(error.what()));
    }
    for (const auto& word : app.remaining())
        if (word != "--")
            return unknown_option(command, word);
    Arguments out;
    for (auto& [name, given] : values)
        out.values.emplace(name, std::move(given));
    TRY(check_single(command, out));
    TRY(check_choices(command, out));
    TRY(check_values(command, out));
    return out;
}

// The next word that is no option is the number of a change: no such word stands there yet, and the
// command's first one is a change.
bool names_change(const Command& command, const Words& given) {
    for (std::size_t i = 0; i < given.size(); ++i) {
        if (!is_option(given[i]))
            return false;
        if (takes_next(find_option(command, given[i]), given[i]))
            ++i;
    }
    for (const auto& option : command.options)
        if (option.positional)
            return option.name == "change";
    return false;
}

bool take_flag(Words& words, std::string_view flag, std::string_view or_letter) {
    bool found = false;
    for (auto word = words.begin(); word != words.end() && *word != "--";)
        if (*word == flag || *word == or_letter) {
            word = words.erase(word);
            found = true;
        } else {
            ++word;
        }
    return found;
}

} // namespace

const std::vector<Option>& global_options() {
    static const std::vector<Option> options = [] {
        std::vector<Option> out{
            valued("server", "URL", "the server; else SLIPWAY_SERVER, else the session's"),
            valued("token_file", "PATH", "file with a token; else SLIPWAY_TOKEN"),
            flag("json", "the server's JSON as it came, for programs"),
            flag("quiet", "only what was asked for"),
        };
        return out;
    }();
    return options;
}

std::vector<Option> global_options(const Command& command) {
    std::vector<Option> out;
    for (const auto& option : global_options()) {
        const bool of_server = option.name == "server" || option.name == "token_file";
        if (command.reach == Reach::server || (command.reach == Reach::here && !of_server))
            out.push_back(option);
    }
    return out;
}

Result<Invocation>
parse_command_line(const std::vector<Command>& commands, const std::vector<std::string>& words) {
    auto given = words;
    Invocation out;
    if (!given.empty() && given.front() == "help") {
        given.erase(given.begin());
        out.help = true;
    }
    if (!given.empty() && given.front() == "--version")
        given.front() = "version";
    auto place = locate(commands, given);
    if (!place.unknown.empty())
        return unknown_command(commands, place);
    out.help = take_flag(place.rest, "--help", "-h") || out.help;
    out.help_all = place.command == nullptr && take_flag(place.rest, "--all", "--all");
    out.words = place.words;
    out.command = place.command;
    if (out.command != nullptr && !out.help)
        out.arguments = TRY(parse_arguments(*out.command, std::move(place.rest)));
    return out;
}

Candidates candidates_for(const std::vector<Command>& commands, std::vector<std::string> words) {
    Candidates out;
    if (words.empty())
        words.emplace_back();
    const auto last = words.back();
    words.pop_back();
    // Shells split "--name=value" differently; what stands behind the sign is the value.
    if (last == "=" && !words.empty())
        return out;
    const auto place = locate(commands, words);
    if (!place.unknown.empty())
        return out;
    const auto offer = [&](const std::string& word) {
        if (word.starts_with(last) || word.starts_with(with_underscores(last)))
            out.words.push_back(word);
    };
    if (place.command == nullptr) {
        for (const auto& word : children_of(commands, place.words))
            offer(word);
        if (last.starts_with("-"))
            for (const auto& option : global_options())
                offer("--" + option.name);
        return out;
    }
    const auto before = words.empty() ? std::string{} : canonical_option(words.back());
    const auto* pending = find_option(*place.command, before);
    if (takes_next(pending, before)) {
        for (const auto& choice : pending->choices)
            offer(choice);
        out.files = pending->choices.empty();
        return out;
    }
    if (!last.starts_with("-")) {
        for (const auto& option : place.command->options)
            if (option.positional)
                for (const auto& choice : option.choices)
                    offer(choice);
        out.changes = names_change(*place.command, place.rest);
        out.files = out.words.empty() && !out.changes;
        return out;
    }
    const auto dashed = canonical_option(last);
    const auto global = global_options(*place.command);
    for (const auto* options : {&place.command->options, &global})
        for (const auto& option : *options)
            if (!option.positional && ("--" + option.name).starts_with(dashed))
                out.words.push_back("--" + option.name);
    return out;
}

} // namespace slipway::cli
