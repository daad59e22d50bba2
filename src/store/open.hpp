// SPDX-License-Identifier: Apache-2.0
// Opens the store of an installation: SQLite in a data directory, or PostgreSQL. Both bring the
// schema up to date first and refuse one that is newer than this program. One server at a time may
// hold a SQLite directory; any number of servers may share a PostgreSQL database.
// What can be seen of damage in a moment is looked for first: a file that ends too early, a last
// page of zeros, an empty file where a server has been, entries that are missing. The rest is for
// verify() (admin.hpp).
// Errors: unavailable (cannot be opened or reached), conflict (another server holds the directory),
// blocked (SQLite's file is damaged), internal (the schema is newer than this program, or a
// migration was altered).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/ports/store.hpp"
#include "base/result.hpp"

namespace slipway::store {

struct SqliteOptions {
    std::string directory; // created when missing, readable by its owner only
    // For the offline verifier and other readers beside a running server: takes no lock, migrates
    // nothing, and every function that writes gives `unavailable`.
    bool read_only = false;
    std::size_t readers = 4;        // connections for reading
    std::size_t max_page_count = 0; // 0: no bound on the file but the disk; tests set one
};

struct PostgresOptions {
    std::string conninfo; // libpq connection string or URI
    bool read_only = false;
    std::size_t readers = 4;
};

Result<std::unique_ptr<app::Store>> open_sqlite(const SqliteOptions& options);
Result<std::unique_ptr<app::Store>> open_postgres(const PostgresOptions& options);

} // namespace slipway::store
