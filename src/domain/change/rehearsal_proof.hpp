// SPDX-License-Identifier: Apache-2.0
// What a rehearsal rests on besides its bytes, and whether that still holds. A rollback that went
// well on a ring that was another machine then, or with a credential that was rotated since, has
// proven nothing for tonight.
#pragma once

#include "domain/change/facts.hpp"

namespace slipway::domain {

// What the registers say now of both rings of the change; a run on the test ring keeps it.
RingState ring_state_now(const Change& change, const Facts& facts);

// How the proof that a run on the test ring gives comes about, the first time or again; as a
// remedy, without its full stop. A rehearsal begins with the deployment: what it goes back from is
// gone with the one before it.
std::string how_to_run_again(const Change& change, RunPurpose purpose);
// The same of a rehearsal: where the ring is as the deployment of the pinned bytes left it, the
// rehearsal alone is wanted.
std::string how_to_rehearse(const Change& change, const Facts& facts);

struct Staleness {
    std::string field;
    std::string message;
    std::string evidence;
    std::string remedy;
};

// Why the rehearsal did not go back from the deployment that is pinned. It did when the run before
// it on the ring, whichever change that was of, had deployed these bytes to the end, every step as
// written. No other rehearsal proves a way back or measures it: neither the gate nor the abort-by
// clock counts one. Of runs in old entries only those of the change are known.
std::optional<Staleness> not_from_the_deployment(const Change& change, const Run& rehearsal);

// Everything that makes the rehearsal stale, that among it. Age and the rollback's own bytes are
// not: they make any run on the ring stale.
std::vector<Staleness> staleness_of(const Change& change, const Run& rehearsal, const Facts& facts);

} // namespace slipway::domain
