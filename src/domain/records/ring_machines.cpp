// SPDX-License-Identifier: Apache-2.0
#include "domain/records/ring_machines.hpp"

#include <algorithm>
#include <array>
#include <set>

#include <arpa/inet.h>

#include "base/ascii.hpp"
#include "base/secret_reference.hpp"
#include "base/this_machine.hpp"

namespace slipway::domain {

namespace {

constexpr std::size_t places_shown_max = 10;
constexpr std::size_t place_shown_max = 100;

// All ways of writing an IP address that the system's resolver understands, "10.1" and
// "::ffff:10.0.0.1" too, as one.
std::string one_way_of_writing(const std::string& name) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    in6_addr six{};
    in_addr four{};
    if (::inet_pton(AF_INET6, name.c_str(), &six) == 1) {
        if (!IN6_IS_ADDR_V4MAPPED(&six))
            return ::inet_ntop(AF_INET6, &six, text.data(), text.size());
        return ::inet_ntop(AF_INET, &six.s6_addr[12], text.data(), text.size());
    }
    if (::inet_aton(name.c_str(), &four) == 0)
        return name;
    return ::inet_ntop(AF_INET, &four, text.data(), text.size());
}

bool is_way_back_here(std::string_view name) {
    return name == "localhost" || name == "::1" ||
           (name.starts_with("127.") &&
            name.find_first_not_of("0123456789.") == std::string_view::npos);
}

// The places of two hosts in the lists of their rings.
struct SharedMachine {
    std::size_t test = 0;
    std::size_t production = 0;
};

// What production calls a host is taken for its address too: SSH may well know it by that name.
std::optional<SharedMachine> shared_machine(const RingRecord& test, const RingRecord& production) {
    std::map<std::string, std::size_t> machines;
    for (std::size_t i = 0; i < production.hosts.size(); ++i)
        for (const auto& name : {production.hosts[i].address, production.hosts[i].host})
            machines.emplace(machine_of(name), i);
    for (std::size_t i = 0; i < test.hosts.size(); ++i) {
        const auto machine = machine_of(test.hosts[i].address);
        const auto found = machines.find(machine);
        if (!machine.empty() && found != machines.end())
            return SharedMachine{i, found->second};
    }
    return std::nullopt;
}

// The variables that say where production is. A secret says as whom, and is one ring's alone.
std::map<std::string, std::string> places_of(const RingRecord& ring) {
    auto places = ring.variables;
    std::erase_if(places, [](const auto& variable) {
        return secret_of_variable(variable.second).has_value();
    });
    return places;
}

// The test ring has every variable of production with its value, whatever others it has.
bool has_places_of(const RingRecord& test, const RingRecord& production) {
    const auto places = places_of(production);
    return !places.empty() && std::all_of(places.begin(), places.end(), [&](const auto& place) {
        const auto own = test.variables.find(place.first);
        return own != test.variables.end() && own->second == place.second;
    });
}

bool has_nothing_but_names(const RingRecord& ring) {
    return places_of(ring).empty() &&
           std::all_of(ring.hosts.begin(), ring.hosts.end(), [](const auto& host) {
               return machine_of(host.address).empty();
           });
}

// Neither ring says anything but the names of hosts on the server's machine, and these are the
// same.
bool has_names_of(const RingRecord& test, const RingRecord& production) {
    const auto names_it = [&](const RingHost& host) {
        return std::any_of(test.hosts.begin(), test.hosts.end(), [&](const auto& own) {
            return same_ascii_folded(own.host, host.host);
        });
    };
    return has_nothing_but_names(test) && has_nothing_but_names(production) &&
           !production.hosts.empty() &&
           std::all_of(production.hosts.begin(), production.hosts.end(), names_it);
}

std::string places_in_words(const RingRecord& production) {
    std::string words;
    std::size_t shown = 0;
    const auto places = places_of(production);
    for (const auto& [name, value] : places) {
        if (shown++ == places_shown_max)
            return words + fmt::format(", and {} more", places.size() - places_shown_max);
        words += fmt::format(
            "{}{}={}", words.empty() ? "" : ", ", name, cut_text(value, place_shown_max)
        );
    }
    return words;
}

struct NamedRing {
    const std::string& id;
    const RingRecord& record;

    bool is_production() const { return record.kind == RingKind::production; }

    std::string in_words() const { return fmt::format("the {} ring {}", to_text(record.kind), id); }
};

// Of two rings one is for production; `own` is the one that a reason is about.
std::optional<Reason> shares_machine(const NamedRing& own, const NamedRing& other) {
    const auto& test = own.is_production() ? other : own;
    const auto& production = own.is_production() ? own : other;
    const auto shared = shared_machine(test.record, production.record);
    if (!shared)
        return std::nullopt;
    const auto& test_host = test.record.hosts[shared->test];
    const auto& production_host = production.record.hosts[shared->production];
    return Reason{
        "run-exact",
        fmt::format("hosts[{}]", own.is_production() ? shared->production : shared->test),
        fmt::format("{} is a machine of {}", test_host.address, other.in_words()),
        fmt::format(
            "{} has {}, {} has {}", test.id, host_in_words(test_host), production.id,
            host_in_words(production_host)
        ),
        fmt::format(
            "Name machines of its own in {} (ring put); where one machine really is for both, "
            "each has it by an alias of its own in ssh_config",
            test.id
        )};
}

std::optional<Reason> is_the_same_place(const NamedRing& own, const NamedRing& other) {
    const auto& test = own.is_production() ? other.record : own.record;
    const auto& production = own.is_production() ? own.record : other.record;
    if (has_places_of(test, production))
        return Reason{
            "run-exact", "variables",
            fmt::format("its variables are those of {}", other.in_words()),
            places_in_words(production),
            "Give each ring values of its own, such as its path, port or address (ring put)"};
    if (has_names_of(test, production))
        return Reason{
            "run-exact", "hosts", fmt::format("nothing tells it from {}", other.in_words()),
            fmt::format(
                "both have {} on the server's machine, and no variable",
                production.hosts.front().host
            ),
            "Give each ring variables that say where it is, or its hosts addresses (ring put)"};
    return std::nullopt;
}

} // namespace

std::string machine_of(std::string_view address) {
    if (is_this_machine(address))
        return {};
    const auto host = address.rfind('@') + 1; // behind the user; 0 without one
    auto name = ascii_lower(address.substr(host));
    while (name.ends_with('.')) // as a resolver reads it
        name.pop_back();
    if (name.empty()) // no name at all is never the server's own machine
        return std::string(address);
    name = one_way_of_writing(name);
    return is_way_back_here(name) ? std::string(address.substr(0, host)) + "localhost" : name;
}

bool share_machine(const RingRecord& one, const RingRecord& other) {
    std::set<std::string> machines;
    for (const auto& host : one.hosts)
        machines.insert(machine_of(host.address));
    return std::any_of(other.hosts.begin(), other.hosts.end(), [&](const RingHost& host) {
        const auto machine = machine_of(host.address);
        return !machine.empty() && machines.contains(machine);
    });
}

bool has_machine(const RingRecord& ring, std::string_view address) {
    const auto machine = machine_of(address);
    return !machine.empty() &&
           std::any_of(ring.hosts.begin(), ring.hosts.end(), [&](const auto& host) {
               return machine_of(host.address) == machine;
           });
}

std::string host_in_words(const RingHost& host) {
    return host.address.empty() ? host.host : fmt::format("{} ({})", host.host, host.address);
}

std::optional<Reason> ring_by_another_name(
    const std::string& id, const RingRecord& ring, const std::map<std::string, RingRecord>& rings
) {
    const NamedRing own{id, ring};
    for (const auto& [other_id, record] : rings) {
        const NamedRing other{other_id, record};
        if (other_id == id || other.is_production() == own.is_production())
            continue;
        if (auto reason = shares_machine(own, other))
            return reason;
        if (auto reason = is_the_same_place(own, other))
            return reason;
    }
    return std::nullopt;
}

} // namespace slipway::domain
