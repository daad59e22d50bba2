// SPDX-License-Identifier: Apache-2.0
// What a window takes with it when it is scheduled: the impact that lies in it, the steps that
// vouched for the old time, the approvals of it, and the notices that announced it.
#pragma once

#include "domain/change/decision.hpp"

namespace slipway::domain {

// `before` is the change that the command found. Errors: of trace_impact.
Result<void> move_window(Decider& decider, const Change& before, const ChangeWindow& wanted);

} // namespace slipway::domain
