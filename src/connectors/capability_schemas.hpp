// SPDX-License-Identifier: Apache-2.0
// The list of every operation of every capability, with the checks of what goes in and what comes
// out. The types themselves stand in app/ports/capabilities.hpp; a new operation gets its line in
// capability_schemas.cpp.
#pragma once

#include <string_view>
#include <vector>

#include "app/ports/capabilities.hpp"

namespace slipway::connectors {

struct CapabilitySchema {
    app::Capability capability{};
    std::string_view operation = {};
    bool reads = false; // changes nothing there, so it may always be tried again
    // Decode strictly and write out again, so both sides see the canonical form.
    Result<Json> (*check_input)(const Json&) = nullptr;
    Result<Json> (*check_answer)(const Json&) = nullptr;
};

const std::vector<CapabilitySchema>& capability_schemas();

// The schema, or nullptr.
const CapabilitySchema* find_schema(app::Capability capability, std::string_view operation);

} // namespace slipway::connectors
