// SPDX-License-Identifier: Apache-2.0
// What SQLite finds when it looks through its own file, and what of it is gone (lost_pages.hpp).
// PostgreSQL has no such check that a client
// could ask for: its server looks at the checksum of every page that it reads, when the cluster was
// made with them, and its operator has pg_amcheck.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/connection.hpp"

namespace slipway::store {

// structure: every page of every table and index can be read and stands in its place, which takes
// about as long as reading the file. pages: also that none is lost (lost_pages.hpp), which reads
// the file once more. indexes: also that each index has exactly the rows of its table, which is
// several times slower and grows faster than the file.
enum class FileCheck : std::uint8_t { structure, pages, indexes };

inline constexpr std::string_view mend_of_damage =
    "stop the server, keep the damaged file, and restore the newest backup that verifies into an "
    "empty directory: slipway admin restore BACKUP --data DIR. The exported ZIP of a change goes "
    "on proving that change";

// A database that nobody should go on with: blocked, with the mend in its reason.
Error damaged(std::string what);

// What is wrong, in SQLite's words and with the table that it is about, where that can be told; at
// most limits::file_findings_max lines. Nothing for a sound file, and for PostgreSQL. Throws
// DatabaseError when the file cannot be looked at, but not because it is damaged.
std::vector<std::string> file_findings(Connection& db, FileCheck check);
// Errors: blocked with all of that.
Result<void> require_sound_file(Connection& db, FileCheck check);
// The same of a file in which SQLite could not even begin to read.
std::string file_finding(const DatabaseError& error);

} // namespace slipway::store
