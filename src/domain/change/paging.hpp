// SPDX-License-Identifier: Apache-2.0
// Tells one person of a change, through the connector of its roster. That it was delivered does
// not come onto the record: it is a call, not evidence. That it reached nobody does. Without such a
// connector nobody is told: the answer says so, or the record where the server itself decided.
#pragma once

#include "domain/change/decision.hpp"

namespace slipway::domain {

// What calls people about this change; empty: nothing does.
std::string calling_connector(const Change& change, const Facts& facts);

// Whom `call` calls for this person: himself, or when he is no active person any more the first of
// the owner of the change, of the rollback decision and his backup who is. Himself too when none
// is.
PersonId who_is_called(const Decider& decider, const PersonId& person);

// What can wait; `window_start` is of PageTask.
void page(
    Decider& decider, const PersonId& person, std::string subject, std::string body,
    std::optional<Time> window_start = {}
);

// Somebody has to decide at once: who is not reached is told again and again, but while production
// is touched the next of those who decide there is called as well. `tried` are those whom the same
// call has not reached.
void call(
    Decider& decider, const PersonId& person, std::string subject, std::string body,
    std::vector<PersonId> tried = {}
);

} // namespace slipway::domain
