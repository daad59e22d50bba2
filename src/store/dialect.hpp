// SPDX-License-Identifier: Apache-2.0
// Everything in which the SQL of the two databases differs, apart from the migrations. All other
// statements of this room run on both as they are.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slipway::store {

struct Dialect {
    std::string_view name;           // as in the names of the migration files
    std::string_view begin;          // opens a transaction that is going to write
    std::string_view begin_reading;  // opens one that reads one state of the database
    std::string_view lock_row;       // ends a select whose row no other transaction may change
    std::string_view search_matches; // condition on the table search as s, parameter :words
    std::string_view by_state;       // behind a table change_index: its rows by state and slot
    bool single_server;              // no other server can be at work on this database

    // The query for words that must all be there, the last one as the beginning of a word. The
    // words hold letters and digits only, so nothing in them can be syntax.
    std::string (*search_query)(const std::vector<std::string>& words);
};

extern const Dialect sqlite_dialect;
extern const Dialect postgres_dialect;

} // namespace slipway::store
