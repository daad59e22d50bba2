// SPDX-License-Identifier: Apache-2.0
// What the four gates about smoke tests share: the list is the written one, all of it ran, after
// the run that it judges, and all of it passed.
#pragma once

#include "domain/gates/gate.hpp"

namespace slipway::domain::gates {

// `runbook` holds the smoke list; `not_before` is the end of the run that the tests judge.
void look_at_smoke(
    const Change& change, SmokeOccasion occasion, const PinnedRunbook* runbook,
    std::optional<Time> not_before, GateFindings& findings
);

} // namespace slipway::domain::gates
