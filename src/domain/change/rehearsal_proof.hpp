// SPDX-License-Identifier: Apache-2.0
// What a rehearsal rests on besides its bytes, and whether that still holds. A rollback that went
// well on a ring that was another machine then, or with a credential that was rotated since, has
// proven nothing for tonight.
#pragma once

#include "domain/change/facts.hpp"

namespace slipway::domain {

// What the registers say now of both rings of the change; a run on the test ring keeps it.
RingState ring_state_now(const Change& change, const Facts& facts);

struct Staleness {
    std::string field;
    std::string message;
    std::string evidence;
    std::string remedy;
};

// Everything that makes the rehearsal stale, `deployed` being the run that it rolled back. Age and
// the rollback's own bytes are not among it: they make any run on the ring stale.
std::vector<Staleness>
staleness_of(const Change& change, const Run& deployed, const Run& rehearsal, const Facts& facts);

} // namespace slipway::domain
