// SPDX-License-Identifier: Apache-2.0
// One question to a name server, over UDP and, when the answer does not fit, over TCP (RFC 1035,
// 7766). The C library's resolver would ask no server of our choice on a port of our choice, and
// could not be stopped. The name is absolute: no search list and no /etc/hosts. Packets are taken
// apart by the C library (ns_parserr). Internal to src/runner.
#pragma once

#include <string>
#include <vector>

#include "runner/check.hpp"

namespace slipway::runner {

struct DnsAnswer {
    int code = 0; // RCODE of RFC 1035; 0: no error, 3: there is no such name
    // Of the asked type: addresses as inet_ntop has them, names in lower case without the dot at
    // the end, "10 mail.example.com" for MX, all strings of a TXT together.
    std::vector<std::string> records;
};

// `server` is an address, with or without a port: 192.0.2.53, 192.0.2.53:5353, [2001:db8::53]:53.
// Empty: those of /etc/resolv.conf, in turn.
Seen<DnsAnswer> ask_dns(
    const std::string& name, domain::DnsType type, const std::string& server, Span limit,
    const std::stop_token& stop
);

// The form in which ask_dns gives a record, so that two can be compared.
std::string plain_record(domain::DnsType type, std::string_view text);

} // namespace slipway::runner
