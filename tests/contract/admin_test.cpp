// SPDX-License-Identifier: Apache-2.0
// Migrations, backup, restore, rebuild and doctor. Damage is done with the connection of the
// store's own room, as someone with access to the database would do it.
#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include <unistd.h>

#include <fmt/format.h>

#include "contract/contract.hpp"
#include "store/connection.hpp"
#include "store/migrate.hpp"
#include "store/place.hpp"

namespace slipway::contract {

class AdminContract : public StoreContract {
  protected:
    void fill() {
        begin_ledger();
        for (std::uint64_t number = 1; number <= 30; ++number) {
            app::ChangeSummary summary;
            summary.number = number;
            summary.state = "draft";
            summary.cis = {"web", fmt::format("ci-{}", number)};
            summary.search_text = fmt::format("harbor number {}", number);
            open(summary, number % 2 ? acme : zeta);
        }
        must(store().commit(commit_of(write_of(key_of("web"), 0, 5))));
        sign();
    }

    void open(const app::ChangeSummary& summary, const TenantId& tenant = acme) {
        must(store().commit_numbered(tenant, "change", [&](std::uint64_t) -> Result<app::Commit> {
            return commit_of(change_write(summary, tenant));
        }));
    }

    std::vector<std::string> checks() {
        std::vector<std::string> found;
        for (const auto& finding : must(store::doctor(place())))
            found.push_back(finding.check);
        return found;
    }

    std::vector<std::string> differences(bool repair) {
        std::vector<std::string> found;
        for (const auto& difference : must(store::rebuild(place(), replay, repair)).differences)
            found.push_back(fmt::format(
                "{} {} {}", difference.key.tenant.value, difference.key.id, difference.what
            ));
        return found;
    }
};

namespace {

void write_file(const std::filesystem::path& path, std::string_view text) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
}

std::string read_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace

using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

TEST_P(AdminContract, migrations_run_once_and_a_newer_schema_is_refused) {
    fill();
    close();
    store(); // again
    close();
    damage("insert into migration (number, name, digest) values (9999, 'future', 'x')");
    const auto where = place();
    const auto opened = is_sqlite() ? store::open_sqlite(std::get<store::SqliteOptions>(where))
                                    : store::open_postgres(std::get<store::PostgresOptions>(where));
    ASSERT_EQ(code_of(opened), ErrorCode::internal);
    EXPECT_THAT(opened.error().message, testing::HasSubstr("9999"));
    EXPECT_THAT(checks(), ElementsAre("schema"));
}

TEST_P(AdminContract, an_altered_migration_is_refused) {
    close();
    damage("update migration set digest = 'other' where number = 1");
    const auto where = place();
    const auto opened = is_sqlite() ? store::open_sqlite(std::get<store::SqliteOptions>(where))
                                    : store::open_postgres(std::get<store::PostgresOptions>(where));
    ASSERT_EQ(code_of(opened), ErrorCode::internal);
    EXPECT_THAT(opened.error().message, testing::HasSubstr("0001_base"));
}

TEST_P(AdminContract, a_failing_migration_leaves_nothing) {
    close();
    store::Connection connection(store::target_of(place(), false));
    auto migrations = store::migrations_of(connection.dialect().name);
    const auto version = migrations.back().number;
    migrations.push_back({9000, "9000_bad", "create table half (a text);\nselect nonsense(;\n"});
    EXPECT_THROW(static_cast<void>(store::migrate(connection, migrations)), store::DatabaseError);
    EXPECT_EQ(store::schema_version(connection), version);
    migrations.back().text = "create table half (a text);\n";
    must(store::migrate(connection, migrations));
    EXPECT_EQ(store::schema_version(connection), 9000U);
}

TEST_P(AdminContract, an_upgrade_finds_the_records_that_changes_use) {
    const auto where = is_sqlite() ? store::Target(store::SqliteFile{directory_ + "/older.db"})
                                   : store::Target(store::PostgresServer{new_database()});
    store::Connection db(where);
    const auto migrations = store::migrations_of(db.dialect().name);
    must(store::migrate(db, {migrations.begin(), migrations.begin() + 2}));
    std::uint64_t slot = 0;
    const auto put = [&](std::string_view state, std::string_view document) {
        const auto id = fmt::format("CHG-{}", ++slot);
        db.run(
            "insert into change_index (slot, tenant, id, state, type, requester, change_owner, "
            "meeting, cis, summary) values (:slot, 'acme', :id, :state, '', '', '', '', '[]', "
            "'{}')",
            {slot, id, state}
        );
        db.run(
            "insert into document (tenant, kind, id, version, state) "
            "values ('acme', 'change', :id, 1, :state)",
            {id, document}
        );
    };
    put("planning",
        R"({"queue":{"board":"cab"},"decision":{"board":"other"},"production_ring":"live",)"
        R"("test_ring":"staging","roster":"ops","classification":{"catalogue_entry":"std"},)"
        R"("implementer":"ivar","rollback_owner":"pia","rollback_backup":"sven",)"
        R"("steps":{"backup":{"state":"open","assignee":"tom"},)"
        R"("notice":{"state":"completed","assignee":"pia"},)"
        R"("scope":{"state":"open","assignee":"anna"},"smoke":{"state":"open","assignee":""},)"
        R"("window":{"state":"open","assignee":"tom"}},)"
        R"("actions":[{"owner":"nils","done_at":"2026-11-26T11:00:00.000Z"},{"owner":"eva"}]})");
    put("deploying", R"({"queue":null,"decision":{"board":"ecab"},"production_ring":""})");
    put("planning", R"({"implementer":"","rollback_owner":"pia"})");
    put("closed", R"({"production_ring":"live","implementer":"ivar",)"
                  R"("steps":{"pir":{"state":"open","assignee":"tom"}},)"
                  R"("actions":[{"owner":"tom","done_at":null},{"owner":"tom"}]})");
    must(store::migrate(db, migrations));
    std::vector<std::string> found;
    db.query("select records from change_index order by slot", {}, 1, [&](const store::Row& row) {
        found.push_back(row.text(0));
    });
    EXPECT_THAT(
        found, ElementsAre(
                   R"(["board/cab","catalogue_entry/std","ring/live","ring/staging","roster/ops",)"
                   R"("implementer/ivar","rollback_owner/pia","rollback_backup/sven",)"
                   R"("assignee/anna","assignee/tom","action_owner/eva"])",
                   R"(["board/ecab"])", R"(["rollback_owner/pia"])", R"(["action_owner/tom"])"
               )
    );
}

TEST_P(AdminContract, rebuild_finds_the_records_that_changes_use) {
    app::ChangeSummary summary;
    summary.number = 1;
    summary.state = "planning";
    summary.records = {"ring/edge"};
    open(summary);
    close();
    damage("update change_index set records = '[]'");
    EXPECT_THAT(differences(true), ElementsAre("acme CHG-1 filters"));
    EXPECT_EQ(must(store().find_changes({.tenant = acme, .record = "ring/edge"})).size(), 1U);
}

TEST_P(AdminContract, an_older_index_learns_what_was_overridden) {
    const auto classified = [](bool overridden) {
        app::NewEvent event;
        event.type = "change_classified";
        event.body = fmt::format(
            R"({{"type":"change_classified","data":{{"classification":{{"type":"normal"{}}}}}}})",
            overridden ? R"(,"overridden":true)" : ""
        );
        return event;
    };
    const std::vector<std::vector<bool>> histories{{true}, {true, false}, {false, true}, {}};
    for (std::size_t i = 0; i < histories.size(); ++i) {
        app::ChangeSummary summary;
        summary.number = i + 1;
        auto write = change_write(summary);
        for (const bool overridden : histories[i])
            write.events.push_back(classified(overridden));
        must(store().commit(commit_of(write)));
    }
    close();
    damage("delete from migration where number = 4");
    std::vector<std::uint64_t> found;
    for (const auto& summary : must(store().find_changes({.tenant = acme, .overridden = true})))
        found.push_back(summary.number);
    EXPECT_THAT(found, ElementsAre(3, 1));
}

TEST_P(AdminContract, servers_that_start_together_make_one_schema) {
    if (is_sqlite())
        GTEST_SKIP() << "one server at a time holds the directory";
    for (int round = 0; round < 5; ++round) {
        const auto database = new_database();
        std::vector<std::thread> servers;
        std::atomic<int> opened = 0;
        for (int i = 0; i < 6; ++i)
            servers.emplace_back([&] {
                const auto store = store::open_postgres({database});
                EXPECT_TRUE(store) << store.error().message << store.error().detail;
                opened += store ? 1 : 0;
            });
        for (auto& server : servers)
            server.join();
        EXPECT_EQ(opened, 6);
    }
}

TEST_P(AdminContract, a_sound_store_has_no_differences_and_no_findings) {
    fill();
    const auto kinds = must(store().kind_version(acme, "change"));
    close();
    EXPECT_THAT(differences(false), IsEmpty());
    EXPECT_THAT(differences(true), IsEmpty());
    EXPECT_THAT(checks(), IsEmpty());
    EXPECT_EQ(must(store().kind_version(acme, "change")), kinds);
}

TEST_P(AdminContract, rebuild_names_and_mends_what_was_changed) {
    fill();
    close();
    damage("update document set state = '{}' where id = 'CHG-3'");
    damage("update stream set version = 4 where id = 'web'");
    damage("delete from stream where id = 'CHG-5'");
    damage("update change_index set summary = '{}' where id = 'CHG-7'");
    damage("update change_index set state = 'closed' where id = 'CHG-8'");
    damage("delete from change_ci where ci = 'ci-9'");
    damage("delete from search where rowid in (select slot from change_index where id = 'CHG-10')");
    damage("delete from kind_version where kind = 'ci'");
    EXPECT_THAT(checks(), ElementsAre("streams", "streams", "counters"));
    const std::vector<std::string> expected{
        "acme CHG-3 state",   "acme web version", "acme CHG-5 no stream", "acme CHG-7 summary",
        "zeta CHG-8 filters", "acme CHG-9 cis",   "zeta CHG-10 search",   "acme  kind version"};
    EXPECT_THAT(differences(false), testing::UnorderedElementsAreArray(expected));
    EXPECT_THAT(differences(true), testing::UnorderedElementsAreArray(expected));
    EXPECT_THAT(differences(false), IsEmpty());
    EXPECT_THAT(checks(), IsEmpty());
    EXPECT_EQ(must(store().find_changes({.tenant = acme, .limit = 50})).size(), 15U);
    EXPECT_EQ(must(store().find_changes({.tenant = zeta, .text = "harbor 10"})).size(), 1U);
}

// A counter that went back gave the number of a change that is there, and no change was opened any
// more; a kind's version that went back let servers believe what they remembered.
TEST_P(AdminContract, counters_that_went_back_are_found_and_put_forward) {
    fill();
    auto writer = must(store().new_blob(acme));
    must(writer->write("the bytes"));
    must(writer->finish());
    close();
    damage("update counter set value = 1 where tenant = 'acme' and name = 'change'");
    damage("delete from counter where tenant = 'zeta' and name = 'change'");
    damage("update counter set value = 0 where name = 'upload'");
    damage("update kind_version set version = 1 where kind = 'ci'");
    EXPECT_THAT(checks(), ElementsAre("counters", "counters", "counters", "counters"));
    const std::vector<std::string> expected{
        "acme  counter", "zeta  counter", "acme  counter", "acme  kind version"};
    EXPECT_THAT(differences(false), testing::UnorderedElementsAreArray(expected));
    EXPECT_THAT(differences(true), testing::UnorderedElementsAreArray(expected));
    EXPECT_THAT(differences(false), IsEmpty());
    EXPECT_THAT(checks(), IsEmpty());
    must(store().commit_numbered(zeta, "change", [&](std::uint64_t number) -> Result<app::Commit> {
        EXPECT_EQ(number, 16U);
        app::ChangeSummary summary;
        summary.number = 99;
        return commit_of(change_write(summary, zeta));
    }));
}

TEST_P(AdminContract, rebuild_takes_away_what_no_entry_made) {
    fill();
    close();
    damage("insert into stream (tenant, kind, id, version, removed) "
           "values ('acme', 'person', 'eve', 1, 0)");
    damage("insert into document (tenant, kind, id, version, state) "
           "values ('acme', 'person', 'eve', 1, '{}')");
    damage("insert into change_index (slot, tenant, id, state, type, requester, change_owner, "
           "meeting, cis, summary) values (999, 'acme', 'CHG-99', 'approved', '', '', '', '', '', "
           "'{}')");
    damage("insert into change_ci (tenant, ci, slot) values ('acme', 'ci-99', 999)");
    EXPECT_THAT(checks(), Each(std::string("streams")));
    const std::vector<std::string> expected{
        "acme eve no entry", "acme CHG-99 no entry for its index"};
    EXPECT_THAT(differences(false), testing::UnorderedElementsAreArray(expected));
    EXPECT_THAT(differences(true), testing::UnorderedElementsAreArray(expected));
    EXPECT_THAT(differences(false), IsEmpty());
    EXPECT_THAT(checks(), IsEmpty());
    EXPECT_TRUE(must(store().find_changes({.tenant = acme, .cis = {"ci-99"}})).empty());
}

TEST_P(AdminContract, rebuild_refuses_entries_that_are_labelled_as_others) {
    fill();
    close();
    damage("update event set stream = 'CHG-1', version = 2 where stream = 'CHG-3'");
    const auto rebuilt = store::rebuild(place(), replay, true);
    ASSERT_EQ(code_of(rebuilt), ErrorCode::blocked);
    EXPECT_THAT(rebuilt.error().message, testing::HasSubstr("entry 3: stream is \"CHG-3\""));
}

// Two servers of one database: one writes while the other's states are made anew.
TEST_P(AdminContract, rebuild_beside_a_server_loses_nothing) {
    if (is_sqlite())
        GTEST_SKIP() << "rebuild takes the directory's lock";
    fill();
    damage("update document set state = '{}' where id = 'web'");
    std::uint64_t version = 5;
    // Replaying is where a slow rebuild and a quick server meet.
    const auto slow = [&](const app::StreamKey& key, std::span<const app::StoredEvent> events) {
        if (key.id == "web" && version == 5)
            must(store().commit(commit_of(write_of(key, version++))));
        return replay(key, events);
    };
    EXPECT_EQ(must(store::rebuild(place(), slow, true)).different, 0U);
    EXPECT_EQ(must(store().load(key_of("web"))).state, R"({"version":6})");
    EXPECT_EQ(must(store().load(key_of("web"))).version, 6U);
    close();
    EXPECT_THAT(differences(false), IsEmpty());
}

TEST_P(AdminContract, missing_entries_are_named) {
    fill();
    const auto size = must(store().ledger_size());
    close();
    EXPECT_EQ(must(store::ledger_facts(place())).count, size);
    damage("delete from event where seq in (3, 4)");
    damage(fmt::format("delete from event where seq = {}", size - 1));
    const auto facts = must(store::ledger_facts(place()));
    EXPECT_EQ(facts.size, size);
    EXPECT_EQ(facts.count, size - 3);
    EXPECT_THAT(facts.missing, ElementsAre(3U, 4U, size - 1));
    EXPECT_THAT(checks(), Contains("ledger"));
}

TEST_P(AdminContract, a_backup_holds_the_files_and_leaves_out_secrets) {
    if (!is_sqlite())
        GTEST_SKIP() << "PostgreSQL is backed up by pg_dump";
    fill();
    const auto source = std::get<store::SqliteOptions>(place());
    const auto data = std::filesystem::path(source.directory);
    write_file(data / "workflows/own.yaml", "own");
    write_file(data / "programs/deep/tool", "#!/bin/sh\n");
    std::filesystem::permissions(data / "programs/deep/tool", std::filesystem::perms::owner_all);
    std::filesystem::create_symlink("/etc/passwd", data / "programs/link");
    write_file(data / "secrets/token", "hidden");
    const auto copy = directory_ + "/copy";
    const auto report = must(store::backup(source, copy));
    EXPECT_EQ(report.files.size(), 2U);
    EXPECT_THAT(report.left_out, ElementsAre("programs/link", "secrets"));
    EXPECT_FALSE(std::filesystem::exists(copy + "/secrets"));
    const store::SqliteOptions target{directory_ + "/restored"};
    must(store::restore(copy, target));
    EXPECT_EQ(read_file(target.directory + "/workflows/own.yaml"), "own");
    EXPECT_EQ(::access((target.directory + "/programs/deep/tool").c_str(), X_OK), 0);
    write_file(copy + "/workflows/own.yaml", "other");
    EXPECT_EQ(code_of(store::restore(copy, {directory_ + "/x"})), ErrorCode::invalid_input);
    EXPECT_FALSE(std::filesystem::exists(directory_ + "/x"));
    auto text = read_file(copy + "/backup.json");
    text.replace(text.find("workflows/own.yaml"), 18, "workflows/../../up");
    write_file(copy + "/backup.json", text);
    EXPECT_EQ(code_of(store::restore(copy, {directory_ + "/x"})), ErrorCode::invalid_input);
}

TEST_P(AdminContract, a_backup_that_fails_leaves_nothing) {
    if (!is_sqlite())
        GTEST_SKIP() << "PostgreSQL is backed up by pg_dump";
    fill();
    damage("update event set type = 'vote' where seq = 5");
    const auto source = std::get<store::SqliteOptions>(place());
    const auto failed = store::backup(source, directory_ + "/copy");
    ASSERT_EQ(code_of(failed), ErrorCode::blocked);
    EXPECT_THAT(failed.error().message, testing::HasSubstr("entry 5"));
    EXPECT_TRUE(std::filesystem::is_empty(directory_ + "/copy"));
    damage("update event set type = 'written' where seq = 5");
    for (std::size_t i = 0; i <= limits::backup_files_max; ++i)
        write_file(std::filesystem::path(source.directory) / fmt::format("programs/{}", i), "");
    EXPECT_EQ(code_of(store::backup(source, directory_ + "/copy")), ErrorCode::limit_exceeded);
    EXPECT_TRUE(std::filesystem::is_empty(directory_ + "/copy"));
}

TEST_P(AdminContract, a_backup_is_verified_and_restored_into_an_empty_place_only) {
    if (!is_sqlite())
        GTEST_SKIP() << "PostgreSQL is backed up by pg_dump";
    fill();
    const auto size = must(store().ledger_size());
    const auto root = must(store().ledger_root(size));
    const auto source = std::get<store::SqliteOptions>(place());
    const auto copy = directory_ + "/copy";
    const auto report = must(store::backup(source, copy)); // beside the open store
    EXPECT_EQ(report.events, size);
    EXPECT_EQ(report.root, root);
    EXPECT_EQ(code_of(store::backup(source, copy)), ErrorCode::invalid_input);
    EXPECT_EQ(code_of(store::restore(copy, source)), ErrorCode::invalid_input);
    const store::SqliteOptions target{directory_ + "/restored"};
    EXPECT_EQ(must(store::restore(copy, target)).digest, report.digest);
    const auto restored = must(store::open_sqlite(target));
    EXPECT_EQ(must(restored->ledger_root(size)), root);
    EXPECT_EQ(must(restored->find_changes({.tenant = acme})).size(), 15U);
    std::fstream(copy + "/slipway.db", std::ios::in | std::ios::out | std::ios::binary)
        .seekp(20'000)
        .put('!');
    EXPECT_EQ(code_of(store::restore(copy, {directory_ + "/damaged"})), ErrorCode::invalid_input);
    EXPECT_FALSE(std::filesystem::exists(directory_ + "/damaged"));
    EXPECT_EQ(code_of(store::restore(directory_, {directory_ + "/x"})), ErrorCode::invalid_input);
}

CONTRACT(AdminContract);

} // namespace slipway::contract
