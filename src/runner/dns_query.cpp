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
#include <sys/random.h>
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

ns_type wire_type(DnsType type) {
    switch (type) {
    case DnsType::A:
        return ns_t_a;
    case DnsType::AAAA:
        return ns_t_aaaa;
    case DnsType::CNAME:
        return ns_t_cname;
    case DnsType::TXT:
        return ns_t_txt;
    case DnsType::MX:
        return ns_t_mx;
    }
    return ns_t_a;
}

std::string plain_name(std::string_view name) {
    if (name.ends_with('.'))
        name.remove_suffix(1);
    std::string out(name);
    for (char& c : out)
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return out;
}

// Empty when the name cannot be asked for.
std::string make_question(const std::string& name, DnsType type) {
    std::array<unsigned char, NS_PACKETSZ> packet{};
    std::uint16_t id = 0;
    // Who cannot see the question must not be able to guess the answer's number.
    if (::getrandom(&id, sizeof id, 0) != sizeof id)
        return {};
    ns_put16(id, packet.data());
    packet[2] = 1; // recursion desired
    packet[5] = 1; // one question
    auto* at = packet.data() + NS_HFIXEDSZ;
    const int size = ::dn_comp(
        name.c_str(), at, static_cast<int>(packet.size()) - NS_HFIXEDSZ - NS_QFIXEDSZ, nullptr,
        nullptr
    );
    if (name.empty() || size <= 1)
        return {};
    at += size;
    ns_put16(wire_type(type), at);
    ns_put16(ns_c_in, at + 2);
    at += NS_QFIXEDSZ;
    return {
        reinterpret_cast<const char*>(packet.data()), static_cast<std::size_t>(at - packet.data())};
}

const unsigned char* bytes_of(const std::string& packet) {
    return reinterpret_cast<const unsigned char*>(packet.data());
}

std::optional<std::string> name_at(const ns_msg& message, const unsigned char* at) {
    char name[NS_MAXDNAME];
    if (::dn_expand(ns_msg_base(message), ns_msg_end(message), at, name, sizeof name) < 0)
        return std::nullopt;
    return plain_name(name);
}

std::optional<std::string> text_of(const ns_msg& message, const ns_rr& record) {
    const auto* data = ns_rr_rdata(record);
    const std::size_t size = ns_rr_rdlen(record);
    char address[INET6_ADDRSTRLEN];
    switch (ns_rr_type(record)) {
    case ns_t_a:
        if (size != sizeof(in_addr))
            return std::nullopt;
        return ::inet_ntop(AF_INET, data, address, sizeof address);
    case ns_t_aaaa:
        if (size != sizeof(in6_addr))
            return std::nullopt;
        return ::inet_ntop(AF_INET6, data, address, sizeof address);
    case ns_t_cname:
        return name_at(message, data);
    case ns_t_mx: {
        if (size < 3)
            return std::nullopt;
        const auto name = name_at(message, data + 2);
        return name ? std::optional(fmt::format("{} {}", ns_get16(data), *name)) : std::nullopt;
    }
    case ns_t_txt: {
        std::string text;
        for (std::size_t i = 0; i < size; i += 1 + data[i]) {
            if (i + 1 + data[i] > size)
                return std::nullopt;
            text.append(reinterpret_cast<const char*>(data) + i + 1, data[i]);
        }
        return text;
    }
    default:
        return std::nullopt;
    }
}

// Whether the packet answers this question, so that a stray or forged one is passed over.
bool answers(const std::string& packet, const std::string& question, ns_msg& message) {
    if (packet.size() < NS_HFIXEDSZ || packet.compare(0, 2, question, 0, 2) != 0 ||
        ::ns_initparse(bytes_of(packet), static_cast<int>(packet.size()), &message) != 0)
        return false;
    ns_msg asked{};
    ns_rr seen{};
    ns_rr wanted{};
    if (ns_msg_getflag(message, ns_f_qr) != 1 || ns_msg_count(message, ns_s_qd) != 1 ||
        ::ns_initparse(bytes_of(question), static_cast<int>(question.size()), &asked) != 0 ||
        ::ns_parserr(&message, ns_s_qd, 0, &seen) != 0 ||
        ::ns_parserr(&asked, ns_s_qd, 0, &wanted) != 0)
        return false;
    return plain_name(ns_rr_name(seen)) == plain_name(ns_rr_name(wanted)) &&
           ns_rr_type(seen) == ns_rr_type(wanted);
}

Seen<DnsAnswer> read_answer(ns_msg& message, DnsType type) {
    DnsAnswer answer;
    answer.code = ns_msg_getflag(message, ns_f_rcode);
    const int count = ns_msg_count(message, ns_s_an);
    for (int i = 0; i < count; ++i) {
        ns_rr record{};
        if (::ns_parserr(&message, ns_s_an, i, &record) != 0)
            return unseen(RunOutcome::failed, "the name server's answer is malformed");
        if (ns_rr_type(record) != wire_type(type))
            continue; // such as the CNAME on the way to an address
        if (answer.records.size() >= limits::smoke_answers_max)
            return unseen(
                RunOutcome::failed, fmt::format("more than {} records", limits::smoke_answers_max)
            );
        auto text = text_of(message, record);
        if (!text)
            return unseen(RunOutcome::failed, "the name server's answer is malformed");
        answer.records.push_back(*std::move(text));
    }
    return answer;
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
        ns_msg message{};
        if (answers(packet, question, message))
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
    const std::size_t size = ns_get16(bytes_of(packet));
    ns_msg message{};
    if (!receive_all(socket.get(), packet, size, deadline) || !answers(packet, question, message))
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
        ns_msg message{};
        if (packet && answers(*packet, question, message) && ns_msg_getflag(message, ns_f_tc) == 1)
            packet = ask_tcp(server, question, deadline);
        if (packet && answers(*packet, question, message))
            return read_answer(message, type);
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
    const auto question = make_question(name, type);
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

std::string plain_record(DnsType type, std::string_view text) {
    std::array<unsigned char, sizeof(in6_addr)> address{};
    char plain[INET6_ADDRSTRLEN];
    const std::string copy(text);
    if (type == DnsType::TXT)
        return copy;
    if (type != DnsType::A && type != DnsType::AAAA)
        return plain_name(text);
    const int family = type == DnsType::A ? AF_INET : AF_INET6;
    if (::inet_pton(family, copy.c_str(), address.data()) != 1)
        return copy;
    return ::inet_ntop(family, address.data(), plain, sizeof plain);
}

} // namespace slipway::runner
