// SPDX-License-Identifier: Apache-2.0
#include "store/dialect.hpp"

namespace slipway::store {

namespace {

// FTS5: "change" AND "wind"*
std::string sqlite_search_query(const std::vector<std::string>& words) {
    std::string query;
    for (const auto& word : words) {
        if (!query.empty())
            query += " AND ";
        query += '"' + word + '"';
    }
    return query + " *";
}

// tsquery: 'change' & 'wind':*
std::string postgres_search_query(const std::vector<std::string>& words) {
    std::string query;
    for (const auto& word : words) {
        if (!query.empty())
            query += " & ";
        query += '\'' + word + '\'';
    }
    return query + ":*";
}

} // namespace

const Dialect sqlite_dialect{
    .name = "sqlite",
    .begin = "begin immediate",
    .begin_reading = "begin deferred",
    .lock_row = "",
    .search_matches = "s.search match :words",
    .by_state = " indexed by change_state",
    .single_server = true,
    .search_query = sqlite_search_query,
};

const Dialect postgres_dialect{
    .name = "postgres",
    // Whatever the database's own default is: rows that are waited for are read anew.
    .begin = "begin isolation level read committed read write",
    .begin_reading = "begin isolation level repeatable read read only",
    .lock_row = " for update",
    .search_matches = "s.vector @@ cast(:words as tsquery)",
    .by_state = "",
    .single_server = false,
    .search_query = postgres_search_query,
};

} // namespace slipway::store
