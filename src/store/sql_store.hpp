// SPDX-License-Identifier: Apache-2.0
// The port app::Store over one database. It only divides the work: writing goes through the
// committer, reading through the pool, and the SQL stands in the file of its noun.
#pragma once

#include <memory>

#include "app/ports/store.hpp"
#include "store/blobs.hpp"
#include "store/committer.hpp"
#include "store/lock_file.hpp"
#include "store/pool.hpp"

namespace slipway::store {

// Tests derive from it databases that fail.
class SqlStore : public app::Store {
  public:
    // Without a writing target the store is read-only.
    SqlStore(LockFile lock, Target read, std::optional<Target> write, std::size_t readers);

    bool is_only_writer() const override { return lock_.held(); }

    std::optional<Error> not_writing() const override;

    Result<app::StoredStream> load(const app::StreamKey& key, std::uint64_t known_version) override;
    Result<std::vector<app::StoredStream>> list(
        const TenantId& tenant, const std::string& kind, const std::string& after_id,
        std::size_t limit
    ) override;
    Result<std::uint64_t> kind_version(const TenantId& tenant, const std::string& kind) override;
    Result<std::optional<std::vector<app::RecordEntry>>>
    records_written(const TenantId& tenant, std::uint64_t seq, std::size_t limit) override;
    Result<std::vector<TenantId>> tenants() override;
    Result<app::Receipt> commit(app::Commit commit) override;
    void commit_later(app::Commit commit, Committed done) override;
    Result<app::Receipt> commit_numbered(
        const TenantId& tenant, const std::string& counter,
        std::function<Result<app::Commit>(std::uint64_t number)> make
    ) override;
    Result<std::vector<app::ChangeSummary>> find_changes(const app::ChangeQuery& query) override;
    Result<std::vector<app::StreamKey>> changes_to_wake(Time now, std::size_t limit) override;
    Result<void> rest_change(const app::StreamKey& key, Time until) override;
    Result<std::vector<app::StoredEvent>>
    events_of(const app::StreamKey& key, std::uint64_t after_version, std::size_t limit) override;
    Result<std::optional<app::StoredEvent>>
    last_event(const app::StreamKey& key, const std::string& type_left_out) override;
    Result<std::vector<app::StoredEvent>>
    events_from(std::uint64_t seq, std::size_t limit, const TenantId& tenant) override;
    Result<void> scan_ledger(
        std::uint64_t from_seq,
        const std::function<bool(std::uint64_t, std::string_view, std::string_view)>& visit
    ) override;
    Result<std::uint64_t> ledger_size() override;
    Result<app::LedgerHead> ledger_head() override;
    Result<Time> lease_clock(Time own) override;
    Result<Digest> ledger_root(std::uint64_t size) override;
    Result<Digest> ledger_subtree(unsigned level, std::uint64_t index) override;
    Result<void> put_checkpoint(const app::StoredCheckpoint& checkpoint) override;
    Result<std::vector<app::StoredCheckpoint>>
    checkpoints(std::uint64_t from_size, std::size_t limit) override;
    void on_committed(std::function<void(std::uint64_t size)> listener) override;
    Result<std::vector<app::StoredTask>> claim_tasks(
        const std::string& server, Time now, Time lease_until, std::size_t limit,
        const std::vector<std::string>& except
    ) override;
    Result<void> extend_lease(const app::TaskEnd& task, Time lease_until) override;
    Result<void> fail_task(
        const app::TaskEnd& task, const std::string& error, std::optional<Time> retry_at
    ) override;
    Result<void> put_off_task(const app::TaskEnd& task, Time until) override;
    Result<app::Receipt>
    revive_task(const TenantId& tenant, const TaskId& task, app::Commit with) override;
    Result<std::vector<app::StoredTask>> list_tasks(const app::TaskQuery& query) override;
    Result<std::optional<app::Bearer>> find_bearer(const Digest& digest) override;
    Result<std::vector<app::Bearer>>
    list_bearers(const TenantId& tenant, const PersonId& person) override;
    Result<std::optional<app::Credential>>
    find_credential(const TenantId& tenant, const PersonId& person) override;
    Result<std::optional<app::KeptAnswer>>
    find_answer(const TenantId& tenant, const PersonId& person, const std::string& key) override;
    Result<void> sweep(Time now, Time answers_before) override;
    Result<std::unique_ptr<app::BlobWriter>> new_blob(const TenantId& tenant) override;
    Result<std::uint64_t> blob_size(const TenantId& tenant, const Digest& digest) override;
    Result<void> read_blob(
        const TenantId& tenant, const Digest& digest,
        const std::function<Result<void>(std::string_view chunk)>& sink
    ) override;
    Result<std::optional<std::string>> setting(const std::string& name) override;
    Result<void> put_setting(const std::string& name, const std::string& value) override;

  private:
    // Calls `work` with a connection, once more on a fresh one if the first was lost.
    template <class Work>
    auto read(const Work& work) -> Result<std::invoke_result_t<Work, Connection&>>;
    // What a read has met, a write must not go on with.
    void note_fault(const DatabaseError& error);
    Result<void> write(const Committer::Job& job);

    LockFile lock_; // given back last
    Pool readers_;
    LiveUploads live_uploads_;
    std::unique_ptr<Committer> committer_;
};

} // namespace slipway::store
