// SPDX-License-Identifier: Apache-2.0
// Text into words, for what is indexed and for what is looked for alike; the databases only compare
// words. A word is a run of ASCII letters and digits and of characters beyond ASCII that are not
// punctuation or spaces. Words are lower case (Latin, Greek and Cyrillic letters are folded) and at
// most 64 bytes long. Bytes that are not UTF-8 separate words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slipway::store {

// At most `max` words.
std::vector<std::string> search_words(std::string_view text, std::size_t max);

// The words with one space between them, as they are stored: at most limits::indexed_words_max of
// them, and limits::indexed_text_max bytes.
std::string indexed_words(std::string_view text);

} // namespace slipway::store
