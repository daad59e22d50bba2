// SPDX-License-Identifier: Apache-2.0
// Connection strings of PostgreSQL, keywords or URI (libpq, "Connection Strings").
#pragma once

#include <string>
#include <vector>

namespace slipway::store {

// The same with limits for what the string leaves open: 10 s to connect to each address, and 30 s
// until a server that has gone without a word, such as for a cut cable, is given up. Without them a
// query would wait for as long as the system tries to send, a quarter of an hour. What cannot be
// read comes back as it is, and a string that names a service leaves the limits to that.
std::string with_time_limits(const std::string& conninfo);

// The files that it names and that hold secrets: password file and client key.
std::vector<std::string> secret_files_of(const std::string& conninfo);

} // namespace slipway::store
