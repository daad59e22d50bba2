// SPDX-License-Identifier: Apache-2.0
// One client of the load generator: a connection that stays open, the people whose sessions it uses
// and the commands of a life in their order. It throws at the first answer that is not a success,
// so that refusals are never measured, and Disconnected when the server went away. Times are from
// before the request is written until the whole answer is read.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace slipway::bench {

using Clock = std::chrono::steady_clock;
namespace chrono = std::chrono;

inline constexpr std::string_view password = "a long password for the bench";
inline constexpr std::array people{"rosa", "jonas", "ina", "otto", "cora", "mika",
                                   "lena", "petra", "pia", "sven", "etta"};

struct Options {
    std::string host = "127.0.0.1";
    std::uint16_t port = 8420;
    std::string code;         // set-up code; empty: the server is set up
    std::string prefix = "b"; // of the names of rings, hosts and items
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
    Connection(const std::string& host, std::uint16_t port);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    Answer send(
        std::string_view method, std::string_view target, std::string_view token,
        std::string_view body, std::string_view type = "application/json"
    );

  private:
    void write(std::string_view bytes);
    void more();
    Answer read();

    int socket_;
    std::string buffer_;
};

// What stands behind `name` in an answer that the server wrote, up to the quote or the comma.
std::string value_of(const std::string& body, std::string_view name);

using Minutes = chrono::sys_time<chrono::minutes>;

// "2026-11-25T10:30", and back from a text that begins so.
std::string local_text(Minutes time);
Minutes minutes_from(const std::string& text);

// What one client works on and no other, since a ring and what is on production are one change's at
// a time. The prefix is in every name: runs that a crash left under way keep their rings.
struct Ground {
    Ground(const std::string& prefix, int number) : own(fmt::format("{}-{}", prefix, number)) {}

    std::string item(int slot) const { return fmt::format("{}-{}", own, slot); }

    std::string own;
    std::string test_ring = own + "-staging";
    std::string test_host = own + "-stage";
    std::string production_ring = own + "-production";
    std::string production_host = own + "-web";
};

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
        : stage_(stage), connection_(options.host, options.port), ground_(options.prefix, number) {
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

    // The step, and those of `also`: a list of JSON strings.
    void complete(std::string_view person, std::string_view step, std::string_view also = "") {
        does(person, "complete_step", fmt::format(R"({{"step":"{}","also":[{}]}})", step, also));
    }

    void until_approved(const std::string& ci);
    void until_closed(const std::string& ci);

    // Every life of the round, up to its approval or from there to its closure.
    void half(const Options& options, bool second) {
        changes_.resize(static_cast<std::size_t>(options.batch));
        for (int slot = 0; slot < options.batch; ++slot) {
            change_ = changes_[static_cast<std::size_t>(slot)];
            const auto ci = ground_.item(slot);
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
    Ground ground_;
    std::string change_;
    std::vector<std::string> changes_;
    std::ofstream acknowledged_;
};

// Signs everybody in and, when there is a set-up code, makes people and registers; the grounds of
// the clients and the runbooks are made each time.
void set_the_stage(const Options& options, Client& client, Stage& stage);
std::string sign_in(Client& client, std::string_view person);
Minutes server_now(Client& client);
void read_clock(Client& client, Stage& stage);

} // namespace slipway::bench
