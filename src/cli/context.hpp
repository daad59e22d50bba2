// SPDX-License-Identifier: Apache-2.0
// What every command works with: how to answer (people or programs), and the way to the server. The
// server's address and the token come from flags, the environment or the stored session, in this
// order; a stored token is never sent to another server than the one that gave it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/cli.hpp"
#include "cli/client.hpp"
#include "cli/session.hpp"
#include "cli/text.hpp"

namespace slipway::cli {

inline constexpr std::string_view server_default = "http://127.0.0.1:8420";

struct Context {
    const LocalCommands& local;
    const Surroundings& around;
    const std::vector<Command>& commands;
    bool json = false;
    bool quiet = false;
    std::string server = {};     // as given; empty: not given
    std::string token_file = {}; // as given
    Style style = {};            // of standard output

    std::string environment(const std::string& name) const {
        return local.environment ? local.environment(name) : std::string{};
    }

    // A line for people, left out with --json and --quiet.
    void say(std::string_view text) const;
    // JSON for programs, exactly as it came, on a line.
    void print_json(std::string_view text) const;
    // What was asked for: printed with --quiet as well.
    void print(std::string_view text) const;

    // Errors: that of the option --server for an address that is none; those of read_session() and
    // the token file.
    Result<std::string> server_address() const;
    Result<Client> client() const;
    // The same, with `most` as the time for one request.
    Result<Client> client(Span most) const;
    // SLIPWAY_TIMEOUT: how long one request may take; zero: the default.
    Result<Span> timeout() const;
    // A client that sends no token: for login, health and version.
    Result<Client> open_client() const;

    // A request whose answer is JSON. Errors: those of the server, and internal when the answer is
    // not JSON.
    Result<Json> get(std::string_view path, std::string* raw = nullptr) const;
    // A changing request. It has an Idempotency-Key of its own and `if_version` as If-Match.
    Result<HttpAnswer> change(
        std::string method, std::string path, const Json& body,
        const std::optional<std::string>& if_version = {}
    ) const;
    std::string fresh_key() const;

    // Shows "runbook.md  12 %", rewritten in place; empty when the error output is no terminal.
    std::function<void(std::uint64_t done, std::uint64_t total)> progress_line(std::string name
    ) const;
};

// The place of the session file; empty when the environment names no home.
std::string session_place(const Context& context);

// Percent-encodes one segment of a path or one value of a query (RFC 3986, unreserved characters).
std::string url_encoded(std::string_view text);
// "?a=b&c=d" of those names that were given.
std::string query_of(const Arguments& arguments, const std::vector<std::string>& names);

// The server's clock, which may be a sandbox's, in RFC 3339; empty when it does not tell the time.
std::string server_time(const Context& context);

// JSON of an answer; internal, naming the server, when it is not JSON.
Result<Json> json_of(const HttpAnswer& answer);

} // namespace slipway::cli
