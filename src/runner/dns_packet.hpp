// SPDX-License-Identifier: Apache-2.0
// The packets of RFC 1035: a question, and what comes back. What comes back is anybody's bytes: it
// is taken apart by the C library (ns_parserr) and by nothing of ours that trusts a length in it.
// Internal to src/runner.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runner/check.hpp"

namespace slipway::runner {

struct DnsAnswer {
    int code = 0; // RCODE of RFC 1035; 0: no error, 3: there is no such name
    // Of the asked type, and of the name that was asked for or what that is an alias of: addresses
    // as inet_ntop has them, names in lower case without the dot at the end, "10 mail.example.com"
    // for MX, all strings of a TXT together.
    std::vector<std::string> records;
};

struct DnsReply {
    bool truncated = false; // over UDP: the rest is to be had over TCP
    Seen<DnsAnswer> answer;
};

// Empty when the name cannot be asked for.
std::string make_dns_question(const std::string& name, domain::DnsType type);

// Whether the packet answers this question, so that a stray or forged one is passed over.
bool answers_question(const std::string& packet, const std::string& question);

// Nothing when the packet does not answer the question.
std::optional<DnsReply>
read_dns_reply(const std::string& packet, const std::string& question, domain::DnsType type);

// The form in which a record is given, so that two can be compared.
std::string plain_record(domain::DnsType type, std::string_view text);

} // namespace slipway::runner
