// SPDX-License-Identifier: Apache-2.0
#include "domain/change/production_hosts.hpp"

namespace slipway::domain {

std::set<std::string> production_hosts(const Change& change, const Records& records) {
    std::set<std::string> hosts;
    if (const auto ring = records.rings.find(change.production_ring); ring != records.rings.end())
        for (const auto& host : ring->second.hosts)
            hosts.insert(host.host);
    for (const auto& scoped : change.scope ? change.scope->cis : std::vector<ScopedCi>{}) {
        const auto known = records.cis.find(scoped.ci);
        if (!scoped.host.empty())
            hosts.insert(scoped.host);
        else if (known != records.cis.end() && !known->second.host.empty())
            hosts.insert(known->second.host);
    }
    return hosts;
}

} // namespace slipway::domain
