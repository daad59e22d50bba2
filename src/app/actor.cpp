// SPDX-License-Identifier: Apache-2.0
#include "app/actor.hpp"

#include <fmt/format.h>

namespace slipway::app {

Result<void> require_permission(const Actor& actor, domain::Permission permission) {
    if (actor.may(permission))
        return {};
    std::string roles;
    for (const auto name : domain::enum_names(domain::Role{}))
        if (const auto role = *from_text<domain::Role>(name);
            domain::grants(std::span(&role, 1), permission))
            roles += fmt::format("{}{}", roles.empty() ? "" : ", ", name);
    return fail(
        ErrorCode::forbidden,
        fmt::format(
            "this needs the permission {}, which the roles {} have{}", to_text(permission), roles,
            actor.scopes ? "; the token's scopes may also be too narrow" : ""
        )
    );
}

} // namespace slipway::app
