// SPDX-License-Identifier: Apache-2.0
// Which meeting a window must lie behind, since the board decides there at the earliest.
#pragma once

#include <optional>

#include "domain/calendar/slots.hpp"
#include "domain/change/change.hpp"
#include "domain/records/records.hpp"

namespace slipway::domain {

// Of a normal change that is not approved: the meeting that it is on the agenda of, or the first
// one for which it would be in time if it were submitted now, of whichever board. Nothing for other
// changes, and while no board meets.
std::optional<SlotMeeting> first_meeting(const Change& change, const Records& records, Time now);

} // namespace slipway::domain
