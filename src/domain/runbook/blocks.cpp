// SPDX-License-Identifier: Apache-2.0
#include "domain/runbook/blocks.hpp"

#include <algorithm>
#include <memory>

#include <cmark.h>
#include <fmt/format.h>

#include "base/ascii.hpp"
#include "base/json.hpp"
#include "base/limits.hpp"

namespace slipway::domain {

namespace {

// libcmark 0.30.2 takes quadratic time for some runs of brackets ("![[](" repeated), which a
// hostile file could use. Brackets have no part in the structure of blocks but one, <![CDATA[, so
// they go in as two control characters of the same width and come out as brackets again. Text with
// that one is refused: CommonMark would show what follows it as it stands, and a step in it would
// run here that no reader sees as one.
constexpr char open_bracket = '\x01';
constexpr char close_bracket = '\x02';

std::string hide_brackets(std::string_view text) {
    std::string hidden(text);
    for (char& c : hidden)
        c = c == '[' ? open_bracket : c == ']' ? close_bracket : c;
    return hidden;
}

std::string show_brackets(const char* text) {
    std::string shown = text == nullptr ? "" : text;
    for (char& c : shown)
        c = c == open_bracket ? '[' : c == close_bracket ? ']' : c;
    return shown;
}

// What a line begins with before its text: the markers of lists and quotes, and the blanks between.
struct Lead {
    std::size_t markers = 0;
    std::size_t blanks = 0; // in columns; a tab is at most four
    bool is_blank_line = false;
};

// Takes a list's marker off the line, with nothing behind it but a blank or the end of the line.
bool take_list_marker(std::string_view& line) {
    const auto digits = std::min(line.find_first_not_of("0123456789"), line.size());
    const auto end = digits + 1;
    const auto ends_with = digits == 0 ? std::string_view("-+*") : std::string_view(".)");
    if (digits >= line.size() || ends_with.find(line[digits]) == std::string_view::npos ||
        (end < line.size() && std::string_view(" \t\v\f").find(line[end]) == std::string_view::npos
        ))
        return false;
    line.remove_prefix(end);
    return true;
}

Lead lead_of(std::string_view line) {
    Lead lead;
    while (!line.empty()) {
        const char first = line.front();
        if (first == '>')
            ++lead.markers;
        else if (first == ' ' || first == '\t')
            lead.blanks += first == ' ' ? 1 : 4;
        else if (take_list_marker(line)) {
            ++lead.markers;
            continue;
        } else
            return lead;
        line.remove_prefix(1);
    }
    lead.is_blank_line = lead.markers == 0;
    return lead;
}

// Each empty line goes through all the lists that are open: half a megabyte of markers and as much
// of empty lines would take libcmark an hour. This is the first line after which more could be open
// than anybody needs, 0 when there is none. What is counted is never less than what libcmark
// opens: a line opens at most as many as it has markers, and keeps open those that its own
// markers and blanks stand for (a list wants two columns), all of them if its text may belong to
// the paragraph before it.
int find_too_deep(const std::vector<std::string_view>& lines) {
    std::size_t open = 0;
    bool in_text = false;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const auto lead = lead_of(lines[i]);
        if (!lead.is_blank_line) {
            const auto reached = std::min(open + lead.markers, lead.markers + lead.blanks / 2);
            open = in_text ? std::max(open, reached) : reached;
        }
        in_text = !lead.is_blank_line;
        if (open > limits::runbook_nesting_max)
            return static_cast<int>(i + 1);
    }
    return 0;
}

std::size_t fence_length(std::string_view text) {
    if (text.empty() || (text.front() != '`' && text.front() != '~'))
        return 0;
    const auto length = std::min(text.find_first_not_of(text.front()), text.size());
    return length >= 3 ? length : 0;
}

// CommonMark 4.5: a closing fence is at least as long as the opening one and stands alone. libcmark
// closes a block at the end of its container by itself; only the source tells the difference.
bool closes(std::string_view line, char fence, std::size_t length) {
    line = trimmed(line);
    const auto begin = line.find_first_not_of(" \t>");
    if (begin == std::string_view::npos)
        return false;
    line.remove_prefix(begin);
    return line.size() >= length && line.find_first_not_of(fence) == std::string_view::npos;
}

// Where the comment begins that the text does not end, npos when it ends all of them.
std::size_t open_comment(std::string_view text) {
    auto begin = text.find("<!--");
    while (begin != std::string_view::npos) {
        const auto end = text.find("-->", begin + 2); // "<!-->" is a whole one
        if (end == std::string_view::npos)
            return begin;
        begin = text.find("<!--", end);
    }
    return begin;
}

struct NodeDelete {
    void operator()(cmark_node* node) const { cmark_node_free(node); }
};

struct IteratorDelete {
    void operator()(cmark_iter* iterator) const { cmark_iter_free(iterator); }
};

class BlockFinder {
  public:
    explicit BlockFinder(std::vector<std::string_view> lines) : lines_(std::move(lines)) {}

    void enter(cmark_node* node) {
        switch (cmark_node_get_type(node)) {
        case CMARK_NODE_HEADING:
            in_heading_ = true;
            heading_.clear();
            break;
        case CMARK_NODE_TEXT:
        case CMARK_NODE_CODE:
            note_raw_text(node);
            if (in_heading_)
                heading_ += show_brackets(cmark_node_get_literal(node));
            break;
        case CMARK_NODE_CODE_BLOCK:
            add(node);
            break;
        case CMARK_NODE_HTML_BLOCK:
            add_html(node);
            break;
        default:
            break;
        }
    }

    void leave(cmark_node* node) {
        if (cmark_node_get_type(node) != CMARK_NODE_HEADING)
            return;
        in_heading_ = false;
        heading_ = cut_text(heading_, limits::title_max); // every block below it has a copy
        if (found_.first_heading.empty())
            found_.first_heading = heading_;
    }

    MarkdownBlocks take() { return std::move(found_); }

  private:
    // Its line is that of the paragraph or heading.
    void note_raw_text(cmark_node* node) {
        if (found_.raw_text_line != 0 || cmark_node_get_type(node) != CMARK_NODE_TEXT ||
            show_brackets(cmark_node_get_literal(node)).find("<![CDATA[") == std::string::npos)
            return;
        while (node != nullptr && cmark_node_get_start_line(node) == 0)
            node = cmark_node_parent(node);
        found_.raw_text_line = node == nullptr ? 1 : cmark_node_get_start_line(node);
    }

    void add(cmark_node* node) {
        const auto start = static_cast<std::size_t>(cmark_node_get_start_line(node));
        const auto column = static_cast<std::size_t>(cmark_node_get_start_column(node));
        if (start == 0 || start > lines_.size() || column == 0 || column > lines_[start - 1].size())
            return;
        auto opening = lines_[start - 1].substr(column - 1);
        const auto length = fence_length(opening);
        auto body = show_brackets(cmark_node_get_literal(node));
        // The text of indented code begins at its column too, and may look like a fence; but then
        // it is the first line of the body as well.
        if (length == 0 || body.starts_with(opening))
            return;
        const auto end = static_cast<std::size_t>(cmark_node_get_end_line(node));
        FencedBlock block;
        block.line = static_cast<int>(start);
        block.info = trimmed(opening.substr(length));
        block.body = std::move(body);
        block.heading = heading_;
        block.fence = opening.front();
        block.fence_length = length;
        block.last_line = static_cast<int>(end);
        block.closed =
            end > start && end <= lines_.size() && closes(lines_[end - 1], opening.front(), length);
        found_.fenced.push_back(std::move(block));
    }

    void add_html(cmark_node* node) {
        const std::string_view text = cmark_node_get_literal(node);
        HtmlBlock block;
        block.line = cmark_node_get_start_line(node);
        block.last_line =
            block.line + static_cast<int>(split_lines(text).size()) - (text.empty() ? 0 : 1);
        block.comment = trimmed(text).starts_with("<!--");
        if (const auto open = open_comment(text); open != std::string_view::npos)
            block.open_comment_line =
                block.line + static_cast<int>(std::count(text.begin(), text.begin() + open, '\n'));
        found_.html.push_back(block);
    }

    std::vector<std::string_view> lines_;
    std::string heading_;
    bool in_heading_ = false;
    MarkdownBlocks found_;
};

tl::unexpected<Error> bad(std::string message) {
    return fail_field("attributes", std::move(message));
}

Result<std::vector<Attribute>> json_attributes(std::string_view text) {
    const auto json = parse_json(text);
    if (!json)
        return bad("not valid JSON: " + json.error().message);
    std::vector<Attribute> attributes;
    for (const auto& member : json->as_object()) {
        std::string key(member.key().data(), member.key().size());
        if (member.value().is_object() || member.value().is_array() || member.value().is_null())
            return bad(fmt::format("\"{}\" must be a text, a number, true or false", key));
        const auto* string = member.value().if_string();
        attributes.push_back(
            {std::move(key),
             string != nullptr ? std::string(view(*string)) : to_text(member.value())}
        );
    }
    return attributes;
}

// key=value, separated by blanks; a value in double quotes may hold blanks, \" and \\. A word
// alone, such as runme's "interactive", says true.
Result<std::vector<Attribute>> plain_attributes(std::string_view text) {
    std::vector<Attribute> attributes;
    for (text = trimmed(text); !text.empty(); text = trimmed(text)) {
        const auto end = std::min(text.find_first_of("= \t"), text.size());
        const auto word = text.substr(0, end);
        const bool alone = end == text.size() || text[end] != '=';
        if (word.empty() || (alone && word == "name"))
            return bad(fmt::format("expected key=value at \"{}\"", text));
        if (alone) {
            attributes.push_back({std::string(word), "true"});
            text.remove_prefix(end);
            continue;
        }
        Attribute attribute{std::string(word), {}};
        text.remove_prefix(end + 1);
        if (text.starts_with('"')) {
            std::size_t at = 1;
            for (; at < text.size() && text[at] != '"'; ++at) {
                if (text[at] == '\\' && at + 1 < text.size() &&
                    (text[at + 1] == '"' || text[at + 1] == '\\'))
                    ++at;
                attribute.value += text[at];
            }
            if (at >= text.size())
                return bad(fmt::format("the quote after {}= is not closed", attribute.key));
            text.remove_prefix(at + 1);
            if (!text.empty() && text.front() != ' ' && text.front() != '\t')
                return bad(fmt::format("expected a blank after the value of {}", attribute.key));
        } else {
            const auto stop = std::min(text.find_first_of(" \t"), text.size());
            attribute.value = text.substr(0, stop);
            text.remove_prefix(stop);
        }
        attributes.push_back(std::move(attribute));
    }
    return attributes;
}

} // namespace

std::vector<std::string_view> split_lines(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const auto end = text.find('\n');
        lines.push_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return lines;
}

MarkdownBlocks find_blocks(std::string_view markdown) {
    auto lines = split_lines(markdown);
    if (const int line = find_too_deep(lines)) {
        MarkdownBlocks unread;
        unread.too_deep_line = line;
        return unread;
    }
    const std::string hidden = hide_brackets(markdown);
    const std::unique_ptr<cmark_node, NodeDelete> root(
        cmark_parse_document(hidden.data(), hidden.size(), CMARK_OPT_DEFAULT)
    );
    cmark_consolidate_text_nodes(root.get());
    const std::unique_ptr<cmark_iter, IteratorDelete> iterator(cmark_iter_new(root.get()));
    BlockFinder finder(std::move(lines));
    for (auto event = cmark_iter_next(iterator.get()); event != CMARK_EVENT_DONE;
         event = cmark_iter_next(iterator.get())) {
        if (event == CMARK_EVENT_ENTER)
            finder.enter(cmark_iter_get_node(iterator.get()));
        else
            finder.leave(cmark_iter_get_node(iterator.get()));
    }
    return finder.take();
}

Result<BlockInfo> parse_info(std::string_view info) {
    info = trimmed(info);
    BlockInfo parsed;
    const auto end = std::min(info.find_first_of(" \t{"), info.size());
    parsed.language = info.substr(0, end);
    const auto rest = trimmed(info.substr(end));
    const auto begin = rest.find('{');
    if (begin == std::string_view::npos)
        return parsed;
    if (begin != 0)
        return bad(fmt::format("\"{}\" stands before the brace", trimmed(rest.substr(0, begin))));
    if (rest.back() != '}')
        return bad("the brace is not closed at the end of the line");
    parsed.braces = true;
    const auto inside = trimmed(rest.substr(1, rest.size() - 2));
    if (inside.starts_with('"'))
        parsed.attributes = TRY(json_attributes(rest));
    else
        parsed.attributes = TRY(plain_attributes(inside));
    if (parsed.attributes.size() > limits::runbook_attributes_max)
        return bad(fmt::format("more than {} attributes", limits::runbook_attributes_max));
    for (std::size_t i = 0; i < parsed.attributes.size(); ++i) {
        const auto& [key, value] = parsed.attributes[i];
        if (value.size() > limits::runbook_attribute_value_max)
            return bad(
                fmt::format("{} is longer than {} bytes", key, limits::runbook_attribute_value_max)
            );
        for (std::size_t j = 0; j < i; ++j)
            if (parsed.attributes[j].key == key)
                return bad(fmt::format("{} stands there twice", key));
    }
    return parsed;
}

} // namespace slipway::domain
