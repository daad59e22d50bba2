// SPDX-License-Identifier: Apache-2.0
// Opens a place for the admin functions, without a server.
#pragma once

#include <memory>

#include "store/admin.hpp"
#include "store/connection.hpp"
#include "store/file_check.hpp"
#include "store/lock_file.hpp"

namespace slipway::store {

constexpr const char* database_file = "slipway.db";

Target target_of(const Place& place, bool read_only);

// Runs `work`, which gives a Result and may throw DatabaseError, and makes an Error of what it
// throws: blocked for a damaged file, since who examines a place is told of it as of a refusal.
template <class Work>
auto guarded(const Work& work) -> decltype(work()) {
    try {
        return work();
    } catch (const DatabaseError& error) {
        return tl::unexpected(error.is_damage() ? damaged(file_finding(error)) : to_error(error));
    }
}

LedgerFacts read_ledger_facts(Connection& db);

// All that verify() looks at, in one transaction of this connection. Throws DatabaseError.
domain::LedgerReport verify_all(Connection& db, const std::optional<domain::VerifierKey>& trusted);

// That every entry is the one that was hashed, in a row that says what it says: what is replayed is
// found by the columns of those rows. Errors: blocked with the first finding.
Result<void> check_entries(Connection& db);

// A place for reading must be there: unavailable when the directory has no database.
Result<void> require_database(const Place& place);

} // namespace slipway::store
