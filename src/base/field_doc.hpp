// SPDX-License-Identifier: Apache-2.0
// What a type's list of fields says of each (base/codec.hpp): words for people, and the limit.
#pragma once

#include <cstddef>
#include <string_view>

namespace slipway {

struct FieldDoc {
    std::string_view help = {};
    std::size_t max = 0; // characters of a text, elements of a list; 0: title_max or list_max
    bool required = false;
    bool always = false;  // of answers: there also when it is empty, and cut to its limit
    bool printed = false; // of texts: what a program printed, whatever characters that are
};

constexpr FieldDoc required(std::string_view help, std::size_t max = 0) {
    return {help, max, true};
}

constexpr FieldDoc optional(std::string_view help, std::size_t max = 0) {
    return {help, max, false};
}

// A text that clients may rely on finding in an answer.
constexpr FieldDoc always(std::string_view help, std::size_t max) {
    return {help, max, false, true};
}

constexpr FieldDoc printed(std::string_view help, std::size_t max) {
    return {help, max, false, false, true};
}

} // namespace slipway
