// SPDX-License-Identifier: Apache-2.0
// Brings a database to the schema of this program: the numbered files of src/store/migrations in
// order, each in its own transaction together with its row (number, name, SHA-256). Only forward. A
// database with more migrations than this program knows, or with one whose text was another, is
// refused, because guessing would risk the ledger.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "store/connection.hpp"

namespace slipway::store {

struct EmbeddedFile {
    std::string_view name; // "0001_base.sqlite.sql"
    std::string_view text;
};

const std::vector<EmbeddedFile>& embedded_migrations();

struct Migration {
    std::uint64_t number = 0;
    std::string name;
    std::string_view text;
};

// Those of one dialect, in order.
std::vector<Migration> migrations_of(std::string_view dialect);

// Applies what is missing. Errors: internal (newer schema, altered migration).
Result<void> migrate(Connection& db, const std::vector<Migration>& migrations);
// The same refusals, without changing anything; a database that is behind is refused too.
Result<void> check_schema(Connection& db, const std::vector<Migration>& migrations);
// How many migrations the database has had.
std::uint64_t schema_version(Connection& db);

} // namespace slipway::store
