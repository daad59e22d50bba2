// SPDX-License-Identifier: Apache-2.0
// Measures the store: durable commits a second with 64 clients, the scan of the ledger with
// RFC 6962 hashing, the whole verification of it, finding changes among 100,000, opening, and
// proofs. Each commit has one event and a summary, every sixteenth a state document of 6 KB, in the
// client's own stream. Gives the median and range of the runs. `slipway verify <directory>/scan`
// measures the command. Usage: store_bench <empty directory> [commit|search|scan]... ;
// STORE_BENCH_POSTGRES=<conninfo> measures PostgreSQL's commits.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <latch>
#include <set>
#include <stdexcept>
#include <thread>

#include <fmt/format.h>

#include "domain/ledger/checkpoint.hpp"
#include "domain/ledger/envelope.hpp"
#include "domain/ledger/merkle.hpp"
#include "domain/ledger/opening.hpp"
#include "store/admin.hpp"
#include "store/open.hpp"
#include "store/place.hpp"

namespace {

using namespace slipway;
using Clock = std::chrono::steady_clock;

constexpr int clients = 64;
constexpr std::uint64_t commits_each = 1000;
constexpr int runs = 5;
constexpr std::uint64_t changes = 100'000;
constexpr std::uint64_t scanned_events = 1'000'000;
constexpr std::uint64_t events_of_life = 50; // of one change, about

template <class T>
T must(Result<T> result) {
    if (!result)
        throw std::runtime_error(result.error().message + ": " + result.error().detail);
    if constexpr (!std::is_void_v<T>)
        return *std::move(result);
}

double ms_since(Clock::time_point start) {
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double quantile(std::vector<double>& values, double part) {
    std::sort(values.begin(), values.end());
    return values[static_cast<std::size_t>(static_cast<double>(values.size() - 1) * part)];
}

std::unique_ptr<app::Store> open(const std::string& directory) {
    if (const char* conninfo = std::getenv("STORE_BENCH_POSTGRES"))
        return must(store::open_postgres({.conninfo = conninfo}));
    return must(store::open_sqlite({.directory = directory}));
}

app::NewEvent event_of(
    const std::string& kind, const std::string& stream, std::uint64_t version, std::size_t size
) {
    app::NewEvent event;
    event.type = "field_set";
    event.at = Time(Span(1'700'000'000'000 + static_cast<std::int64_t>(version)));
    event.body = domain::write_envelope(
        {"acme", kind, stream, version, event.type, to_text(event.at), "person-7"}
    );
    event.body +=
        fmt::format(R"(,"via":"session","data":{{"pad":"{}"}}}})", std::string(size, 'x'));
    event.leaf = domain::leaf_hash(event.body);
    return event;
}

const std::vector<std::string> words{"deploy",  "billing", "router", "upgrade",  "database",
                                     "harbor",  "patch",   "kernel", "rollback", "failover",
                                     "payment", "cluster", "switch", "storage",  "mail"};
const std::vector<std::string> states{"draft", "in_review", "approved", "closed"};

app::ChangeSummary summary_of(std::uint64_t number) {
    app::ChangeSummary summary;
    summary.id = fmt::format("CHG-{}", number);
    summary.number = number;
    summary.title = fmt::format(
        "{} of {} number {}", words[number % words.size()], words[number * 7 % words.size()], number
    );
    // Most changes of a long-lived installation are closed.
    summary.state = number % 50 == 0 ? states[number / 50 % 3] : states[3];
    summary.type = number % 3 == 0 ? "standard" : "normal";
    summary.requester = fmt::format("person-{}", number % 200);
    summary.change_owner = fmt::format("person-{}", number % 90);
    summary.window_start = Time(Span(1'700'000'000'000 + static_cast<Span::rep>(number) * 600'000));
    summary.window_end = *summary.window_start + std::chrono::hours(2);
    summary.cis = {fmt::format("ci-{}", number % 500), fmt::format("ci-{}", number * 31 % 4000)};
    summary.search_text = summary.title + fmt::format(" ticket{} host{}", number, number % 997);
    for (int i = 0; i < 30; ++i)
        summary.search_text += " " + words[(number + static_cast<unsigned>(i) * 3) % words.size()];
    return summary;
}

app::Commit commit_of(
    const std::string& stream, std::uint64_t number, std::uint64_t version, std::size_t state_size
) {
    app::StreamWrite write;
    write.key = {TenantId("acme"), "change", stream};
    write.expected_version = version;
    write.events.push_back(event_of("change", stream, version + 1, 300));
    // As the door does: the document may lag behind, and the filters rarely change.
    if (version % limits::state_lag_max == 0)
        write.state =
            fmt::format(R"({{"n":{},"pad":"{}"}})", version, std::string(state_size, 's'));
    write.summary = summary_of(number);
    write.summary->id = stream;
    write.summary->updated_at = Time(Span(static_cast<Span::rep>(version)));
    write.search_changed = version % 10 == 0; // most commands change no searchable text
    write.filters_changed = version % 5 == 0;
    app::Commit commit;
    commit.writes.push_back(std::move(write));
    return commit;
}

void measure_commits(const std::string& directory) {
    const auto store = open(directory);
    std::vector<double> rates;
    for (int run = 0; run < runs; ++run) {
        std::vector<std::vector<double>> times(clients);
        std::vector<std::thread> threads;
        std::latch together(clients + 1);
        for (int c = 0; c < clients; ++c)
            threads.emplace_back([&, c] {
                const auto stream = fmt::format("run{}-{}", run, c);
                const auto number = static_cast<std::uint64_t>(run * clients + c + 1);
                together.arrive_and_wait();
                for (std::uint64_t i = 0; i < commits_each; ++i) {
                    auto commit = commit_of(stream, number, i, 6000);
                    const auto start = Clock::now();
                    must(store->commit(std::move(commit)));
                    times[static_cast<std::size_t>(c)].push_back(ms_since(start));
                }
            });
        together.arrive_and_wait();
        const auto start = Clock::now();
        for (auto& thread : threads)
            thread.join();
        const auto seconds = ms_since(start) / 1000;
        std::vector<double> all;
        for (auto& of_client : times)
            all.insert(all.end(), of_client.begin(), of_client.end());
        rates.push_back(static_cast<double>(all.size()) / seconds);
        fmt::print(
            "commit run {}: {:.0f} events/s, p50 {:.2f} ms, p99 {:.2f} ms\n", run + 1, rates.back(),
            quantile(all, 0.5), quantile(all, 0.99)
        );
    }
    const auto median = quantile(rates, 0.5);
    fmt::print(
        "commit: median {:.0f} events/s, range {:.0f} to {:.0f}\n", median, rates.front(),
        rates.back()
    );
}

void measure_query(
    const std::string& name, app::Store& store, const std::function<app::ChangeQuery(int)>& make
) {
    std::vector<double> times;
    std::size_t found = 0;
    for (int i = 0; i < 1000; ++i) {
        auto query = make(i);
        query.tenant = TenantId("acme");
        const auto start = Clock::now();
        found += must(store.find_changes(query)).size();
        times.push_back(ms_since(start));
    }
    const auto p50 = quantile(times, 0.5);
    fmt::print(
        "find by {}: p50 {:.2f} ms, p99 {:.2f} ms, worst {:.2f} ms, {:.1f} rows\n", name, p50,
        quantile(times, 0.99), times.back(), static_cast<double>(found) / 1000
    );
}

void measure_search(const std::string& directory) {
    {
        const auto store = open(directory);
        for (std::uint64_t number = 1; number <= changes;) {
            app::Commit commit;
            for (int i = 0; i < 500 && number <= changes; ++i, ++number) {
                auto one = commit_of(fmt::format("CHG-{}", number), number, 0, 1000);
                commit.writes.push_back(std::move(one.writes.front()));
            }
            must(store->commit(std::move(commit)));
        }
    }
    const auto start = Clock::now();
    const auto store = open(directory);
    must(store->find_changes({.tenant = TenantId("acme")}));
    fmt::print("open and first page: {:.1f} ms\n", ms_since(start));
    using Query = app::ChangeQuery;
    measure_query("nothing", *store, [](int) { return Query{}; });
    measure_query("rare state", *store, [](int i) {
        return Query{.states = {states[static_cast<unsigned>(i) % 3]}};
    });
    measure_query("four states", *store, [](int) { return Query{.states = states}; });
    measure_query("requester and state", *store, [](int i) {
        return Query{.states = {"closed"}, .requester = fmt::format("person-{}", i % 200)};
    });
    measure_query("ci", *store, [](int i) {
        return Query{.cis = {fmt::format("ci-{}", i % 500)}};
    });
    measure_query("frequent words", *store, [](int i) {
        const auto n = static_cast<unsigned>(i);
        return Query{.text = words[n % words.size()] + " " + words[(n + 3) % words.size()]};
    });
    measure_query("one ticket", *store, [](int i) {
        return Query{.text = fmt::format("ticket{}", i * 97)};
    });
    measure_query("word beginning", *store, [](int i) {
        return Query{
            .text = words[static_cast<unsigned>(i) % words.size()].substr(
                0, 1 + static_cast<unsigned>(i) % 4
            )};
    });
    measure_query("frequent word and rare state", *store, [](int i) {
        return Query{.text = words[static_cast<unsigned>(i) % words.size()], .states = {"draft"}};
    });
    measure_query("week among the newest windows", *store, [](int i) {
        const Time from(Span(1'754'000'000'000 + static_cast<Span::rep>(i) * 5'000'000));
        return Query{.window_from = from, .window_until = from + std::chrono::hours(24 * 7)};
    });
}

app::StreamWrite stream_of(const std::string& kind, const std::string& id, std::uint64_t events) {
    app::StreamWrite write;
    write.key = {TenantId("acme"), kind, id};
    for (std::uint64_t version = 1; version <= events; ++version)
        write.events.push_back(event_of(kind, id, version, 300));
    write.state = "{}";
    return write;
}

// A ledger as a server writes it: its first entry names the key, and a checkpoint covers it all.
void fill_ledger(app::Store& store) {
    const auto key = must(domain::make_signing_key("store-bench", domain::KeyBytes{1}));
    auto size = must(store.ledger_size());
    if (size == 0) {
        auto write = stream_of("ledger", "ledger", 0);
        const auto data = encode(domain::LedgerOpening{
            domain::LedgerMode::sandbox, key.verifier.name, domain::key_text(key.verifier)});
        auto event = event_of("ledger", "ledger", 1, 0);
        event.type = domain::opening_type;
        event.body = domain::write_envelope(
                         {"acme", "ledger", "ledger", 1, event.type, to_text(event.at), "slipway"}
                     ) +
                     ",\"data\":" + data + "}";
        event.leaf = domain::leaf_hash(event.body);
        write.events.push_back(std::move(event));
        app::Commit commit;
        commit.writes.push_back(std::move(write));
        size = must(store.commit(std::move(commit))).next_seq;
    }
    while (size < scanned_events) {
        app::Commit commit;
        for (std::uint64_t i = 0; i < 40; ++i)
            commit.writes.push_back(stream_of(
                "record", fmt::format("bulk-{}", size + i * events_of_life), events_of_life
            ));
        size = must(store.commit(std::move(commit))).next_seq;
    }
    const auto head = must(store.ledger_head());
    must(store.put_checkpoint(
        {head.size, Time{},
         domain::sign_checkpoint({key.verifier.name, head.size, head.root, {}}, key)}
    ));
}

// The ledger alone, and then all that `slipway verify` looks at: SQLite's own file as well, which
// is read three times for that.
void measure_verify(const std::string& directory) {
    const store::Place place = store::SqliteOptions{.directory = directory};
    const auto measure = [&](std::string_view what, const auto& verify) {
        std::vector<double> rates;
        for (int run = 0; run < runs; ++run) {
            const auto start = Clock::now();
            const domain::LedgerReport report = verify();
            rates.push_back(static_cast<double>(report.entries) / ms_since(start) * 1000);
            if (!report.intact())
                throw std::runtime_error("the ledger does not verify: " + encode(report));
        }
        const auto median = quantile(rates, 0.5);
        fmt::print(
            "{}: median {:.0f} entries/s, range {:.0f} to {:.0f}\n", what, median, rates.front(),
            rates.back()
        );
    };
    store::Connection db(store::target_of(place, true));
    measure("verify the ledger", [&] { return store::verify_all(db, std::nullopt); });
    measure("and the database's file", [&] { return must(store::verify(place, std::nullopt)); });
}

void measure_scan(const std::string& directory) {
    const auto store = open(directory);
    fill_ledger(*store);
    const auto size = must(store->ledger_size());
    std::vector<double> rates;
    for (int run = 0; run < runs; ++run) {
        domain::Frontier frontier;
        bool sound = true;
        const auto start = Clock::now();
        must(store
                 ->scan_ledger(0, [&](std::uint64_t, std::string_view body, std::string_view leaf) {
                     const auto hash = domain::leaf_hash(body);
                     sound = sound && hash.view() == leaf;
                     frontier.append(hash);
                     return true;
                 }));
        rates.push_back(static_cast<double>(frontier.size()) / ms_since(start) * 1000);
        if (!sound || frontier.root() != must(store->ledger_root(frontier.size())))
            throw std::runtime_error("the ledger does not verify");
    }
    const auto median = quantile(rates, 0.5);
    fmt::print(
        "scan with hashing: median {:.0f} events/s, range {:.0f} to {:.0f}\n", median,
        rates.front(), rates.back()
    );
    if (std::getenv("STORE_BENCH_POSTGRES") == nullptr)
        measure_verify(directory);
    std::vector<double> times;
    for (std::uint64_t i = 0; i < 200; ++i) {
        const auto start = Clock::now();
        must(store->ledger_root(size - i * 37));
        times.push_back(ms_since(start));
    }
    const auto p50 = quantile(times, 0.5);
    fmt::print("root of an older size: p50 {:.2f} ms, p99 {:.2f} ms\n", p50, quantile(times, 0.99));
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        fmt::print(stderr, "usage: store_bench <empty directory> [commit|search|scan]...\n");
        return 2;
    }
    const std::string directory = argv[1];
    const std::set<std::string> wanted(argv + 2, argv + argc);
    const auto wants = [&](const char* what) { return wanted.empty() || wanted.contains(what); };
    try {
        if (wants("commit"))
            measure_commits(directory + "/commit");
        if (wants("search"))
            measure_search(directory + "/search");
        if (wants("scan"))
            measure_scan(directory + "/scan");
    } catch (const std::exception& error) {
        fmt::print(stderr, "{}\n", error.what());
        return 1;
    }
    return 0;
}
