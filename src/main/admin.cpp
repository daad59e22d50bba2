// SPDX-License-Identifier: Apache-2.0
#include "main/admin.hpp"

#include <charconv>
#include <filesystem>

#include <arpa/inet.h>

#include "app/library.hpp"
#include "app/tenant_records.hpp"
#include "base/clock.hpp"
#include "domain/records/networks.hpp"
#include "main/ledger_keeper.hpp"
#include "main/replay_stream.hpp"
#include "main/server.hpp"
#include "store/admin.hpp"
#include "store/bundle/bundle.hpp"
#include "store/open.hpp"

namespace slipway {

namespace {

using cli::Arguments;

const cli::Option data_option{"data", "DIR", "data directory of the server", true};

store::Place place_of(const Arguments& arguments, bool read_only) {
    if (const auto postgres = arguments.text("postgres"); !postgres.empty())
        return store::PostgresOptions{postgres, read_only};
    return store::SqliteOptions{arguments.text("data"), read_only};
}

// What only reads or repairs makes no data directory: a mistyped name must not look like a server
// that cannot be reached. Errors: not_found, and how to make one.
Result<void> require_data(const store::Place& place) {
    const auto* options = std::get_if<store::SqliteOptions>(&place);
    std::error_code unreadable;
    // What cannot be looked at is for the store to say.
    if (options == nullptr ||
        std::filesystem::exists(options->directory + "/slipway.db", unreadable) || unreadable)
        return {};
    const bool there = std::filesystem::exists(options->directory, unreadable);
    return fail(
        ErrorCode::not_found,
        fmt::format(
            "{0}: {1}; a server makes one: slipway serve --data {0}", options->directory,
            there ? "is no data directory, there is no slipway.db in it"
                  : "there is no such data directory"
        )
    );
}

const cli::Option postgres_option{
    "postgres", "CONNINFO", "PostgreSQL instead of the data directory"};

// Names are not looked up; a zone may follow an IPv6 address (fe80::1%eth0).
bool is_address(std::string_view text) {
    const std::string bare(text.substr(0, text.find('%')));
    in6_addr any{};
    return ::inet_pton(AF_INET, bare.c_str(), &any) == 1 ||
           ::inet_pton(AF_INET6, bare.c_str(), &any) == 1;
}

// "127.0.0.1:8420" or "[::1]:8420".
Result<void> read_listen(std::string_view text, ServerOptions& options) {
    const auto colon = text.rfind(':');
    const auto digits = colon == std::string_view::npos ? "" : text.substr(colon + 1);
    const auto [stop, failed] =
        std::from_chars(digits.data(), digits.data() + digits.size(), options.port);
    auto address = text.substr(0, colon);
    if (address.starts_with('[') && address.ends_with(']'))
        address = address.substr(1, address.size() - 2);
    else if (address.find(':') != std::string_view::npos)
        address = {}; // which colon is the last one's?
    if (failed != std::errc{} || stop != digits.data() + digits.size() || !is_address(address))
        return cli::fail_option(
            "listen", "expected ADDRESS:PORT, such as 127.0.0.1:8420 or [::1]:8420"
        );
    options.address = address;
    return {};
}

cli::Option trusted_proxy_option() {
    auto option = cli::valued("trusted_proxy", "NETWORK", "believe its X-Forwarded-For");
    option.repeated = true;
    return option;
}

} // namespace

cli::LocalCommand serve_command() {
    cli::LocalCommand command;
    command.summary = "Run a server";
    command.options = {
        data_option,
        cli::valued("listen", "ADDRESS:PORT", "where to answer; 127.0.0.1:8420 by default"),
        postgres_option,
        cli::flag("sandbox", "training server with a clock that can be advanced; for good"),
        cli::valued("tls_certificate", "FILE", "PEM chain; with --tls_key: HTTPS"),
        cli::valued("tls_key", "FILE", "PEM key"),
        cli::flag(
            "unconfined",
            "steps and programs on this machine can reach the server's data; where no "
            "namespaces are permitted"
        ),
        trusted_proxy_option(),
        cli::valued("ready_file", "FILE", "gets the address when the server answers"),
    };
    command.example = "slipway serve --data /var/lib/slipway";
    command.run = [](const Arguments& arguments) -> Result<Json> {
        ServerOptions options;
        options.data = arguments.text("data");
        options.postgres = arguments.text("postgres");
        options.sandbox = arguments.has("sandbox");
        options.certificate_file = arguments.text("tls_certificate");
        options.key_file = arguments.text("tls_key");
        options.unconfined = arguments.has("unconfined");
        options.ready_file = arguments.text("ready_file");
        if (const auto listen = arguments.text("listen"); !listen.empty())
            TRY(read_listen(listen, options));
        for (const auto& network : arguments.all("trusted_proxy")) {
            TRY(domain::check_network(network, "--trusted_proxy"));
            options.trusted_proxies.push_back(network);
        }
        TRY(serve(options));
        return Json{};
    };
    return command;
}

cli::LocalCommand backup_command() {
    cli::LocalCommand command;
    command.summary = "Copy the data of a running or stopped server and verify the copy";
    command.options = {cli::positional("target", "a new or empty directory"), data_option};
    command.example = "slipway admin backup /backup/monday --data /var/lib/slipway";
    command.run = [](const Arguments& arguments) -> Result<Json> {
        TRY(require_data(store::SqliteOptions{arguments.text("data"), true}));
        return to_json(TRY(store::backup({arguments.text("data")}, arguments.text("target"))));
    };
    return command;
}

cli::LocalCommand restore_command() {
    cli::LocalCommand command;
    command.summary =
        "Restore a backup into an empty data directory; beside the original never serve it";
    command.options = {cli::positional("source", "directory of the backup"), data_option};
    command.example = "slipway admin restore /backup/monday --data /var/lib/slipway";
    command.run = [](const Arguments& arguments) -> Result<Json> {
        return to_json(TRY(store::restore(arguments.text("source"), {arguments.text("data")})));
    };
    return command;
}

cli::LocalCommand rebuild_command() {
    cli::LocalCommand command;
    command.summary = "Recreate states and lists from the events; report what differed";
    command.options = {
        data_option, postgres_option, cli::flag("check", "only report, change nothing")};
    command.example = "slipway admin rebuild --data /var/lib/slipway --check";
    command.is_sound = [](const Json& answer) {
        return answer.at("repaired").as_bool() || answer.at("different").to_number<int>() == 0;
    };
    command.run = [](const Arguments& arguments) -> Result<Json> {
        const bool repair = !arguments.has("check");
        const auto place = place_of(arguments, !repair);
        TRY(require_data(place));
        const auto report = TRY(store::rebuild(place, replay_stream, repair));
        JsonObject shown{
            {"streams", report.streams},
            {"events", report.events},
            {"different", report.different},
            {"repaired", repair && report.different != 0}};
        JsonArray differences;
        for (const auto& difference : report.differences)
            differences.push_back(JsonObject{
                {"stream",
                 fmt::format(
                     "{}/{}/{}", difference.key.tenant.value, difference.key.kind, difference.key.id
                 )},
                {"what", difference.what}});
        shown["differences"] = std::move(differences);
        return Json(std::move(shown));
    };
    return command;
}

cli::LocalCommand doctor_command() {
    cli::LocalCommand command;
    command.summary = "Examine the data: all that verify does, and every index, versions, tasks";
    command.options = {data_option, postgres_option};
    command.example = "slipway admin doctor --data /var/lib/slipway";
    command.is_sound = [](const Json& answer) { return answer.at("healthy").as_bool(); };
    command.run = [](const Arguments& arguments) -> Result<Json> {
        const auto place = place_of(arguments, true);
        TRY(require_data(place));
        JsonArray shown;
        for (const auto& finding : TRY(store::doctor(place)))
            shown.push_back(JsonObject{
                {"check", finding.check}, {"message", finding.message}, {"remedy", finding.remedy}}
            );
        JsonObject answer{{"healthy", shown.empty()}};
        answer["findings"] = std::move(shown);
        return Json(std::move(answer));
    };
    return command;
}

Result<app::SecretShown> code_for_administrator(app::Store& store, const PersonId& person) {
    const TenantId tenant("main");
    const auto registered = TRY(app::TenantRecords(store).of(tenant));
    std::vector<std::string> known;
    bool administers = false;
    for (const auto& [id, record] : registered->people)
        if (domain::administers(record)) {
            administers = administers || id == person;
            known.push_back(id.value);
        }
    if (!administers)
        return fail(
            ErrorCode::not_found,
            fmt::format(
                "there is no active administrator {}; there are: {}", person.value,
                known.empty() ? "none" : fmt::format("{}", fmt::join(known, ", "))
            )
        );
    const SystemClock clock;
    SystemRandom random;
    const auto keeper = TRY(LedgerKeeper::open(store, clock, random, std::nullopt));
    app::Identity identity({store, clock, random, tenant, {}, {}});
    const app::Actor machine{tenant, PersonId(std::string(app::the_server)), {}, {}, "admin"};
    auto code = TRY(identity.give_code(machine, person));
    TRY(keeper->publish());
    return code;
}

cli::LocalCommand password_code_command() {
    cli::LocalCommand command;
    command.summary = "Give an administrator a one-time code for a new password, server stopped";
    command.options = {
        cli::positional("person", "an active administrator"), data_option, postgres_option};
    command.example = "slipway admin password_code anna --data /var/lib/slipway";
    command.run = [](const Arguments& arguments) -> Result<Json> {
        const auto place = place_of(arguments, false);
        TRY(require_data(place));
        const auto* postgres = std::get_if<store::PostgresOptions>(&place);
        const auto store = postgres ? TRY(store::open_postgres(*postgres))
                                    : TRY(store::open_sqlite({arguments.text("data")}));
        return to_json(TRY(code_for_administrator(*store, PersonId(arguments.text("person")))));
    };
    return command;
}

Result<Json> verify_ledger(const store::Place& place, const std::string& key) {
    std::optional<domain::VerifierKey> trusted;
    if (!key.empty())
        trusted = TRY(domain::verifier_key_from_text(key));
    TRY(require_data(place));
    return to_json(TRY(store::verify(place, trusted)));
}

Result<Json> verify_data_directory(const std::string& directory, const std::string& key) {
    return verify_ledger(store::SqliteOptions{directory, true}, key);
}

Result<Json> verify_postgres(const std::string& conninfo, const std::string& key) {
    return verify_ledger(store::PostgresOptions{conninfo, true}, key);
}

Result<Json> verify_exported_change(const std::string& file, const std::string& key) {
    std::optional<domain::VerifierKey> trusted;
    if (!key.empty())
        trusted = TRY(domain::verifier_key_from_text(key));
    return to_json(store::verify_bundle(TRY(store::read_bundle(file)), trusted));
}

} // namespace slipway
