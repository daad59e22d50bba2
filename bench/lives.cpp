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
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;
namespace chrono = std::chrono;

constexpr std::string_view password = "a long password for the bench";
constexpr std::array people{"rosa", "jonas", "ina", "otto", "cora", "mika",
                            "lena", "petra", "pia", "sven", "etta"};

struct Options {
    std::string host = "127.0.0.1";
    std::uint16_t port = 8420;
    std::string code;         // set-up code; empty: the server is set up
    std::string prefix = "b"; // of the names of configuration items
    std::string acknowledged; // file: every acknowledged version is written to it
    std::string check;        // file: compare the server with it, and end
    int clients = 32;
    int batch = 4; // lives of a client in one round
    int rounds = 5;
    int runs = 5;
    int fill = 0;   // changes to make first
    int search = 0; // searches to time, and end
};

// The connection ended: in crash mode that is what is waited for.
struct Disconnected : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Answer {
    int status = 0;
    std::string head;
    std::string body;
};

class Connection {
  public:
    Connection(const std::string& host, std::uint16_t port)
        : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        inet_pton(AF_INET, host.c_str(), &address.sin_addr);
        if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
            throw Disconnected("no connection");
        const int on = 1;
        setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }

    ~Connection() { ::close(socket_); }

    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    Answer send(
        std::string_view method, std::string_view target, std::string_view token,
        std::string_view body, std::string_view type = "application/json"
    ) {
        auto request = fmt::format("{} {} HTTP/1.1\r\nHost: bench\r\n", method, target);
        if (!token.empty())
            request += fmt::format("Authorization: Bearer {}\r\n", token);
        if (method != "GET")
            request += fmt::format("Content-Type: {}\r\nContent-Length: {}\r\n", type, body.size());
        request += "\r\n";
        request += body;
        write(request);
        return read();
    }

  private:
    void write(std::string_view bytes) {
        while (!bytes.empty()) {
            const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0)
                throw Disconnected("the server went away");
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
    }

    void more() {
        std::array<char, 65536> chunk; // NOLINT: filled by recv
        const auto got = ::recv(socket_, chunk.data(), chunk.size(), 0);
        if (got <= 0)
            throw Disconnected("the server went away");
        buffer_.append(chunk.data(), static_cast<std::size_t>(got));
    }

    Answer read() {
        std::size_t end = 0;
        while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
            more();
        Answer answer;
        answer.head = buffer_.substr(0, end + 2);
        answer.status = std::atoi(answer.head.c_str() + answer.head.find(' ') + 1);
        const auto at = answer.head.find("Content-Length: ");
        const std::size_t length =
            at == std::string::npos ? 0 : std::strtoull(answer.head.c_str() + at + 16, nullptr, 10);
        while (buffer_.size() < end + 4 + length)
            more();
        answer.body = buffer_.substr(end + 4, length);
        buffer_.erase(0, end + 4 + length);
        return answer;
    }

    int socket_;
    std::string buffer_;
};

// What stands behind `name` in an answer that the server wrote, up to the quote or the comma.
std::string value_of(const std::string& body, std::string_view name) {
    const auto key = fmt::format("\"{}\":", name);
    auto at = body.find(key);
    if (at == std::string::npos)
        throw std::runtime_error("no " + key + " in " + body.substr(0, 500));
    at += key.size();
    if (body[at] == '"')
        return body.substr(at + 1, body.find('"', at + 1) - at - 1);
    return body.substr(at, body.find_first_of(",}", at) - at);
}

using Minutes = chrono::sys_time<chrono::minutes>;

std::string local_text(Minutes time) {
    const auto day = chrono::floor<chrono::days>(time);
    const chrono::year_month_day date(day);
    const auto clock = (time - day).count();
    return fmt::format(
        "{:04}-{:02}-{:02}T{:02}:{:02}", static_cast<int>(date.year()),
        static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock / 60,
        clock % 60
    );
}

Minutes minutes_from(const std::string& text) {
    const auto number = [&](std::size_t at, std::size_t length) {
        return std::atoi(text.substr(at, length).c_str());
    };
    const auto day = chrono::year(number(0, 4)) /
                     chrono::month(static_cast<unsigned>(number(5, 2))) /
                     chrono::day(static_cast<unsigned>(number(8, 2)));
    return chrono::sys_days(day) + chrono::hours(number(11, 2)) + chrono::minutes(number(14, 2));
}

// What every client knows of the server.
struct Stage {
    std::map<std::string, std::string, std::less<>> tokens;
    std::string deployment;
    std::string rollback;
    Minutes now{};
    Minutes window{}; // its start; the meeting is half an hour before
};

struct Timing {
    std::string_view command;
    double ms;
};

class Client {
  public:
    Client(const Options& options, const Stage& stage, int number)
        : stage_(stage), connection_(options.host, options.port), number_(number) {
        if (!options.acknowledged.empty())
            acknowledged_.open(fmt::format("{}.{}", options.acknowledged, number));
    }

    Answer send(
        std::string_view method, std::string_view target, std::string_view person,
        std::string_view body, std::string_view type = "application/json"
    ) {
        const auto token = stage_.tokens.find(person);
        auto answer = connection_.send(
            method, target, token == stage_.tokens.end() ? "" : token->second, body, type
        );
        if (answer.status < 200 || answer.status > 299)
            throw std::runtime_error(fmt::format(
                "{} {} by {}: {} {}", method, target, person, answer.status, answer.body
            ));
        return answer;
    }

    // One command on the change at hand; the time is until the whole answer is here.
    Answer does(std::string_view person, std::string_view command, std::string_view body = "{}") {
        const auto target = command == "open"
                                ? std::string("/api/v1/changes")
                                : fmt::format("/api/v1/changes/{}/{}", change_, command);
        const auto start = Clock::now();
        auto answer = send("POST", target, person, body);
        const chrono::duration<double, std::milli> took = Clock::now() - start;
        timings.push_back({command, took.count()});
        if (command == "open")
            change_ = value_of(answer.body, "id");
        if (acknowledged_.is_open())
            acknowledged_ << change_ << ' ' << value_of(answer.body, "version") << std::endl;
        return answer;
    }

    void complete(std::string_view person, std::string_view step) {
        does(person, "complete_step", fmt::format(R"({{"step":"{}"}})", step));
    }

    void until_approved(const std::string& ci);
    void until_closed(const std::string& ci);

    // Every life of the round, up to its approval or from there to its closure.
    void half(const Options& options, bool second) {
        changes_.resize(static_cast<std::size_t>(options.batch));
        for (int slot = 0; slot < options.batch; ++slot) {
            change_ = changes_[static_cast<std::size_t>(slot)];
            const auto ci = fmt::format("{}-{}-{}", options.prefix, number_, slot);
            second ? until_closed(ci) : until_approved(ci);
            changes_[static_cast<std::size_t>(slot)] = change_;
        }
    }

    std::vector<Timing> timings;

  private:
    void plan(const std::string& ci);
    void validate(const std::string& ci);
    void record_backup(const std::string& ci);
    void pin(std::string_view purpose, const std::string& digest);
    void run(std::string_view purpose, std::string_view steps, bool decision = false);
    void smoke(std::string_view occasion, std::string_view second);

    const Stage& stage_;
    Connection connection_;
    int number_;
    std::string change_;
    std::vector<std::string> changes_;
    std::ofstream acknowledged_;
};

void Client::pin(std::string_view purpose, const std::string& digest) {
    does(
        "jonas", "pin_runbook",
        fmt::format(R"({{"purpose":"{}","digest":"{}","name":"{}.md"}})", purpose, digest, purpose)
    );
}

void Client::run(std::string_view purpose, std::string_view steps, bool decision) {
    const auto begun = does(
        "ina", "start_run", fmt::format(R"({{"purpose":"{}","executor":"external"}})", purpose)
    );
    const auto at = begun.body.find("\"run-");
    const auto id = begun.body.substr(at + 1, begun.body.find('"', at + 1) - at - 1);
    if (decision)
        does("pia", "confirm_step", fmt::format(R"({{"run":"{}","step":"turn-round"}})", id));
    does("ina", "report_run", fmt::format(R"({{"run":"{}","steps":[{}]}})", id, steps));
}

void Client::smoke(std::string_view occasion, std::string_view second) {
    does(
        "ina", "record_smoke",
        fmt::format(
            R"({{"occasion":"{}","results":[{{"name":"front-page","passed":true}},)"
            R"({{"name":"{}","passed":true}}]}})",
            occasion, second
        )
    );
}

void Client::record_backup(const std::string& ci) {
    const auto text = local_text(stage_.now - chrono::minutes(30)) + ":00Z";
    does(
        "ina", "record_backup",
        fmt::format(
            R"({{"verdict":"verified","proofs":[{{"ci":"{}","source":"nightly","point":"p-1",)"
            R"("last_success":"{}","restored":true,"restored_at":"{}"}}]}})",
            ci, text, text
        )
    );
}

constexpr std::string_view forth =
    R"({"name":"drain","state":"succeeded"},{"name":"switch","state":"succeeded"},)"
    R"({"name":"verify","state":"succeeded"})";
constexpr std::string_view back =
    R"({"name":"switch-back","state":"succeeded"},{"name":"verify-back","state":"succeeded"})";

void Client::plan(const std::string& ci) {
    does(
        "rosa", "open",
        fmt::format(
            R"({{"title":"{} to 1.5","change_owner":"otto","implementer":"ina",)"
            R"("production_ring":"production","test_ring":"staging","roster":"harbor"}})",
            ci
        )
    );
    does("rosa", "assign", R"({"rollback_owner":"pia","rollback_backup":"sven"})");
    does(
        "rosa", "describe",
        fmt::format(
            R"({{"summary":"{0} 1.4 -> 1.5 on web-1: the feed gains a berth field",)"
            R"("business_driver":"The port authority needs berth numbers by December",)"
            R"("customer_impact":"The feed shows the berth; pages look the same",)"
            R"("cis":[{{"ci":"{0}","host":"web-1","version_from":"1.4","version_to":"1.5"}}]}})",
            ci
        )
    );
    complete("rosa", "scope");
    does("rosa", "trace_impact");
    does("lena", "acknowledge_impact", fmt::format(R"({{"ci":"{}-feed","note":"known"}})", ci));
    complete("rosa", "impact");
    pin("deployment", stage_.deployment);
    pin("rollback", stage_.rollback);
    complete("ina", "rollback_runbook");
    does("rosa", "classify", R"({"type":"normal"})");
    complete("rosa", "classify");
    does(
        "rosa", "schedule",
        fmt::format(
            R"({{"start":"{}","end":"{}","zone":"UTC"}})", local_text(stage_.window),
            local_text(stage_.window + chrono::hours(2))
        )
    );
    complete("rosa", "window");
}

void Client::validate(const std::string& ci) {
    does("ina", "compare_ring");
    run("ring_deploy", forth);
    complete("ina", "ring_deploy");
    smoke("staging", "nightly");
    complete("ina", "smoke_staging");
    run("rehearsal", back, true);
    smoke("rehearsal", "old-version");
    complete("ina", "rehearsal");
    record_backup(ci);
    complete("ina", "backup");
    complete("ina", "defects");
}

void Client::until_approved(const std::string& ci) {
    plan(ci);
    validate(ci);
    does("rosa", "submit");
    complete("rosa", "cab_queue");
    does("cora", "vote", R"({"choice":"approve"})");
    does("mika", "vote", R"({"choice":"approve"})");
    does("cora", "decide", R"({"outcome":"approved","minutes":"no questions"})");
    complete("cora", "cab_decision");
    does("otto", "send_notice", R"({"kind":"maintenance","services":["harbor-site"]})");
    does(
        "ina", "report_delivery",
        R"({"notice":"N-1","channel":"status","state":"delivered","receipt":"250 ok"})"
    );
    complete("otto", "notice");
    does("otto", "check_oncall");
    for (const auto* person : {"pia", "sven", "etta"})
        does(person, "acknowledge_page");
    complete("otto", "oncall");
}

void Client::until_closed(const std::string& ci) {
    record_backup(ci);
    does("ina", "take_snapshot");
    does(
        "ina", "report_snapshot",
        fmt::format(
            R"({{"host":"web-1","id":"vol-7","tag":"{}","state":"taken","read_back":true}})",
            change_
        )
    );
    complete("ina", "snapshot");
    run("deployment", forth);
    complete("ina", "execute");
    smoke("production", "nightly");
    complete("ina", "smoke_production");
    complete("otto", "stabilise");
    does("otto", "hold_review", R"({"went_to_plan":"Everything"})");
    complete("otto", "review");
    does("otto", "update_cmdb");
    complete("otto", "cmdb_update");
    does("otto", "close", R"({"outcome":"successful","summary":"1.5 runs."})");
}

constexpr std::string_view deployment_text = R"(---
title: Site 1.5
purpose: deployment
engineer: pia
backup_engineer: sven
time_limit: 15m
---
# Site 1.5

```sh { name=drain timeout=60s }
drain-load-balancer
```

```sh { name=switch timeout=60s }
switch-site 1.5
```

```sh { name=verify verify=true timeout=30s }
curl -fsS http://localhost/version
```

```smoke
- name: front-page
  http: http://localhost/
- name: nightly
  command: run-nightly
```
)";

constexpr std::string_view rollback_text = R"(---
title: Site back to 1.4
purpose: rollback
engineer: pia
backup_engineer: sven
time_limit: 10m
---
# Site back to 1.4

```decision { name=turn-round owner=pia backup=sven timeout=5m }
Abort if a smoke check fails twice within five minutes.
```

```sh { name=switch-back timeout=60s }
switch-site 1.4
```

```sh { name=verify-back verify=true timeout=30s }
curl -fsS http://localhost/version
```

```smoke
- name: front-page
  http: http://localhost/
- name: old-version
  command: test-version 1.4
```
)";

std::string sign_in(Client& client, std::string_view person) {
    return value_of(
        client
            .send(
                "POST", "/api/v1/login", "",
                fmt::format(R"({{"person":"{}","password":"{}"}})", person, password)
            )
            .body,
        "secret"
    );
}

// The registers of one small team; its items belong to the clients, one for each life at a time.
void make_records(Client& client) {
    const auto put = [&](std::string_view by, std::string_view path, std::string_view body) {
        client.send("PUT", fmt::format("/api/v1/{}", path), by, body);
    };
    const std::map<std::string_view, std::string_view> roles{
        {"cora", R"("cab_chair")"}, {"mika", R"("cab_member")"}, {"petra", R"("change_manager")"},
        {"pia", R"("on_call")"},    {"sven", R"("on_call")"},    {"etta", R"("on_call")"},
    };
    for (const auto* id : people) {
        const auto role = roles.find(id);
        put("alma", fmt::format("people/{}", id),
            fmt::format(
                R"({{"name":"{}","groups":["operations"],"roles":[{}]}})", id,
                role == roles.end() ? R"("engineer")" : role->second
            ));
        client.send(
            "POST", fmt::format("/api/v1/people/{}/password", id), "alma",
            fmt::format(R"({{"password":"{}"}})", password)
        );
    }
}

void make_registers(Client& client, const std::string& now) {
    const auto put = [&](std::string_view path, std::string_view body) {
        client.send("PUT", fmt::format("/api/v1/{}", path), "petra", body);
    };
    const auto ring = [&](std::string_view id, std::string_view kind, std::string_view host) {
        put(fmt::format("rings/{}", id),
            fmt::format(
                R"({{"name":"{}","kind":"{}","facts_at":"{}","snapshot_connector":"external",)"
                R"("hosts":[{{"host":"{}","facts":{{"os_build":"12.8","kernel":"6.1"}}}}]}})",
                id, kind, now, host
            ));
    };
    ring("staging", "staging", "stage-1");
    ring("production", "production", "web-1");
    put("channels/status", R"({"name":"Status page","connector":"external"})");
    put("boards/cab",
        R"({"name":"CAB","chair":"cora","required_groups":["operations"],)"
        R"("members":["cora","mika"],"schedule":{"lead_time":"0s","meetings":)"
        R"({"from":"2026-01-01T10:00","duration":"15m","zone":"UTC","rule":"FREQ=DAILY"}}})");
    std::string shifts;
    for (const auto& [person, role] : std::map<std::string, std::string>{
             {"pia", "primary"}, {"sven", "secondary"}, {"etta", "escalation"}})
        shifts += fmt::format(
            R"({}{{"person":"{}","role":"{}","when":{{"from":"2026-01-01T00:00","duration":"7d",)"
            R"("zone":"UTC","rule":"FREQ=WEEKLY"}}}})",
            shifts.empty() ? "" : ",", person, role
        );
    put("rosters/harbor",
        fmt::format(
            R"({{"name":"Harbor","day_hours":{{"from":"08:00","to":"20:00","zone":"UTC"}},)"
            R"("shifts":[{}]}})",
            shifts
        ));
    client.send(
        "PUT", "/api/v1/organisations/main", "alma",
        R"({"name":"Harbor","zone":"UTC","report_to":"desk@harbor.example"})"
    );
}

void make_items(const Options& options, Client& client, const std::string& now) {
    std::string items;
    for (int number = 0; number < options.clients; ++number)
        for (int slot = 0; slot < options.batch; ++slot) {
            const auto id = fmt::format("{}-{}-{}", options.prefix, number, slot);
            items += fmt::format(
                R"({{"id":"{0}","name":"{0}","ci_class":"application","host":"web-1",)"
                R"("version":"1.4","owner":"otto","verified_at":"{1}"}})"
                "\n"
                R"({{"id":"{0}-feed","name":"{0}-feed","ci_class":"integration","host":"web-1",)"
                R"("owner":"lena","depends_on":["{0}"],"verified_at":"{1}"}})"
                "\n",
                id, now
            );
        }
    client.send("POST", "/api/v1/cis/import", "petra", items, "application/x-ndjson");
}

Minutes server_now(Client& client) {
    return minutes_from(value_of(client.send("GET", "/api/v1/version", "", "").body, "now"));
}

void read_clock(Client& client, Stage& stage) {
    stage.now = server_now(client);
    const auto day = chrono::floor<chrono::days>(stage.now);
    const auto half_past_nine = day + chrono::minutes(9 * 60 + 30);
    stage.window =
        (stage.now < half_past_nine ? day : day + chrono::days(1)) + chrono::minutes(10 * 60 + 30);
}

void set_the_stage(const Options& options, Client& client, Stage& stage) {
    if (!options.code.empty())
        client.send(
            "POST", "/api/v1/setup", "",
            fmt::format(
                R"({{"code":"{}","person":"alma","name":"Alma","password":"{}"}})", options.code,
                password
            )
        );
    stage.tokens["alma"] = sign_in(client, "alma");
    if (!options.code.empty())
        make_records(client);
    for (const auto* id : people)
        stage.tokens[id] = sign_in(client, id);
    read_clock(client, stage);
    const auto now = local_text(stage.now) + ":00Z";
    if (!options.code.empty())
        make_registers(client, now);
    make_items(options, client, now);
    const auto upload = [&](std::string_view text) {
        return value_of(
            client.send("POST", "/api/v1/attachments", "jonas", text, "application/octet-stream")
                .body,
            "digest"
        );
    };
    stage.deployment = upload(deployment_text);
    stage.rollback = upload(rollback_text);
}

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
        together(clients, [&](Client& client, std::size_t at) {
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

int main(int count, char** arguments) {
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
