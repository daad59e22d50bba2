// SPDX-License-Identifier: Apache-2.0
// What the four gates about smoke tests share: the list is the written one, all of it ran, on what
// the run that it judges has left behind, and all of it passed.
#pragma once

#include "domain/gates/gate.hpp"

namespace slipway::domain::gates {

// `runbook` holds the smoke list; `way_out` is what else can be done when something was found.
void look_at_smoke(
    const Change& change, SmokeOccasion occasion, const PinnedRunbook* runbook,
    GateFindings& findings, const std::string& way_out = {}
);

} // namespace slipway::domain::gates
