// SPDX-License-Identifier: Apache-2.0
// A small real name server on a free port of 127.0.0.1, UDP and TCP, for the tests of this room
// only. It answers from a table of "NAME TYPE" to what it says; a name that is not in the table
// gets no answer at all.
#pragma once

#include <array>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <arpa/nameser.h>
#include <netinet/in.h>
#include <poll.h>
#include <resolv.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/assert.hpp"
#include "runner/loopback_port.hpp"

namespace slipway::runner {

struct DnsRecord {
    ns_type type;
    std::string data;       // as it stands in the packet
    std::string owner = {}; // empty: the name of the question
};

struct DnsSays {
    std::vector<DnsRecord> records = {};
    int code = 0;
    bool truncated = false; // over UDP: come again over TCP
    bool stray = false;     // over UDP: a packet with another number comes first
    bool garbage = false;   // the data of the records end too early
    bool lost = false;      // over UDP: the first question never arrives
};

inline std::string dns_name(const std::string& name) {
    std::array<unsigned char, NS_MAXCDNAME> wire{};
    const int size = ::dn_comp(name.c_str(), wire.data(), NS_MAXCDNAME, nullptr, nullptr);
    ASSERT(size > 0);
    return {reinterpret_cast<const char*>(wire.data()), static_cast<std::size_t>(size)};
}

class DnsResponder {
  public:
    explicit DnsResponder(std::map<std::string, DnsSays> table)
        : table_(std::move(table)), end_(::eventfd(0, EFD_CLOEXEC)) {
        // Both protocols are wanted on one port; another program may have one of them.
        while (!listen()) {
        }
        thread_ = std::thread([this] { serve(); });
    }

    ~DnsResponder() {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto count = ::write(end_.get(), &one, sizeof one);
        thread_.join();
    }

    DnsResponder(const DnsResponder&) = delete;

    std::string address() const { return udp_.address(); }

  private:
    bool listen() {
        udp_ = LoopbackPort(SOCK_DGRAM);
        tcp_ = FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        socklen_t size = sizeof address;
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        ASSERT(::getsockname(udp_.get(), generic, &size) == 0);
        return ::bind(tcp_.get(), generic, size) == 0 && ::listen(tcp_.get(), 16) == 0;
    }

    void serve() {
        while (true) {
            std::array<pollfd, 3> watched{
                {{end_.get(), POLLIN, 0}, {udp_.get(), POLLIN, 0}, {tcp_.get(), POLLIN, 0}}};
            ::poll(watched.data(), watched.size(), -1);
            if (watched[0].revents != 0)
                return;
            if (watched[1].revents != 0)
                answer_udp();
            if (watched[2].revents != 0)
                answer_tcp();
        }
    }

    void answer_udp() {
        std::string question(NS_PACKETSZ, '\0');
        sockaddr_in from{};
        socklen_t size = sizeof from;
        auto* generic = reinterpret_cast<sockaddr*>(&from);
        const auto count =
            ::recvfrom(udp_.get(), question.data(), question.size(), 0, generic, &size);
        question.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
        const auto* says = find(question);
        if (says == nullptr || (says->lost && lost_.insert(says).second))
            return;
        const auto packet =
            says->truncated ? head(question, {{}, 0}, true) : whole(question, *says);
        if (says->stray) {
            auto stray = whole(question, {{{ns_t_a, std::string("\x06\x06\x06\x06", 4)}}});
            stray[0] = static_cast<char>(stray[0] ^ 0x55);
            (void)::sendto(udp_.get(), stray.data(), stray.size(), 0, generic, size);
        }
        (void)::sendto(udp_.get(), packet.data(), packet.size(), 0, generic, size);
    }

    void answer_tcp() {
        const FileDescriptor client(::accept4(tcp_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        std::string framed(NS_PACKETSZ + 2, '\0');
        std::size_t have = 0;
        // The question comes with its length in front.
        while (have < 2 || have < 2 + length_of(framed)) {
            const auto count = ::recv(client.get(), framed.data() + have, framed.size() - have, 0);
            if (count <= 0)
                return;
            have += static_cast<std::size_t>(count);
        }
        const auto question = framed.substr(2, have - 2);
        const auto* says = find(question);
        if (says == nullptr)
            return;
        const auto packet = whole(question, *says);
        const auto bytes = number(packet.size()) + packet;
        (void)::send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }

    static std::size_t length_of(const std::string& framed) {
        return ns_get16(reinterpret_cast<const unsigned char*>(framed.data()));
    }

    static std::string number(std::size_t value) {
        return {static_cast<char>(value >> 8 & 0xff), static_cast<char>(value & 0xff)};
    }

    const DnsSays* find(const std::string& question) const {
        ns_msg message{};
        ns_rr asked{};
        if (::ns_initparse(
                reinterpret_cast<const unsigned char*>(question.data()),
                static_cast<int>(question.size()), &message
            ) != 0 ||
            ::ns_parserr(&message, ns_s_qd, 0, &asked) != 0)
            return nullptr;
        const auto type = std::to_string(static_cast<int>(ns_rr_type(asked)));
        const auto found = table_.find(std::string(ns_rr_name(asked)) + " " + type);
        return found == table_.end() ? nullptr : &found->second;
    }

    static std::string head(const std::string& question, const DnsSays& says, bool truncated) {
        auto packet = question;
        packet[2] = static_cast<char>(0x81 | (truncated ? 0x02 : 0)); // an answer
        packet[3] = static_cast<char>(0x80 | says.code);
        packet.replace(6, 2, number(says.records.size()));
        return packet;
    }

    static std::string whole(const std::string& question, const DnsSays& says) {
        auto packet = head(question, says, false);
        for (const auto& [type, data, owner] : says.records) {
            packet += owner.empty() ? std::string("\xc0\x0c", 2) : dns_name(owner);
            packet += number(type) + number(ns_c_in) + std::string(4, '\0') + number(data.size());
            packet += says.garbage ? data.substr(0, data.size() / 2) : data;
        }
        return packet;
    }

    std::map<std::string, DnsSays> table_;
    FileDescriptor end_;
    LoopbackPort udp_{SOCK_DGRAM};
    FileDescriptor tcp_;
    std::set<const DnsSays*> lost_;
    std::thread thread_;
};

} // namespace slipway::runner
