// SPDX-License-Identifier: Apache-2.0
// Whether a pipeline may deploy now: the change is approved, and a deployment would be accepted at
// this moment, whoever starts it. Of a checklist that deploys nothing: approved, as it was
// approved, inside its window and in no freeze.
#pragma once

#include "domain/gates/gate.hpp"

namespace slipway::domain {

struct Clearance {
    bool go = false;
    bool over = false; // waiting cannot help: the deployment or its window is behind this change
    std::vector<Reason> reasons;
    std::int64_t retry_after_ms = 0;
    std::optional<Time> window_start; // while it is still to come: what waiting is for
};

Clearance clearance_of(const Change& change, const Facts& facts);

} // namespace slipway::domain
