// SPDX-License-Identifier: Apache-2.0
#include "domain/change/cmdb_versions.hpp"

#include <algorithm>
#include <set>

#include "domain/change/way_back.hpp"

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

// What is typed, for all items of which nobody knows: it names them all each time. Of many it
// stands in a file.
std::string command_of(const Change& change, const Aftermath& after) {
    constexpr std::size_t named = 3;
    std::string list;
    std::size_t count = 0;
    for (const auto& scoped : change.scope->cis)
        if (has_to_be_found(after, scoped) && ++count <= named)
            list += fmt::format(
                R"({}{{"ci":"{}","version":"VERSION"}})", list.empty() ? "" : ",", scoped.ci.value
            );
    return count <= named
               ? fmt::format("slipway change update_cmdb {} --found '[{}]'", change.id.value, list)
               : fmt::format(
                     "slipway change update_cmdb {} --found @FILE, where FILE names all {}: "
                     "[{},...]",
                     change.id.value, count, list
                 );
}

} // namespace

Aftermath aftermath_of(const Change& change) {
    return {failed_and_not_back(change), last_touched_at(change)};
}

const std::string& version_by_record(const Change& change, const ScopedCi& scoped) {
    return change.failed_because.empty() ? scoped.version_to : scoped.version_from;
}

bool has_to_be_found(const Aftermath& after, const ScopedCi& scoped) {
    return after.unknown && (!scoped.version_from.empty() || !scoped.version_to.empty());
}

bool was_found(const Aftermath& after, const CmdbPush& push) {
    return push.found && after.last_touched <= push.at;
}

Reason versions_not_found(const Change& change, const Aftermath& after) {
    const auto* going = run_going_back(change);
    const auto back = going ? "slipway run follow " + change.id.value : command_to_go_back(change);
    return {
        "cmdb-updated", "cmdb",
        "the deployment failed and nobody went back: the record does not tell what runs",
        change.failed_because,
        fmt::format(
            "{} and say what runs: {}",
            back.empty() ? "Look"
            : going      ? fmt::format("{} goes back: {}; or look", going->id.value, back)
                         : "Go back: " + back + "; or look",
            command_of(change, after)
        )};
}

Result<void> check_found(const Change& change, const std::vector<FoundVersion>& found) {
    const auto cis = change.scope ? change.scope->cis : std::vector<ScopedCi>{};
    const auto after = aftermath_of(change);
    std::set<CiId> seen;
    for (std::size_t i = 0; i < found.size(); ++i) {
        const auto field = fmt::format("found[{}].ci", i);
        const auto scoped = std::find_if(cis.begin(), cis.end(), [&](const ScopedCi& known) {
            return known.ci == found[i].ci;
        });
        if (scoped == cis.end())
            return fail_field(field, "is not in the scope of the change");
        if (!has_to_be_found(after, *scoped))
            return fail_field(field, "the record says what runs: leave it out");
        if (!seen.insert(found[i].ci).second)
            return fail_field(field, "is named twice");
    }
    if (std::any_of(cis.begin(), cis.end(), [&](const ScopedCi& scoped) {
            return has_to_be_found(after, scoped) && !seen.contains(scoped.ci);
        }))
        return fail_blocked("nobody knows what runs", {versions_not_found(change, after)});
    return {};
}

std::optional<Reason>
why_other_version(const Change& change, const ScopedCi& scoped, const CmdbPush& push) {
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
