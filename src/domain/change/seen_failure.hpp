// SPDX-License-Identifier: Apache-2.0
// A decision on a stopped run is about the failure that its author has seen, and about no later
// one. Several may own a run and answer the same call: what the second of them decides would
// otherwise be taken for the failure that the first one's decision led to. Pure.
#pragma once

#include "domain/change/commands.hpp"
#include "domain/change/facts.hpp"

namespace slipway::domain {

// The command as it is typed, bound to the step as it is now.
std::string
how_to_decide(const Change& change, const RunId& run, const RunStep& step, std::string_view choice);

// How a run that waits at this step goes on: with a person's confirmation, or with its owner's
// decision.
std::string how_to_go_on(const Change& change, const Run& run, const RunStep& step);

// Refuses an attempt that is not the step's last; and a decision that names none, or no step, soon
// after somebody else's (limits::decisions_apart). Who is alone at it need name neither, and who
// wants to stop is never held up.
Result<void> require_seen(
    const Change& change, const Run& run, const RunStep& step, const DecideRun& body,
    const Facts& facts
);

// What it is that is decided about, for the record: how the step ended, or why it did not begin.
std::string
what_was_seen(const Change& change, const Run& run, const RunStep& step, const Facts& facts);

} // namespace slipway::domain
