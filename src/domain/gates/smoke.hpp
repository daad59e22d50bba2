// SPDX-License-Identifier: Apache-2.0
// What the four gates about smoke tests share: the list is the written one, all of it ran, on what
// the run that it judges has left behind, and all of it passed.
#pragma once

#include "domain/gates/gate.hpp"

namespace slipway::domain::gates {

// `runbook` holds the smoke list; `way_out` is what else can be done when something was found. What
// a probe saw counts as the outside view only while its address is in none of the organisation's
// networks as they are declared now.
void look_at_smoke(
    const Change& change, SmokeOccasion occasion, const PinnedRunbook* runbook, const Facts& facts,
    GateFindings& findings, const std::string& way_out = {}
);

} // namespace slipway::domain::gates
