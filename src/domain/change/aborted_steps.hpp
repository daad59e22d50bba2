// SPDX-License-Identifier: Apache-2.0
// The steps during which a run was aborted. The run is over, and they may still be at work: their
// machines are not at rest until then. What came of them is heard all the same, also of a change
// that is over by then, and nothing else is.
#pragma once

#include "domain/change/commands.hpp"
#include "domain/change/decision.hpp"

namespace slipway::domain {

// The step that an aborted run left at work, or else one of which nobody knows whether it is. No
// step takes longer than a runbook may, so after that it is neither.
std::optional<StepLeft> step_left(const Change& change, const Run& run, Time now);

struct LeftByRun {
    const Run* run; // of the change
    StepLeft left;
};

// Of every run of the change that left one, in their order.
std::vector<LeftByRun> steps_left(const Change& change, Time now);

// Those on this ring that are at work beside a run of the change which begins there with this
// executor. What our own runner does it does one after the other, so of that only a step of unknown
// end is.
std::vector<LeftByRun>
steps_left_beside(const Change& change, const std::string& ring, Executor next, Time now);

// Why the ring is not at rest: an aborted run of the change is known to be at work there. Nothing
// that is seen of the ring until then is proof.
std::optional<Reason>
still_at_work(const Change& change, const std::string& ring, std::string_view gate, Time now);

// What ends it, or shows whether it has ended, as a remedy. To abort its run again would do
// nothing.
std::string how_it_ends(const ChangeId& change, const RunId& run, const StepLeft& left);

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
