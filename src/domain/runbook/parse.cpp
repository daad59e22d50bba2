// SPDX-License-Identifier: Apache-2.0
// The file as a whole: bytes that are allowed, front matter, and the order of the blocks.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <optional>

#include <fmt/format.h>

#include "base/ascii.hpp"
#include "base/json.hpp"
#include "base/plain_text.hpp"
#include "base/yaml.hpp"
#include "domain/runbook/parsing.hpp"

namespace slipway::domain {

namespace {

// What the front matter should be, after what is to be done about it.
std::string front_matter_remedy(std::string_view lead) {
    return std::string(lead) + "\n"
                               "---\n"
                               "title: Harbor site 1.5\n"
                               "purpose: deployment\n"
                               "engineer: anna\n"
                               "backup_engineer: ben\n"
                               "time_limit: 45m\n"
                               "---";
}

int line_of(std::string_view bytes, std::size_t position) {
    return 1 + static_cast<int>(std::count(bytes.begin(), bytes.begin() + position, '\n'));
}

// What a reader cannot see must not be in a file that people approve by reading it: control
// characters and carriage returns that move a terminal's cursor, and the bidirectional overrides of
// Unicode (U+202A-202E, U+2066-2069), which show code in another order than it runs.
bool check_characters(std::string_view bytes, Parsing& parsing) {
    if (!is_valid_text(bytes)) {
        const auto nul = bytes.find('\0');
        parsing.refuse(
            nul == std::string_view::npos ? 0 : line_of(bytes, nul), "not-text",
            "the file is not valid UTF-8 text, or holds NUL bytes", "save it as UTF-8 text"
        );
        return false;
    }
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const bool is_late_rule = bytes[i] == '\r' || static_cast<unsigned char>(bytes[i]) >= 0x80;
        const bool control = moves_the_cursor(bytes, i) && !(parsing.pinned && is_late_rule);
        if (!control && !changes_direction(bytes, i))
            continue;
        parsing.refuse(
            line_of(bytes, i), "hidden-characters",
            bytes[i] == '\r' ? "a carriage return without a line feed stands here; a terminal "
                               "writes what follows it over the line"
            : control        ? "the control character " + code_point_text(bytes, i) + " stands here"
                             : "a character that changes the direction of the text stands here",
            "remove it; what people approve must be what they see"
        );
        return false;
    }
    return true;
}

std::string with_lf(std::string_view bytes) {
    if (bytes.starts_with("\xef\xbb\xbf")) // the byte order mark that Windows editors write
        bytes.remove_prefix(3);
    std::string text;
    text.reserve(bytes.size());
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (bytes[i] != '\r')
            text += bytes[i];
        else if (i + 1 == bytes.size() || bytes[i + 1] != '\n')
            text += '\n'; // only in what was pinned before lone ones were refused
    }
    return text;
}

bool mentions_rollback(std::string_view text) {
    const auto lower = ascii_lower(text);
    constexpr std::array<std::string_view, 6> words{"roll back",   "rollback", "roll-back",
                                                    "rolled back", "revert",   "back out"};
    return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
        return lower.find(word) != std::string::npos;
    });
}

struct FrontMatter {
    std::string title;
    std::optional<RunbookPurpose> purpose;
    PersonId engineer;
    PersonId backup_engineer;
    std::optional<Span> time_limit;
    PersonId author;
    std::vector<RunbookNeed> needs;
    // What runme keeps there. It has no effect here.
    Json runme, shell, cwd, category, tag, terminal_rows, skip_prompts;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("title", self.title, optional("title of the runbook"));
        visit("purpose", self.purpose, optional("deployment or rollback"));
        visit("engineer", self.engineer, optional("id of the named engineer"));
        visit("backup_engineer", self.backup_engineer, optional("id of the second one"));
        visit("time_limit", self.time_limit, optional("for the whole runbook"));
        visit("author", self.author, optional("id of who wrote it"));
        visit("needs", self.needs, optional("what must be there", limits::runbook_needs_max));
        visit("runme", self.runme);
        visit("shell", self.shell);
        visit("cwd", self.cwd);
        visit("category", self.category);
        visit("tag", self.tag);
        visit("terminalRows", self.terminal_rows);
        visit("skipPrompts", self.skip_prompts);
    }
};

void remark_runme_keys(const FrontMatter& front, Parsing& parsing) {
    if (!front.shell.is_null())
        parsing.remark(
            LintSeverity::warning, 1, "runme-key", "shell is runme's and has no effect here",
            "name the shell as the language of each block: ```bash"
        );
    if (!front.cwd.is_null())
        parsing.remark(
            LintSeverity::warning, 1, "runme-key", "cwd is runme's and has no effect here",
            "write cd where it is needed in the script"
        );
    for (const auto* other :
         {&front.runme, &front.category, &front.tag, &front.terminal_rows, &front.skip_prompts})
        if (!other->is_null())
            return parsing.remark(
                LintSeverity::note, 1, "runme-key",
                "keys of runme in the front matter have no effect here", ""
            );
}

// A word that a shell takes as it is.
bool is_program(std::string_view text) {
    return !text.empty() && text.front() != '-' && text.size() <= limits::name_max &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      std::string_view("/._+-").find(c) != std::string_view::npos;
           });
}

void check_needs(const std::vector<RunbookNeed>& needs, Parsing& parsing) {
    const auto refuse = [&](std::string message, std::string remedy) {
        parsing.refuse(1, "bad-needs", std::move(message), std::move(remedy));
    };
    for (const auto& need : needs) {
        if (!may_be_host(need.host))
            refuse(
                fmt::format("needs: \"{}\" is not the name of a host", need.host),
                "write a name, an alias of ssh_config, or a ${variable} of the ring"
            );
        for (const auto& tool : need.tools)
            if (!is_program(tool))
                refuse(
                    fmt::format("needs: \"{}\" is not the name of a program", tool),
                    "write its name, such as nginx, or its absolute path"
                );
        for (const auto& [path, size] : need.disk)
            if (!path.starts_with('/') || path.find_first_of(" \t\n") != std::string::npos ||
                !kib_from_text(size))
                refuse(
                    fmt::format("needs: \"{}: {}\" is no free space of a place", path, size),
                    "write an absolute path without blanks and a size, such as /var/www: 500M"
                );
    }
}

void read_front_matter_keys(std::string_view yaml, Parsing& parsing) {
    constexpr int yaml_begins = 2; // below the line of dashes
    if (yaml.empty())
        return parsing.refuse(
            1, "bad-front-matter", "the front matter is empty",
            front_matter_remedy("write between the lines of dashes what the runbook is, such as")
        );
    const auto front = read_yaml<FrontMatter>(yaml, "runbook");
    if (!front)
        return refuse_yaml(
            front.error(), yaml_begins, "bad-front-matter",
            front_matter_remedy("mend this line; front matter looks like this:"), parsing
        );
    auto& runbook = parsing.runbook;
    runbook.title = front->title;
    runbook.engineer = front->engineer;
    runbook.backup_engineer = front->backup_engineer;
    runbook.author = front->author;
    if (front->time_limit)
        check_time(*front->time_limit, "time_limit", 1, runbook.time_limit, parsing);
    parsing.has_purpose = front->purpose.has_value();
    runbook.purpose = front->purpose.value_or(RunbookPurpose::deployment);
    runbook.needs = front->needs;
    check_needs(runbook.needs, parsing);
    remark_runme_keys(*front, parsing);
    if (!parsing.has_purpose)
        parsing.refuse(
            1, "no-purpose", "the front matter does not say what the runbook is for",
            "add purpose: deployment, or purpose: rollback"
        );
}

// Reads the front matter and returns what follows it; `first_line` becomes its line number.
std::string_view read_front_matter(std::string_view text, int& first_line, Parsing& parsing) {
    if (!text.starts_with("---\n")) {
        parsing.refuse(
            1, "no-front-matter", "the file does not say what it is for and who runs it",
            front_matter_remedy("begin the file with")
        );
        return text;
    }
    parsing.has_front_matter = true;
    const auto end = text.find("\n---\n", 3);
    const bool at_end = end == std::string_view::npos && text.ends_with("\n---");
    if (end == std::string_view::npos && !at_end) {
        parsing.leave_blocks_unread();
        parsing.refuse(
            1, "open-front-matter", "the front matter that begins here is not closed",
            "end it with a line of its own: ---"
        );
        return {};
    }
    const auto close = at_end ? text.size() - 4 : end;
    const auto yaml = text.substr(4, close > 4 ? close - 4 : 0);
    const auto body = at_end ? std::string_view{} : text.substr(close + 5);
    first_line = line_of(text, text.size() - body.size());
    if (yaml.size() > limits::runbook_front_matter_max) {
        parsing.refuse(
            1, "bad-front-matter",
            fmt::format(
                "the front matter is longer than {} bytes", limits::runbook_front_matter_max
            ),
            "move prose and comments behind it, into the body"
        );
        return body;
    }
    read_front_matter_keys(yaml, parsing);
    return body;
}

void read_blocks(std::string_view body, int first_line, Parsing& parsing) {
    auto blocks = find_blocks(body);
    if (blocks.too_deep_line != 0) {
        parsing.leave_blocks_unread();
        parsing.refuse(
            blocks.too_deep_line + first_line - 1, "too-deep",
            fmt::format(
                "lists and quotes may be more than {} deep here, one inside the other",
                limits::runbook_nesting_max
            ),
            "take markers (-, *, +, 1., >) away from the beginning of this line; for a rule across "
            "the page write ---"
        );
    }
    if (parsing.runbook.title.empty())
        parsing.runbook.title = std::move(blocks.first_heading);
    if (blocks.raw_text_line != 0)
        parsing.refuse(
            blocks.raw_text_line + first_line - 1, "raw-text",
            "<![CDATA[ hides what follows it from readers of the page",
            "take it away; what is an example stands in a block of its own: ```console"
        );
    for (auto& html : blocks.html) {
        html.line += first_line - 1;
        html.last_line += first_line - 1;
        html.open_comment_line += html.open_comment_line == 0 ? 0 : first_line - 1;
    }
    for (auto& block : blocks.fenced) {
        block.line += first_line - 1;
        block.last_line += first_line - 1;
        if (refuse_without_end(block, parsing))
            continue;
        const auto word = block.info.substr(0, block.info.find_first_of(" \t{"));
        if (word == "smoke")
            read_smoke_block(block, parsing);
        else
            read_step_block(block, parsing);
    }
    refuse_open_comments(blocks, parsing);
    if (blocks.too_deep_line == 0)
        look_for_lost_steps(body, first_line, blocks, parsing);
}

} // namespace

Result<std::uint64_t> kib_from_text(std::string_view text) {
    constexpr std::string_view units = "KMGT";
    const auto unit = text.empty() ? std::string_view::npos : units.find(text.back());
    std::uint64_t number = 0;
    const auto* end = text.data() + text.size() - (text.empty() ? 0 : 1);
    const auto [read, failed] = std::from_chars(text.data(), end, number);
    constexpr std::uint64_t most = 1024 * 1024; // of any unit
    if (unit == std::string_view::npos || failed != std::errc() || read != end || number > most)
        return fail(
            ErrorCode::invalid_input,
            fmt::format("\"{}\" is not a size such as 500M or 20G", text.substr(0, 40))
        );
    return number << (10 * unit);
}

std::size_t first_unseen(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i)
        if (is_unseen(text, i))
            return i;
    return std::string_view::npos;
}

void look_for_unseen(const FencedBlock& block, Parsing& parsing) {
    const auto text = block.info + "\n" + block.body; // the first line is that of the fence
    const auto unseen = first_unseen(text);
    if (parsing.pinned || unseen == std::string::npos)
        return;
    parsing.refuse(
        block.line + line_of(text, unseen) - 1, "hidden-characters",
        fmt::format(
            "{} stands here, which shows nothing or looks like a space",
            code_point_text(text, unseen)
        ),
        "remove it, or write it as an escape; what people approve must be what runs"
    );
}

void Parsing::refuse(int line, std::string rule, std::string message, std::string remedy) {
    if (errors.size() < limits::runbook_findings_max)
        errors.push_back(
            {LintSeverity::error, line, std::move(rule), std::move(message), std::move(remedy)}
        );
}

bool Parsing::may_look_at(std::string_view expect, int line) {
    if (!is_expression(expect))
        return true;
    ++expressions;
    expression_bytes += expect.size();
    if (expressions <= limits::runbook_expressions_max &&
        expression_bytes <= limits::runbook_expressions_bytes_max)
        return true;
    if (!too_many_expressions)
        refuse(
            line, "too-many-expressions",
            fmt::format(
                "more than {} /expressions/, or more than {} bytes of them",
                limits::runbook_expressions_max, limits::runbook_expressions_bytes_max
            ),
            "expect plain text where it will do"
        );
    too_many_expressions = true;
    return false;
}

void Parsing::remark(
    LintSeverity severity, int line, std::string rule, std::string message, std::string remedy
) {
    if (runbook.notes.size() < limits::runbook_findings_max)
        runbook.notes.push_back(
            {severity, line, std::move(rule), std::move(message), std::move(remedy)}
        );
}

void read_person(
    std::string_view text, std::string_view what, int line, PersonId& person, Parsing& parsing
) {
    if (text.empty() || is_slug(text)) {
        person = PersonId(std::string(text));
        return;
    }
    parsing.refuse(
        line, "bad-person",
        fmt::format("{} is \"{}\", which is not the id of a person", what, text),
        "write the id that the person signs in with, such as anna: 1 to 64 letters, digits, "
        "'.', '_' or '-'"
    );
}

bool check_time(Span given, std::string_view what, int line, Span& span, Parsing& parsing) {
    const bool good = given > Span::zero() && given <= limits::runbook_time_max;
    if (good)
        span = given;
    else
        parsing.refuse(
            line, "bad-time", fmt::format("{} is {}", what, to_text(given)),
            fmt::format("give 1ms to {}", to_text(Span(limits::runbook_time_max)))
        );
    return good;
}

bool read_time(
    std::string_view text, std::string_view what, int line, Span& span, Parsing& parsing
) {
    if (const auto given = span_from_text(text))
        return check_time(*given, what, line, span, parsing);
    parsing.refuse(
        line, "bad-time", fmt::format("{} is \"{}\", which is not a time limit", what, text),
        "write a number and a unit such as 90s or 45m"
    );
    return false;
}

bool may_be_host(std::string_view host) {
    return host.empty() || host.find("${") != std::string_view::npos || is_host_name(host);
}

void refuse_yaml(
    const Error& error, int first_line, std::string rule, std::string_view remedy, Parsing& parsing
) {
    for (const auto& [field, message] : error.fields) {
        const auto colon = field.rfind(':');
        const int line = colon == std::string::npos ? 1 : std::atoi(field.c_str() + colon + 1);
        // "anchors (&name) are not allowed; write the value out" says itself how to mend it.
        const auto mend = message.find("; ");
        const bool says = mend != std::string::npos;
        parsing.refuse(
            first_line + std::max(line, 1) - 1, rule, message.substr(0, mend),
            says ? message.substr(mend + 2) : std::string(remedy)
        );
    }
}

Parsing read_runbook(std::string_view bytes, bool pinned) {
    Parsing parsing;
    parsing.pinned = pinned;
    if (bytes.size() > limits::runbook_file_max) {
        parsing.refuse(
            0, "too-large",
            fmt::format(
                "the file has {} bytes, the limit is {}", bytes.size(), limits::runbook_file_max
            ),
            "keep logs and data out of the runbook"
        );
        return parsing;
    }
    if (!check_characters(bytes, parsing))
        return parsing;
    parsing.runbook.digest = sha256(bytes);
    const auto text = with_lf(bytes);
    parsing.speaks_of_rollback = mentions_rollback(text);
    int first_line = 1;
    const auto body = read_front_matter(text, first_line, parsing);
    read_blocks(body, first_line, parsing);
    parsing.runbook.smoke_digest = smoke_list_digest(parsing.runbook.smoke);
    return parsing;
}

Result<Runbook> parse_runbook(std::string_view bytes) {
    auto parsing = read_runbook(bytes, true);
    if (parsing.errors.empty())
        return std::move(parsing.runbook);
    Error error{ErrorCode::invalid_input, {}};
    for (auto& finding : parsing.errors)
        error.fields.push_back(
            {fmt::format("line {}", finding.line), finding.remedy.empty()
                                                       ? std::move(finding.message)
                                                       : finding.message + "; " + finding.remedy}
        );
    error.message = error.fields.front().field + ": " + error.fields.front().message;
    return tl::unexpected(std::move(error));
}

} // namespace slipway::domain
