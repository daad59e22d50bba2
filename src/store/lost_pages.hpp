// SPDX-License-Identifier: Apache-2.0
// Pages of SQLite's file that are gone, and that SQLite's own checks take for sound: what lies
// behind the end of the file it reads as zeros, and a page of zeros at the end of a long row as a
// row that ends in zeros. What the log beside the file still has is not lost. Each line names the
// table or index and the page, at most limits::file_findings_max of them; nothing for PostgreSQL.
// All throw DatabaseError when the file cannot be looked at.
#pragma once

#include <string>
#include <vector>

#include "store/connection.hpp"

namespace slipway::store {

// Behind the end of the file. Costs a look at the file's size, and at the log if there is one.
std::vector<std::string> cut_pages(Connection& db);

// Of nothing but zeros. Reads the whole file once; when there are such pages, SQLite is asked which
// are in use, which takes about as long as its quick_check.
std::vector<std::string> zeroed_pages(Connection& db);

// The same of the last page only, for a start that must not wait: one page is read. A file that
// still has a log beside it (the server was killed) is not looked at.
std::vector<std::string> zeroed_last_page(Connection& db);

} // namespace slipway::store
