// SPDX-License-Identifier: Apache-2.0
// Who may do what: permissions are granted to roles, roles to people, per tenant; default deny.
// What a person may do to one change beyond that (a requester never approves) is decided in
// domain/change.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/enums.hpp"
#include "base/id.hpp"

namespace slipway::domain {

// A token's scopes are permissions: it may do what its person may do and its scopes name.
SLIPWAY_ENUM(
    Permission,
    change_read,    // see changes, calendar, records
    change_write,   // open changes, fill in and complete steps, log defects, comment
    change_run,     // start and steer runs, take snapshots, report results
    change_approve, // vote
    change_manage,  // record the CAB's decision, waive gates, write boards, blackouts, catalogue
    record_write,   // CMDB, rosters, channels, rings
    audit_read,     // ledger, exports, everybody's tokens, the outbox
    people_manage,  // people, roles, tokens of others
    system_manage,  // sandbox clock, connectors, tenants, dead tasks
    smoke_probe     // take the outside checks of smoke lists and report them; nothing else
)

// administrator manages people and the system, and deliberately cannot vote, run or waive.
SLIPWAY_ENUM(
    Role, administrator, change_manager, cab_chair, cab_member, engineer, on_call, auditor, viewer,
    runner, probe
)

// The permissions of a role; the table is docs/reference/roles.md.
std::span<const Permission> permissions_of(Role role);
bool grants(std::span<const Role> roles, Permission permission);

} // namespace slipway::domain
