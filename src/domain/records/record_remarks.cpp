// SPDX-License-Identifier: Apache-2.0
#include "domain/records/record_remarks.hpp"

#include <algorithm>
#include <set>

namespace slipway::domain {

namespace {

// Whatever change it is about; empty: he votes.
std::string why_no_vote(const Records& records, const PersonId& person) {
    if (!is_active_person(records, person))
        return "is inactive";
    const auto& roles = records.people.at(person).roles;
    if (std::find(roles.begin(), roles.end(), Role::administrator) != roles.end())
        return "is an administrator, who never approves";
    return grants(roles, Permission::change_approve) ? "" : "has no role that votes";
}

} // namespace

std::vector<std::string>
remarks_on_board(const BoardRecord& board, std::uint32_t quorum, const Records& records) {
    std::set<PersonId> people(board.members.begin(), board.members.end());
    if (!board.chair.empty())
        people.insert(board.chair);
    std::vector<std::string> said;
    std::size_t voting = 0;
    for (const auto& person : people) {
        const auto why = why_no_vote(records, person);
        voting += why.empty() ? 1 : 0;
        if (!why.empty())
            said.push_back(fmt::format("{} cannot vote: he {}", person.value, why));
    }
    if (voting < quorum)
        said.push_back(fmt::format(
            "this board can approve nothing: {} of its people can vote, and {} votes are needed",
            voting, quorum
        ));
    return said;
}

std::vector<std::string>
remarks_on_entry(const CatalogueRecord& before, const CatalogueRecord& after) {
    std::vector<std::string> said;
    for (const auto& person : before.approved_by)
        if (std::find(after.approved_by.begin(), after.approved_by.end(), person) ==
            after.approved_by.end())
            said.push_back(fmt::format(
                "{}'s approval is gone: to approve the entry as it stands now, {} puts it with "
                "that name added to approved_by",
                person.value, person.value
            ));
    return said;
}

} // namespace slipway::domain
