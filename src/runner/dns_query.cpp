// SPDX-License-Identifier: Apache-2.0
#include "runner/dns_query.hpp"

#include <charconv>
#include <cstring>
#include <optional>

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <resolv.h>
#include <sys/socket.h>

#include "runner/deadline.hpp"

namespace slipway::runner {

using domain::DnsType;
using domain::RunOutcome;

namespace {

constexpr Span ask_again = std::chrono::seconds(1); // a datagram may get lost
constexpr std::uint16_t dns_port = 53;

struct Server {
    sockaddr_storage address{};
    socklen_t size = 0;
};

Server server_of(const sockaddr_in& address) {
    Server server;
    std::memcpy(&server.address, &address, sizeof address);
    server.size = sizeof address;
    return server;
}

Server server_of(const sockaddr_in6& address) {
    Server server;
    std::memcpy(&server.address, &address, sizeof address);
    server.size = sizeof address;
    return server;
}

std::optional<Server> server_of(std::string text) {
    std::uint16_t port = dns_port;
    const auto colon = text.rfind(':');
    const bool bracketed = text.starts_with('[');
    const bool has_port =
        colon != std::string::npos &&
        (bracketed ? colon > 0 && text[colon - 1] == ']' : text.find(':') == colon);
    if (has_port) {
        const auto* end = text.data() + text.size();
        const auto read = std::from_chars(text.data() + colon + 1, end, port);
        if (read.ec != std::errc() || read.ptr != end || port == 0)
            return std::nullopt;
        text.resize(colon);
    }
    if (bracketed && text.ends_with(']'))
        text = text.substr(1, text.size() - 2);
    sockaddr_in four{};
    if (::inet_pton(AF_INET, text.c_str(), &four.sin_addr) == 1) {
        four.sin_family = AF_INET;
        four.sin_port = htons(port);
        return server_of(four);
    }
    sockaddr_in6 six{};
    if (::inet_pton(AF_INET6, text.c_str(), &six.sin6_addr) != 1)
        return std::nullopt;
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(port);
    return server_of(six);
}

std::vector<Server> system_servers() {
    std::vector<Server> servers;

    struct __res_state state {};

    if (::res_ninit(&state) != 0)
        return servers;
    for (int i = 0; i < state.nscount; ++i) {
        if (state.nsaddr_list[i].sin_family == AF_INET)
            servers.push_back(server_of(state.nsaddr_list[i]));
        else if (state._u._ext.nsaddrs[i] != nullptr)
            servers.push_back(server_of(*state._u._ext.nsaddrs[i]));
    }
    ::res_nclose(&state);
    return servers;
}

FileDescriptor connected(const Server& server, int kind) {
    FileDescriptor socket(::socket(server.address.ss_family, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)
    );
    const auto* address = reinterpret_cast<const sockaddr*>(&server.address);
    if (socket.get() >= 0 && ::connect(socket.get(), address, server.size) != 0 &&
        errno != EINPROGRESS)
        return FileDescriptor();
    return socket;
}

std::string system_reason() {
    return std::generic_category().message(errno);
}

// One datagram there and one back; nothing when none came in time or the server refuses.
std::optional<std::string>
ask_udp(const Server& server, const std::string& question, const Deadline& deadline) {
    const auto socket = connected(server, SOCK_DGRAM);
    if (socket.get() < 0 ||
        ::send(socket.get(), question.data(), question.size(), MSG_NOSIGNAL) < 0)
        return std::nullopt;
    std::string packet;
    const auto end = std::chrono::steady_clock::now() + ask_again;
    for (auto left = ask_again; left > Span::zero();
         left = std::chrono::ceil<Span>(end - std::chrono::steady_clock::now())) {
        if (!deadline.wait(socket.get(), POLLIN, left))
            return std::nullopt;
        packet.resize(NS_MAXMSG);
        const auto count = ::recv(socket.get(), packet.data(), packet.size(), 0);
        if (count < 0 && errno != EAGAIN && errno != EINTR)
            return std::nullopt; // nobody listens there
        packet.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
        if (answers_question(packet, question))
            return packet;
    }
    return std::nullopt;
}

bool send_all(int socket, std::string_view bytes, const Deadline& deadline) {
    while (!bytes.empty()) {
        if (!deadline.wait(socket, POLLOUT))
            return false;
        const auto count = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        bytes.remove_prefix(count > 0 ? static_cast<std::size_t>(count) : 0);
    }
    return true;
}

bool receive_all(int socket, std::string& bytes, std::size_t size, const Deadline& deadline) {
    bytes.clear();
    char buffer[4096];
    while (bytes.size() < size) {
        if (!deadline.wait(socket, POLLIN))
            return false;
        const auto most = std::min(sizeof buffer, size - bytes.size());
        const auto count = ::recv(socket, buffer, most, 0);
        if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR))
            return false;
        bytes.append(buffer, count > 0 ? static_cast<std::size_t>(count) : 0);
    }
    return true;
}

// Over TCP each message has its length, two bytes, in front.
std::optional<std::string>
ask_tcp(const Server& server, const std::string& question, const Deadline& deadline) {
    const auto socket = connected(server, SOCK_STREAM);
    if (socket.get() < 0)
        return std::nullopt;
    std::string framed(2, '\0');
    ns_put16(
        static_cast<unsigned>(question.size()), reinterpret_cast<unsigned char*>(framed.data())
    );
    framed += question;
    std::string packet;
    if (!send_all(socket.get(), framed, deadline) ||
        !receive_all(socket.get(), packet, 2, deadline))
        return std::nullopt;
    const std::size_t size = ns_get16(reinterpret_cast<const unsigned char*>(packet.data()));
    if (!receive_all(socket.get(), packet, size, deadline))
        return std::nullopt;
    return packet;
}

Seen<DnsAnswer> ask_servers(
    const std::vector<Server>& servers, const std::string& question, DnsType type,
    const Deadline& deadline
) {
    for (std::size_t turn = 0; !deadline.over(); ++turn) {
        const auto& server = servers[turn % servers.size()];
        const auto began = std::chrono::steady_clock::now();
        auto packet = ask_udp(server, question, deadline);
        auto reply = packet ? read_dns_reply(*packet, question, type) : std::nullopt;
        if (reply && reply->truncated) {
            packet = ask_tcp(server, question, deadline);
            reply = packet ? read_dns_reply(*packet, question, type) : std::nullopt;
        }
        if (reply)
            return std::move(reply->answer);
        if (turn + 1 >= servers.size() && !deadline.over() &&
            std::chrono::steady_clock::now() - began < ask_again)
            return unseen(
                RunOutcome::failed, "the name server cannot be asked: " + system_reason()
            );
    }
    return tl::unexpected(deadline.answer());
}

} // namespace

Seen<DnsAnswer> ask_dns(
    const std::string& name, DnsType type, const std::string& server, Span limit,
    const std::stop_token& stop
) {
    const auto question = make_dns_question(name, type);
    if (question.empty())
        return unseen(
            RunOutcome::not_started, fmt::format("{} is no name to ask for", shown(name))
        );
    std::vector<Server> servers;
    if (server.empty())
        servers = system_servers();
    else if (const auto given = server_of(server))
        servers.push_back(*given);
    else
        return unseen(
            RunOutcome::not_started,
            fmt::format("{} is not the address of a name server", shown(server))
        );
    if (servers.empty())
        return unseen(RunOutcome::not_started, "this machine has no name server");
    const Deadline deadline(limit, stop);
    return ask_servers(servers, question, type, deadline);
}

} // namespace slipway::runner
