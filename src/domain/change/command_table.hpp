// SPDX-License-Identifier: Apache-2.0
// The commands that change a change, as data: one row gives the API route
// POST /api/v1/changes/{id}/{name} (operation id = name), the CLI command `slipway change {name}`
// and the reference page. Adding a command is one row in command_table.cpp.
#pragma once

#include <span>
#include <string_view>

#include "base/json.hpp"
#include "domain/identity/roles.hpp"

namespace slipway::domain {

struct Change;
struct Facts;
struct Decision;

struct CommandRow {
    std::string_view name;    // snake_case verb: "vote", "complete_step"
    std::string_view summary; // one sentence for people
    Permission permission;    // what the actor needs at least
    bool internal;            // only the worker and the server itself; no route, no CLI command
    Json (*schema)();         // JSON Schema of the body
    Result<Decision> (*decide)(const Change& change, const Json& body, const Facts& facts);
};

std::span<const CommandRow> command_table();
const CommandRow* find_command(std::string_view name);

} // namespace slipway::domain
