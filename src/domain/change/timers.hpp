// SPDX-License-Identifier: Apache-2.0
// What the passing of time does to a change: reminders, overdue steps, expiring snapshots, CAB
// meetings that passed without a decision. A timer is there until what it asks for has happened, so
// asking twice does nothing twice, however many servers ask.
#pragma once

#include "domain/change/facts.hpp"

namespace slipway::domain {

// When the worker shall look at this change again; none when nothing waits.
std::optional<Time> wake_at(const Change& change, const Facts& facts);

} // namespace slipway::domain
