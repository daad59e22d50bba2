// SPDX-License-Identifier: Apache-2.0
// What becomes of a gate whose waiver is gone, because it ended or was revoked.
#pragma once

#include "domain/change/decision.hpp"

namespace slipway::domain {

// Why the gate says no without the waiver; nothing when it passes, when another waiver holds, or
// when it is not asked any more. Before the work has `begun` its step is open again, for this
// reason. Afterwards no step opens, and only what is asked when the change is closed matters.
std::optional<std::string>
why_missed(Decider& decider, const std::string& gate, bool begun, std::string reopened_because);

// What the owner of the change reads: what became of the waiver ("has ended"), why the gate says
// no, and what to do.
std::string gone_waiver(
    const Change& change, const Waiver& waiver, std::string_view gone, std::string_view why
);

} // namespace slipway::domain
