// SPDX-License-Identifier: Apache-2.0
// The load generator: whole lives of normal changes over HTTP, from the RFC to closure, every gate
// on, by people with sessions of their own on connections that stay open. An answer counts when it
// has arrived whole, and the server answers a command only when it is on the disk. It needs a
// sandbox server with the policy that bench/lives lays out, because meeting and window lie in the
// future: all lives of a round go up to their approval, the clock goes forward into the window, and
// all go on to closure; both halves and the step of the clock are in the time that is measured.
// Other modes fill a server with changes, time searches, and write down and check what was
// acknowledged before a crash. The first unexpected answer ends it: it never measures refusals.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <thread>

#include "lives_client.hpp"

namespace slipway::bench {

namespace {

using Clients = std::vector<std::unique_ptr<Client>>;

// Runs `work` for every client on a thread of its own; the first failure is thrown here.
template <class Work>
void together(Clients& clients, Work work) {
    std::vector<std::exception_ptr> failures(clients.size());
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < clients.size(); ++i)
        threads.emplace_back([&, i] {
            try {
                work(*clients[i], i);
            } catch (...) {
                failures[i] = std::current_exception();
            }
        });
    for (auto& thread : threads)
        thread.join();
    for (const auto& failure : failures)
        if (failure)
            std::rethrow_exception(failure);
}

double quantile(std::vector<double> values, double part) {
    std::sort(values.begin(), values.end());
    return values[static_cast<std::size_t>(static_cast<double>(values.size() - 1) * part)];
}

std::string spread(const std::vector<double>& values) {
    return fmt::format(
        "{:.2f} ({:.2f} to {:.2f})", quantile(values, 0.5), quantile(values, 0), quantile(values, 1)
    );
}

void one_round(const Options& options, Client& first, Clients& clients, Stage& stage) {
    read_clock(first, stage);
    together(clients, [&](Client& client, std::size_t) { client.half(options, false); });
    stage.now = server_now(first);
    const auto by = stage.window + chrono::minutes(1) - stage.now;
    first.send(
        "POST", "/api/v1/sandbox/clock", "alma", fmt::format(R"({{"by":"{}m"}})", by.count())
    );
    stage.now += by;
    together(clients, [&](Client& client, std::size_t) { client.half(options, true); });
}

void measure_lives(const Options& options, Client& first, Clients& clients, Stage& stage) {
    std::vector<double> rates;
    std::vector<double> middle;
    std::vector<double> slow;
    std::map<std::string_view, std::vector<double>> by_command;
    const int lives = options.rounds * options.batch * options.clients;
    for (int run = 0; run < options.runs; ++run) {
        for (auto& client : clients)
            client->timings.clear();
        const auto start = Clock::now();
        for (int round = 0; round < options.rounds; ++round)
            one_round(options, first, clients, stage);
        const chrono::duration<double> seconds = Clock::now() - start;
        std::vector<double> all;
        for (auto& client : clients)
            for (const auto& [command, ms] : client->timings) {
                all.push_back(ms);
                by_command[command].push_back(ms);
            }
        rates.push_back(lives / seconds.count());
        middle.push_back(quantile(all, 0.5));
        slow.push_back(quantile(all, 0.99));
        fmt::print(
            "run {}: {} lives, {} commands, {:.1f} s: {:.1f} lives/s, p50 {:.2f} ms, p99 {:.2f} "
            "ms, longest {:.2f} ms\n",
            run + 1, lives, all.size(), seconds.count(), rates.back(), middle.back(), slow.back(),
            quantile(all, 1)
        );
        std::fflush(stdout);
    }
    fmt::print(
        "lives/s {}; p50 {} ms; p99 {} ms, median (range) of {} runs\n", spread(rates),
        spread(middle), spread(slow), options.runs
    );
    for (const auto& [command, times] : by_command)
        fmt::print(
            "  {:20} {:7} times, p50 {:6.2f} ms, p99 {:6.2f} ms\n", command, times.size(),
            quantile(times, 0.5), quantile(times, 0.99)
        );
}

// Changes that were opened and described and nothing else, for searches among many.
void fill(const Options& options, Clients& clients) {
    constexpr std::array words{"deploy", "billing",  "router",   "upgrade", "database",
                               "harbor", "rollback", "failover", "payment", "cluster"};
    const auto start = Clock::now();
    std::atomic<int> next{0};
    together(clients, [&](Client& client, std::size_t) {
        for (int i = next++; i < options.fill; i = next++) {
            const auto n = static_cast<std::size_t>(i);
            client.does(
                "rosa", "open",
                fmt::format(
                    R"({{"title":"{} of {} ticket{}","change_owner":"otto","implementer":"ina"}})",
                    words[n % 10], words[n / 10 % 10], i
                )
            );
            client.timings.clear();
        }
    });
    const chrono::duration<double> seconds = Clock::now() - start;
    fmt::print("{} changes opened in {:.1f} s\n", options.fill, seconds.count());
}

void measure_search(const Options& options, Clients& clients) {
    const std::map<std::string_view, std::string_view> targets{
        {"newest 50", "/api/v1/changes"},
        {"two words", "/api/v1/changes?q=billing%20harbor"},
        {"one ticket", "/api/v1/changes?q=ticket4711"},
        {"by owner", "/api/v1/changes?owner=otto&state=planning"},
    };
    for (const auto& [name, target] : targets) {
        std::vector<std::vector<double>> times(clients.size());
        together(clients, [&, target = target](Client& client, std::size_t at) {
            for (int i = 0; i < options.search; ++i) {
                const auto start = Clock::now();
                client.send("GET", target, "rosa", "");
                const chrono::duration<double, std::milli> took = Clock::now() - start;
                times[at].push_back(took.count());
            }
        });
        std::vector<double> all;
        for (const auto& of_client : times)
            all.insert(all.end(), of_client.begin(), of_client.end());
        fmt::print(
            "search {:10}: {} clients, {} times, p50 {:.2f} ms, p99 {:.2f} ms\n", name,
            clients.size(), all.size(), quantile(all, 0.5), quantile(all, 0.99)
        );
    }
}

// Every version that was acknowledged must be among the events that the server has.
int check_acknowledged(const Options& options, Client& client) {
    std::map<std::string, std::uint64_t> newest;
    std::ifstream in(options.check);
    std::string change;
    std::uint64_t version = 0;
    std::size_t answers = 0;
    for (; in >> change >> version; ++answers)
        newest[change] = std::max(newest[change], version);
    int missing = 0;
    for (const auto& [id, acknowledged] : newest) {
        std::uint64_t have = 0;
        for (std::string cursor; have < acknowledged;) {
            const auto page = client.send(
                "GET", fmt::format("/api/v1/changes/{}/events?limit=200&cursor={}", id, have),
                "rosa", ""
            );
            const auto before = have;
            for (std::size_t at = 0; (at = page.body.find("{\"seq\":", at)) != std::string::npos;
                 ++at)
                ++have;
            if (have == before)
                break;
        }
        if (have < acknowledged) {
            fmt::print("{}: version {} was acknowledged, {} found\n", id, acknowledged, have);
            ++missing;
        }
    }
    fmt::print("{} answers for {} changes: {} lost\n", answers, newest.size(), missing);
    return missing == 0 ? 0 : 1;
}

Options options_from(int count, char** arguments) {
    Options options;
    const std::map<std::string_view, int*> numbers{
        {"--clients", &options.clients}, {"--batch", &options.batch},
        {"--rounds", &options.rounds},   {"--runs", &options.runs},
        {"--fill", &options.fill},       {"--search", &options.search}};
    const std::map<std::string_view, std::string*> texts{
        {"--code", &options.code},
        {"--prefix", &options.prefix},
        {"--acknowledged", &options.acknowledged},
        {"--check", &options.check},
        {"--host", &options.host}};
    for (int i = 1; i + 1 < count; i += 2) {
        const std::string_view name = arguments[i];
        if (const auto number = numbers.find(name); number != numbers.end())
            *number->second = std::atoi(arguments[i + 1]);
        else if (const auto text = texts.find(name); text != texts.end())
            *text->second = arguments[i + 1];
        else if (name == "--port")
            options.port = static_cast<std::uint16_t>(std::atoi(arguments[i + 1]));
        else
            throw std::runtime_error("unknown option " + std::string(name));
    }
    return options;
}

int run(const Options& options) {
    Stage stage;
    Client first(options, stage, -1);
    if (!options.check.empty()) {
        stage.tokens["rosa"] = sign_in(first, "rosa");
        return check_acknowledged(options, first);
    }
    set_the_stage(options, first, stage);
    Clients clients;
    for (int number = 0; number < options.clients; ++number)
        clients.push_back(std::make_unique<Client>(options, stage, number));
    if (options.fill > 0)
        fill(options, clients);
    if (options.search > 0)
        measure_search(options, clients);
    if (options.fill == 0 && options.search == 0)
        measure_lives(options, first, clients, stage);
    return 0;
}

} // namespace

} // namespace slipway::bench

int main(int count, char** arguments) {
    using namespace slipway::bench;
    Options options;
    try {
        options = options_from(count, arguments);
        return run(options);
    } catch (const Disconnected& gone) {
        std::fprintf(stderr, "lives_bench: %s\n", gone.what());
        return options.acknowledged.empty() ? 1 : 0;
    } catch (const std::exception& failed) {
        std::fprintf(stderr, "lives_bench: %s\n", failed.what());
        return 1;
    }
}
