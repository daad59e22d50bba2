// SPDX-License-Identifier: Apache-2.0
#include "domain/change/production_hosts.hpp"

#include "domain/change/approved_ring.hpp"

namespace slipway::domain {

std::string host_of(const ScopedCi& scoped, const Records& records) {
    if (!scoped.host.empty())
        return scoped.host;
    const auto known = records.cis.find(scoped.ci);
    return known == records.cis.end() ? std::string{} : known->second.host;
}

std::set<std::string> production_hosts(const Change& change, const Records& records) {
    std::set<std::string> hosts;
    const auto* deployed = last_run(change, RunPurpose::deployment);
    const auto* ring = deployed ? kept_ring(change, *deployed) : nullptr;
    const auto known = records.rings.find(change.production_ring);
    if (ring == nullptr && known != records.rings.end())
        ring = &known->second;
    if (ring != nullptr)
        for (const auto& host : ring->hosts)
            hosts.insert(host.host);
    for (const auto& scoped : change.scope ? change.scope->cis : std::vector<ScopedCi>{})
        if (auto host = host_of(scoped, records); !host.empty())
            hosts.insert(std::move(host));
    return hosts;
}

} // namespace slipway::domain
