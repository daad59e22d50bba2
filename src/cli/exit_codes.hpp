// SPDX-License-Identifier: Apache-2.0
// The closed list of exit codes, and the one mapping from ErrorCode. Scripts rely on the numbers: a
// number never changes its meaning. docs/reference/cli.md has the same list for people.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/enums.hpp"
#include "base/result.hpp"

namespace slipway::cli {

enum class ExitCode : std::uint8_t {
    ok = 0,
    invalid_input = 2,
    not_found = 3,
    forbidden = 4, // also: not signed in
    conflict = 5,
    blocked = 6, // a gate said no, or evidence does not hold
    limit_exceeded = 7,
    unavailable = 8, // also: it took too long
    usage = 64,      // sysexits.h EX_USAGE: the command line itself, nothing was sent or done
    internal = 70,   // sysexits.h EX_SOFTWARE
};

constexpr ExitCode exit_code_of(ErrorCode code) {
    switch (code) {
    case ErrorCode::invalid_input:
        return ExitCode::invalid_input;
    case ErrorCode::unauthenticated:
    case ErrorCode::forbidden:
        return ExitCode::forbidden;
    case ErrorCode::not_found:
        return ExitCode::not_found;
    case ErrorCode::conflict:
        return ExitCode::conflict;
    case ErrorCode::blocked:
        return ExitCode::blocked;
    case ErrorCode::limit_exceeded:
        return ExitCode::limit_exceeded;
    case ErrorCode::unavailable:
    case ErrorCode::timeout:
        return ExitCode::unavailable;
    case ErrorCode::internal:
        break;
    }
    return ExitCode::internal;
}

// The same for an error as a whole: what is wrong with an option is wrong with the command line.
// The fields of documents never begin with dashes.
ExitCode exit_code_of(const Error& error);

// The name of a code as problem documents and --json carry it.
std::string_view code_name(ErrorCode code);
std::optional<ErrorCode> code_from_name(std::string_view name);

} // namespace slipway::cli
