// SPDX-License-Identifier: Apache-2.0
// How long a run took, step by step, and how a run on production compares with the run of the same
// bytes on the test ring. Both are read from the record alone; nothing is estimated here.
#pragma once

#include <map>

#include "domain/calendar/spoken.hpp"
#include "domain/change/commands.hpp"

namespace slipway::domain {

// What each step that is done took, by name. A step whose report does not say when it began (a
// person confirmed it, or another runner told only its end) took the time since the step before it
// (or the group before its own) ended: that is how long everybody waited for it. Skipped steps and
// those to come are left out. None took longer than a runbook may (limits::runbook_time_max),
// whatever a wrong clock once told.
std::map<std::string, Span> step_times(const Run& run);
// What the steps took together. A time in which several of them ran counts once.
Span time_taken(const Run& run);
// The same of those steps alone that the other run has done too.
Span time_taken_where_both(const Run& run, const Run& other);

// The steps in hand, and since when: those that run, and what a person does or decides by hand from
// when the run came to it. A step that nobody said had begun is not among them.
std::map<std::string, Time> steps_in_hand_of(const Run& run, const PinnedRunbook& runbook);
// The run as if each step that has taken longer by now than `expected` had just ended, so that what
// slips is seen before its end. One that failed late was late too.
Run with_overruns(
    const Run& run, const PinnedRunbook& runbook, const std::map<std::string, Span>& expected,
    Time now
);
// The run without the steps whose time is a person's: done or decided by hand, or confirmed and
// then reported without saying when it began.
Run without_people(Run run, const PinnedRunbook& runbook);

// Whether another runner's times can be true: a step ends after it began, nothing was done before
// the run began or is still to come, but for what its clock may differ from ours
// (limits::run_clock_skew_max). The deadline of the deployment day is reckoned from them. Errors:
// invalid_input naming "steps[2].ended_at".
Result<void> require_told_times(const Run& run, const ReportRun& body, Time now);

// The last run of the same bytes on the test ring that went well before this one on production
// began; nullptr when there is none, and for a run on the test ring itself.
const Run* rehearsal_of(const Change& change, const Run& live);
// The last deployment and the last rollback on production, beside their rehearsals.
std::vector<RunComparison> compare_with_rehearsals(const Change& change);

} // namespace slipway::domain
