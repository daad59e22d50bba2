// SPDX-License-Identifier: Apache-2.0
// The changes that rely on a record: those that are not over and name it, and those with an action
// that is open.
#pragma once

#include <string>
#include <vector>

#include "app/ports/store.hpp"
#include "domain/records/register_table.hpp"

namespace slipway::app {

// The rule by which records are not removed.
inline constexpr std::string_view in_use = "in-use";

// How the index of changes finds those that use this record and are not over, and those that are
// over and have an open action of this person.
std::vector<ChangeQuery> queries_for_users(const StreamKey& key);
// What of a change names the record that the query looks for.
std::string field_of(const ChangeQuery& query, const StreamKey& key);
// Why the record stays, one for each of those changes. Errors: those of the store.
Result<std::vector<Reason>>
reasons_of_changes(Store& store, const domain::RegisterRow& row, const StreamKey& key);

} // namespace slipway::app
