// SPDX-License-Identifier: Apache-2.0
#include "lives_client.hpp"

#include <cstdlib>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace slipway::bench {

Connection::Connection(const std::string& host, std::uint16_t port)
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

Connection::~Connection() {
    ::close(socket_);
}

Answer Connection::send(
    std::string_view method, std::string_view target, std::string_view token, std::string_view body,
    std::string_view type
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

void Connection::write(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0)
            throw Disconnected("the server went away");
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

void Connection::more() {
    std::array<char, 65536> chunk; // NOLINT: filled by recv
    const auto got = ::recv(socket_, chunk.data(), chunk.size(), 0);
    if (got <= 0)
        throw Disconnected("the server went away");
    buffer_.append(chunk.data(), static_cast<std::size_t>(got));
}

Answer Connection::read() {
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

void Client::pin(std::string_view purpose, const std::string& digest) {
    does(
        "jonas", "pin_runbook",
        fmt::format(R"({{"purpose":"{}","digest":"{}","name":"{}.md"}})", purpose, digest, purpose)
    );
}

void Client::run(std::string_view purpose, std::string_view steps, bool decision) {
    const auto digest = purpose == "deployment"
                            ? fmt::format(R"(,"digest":"{}")", stage_.deployment)
                            : std::string();
    const auto begun = does(
        "ina", "start_run",
        fmt::format(R"({{"purpose":"{}","executor":"external"{}}})", purpose, digest)
    );
    const auto at = begun.body.find("\"run-");
    const auto id = begun.body.substr(at + 1, begun.body.find('"', at + 1) - at - 1);
    if (decision)
        does(
            "pia", "confirm_step",
            fmt::format(R"({{"run":"{}","step":"turn-round","note":"seen"}})", id)
        );
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
            R"("last_success":"{}","restored":true,"restored_at":"{}","content_digest":"{}"}}]}})",
            ci, text, text, std::string(64, 'c')
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
            R"("production_ring":"{}","test_ring":"{}","roster":"harbor",)"
            R"("rollback_owner":"pia","rollback_backup":"sven"}})",
            ci, ground_.production_ring, ground_.test_ring
        )
    );
    does(
        "rosa", "describe",
        fmt::format(
            R"({{"summary":"{0} 1.4 -> 1.5 on {1}: the feed gains a berth field",)"
            R"("business_driver":"The port authority needs berth numbers by December",)"
            R"("customer_impact":"The feed shows the berth; pages look the same",)"
            R"("cis":[{{"ci":"{0}","host":"{1}","version_from":"1.4","version_to":"1.5"}}]}})",
            ci, ground_.production_host
        )
    );
    does("rosa", "trace_impact");
    does("lena", "acknowledge_impact", fmt::format(R"({{"ci":"{}-feed","note":"known"}})", ci));
    pin("deployment", stage_.deployment);
    pin("rollback", stage_.rollback);
    does("rosa", "classify", R"({"type":"normal"})");
    does(
        "rosa", "schedule",
        fmt::format(
            R"({{"start":"{}","end":"{}","zone":"UTC"}})", local_text(stage_.window),
            local_text(stage_.window + chrono::hours(2))
        )
    );
    complete("rosa", "scope", R"("impact","rollback_runbook","classify","window")");
}

void Client::validate(const std::string& ci) {
    does("ina", "compare_ring");
    run("ring_deploy", forth);
    smoke("staging", "nightly");
    run("rehearsal", back, true);
    smoke("rehearsal", "old-version");
    record_backup(ci);
    complete("ina", "ring_deploy", R"("smoke_staging","rehearsal","backup","defects")");
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
    does("otto", "check_oncall");
    for (const auto* person : {"pia", "sven", "etta"})
        does(person, "acknowledge_page");
    complete("otto", "notice", R"("oncall")");
}

void Client::until_closed(const std::string& ci) {
    record_backup(ci);
    does("ina", "take_snapshot");
    does(
        "ina", "report_snapshot",
        fmt::format(
            R"({{"host":"{}","id":"vol-7","tag":"{}","state":"taken","read_back":true}})",
            ground_.production_host, change_
        )
    );
    complete("ina", "snapshot");
    run("deployment", forth);
    smoke("production", "nightly");
    complete("ina", "execute", R"("smoke_production")");
    complete("otto", "stabilise");
    does("otto", "hold_review", R"({"went_to_plan":"Everything"})");
    does("otto", "update_cmdb");
    complete("otto", "review", R"("cmdb_update")");
    does("otto", "close", R"({"outcome":"successful","summary":"1.5 runs."})");
}

} // namespace slipway::bench
