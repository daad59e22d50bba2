// SPDX-License-Identifier: Apache-2.0
// The registers: people, configuration items, blackouts, boards and what else a change refers to.
// Each is a kind of record with a typed document; one row gives GET/PUT/DELETE
// /api/v1/{plural}/{id}, the CLI commands `slipway {name} list|show|put|remove` and the reference
// page.
#pragma once

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.hpp"
#include "base/json.hpp"
#include "base/time.hpp"
#include "domain/identity/roles.hpp"

namespace slipway::domain {

struct Records;

// A record that names another one.
struct RecordUse {
    std::string kind;
    std::string id;
    std::string field; // that names it
    std::string says;  // "depends on it"
};

struct RegisterRow {
    std::string_view name;   // "ci"; also the stream kind
    std::string_view plural; // "cis"; also the path
    std::string_view title;  // "configuration item"
    Permission read;
    Permission write;
    Json (*schema)();
    // Checks a document and gives its canonical bytes. Errors: invalid_input naming the fields.
    Result<std::string> (*normalise)(const std::string& id, const Json& document);
    // What only some may write, or not at this time, into a document that is otherwise in order;
    // null: nothing. `before` is the stored document, null when there is none. Errors:
    // invalid_input naming the field.
    Result<void> (*check_writer
    )(const std::string* before, const std::string& after, const PersonId& writer,
      Time now) = nullptr;
    // Whether all that the document names is registered or among `together`, the ids that are put
    // with it; null: it is not looked at. Errors: invalid_input naming the field.
    Result<void> (*check_names
    )(const std::string& document, const Records& records,
      const std::set<std::string>& together) = nullptr;
    // The records of the same kind that the document names and that must stay as long as it does;
    // null: none.
    Result<std::vector<std::string>> (*names)(const std::string& document) = nullptr;
    // The records that name this one and would be left without it; null: none.
    std::vector<RecordUse> (*named_by)(const Records& records, const std::string& id) = nullptr;
    // The kinds of those records.
    std::span<const std::string_view> named_in = {};
};

std::span<const RegisterRow> register_table();
const RegisterRow* find_register(std::string_view name);

} // namespace slipway::domain
