// SPDX-License-Identifier: Apache-2.0
// What follows when a step of a run has changed: the run goes on, stops and calls who decides, or
// is over. What runs goes on to its end, whatever became of the others of its group; only then does
// the run stop and anybody decide.
#pragma once

#include "domain/change/abort_clock.hpp"
#include "domain/change/decision.hpp"

namespace slipway::domain {

// What the run says when it stops; `run follow` knows these words.
std::string why_it_is_late(const Reason& reason);

// Ends the run, stops it for a person, or lets it go on. Where the end of the next step is told in
// the same breath, it is too late to hold it.
void move_on(Decider& decider, const RunId& id, bool next_was_done = false);
// The same, and our own runner goes on with it.
void go_on(Decider& decider, const Run& run);

// A step of a group did not end well while others of it still run, maybe for long: the run stops
// when they have ended, and its owner hears of it now.
void call_while_others_run(Decider& decider, const RunId& id, const RunStep& step);

// The deployment has failed. Whoever had reviewed the emergency before has not judged that: the
// retrospective review is owed once more.
void fail_deployment(Decider& decider, std::string reason);

// Somebody goes back: whatever runs is aborted, and the deployment has failed, if it had not
// before.
void give_up_deployment(Decider& decider, const std::string& reason);

// Going back is done once: not again when production is back, unless its smoke test found since
// then that it does not work there either.
Result<void> require_way_back_open(const Change& change, const Facts& facts);

// The first who decides is not the only one who is called: what he began is not ended in the middle
// of a step because a second one decides too. A rollback that waits is not either, since what is
// done would be done again. `command` is what was typed. Errors: blocked, naming the run, who asked
// for it, how it goes on, and how to end it first.
Result<void> require_none_goes_back(const Change& change, std::string_view command);

} // namespace slipway::domain
