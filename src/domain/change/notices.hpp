// SPDX-License-Identifier: Apache-2.0
// The texts that people outside the change read: one template for every channel, so that the page
// on the status site and the mail say the same. The channels of later notices are those that
// announced the maintenance.
#pragma once

#include "domain/change/commands.hpp"
#include "domain/change/facts.hpp"

namespace slipway::domain {

// Errors: blocked when no channel fits the services.
Result<Notice> compose_notice(const Change& change, const SendNotice& body, const Facts& facts);
// What an on-call page says.
std::string oncall_text(const Change& change);

} // namespace slipway::domain
