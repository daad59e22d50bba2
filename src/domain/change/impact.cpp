// SPDX-License-Identifier: Apache-2.0
#include "domain/change/impact.hpp"

#include <algorithm>
#include <deque>

#include "domain/change/article.hpp"

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
    // A date to come would never grow old.
    return !record.verified_at || *record.verified_at > now ||
           now - *record.verified_at > policy.ci_stale_after;
}

// What an owner answers for: the item as it is now, and when it runs next.
bool is_same(const ImpactHit& a, const ImpactHit& b) {
    return a.ci == b.ci && a.direction == b.direction && a.ci_class == b.ci_class &&
           a.owner == b.owner && a.next_run == b.next_run &&
           a.needs_acknowledgement == b.needs_acknowledgement;
}

const ImpactHit* first_missing(const Impact& from, const Impact& in) {
    std::map<std::pair<CiId, TraceDirection>, const ImpactHit*> known;
    for (const auto& hit : from.hits)
        known.emplace(std::pair{hit.ci, hit.direction}, &hit);
    for (const auto& hit : in.hits) {
        const auto other = known.find({hit.ci, hit.direction});
        if (other == known.end() || !is_same(hit, *other->second))
            return &hit;
    }
    return nullptr;
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
    impact.window = window;
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

Result<Impact> trace_impact(const Change& change, const Facts& facts) {
    const auto cis = change.scope ? change.scope->cis : std::vector<ScopedCi>{};
    auto impact =
        TRY(trace_impact(*facts.records, cis, *facts.policy, facts.now, window_of(change)));
    for (const auto& hit : change.impact ? change.impact->hits : std::vector<ImpactHit>{}) {
        const auto known = change.impact->acknowledged.find(hit.ci);
        if (known != change.impact->acknowledged.end() &&
            std::any_of(impact.hits.begin(), impact.hits.end(), [&](const ImpactHit& now) {
                return is_same(hit, now);
            }))
            impact.acknowledged.insert(*known);
    }
    return impact;
}

std::string difference(const Impact& before, const Impact& now) {
    if (const auto* hit = first_missing(before, now))
        return fmt::format(
            "{} is now {} of {}{}", hit->ci.value, with_article(hit->ci_class),
            hit->owner.empty() ? "nobody" : hit->owner.value,
            hit->next_run ? ", next run " + to_text(*hit->next_run) : ""
        );
    if (const auto* hit = first_missing(now, before))
        return hit->ci.value + " is no longer impacted";
    return {};
}

std::vector<std::string> touched_items(const Change& change) {
    std::vector<std::string> touched;
    for (const auto& scoped : change.scope ? change.scope->cis : std::vector<ScopedCi>{})
        touched.push_back(scoped.ci.value);
    for (const auto& hit : change.impact ? change.impact->hits : std::vector<ImpactHit>{})
        if (hit.direction == TraceDirection::downstream)
            touched.push_back(hit.ci.value);
    return touched;
}

std::optional<Interval> window_of(const Change& change) {
    if (!change.window)
        return {};
    return Interval{change.window->start, change.window->end};
}

} // namespace slipway::domain
