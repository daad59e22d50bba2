// SPDX-License-Identifier: Apache-2.0
// Calls one person about a change, through the connector of its roster. Nothing comes back onto the
// record: it is a call, not evidence. Without such a connector nobody is called.
#pragma once

#include "domain/change/decision.hpp"

namespace slipway::domain {

void page(Decider& decider, const PersonId& person, std::string subject, std::string body);

} // namespace slipway::domain
