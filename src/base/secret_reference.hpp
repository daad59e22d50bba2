// SPDX-License-Identifier: Apache-2.0
// How a text names a secret without holding it: "file:/path", "env:NAME" or "command:/program
// arguments". Whether such a place may be asked, and the asking, is connectors/secrets.hpp.
#pragma once

#include <optional>
#include <string_view>

namespace slipway {

inline bool is_secret_reference(std::string_view text) {
    return text.starts_with("file:") || text.starts_with("env:") || text.starts_with("command:");
}

// What stands behind "secret:" in the value of a ring's variable that is a secret; nothing for one
// that is an ordinary value.
inline std::optional<std::string_view> secret_of_variable(std::string_view value) {
    constexpr std::string_view prefix = "secret:";
    if (!value.starts_with(prefix))
        return std::nullopt;
    return value.substr(prefix.size());
}

} // namespace slipway
