// SPDX-License-Identifier: Apache-2.0
// The outbox. A task can be claimed from `due_at` on; a claim moves that instant to the end of the
// lease, so that a task whose server died becomes due again by itself. A lease is a text that was
// never given before for this task: it holds the number of the attempt.
#pragma once

#include <string>
#include <vector>

#include "app/ports/store.hpp"
#include "store/connection.hpp"

namespace slipway::store {

Time lease_clock(Connection& db, Time own);
// Tasks of the kinds `except` are passed over.
bool any_task_due(Connection& db, Time now, const std::vector<std::string>& except);
std::vector<app::StoredTask> claim_tasks(
    Connection& db, const std::string& server, Time now, Time lease_until, std::size_t limit,
    const std::vector<std::string>& except
);
// Whether one was asked for that the commit was not decided on.
bool any_task_since(Connection& db, const app::TasksHeld& held);
// These three give false when the lease is not held any more.
bool extend_lease(Connection& db, const app::TaskEnd& task, Time lease_until);
bool fail_task(
    Connection& db, const app::TaskEnd& task, const std::string& error, std::optional<Time> retry_at
);
bool put_off_task(Connection& db, const app::TaskEnd& task, Time until);
// For a server that has the database to itself: what another left in hand when it ended is due.
void free_tasks(Connection& db);
// False when there is no such dead task. Its attempts go on counting, as its leases hold them.
bool revive_task(Connection& db, const TenantId& tenant, const TaskId& task);
std::vector<app::StoredTask> list_tasks(Connection& db, const app::TaskQuery& query);

} // namespace slipway::store
