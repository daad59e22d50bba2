// SPDX-License-Identifier: Apache-2.0
// The program `slipway` as people and pipelines use it. Commands talk to the server through the
// public HTTP API as every client does; what needs the store (serve, admin, verification) is handed
// in by src/main as hooks, because the cli may not include the store. Nothing here reads the
// environment, the clock or randomness on its own: they come in as Surroundings.
#pragma once

#include <functional>
#include <iosfwd>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "app/ports/runner.hpp"
#include "base/clock.hpp"
#include "base/json.hpp"
#include "base/random.hpp"
#include "cli/command.hpp"

namespace slipway::cli {

// A command of the store. The options are data, so help and completion know them. What `run`
// returns is shown as a table, or as it is with --json; null shows nothing.
struct LocalCommand {
    std::string summary;
    std::vector<Option> options;
    std::function<Result<Json>(const Arguments&)> run;
    std::string example = {};
    // Of an examination: whether nothing was found. Otherwise the exit code is that of a refusal.
    std::function<bool(const Json& answer)> is_sound = {};
};

// Runs one smoke check on this machine.
using RunCheck = std::function<
    domain::CheckResult(const domain::SmokeCheck&, const app::RingSetting&, std::stop_token)>;

struct LocalCommands {
    std::string version; // "0.1.0"
    // The value of an environment variable, or empty.
    std::function<std::string(const std::string& name)> environment;
    // A command without `run` is left out.
    LocalCommand serve;
    LocalCommand admin_backup;
    LocalCommand admin_restore;
    LocalCommand admin_rebuild;
    LocalCommand admin_doctor;
    LocalCommand admin_password_code; // gives an encode()d app::SecretShown
    // encode()d domain::LedgerReport and store::BundleReport. `key` is the text of a verifier key,
    // or empty: then the data directory's, or the bundle's own.
    std::function<Result<Json>(const std::string& directory, const std::string& key)>
        verify_data_directory;
    std::function<Result<Json>(const std::string& conninfo, const std::string& key)>
        verify_postgres;
    std::function<Result<Json>(const std::string& file, const std::string& key)> verify_bundle;
    // The script that gathers the facts of a host.
    std::string facts_script = {};
    // What a probe runs checks with; `data` is the folder of its secrets, or empty.
    std::function<RunCheck(const std::string& data)> check_runner;
};

// What the program finds around it. The tests bring their own.
struct Surroundings {
    std::istream& in;
    std::ostream& out;
    std::ostream& err;
    bool out_is_terminal = false;
    bool err_is_terminal = false;
    std::size_t width = 80; // columns of the terminal
    const Clock& clock;
    Random& random;
    // Returns after `span`; false when the program should end instead.
    std::function<bool(Span span)> wait;
    // Asks on the terminal without echo. Errors: unavailable when there is no terminal.
    std::function<Result<std::string>(std::string_view prompt)> read_password;
};

// Returns an exit code of cli/exit_codes.hpp. Never throws.
int run_cli(int argc, char** argv, const LocalCommands& local);
int run_cli(
    const std::vector<std::string>& arguments, const LocalCommands& local,
    const Surroundings& surroundings
);

} // namespace slipway::cli
