// SPDX-License-Identifier: Apache-2.0
#include "http/client_address.hpp"

#include "base/ascii.hpp"
#include "domain/records/networks.hpp"

namespace slipway::http {

namespace {

// "[2001:db8::1]" as some proxies write it.
std::string_view without_brackets(std::string_view text) {
    return text.starts_with('[') && text.ends_with(']') ? text.substr(1, text.size() - 2) : text;
}

} // namespace

std::string client_address(
    std::string_view peer, std::string_view forwarded, const std::vector<std::string>& trusted
) {
    std::string_view client = peer;
    while (domain::network_of_address(trusted, client)) {
        const auto comma = forwarded.rfind(',');
        const auto said = trimmed(forwarded.substr(comma == forwarded.npos ? 0 : comma + 1));
        forwarded = forwarded.substr(0, comma == forwarded.npos ? 0 : comma);
        if (said.empty())
            break;
        client = without_brackets(said);
    }
    return std::string(client);
}

bool came_over_tls_to_proxy(
    std::string_view peer, std::string_view forwarded_proto, const std::vector<std::string>& trusted
) {
    // Of several proxies the first one spoke with the client.
    const auto said = trimmed(forwarded_proto.substr(0, forwarded_proto.find(',')));
    return domain::network_of_address(trusted, peer) && !same_ascii_folded(said, "http");
}

} // namespace slipway::http
