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
// A sentence about a window that does, with the command that moves it; else empty.
std::string what_the_meeting_does_to_the_window(const Change& change);

// A change that is on an agenda goes to a later meeting of the same board. Its owner is told, and
// the step `cab_queue` is open again when the window begins before that meeting. Nothing happens
// where the board does not meet again.
void go_to_next_meeting(Decider& decider, const std::string& because);

} // namespace slipway::domain
