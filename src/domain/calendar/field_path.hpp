// SPDX-License-Identifier: Apache-2.0
// The name under which a message speaks of a field that lies inside another: "recurrence.rule".
#pragma once

#include <string>
#include <string_view>

namespace slipway::domain {

inline std::string field_path(std::string_view parent, std::string_view name) {
    std::string path(parent);
    if (!path.empty())
        path += '.';
    path += name;
    return path;
}

} // namespace slipway::domain
