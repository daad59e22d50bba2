// SPDX-License-Identifier: Apache-2.0
#include "domain/records/ring_comparison.hpp"

#include <algorithm>
#include <set>

namespace slipway::domain {

namespace {

using Hosts = std::vector<const RingHost*>;

std::map<std::string, Hosts> by_role(const RingRecord& ring) {
    std::map<std::string, Hosts> roles;
    for (const auto& host : ring.hosts)
        roles[host.role].push_back(&host);
    return roles;
}

// The prefix of the pair's differences. Hosts that the test ring has more of than production are
// named too, since their production host stands for several.
std::string name_of_pair(const Hosts& mine, const Hosts& theirs, std::size_t place) {
    return place < theirs.size() ? theirs[place]->host
                                 : fmt::format("{}={}", mine[place]->host, theirs.back()->host);
}

void compare_pair(
    const RingDifference& pair, const HostFacts& mine, const HostFacts& theirs,
    RingComparison& comparison
) {
    if (mine.empty() || theirs.empty())
        return;
    std::set<std::string> names;
    for (const auto* facts : {&mine, &theirs})
        for (const auto& [name, value] : *facts)
            names.insert(name);
    const auto value_of = [](const HostFacts& facts, const std::string& name) {
        const auto found = facts.find(name);
        return found == facts.end() ? std::string{} : found->second;
    };
    for (const auto& name : names) {
        auto difference = pair;
        difference.id = pair.id + "/" + name;
        difference.kind = kind_of_fact(name);
        difference.name = name;
        difference.ring_value = value_of(mine, name);
        difference.production_value = value_of(theirs, name);
        if (difference.ring_value != difference.production_value ||
            is_unknown(difference.ring_value))
            comparison.differences.push_back(std::move(difference));
    }
    comparison.facts_compared += static_cast<std::uint32_t>(names.size());
}

} // namespace

HostFacts facts_of(const RingHost& host, const FactsByDocument& gathered) {
    if (host.found && !host.found->fault.empty())
        return {};
    HostFacts facts;
    if (host.found)
        if (const auto document = gathered.find(host.found->transcript); document != gathered.end())
            facts = document->second;
    facts.insert(host.facts.begin(), host.facts.end());
    return facts;
}

RingComparison compare_rings(
    const RingRecord& ring, const RingRecord& production, const FactsByDocument& gathered
) {
    RingComparison comparison;
    auto roles = by_role(ring);
    auto production_roles = by_role(production);
    for (const auto& [role, hosts] : production_roles)
        roles.try_emplace(role);
    for (const auto& [role, mine] : roles) {
        const auto& theirs = production_roles[role];
        if (mine.size() != theirs.size())
            comparison.differences.push_back(
                {role.empty() ? "hosts" : "hosts." + role,
                 role,
                 {},
                 {},
                 "hosts",
                 "hosts",
                 std::to_string(mine.size()),
                 std::to_string(theirs.size())}
            );
        if (mine.empty() || theirs.empty())
            continue;
        for (std::size_t i = 0; i < std::max(mine.size(), theirs.size()); ++i) {
            const auto& here = *mine[std::min(i, mine.size() - 1)];
            const auto& there = *theirs[std::min(i, theirs.size() - 1)];
            const RingDifference pair{
                name_of_pair(mine, theirs, i), role, here.host, there.host, {}, {}, {}, {}};
            compare_pair(pair, facts_of(here, gathered), facts_of(there, gathered), comparison);
        }
    }
    return comparison;
}

} // namespace slipway::domain
