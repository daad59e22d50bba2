// SPDX-License-Identifier: Apache-2.0
#include "cli/exit_codes.hpp"

#include <array>
#include <cstddef>

namespace slipway::cli {

namespace {

// In the order of ErrorCode; the names of the problem documents.
constexpr std::array<std::string_view, 10> names{
    "invalid_input", "unauthenticated", "forbidden",   "not_found", "conflict",
    "blocked",       "limit_exceeded",  "unavailable", "timeout",   "internal",
};

} // namespace

std::string_view code_name(ErrorCode code) {
    return names.at(static_cast<std::size_t>(code));
}

std::optional<ErrorCode> code_from_name(std::string_view name) {
    for (std::size_t i = 0; i < names.size(); ++i)
        if (names.at(i) == name)
            return static_cast<ErrorCode>(i);
    return std::nullopt;
}

} // namespace slipway::cli
