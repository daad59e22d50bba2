// SPDX-License-Identifier: Apache-2.0
#include "runner/dns_packet.hpp"

#include <array>
#include <map>
#include <set>

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <resolv.h>
#include <sys/random.h>

#include "base/ascii.hpp"

namespace slipway::runner {

using domain::DnsType;
using domain::RunOutcome;

namespace {

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
    return ascii_lower(name);
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

// The name that the packet answers for; nothing when it does not answer this question.
std::optional<std::string>
parse_answer(const std::string& packet, const std::string& question, ns_msg& message) {
    if (packet.size() < NS_HFIXEDSZ || packet.compare(0, 2, question, 0, 2) != 0 ||
        ::ns_initparse(bytes_of(packet), static_cast<int>(packet.size()), &message) != 0)
        return std::nullopt;
    ns_msg asked{};
    ns_rr seen{};
    ns_rr wanted{};
    if (ns_msg_getflag(message, ns_f_qr) != 1 || ns_msg_count(message, ns_s_qd) != 1 ||
        ::ns_initparse(bytes_of(question), static_cast<int>(question.size()), &asked) != 0 ||
        ::ns_parserr(&message, ns_s_qd, 0, &seen) != 0 ||
        ::ns_parserr(&asked, ns_s_qd, 0, &wanted) != 0 || ns_rr_type(seen) != ns_rr_type(wanted))
        return std::nullopt;
    auto name = plain_name(ns_rr_name(wanted));
    return plain_name(ns_rr_name(seen)) == name ? std::optional(std::move(name)) : std::nullopt;
}

// The records of the answer, or nothing when it is malformed.
std::optional<std::vector<ns_rr>> records_of(ns_msg& message) {
    std::vector<ns_rr> records(ns_msg_count(message, ns_s_an));
    for (std::size_t i = 0; i < records.size(); ++i)
        if (::ns_parserr(&message, ns_s_an, static_cast<int>(i), &records[i]) != 0)
            return std::nullopt;
    return records;
}

// The name that was asked for, what that is an alias of, and so on (RFC 1034, 3.6.2). Whatever else
// a server puts into its answer says nothing of this name.
std::set<std::string> names_that_answer(
    const ns_msg& message, const std::vector<ns_rr>& records, std::string asked, DnsType type
) {
    std::map<std::string, std::string> aliases;
    for (const auto& record : records)
        if (type != DnsType::CNAME && ns_rr_type(record) == ns_t_cname)
            if (auto target = name_at(message, ns_rr_rdata(record)))
                aliases.emplace(plain_name(ns_rr_name(record)), *std::move(target));
    std::set<std::string> names;
    while (names.insert(asked).second) {
        const auto alias = aliases.find(asked);
        if (alias != aliases.end())
            asked = alias->second;
    }
    return names;
}

Seen<DnsAnswer> read_answer(ns_msg& message, const std::string& asked, DnsType type) {
    DnsAnswer answer;
    answer.code = ns_msg_getflag(message, ns_f_rcode);
    const auto records = records_of(message);
    if (!records)
        return unseen(RunOutcome::failed, "the name server's answer is malformed");
    const auto names = names_that_answer(message, *records, asked, type);
    for (const auto& record : *records) {
        if (ns_rr_type(record) != wire_type(type) ||
            !names.contains(plain_name(ns_rr_name(record))))
            continue;
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

} // namespace

std::string make_dns_question(const std::string& name, DnsType type) {
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

bool answers_question(const std::string& packet, const std::string& question) {
    ns_msg message{};
    return parse_answer(packet, question, message).has_value();
}

std::optional<DnsReply>
read_dns_reply(const std::string& packet, const std::string& question, DnsType type) {
    ns_msg message{};
    const auto asked = parse_answer(packet, question, message);
    if (!asked)
        return std::nullopt;
    return DnsReply{ns_msg_getflag(message, ns_f_tc) == 1, read_answer(message, *asked, type)};
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
