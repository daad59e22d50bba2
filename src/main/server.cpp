// SPDX-License-Identifier: Apache-2.0
#include "main/server.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include <sys/resource.h>
#include <unistd.h>

#include "app/door.hpp"
#include "app/identity/identity.hpp"
#include "base/confinement.hpp"
#include "base/private_folder.hpp"
#include "cli/command.hpp"
#include "connectors/manifest_connectors.hpp"
#include "connectors/ring_secrets.hpp"
#include "http/api.hpp"
#include "http/listener.hpp"
#include "main/ledger_keeper.hpp"
#include "main/machine_runner.hpp"
#include "main/recorded_instances.hpp"
#include "main/replay_stream.hpp"
#include "main/resources.hpp"
#include "main/version.hpp"
#include "runner/junit.hpp"
#include "store/admin.hpp"
#include "store/conninfo.hpp"
#include "store/open.hpp"
#include "worker/worker.hpp"

namespace slipway {

namespace {

namespace fs = std::filesystem;

Result<domain::ToolReport> read_junit(std::string_view xml) {
    const auto read = TRY(runner::read_junit(xml));
    domain::ToolReport report{{}, read.began, read.zoned};
    for (const auto& result : read.results)
        report.results.push_back(
            {result.name, result.passed(), result.message,
             static_cast<std::uint32_t>((result.ended - result.started).count()), result.outside,
             std::nullopt}
        );
    return report;
}

void report(std::string_view line) {
    std::fprintf(stderr, "slipway: %.*s\n", static_cast<int>(line.size()), line.data());
}

store::Place place_of(const ServerOptions& options) {
    if (!options.postgres.empty())
        return store::PostgresOptions{options.postgres};
    return store::SqliteOptions{options.data};
}

Result<std::unique_ptr<app::Store>> open_store(const store::Place& place) {
    if (const auto* postgres = std::get_if<store::PostgresOptions>(&place))
        return store::open_postgres(*postgres);
    return store::open_sqlite(std::get<store::SqliteOptions>(place));
}

// Where entries of a damaged store cannot be replayed the server says so and starts all the same.
Result<std::unique_ptr<app::Store>> open_up_to_date(const store::Place& place) {
    auto opened = TRY(open_store(place));
    if (!TRY(store::has_stale_rows(place)))
        return opened;
    report("an older slipway made this store: its states and lists are made anew of its entries");
    opened.reset(); // a rebuild takes the directory for itself
    if (const auto done = store::rebuild(place, replay_stream, true); !done)
        report("they could not be made anew (slipway admin rebuild): " + done.error().message);
    return open_store(place);
}

// For connections_max connections and what the rooms open; more than that is no use.
constexpr rlim_t open_files = 8192;

// The usual limit of open files is as low as that of connections alone.
void raise_file_limit() {
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= open_files)
        return;
    files.rlim_cur = std::min<rlim_t>(files.rlim_max, open_files);
    (void)setrlimit(RLIMIT_NOFILE, &files);
}

// What was acknowledged is durable, so ending without more ado loses nothing but what is in hand.
[[noreturn]] void end_at_once(const sigset_t& signals) {
    int signal = 0;
    sigwait(&signals, &signal);
    report("ended by a second signal");
    std::_Exit(128 + signal);
}

// What opens this server's own doors.
std::vector<std::string> own_files(const ServerOptions& options) {
    auto files = store::secret_files_of(options.postgres);
    files.push_back(options.key_file);
    std::erase_if(files, [](const std::string& file) { return file.empty(); });
    return files;
}

// What an administrator puts into these folders may be run and read; nothing else on the machine.
// Rings have their part of it (connectors/ring_secrets.hpp).
connectors::SecretPolicy secret_policy(const ServerOptions& options, const fs::path& data) {
    connectors::SecretPolicy policy;
    policy.program_folders = {(data / "programs").string()};
    policy.secret_folders.push_back((data / "secrets").string());
    policy.withheld = own_files(options);
    return policy;
}

constexpr std::string_view export_prefix = "export-";

// A server that was killed while it wrote an export has left it behind.
void remove_left_exports(const fs::path& folder) {
    std::error_code failed;
    for (fs::directory_iterator walk(folder, failed), end; !failed && walk != end;) {
        const auto path = walk->path();
        walk.increment(failed);
        std::error_code ignored;
        if (path.filename().string().starts_with(export_prefix))
            fs::remove(path, ignored);
    }
}

// An exported bundle is streamed from a file that is gone when the answer is.
Result<http::BodyStream> stream_file(const fs::path& path) {
    auto file = std::make_shared<std::ifstream>(path, std::ios::binary);
    std::error_code failed;
    const auto size = fs::file_size(path, failed);
    fs::remove(path, failed);
    if (!*file)
        return fail(ErrorCode::unavailable, "the export cannot be read");
    return http::BodyStream{
        size, [file](const http::ChunkSink& sink) -> Result<void> {
            std::string chunk(limits::blob_chunk, '\0');
            while (file->read(chunk.data(), static_cast<std::streamsize>(chunk.size())) ||
                   file->gcount() > 0)
                TRY(sink(std::string_view(chunk.data(), static_cast<std::size_t>(file->gcount()))));
            return {};
        }};
}

// Empty when the tenant has none yet.
Result<domain::OrganisationRecord> organisation_of(app::Door& door, const TenantId& tenant) {
    const app::Actor system{tenant, PersonId(std::string(app::the_server)), {}, {}, "worker"};
    const auto shown = door.show_record(system, "organisation", "main");
    if (!shown && shown.error().code == ErrorCode::not_found)
        return domain::OrganisationRecord{};
    if (!shown)
        return tl::unexpected(shown.error());
    return restore<domain::OrganisationRecord>(std::string_view(shown->body));
}

class Server {
  public:
    explicit Server(const ServerOptions& options) : options_(options), clock_(machine_) {}

    ~Server(); // finishes what is in hand
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    Result<void> start();

    std::uint16_t port() const { return listener_->port(); }

    Result<std::optional<std::string>> setup_code() { return identity_->begin_setup(); }

    Mode mode() const { return keeper_->mode(); }

  private:
    Result<void> open_ledger();
    Result<void> open_rooms();
    Result<void> start_worker();
    http::Services services();

    const ServerOptions& options_;
    SystemClock machine_;
    SandboxClock clock_; // without an offset in production
    std::mutex advance_mutex_;
    SystemRandom random_;
    std::unique_ptr<app::Store> store_;
    std::unique_ptr<LedgerKeeper> keeper_;
    std::unique_ptr<app::Door> door_;
    std::unique_ptr<app::Identity> identity_;
    std::unique_ptr<RecordedInstances> instances_;
    std::unique_ptr<connectors::ManifestConnectors> connectors_;
    std::unique_ptr<MachineRunner> runner_;
    app::LiveTranscripts live_;
    std::unique_ptr<app::Probes> probes_;
    std::unique_ptr<http::Api> api_;
    std::unique_ptr<worker::Worker> worker_;
    std::unique_ptr<http::Listener> listener_;
};

// The folder that everything lies in. What this machine does not permit is no passing fault, so
// that nobody waits for a server that will never come. Errors: forbidden; that of the option --data
// when there can be no folder of this name; unavailable for anything else, such as a full disk.
Result<void> make_data_folder(const std::string& directory) {
    if (directory.empty())
        return cli::fail_option("data", "names no directory");
    std::error_code failed;
    fs::create_directories(directory, failed);
    if (!failed && !fs::is_directory(directory))
        failed = std::make_error_code(std::errc::not_a_directory);
    if (!failed && ::access(directory.c_str(), W_OK | X_OK) != 0)
        failed = {errno, std::generic_category()};
    if (!failed)
        return make_private(directory);
    const auto message = fmt::format("{} cannot hold the data: {}", directory, failed.message());
    for (const auto refusal :
         {std::errc::permission_denied, std::errc::operation_not_permitted,
          std::errc::read_only_file_system})
        if (failed == refusal)
            return fail(ErrorCode::forbidden, message);
    for (const auto impossible :
         {std::errc::no_such_file_or_directory, std::errc::not_a_directory, std::errc::file_exists,
          std::errc::filename_too_long})
        if (failed == impossible)
            return cli::fail_option("data", message);
    return fail(ErrorCode::unavailable, message);
}

// What is started for others must not reach what the ledger's proof rests on: one line of a runbook
// that nobody approved, on a test ring, could rewrite the database or take the signing key. Nor
// does it read the secrets of others: it is given those of its ring. This is what steps and
// commands of smoke checks see.
Result<Confinement> confinement(
    const ServerOptions& options, const fs::path& data, const connectors::SecretPolicy& secrets
) {
    if (options.unconfined) {
        report("--unconfined: steps and programs on this machine can reach the server's data");
        return Confinement{};
    }
    Confinement view{{data}, {}, {data / "work"}};
    // Where a link leads to changes when a key is rotated, so that is looked at each time.
    for (const auto* paths : {&secrets.secret_folders, &secrets.withheld})
        for (const auto& path : *paths) {
            std::error_code missing;
            const auto real = fs::canonical(path, missing);
            if (missing || !connectors::is_below(real, view.hidden))
                view.hidden.push_back(fs::absolute(path));
        }
    const auto tried = try_confinement(view);
    if (tried) {
        if (::geteuid() == 0)
            report("root runs this server, and a step of root's cannot be kept from everything: "
                   "give the server a user of its own");
        return view;
    }
    auto refusal = fail(
        ErrorCode::unavailable,
        fmt::format(
            "nothing is run on this machine, since it cannot be kept from the server's data ({}): "
            "permit user namespaces (sysctl user.max_user_namespaces), give the step a host, or "
            "start the server with --unconfined",
            tried.error().message
        )
    );
    report(refusal.value().message);
    return refusal;
}

// What programs of connectors see besides, and those that give secrets. No step does: a program
// that gives the secrets of production would give them to the test step that starts it.
Result<Confinement> with_programs(Result<Confinement> steps, const fs::path& data) {
    if (steps)
        steps->readable.push_back(data / "programs");
    return steps;
}

Result<void> Server::open_ledger() {
    TRY(make_data_folder(options_.data));
    TRY(lay_out_resources(options_.data));
    store_ = TRY(open_up_to_date(place_of(options_)));
    const auto mode = options_.sandbox ? Mode::sandbox : Mode::production;
    keeper_ = TRY(LedgerKeeper::open(*store_, clock_, random_, mode));
    if (keeper_->mode() == Mode::sandbox)
        clock_.advance(TRY(keeper_->clock_offset()));
    return {};
}

Result<void> Server::open_rooms() {
    const fs::path data = fs::canonical(options_.data);
    auto secrets = secret_policy(options_, data);
    door_ = TRY(app::Door::open(
        {*store_, clock_, random_, options_.data, read_junit,
         [secrets](domain::RingKind kind, const std::string& ring, std::string_view reference) {
             return connectors::check_reference(
                 reference, connectors::policy_of_ring(secrets, kind, ring)
             );
         },
         [this](const std::string& id, const domain::ConnectorRecord& connector) {
             return connectors_->check({id, connector.manifest, connector.settings});
         }}
    ));
    for (const auto& line : TRY(door_->edited_workflows()))
        report(line);
    identity_ = std::make_unique<app::Identity>(app::Identity::Parts{
        *store_,
        machine_,
        random_,
        TenantId("main"),
        [this](const app::Actor& actor, const PersonId& person, const Json& document)
            -> Result<void> {
            TRY(door_->put_record(actor, {"person", person.value, document, {}, {}}));
            return {};
        },
        {}});
    auto manifests = TRY(connectors::load_manifests({(data / "connectors").string()}));
    connectors::ConnectorOptions connecting;
    connecting.scratch_folder = (data / "scratch").string();
    std::error_code failed;
    for (const auto* folder : {"programs", "secrets", "scratch", "transcripts", "work"}) {
        fs::create_directories(data / folder, failed);
        if (failed)
            return fail(
                ErrorCode::unavailable,
                fmt::format("cannot make {}: {}", (data / folder).string(), failed.message())
            );
        TRY(make_private(data / folder));
    }
    remove_left_exports(data / "scratch");
    const auto steps = confinement(options_, data, secrets);
    connecting.confinement = secrets.confinement = with_programs(steps, data);
    connecting.policy = secrets;
    runner_ = std::make_unique<MachineRunner>(
        clock_, random_, MachineRunnerOptions{data / "scratch", data / "work", steps, secrets, {}}
    );
    probes_ = std::make_unique<app::Probes>(app::Probes::Parts{
        clock_, random_, [this](const TenantId& tenant) { return organisation_of(*door_, tenant); },
        keeper_->mode() == Mode::sandbox});
    instances_ = std::make_unique<RecordedInstances>(*door_);
    connectors_ = std::make_unique<connectors::ManifestConnectors>(
        std::move(manifests), *instances_, clock_, random_, std::move(connecting)
    );
    return {};
}

http::Services Server::services() {
    http::Services services{*door_, *identity_, live_, std::string(version)};
    services.report = report;
    services.probes = probes_.get();
    services.checkpoint = [this] { return keeper_->publish(); };
    services.export_change =
        [this](const app::Actor& actor, const std::string& change) -> Result<http::BodyStream> {
        TRY(app::require_permission(actor, domain::Permission::change_read));
        TRY(door_->show_change(actor, change));
        const auto path = fs::path(options_.data) / "scratch" /
                          (std::string(export_prefix) + readable_token(random_, 16) + ".zip");
        if (const auto made = keeper_->export_change(actor.tenant, change, path); !made) {
            std::error_code ignored;
            fs::remove(path, ignored);
            return tl::unexpected(made.error());
        }
        return stream_file(path);
    };
    if (keeper_->mode() == Mode::sandbox)
        services.advance_clock = [this](const app::Actor& actor, Span by) -> Result<Time> {
            if (by <= Span::zero())
                return fail_field("by", "a sandbox clock only goes forward");
            const std::lock_guard one_at_a_time(advance_mutex_);
            clock_.advance(by);
            TRY(keeper_->note_advance(actor.person, actor.tenant, clock_.now(), clock_.offset()));
            worker_->wake();
            return clock_.now();
        };
    return services;
}

Result<void> Server::start_worker() {
    const auto publish = [this]() -> Result<void> {
        TRY(keeper_->publish());
        return {};
    };
    worker_ = std::make_unique<worker::Worker>(worker::WorkerParts{
        .door = *door_,
        .connectors = *connectors_,
        .runner = *runner_,
        .server = "server-" + readable_token(random_, 8),
        .live = live_,
        .transcripts = fs::absolute(options_.data) / "transcripts",
        .publish = publish,
        .report = report,
        .facts_script = probe("facts.sh"),
        .preflight_script = probe("preflight.sh"),
        .probes = probes_.get(),
    });
    return {};
}

Result<void> Server::start() {
    TRY(open_ledger());
    TRY(open_rooms());
    api_ = std::make_unique<http::Api>(services());
    TRY(start_worker());
    http::ListenerOptions listening;
    listening.address = options_.address;
    listening.port = options_.port;
    listening.certificate_file = options_.certificate_file;
    listening.key_file = options_.key_file;
    listening.trusted_proxies = options_.trusted_proxies;
    listener_ = TRY(http::Listener::start(*api_, listening));
    live_.on_added([this] { listener_->wake_streams(); });
    probes_->on_work([this] { listener_->wake_streams(); });
    store_->on_committed([this](std::uint64_t) {
        listener_->wake_streams();
        worker_->wake();
    });
    return {};
}

Server::~Server() {
    if (listener_)
        listener_->stop();
    if (worker_)
        worker_->stop();
    if (keeper_)
        (void)keeper_->publish();
    if (store_)
        store_->on_committed({});
    live_.on_added({});
    if (probes_)
        probes_->on_work({});
}

// A fault that somebody can mend (it has a reason, such as a damaged file) is met by a server that
// serves inside of itself, and by one that starts in what it was given.
tl::unexpected<Error> refusal_to_start(Error error) {
    if (error.code == ErrorCode::internal && !error.reasons.empty())
        error.code = ErrorCode::blocked;
    return tl::unexpected(std::move(error));
}

// Whoever waits for the file would wait for ever when it does not come. It is there with all of the
// address or not at all.
Result<void> tell_address(const std::string& ready_file, const std::string& address) {
    if (ready_file.empty())
        return {};
    const auto unfinished = ready_file + ".new";
    std::ofstream ready(unfinished);
    ready << address << '\n';
    ready.close();
    std::error_code failed;
    if (!ready)
        failed = {errno, std::generic_category()};
    else
        fs::rename(unfinished, ready_file, failed);
    if (!failed)
        return {};
    return fail_field(
        "ready_file", fmt::format("{} cannot be written: {}", ready_file, failed.message())
    );
}

} // namespace

Result<void> serve(const ServerOptions& options) {
    // Blocked before any thread starts, so that all of them leave these signals to us.
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    // Whoever started us may have ignored it, and then nobody could know how a step ended.
    std::signal(SIGCHLD, SIG_DFL);
    raise_file_limit();
    Server server(options);
    if (auto started = server.start(); !started)
        return refusal_to_start(std::move(started).error());
    const auto scheme = options.certificate_file.empty() ? "http" : "https";
    const bool bracketed = options.address.find(':') != std::string::npos; // RFC 3986, 3.2.2
    const auto address = fmt::format(
        "{}://{}{}{}:{}", scheme, bracketed ? "[" : "", options.address, bracketed ? "]" : "",
        server.port()
    );
    fmt::print("slipway {} ({}) answers at {}\n", version, to_text(server.mode()), address);
    if (const auto code = TRY(server.setup_code()))
        // The code is asked for: on the command line everybody on the machine could read it.
        fmt::print(
            "No administrator yet. Set one up with\n  slipway setup --server {} --person ID "
            "--name NAME\nwhich asks for this code and for a password\n  setup code: {}\n",
            address, *code
        );
    std::fflush(stdout);
    TRY(tell_address(options.ready_file, address));
    int signal = 0;
    sigwait(&signals, &signal);
    fmt::print("slipway: ending; a second signal ends at once\n");
    std::fflush(stdout);
    std::thread([signals] { end_at_once(signals); }).detach();
    return {};
}

} // namespace slipway
