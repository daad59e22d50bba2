// SPDX-License-Identifier: Apache-2.0
#include "domain/change/impact.hpp"

#include <algorithm>
#include <deque>

namespace slipway::domain {

namespace {

struct Reached {
    CiId from;
    std::uint32_t depth = 0;
};

using Visited = std::map<CiId, Reached>;

std::vector<CiId> path_to(const Visited& visited, CiId ci) {
    std::vector<CiId> path{ci};
    for (auto found = visited.find(ci); found != visited.end() && found->second.depth > 0;
         found = visited.find(ci)) {
        ci = found->second.from;
        path.push_back(ci);
    }
    std::reverse(path.begin(), path.end());
    return path;
}

const std::vector<CiId>&
neighbours(const Records& records, const CiId& ci, TraceDirection direction) {
    static const std::vector<CiId> none;
    if (direction == TraceDirection::downstream) {
        const auto found = records.dependents.find(ci);
        return found == records.dependents.end() ? none : found->second;
    }
    const auto found = records.cis.find(ci);
    return found == records.cis.end() ? none : found->second.depends_on;
}

Visited reach(
    const Records& records, const std::vector<ScopedCi>& cis, TraceDirection direction,
    std::uint32_t depth_max
) {
    Visited visited;
    std::deque<CiId> queue;
    for (const auto& scoped : cis)
        if (visited.emplace(scoped.ci, Reached{}).second)
            queue.push_back(scoped.ci);
    while (!queue.empty()) {
        const CiId ci = queue.front();
        queue.pop_front();
        const auto depth = visited.at(ci).depth + 1;
        if (depth > depth_max)
            continue;
        for (const auto& next : neighbours(records, ci, direction))
            if (visited.emplace(next, Reached{ci, depth}).second)
                queue.push_back(next);
    }
    return visited;
}

bool is_stale(const CiRecord& record, const Policy& policy, Time now) {
    return !record.verified_at || now - *record.verified_at > policy.ci_stale_after;
}

} // namespace

Digest digest_of_cis(const std::vector<ScopedCi>& cis) {
    std::set<CiId> ids;
    for (const auto& scoped : cis)
        ids.insert(scoped.ci);
    return sha256(encode(ids));
}

Result<Impact> trace_impact(
    const Records& records, const std::vector<ScopedCi>& cis, const Policy& policy, Time now,
    std::optional<Interval> window
) {
    Impact impact;
    impact.traced_at = now;
    impact.cmdb_version = records.cmdb_version;
    impact.traced_scope = digest_of_cis(cis);
    for (const auto& scoped : cis)
        if (!records.cis.contains(scoped.ci))
            impact.unknown.push_back(scoped.ci);
    for (const auto direction : {TraceDirection::downstream, TraceDirection::upstream}) {
        const auto visited = reach(records, cis, direction, policy.impact_depth);
        for (const auto& [ci, reached] : visited) {
            const auto found = records.cis.find(ci);
            if (found == records.cis.end())
                continue;
            const auto& record = found->second;
            ImpactHit hit{ci,
                          std::string(to_text(record.ci_class)),
                          record.name,
                          direction,
                          reached.depth,
                          {},
                          record.owner,
                          {},
                          is_stale(record, policy, now),
                          false};
            if (reached.depth == 0 && direction == TraceDirection::upstream)
                continue; // the items of the scope themselves are listed once
            hit.path = path_to(visited, ci);
            hit.needs_acknowledgement = direction == TraceDirection::downstream &&
                                        reached.depth > 0 &&
                                        (record.ci_class == CiClass::scheduled_job ||
                                         record.ci_class == CiClass::integration);
            if (record.schedule && window) {
                const Interval look{window->start, window->end + policy.job_after_window};
                const auto runs = TRY(occurrences(*record.schedule, look));
                if (!runs.empty())
                    hit.next_run = runs.front().start;
            }
            impact.hits.push_back(std::move(hit));
        }
    }
    std::stable_sort(impact.hits.begin(), impact.hits.end(), [](const auto& a, const auto& b) {
        return std::tie(a.direction, a.depth, a.ci_class, a.ci) <
               std::tie(b.direction, b.depth, b.ci_class, b.ci);
    });
    return impact;
}

} // namespace slipway::domain
