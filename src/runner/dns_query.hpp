// SPDX-License-Identifier: Apache-2.0
// One question to a name server, over UDP and, when the answer does not fit, over TCP (RFC 1035,
// 7766). The C library's resolver would ask no server of our choice on a port of our choice, and
// could not be stopped. The name is absolute: no search list and no /etc/hosts. What the packets
// say is dns_packet.hpp. Internal to src/runner.
#pragma once

#include "runner/dns_packet.hpp"

namespace slipway::runner {

// `server` is an address, with or without a port: 192.0.2.53, 192.0.2.53:5353, [2001:db8::53]:53.
// Empty: those of /etc/resolv.conf, in turn.
Seen<DnsAnswer> ask_dns(
    const std::string& name, domain::DnsType type, const std::string& server, Span limit,
    const std::stop_token& stop
);

} // namespace slipway::runner
