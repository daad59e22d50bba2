// SPDX-License-Identifier: Apache-2.0
#include "store/migrate.hpp"

#include <charconv>
#include <map>

#include <fmt/format.h>

#include "base/hash.hpp"

namespace slipway::store {

namespace {

struct Applied {
    std::string name;
    std::string digest;
};

std::map<std::uint64_t, Applied> applied_migrations(Connection& db) {
    std::map<std::uint64_t, Applied> applied;
    db.query(
        "select number, name, digest from migration order by number", {}, 3,
        [&](const Row& row) {
            applied[row.number(0)] = {row.text(1), row.text(2)};
        }
    );
    return applied;
}

Result<void> check_applied(
    const std::map<std::uint64_t, Applied>& applied, const std::vector<Migration>& migrations
) {
    const auto newest = migrations.empty() ? 0 : migrations.back().number;
    if (!applied.empty() && applied.rbegin()->first > newest)
        return fail(
            ErrorCode::internal,
            fmt::format(
                "the database has schema {} ({}), this program knows up to {}: use the newer "
                "slipway, or restore a backup from before the upgrade",
                applied.rbegin()->first, applied.rbegin()->second.name, newest
            )
        );
    for (const auto& migration : migrations) {
        const auto found = applied.find(migration.number);
        if (found != applied.end() && found->second.digest != sha256(migration.text).hex())
            return fail(
                ErrorCode::internal,
                fmt::format(
                    "migration {} of this database is not the one of this program: it was "
                    "altered after it had been applied",
                    migration.name
                )
            );
    }
    return {};
}

void apply(Connection& db, const Migration& migration) {
    db.script(migration.text);
    db.run(
        "insert into migration (number, name, digest) values (:number, :name, :digest)",
        {migration.number, migration.name, sha256(migration.text).hex()}
    );
}

// Of several servers that start together one migrates and the others wait for it. An advisory lock,
// since at first there is not even a table to lock; its number is ours alone by being unlikely.
void lock_migrations(Connection& db) {
    if (!db.dialect().single_server)
        db.run("select pg_advisory_xact_lock(7526431895173)");
}

// In a transaction that is undone when `work` throws or refuses.
template <class Work>
Result<void> in_transaction(Connection& db, const Work& work) {
    db.begin();
    try {
        lock_migrations(db);
        const Result<void> done = work();
        if (done)
            db.commit();
        else
            db.rollback();
        return done;
    } catch (const std::exception&) {
        db.rollback();
        throw;
    }
}

} // namespace

std::vector<Migration> migrations_of(std::string_view dialect) {
    std::vector<Migration> migrations;
    const auto ending = fmt::format(".{}.sql", dialect);
    for (const auto& file : embedded_migrations()) {
        if (!file.name.ends_with(ending))
            continue;
        Migration migration;
        migration.name = file.name.substr(0, file.name.size() - ending.size());
        migration.text = file.text;
        std::from_chars(file.name.data(), file.name.data() + 4, migration.number);
        migrations.push_back(std::move(migration));
    }
    return migrations;
}

Result<void> migrate(Connection& db, const std::vector<Migration>& migrations) {
    TRY(in_transaction(db, [&]() -> Result<void> {
        db.run("create table if not exists migration (number bigint primary key, "
               "name text not null, digest text not null)");
        return {};
    }));
    for (const auto& migration : migrations)
        TRY(in_transaction(db, [&]() -> Result<void> {
            const auto applied = applied_migrations(db);
            TRY(check_applied(applied, migrations));
            if (!applied.contains(migration.number))
                apply(db, migration);
            return {};
        }));
    return {};
}

Result<void> check_schema(Connection& db, const std::vector<Migration>& migrations) {
    const auto applied = applied_migrations(db);
    TRY(check_applied(applied, migrations));
    if (applied.size() < migrations.size())
        return fail(
            ErrorCode::internal,
            fmt::format(
                "the database has schema {}, this program needs {}: start the server once to "
                "bring it up to date",
                applied.size(), migrations.size()
            )
        );
    return {};
}

std::uint64_t schema_version(Connection& db) {
    return db.number("select coalesce(max(number), 0) from migration").value_or(0);
}

} // namespace slipway::store
