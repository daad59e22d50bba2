// SPDX-License-Identifier: Apache-2.0
// The order of a run: which of its steps is next, what the approved runbook says about it, and whom
// it waits for. Steps run one after the other, in the order of the file; once its owner has decided
// to undo a run, the steps in hand are those that take it back.
#pragma once

#include "domain/change/commands.hpp"

namespace slipway::domain {

RunStep pending_step(const std::string& name);
bool is_done(const RunStep& step); // succeeded, or skipped by decision
// The first step in hand that is not done; nothing when all are.
const RunStep* next_step(const Run& run);
// The one behind it in the same order, or nothing.
const RunStep* step_after(const Run& run, const std::string& name);

RunbookPurpose runbook_for(RunPurpose purpose);
// What the bytes that run say about this step. Nothing when another runbook has been pinned since:
// then nobody knows, and the run does not go on.
const RunbookStepOutline* outline_of(const Change& change, const Run& run, const std::string& name);

// The digest of the step as it was approved, which is what was carried out. Our own runner says
// what it ran; of another one the digest of the whole runbook was asked when the run began.
Result<Digest> approved_step(const Change& change, const Run& run, const StepReport& report);
// The bytes that run are the pinned ones to the end.
Result<void> require_pinned(const Change& change, const Run& run);

// Who is named at it has confirmed it, and the second person of a two-person step too.
bool is_confirmed(const RunbookStepOutline& outline, const RunStep& step);
// It is a person's work or decision, or may only begin when a person says so, and nobody has yet.
bool waits_for_person(const RunbookStepOutline* outline, const RunStep& step);

// The steps that take back what the run has begun, the last one first. A step that was skipped or
// never began leaves nothing to undo; one that failed, or whose end is unknown, may.
std::vector<RunStep> undo_steps(const Change& change, const Run& run);

} // namespace slipway::domain
