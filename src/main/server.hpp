// SPDX-License-Identifier: Apache-2.0
// A running server: every room put together. Built from the bottom up and ended the other way
// round.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace slipway {

struct ServerOptions {
    std::string data;     // directory of this server
    std::string postgres; // libpq connection string; empty: SQLite in the data directory
    std::string address = "127.0.0.1";
    std::uint16_t port = 8420;
    std::string certificate_file;
    std::string key_file;
    bool sandbox = false;
    bool unconfined = false; // programs started for others can reach what is the server's
    std::vector<std::string> trusted_proxies; // networks whose X-Forwarded-For is believed
    std::string ready_file;                   // gets the address when the server answers
};

// Serves until SIGINT or SIGTERM. Prints the address, and the set-up code at the first start.
Result<void> serve(const ServerOptions& options);

} // namespace slipway
