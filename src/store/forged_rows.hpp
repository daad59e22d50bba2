// SPDX-License-Identifier: Apache-2.0
// Rows of records and of the index of changes that no entry of the ledger made. The store writes
// neither without an entry, so somebody else did: a person out of nowhere, for example.
#pragma once

#include <string>
#include <vector>

#include "app/ports/store.hpp"
#include "store/connection.hpp"

namespace slipway::store {

struct ForgedRow {
    app::StreamKey key;
    bool indexed = false; // stands in the index of changes, otherwise among the records

    std::string text() const; // "person eve of tenant main has a record and no entry"
    std::string file() const; // "records/main/person/eve"
};

// At most limits::ledger_findings_max.
std::vector<ForgedRow> forged_rows(Connection& db);
// Inside a transaction.
void remove_forged_row(Connection& db, const ForgedRow& row);

} // namespace slipway::store
