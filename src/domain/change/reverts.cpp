// SPDX-License-Identifier: Apache-2.0
#include "domain/change/reverts.hpp"

#include <algorithm>

namespace slipway::domain {

bool is_to_be_reverted(const Change& change, const Snapshot& snapshot) {
    return snapshot.revert_asked_at && !is_over(change) &&
           std::none_of(change.runs.begin(), change.runs.end(), [&](const Run& run) {
               return run.purpose == RunPurpose::rollback &&
                      run.started_at >= *snapshot.revert_asked_at;
           });
}

bool is_to_be_reverted(const Change& change, const SnapshotTask& task) {
    const auto& all = change.snapshots;
    return std::any_of(all.begin(), all.end(), [&](const Snapshot& known) {
        return known.id == task.id && known.host == task.host && is_to_be_reverted(change, known) &&
               (!task.asked_at || task.asked_at == known.revert_asked_at);
    });
}

std::set<std::string> hosts_going_back(const Change& change) {
    std::set<std::string> hosts;
    for (const auto& snapshot : change.snapshots)
        if (is_to_be_reverted(change, snapshot))
            hosts.insert(snapshot.host);
    return hosts;
}

void withdraw_reverts(Decider& decider, Executor executor) {
    // Emitting changes the snapshots that are looked at.
    for (auto snapshot : std::vector(decider.change().snapshots)) {
        if (!snapshot.revert_asked_at)
            continue;
        snapshot.revert_asked_at.reset();
        decider.say(fmt::format(
            "the snapshot of {} is not gone back to any more; if its provider is at it already, {}",
            snapshot.host,
            executor == Executor::local
                ? "the run begins when that has ended"
                : "begin no step before that has ended: nothing else holds your runner back"
        ));
        decider.emit(SnapshotReported{std::move(snapshot)});
    }
}

} // namespace slipway::domain
