// SPDX-License-Identifier: Apache-2.0
// The outbox through the door: what is still to be done outside, and what was given up.
#include "app/door_inside.hpp"
#include "app/event.hpp"

namespace slipway::app {

namespace {

using domain::Permission;

struct TaskRetried {
    std::string id;
    std::string kind;
    std::string change;

    SLIPWAY_FIELDS {
        visit("id", self.id);
        visit("kind", self.kind);
        visit("change", self.change);
    }
};

// Errors: not_found; conflict for one that a worker tries by itself.
Result<StoredTask> dead_task(Store& store, const TenantId& tenant, const TaskId& task) {
    TaskQuery query;
    query.tenant = tenant;
    query.id = task;
    const auto found = TRY(store.list_tasks(query));
    if (found.empty())
        return fail(
            ErrorCode::not_found,
            fmt::format("there is no task {}: what was done is not kept", task.value.substr(0, 64))
        );
    if (!found.front().dead)
        return fail(
            ErrorCode::conflict,
            fmt::format(
                "task {} is not dead: it is tried by itself, at the latest at {}", task.value,
                to_text(found.front().due_at)
            )
        );
    return found.front();
}

} // namespace

Result<std::vector<domain::TaskInHand>> Door::Inside::tasks_in_hand(TaskQuery query) const {
    std::vector<domain::TaskInHand> found;
    query.limit = limits::page_size_max;
    for (;;) {
        auto page = TRY(parts.store.list_tasks(query));
        const bool more = page.size() == query.limit;
        if (more)
            query.after = page.back().id;
        for (auto& task : page)
            if (!task.dead)
                found.push_back(
                    {std::move(task.id), std::move(task.kind), std::move(task.payload),
                     std::move(task.last_error)}
                );
        if (!more)
            return found;
    }
}

Result<std::vector<StoredTask>> Door::list_tasks(const Actor& actor, TaskQuery query) {
    TRY(require_permission(actor, Permission::audit_read));
    query.tenant = actor.tenant;
    return inside_->parts.store.list_tasks(query);
}

Result<Answer> Door::retry_task(
    const Actor& actor, const TaskId& id, const std::optional<IdempotencyKey>& idempotency
) {
    TRY(require_permission(actor, Permission::system_manage));
    return answer_or_kept(
        inside_->parts.store, actor, idempotency, inside_->retry_task(actor, id, idempotency)
    );
}

Result<Answer> Door::Inside::retry_task(
    const Actor& actor, const TaskId& id, const std::optional<IdempotencyKey>& idempotency
) {
    auto& store = parts.store;
    for (int attempt = 1;; ++attempt) {
        // Another request may just have used this key.
        if (auto kept = TRY(kept_answer(store, actor, idempotency)))
            return *std::move(kept);
        const auto task = TRY(dead_task(store, actor.tenant, id));
        const StreamKey key{actor.tenant, "task", task.id.value};
        const auto stored = store.load(key);
        if (!stored && stored.error().code != ErrorCode::not_found)
            return tl::unexpected(stored.error());
        const std::uint64_t version = stored ? stored->version : 0;
        const Time now = parts.clock.now();
        const auto data = encode(TaskRetried{task.id.value, task.kind, task.change});
        Answer answer{task.id.value, version + 1, data, 0, false, false};
        Commit commit;
        StreamWrite write{key, version, {}, data, false, {}, false};
        write.events.push_back(make_event({key, version + 1, now, actor}, "task_retried", data));
        commit.writes.push_back(std::move(write));
        keep_answer(commit, actor, idempotency, answer, now);
        const auto receipt = store.revive_task(actor.tenant, task.id, std::move(commit));
        if (receipt) {
            answer.ledger_size = receipt->next_seq;
            return answer;
        }
        if (receipt.error().code != ErrorCode::conflict || attempt >= limits::decide_retries_max)
            return tl::unexpected(receipt.error());
    }
}

} // namespace slipway::app
