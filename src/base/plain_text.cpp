// SPDX-License-Identifier: Apache-2.0
#include "base/plain_text.hpp"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

namespace slipway {

namespace {

unsigned byte_at(std::string_view text, std::size_t at) {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0;
}

// Bytes of the character that begins here. The text is valid UTF-8.
std::size_t size_at(std::string_view text, std::size_t at) {
    const auto first = byte_at(text, at);
    return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

unsigned code_at(std::string_view text, std::size_t at) {
    const auto size = size_at(text, at);
    if (size == 1)
        return byte_at(text, at);
    unsigned code = byte_at(text, at) & (0xFFu >> (size + 1));
    for (std::size_t i = 1; i < size; ++i)
        code = code << 6 | (byte_at(text, at + i) & 0x3Fu);
    return code;
}

bool is_continuation(std::string_view text, std::size_t at) {
    return (byte_at(text, at) & 0xC0) == 0x80;
}

bool is_control(unsigned code) {
    return code < 0x20 || (code >= 0x7F && code <= 0x9F);
}

bool is_line_break(unsigned code) {
    return code == '\n' || code == '\r' || code == 0x85 || code == 0x2028 || code == 0x2029;
}

struct CodeRange {
    unsigned first;
    unsigned last;
};

// What shows nothing: Unicode's White_Space and Default_Ignorable_Code_Point; U+2800, the pattern
// of Braille without a dot; and U+FFF9 to U+FFFC, which stand for what a plain text does not have.
constexpr CodeRange blanks[] = {
    {0x09, 0x0D},     {0x20, 0x20},       {0x85, 0x85},       {0xA0, 0xA0},       {0xAD, 0xAD},
    {0x34F, 0x34F},   {0x61C, 0x61C},     {0x115F, 0x1160},   {0x1680, 0x1680},   {0x17B4, 0x17B5},
    {0x180B, 0x180F}, {0x2000, 0x200F},   {0x2028, 0x202F},   {0x205F, 0x206F},   {0x2800, 0x2800},
    {0x3000, 0x3000}, {0x3164, 0x3164},   {0xFE00, 0xFE0F},   {0xFEFF, 0xFEFF},   {0xFFA0, 0xFFA0},
    {0xFFF0, 0xFFFC}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF},
};

bool is_blank(unsigned code) {
    return std::any_of(std::begin(blanks), std::end(blanks), [code](const CodeRange& range) {
        return range.first <= code && code <= range.last;
    });
}

bool is_direction(unsigned code) {
    return (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

} // namespace

std::string text_finding(std::string_view text, TextKind kind) {
    bool blank = !text.empty();
    for (std::size_t at = 0; at < text.size(); at += size_at(text, at)) {
        const auto code = code_at(text, at);
        blank = blank && is_blank(code);
        if (kind == TextKind::paragraph && (code == '\n' || code == '\r' || code == '\t'))
            continue;
        if (kind == TextKind::line && is_line_break(code))
            return "must be one line";
        if (is_control(code))
            return fmt::format("contains the control character U+{:04X}", code);
        if (is_direction(code))
            return fmt::format("contains U+{:04X}, which changes the order of what is read", code);
    }
    return blank ? "has only blanks" : "";
}

bool moves_the_cursor(std::string_view text, std::size_t at) {
    if (is_continuation(text, at))
        return false;
    const auto code = code_at(text, at);
    if (code == '\r')
        return byte_at(text, at + 1) != '\n';
    return is_control(code) && code != '\n' && code != '\t';
}

bool is_unseen(std::string_view text, std::size_t at) {
    if (byte_at(text, at) < 0x80 || is_continuation(text, at))
        return false;
    const auto code = code_at(text, at);
    const bool of_emoji = code == 0xFE0F && at > 0 && byte_at(text, at - 1) >= 0x80;
    return !of_emoji && (is_blank(code) || is_direction(code));
}

std::string code_point_text(std::string_view text, std::size_t at) {
    return fmt::format("U+{:04X}", code_at(text, at));
}

bool changes_direction(std::string_view text, std::size_t at) {
    return byte_at(text, at) == 0xE2 && at + 2 < text.size() && is_direction(code_at(text, at));
}

} // namespace slipway
