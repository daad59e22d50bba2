// SPDX-License-Identifier: Apache-2.0
// Letters of names that protocols compare without regard to case: header fields, hosts, tags,
// keywords. Only A to Z change, whatever the locale is, and all other bytes stay as they are. And
// the blanks around such words: spaces and tabs (the OWS of RFC 9110, section 5.6.3).
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace slipway {

constexpr char ascii_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

constexpr char ascii_upper(char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

inline std::string ascii_lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        c = ascii_lower(c);
    return out;
}

inline bool same_ascii_folded(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
        return ascii_lower(x) == ascii_lower(y);
    });
}

inline std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t";
    const auto begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos)
        return {};
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

} // namespace slipway
