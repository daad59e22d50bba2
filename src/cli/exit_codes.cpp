// SPDX-License-Identifier: Apache-2.0
#include "cli/exit_codes.hpp"

#include <algorithm>
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

ExitCode exit_code_of(const Error& error) {
    const auto& fields = error.fields;
    const bool of_options =
        !fields.empty() && std::all_of(fields.begin(), fields.end(), [](const FieldError& wrong) {
            return wrong.field.starts_with("--");
        });
    if (error.code == ErrorCode::invalid_input && of_options)
        return ExitCode::usage;
    return exit_code_of(error.code);
}

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
