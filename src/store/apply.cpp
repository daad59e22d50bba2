// SPDX-License-Identifier: Apache-2.0
#include "store/apply.hpp"

#include <fmt/format.h>

#include "store/change_index.hpp"
#include "store/identity.hpp"
#include "store/ledger_rows.hpp"
#include "store/task_id.hpp"
#include "store/tasks.hpp"

namespace slipway::store {

namespace {

using app::Commit;
using app::StreamWrite;

Result<void> check_sizes(const StreamWrite& write) {
    const auto too_large = [](std::string_view what, std::size_t size, std::size_t max) {
        return fail(
            ErrorCode::limit_exceeded,
            fmt::format("{} has {} bytes, the limit is {}", what, size, max)
        );
    };
    constexpr auto state_max = limits::state_document_max + limits::state_document_spare;
    if (write.state.size() > state_max)
        return too_large("the record", write.state.size(), state_max);
    if (write.state.empty() && write.expected_version == 0)
        return fail(ErrorCode::internal, "a new record has no state");
    for (const auto& event : write.events)
        if (event.body.size() > limits::event_body_max)
            return too_large("an entry", event.body.size(), limits::event_body_max);
    if (write.summary && (write.summary->number == 0 || write.summary->number > number_max))
        return fail(ErrorCode::internal, "a change has no number");
    return {};
}

// The version that the stream has when the commit comes to its write number `at`.
std::uint64_t current_version(Batch& batch, const Commit& commit, std::size_t at) {
    const auto& key = commit.writes[at].key;
    for (std::size_t i = at; i-- > 0;)
        if (commit.writes[i].key == key)
            return commit.writes[i].expected_version + commit.writes[i].events.size();
    return batch.version_of(key);
}

void write_stream(Batch& batch, const StreamWrite& write, std::uint64_t version) {
    const auto& key = write.key;
    if (write.events.empty() && write.state.empty())
        return; // nothing but a summary
    const auto changed = batch.db().run(
        "update stream set version = :version, removed = :removed "
        "where tenant = :tenant and kind = :kind and id = :id and version = :expected",
        {version, write.removed ? 1 : 0, key.tenant.value, key.kind, key.id, write.expected_version}
    );
    // When the row is there with another version after all, the primary key refuses this.
    if (changed == 0)
        batch.db().run(
            "insert into stream (tenant, kind, id, version, removed) "
            "values (:tenant, :kind, :id, :version, :removed)",
            {key.tenant.value, key.kind, key.id, version, write.removed ? 1 : 0}
        );
    batch.note_version(key, version);
    if (!write.state.empty())
        put_document(batch.db(), key, version, write.state);
}

void write_one(Batch& batch, const StreamWrite& write) {
    auto version = write.expected_version;
    for (const auto& event : write.events)
        batch.append(write.key, ++version, event);
    write_stream(batch, write, version);
    if (write.summary && write.removed)
        drop_summary(batch, write.key.tenant, *write.summary);
    else if (write.summary)
        put_summary(
            batch, write.key, *write.summary, {write.filters_changed, write.search_changed}
        );
    batch.touch(write.key.tenant, write.key.kind);
}

void write_task(Batch& batch, const app::TaskDraft& task) {
    batch.note_task();
    batch.db().run(
        "insert into task (tenant, kind, change, payload, due_at, lease, attempts, dead, "
        "last_error) values (:tenant, :kind, :change, :payload, :due_at, '', 0, 0, '')",
        {task.tenant.value, task.kind, task.change, task.payload, task.not_before}
    );
}

Result<void> check_identity(Connection& db, const Commit& commit) {
    if (const auto& held = commit.password_held) {
        const auto credential = find_credential(db, held->tenant, held->person);
        if (!credential || credential->password_hash != held->password_hash)
            return fail(ErrorCode::conflict, "the password has changed meanwhile");
    }
    if (commit.bearer_held && !find_bearer(db, *commit.bearer_held))
        return fail(ErrorCode::conflict, "the session, token or code has ended meanwhile");
    return {};
}

// Whether an entry about the record, or about any of its kind, stands at `size` or later. What
// earlier commits of the batch wrote is there already: it is the same transaction.
bool is_written_since(Connection& db, const app::StreamKey& key, std::uint64_t size) {
    const auto newest =
        key.id.empty()
            ? db.number(
                  "select seq from event where tenant = :tenant and seq >= :size and kind = :kind "
                  "order by seq limit 1",
                  {key.tenant.value, size, key.kind}
              )
            : db.number(
                  "select seq from event where tenant = :tenant and kind = :kind "
                  "and stream = :stream order by version desc limit 1",
                  {key.tenant.value, key.kind, key.id}
              );
    return newest && *newest >= size;
}

Result<void> check_records(Connection& db, const Commit& commit) {
    for (const auto& key : commit.records_held.keys)
        if (is_written_since(db, key, commit.records_held.size))
            return fail(
                ErrorCode::conflict,
                key.id.empty()
                    ? fmt::format("records of kind {} were written meanwhile; try again", key.kind)
                    : fmt::format("{} {} was written meanwhile; try again", key.kind, key.id)
            );
    for (const auto& key : commit.records_named) {
        const auto there = db.number(
            "select version from stream where tenant = :tenant and kind = :kind and id = :id "
            "and removed = 0",
            {key.tenant.value, key.kind, key.id}
        );
        if (!there)
            return fail(
                ErrorCode::conflict,
                fmt::format("{} {} is named and not there; try again", key.kind, key.id)
            );
    }
    return {};
}

// What earlier commits of the batch wrote is there already, as for records.
Result<void> check_changes(Connection& db, const Commit& commit) {
    for (const auto& query : commit.changes_absent)
        if (const auto found = find_changes(db, query); !found.empty())
            return fail(
                ErrorCode::conflict,
                fmt::format("{} has begun to use it; try again", found.front().id)
            );
    return {};
}

} // namespace

void put_document(
    Connection& db, const app::StreamKey& key, std::uint64_t version, std::string_view state
) {
    db.run(
        "insert into document (tenant, kind, id, version, state) "
        "values (:tenant, :kind, :id, :version, :state) "
        "on conflict (tenant, kind, id) do update set version = excluded.version, "
        "state = excluded.state",
        {key.tenant.value, key.kind, key.id, version, state}
    );
}

Result<void> check_commit(Batch& batch, const Commit& commit) {
    TRY(check_identity(batch.db(), commit));
    TRY(check_records(batch.db(), commit));
    TRY(check_changes(batch.db(), commit));
    if (const auto& held = commit.tasks_held; held && any_task_since(batch.db(), *held))
        return fail(
            ErrorCode::conflict,
            fmt::format("something else was asked for {} meanwhile; try again", held->change)
        );
    if (commit.task_end) {
        const auto held = batch.db().number(
            "select attempts from task where id = :id and lease = :lease and dead = 0",
            {task_number(commit.task_end->id), commit.task_end->lease}
        );
        if (!held || commit.task_end->lease.empty())
            return app::fail_lease_lost();
    }
    if (commit.answer) {
        const auto& answer = *commit.answer;
        const auto kept = batch.db().number(
            "select status from answer where tenant = :tenant and person = :person "
            "and name = :name",
            {answer.tenant.value, answer.person.value, answer.key}
        );
        if (kept)
            return fail(ErrorCode::conflict, "a request with this Idempotency-Key was answered");
    }
    for (std::size_t i = 0; i < commit.writes.size(); ++i) {
        const auto& write = commit.writes[i];
        TRY(check_sizes(write));
        const auto version = current_version(batch, commit, i);
        if (version != write.expected_version)
            return fail(
                ErrorCode::conflict,
                fmt::format(
                    "{} {} has changed: it is at version {}, not {}", write.key.kind, write.key.id,
                    version, write.expected_version
                )
            );
    }
    return {};
}

app::Receipt write_commit(Batch& batch, const Commit& commit) {
    app::Receipt receipt{batch.ledger_size(), 0};
    for (const auto& write : commit.writes)
        write_one(batch, write);
    for (const auto& task : commit.tasks)
        write_task(batch, task);
    if (commit.task_end && commit.task_end->ends)
        batch.db().run("delete from task where id = :id", {task_number(commit.task_end->id)});
    if (commit.answer)
        put_answer(batch.db(), *commit.answer);
    for (const auto& bearer : commit.put_bearers)
        put_bearer(batch.db(), bearer);
    for (const auto& digest : commit.drop_bearers)
        batch.db().run("delete from bearer where digest = :digest", {digest.hex()});
    for (const auto& credential : commit.put_credentials)
        write_credential(batch.db(), credential);
    for (const auto& [name, value] : commit.put_settings)
        write_setting(batch.db(), name, value);
    if (commit.checkpoint)
        write_checkpoint(batch.db(), *commit.checkpoint);
    receipt.next_seq = batch.ledger_size();
    return receipt;
}

} // namespace slipway::store
