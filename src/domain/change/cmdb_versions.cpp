// SPDX-License-Identifier: Apache-2.0
#include "domain/change/cmdb_versions.hpp"

#include <algorithm>
#include <set>

namespace slipway::domain {

namespace {

// Since then, what runs on production is what it was.
Time last_touched_at(const Change& change) {
    Time last{};
    for (const auto& run : change.runs)
        if (on_production(run.purpose))
            last = std::max(last, run.ended_at.value_or(run.started_at));
    for (const auto& snapshot : change.snapshots)
        last = std::max(last, snapshot.reverted_at.value_or(Time{}));
    return last;
}

// What is typed, for all items of which nobody knows.
std::string command_of(const Change& change) {
    std::string items;
    for (const auto& scoped : change.scope->cis)
        if (has_to_be_found(change, scoped))
            items += fmt::format(
                R"({}{{"ci":"{}","version":"VERSION"}})", items.empty() ? "" : ",", scoped.ci.value
            );
    return fmt::format("update_cmdb --found '[{}]'", items);
}

} // namespace

const std::string& version_by_record(const Change& change, const ScopedCi& scoped) {
    return change.failed_because.empty() ? scoped.version_to : scoped.version_from;
}

bool has_to_be_found(const Change& change, const ScopedCi& scoped) {
    const bool has_version = !scoped.version_from.empty() || !scoped.version_to.empty();
    return has_version && !change.failed_because.empty() && !rolled_back_at(change);
}

Reason version_not_found(const Change& change, const ScopedCi& scoped) {
    return {
        "cmdb-updated", "cmdb." + scoped.ci.value,
        "the deployment failed and nobody went back: the record does not tell what runs",
        change.failed_because,
        fmt::format(
            "Go back (start_run --purpose rollback, or revert_snapshot --reason TEXT), or look and "
            "say what runs: {}",
            command_of(change)
        )};
}

Result<void> check_found(const Change& change, const std::vector<FoundVersion>& found) {
    const auto cis = change.scope ? change.scope->cis : std::vector<ScopedCi>{};
    std::set<CiId> seen;
    for (std::size_t i = 0; i < found.size(); ++i) {
        const auto field = fmt::format("found[{}].ci", i);
        const auto scoped = std::find_if(cis.begin(), cis.end(), [&](const ScopedCi& known) {
            return known.ci == found[i].ci;
        });
        if (scoped == cis.end())
            return fail_field(field, "is not in the scope of the change");
        if (!has_to_be_found(change, *scoped))
            return fail_field(field, "the record says what runs: leave it out");
        if (!seen.insert(found[i].ci).second)
            return fail_field(field, "is named twice");
    }
    return {};
}

std::optional<Reason>
why_other_version(const Change& change, const ScopedCi& scoped, const CmdbPush& push) {
    if (has_to_be_found(change, scoped)) {
        if (push.found && last_touched_at(change) <= push.at)
            return std::nullopt;
        return version_not_found(change, scoped);
    }
    const auto& runs = version_by_record(change, scoped);
    // Of a first version that was taken back nothing is left.
    const bool gone = runs.empty() && !change.failed_because.empty();
    const bool other = gone ? !push.pushed.empty() && push.pushed == scoped.version_to
                            : !runs.empty() && push.pushed != runs;
    if (!other)
        return std::nullopt;
    return Reason{
        "cmdb-updated", "cmdb." + scoped.ci.value,
        "another version was written than the one that runs",
        fmt::format("written {}, runs {}", push.pushed, gone ? "none" : runs),
        "Run update_cmdb again"};
}

} // namespace slipway::domain
