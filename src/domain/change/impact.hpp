// SPDX-License-Identifier: Apache-2.0
// Impact: what depends on the changed configuration items (downstream) and what they depend on
// (upstream), over the whole CMDB, with the path that leads there. Breadth first, so each path is a
// shortest one; cycles end because nothing is visited twice.
#pragma once

#include "domain/change/facts.hpp"

namespace slipway::domain {

// `after` is the instant from which the next runs of scheduled jobs are looked for, normally the
// window's start; without it no next run is given.
Result<Impact> trace_impact(
    const Records& records, const std::vector<ScopedCi>& cis, const Policy& policy, Time now,
    std::optional<Interval> window
);

// What the trace was of: the ids in scope, in any order.
Digest digest_of_cis(const std::vector<ScopedCi>& cis);

} // namespace slipway::domain
