// SPDX-License-Identifier: Apache-2.0
#include "domain/change/production_hosts.hpp"

#include <algorithm>

#include "domain/change/approved_ring.hpp"

namespace slipway::domain {

namespace {

const RingRecord* ring_kept(const Change& change) {
    const auto* deployed = last_run(change, RunPurpose::deployment);
    return deployed ? kept_ring(change, *deployed) : nullptr;
}

void add_hosts(std::set<std::string>& hosts, const RingRecord& ring) {
    for (const auto& host : ring.hosts)
        hosts.insert(host.host);
}

// A run may begin while the provider is at work, and its steps only when that has ended.
Time last_touched(const Run& run) {
    Time last = run.started_at;
    for (const auto* steps : {&run.steps, &run.undo})
        for (const auto& step : *steps)
            last = std::max(last, step.started_at.value_or(last));
    return last;
}

} // namespace

std::string host_of(const ScopedCi& scoped, const Records& records) {
    if (!scoped.host.empty())
        return scoped.host;
    const auto known = records.cis.find(scoped.ci);
    return known == records.cis.end() ? std::string{} : known->second.host;
}

std::set<std::string> production_hosts(const Change& change, const Records& records) {
    auto hosts = hosts_on_record(change);
    const auto known = records.rings.find(change.production_ring);
    if (ring_kept(change) == nullptr && known != records.rings.end())
        add_hosts(hosts, known->second);
    for (const auto& scoped : change.scope ? change.scope->cis : std::vector<ScopedCi>{})
        if (auto host = host_of(scoped, records); !host.empty())
            hosts.insert(std::move(host));
    return hosts;
}

std::set<std::string> hosts_on_record(const Change& change) {
    std::set<std::string> hosts;
    if (const auto* ring = ring_kept(change))
        add_hosts(hosts, *ring);
    for (const auto& scoped : change.scope ? change.scope->cis : std::vector<ScopedCi>{})
        if (!scoped.host.empty())
            hosts.insert(scoped.host);
    return hosts;
}

const Snapshot* went_back_to(const Change& change, const std::string& host) {
    const auto* deployed = last_run(change, RunPurpose::deployment);
    if (deployed == nullptr)
        return nullptr;
    Time touched = deployed->started_at;
    for (const auto& run : change.runs)
        if (on_production(run.purpose))
            touched = std::max(touched, last_touched(run));
    const Snapshot* last = nullptr;
    for (const auto& known : change.snapshots)
        if (known.host == host && known.taken_at && *known.taken_at <= deployed->started_at &&
            known.reverted_at && *known.reverted_at >= touched &&
            (last == nullptr || known.reverted_at > last->reverted_at))
            last = &known;
    return last;
}

} // namespace slipway::domain
