// SPDX-License-Identifier: Apache-2.0
// Which meeting a window must lie behind, since the board decides there at the earliest, and what
// becomes of the window when the change goes to a later one (gate cab-lead-time).
#pragma once

#include <optional>

#include "domain/calendar/slots.hpp"
#include "domain/change/decision.hpp"
#include "domain/records/records.hpp"

namespace slipway::domain {

// Of a normal change that is not approved: the meeting that it is on the agenda of, or the first
// one for which it would be in time if it were submitted now, of whichever board. Nothing for other
// changes, and while no board meets.
std::optional<SlotMeeting> first_meeting(const Change& change, const Records& records, Time now);

bool begins_before_meeting(const Change& change);
// Says of a window that does with which command it is moved, unless that is waived. `approved`:
// moving it takes the approval with it.
void say_what_the_meeting_does_to_the_window(Decider& decider, bool approved = false);

// A change that is on an agenda goes to the next meeting of that board: because the meeting ended
// without a decision, or because the board puts it off. The latter moves nothing when the change
// is at a later meeting for one of these already and that is still ahead. The owner is told, and
// the step `cab_queue` is open again when the window begins before that meeting.
void pass_undecided(Decider& decider);
void put_off(Decider& decider, const std::string& minutes);

} // namespace slipway::domain
