// SPDX-License-Identifier: Apache-2.0
// The ring that a runbook runs on is part of what is approved, and not by its name alone: who may
// write its record could otherwise send an approved deployment elsewhere. What the production ring
// holds is recorded in the change when it is put before a board (or compared), is a section of the
// approval, and must still be in the registers when the deployment starts. Each run carries what
// its ring held when it began, and goes on only while the ring holds that.
#pragma once

#include "domain/change/facts.hpp"

namespace slipway::domain {

class Decider;

// What the ring holds now; all zero when there is no such ring.
Digest ring_contents_now(const Facts& facts, const std::string& ring);

// What the board approved; for a standard change, which waits for no board, what was recorded last.
// All zero: nothing, as in a change that was approved before rings were recorded.
Digest approved_ring_contents(const Change& change);

// Records what the production ring holds, unless it is on the record already. Once production was
// touched the record stands still, and a checklist that deploys nothing needs no ring.
void record_ring(Decider& decider);

// Why the production ring cannot be voted or decided on: it is unknown, or no longer as recorded.
std::optional<Reason>
ring_not_as_recorded(const Change& change, const Facts& facts, std::string_view gate);
// Why the deployment must not start on the production ring.
std::optional<Reason> ring_not_as_approved(const Change& change, const Facts& facts);

// The ring no longer holds what it held when the run began. Of a run without that nobody can tell.
bool ring_was_edited(const Run& run, const Facts& facts);
Result<void> require_ring_of(const Run& run, const Facts& facts, std::string_view gate);

} // namespace slipway::domain
