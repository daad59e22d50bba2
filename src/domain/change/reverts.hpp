// SPDX-License-Identifier: Apache-2.0
// Whether a host is still to go back to its snapshot. A provider that fails for a while is asked
// again for minutes, or is long at work, and meanwhile the owner may go back with the runbook
// instead: then nothing must bring back the old disk, and with it take what was written since.
#pragma once

#include <set>

#include "domain/change/decision.hpp"
#include "domain/change/tasks.hpp"

namespace slipway::domain {

// It was asked for, and nothing took that back since.
bool is_to_be_reverted(const Change& change, const Snapshot& snapshot);
// The same, and it is this task that was asked for, not an earlier one.
bool is_to_be_reverted(const Change& change, const SnapshotTask& task);

// The hosts whose provider is at it, or about to be.
std::set<std::string> hosts_going_back(const Change& change);

// The rollback runbook begins: what its provider has not begun yet does not begin any more.
// Our own runner waits for one that is at it; another one nobody holds back.
void withdraw_reverts(Decider& decider, Executor executor);

} // namespace slipway::domain
