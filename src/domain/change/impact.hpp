// SPDX-License-Identifier: Apache-2.0
// Impact: what depends on the changed configuration items (downstream) and what they depend on
// (upstream), over the whole CMDB, with the path that leads there. Breadth first, so each path is a
// shortest one; cycles end because nothing is visited twice.
#pragma once

#include "domain/change/facts.hpp"

namespace slipway::domain {

// The next runs of scheduled jobs are looked for in the window and for a while after it; without a
// window no next run is given.
Result<Impact> trace_impact(
    const Records& records, const std::vector<ScopedCi>& cis, const Policy& policy, Time now,
    std::optional<Interval> window
);

// The same for the change as it stands, with the acknowledgements that are still good: those of
// items about which nothing changed since somebody answered for them.
Result<Impact> trace_impact(const Change& change, const Facts& facts);

// In words, the first item that the later trace sees differently; empty: it sees the same.
std::string difference(const Impact& before, const Impact& now);

// The window of the change, when it has one.
std::optional<Interval> window_of(const Change& change);

// The items that the window must leave alone: those of the scope and whatever depends on them, as
// traced. Blackouts are looked for with them, when windows are proposed and when one is judged.
std::vector<std::string> touched_items(const Change& change);

// What the trace was of: the ids in scope, in any order.
Digest digest_of_cis(const std::vector<ScopedCi>& cis);

} // namespace slipway::domain
