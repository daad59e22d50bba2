// SPDX-License-Identifier: Apache-2.0
// Whether a text shows what it says. A title of blanks, or of characters that are invisible
// otherwise, is none; control characters move the cursor of whoever lists it; the bidirectional
// controls of Unicode (U+202A to U+202E, U+2066 to U+2069) show words in another order than they
// stand in. What people write is refused with one of these (decode_plain() in base/codec.hpp); what
// is older, or was printed by a program, is made harmless where it is shown (clean() in
// cli/text.hpp).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace slipway {

// A paragraph has line breaks and tabs.
enum class TextKind : unsigned char { line, paragraph };

// What is wrong with a valid UTF-8 text, as a message that follows the name of its field; empty
// when nothing is. An empty text is in order.
std::string text_finding(std::string_view text, TextKind kind);

// The character that begins here changes the direction of what follows; it has three bytes.
bool changes_direction(std::string_view text, std::size_t at);

// The same for characters of any size that stand in what is run as it is read. What begins here
// moves the cursor of a terminal, so that one thing is written over another: a control character,
// or a carriage return that ends no line.
bool moves_the_cursor(std::string_view text, std::size_t at);

// What begins here is beyond ASCII and shows nothing, or a blank that is none to a program. The
// mark after a symbol that makes it an emoji (U+FE0F) is neither.
bool is_unseen(std::string_view text, std::size_t at);

// "U+200B", of the character that begins here.
std::string code_point_text(std::string_view text, std::size_t at);

} // namespace slipway
