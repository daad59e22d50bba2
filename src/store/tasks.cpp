// SPDX-License-Identifier: Apache-2.0
#include "store/tasks.hpp"

#include <fmt/format.h>

#include "store/task_id.hpp"

namespace slipway::store {

namespace {

constexpr std::string_view task_columns =
    "id, kind, tenant, change, payload, attempts, lease, last_error, due_at, dead";
constexpr std::size_t task_column_count = 10;

// With the time twice. Abort and rollback end a run on the record at once, but its step a little
// later, and perhaps on another server: until its task is given back, nothing else may work there.
// So it is with a provider that puts back the disks of those machines; it may put back several at a
// time.
constexpr std::string_view claimable =
    "dead = 0 and due_at <= :now and (kind not in ('run', 'snapshot_revert') or not exists ("
    "select 1 from task held where held.tenant = task.tenant and held.change = task.change "
    "and (held.kind = 'run' or (held.kind = 'snapshot_revert' and task.kind = 'run')) "
    "and held.dead = 0 and held.lease <> '' and held.due_at > :now_held))";

app::StoredTask task_of(const Row& row) {
    return {TaskId(row.text(0)), row.text(1), TenantId(row.text(2)),
            row.text(3),         row.text(4), static_cast<int>(row.number(5)),
            row.text(6),         row.text(7), row.time(8),
            row.number(9) != 0};
}

// What is due, oldest first. Binds into `params` in the order of the text.
std::string
due_tasks(Time now, const std::vector<std::string>& except, std::vector<Param>& params) {
    auto query = fmt::format("from task where {}", claimable);
    params.emplace_back(now);
    params.emplace_back(now);
    for (const auto& kind : except) {
        query += fmt::format(" and kind <> :except{}", params.size());
        params.emplace_back(kind);
    }
    return query + " order by due_at, id limit :limit";
}

} // namespace

Time lease_clock(Connection& db, Time own) {
    if (db.dialect().single_server)
        return own;
    const auto now =
        db.number("select cast(extract(epoch from clock_timestamp()) * 1000 as bigint)");
    return Time(Span(static_cast<Span::rep>(now.value_or(0))));
}

bool any_task_due(Connection& db, Time now, const std::vector<std::string>& except) {
    std::vector<Param> params;
    const auto query = "select id " + due_tasks(now, except, params);
    params.emplace_back(std::size_t{1});
    bool found = false;
    db.query(query, params, 1, [&](const Row&) { found = true; });
    return found;
}

std::vector<app::StoredTask> claim_tasks(
    Connection& db, const std::string& server, Time now, Time lease_until, std::size_t limit,
    const std::vector<std::string>& except
) {
    std::vector<Param> params;
    const auto oldest = fmt::format("select {} {}", task_columns, due_tasks(now, except, params));
    params.emplace_back(std::size_t{1});
    std::vector<app::StoredTask> tasks;
    // One after the other, since each decides what may be claimed beside it.
    while (tasks.size() < limit) {
        std::optional<app::StoredTask> task;
        db.query(oldest, params, task_column_count, [&](const Row& row) { task = task_of(row); });
        if (!task)
            break;
        ++task->attempts;
        task->lease = fmt::format("{}/{}", server, task->attempts);
        task->due_at = lease_until;
        db.run(
            "update task set lease = :lease, attempts = :attempts, due_at = :until "
            "where id = :id",
            {task->lease, task->attempts, lease_until, task_number(task->id)}
        );
        tasks.push_back(*std::move(task));
    }
    return tasks;
}

bool any_task_since(Connection& db, const app::TasksHeld& held) {
    return db
        .number(
            "select id from task where tenant = :tenant and change = :change and id > :newest "
            "and dead = 0 order by id limit 1",
            {held.tenant.value, held.change, task_number(held.newest)}
        )
        .has_value();
}

bool extend_lease(Connection& db, const app::TaskEnd& task, Time lease_until) {
    return !task.lease.empty() &&
           db.run(
               "update task set due_at = :until where id = :id and lease = :lease and dead = 0",
               {lease_until, task_number(task.id), task.lease}
           ) == 1;
}

bool fail_task(
    Connection& db, const app::TaskEnd& task, const std::string& error, std::optional<Time> retry_at
) {
    return !task.lease.empty() &&
           db.run(
               "update task set lease = '', due_at = :retry_at, dead = :dead, "
               "last_error = :error where id = :id and lease = :lease and dead = 0",
               {retry_at.value_or(Time{}), retry_at ? 0 : 1, error, task_number(task.id),
                task.lease}
           ) == 1;
}

bool put_off_task(Connection& db, const app::TaskEnd& task, Time until) {
    return !task.lease.empty() &&
           db.run(
               "update task set lease = '', due_at = :until, attempts = attempts - 1 "
               "where id = :id and lease = :lease and dead = 0",
               {until, task_number(task.id), task.lease}
           ) == 1;
}

void free_tasks(Connection& db) {
    db.run("update task set lease = '', due_at = 0 where lease <> '' and dead = 0");
}

bool revive_task(Connection& db, const TenantId& tenant, const TaskId& task) {
    return db.run(
               "update task set dead = 0, due_at = 0, lease = '' "
               "where id = :id and tenant = :tenant and dead = 1",
               {task_number(task), tenant.value}
           ) == 1;
}

std::vector<app::StoredTask> list_tasks(Connection& db, const app::TaskQuery& query) {
    std::string conditions = "tenant = :tenant and id > :after";
    std::vector<Param> params{query.tenant.value, task_number(query.after)};
    if (!query.change.empty()) {
        conditions += " and change = :change";
        params.emplace_back(query.change);
    }
    if (!query.kind.empty()) {
        conditions += " and kind = :kind";
        params.emplace_back(query.kind);
    }
    if (!query.id.empty()) {
        conditions += " and id = :id";
        params.emplace_back(task_number(query.id));
    }
    if (query.only_dead)
        conditions += " and dead = 1";
    params.emplace_back(query.limit);
    std::vector<app::StoredTask> tasks;
    db.query(
        fmt::format(
            "select {} from task where {} order by id limit :limit", task_columns, conditions
        ),
        params, task_column_count, [&](const Row& row) { tasks.push_back(task_of(row)); }
    );
    return tasks;
}

} // namespace slipway::store
