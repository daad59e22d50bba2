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
// The notice that said the same in the hour before; nullptr when none did.
const Notice* sent_within_the_hour(const Change& change, const Notice& notice);
// What an on-call page says.
std::string oncall_text(const Change& change);

} // namespace slipway::domain
