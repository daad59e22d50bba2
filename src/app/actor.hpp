// SPDX-License-Identifier: Apache-2.0
// Who acts, and what he may do in this tenant: the person's roles, narrowed by the scopes of the
// token that speaks for him. The worker acts as the system, which has no vote and no waiver.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.hpp"
#include "base/result.hpp"
#include "domain/identity/roles.hpp"

namespace slipway::app {

// Who acts when the server does by itself: timers, runners. It is no person, and nobody is called
// so.
constexpr std::string_view the_server = "slipway";

struct Actor {
    TenantId tenant;
    PersonId person;
    std::vector<domain::Role> roles;
    // Set for tokens: only these of the roles' permissions hold.
    std::optional<std::vector<domain::Permission>> scopes;
    std::string via; // "session ses-...", "token tok-...", "worker", "setup", "admin"

    bool may(domain::Permission permission) const {
        if (scopes && std::find(scopes->begin(), scopes->end(), permission) == scopes->end())
            return false;
        return via == "worker" || domain::grants(roles, permission);
    }
};

// Errors: forbidden, naming the permission and the roles that grant it.
Result<void> require_permission(const Actor& actor, domain::Permission permission);

} // namespace slipway::app
