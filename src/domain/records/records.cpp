// SPDX-License-Identifier: Apache-2.0
#include "domain/records/records.hpp"

#include <algorithm>

namespace slipway::domain {

namespace {

// Calls `visit` with the map of a kind whose documents stand in a plain map; false for the others.
template <class Visit>
bool with_map(Records& records, std::string_view kind, const Visit& visit) {
    if (kind == "person")
        visit(records.people);
    else if (kind == "board")
        visit(records.boards);
    else if (kind == "catalogue_entry")
        visit(records.catalogue);
    else if (kind == "roster")
        visit(records.rosters);
    else if (kind == "channel")
        visit(records.channels);
    else if (kind == "ring")
        visit(records.rings);
    else if (kind == "connector")
        visit(records.connectors);
    else
        return false;
    return true;
}

void drop_ci(Records& records, const CiId& id) {
    const auto& cis = records.cis.get();
    const auto found = cis.find(id);
    if (found == cis.end())
        return;
    for (const auto& needed : found->second.depends_on) {
        auto& dependents = records.dependents.edit();
        std::erase(dependents[needed], id);
        if (dependents[needed].empty())
            dependents.erase(needed);
    }
    records.cis.erase(id);
}

Result<void> put_ci(Records& records, const CiId& id, std::string_view document) {
    auto ci = TRY(restore<CiRecord>(document));
    drop_ci(records, id);
    for (const auto& needed : ci.depends_on)
        records.dependents.edit()[needed].push_back(id);
    records.cis.edit().insert_or_assign(id, std::move(ci));
    return {};
}

} // namespace

bool administers(const PersonRecord& person) {
    return !person.inactive &&
           std::find(person.roles.begin(), person.roles.end(), Role::administrator) !=
               person.roles.end();
}

bool is_active_person(const Records& records, const PersonId& person) {
    const auto found = records.people.find(person);
    return found != records.people.end() && !found->second.inactive;
}

bool is_member(const BoardRecord& board, const PersonId& person) {
    return person == board.chair ||
           std::find(board.members.begin(), board.members.end(), person) != board.members.end();
}

Result<void> put_record(
    Records& records, std::string_view kind, const std::string& id, std::string_view document
) {
    Result<void> done;
    const bool plain = with_map(records, kind, [&](auto& shared) {
        using Map = std::decay_t<decltype(shared.get())>;
        auto restored = restore<typename Map::mapped_type>(document);
        if (restored)
            shared.edit().insert_or_assign(typename Map::key_type(id), *std::move(restored));
        else
            done = tl::unexpected(std::move(restored).error());
    });
    if (plain)
        return done;
    if (kind == "ci")
        return put_ci(records, CiId(id), document);
    if (kind == "blackout") {
        auto blackout = TRY(restore<Blackout>(document));
        drop_record(records, kind, id);
        records.blackouts.push_back(std::move(blackout));
    } else if (kind == "organisation") {
        records.organisation = TRY(restore<OrganisationRecord>(document));
    }
    return {};
}

Shared<std::map<std::string, LastWrite>>* last_writes_of(Records& records, std::string_view kind) {
    return kind == "board"  ? &records.board_writes
           : kind == "ring" ? &records.ring_writes
                            : nullptr;
}

void drop_record(Records& records, std::string_view kind, const std::string& id) {
    const bool plain = with_map(records, kind, [&](auto& shared) {
        shared.erase(typename std::decay_t<decltype(shared.get())>::key_type(id));
    });
    if (auto* const writes = last_writes_of(records, kind))
        writes->erase(id);
    if (plain)
        return;
    if (kind == "ci")
        drop_ci(records, CiId(id));
    else if (kind == "blackout")
        std::erase_if(records.blackouts.edit(), [&](const auto& known) { return known.id == id; });
    else if (kind == "organisation")
        records.organisation = {};
}

void clear_records(Records& records, std::string_view kind) {
    if (auto* const writes = last_writes_of(records, kind))
        writes->clear();
    if (with_map(records, kind, [](auto& shared) { shared.clear(); }))
        return;
    if (kind == "ci") {
        records.cis.clear();
        records.dependents.clear();
    } else if (kind == "blackout") {
        records.blackouts.clear();
    } else if (kind == "organisation") {
        records.organisation = {};
    }
}

} // namespace slipway::domain
