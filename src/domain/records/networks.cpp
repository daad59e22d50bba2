// SPDX-License-Identifier: Apache-2.0
#include "domain/records/networks.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <arpa/inet.h>
#include <fmt/format.h>

namespace slipway::domain {

namespace {

// Every address as one of IPv6, those of IPv4 mapped into it (RFC 4291, section 2.5.5.2).
using Address = std::array<unsigned char, 16>;

constexpr int address_bits = 128;
constexpr int mapped_bits = 96;
constexpr Address mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct Network {
    Address address{};
    int bits = 0; // of the prefix
    bool four = false;
};

std::optional<Network> read_address(std::string_view text) {
    Network one{mapped_prefix, address_bits, true};
    const std::string bare(text.substr(0, text.find('%'))); // fe80::1%eth0
    if (::inet_pton(AF_INET, bare.c_str(), one.address.data() + mapped_bits / 8) == 1)
        return one;
    one.four = false;
    if (::inet_pton(AF_INET6, bare.c_str(), one.address.data()) == 1)
        return one;
    return std::nullopt;
}

std::optional<Network> read_network(std::string_view text) {
    const auto slash = text.find('/');
    auto network = read_address(text.substr(0, slash));
    if (!network || slash == std::string_view::npos)
        return network;
    const auto digits = text.substr(slash + 1);
    int bits = 0;
    const auto* end = digits.data() + digits.size();
    const auto read = std::from_chars(digits.data(), end, bits);
    const int most = network->four ? address_bits - mapped_bits : address_bits;
    if (read.ec != std::errc() || read.ptr != end || bits < 0 || bits > most)
        return std::nullopt;
    network->bits = bits + address_bits - most;
    return network;
}

Address prefix_of(Address address, int bits) {
    for (int i = 0; i < static_cast<int>(address.size()); ++i) {
        const int kept = std::clamp(bits - 8 * i, 0, 8);
        address[static_cast<std::size_t>(i)] &= static_cast<unsigned char>(0xff00U >> kept);
    }
    return address;
}

bool contains(const Network& network, const Address& address) {
    return prefix_of(address, network.bits) == prefix_of(network.address, network.bits);
}

bool is_loopback(const Address& address) {
    static const auto four = *read_network("127.0.0.0/8");
    static const auto six = *read_network("::1");
    return contains(four, address) || contains(six, address);
}

std::string text_of(const Address& address, bool four) {
    char text[INET6_ADDRSTRLEN];
    const auto* from = four ? address.data() + mapped_bits / 8 : address.data();
    return ::inet_ntop(four ? AF_INET : AF_INET6, from, text, sizeof text);
}

tl::unexpected<Error> not_outside(std::string message, std::string evidence, std::string remedy) {
    return fail_blocked(
        "this probe does not count as the outside",
        {{"smoke-production", "inside_networks", std::move(message), std::move(evidence),
          std::move(remedy)}}
    );
}

} // namespace

Result<void> check_network(std::string_view text, const std::string& field) {
    const auto network = read_network(text);
    if (!network)
        return fail_field(
            field, "expected a network such as 10.0.0.0/8 or 2001:db8::/32, or one address"
        );
    const auto prefix = prefix_of(network->address, network->bits);
    if (prefix != network->address)
        return fail_field(
            field, fmt::format(
                       "has bits behind its prefix; expected {}{}", text_of(prefix, network->four),
                       text.substr(text.find('/'))
                   )
        );
    return {};
}

std::optional<std::string>
network_of_address(const std::vector<std::string>& networks, std::string_view address) {
    const auto one = read_address(address);
    if (!one)
        return std::nullopt;
    for (const auto& text : networks)
        if (const auto network = read_network(text); network && contains(*network, one->address))
            return text;
    return std::nullopt;
}

Result<void> require_outside(
    const OrganisationRecord& organisation, std::string_view address, bool one_machine
) {
    const auto one = read_address(address);
    const auto seen = fmt::format("the server sees it at \"{}\"", address);
    if (!one)
        return not_outside(
            "nobody knows where the probe is", seen, "Let it reach the server over TCP/IP"
        );
    if (organisation.inside_networks.empty())
        return not_outside(
            "it is not declared which networks are inside", seen,
            "Name them in inside_networks of the organisation's record "
            "(slipway organisation put main)"
        );
    if (is_loopback(one->address) && !one_machine)
        return not_outside(
            "the probe runs on the server's own machine, or comes through a proxy on it", seen,
            "Start the probe on a machine outside; if a proxy stands here, name it to the server "
            "(serve --trusted_proxy)"
        );
    if (const auto network = network_of_address(organisation.inside_networks, address))
        return not_outside(
            "the probe is inside", fmt::format("{}, which lies in {}", seen, *network),
            "Start the probe outside the declared networks; if they are declared wrongly, mend "
            "inside_networks of the organisation's record"
        );
    return {};
}

} // namespace slipway::domain
