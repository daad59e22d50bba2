// SPDX-License-Identifier: Apache-2.0
#include "domain/change/paging.hpp"

#include "domain/change/tasks.hpp"

namespace slipway::domain {

void page(Decider& decider, const PersonId& person, std::string subject, std::string body) {
    const auto& change = decider.change();
    const auto roster = decider.facts().records->rosters.find(change.roster);
    if (person.empty() || roster == decider.facts().records->rosters.end() ||
        roster->second.connector.empty() || roster->second.connector == "external")
        return;
    decider.ask(
        "page",
        PageTask{
            change.id, person, roster->second.connector, std::move(subject), std::move(body), true}
    );
}

} // namespace slipway::domain
