// SPDX-License-Identifier: Apache-2.0
// A store in memory with just enough behind it for the HTTP tests. One mutex, no durability.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <new>
#include <vector>

#include "app/ports/store.hpp"
#include "domain/ledger/merkle.hpp"
#include "domain/ledger/proof.hpp"

namespace slipway::test {

class FakeStore final : public app::Store {
  public:
    std::optional<Error> not_writing() const override {
        const std::lock_guard lock(mutex);
        return ended;
    }

    Result<app::StoredStream> load(const app::StreamKey& key, std::uint64_t = 0) override {
        const std::lock_guard lock(mutex);
        const auto found = streams.find(key);
        if (found == streams.end())
            return fail(ErrorCode::not_found, "there is no such record");
        return found->second;
    }

    Result<std::vector<app::StoredStream>> list(
        const TenantId& tenant, const std::string& kind, const std::string& after, std::size_t limit
    ) override {
        const std::lock_guard lock(mutex);
        std::vector<app::StoredStream> out;
        for (const auto& [key, stream] : streams)
            if (key.tenant == tenant && key.kind == kind && key.id > after && !stream.removed &&
                out.size() < limit)
                out.push_back(stream);
        return out;
    }

    Result<std::uint64_t> kind_version(const TenantId&, const std::string&) override { return 0; }

    Result<std::optional<std::vector<app::RecordEntry>>>
    records_written(const TenantId&, std::uint64_t, std::size_t) override {
        return std::optional<std::vector<app::RecordEntry>>{};
    }

    Result<std::vector<TenantId>> tenants() override { return std::vector{TenantId("main")}; }

    Result<app::Receipt> commit(app::Commit commit) override {
        std::unique_lock lock(mutex);
        if (const auto meanwhile = std::exchange(before_commit, {})) {
            lock.unlock();
            meanwhile();
            lock.lock();
        }
        for (const auto& write : commit.writes) {
            const auto found = streams.find(write.key);
            if ((found == streams.end() ? 0 : found->second.version) != write.expected_version)
                return fail(ErrorCode::conflict, "the record has changed meanwhile");
        }
        if (const auto& held = commit.password_held) {
            const auto known = credentials.find({held->tenant, held->person});
            if (known == credentials.end() || known->second.password_hash != held->password_hash)
                return fail(ErrorCode::conflict, "the password has changed meanwhile");
        }
        if (commit.bearer_held && !bearers.contains(*commit.bearer_held))
            return fail(ErrorCode::conflict, "it has ended meanwhile");
        if (!holds(commit))
            return fail(ErrorCode::conflict, "the records have changed meanwhile");
        const auto first = ledger.size();
        for (auto& write : commit.writes) {
            auto& stream = streams[write.key];
            stream.key = write.key;
            stream.removed = write.removed;
            stream.state = write.state;
            for (auto& event : write.events)
                ledger.push_back(
                    {ledger.size(), write.key, ++stream.version, event.type, event.at, event.body,
                     event.leaf}
                );
        }
        for (const auto& bearer : commit.put_bearers)
            bearers[bearer.digest] = bearer;
        for (const auto& digest : commit.drop_bearers)
            bearers.erase(digest);
        for (const auto& credential : commit.put_credentials)
            credentials[{credential.tenant, credential.person}] = credential;
        if (commit.answer)
            answers[commit.answer->key] = *commit.answer;
        const app::Receipt receipt{first, ledger.size()};
        const auto tell = listener;
        lock.unlock();
        if (tell)
            tell(receipt.next_seq);
        return receipt;
    }

    Result<app::Receipt> commit_numbered(
        const TenantId&, const std::string&, std::function<Result<app::Commit>(std::uint64_t)> make
    ) override {
        return commit(TRY(make(++number)));
    }

    Result<std::vector<app::ChangeSummary>> find_changes(const app::ChangeQuery&) override {
        return std::vector<app::ChangeSummary>{};
    }

    Result<std::vector<app::StreamKey>> changes_to_wake(Time, std::size_t) override {
        return std::vector<app::StreamKey>{};
    }

    Result<void> rest_change(const app::StreamKey&, Time) override { return {}; }

    Result<std::vector<app::StoredEvent>>
    events_of(const app::StreamKey& key, std::uint64_t after, std::size_t limit) override {
        const std::lock_guard lock(mutex);
        std::vector<app::StoredEvent> out;
        for (const auto& event : ledger)
            if (event.key == key && event.version > after && out.size() < limit)
                out.push_back(event);
        return out;
    }

    Result<std::optional<app::StoredEvent>>
    last_event(const app::StreamKey& key, const std::string& type_left_out) override {
        const std::lock_guard lock(mutex);
        std::optional<app::StoredEvent> last;
        for (const auto& event : ledger)
            if (event.key == key && event.type != type_left_out)
                last = event;
        return last;
    }

    Result<std::vector<app::StoredEvent>>
    events_from(std::uint64_t seq, std::size_t limit, const TenantId& tenant = {}) override {
        if (out_of_memory)
            throw std::bad_alloc();
        const std::lock_guard lock(mutex);
        std::vector<app::StoredEvent> out;
        for (auto i = seq; i < ledger.size() && out.size() < limit; ++i)
            if (tenant.empty() || ledger[i].key.tenant == tenant)
                out.push_back(ledger[i]);
        return out;
    }

    Result<void>
    scan_ledger(std::uint64_t, const std::function<bool(std::uint64_t, std::string_view, std::string_view)>&)
        override {
        return {};
    }

    Result<std::uint64_t> ledger_size() override {
        const std::lock_guard lock(mutex);
        return ledger.size();
    }

    Result<Time> lease_clock(Time own) override { return own; }

    Result<app::LedgerHead> ledger_head() override {
        const auto size = ledger_size().value();
        return app::LedgerHead{size, ledger_root(size).value()};
    }

    Result<Digest> ledger_root(std::uint64_t size) override {
        const auto leaves = leaf_hashes();
        domain::LeafSubtrees reader(leaves);
        return domain::tree_root(size, reader);
    }

    Result<Digest> ledger_subtree(unsigned level, std::uint64_t index) override {
        const auto leaves = leaf_hashes();
        domain::LeafSubtrees reader(leaves);
        return reader.subtree(level, index);
    }

    Result<void> put_checkpoint(const app::StoredCheckpoint&) override { return {}; }

    Result<std::vector<app::StoredCheckpoint>> checkpoints(std::uint64_t, std::size_t) override {
        return std::vector<app::StoredCheckpoint>{};
    }

    void on_committed(std::function<void(std::uint64_t)> tell) override {
        const std::lock_guard lock(mutex);
        listener = std::move(tell);
    }

    Result<std::vector<app::StoredTask>>
    claim_tasks(const std::string&, Time, Time, std::size_t, const std::vector<std::string>&)
        override {
        return std::vector<app::StoredTask>{};
    }

    Result<void> extend_lease(const app::TaskEnd&, Time) override { return {}; }

    Result<void> fail_task(const app::TaskEnd&, const std::string&, std::optional<Time>) override {
        return {};
    }

    Result<void> put_off_task(const app::TaskEnd&, Time) override { return {}; }

    Result<app::Receipt> revive_task(const TenantId&, const TaskId& id, app::Commit with) override {
        {
            const std::lock_guard lock(mutex);
            const auto found = std::find_if(tasks.begin(), tasks.end(), [&](const auto& task) {
                return task.id == id;
            });
            if (found == tasks.end())
                return fail(ErrorCode::not_found, "there is no such task");
            if (!std::exchange(found->dead, false))
                return fail(ErrorCode::conflict, "it is not dead");
        }
        return commit(std::move(with));
    }

    Result<std::vector<app::StoredTask>> list_tasks(const app::TaskQuery& query) override {
        const std::lock_guard lock(mutex);
        std::vector<app::StoredTask> out;
        for (const auto& task : tasks)
            if (task.id > query.after && (task.dead || !query.only_dead) &&
                out.size() < query.limit)
                out.push_back(task);
        return out;
    }

    Result<std::optional<app::Bearer>> find_bearer(const Digest& digest) override {
        const std::lock_guard lock(mutex);
        ++bearer_reads;
        const auto found = bearers.find(digest);
        return found == bearers.end() ? std::nullopt : std::optional(found->second);
    }

    Result<std::vector<app::Bearer>>
    list_bearers(const TenantId& tenant, const PersonId& person) override {
        const std::lock_guard lock(mutex);
        std::vector<app::Bearer> out;
        for (const auto& [digest, bearer] : bearers)
            if (bearer.tenant == tenant && bearer.person == person)
                out.push_back(bearer);
        return out;
    }

    Result<std::optional<app::Credential>>
    find_credential(const TenantId& tenant, const PersonId& person) override {
        const std::lock_guard lock(mutex);
        const auto found = credentials.find({tenant, person});
        return found == credentials.end() ? std::nullopt : std::optional(found->second);
    }

    Result<std::optional<app::KeptAnswer>>
    find_answer(const TenantId&, const PersonId&, const std::string& key) override {
        const std::lock_guard lock(mutex);
        const auto found = answers.find(key);
        return found == answers.end() ? std::nullopt : std::optional(found->second);
    }

    Result<void> sweep(Time, Time) override { return {}; }

    Result<std::unique_ptr<app::BlobWriter>> new_blob(const TenantId&) override {
        return std::unique_ptr<app::BlobWriter>(std::make_unique<Writer>(*this));
    }

    Result<std::uint64_t> blob_size(const TenantId&, const Digest& digest) override {
        const std::lock_guard lock(mutex);
        const auto found = blobs.find(digest);
        if (found == blobs.end())
            return fail(ErrorCode::not_found, "there is no such attachment");
        return found->second.size();
    }

    Result<void> read_blob(
        const TenantId&, const Digest& digest,
        const std::function<Result<void>(std::string_view)>& sink
    ) override {
        std::unique_lock lock(mutex);
        const std::string bytes = blobs[digest];
        lock.unlock();
        std::string_view rest = bytes;
        while (!rest.empty()) {
            const auto piece = rest.substr(0, 100000);
            TRY(sink(piece));
            rest.remove_prefix(piece.size());
        }
        return {};
    }

    Result<std::optional<std::string>> setting(const std::string& name) override {
        const std::lock_guard lock(mutex);
        const auto found = settings.find(name);
        return found == settings.end() ? std::nullopt : std::optional(found->second);
    }

    Result<void> put_setting(const std::string& name, const std::string& value) override {
        const std::lock_guard lock(mutex);
        settings[name] = value;
        return {};
    }

    mutable std::mutex mutex;
    std::optional<Error> ended; // why nothing is written any more
    std::map<app::StreamKey, app::StoredStream> streams;
    std::vector<app::StoredEvent> ledger;
    std::map<Digest, app::Bearer> bearers;
    std::map<std::pair<TenantId, PersonId>, app::Credential> credentials;
    std::map<std::string, app::KeptAnswer> answers;
    std::map<Digest, std::string> blobs;
    std::map<std::string, std::string> settings;
    std::vector<app::StoredTask> tasks; // by id, of one digit
    std::function<void(std::uint64_t)> listener;
    std::function<void()> before_commit; // called once when a commit begins: what others do
    std::uint64_t number = 0;
    int bearer_reads = 0;
    int unfinished_blobs = 0;
    std::atomic<bool> out_of_memory = false; // whoever writes an attachment, or reads the ledger

  private:
    struct Writer final : app::BlobWriter {
        explicit Writer(FakeStore& fake) : store(fake) {
            const std::lock_guard lock(store.mutex);
            ++store.unfinished_blobs;
        }

        ~Writer() override {
            const std::lock_guard lock(store.mutex);
            --store.unfinished_blobs;
        }

        Result<void> write(std::string_view piece) override {
            if (store.out_of_memory)
                throw std::bad_alloc();
            bytes += piece;
            return {};
        }

        Result<Digest> finish() override {
            const std::lock_guard lock(store.mutex);
            const auto digest = sha256(bytes);
            store.blobs[digest] = bytes;
            return digest;
        }

        FakeStore& store;
        std::string bytes;
    };

    // Whether the records that the commit was decided on are as they were.
    bool holds(const app::Commit& commit) const {
        for (auto i = commit.records_held.size; i < ledger.size(); ++i)
            for (const auto& [tenant, kind, id] : commit.records_held.keys)
                if (const auto& key = ledger[i].key;
                    key.tenant == tenant && key.kind == kind && (id.empty() || key.id == id))
                    return false;
        return std::all_of(
            commit.records_named.begin(), commit.records_named.end(),
            [&](const auto& key) {
                const auto found = streams.find(key);
                return found != streams.end() && !found->second.removed;
            }
        );
    }

    std::vector<Digest> leaf_hashes() {
        const std::lock_guard lock(mutex);
        std::vector<Digest> out;
        for (const auto& event : ledger)
            out.push_back(event.leaf);
        return out;
    }
};

} // namespace slipway::test
