// SPDX-License-Identifier: Apache-2.0
// The indefinite article of a word in a message: "an emergency", "a normal change". By the first
// letter, which is right for the names that our enumerations and class lists have.
#pragma once

#include <string>
#include <string_view>

namespace slipway::domain {

inline std::string with_article(std::string_view noun) {
    constexpr std::string_view vowels = "aeiou";
    const bool vowel = !noun.empty() && vowels.find(noun.front()) != std::string_view::npos;
    return (vowel ? "an " : "a ") + std::string(noun);
}

} // namespace slipway::domain
