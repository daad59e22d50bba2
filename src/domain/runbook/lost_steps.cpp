// SPDX-License-Identifier: Apache-2.0
// Steps that their author sees and Markdown does not: behind a fence that was forgotten or is one
// too many, in HTML, indented, behind a character that shows nothing. Passed over in silence, they
// would be missing in every run, or prose would be run as a script.
#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <re2/re2.h>

#include "base/ascii.hpp"
#include "base/plain_text.hpp"
#include "domain/runbook/parsing.hpp"

namespace slipway::domain {

namespace {

// A line that begins a step or a smoke list to whoever reads it.
struct LookAlike {
    std::string before; // its fence
    std::string fence;  // two marks or more: `, ~, or what keyboards and editors write instead
    std::string rest;
};

std::optional<LookAlike> look_alike(std::string_view line) {
    // Of a fence with a brace behind it that names something, or with the word smoke alone.
    static const re2::RE2 step("^(.*?)(`{2,}|~{2,}|'{3,}|\u00b4{3,})(\\s*[^\\s{`]*\\s*\\{"
                               "(?:.*[\\s\",])?name\"?\\s*[:=].*)$");
    static const re2::RE2 list("^([^A-Za-z0-9]*?)(`{2,}|~{2,}|'{3,}|\u00b4{3,})(\\s*smoke\\s*)$");
    const bool has_brace = line.find('{') != std::string_view::npos;
    const auto word = has_brace ? std::string_view("name") : std::string_view("smoke");
    if (line.find(word) == std::string_view::npos)
        return std::nullopt;
    LookAlike found;
    const re2::StringPiece text(line.data(), line.size());
    if (!re2::RE2::PartialMatch(
            text, has_brace ? step : list, &found.before, &found.fence, &found.rest
        ))
        return std::nullopt;
    // Something behind the brace ends a quotation in a sentence, `like this`, or a comment. The
    // fence may be the end of one itself.
    const auto brace = found.rest.rfind('}');
    const auto behind = brace == std::string::npos ? std::string() : found.rest.substr(brace + 1);
    if (!trimmed(behind).empty() || found.before.find(found.fence) != std::string::npos)
        return std::nullopt;
    return found;
}

// Markers of lists and quotes, and blanks.
bool is_lead(std::string_view before) {
    static const re2::RE2 lead("(?:[\\s>]|[-+*]\\s|[0-9]+[.)]\\s)*");
    return re2::RE2::FullMatch(re2::StringPiece(before.data(), before.size()), lead);
}

// Of a fence like that of the block: what stands behind it.
std::optional<std::string_view> behind_fence(std::string_view line, const FencedBlock& block) {
    const auto length = std::min(line.find_first_not_of(block.fence), line.size());
    if (length < block.fence_length)
        return std::nullopt;
    return trimmed(line.substr(length));
}

// Another block begins in the line, as it stands in the body of this one. No script has such a
// line: what would end the other block would end this one too.
bool begins_another(std::string_view line, const FencedBlock& block) {
    const auto indent = std::min(line.find_first_not_of(' '), line.size());
    if (const auto info = behind_fence(line.substr(indent), block);
        indent <= 3 && info && !info->empty() &&
        (block.fence == '~' || info->find('`') == std::string_view::npos))
        return true;
    const auto found = look_alike(line);
    return found && is_lead(found->before) && found->fence.front() == block.fence &&
           found->fence.size() >= block.fence_length;
}

// A character that shows nothing stands in front of the fence that ends the block or begins the
// next one.
bool hides_fence(std::string_view line, const FencedBlock& block) {
    const auto fence = line.find(block.fence);
    const auto unseen = first_unseen(line.substr(0, fence));
    if (fence == std::string_view::npos || unseen == std::string_view::npos)
        return false;
    const auto info = behind_fence(line.substr(fence), block);
    return info && (info->empty() || look_alike(line));
}

void refuse_hidden_fence(std::string_view line, int number, Parsing& parsing) {
    parsing.refuse(
        number, "hidden-characters",
        fmt::format(
            "{} stands in front of the fence, which therefore is none",
            code_point_text(line, first_unseen(line))
        ),
        "remove it; files that are put together from several have one where the next begins"
    );
}

// Why Markdown sees no fence in the line.
std::string why_no_fence(const LookAlike& found, const HtmlBlock* html) {
    const char mark = found.fence.front();
    if (mark != '`' && mark != '~')
        return "its marks are not ` or ~";
    if (found.fence.size() < 3)
        return "its fence has two marks, not three";
    if (html != nullptr && html->comment)
        return fmt::format("the comment of line {} is never closed", html->line);
    if (html != nullptr)
        return fmt::format("the HTML of line {} goes on until the first empty line", html->line);
    if (!is_lead(found.before))
        return "its fence does not begin the line";
    if (mark == '`' && found.rest.find('`') != std::string::npos)
        return "a ` stands behind its fence";
    return "it is indented, by a tab or by four blanks more than the text it belongs to";
}

void refuse_lost_step(std::string_view line, int number, const HtmlBlock* html, Parsing& parsing) {
    const auto found = look_alike(line);
    if (!found)
        return;
    parsing.leave_blocks_unread();
    if (first_unseen(found->before) != std::string_view::npos)
        return refuse_hidden_fence(line, number, parsing);
    parsing.refuse(
        number, "lost-step",
        "this looks like a step or a smoke list, and is none: " + why_no_fence(*found, html),
        "begin it with ``` or ~~~ at the margin, or below the text of its list item, with an empty "
        "line in front of it; put an example into a block with a longer fence: ````text"
    );
}

} // namespace

bool refuse_without_end(const FencedBlock& block, Parsing& parsing) {
    if (!parsing.pinned) {
        int number = block.line;
        for (const auto line : split_lines(block.body)) {
            ++number;
            const bool hidden = hides_fence(line, block);
            if (!hidden && !begins_another(line, block))
                continue;
            parsing.leave_blocks_unread();
            if (hidden)
                refuse_hidden_fence(line, number, parsing);
            else
                parsing.refuse(
                    block.line, "open-fence",
                    fmt::format(
                        "the block that begins here holds the beginning of another, on line {}",
                        number
                    ),
                    "end it with a line of its own that has nothing but the fence, or take this "
                    "fence away when it is one too many; a block that is to hold a fence begins "
                    "and ends with a longer one: ````"
                );
            return true;
        }
    }
    if (block.closed)
        return false;
    parsing.leave_blocks_unread();
    parsing.refuse(
        block.line, "open-fence", "the block that begins here is never closed",
        "end it with a line of its own that repeats the opening fence, such as ```"
    );
    return true;
}

void refuse_open_comments(const MarkdownBlocks& blocks, Parsing& parsing) {
    const int last = blocks.fenced.empty() ? 0 : blocks.fenced.back().line;
    for (const auto& html : blocks.html)
        if (!parsing.pinned && html.open_comment_line != 0 && html.last_line < last)
            parsing.refuse(
                html.open_comment_line, "open-comment",
                fmt::format(
                    "the comment that begins here is cut off behind line {}: Markdown reads on "
                    "from there, and would run what no reader of the page sees",
                    html.last_line
                ),
                "end it with --> before the empty line, or begin it behind one, with <!-- at the "
                "margin"
            );
}

void look_for_lost_steps(
    std::string_view body, int first_line, const MarkdownBlocks& blocks, Parsing& parsing
) {
    if (parsing.pinned)
        return;
    auto fenced = blocks.fenced.begin();
    auto html = blocks.html.begin();
    int number = first_line - 1;
    for (const auto line : split_lines(body)) {
        ++number;
        while (fenced != blocks.fenced.end() && fenced->last_line < number)
            ++fenced;
        while (html != blocks.html.end() && html->last_line < number)
            ++html;
        const bool in_block = fenced != blocks.fenced.end() && fenced->line <= number;
        const bool in_html = html != blocks.html.end() && html->line <= number;
        const bool in_comment = in_html && html->comment && html->open_comment_line == 0;
        if (!in_block && !in_comment)
            refuse_lost_step(line, number, in_html ? &*html : nullptr, parsing);
    }
}

} // namespace slipway::domain
