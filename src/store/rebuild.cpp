// SPDX-License-Identifier: Apache-2.0
// Rebuilding goes through the streams one by one, each in its own transaction, so that it needs
// little memory and can be stopped and run again.
#include <set>

#include "store/admin.hpp"
#include "store/apply.hpp"
#include "store/batch.hpp"
#include "store/change_index.hpp"
#include "store/ledger_rows.hpp"
#include "store/migrate.hpp"
#include "store/place.hpp"

namespace slipway::store {

namespace {

constexpr std::uint64_t keys_at_once = 500;
constexpr std::size_t events_of_stream_max = 1'000'000;
constexpr std::size_t differences_listed_max = 1000;

class Rebuild {
  public:
    Rebuild(Connection& db, const Replay& replay, bool repair)
        : db_(db), replay_(replay), repair_(repair) {}

    Result<RebuildReport> run() {
        for (app::StreamKey last;;) {
            const auto keys = next_keys(last);
            if (keys.empty())
                break;
            for (const auto& key : keys)
                TRY(visit(key));
            last = keys.back();
        }
        return std::move(report_);
    }

  private:
    std::vector<app::StreamKey> next_keys(const app::StreamKey& last) {
        std::vector<app::StreamKey> keys;
        db_.query(
            "select tenant, kind, stream from event where version = 1 "
            "and (tenant, kind, stream) > (:tenant, :kind, :stream) "
            "order by tenant, kind, stream limit :limit",
            {last.tenant.value, last.kind, last.id, keys_at_once}, 3,
            [&](const Row& row) {
                keys.push_back({TenantId(row.text(0)), row.text(1), row.text(2)});
            }
        );
        return keys;
    }

    void differ(const app::StreamKey& key, std::string what) {
        ++report_.different;
        if (report_.differences.size() < differences_listed_max)
            report_.differences.push_back({key, std::move(what)});
    }

    Result<void> visit(const app::StreamKey& key) {
        const auto events = events_of(db_, key, 0, events_of_stream_max);
        if (events.empty() || events.back().version != events.size())
            return fail(
                ErrorCode::internal,
                key.kind + " " + key.id + " has gaps in its entries: run slipway verify"
            );
        ++report_.streams;
        report_.events += events.size();
        // Before the first stream of the kind is mended, which would give it a version.
        if (kinds_.emplace(key.tenant, key.kind).second)
            check_kind_version(key.tenant, key.kind);
        auto write = TRY(replay_(key, events));
        write.key = key;
        const auto differences_before = report_.different;
        compare(write, events.size());
        TRY(compare_document(write, events));
        if (repair_ && report_.different != differences_before)
            mend(write, events.size());
        return {};
    }

    void compare(const app::StreamWrite& write, std::uint64_t version) {
        const auto& key = write.key;
        bool found = false;
        db_.query(
            "select version, removed from stream where tenant = :tenant and kind = :kind "
            "and id = :id",
            {key.tenant.value, key.kind, key.id}, 2,
            [&](const Row& row) {
                found = true;
                if (row.number(0) != version)
                    differ(key, "version");
                if ((row.number(1) != 0) != write.removed)
                    differ(key, "removed");
            }
        );
        if (!found)
            differ(key, "no stream");
        if (write.summary)
            for (auto& what : summary_differences(db_, key.tenant, *write.summary, write.removed))
                differ(key, std::move(what));
    }

    // The document may lag behind: it is what the events up to its own version add up to.
    Result<void>
    compare_document(const app::StreamWrite& write, std::span<const app::StoredEvent> events) {
        const auto& key = write.key;
        std::uint64_t version = 0;
        std::string state;
        db_.query(
            "select version, state from document where tenant = :tenant and kind = :kind "
            "and id = :id",
            {key.tenant.value, key.kind, key.id}, 2,
            [&](const Row& row) {
                version = row.number(0);
                state = row.text(1);
            }
        );
        if (version == 0 || version > events.size())
            differ(key, "no state");
        else if (version == events.size() ? state != write.state
                                          : state != TRY(replay_(key, events.first(version))).state)
            differ(key, "state");
        return {};
    }

    void mend(const app::StreamWrite& write, std::uint64_t version) {
        const auto& key = write.key;
        Batch batch(db_);
        db_.run(
            "insert into stream (tenant, kind, id, version, removed) "
            "values (:tenant, :kind, :id, :version, :removed) "
            "on conflict (tenant, kind, id) do update set version = excluded.version, "
            "removed = excluded.removed",
            {key.tenant.value, key.kind, key.id, version, write.removed ? 1 : 0}
        );
        put_document(db_, key, version, write.state);
        if (write.summary) {
            drop_summary(batch, key.tenant, *write.summary);
            if (!write.removed)
                put_summary(batch, key, *write.summary, {});
        }
        batch.touch(key.tenant, key.kind);
        batch.finish();
    }

    void check_kind_version(const TenantId& tenant, const std::string& kind) {
        if (db_.number(
                "select version from kind_version where tenant = :tenant and kind = :kind",
                {tenant.value, kind}
            ))
            return;
        differ({tenant, kind, ""}, "kind version");
        if (!repair_)
            return;
        Batch batch(db_);
        batch.touch(tenant, kind);
        batch.finish();
    }

    Connection& db_;
    const Replay& replay_;
    bool repair_;
    RebuildReport report_;
    std::set<std::pair<TenantId, std::string>> kinds_;
};

} // namespace

Result<RebuildReport> rebuild(const Place& place, const Replay& replay, bool repair) {
    return guarded([&]() -> Result<RebuildReport> {
        LockFile lock;
        if (const auto* sqlite = std::get_if<SqliteOptions>(&place))
            lock = TRY(LockFile::take(sqlite->directory));
        Connection db(target_of(place, false));
        TRY(check_schema(db, migrations_of(db.dialect().name)));
        return Rebuild(db, replay, repair).run();
    });
}

} // namespace slipway::store
