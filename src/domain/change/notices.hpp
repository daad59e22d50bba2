// SPDX-License-Identifier: Apache-2.0
// The texts that people outside the change read: one template for every channel, so that the page
// on the status site and the mail say the same. The channels of later notices are those that
// announced the maintenance. Nothing is told before it is so.
#pragma once

#include "domain/change/commands.hpp"
#include "domain/change/facts.hpp"

namespace slipway::domain {

// Whether what a notice of this kind says is so. Only for a change that has a window. Errors:
// blocked with what speaks against it.
Result<void> require_true(const Change& change, NoticeKind kind, const Facts& facts);
// Errors: blocked when no channel fits the services.
Result<Notice> compose_notice(const Change& change, const SendNotice& body, const Facts& facts);
// The notice that said the same in the hour before; nullptr when none did.
const Notice* sent_within_the_hour(const Change& change, const Notice& notice);
// Whether it tells how a change ended that is over: who was told of the maintenance waits for that,
// so it is sent and delivered then, too.
bool tells_the_end(const Change& change, NoticeKind kind);
// The last one that announced the maintenance; nullptr when none did.
const Notice* last_announcement(const Change& change);
// It names the window as it is now.
bool names_window(const Notice& notice, const Change& change);
// How long before the window the maintenance has to be announced; an emergency has its own time.
Span notice_ahead(const Change& change, const Policy& policy);
// The earliest window that can still be announced in time. Nothing where no notice is asked for:
// the checklist has none, or it was waived or put off.
std::optional<Time> earliest_to_announce(const Change& change, const Facts& facts);
// What an on-call page says.
std::string oncall_text(const Change& change);

} // namespace slipway::domain
