// SPDX-License-Identifier: Apache-2.0
// Work that a person did by hand and says so late: when no further step may begin, or when the run
// is over. Nobody else has seen it, so it is heard all the same: who walks the way back must know
// of it. The step then says that it was late, and nothing begins behind it.
#pragma once

#include "domain/change/commands.hpp"
#include "domain/change/decision.hpp"
#include "domain/change/facts.hpp"

namespace slipway::domain {

// The manual step at which the run was when it was aborted or turned round, as long as nobody has
// said that it was done. nullptr: it was at none, or it is a test ring's that ran again since, so
// that what is said of it now is no news of what stands there.
const RunStep* work_left(const Change& change, const Run& run);

// Whether that is what is confirmed.
bool is_work_left(const Change& change, const ConfirmStep& body);

// "after run-3 was aborted": since when the run has left it.
std::string since_when_left(const Run& run);

// "past abort-by": why no step of the run begins any more. Empty: it is not late.
std::string how_late(const Change& change, const Run& run, const Facts& facts);

// What the step says of it; where it was not late, the note alone.
std::string late_note(const std::string& late, const std::string& note);

// The answer names the step's undo block where that has not run. Of production it is told to who
// goes back, or while nobody does to the owner of the change; and a rollback that was tested
// without it is to be tested again.
void tell_of_late_work(Decider& decider, const Run& run, const RunStep& step);

} // namespace slipway::domain
