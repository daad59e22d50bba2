// SPDX-License-Identifier: Apache-2.0
// The steps during which a run was aborted. The run is over, and they may still be at work: what
// came of them is heard all the same, also of a change that is over by then, and nothing else is.
#pragma once

#include "domain/change/commands.hpp"
#include "domain/change/decision.hpp"

namespace slipway::domain {

// Whether the report tells what came of such steps, and of nothing else.
bool is_of_aborted_steps(const Change& change, const ReportRun& body);

// Whether the run's own runner will not tell any more, so that a person may who has looked.
bool is_silent(const Change& change, const Run& run, const Facts& facts);

// Errors: blocked; of a run with such steps it names the report that is heard.
Result<void> require_end_alone(const Change& change, const ReportRun& body);

// Puts it on the record, with its transcript; the run stays over. Of production the owner of a
// change that was closed meanwhile is called: what it was closed on may not be so any more.
Result<Decision>
report_aborted_steps(const Change& change, const ReportRun& body, const Facts& facts);

// Says which steps of the change, whose runs are over, nobody has told the end of.
void say_not_ended(Decider& decider);

} // namespace slipway::domain
