// SPDX-License-Identifier: Apache-2.0
// The projection of a change that lists, searches, calendars and timers read: a pure function of
// the state, so that rebuilding it from events gives the same rows.
#pragma once

#include "app/ports/store.hpp"
#include "domain/change/change.hpp"

namespace slipway::app {

ChangeSummary summarise(const domain::Change& change, std::optional<Time> wake_at);
// The board, standard change, rings and roster that a change uses, as kind and id. Nothing when it
// is over: then they may go.
std::vector<std::pair<std::string, std::string>> records_used(const domain::Change& change);
// Who carries a change out, who decides on its way back and to whom its open steps are assigned,
// and as what: none of them when it is over. Who owns an action of it that is open, then too.
std::vector<std::pair<std::string, PersonId>> people_assigned(const domain::Change& change);
// What full-text search finds of it.
std::string search_text(const domain::Change& change);
// "CHG-12" gives 12; 0 for anything else.
std::uint64_t change_number(std::string_view id);
// What is said of a text that is no change's id, with the one that "chg-12" and "12" mean.
std::string no_change_called(std::string_view text);

} // namespace slipway::app
