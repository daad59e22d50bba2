// SPDX-License-Identifier: Apache-2.0
// The order of a run: which of its steps is next, what the approved runbook says about it, and whom
// it waits for. Steps run one after the other, in the order of the file, and those of a parallel
// group at the same time: what stands behind the group begins when all of it is done. Once its
// owner has decided to undo a run, the steps in hand are those that take it back, one after the
// other.
#pragma once

#include "domain/change/commands.hpp"

namespace slipway::domain {

RunStep pending_step(const RunbookStepOutline& outline);
bool is_done(const RunStep& step);         // succeeded, or skipped by decision
bool awaits_decision(const RunStep& step); // it failed, or how it ended is unknown

// Where the run is: the first step in hand that is not done, and of its group all that are not.
// Nothing when all steps are done.
std::vector<const RunStep*> current_steps(const Run& run);
// Those of them that run.
std::vector<const RunStep*> running_steps(const Run& run);
// "web1, web2"
std::string names_of(const std::vector<const RunStep*>& steps);
// The steps that begin together when this one and its group are done.
std::vector<const RunStep*> steps_behind(const Run& run, const std::string& name);

// A step of a run that did not do what the runbook says: the run has proven nothing, nor measured
// anything.
struct NotAsWritten {
    std::string step;
    std::string what;
    std::string evidence;
};

// The steps that were skipped, or failed and were taken as done by decision.
std::vector<NotAsWritten> steps_not_as_written(const Change& change, const Run& run);

// The one that the run waits for: the first that awaits a decision, or else the first that is not
// done; nothing when all are.
const RunStep* next_step(const Run& run);

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
// That is what a run at this step waits for, and not for a decision on what failed.
bool waits_to_be_confirmed(const Change& change, const Run& run, const RunStep& step);

// What a person does or decides, which nobody else has seen.
bool done_by_person(const RunbookStepOutline& outline);
// The command that says so.
std::string
how_to_confirm(const Change& change, const RunId& run, const RunbookStepOutline& outline);

// The steps that take back what the run has begun, the last one first. A step that was skipped or
// never began leaves nothing to undo; one that failed, or whose end is unknown, may.
std::vector<RunStep> undo_steps(const Change& change, const Run& run);
// Whose decision it is that the run is taken back, and why; nullptr: nobody's.
const Deviation* undo_decision(const Change& change, const Run& run);
// The name of the block that takes this step back; empty: there is none.
std::string undo_block_of(const Change& change, const Run& run, const std::string& step);
bool is_among(const std::vector<RunStep>& steps, const std::string& name);

} // namespace slipway::domain
