// SPDX-License-Identifier: Apache-2.0
// Tells the members of a board that their votes are wanted: those of a CAB when an RFC is
// submitted, those of the ECAB when a change becomes an emergency. Each once, through what calls
// people about the change, and nobody who may not vote on it or has voted.
#pragma once

#include "domain/change/decision.hpp"

namespace slipway::domain {

// The queue says which board.
void ask_cab_for_votes(Decider& decider);
// Where no single ECAB is set up there is nobody to ask; the vote itself says so.
void ask_ecab_for_votes(Decider& decider);

} // namespace slipway::domain
