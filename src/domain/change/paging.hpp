// SPDX-License-Identifier: Apache-2.0
// Calls one person about a change, through the connector of its roster. That it was delivered does
// not come onto the record: it is a call, not evidence. That it reached nobody does, and then,
// while production is touched, the next of those who decide there is called. Without such a
// connector nobody is called: the answer says so, or the record where the server itself decided.
#pragma once

#include "domain/change/decision.hpp"

namespace slipway::domain {

// What calls people about this change; empty: nothing does.
std::string calling_connector(const Change& change, const Facts& facts);

// `tried` are those whom the same call has not reached; `window_start` is of PageTask.
void page(
    Decider& decider, const PersonId& person, std::string subject, std::string body,
    std::vector<PersonId> tried = {}, std::optional<Time> window_start = {}
);

} // namespace slipway::domain
