// SPDX-License-Identifier: Apache-2.0
#include "store/sql_store.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "store/apply.hpp"
#include "store/change_index.hpp"
#include "store/identity.hpp"
#include "store/ledger_rows.hpp"
#include "store/tasks.hpp"

namespace slipway::store {

namespace {

tl::unexpected<Error> read_only() {
    return fail(ErrorCode::unavailable, "this store was opened for reading only");
}

tl::unexpected<Error> no_blob(const Digest& digest) {
    return fail(ErrorCode::not_found, fmt::format("there is no attachment {}", digest.hex()));
}

tl::unexpected<Error> no_task(const TaskId& task) {
    return fail(ErrorCode::not_found, fmt::format("there is no task {}", task.value));
}

tl::unexpected<Error> not_dead(const TaskId& task) {
    return fail(
        ErrorCode::conflict, fmt::format("task {} is not dead: it is tried by itself", task.value)
    );
}

Result<void> require_lease(bool held) {
    if (!held)
        return app::fail_lease_lost();
    return {};
}

Result<app::Receipt> carry_out(Batch& batch, const app::Commit& commit) {
    TRY(check_commit(batch, commit));
    return write_commit(batch, commit);
}

} // namespace

SqlStore::SqlStore(LockFile lock, Target read, std::optional<Target> write, std::size_t readers)
    : lock_(std::move(lock)), readers_(std::move(read), std::max<std::size_t>(readers, 1)) {
    if (write)
        committer_ = std::make_unique<Committer>(*std::move(write));
}

template <class Work>
auto SqlStore::read(const Work& work) -> Result<std::invoke_result_t<Work, Connection&>> {
    for (bool again = true;; again = false) {
        try {
            Pool::Lease lease(readers_);
            return work(*lease);
        } catch (const DatabaseError& error) {
            note_fault(error);
            if (!error.broken || !again)
                return tl::unexpected(to_error(error));
        }
    }
}

void SqlStore::note_fault(const DatabaseError& error) {
    if (committer_ && error.ends_writing())
        committer_->end_writing(error);
}

std::optional<Error> SqlStore::not_writing() const {
    return committer_ ? committer_->not_writing() : std::nullopt;
}

Result<void> SqlStore::write(const Committer::Job& job) {
    if (!committer_)
        return read_only();
    return committer_->run(job);
}

Result<app::StoredStream> SqlStore::load(const app::StreamKey& key, std::uint64_t known_version) {
    auto found = TRY(read([&](Connection& db) {
        std::optional<app::StoredStream> stream;
        std::uint64_t contained = 0;
        db.query(
            "select s.version, s.removed, d.version, "
            "case when s.version = :known then '' else d.state end "
            "from stream s join document d on d.tenant = s.tenant and d.kind = s.kind "
            "and d.id = s.id where s.tenant = :tenant and s.kind = :kind and s.id = :id",
            {known_version, key.tenant.value, key.kind, key.id}, 4,
            [&](const Row& row) {
                stream = app::StoredStream{key, row.number(0), row.text(3), row.number(1) != 0};
                contained = row.number(2);
            }
        );
        // Events never change, so those up to the version that was read fit the document.
        if (stream && stream->version != known_version && stream->version > contained)
            stream->since = store::events_of(db, key, contained, stream->version - contained);
        return stream;
    }));
    if (!found)
        return fail(ErrorCode::not_found, fmt::format("there is no {} {}", key.kind, key.id));
    return *std::move(found);
}

Result<std::vector<app::StoredStream>> SqlStore::list(
    const TenantId& tenant, const std::string& kind, const std::string& after_id, std::size_t limit
) {
    return read([&](Connection& db) {
        std::vector<app::StoredStream> streams;
        db.query(
            "select s.id, s.version, d.state from stream s join document d "
            "on d.tenant = s.tenant and d.kind = s.kind and d.id = s.id "
            "where s.tenant = :tenant and s.kind = :kind and s.id > :after and s.removed = 0 "
            "order by s.id limit :limit",
            {tenant.value, kind, after_id, limit}, 3,
            [&](const Row& row) {
                streams.push_back({{tenant, kind, row.text(0)}, row.number(1), row.text(2), false});
            }
        );
        return streams;
    });
}

Result<std::uint64_t> SqlStore::kind_version(const TenantId& tenant, const std::string& kind) {
    return read([&](Connection& db) {
        return db
            .number(
                "select version from kind_version where tenant = :tenant and kind = :kind",
                {tenant.value, kind}
            )
            .value_or(0);
    });
}

Result<std::optional<std::vector<app::RecordEntry>>>
SqlStore::records_written(const TenantId& tenant, std::uint64_t seq, std::size_t limit) {
    return read([&](Connection& db) -> std::optional<std::vector<app::RecordEntry>> {
        std::vector<app::RecordEntry> entries;
        db.query(
            "select seq, kind, stream from event where tenant = :tenant and seq >= :seq "
            "and kind <> 'change' order by seq limit :limit",
            {tenant.value, seq, limit + 1}, 3,
            [&](const Row& row) {
                entries.push_back({row.number(0), row.text(1), row.text(2)});
            }
        );
        return entries.size() > limit ? std::nullopt : std::optional(std::move(entries));
    });
}

Result<std::vector<TenantId>> SqlStore::tenants() {
    return read([&](Connection& db) {
        std::vector<TenantId> tenants;
        db.query(
            "select distinct tenant from kind_version order by tenant", {}, 1,
            [&](const Row& row) { tenants.emplace_back(row.text(0)); }
        );
        return tenants;
    });
}

Result<app::Receipt> SqlStore::commit(app::Commit commit) {
    app::Receipt receipt;
    TRY(write([&](Batch& batch) -> Result<void> {
        receipt = TRY(carry_out(batch, commit));
        return {};
    }));
    return receipt;
}

void SqlStore::commit_later(app::Commit commit, Committed done) {
    if (!committer_)
        return done(read_only());

    struct Waiting {
        app::Commit commit;
        Committed done;
        app::Receipt receipt;
    };

    const auto waiting = std::make_shared<Waiting>(Waiting{std::move(commit), std::move(done), {}});
    committer_->submit(
        [waiting](Batch& batch) -> Result<void> {
            waiting->receipt = TRY(carry_out(batch, waiting->commit));
            return {};
        },
        [waiting](Result<void> result) {
            if (result)
                waiting->done(waiting->receipt);
            else
                waiting->done(tl::unexpected(std::move(result).error()));
        }
    );
}

Result<app::Receipt> SqlStore::commit_numbered(
    const TenantId& tenant, const std::string& counter,
    std::function<Result<app::Commit>(std::uint64_t number)> make
) {
    app::Receipt receipt;
    TRY(write([&](Batch& batch) -> Result<void> {
        const auto number = 1 + batch.db()
                                    .number(
                                        "select value from counter where tenant = :tenant "
                                        "and name = :name",
                                        {tenant.value, counter}
                                    )
                                    .value_or(0);
        const auto commit = TRY(make(number));
        TRY(check_commit(batch, commit));
        batch.db().run(
            "insert into counter (tenant, name, value) values (:tenant, :name, :value) "
            "on conflict (tenant, name) do update set value = excluded.value",
            {tenant.value, counter, number}
        );
        receipt = write_commit(batch, commit);
        return {};
    }));
    return receipt;
}

Result<std::vector<app::ChangeSummary>> SqlStore::find_changes(const app::ChangeQuery& query) {
    auto bounded = query;
    bounded.limit = std::min(query.limit, limits::page_size_max + 1);
    return read([&](Connection& db) { return store::find_changes(db, bounded); });
}

Result<std::vector<app::StreamKey>> SqlStore::changes_to_wake(Time now, std::size_t limit) {
    return read([&](Connection& db) {
        std::vector<app::StreamKey> keys;
        db.query(
            "select tenant, id from change_index where wake_at <= :now "
            "order by wake_at limit :limit",
            {now, limit}, 2,
            [&](const Row& row) {
                keys.push_back({TenantId(row.text(0)), "change", row.text(1)});
            }
        );
        return keys;
    });
}

Result<void> SqlStore::rest_change(const app::StreamKey& key, Time until) {
    return write([&](Batch& batch) -> Result<void> {
        batch.db().run(
            "update change_index set wake_at = :until where wake_at < :until_again "
            "and tenant = :tenant and id = :id",
            {until, until, key.tenant.value, key.id}
        );
        return {};
    });
}

Result<std::vector<app::StoredEvent>>
SqlStore::events_of(const app::StreamKey& key, std::uint64_t after_version, std::size_t limit) {
    return read([&](Connection& db) { return store::events_of(db, key, after_version, limit); });
}

Result<std::vector<app::StoredEvent>>
SqlStore::events_from(std::uint64_t seq, std::size_t limit, const TenantId& tenant) {
    return read([&](Connection& db) { return store::events_from(db, seq, limit, tenant); });
}

Result<void> SqlStore::scan_ledger(
    std::uint64_t from_seq,
    const std::function<bool(std::uint64_t, std::string_view, std::string_view)>& visit
) {
    try {
        Pool::Lease lease(readers_);
        (*lease).scan_events(from_seq, [&](const ScannedEvent& event) {
            return visit(event.seq, event.body, event.leaf);
        });
        return {};
    } catch (const DatabaseError& error) {
        note_fault(error);
        return tl::unexpected(to_error(error));
    }
}

Result<std::uint64_t> SqlStore::ledger_size() {
    return read([](Connection& db) { return store::ledger_size(db); });
}

Result<app::LedgerHead> SqlStore::ledger_head() {
    return read([](Connection& db) {
        const auto frontier = read_frontier(db, false);
        return app::LedgerHead{frontier.size(), frontier.root()};
    });
}

Result<Digest> SqlStore::ledger_root(std::uint64_t size) {
    return TRY(read([&](Connection& db) { return store::ledger_root(db, size); }));
}

Result<Digest> SqlStore::ledger_subtree(unsigned level, std::uint64_t index) {
    return TRY(read([&](Connection& db) { return store::ledger_subtree(db, level, index); }));
}

Result<void> SqlStore::put_checkpoint(const app::StoredCheckpoint& checkpoint) {
    return write([&](Batch& batch) -> Result<void> {
        if (checkpoint.size > batch.ledger_size())
            return fail(ErrorCode::internal, "a checkpoint is larger than the ledger");
        write_checkpoint(batch.db(), checkpoint);
        return {};
    });
}

Result<std::vector<app::StoredCheckpoint>>
SqlStore::checkpoints(std::uint64_t from_size, std::size_t limit) {
    return read([&](Connection& db) {
        std::vector<app::StoredCheckpoint> found;
        db.query(
            "select size, at, note from checkpoint where size >= :from order by size "
            "limit :limit",
            {from_size, limit}, 3,
            [&](const Row& row) {
                found.push_back({row.number(0), row.time(1), row.text(2)});
            }
        );
        return found;
    });
}

void SqlStore::on_committed(std::function<void(std::uint64_t size)> listener) {
    if (committer_)
        committer_->on_committed(std::move(listener));
}

Result<Time> SqlStore::lease_clock(Time own) {
    return read([&](Connection& db) { return store::lease_clock(db, own); });
}

Result<std::vector<app::StoredTask>> SqlStore::claim_tasks(
    const std::string& server, Time now, Time lease_until, std::size_t limit,
    const std::vector<std::string>& except
) {
    std::vector<app::StoredTask> tasks;
    // Servers ask often and mostly for nothing: then no transaction is begun.
    if (!TRY(read([&](Connection& db) { return any_task_due(db, now, except); })))
        return tasks;
    TRY(write([&](Batch& batch) -> Result<void> {
        tasks = store::claim_tasks(batch.db(), server, now, lease_until, limit, except);
        return {};
    }));
    return tasks;
}

Result<void> SqlStore::extend_lease(const app::TaskEnd& task, Time lease_until) {
    return write([&](Batch& batch) -> Result<void> {
        return require_lease(store::extend_lease(batch.db(), task, lease_until));
    });
}

Result<void> SqlStore::fail_task(
    const app::TaskEnd& task, const std::string& error, std::optional<Time> retry_at
) {
    return write([&](Batch& batch) -> Result<void> {
        return require_lease(store::fail_task(batch.db(), task, error, retry_at));
    });
}

Result<void> SqlStore::put_off_task(const app::TaskEnd& task, Time until) {
    return write([&](Batch& batch) -> Result<void> {
        return require_lease(store::put_off_task(batch.db(), task, until));
    });
}

Result<app::Receipt>
SqlStore::revive_task(const TenantId& tenant, const TaskId& task, app::Commit with) {
    app::Receipt receipt;
    TRY(write([&](Batch& batch) -> Result<void> {
        TRY(check_commit(batch, with));
        if (!store::revive_task(batch.db(), tenant, task)) {
            app::TaskQuery query;
            query.tenant = tenant;
            query.id = task;
            return store::list_tasks(batch.db(), query).empty() ? no_task(task) : not_dead(task);
        }
        receipt = write_commit(batch, with);
        return {};
    }));
    return receipt;
}

Result<std::vector<app::StoredTask>> SqlStore::list_tasks(const app::TaskQuery& query) {
    return read([&](Connection& db) { return store::list_tasks(db, query); });
}

Result<std::optional<app::Bearer>> SqlStore::find_bearer(const Digest& digest) {
    return read([&](Connection& db) { return store::find_bearer(db, digest); });
}

Result<std::vector<app::Bearer>>
SqlStore::list_bearers(const TenantId& tenant, const PersonId& person) {
    return read([&](Connection& db) { return store::list_bearers(db, tenant, person); });
}

Result<std::optional<app::Credential>>
SqlStore::find_credential(const TenantId& tenant, const PersonId& person) {
    return read([&](Connection& db) { return store::find_credential(db, tenant, person); });
}

Result<std::optional<app::KeptAnswer>>
SqlStore::find_answer(const TenantId& tenant, const PersonId& person, const std::string& key) {
    return read([&](Connection& db) { return store::find_answer(db, tenant, person, key); });
}

Result<void> SqlStore::sweep(Time now, Time answers_before) {
    TRY(write([&](Batch& batch) -> Result<void> {
        sweep_identity(batch.db(), now, answers_before);
        return {};
    }));
    return sweep_uploads(*committer_, live_uploads_, now);
}

Result<std::unique_ptr<app::BlobWriter>> SqlStore::new_blob(const TenantId& tenant) {
    if (!committer_)
        return read_only();
    return store::new_blob(*committer_, live_uploads_, tenant);
}

Result<std::uint64_t> SqlStore::blob_size(const TenantId& tenant, const Digest& digest) {
    const auto blob = TRY(read([&](Connection& db) { return find_blob(db, tenant, digest); }));
    if (!blob)
        return no_blob(digest);
    return blob->size;
}

Result<void> SqlStore::read_blob(
    const TenantId& tenant, const Digest& digest,
    const std::function<Result<void>(std::string_view chunk)>& sink
) {
    const auto blob = TRY(read([&](Connection& db) { return find_blob(db, tenant, digest); }));
    if (!blob)
        return no_blob(digest);
    // No connection is held while the sink is at work: it may be a slow network.
    for (std::uint64_t position = 0, left = blob->size; left != 0; ++position) {
        const auto data =
            TRY(read([&](Connection& db) { return read_chunk(db, tenant, blob->upload, position); })
            );
        if (!data)
            return fail(
                ErrorCode::internal, fmt::format("attachment {} is incomplete", digest.hex())
            );
        const auto chunk = TRY(from_base64(*data));
        if (chunk.empty() || chunk.size() > left)
            return fail(ErrorCode::internal, fmt::format("attachment {} is damaged", digest.hex()));
        left -= chunk.size();
        TRY(sink(chunk));
    }
    return {};
}

Result<std::optional<std::string>> SqlStore::setting(const std::string& name) {
    return read([&](Connection& db) {
        return db.text("select value from setting where name = :name", {name});
    });
}

Result<void> SqlStore::put_setting(const std::string& name, const std::string& value) {
    return write([&](Batch& batch) -> Result<void> {
        write_setting(batch.db(), name, value);
        return {};
    });
}

Result<std::optional<app::StoredEvent>>
SqlStore::last_event(const app::StreamKey& key, const std::string& type_left_out) {
    return read([&](Connection& db) { return store::last_event(db, key, type_left_out); });
}

} // namespace slipway::store
