// SPDX-License-Identifier: Apache-2.0
#include "app/record_users.hpp"

#include <algorithm>

#include "domain/change/change.hpp"

namespace slipway::app {

namespace {

std::string
remedy_for_use(const StreamKey& key, std::string_view field, const std::string& change) {
    if (key.kind == "person" && field == "requester")
        return fmt::format(
            "slipway person edit {} --inactive, or close or cancel {}", key.id, change
        );
    if (field == "assignee")
        return fmt::format(
            "slipway person edit {} --inactive, or give the step to another: slipway change "
            "assign_step {} --step STEP --person PERSON",
            key.id, change
        );
    if (field == "action_owner")
        return fmt::format(
            "slipway person edit {} --inactive, or complete the action, which a change manager "
            "can: "
            "slipway change complete_action {} --id ID",
            key.id, change
        );
    if (key.kind == "person")
        return fmt::format(
            "slipway person edit {} --inactive, or assign another to {}, or close or cancel it",
            key.id, change
        );
    if (key.kind == "ci")
        return fmt::format("Take it out of the scope of {}, or close or cancel it", change);
    if (key.kind == "board")
        return fmt::format("Submit {} to another board, or close or cancel it", change);
    if (key.kind == "catalogue_entry")
        return fmt::format("Classify {} otherwise, or close or cancel it", change);
    return fmt::format("Assign another to {}, or close or cancel it", change);
}

std::string how_it_is_used(
    const StreamKey& key, std::string_view field, const std::string& change, std::string_view title
) {
    if (field == "assignee")
        return fmt::format("{} has an open step that is assigned to him", change);
    if (field == "action_owner")
        return fmt::format("{} has an open action of his", change);
    auto part = std::string(field);
    std::replace(part.begin(), part.end(), '_', ' ');
    return key.kind == "person" ? fmt::format("{} has him as its {}", change, part)
           : key.kind == "ci"   ? fmt::format("the scope of {} names it", change)
                                : fmt::format("{} uses this {}", change, title);
}

} // namespace

std::vector<ChangeQuery> queries_for_users(const StreamKey& key) {
    ChangeQuery query;
    query.tenant = key.tenant;
    query.limit = limits::record_users_shown_max;
    for (const auto state : enum_names(domain::ChangeState{}))
        if (state != to_text(domain::ChangeState::closed) &&
            state != to_text(domain::ChangeState::cancelled))
            query.states.emplace_back(state);
    if (key.kind == "ci") {
        query.cis = {key.id};
        return {query};
    }
    if (key.kind != "person") {
        query.record = key.kind + "/" + key.id;
        return {query};
    }
    std::vector<ChangeQuery> queries(7, query);
    queries[0].requester = key.id;
    queries[1].change_owner = key.id;
    queries[2].record = "implementer/" + key.id;
    queries[3].record = "rollback_owner/" + key.id;
    queries[4].record = "rollback_backup/" + key.id;
    queries[5].record = "assignee/" + key.id;
    // Actions outlive their change.
    queries[6].record = "action_owner/" + key.id;
    queries[6].states.clear();
    return queries;
}

std::string field_of(const ChangeQuery& query, const StreamKey& key) {
    return !query.cis.empty()            ? "scope"
           : !query.requester.empty()    ? "requester"
           : !query.change_owner.empty() ? "change_owner"
           : key.kind == "person"        ? query.record.substr(0, query.record.find('/'))
                                         : key.kind;
}

Result<std::vector<Reason>>
reasons_of_changes(Store& store, const domain::RegisterRow& row, const StreamKey& key) {
    std::vector<Reason> reasons;
    for (const auto& query : queries_for_users(key)) {
        const auto field = field_of(query, key);
        for (const auto& change : TRY(store.find_changes(query)))
            reasons.push_back(
                {std::string(in_use), field, how_it_is_used(key, field, change.id, row.title),
                 fmt::format("{} ({}) is {}", change.id, change.title, change.state),
                 remedy_for_use(key, field, change.id)}
            );
    }
    return reasons;
}

} // namespace slipway::app
