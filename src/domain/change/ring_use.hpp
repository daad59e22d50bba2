// SPDX-License-Identifier: Apache-2.0
// Runs of different changes on the same machines. Nobody can say what a test ring holds, or what a
// rehearsal went back from, when another change's run was there as well: so on a test ring one run
// at a time, whichever change it is of, and every run has its number there. On production changes
// may run beside each other as long as they touch different things; the way back is never held up.
// A run has its machines until it has ended and none of its steps is at work there: that it was
// aborted ends no step at once, and neither does the end of its change.
#pragma once

#include "domain/change/decision.hpp"

namespace slipway::domain {

// The ring on which a run of this purpose goes, or went that a smoke test of the occasion judges.
std::string ring_for(const Change& change, RunPurpose purpose);

// The ring on which the command begins a run or looks at what one left; empty for other commands.
std::string ring_concerned(const Change& change, std::string_view command, const Json& body);

// What a run of the change on production touches: items in scope, and the machines of their hosts
// and of the hosts that its runbooks name, with undo blocks and smoke commands. A machine is named
// by its address in the production ring, and by what the ring or the scope calls it.
std::set<std::string> touched_on_production(const Change& change, const Records& records);

// The run of the change that was on this run's ring before it; nullptr when there was none.
const Run* own_run_before(const Change& change, const Run& run);

// The number that a run that begins now has on its ring; nothing when nobody looked.
std::optional<std::uint64_t> next_ring_turn(const Facts& facts);

// Whether anything may begin on the test ring, or be looked at there; `gate` is who says so.
// Errors: blocked, naming the run of another change that is under way on its machines, or the step
// that it left at work there.
Result<void> require_ring_free(const Facts& facts, std::string_view gate);

// Whether a deployment may begin beside what other changes run on production: not where that
// touches the same. Errors: blocked.
Result<void> require_nothing_touched(const Change& change, const Facts& facts);

// The steps of aborted runs that are at work where the run is about to begin, as far as anybody
// knows: those of other changes, and of this one.
std::vector<std::string>
left_where_it_begins(const Change& change, const Run& run, const Facts& facts);

// Says which runs of other changes are under way on production and touch the same.
void say_others(Decider& decider);
// Calls the owner of each: the rollback that has begun goes on beside it.
void call_others(Decider& decider, const RunId& begun);

// How many runs of other changes began on the test ring after this run of the change, up to that
// turn; 0 where it is not known.
std::uint64_t other_runs_since(const Change& change, const Run& run, std::uint64_t turn);

} // namespace slipway::domain
