// SPDX-License-Identifier: Apache-2.0
#include "domain/records/records.hpp"

#include <algorithm>

namespace slipway::domain {

namespace {

template <class Key, class T>
Result<void> put(std::map<Key, T>& into, const std::string& id, std::string_view document) {
    into.insert_or_assign(Key(id), TRY(restore<T>(document)));
    return {};
}

} // namespace

bool is_member(const BoardRecord& board, const PersonId& person) {
    return person == board.chair ||
           std::find(board.members.begin(), board.members.end(), person) != board.members.end();
}

Result<void> add_record(
    Records& records, const std::string& kind, const std::string& id, std::string_view document
) {
    if (kind == "person")
        return put(records.people, id, document);
    if (kind == "ci") {
        TRY(put(records.cis, id, document));
        for (const auto& needed : records.cis.at(CiId(id)).depends_on)
            records.dependents[needed].push_back(CiId(id));
        return {};
    }
    if (kind == "board")
        return put(records.boards, id, document);
    if (kind == "catalogue_entry")
        return put(records.catalogue, id, document);
    if (kind == "roster")
        return put(records.rosters, id, document);
    if (kind == "channel")
        return put(records.channels, id, document);
    if (kind == "ring")
        return put(records.rings, id, document);
    if (kind == "connector")
        return put(records.connectors, id, document);
    if (kind == "blackout")
        records.blackouts.push_back(TRY(restore<Blackout>(document)));
    else if (kind == "organisation")
        records.organisation = TRY(restore<OrganisationRecord>(document));
    return {};
}

} // namespace slipway::domain
