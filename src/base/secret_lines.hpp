// SPDX-License-Identifier: Apache-2.0
// Of a secret of several lines (a private key) a program may say one, with words of its own around
// it. So whoever masks such a secret looks for each of its lines too.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.hpp"

namespace slipway {

// Without the blanks around them, those of secret_line_min bytes or more. None of a secret
// without a line end.
inline std::vector<std::string> secret_lines(std::string_view secret) {
    std::vector<std::string> lines;
    if (secret.find('\n') == std::string_view::npos)
        return lines;
    while (!secret.empty()) {
        const auto size = std::min(secret.find('\n'), secret.size());
        auto line = secret.substr(0, size);
        line.remove_prefix(std::min(line.find_first_not_of(" \t\r"), line.size()));
        line = line.substr(0, line.find_last_not_of(" \t\r") + 1);
        if (line.size() >= limits::secret_line_min)
            lines.emplace_back(line);
        secret.remove_prefix(std::min(size + 1, secret.size()));
    }
    return lines;
}

} // namespace slipway
