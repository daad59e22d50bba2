// SPDX-License-Identifier: Apache-2.0
// The ring that a runbook runs on is part of what is approved, and not by its name alone: who may
// write its record could otherwise send an approved deployment elsewhere. What the production ring
// holds is recorded in the change when it is put before a board (or compared), is a section of the
// approval, and must still be in the registers when the deployment starts. Each run carries what
// its ring held when it began. A deployment and a run on a test ring go on only while the ring
// holds that; a rollback, and the smoke tests on production, go by what the change keeps, so that
// nobody who edits the ring's record can hold up the way back, or send it elsewhere.
#pragma once

#include "domain/change/facts.hpp"

namespace slipway::domain {

class Decider;

// What the ring holds now; all zero when there is no such ring.
Digest ring_contents_now(const Facts& facts, const std::string& ring);

// What the board approved; for a standard change, which waits for no board, what was recorded last.
// All zero: nothing, as in a change that was approved before rings were recorded.
Digest approved_ring_contents(const Change& change);

// Records what the production ring holds, unless it is on the record already, and tells people what
// that is. Once production was touched the record stands still, and a checklist that deploys
// nothing needs no ring.
void record_ring(Decider& decider);

// What the run's ring held when it began, hashed again, if the change keeps it: nullptr for test
// rings and in changes that were deployed before it was kept.
const RingRecord* kept_ring(const Change& change, const Run& run);

// Why the production ring cannot be voted or decided on: it is unknown, or no longer as recorded.
std::optional<Reason>
ring_not_as_recorded(const Change& change, const Facts& facts, std::string_view gate);
// Why the deployment must not start on the production ring.
std::optional<Reason> ring_not_as_approved(const Change& change, const Facts& facts);
// Why a standard change is not approved by its catalogue entry for the production ring: as it was
// recorded, or as it is before it was. Nothing when there is no such entry.
std::optional<Reason> ring_not_pre_approved(const Change& change, const Facts& facts);

// What runs on the test ring asks no gate, so production never stands in for it.
Result<void> require_no_production(const std::string& test_ring, const Facts& facts);

// How the ring's record differs from what the run began with, if it does and the run may not go on
// all the same. Of a run that does not say what its ring held nobody can tell.
std::optional<std::string>
edit_that_stops(const Change& change, const Run& run, const Facts& facts);
Result<void>
require_ring_of(const Change& change, const Run& run, const Facts& facts, std::string_view gate);
// Sends a rollback where the deployment went, and says how the ring was edited meanwhile.
void send_back(Run& rollback, const Change& change, const Facts& facts);

} // namespace slipway::domain
