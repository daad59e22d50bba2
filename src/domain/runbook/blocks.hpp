// SPDX-License-Identifier: Apache-2.0
// Finds the fenced blocks of a Markdown text (CommonMark 0.30, through libcmark): what stands in
// their info string, what in their body, below which heading, and whether their fence is closed.
// Blocks inside lists and quotes count; those inside HTML comments and indented code do not.
// Internal to domain/runbook.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace slipway::domain {

struct FencedBlock {
    int line = 0;     // of the opening fence, counted from 1 in the text given
    std::string info; // as written: CommonMark's escapes are not undone, since JSON has its own
    std::string body;
    std::string heading; // text of the heading above, its beginning; empty when there is none
    bool closed = true;
    int last_line = 0;            // of the closing fence, or of what it holds when there is none
    char fence = '`';             // what its fence is made of, '`' or '~'
    std::size_t fence_length = 3; // how often
};

// CommonMark shows what stands in it as it is, and knows no block there.
struct HtmlBlock {
    int line = 0;
    int last_line = 0;
    bool comment = false;      // it begins with <!--
    int open_comment_line = 0; // of the <!-- in it that no --> of it ends, 0 when there is none
};

struct MarkdownBlocks {
    std::string first_heading;
    std::vector<FencedBlock> fenced;
    std::vector<HtmlBlock> html;
    int raw_text_line = 0; // of the first <![CDATA[ outside of code, 0 when there is none
    // Where lists and quotes may nest too deep to be read in a bearable time, 0 when they do not.
    // Then nothing else was looked for.
    int too_deep_line = 0;
};

// The text must be valid UTF-8 with LF line ends and free of the control characters U+0001 and
// U+0002, which stand for brackets on the way through libcmark.
MarkdownBlocks find_blocks(std::string_view markdown);

// Without their line ends.
std::vector<std::string_view> split_lines(std::string_view text);

struct Attribute {
    std::string key;
    std::string value;
};

struct BlockInfo {
    std::string language;
    bool braces = false; // attributes were given, if only "{}"
    std::vector<Attribute> attributes;
};

// Takes an info string apart: sh {"name":"drain"} or sh { name=drain note="two words" }.
// Errors: invalid_input with "attributes" as the field.
Result<BlockInfo> parse_info(std::string_view info);

} // namespace slipway::domain
