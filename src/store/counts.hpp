// SPDX-License-Identifier: Apache-2.0
// Numbers that the store counts on from: of changes, of uploads, and the versions of kinds. One
// that stands behind what it counted would be given out again: no change could be opened any more,
// and servers would take what they remember of a register for the newest. One that is ahead only
// leaves numbers out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/id.hpp"
#include "store/batch.hpp"

namespace slipway::store {

struct LateCount {
    TenantId tenant;
    std::string name;     // of the counter, or the kind
    bool of_kind = false; // the version of a kind, otherwise a counter
    std::uint64_t stands_at = 0;
    std::uint64_t counted = 0; // where it must stand at least

    std::string text() const; // "the counter change of tenant main stands at 1, not at 7"
};

std::vector<LateCount> late_counts(Connection& db);
void put_forward(Batch& batch, const LateCount& count);

} // namespace slipway::store
