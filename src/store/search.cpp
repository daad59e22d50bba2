// SPDX-License-Identifier: Apache-2.0
#include "store/search.hpp"

#include <cstdint>

#include "base/limits.hpp"

namespace slipway::store {

namespace {

constexpr std::size_t word_bytes_max = 64;

struct Decoded {
    std::uint32_t character = 0;
    std::size_t length = 1;
    bool valid = false;
};

// UTF-8 (RFC 3629): overlong forms, surrogates and what lies above U+10FFFF are not valid.
Decoded decode_one(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto first = byte(0);
    if (first < 0x80)
        return {first, 1, true};
    const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || text.size() < length)
        return {};
    std::uint32_t character = first & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0) != 0x80)
            return {};
        character = character << 6 | (byte(i) & 0x3FU);
    }
    constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (character < least[length] || character > 0x10FFFF ||
        (character >= 0xD800 && character <= 0xDFFF))
        return {};
    return {character, length, true};
}

void append_utf8(std::string& out, std::uint32_t character) {
    if (character < 0x80) {
        out += static_cast<char>(character);
    } else if (character < 0x800) {
        out += static_cast<char>(0xC0 | character >> 6);
        out += static_cast<char>(0x80 | (character & 0x3F));
    } else if (character < 0x10000) {
        out += static_cast<char>(0xE0 | character >> 12);
        out += static_cast<char>(0x80 | (character >> 6 & 0x3F));
        out += static_cast<char>(0x80 | (character & 0x3F));
    } else {
        out += static_cast<char>(0xF0 | character >> 18);
        out += static_cast<char>(0x80 | (character >> 12 & 0x3F));
        out += static_cast<char>(0x80 | (character >> 6 & 0x3F));
        out += static_cast<char>(0x80 | (character & 0x3F));
    }
}

bool in_word(std::uint32_t c) {
    if (c < 0x80)
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    // Latin-1 signs except the ordinal indicators and the micro sign; times and divided by; general
    // punctuation and symbols; CJK punctuation; the byte order mark and the replacement character.
    if (c <= 0xBF)
        return c == 0xAA || c == 0xB5 || c == 0xBA;
    return c != 0xD7 && c != 0xF7 && !(c >= 0x2000 && c <= 0x2BFF) &&
           !(c >= 0x3000 && c <= 0x3003) && !(c >= 0x3008 && c <= 0x3020) && c != 0xFEFF &&
           !(c >= 0xFF01 && c <= 0xFF0F) && c < 0xFFF0;
}

// Lower case by the regular blocks of the Unicode character database.
std::uint32_t fold(std::uint32_t c) {
    if (c >= 'A' && c <= 'Z')
        return c + 0x20;
    if (c >= 0xC0 && c <= 0xDE && c != 0xD7)
        return c + 0x20;
    if ((c >= 0x100 && c <= 0x12F) || (c >= 0x132 && c <= 0x137) || (c >= 0x14A && c <= 0x177))
        return c | 1;
    if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E))
        return c + (c & 1);
    if (c == 0x178)
        return 0xFF;
    if (c >= 0x391 && c <= 0x3A9 && c != 0x3A2)
        return c + 0x20;
    if (c >= 0x410 && c <= 0x42F)
        return c + 0x20;
    if (c >= 0x400 && c <= 0x40F)
        return c + 0x50;
    return c;
}

} // namespace

std::vector<std::string> search_words(std::string_view text, std::size_t max) {
    std::vector<std::string> words;
    std::string word;
    const auto end_word = [&] {
        if (!word.empty())
            words.push_back(std::move(word));
        word.clear();
    };
    while (!text.empty() && words.size() < max) {
        const auto decoded = decode_one(text);
        text.remove_prefix(decoded.length);
        if (!decoded.valid || !in_word(decoded.character))
            end_word();
        else if (word.size() + decoded.length <= word_bytes_max)
            append_utf8(word, fold(decoded.character));
    }
    if (words.size() < max)
        end_word();
    return words;
}

std::string indexed_words(std::string_view text) {
    std::string all;
    for (const auto& word : search_words(text, limits::indexed_words_max)) {
        if (all.size() + 1 + word.size() > limits::indexed_text_max)
            break;
        if (!all.empty())
            all += ' ';
        all += word;
    }
    return all;
}

} // namespace slipway::store
