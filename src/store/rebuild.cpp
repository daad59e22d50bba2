// SPDX-License-Identifier: Apache-2.0
// Rebuilding goes through the streams one by one, each in its own transaction, so that it needs
// little memory, can be stopped and run again, and takes nothing from servers that write meanwhile.
#include <fmt/format.h>

#include "store/admin.hpp"
#include "store/apply.hpp"
#include "store/batch.hpp"
#include "store/change_index.hpp"
#include "store/counts.hpp"
#include "store/forged_rows.hpp"
#include "store/ledger_rows.hpp"
#include "store/migrate.hpp"
#include "store/place.hpp"

namespace slipway::store {

namespace {

constexpr std::uint64_t keys_at_once = 500;
constexpr std::size_t events_of_stream_max = 1'000'000;
constexpr std::size_t differences_listed_max = 1000;

bool is_stale(Connection& db) {
    return db.number("select count(*) from stale").value_or(0) != 0;
}

class Rebuild {
  public:
    Rebuild(Connection& db, const Replay& replay, bool repair)
        : db_(db), replay_(replay), repair_(repair) {}

    Result<RebuildReport> run() {
        visit_counts();
        for (app::StreamKey last;;) {
            const auto keys = next_keys(last);
            if (keys.empty())
                break;
            for (const auto& key : keys)
                TRY(visit(key));
            last = keys.back();
        }
        visit_forged();
        if (repair_ && is_stale(db_)) {
            Batch batch(db_);
            db_.run("delete from stale");
            batch.finish();
        }
        return std::move(report_);
    }

  private:
    using Differences = std::vector<std::string>;

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

    // What the entries of a stream make.
    struct Made {
        app::StreamWrite write;
        std::uint64_t version = 0;
        // The stored document may lag behind: the state as of its version; empty beyond the end.
        std::string document;
    };

    Result<Made> make(const app::StreamKey& key) {
        const auto events = events_of(db_, key, 0, events_of_stream_max);
        if (events.empty() || events.back().version != events.size())
            return fail(
                ErrorCode::blocked,
                fmt::format("{} {} has gaps in its entries: run slipway verify", key.kind, key.id)
            );
        Made made{TRY(replay_(key, events)), events.size(), {}};
        made.write.key = key;
        const auto stored = db_.number(
            "select version from document where tenant = :tenant and kind = :kind and id = :id",
            {key.tenant.value, key.kind, key.id}
        );
        const std::span<const app::StoredEvent> all = events;
        if (stored && *stored != 0 && *stored <= made.version)
            made.document = TRY(replay_(key, all.first(*stored))).state;
        return made;
    }

    Result<void> visit(const app::StreamKey& key) {
        auto made = TRY(make(key));
        ++report_.streams;
        report_.events += made.version;
        if (compare(made).empty())
            return {};
        // Beside other servers the stream may have moved on since. The batch keeps them from
        // writing, so what differs now, differs; without a repair it is left again unfinished.
        Batch batch(db_);
        made = TRY(make(key));
        const auto differences = compare(made);
        for (const auto& what : differences)
            differ(key, what);
        if (repair_ && !differences.empty()) {
            mend(batch, made);
            batch.finish();
        }
        return {};
    }

    Differences compare(const Made& made) {
        const auto& key = made.write.key;
        Differences found{"no stream"};
        db_.query(
            "select version, removed from stream where tenant = :tenant and kind = :kind "
            "and id = :id",
            {key.tenant.value, key.kind, key.id}, 2,
            [&](const Row& row) {
                found.clear();
                if (row.number(0) != made.version)
                    found.emplace_back("version");
                if ((row.number(1) != 0) != made.write.removed)
                    found.emplace_back("removed");
            }
        );
        const auto document = db_.text(
            "select state from document where tenant = :tenant and kind = :kind and id = :id",
            {key.tenant.value, key.kind, key.id}
        );
        if (!document || made.document.empty() || *document != made.document)
            found.emplace_back("state");
        if (made.write.summary)
            for (auto& what :
                 summary_differences(db_, key.tenant, *made.write.summary, made.write.removed))
                found.push_back(std::move(what));
        return found;
    }

    void mend(Batch& batch, const Made& made) {
        const auto& write = made.write;
        const auto& key = write.key;
        db_.run(
            "insert into stream (tenant, kind, id, version, removed) "
            "values (:tenant, :kind, :id, :version, :removed) "
            "on conflict (tenant, kind, id) do update set version = excluded.version, "
            "removed = excluded.removed",
            {key.tenant.value, key.kind, key.id, made.version, write.removed ? 1 : 0}
        );
        put_document(db_, key, made.version, write.state);
        if (write.summary) {
            drop_summary(batch, key.tenant, *write.summary);
            if (!write.removed)
                put_summary(batch, key, *write.summary, {});
        }
        batch.touch(key.tenant, key.kind);
    }

    // Before the first stream of a kind is mended, which would give the kind a version.
    void visit_counts() {
        if (late_counts(db_).empty())
            return;
        Batch batch(db_);
        for (const auto& count : late_counts(db_)) {
            differ({count.tenant, count.name, ""}, count.of_kind ? "kind version" : "counter");
            if (repair_)
                put_forward(batch, count);
        }
        if (repair_)
            batch.finish();
    }

    // Written by nobody's command, and replayed from nothing: they can only be taken away.
    void visit_forged() {
        if (forged_rows(db_).empty())
            return;
        Batch batch(db_);
        for (const auto& row : forged_rows(db_)) {
            differ(row.key, row.indexed ? "no entry for its index" : "no entry");
            if (!repair_)
                continue;
            remove_forged_row(db_, row);
            batch.touch(row.key.tenant, row.key.kind);
        }
        if (repair_)
            batch.finish();
    }

    Connection& db_;
    const Replay& replay_;
    bool repair_;
    RebuildReport report_;
};

} // namespace

Result<bool> has_stale_rows(const Place& place) {
    return guarded([&]() -> Result<bool> {
        Connection db(target_of(place, true));
        return is_stale(db);
    });
}

Result<RebuildReport> rebuild(const Place& place, const Replay& replay, bool repair) {
    return guarded([&]() -> Result<RebuildReport> {
        LockFile lock;
        if (const auto* sqlite = std::get_if<SqliteOptions>(&place))
            lock = TRY(LockFile::take(sqlite->directory));
        {
            // Only looks, so that nothing is written into a damaged file.
            Connection look(target_of(place, true));
            TRY(require_sound_file(look, FileCheck::structure));
        }
        Connection db(target_of(place, false));
        TRY(check_schema(db, migrations_of(db.dialect().name)));
        TRY(check_entries(db));
        return Rebuild(db, replay, repair).run();
    });
}

} // namespace slipway::store
