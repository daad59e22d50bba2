// SPDX-License-Identifier: Apache-2.0
// Backups through the shipped manifests. borg, pg_dump and mysqldump are the real programs, with a
// repository, a PostgreSQL and a MariaDB of the test's own; zfs and btrfs are programs of testdata
// that answer as the real ones document it.
#include "connectors/connectors_fixture.hpp"

#include "contract/private_postgres.hpp"

namespace slipway::connectors {

namespace {

using namespace test;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

class BackupConnectors : public ConnectorsTest {
  protected:
    std::string shell(
        const std::string& script, const std::map<std::string, std::string>& environment = {},
        const std::string& input = {}
    ) {
        const auto answer = run_script(script, environment, input);
        EXPECT_TRUE(answer && answer->status == 0)
            << script << "\n"
            << (answer ? answer->last_words : answer.error().message);
        return answer ? answer->output : "";
    }

    // A program of testdata with a state of its own.
    std::string stand_in(const std::string& name, const std::string& state) {
        const auto from = std::filesystem::path(SLIPWAY_ROOT "/src/connectors/testdata") / name;
        std::filesystem::copy_file(from, path(name));
        write(name + ".json", state);
        return path(name);
    }

    std::string message_of(const Result<app::BackupProof>& proof) {
        return proof ? "it was proven" : all_texts(proof.error());
    }
};

TEST_F(BackupConnectors, BorgProvesARestore) {
    if (!std::filesystem::exists("/usr/bin/borg"))
        GTEST_SKIP() << "borg is not installed (apt-get install borgbackup)";
    write("site/index.html", "1.4");
    write("site/feed/items.json", "[]");
    const auto host = shell("uname -n | tr -d '\\n'");
    const std::map<std::string, std::string> borg{
        {"BORG_REPO", path("repo")}, {"BORG_PASSPHRASE", secret}, {"BORG_BASE_DIR", path("base")}};
    shell(
        "borg init --encryption repokey && borg create ::web-1 site && borg create ::db-1 "
        "site/feed",
        borg
    );
    configure(
        "borg",
        JsonObject{
            {"repository", path("repo")},
            {"passphrase", secret_reference()},
            {"items", JsonObject{{"site", "web-*"}, {"feed", "db-*"}}}}
    );
    const auto status = ask("borg", app::BackupCheck{CiId("site"), host});
    ASSERT_TRUE(status) << all_texts(status.error());
    EXPECT_EQ(status->point, "web-1");
    ASSERT_TRUE(status->last_success.has_value());
    EXPECT_LT(SystemClock{}.now() - *status->last_success, Span(10min)) << "the time is in UTC";
    const auto none = ask("borg", app::BackupCheck{CiId("other"), "nowhere"});
    ASSERT_TRUE(none) << all_texts(none.error());
    EXPECT_FALSE(none->last_success.has_value());

    const auto proof = ask("borg", app::BackupProve{CiId("site"), host, "web-1"}, 60s);
    ASSERT_TRUE(proof) << all_texts(proof.error());
    EXPECT_TRUE(proof->restored);
    EXPECT_EQ(proof->files, 2);
    EXPECT_TRUE(proof->content_digest.has_value());
    EXPECT_EQ(proof->bytes, 5);
    EXPECT_EQ(proof->point, "web-1");
    EXPECT_EQ(proof->host, host) << "as the archive says";
    EXPECT_EQ(proof->ci, CiId("site"));
    EXPECT_TRUE(proof->point_at.has_value());
    EXPECT_THAT(
        message_of(ask("borg", app::BackupProve{CiId("site"), host, "db-1"})),
        HasSubstr("none of this item's")
    );

    // One byte of the repository's data turned: borg does not restore what it cannot verify.
    shell("f=$(ls -S repo/data/0/* | head -n 1); s=$(stat -c %s $f); "
          "for at in $(seq 60 97 $s); do printf X | dd of=$f bs=1 seek=$at conv=notrunc 2>&1; done"
    );
    EXPECT_FALSE(ask("borg", app::BackupProve{CiId("site"), host, "web-1"}, 60s));
}

TEST_F(BackupConnectors, PgDumpProvesARestore) {
    if (!std::filesystem::exists("/usr/lib/postgresql/15/bin/initdb"))
        GTEST_SKIP() << "PostgreSQL is not installed (apt-get install postgresql)";
    auto server = contract::PrivatePostgres::start();
    ASSERT_TRUE(server) << server.error().message;
    const auto database = (*server)->new_database();
    ASSERT_TRUE(database) << database.error().message;
    const auto socket = database->substr(5, database->find(' ') - 5); // host=<socket> user=...
    const std::map<std::string, std::string> pg{{"PGHOST", socket}, {"PGUSER", "slipway"}};
    shell(
        "mkdir dumps; psql -qc 'create table berth as select generate_series(1, 20) n' contract_1; "
        "pg_dump -Fc -f dumps/harbor-1.dump contract_1; createdb billing; "
        "pg_dump -Fc -f dumps/billing-1.dump billing",
        pg
    );
    const auto item = [](const char* name, const char* files, const char* check) {
        return JsonObject{{"database", name}, {"files", files}, {"check", check}};
    };
    configure(
        "pg_dump",
        JsonObject{
            {"folder", path("dumps")},
            {"server", socket},
            {"user", "slipway"},
            {"items",
             JsonObject{
                 {"harbor-db", item("contract_1", "harbor-*", "select count(*) = 20 from berth")},
                 {"billing-db", item("billing", "billing-*", "select true")},
                 {"strict", item("contract_1", "harbor-*", "select count(*) = 21 from berth")},
                 {"twin-db", item("contract_1", "harbor-*", "select true")}}}}
    );
    const auto status = ask("pg_dump", app::BackupCheck{CiId("harbor-db"), "db-1"});
    ASSERT_TRUE(status) << all_texts(status.error());
    EXPECT_EQ(status->point, "harbor-1.dump");
    ASSERT_TRUE(status->last_success.has_value());

    const auto prove = [&](const char* ci, const char* point) {
        return ask("pg_dump", app::BackupProve{CiId(ci), "db-1", point}, 60s);
    };
    const auto proof = prove("harbor-db", "harbor-1.dump");
    ASSERT_TRUE(proof) << all_texts(proof.error());
    EXPECT_TRUE(proof->restored);
    EXPECT_EQ(proof->ci, CiId("harbor-db"));
    EXPECT_GT(proof->bytes, 100);
    ASSERT_TRUE(proof->point_at.has_value());
    EXPECT_LT(SystemClock{}.now() - *proof->point_at, Span(10min));
    const auto other = prove("billing-db", "harbor-1.dump");
    ASSERT_TRUE(other) << all_texts(other.error());
    EXPECT_EQ(other->ci, CiId("harbor-db")) << "the dump says whose it is";
    const auto twin = prove("twin-db", "harbor-1.dump");
    ASSERT_TRUE(twin) << all_texts(twin.error());
    EXPECT_EQ(twin->ci, CiId("twin-db")) << "its database has the name of another item's";

    EXPECT_THAT(message_of(prove("billing-db", "billing-1.dump")), HasSubstr("holds no data"));
    EXPECT_THAT(message_of(prove("strict", "harbor-1.dump")), HasSubstr("was answered with f"));
    EXPECT_THAT(message_of(prove("nobody", "harbor-1.dump")), HasSubstr("does not know the item"));
    EXPECT_THAT(
        message_of(prove("harbor-db", "../dumps/harbor-1.dump")), HasSubstr("plain file name")
    );
    shell("head -c 300 dumps/harbor-1.dump > dumps/harbor-2.dump");
    EXPECT_FALSE(prove("harbor-db", "harbor-2.dump")) << "half a dump";
    EXPECT_THAT(
        shell("psql -Atc 'select datname from pg_database' postgres", pg),
        Not(HasSubstr("slipway_proof"))
    ) << "what was restored is dropped, also when it proved nothing";
}

TEST_F(BackupConnectors, MysqldumpProvesARestore) {
    if (!std::filesystem::exists("/usr/sbin/mariadbd") ||
        !std::filesystem::exists("/usr/bin/mariadb-dump"))
        GTEST_SKIP() << "MariaDB is not installed "
                        "(apt-get install mariadb-server-core mariadb-client)";
    // It listens at a socket of the folder only.
    const auto socket = path("mariadb.sock");
    shell("mariadb-install-db --no-defaults --datadir=\"$PWD/mariadb\" --user=\"$(id -un)\" "
          "--auth-root-authentication-method=normal --skip-test-db");
    const Daemon server(fmt::format(
        "/usr/sbin/mariadbd --no-defaults --datadir={0}/mariadb --user=\"$(id -un)\" --socket={1} "
        "--skip-networking 2> {0}/mariadb.log",
        folder_, socket
    ));
    ASSERT_TRUE(Daemon::comes([&] { return std::filesystem::exists(socket); }))
        << shell("cat mariadb.log");
    write("client.cnf", "[client]\nsocket=" + socket + "\nuser=root\n");
    const auto mysql = [&](const std::string& statements) {
        return shell(
            "mysql --defaults-file=client.cnf --batch --skip-column-names", {}, statements
        );
    };
    mysql("create database harbor; use harbor; create table berth (n int, name text);"
          "insert into berth values (1, 'north'), (2, '-- Dump completed on 1999-01-01');"
          "create database crew; create table crew.empty (n int)");
    const auto dump = [&](const std::string& database, const std::string& file) {
        shell(
            "mkdir -p dumps; mariadb-dump --defaults-file=client.cnf " + database + " > dumps/" +
            file
        );
    };
    dump("harbor", "harbor-1.sql");
    dump("crew", "crew-1.sql");
    const auto item = [](const char* name, const char* files, const char* check) {
        return JsonObject{{"database", name}, {"files", files}, {"check", check}};
    };
    configure(
        "mysqldump",
        JsonObject{
            {"folder", path("dumps")},
            {"defaults_file", path("client.cnf")},
            {"items",
             JsonObject{
                 {"harbor-db", item("harbor", "harbor-*", "select count(*) = 2 from berth")},
                 {"strict", item("harbor", "harbor-*", "select count(*) = 3 from berth")},
                 {"crew-db", item("crew", "crew-*", "select true")}}}}
    );
    const auto status = ask("mysqldump", app::BackupCheck{CiId("harbor-db"), "db-1"});
    ASSERT_TRUE(status) << all_texts(status.error());
    EXPECT_EQ(status->point, "harbor-1.sql");
    const auto prove = [&](const char* ci, const char* point) {
        return ask("mysqldump", app::BackupProve{CiId(ci), "db-1", point}, 60s);
    };
    const auto proof = prove("harbor-db", "harbor-1.sql");
    ASSERT_TRUE(proof) << all_texts(proof.error());
    EXPECT_TRUE(proof->restored);
    EXPECT_EQ(proof->ci, CiId("harbor-db"));
    ASSERT_TRUE(proof->point_at.has_value());
    EXPECT_LT(SystemClock{}.now() - *proof->point_at, Span(24h)) << "its zone is this machine's";
    EXPECT_EQ(prove("crew-db", "harbor-1.sql")->ci, CiId("harbor-db")) << "the dump says whose";

    EXPECT_THAT(message_of(prove("strict", "harbor-1.sql")), HasSubstr("was answered with 0"));
    EXPECT_THAT(message_of(prove("crew-db", "crew-1.sql")), HasSubstr("no data of any table"));
    dump("--databases harbor", "harbor-2.sql");
    EXPECT_THAT(
        message_of(prove("harbor-db", "harbor-2.sql")), HasSubstr("names the database it goes into")
    );
    shell("sed 's/VALUES/VALEUS/' dumps/harbor-1.sql > dumps/harbor-3.sql");
    EXPECT_THAT(
        message_of(prove("harbor-db", "harbor-3.sql")), HasSubstr("error in your SQL syntax")
    );
    shell("head -c 900 dumps/harbor-1.sql > dumps/harbor-4.sql");
    EXPECT_FALSE(prove("harbor-db", "harbor-4.sql")) << "half a dump";
    EXPECT_THAT(mysql("show databases"), Not(HasSubstr("slipway_proof")))
        << "what was restored is dropped, also when it proved nothing";
    EXPECT_EQ(mysql("select count(*) from harbor.berth"), "2\n");
}

// What the client is asked for, and dumps that the one of the machine does not make.
TEST_F(BackupConnectors, MysqldumpProvesWhatItsClientRestored) {
    const std::string head = "-- MariaDB dump 10.19  Distrib 10.11.11-MariaDB, for "
                             "debian-linux-gnu (x86_64)\n--\n-- Host: db-1    Database: harbor\n";
    const std::string end = "\n-- Dump completed on 2026-01-27  2:00:07\n";
    const std::string table = "CREATE TABLE `berth` (`n` int);\n";
    write("dumps/harbor-1.sql", head + table + "INSERT INTO `berth` VALUES (1);\n" + end);
    write("client.cnf", "[client]\n");
    const auto client = write(
        "mysql",
        "#!/bin/sh\ncd " + folder_ +
            "\necho \"$*\" >> calls\ncase \"$*\" in\n*--batch*) cat answer ;;\n*--execute*) ;;\n"
            "*) cat > restored; test ! -e broken ;;\nesac\n",
        true
    );
    write("answer", "1\n");
    const JsonObject item{
        {"database", "harbor"}, {"files", "harbor-*"}, {"check", "select 1 from berth"}};
    const JsonObject other{{"database", "crew"}, {"files", "crew-*"}, {"check", "select 1"}};
    configure(
        "mysqldump",
        JsonObject{
            {"folder", path("dumps")},
            {"defaults_file", path("client.cnf")},
            {"program", client},
            {"zone", "Europe/Berlin"},
            {"items", JsonObject{{"crew-db", other}, {"harbor-db", item}, {"twin-db", item}}}}
    );
    const auto check = [&] {
        return ask("mysqldump", app::BackupCheck{CiId("harbor-db"), "db-1"});
    };
    const auto prove = [&](const char* ci = "harbor-db") {
        return ask("mysqldump", app::BackupProve{CiId(ci), "db-1", "harbor-1.sql"});
    };
    const auto calls = [&] { return shell("cat calls; rm calls"); };
    ASSERT_TRUE(check()) << all_texts(check().error());
    EXPECT_EQ(check()->point, "harbor-1.sql");
    const auto proof = prove();
    ASSERT_TRUE(proof) << all_texts(proof.error());
    EXPECT_TRUE(proof->restored);
    EXPECT_EQ(proof->ci, CiId("harbor-db"));
    EXPECT_EQ(proof->host, "db-1");
    EXPECT_GT(proof->bytes, 100);
    EXPECT_EQ(to_text(*proof->point_at).substr(0, 19), "2026-01-27T01:00:07")
        << "as the dump says, whenever its file was copied";
    EXPECT_EQ(prove("crew-db")->ci, CiId("harbor-db")) << "the dump says whose it is";
    EXPECT_EQ(prove("twin-db")->ci, CiId("twin-db")) << "of two with one name the one asked for";
    auto seen = calls();
    EXPECT_EQ(shell("cat restored"), shell("cat dumps/harbor-1.sql"));
    EXPECT_THAT(seen, Not(HasSubstr("--database=harbor")));

    write("broken", "");
    EXPECT_FALSE(prove());
    seen = calls();
    EXPECT_THAT(seen.substr(seen.rfind("--execute")), HasSubstr("drop database if exists"));
    std::filesystem::remove(path("broken"));
    write("answer", "0\n");
    EXPECT_THAT(message_of(prove()), HasSubstr("was answered with 0"));
    std::filesystem::remove(path("restored"));

    write("dumps/harbor-1.sql", head + "USE `harbor`;\n" + end);
    EXPECT_THAT(message_of(prove()), HasSubstr("names the database it goes into"));
    EXPECT_EQ(shell("test ! -e restored || cat restored"), "")
        << "it would write into production's";
    write("dumps/harbor-1.sql", head + table + end);
    EXPECT_THAT(message_of(prove()), HasSubstr("holds no data of any table"));
    write("dumps/harbor-1.sql", head + table + "\n-- Dump completed\n");
    EXPECT_THAT(message_of(prove()), HasSubstr("without --skip-dump-date"));
    write("dumps/harbor-1.sql", head);
    const auto half = check();
    ASSERT_FALSE(half);
    EXPECT_THAT(all_texts(half.error()), HasSubstr("is not whole"));
}

TEST_F(BackupConnectors, AZfsSnapshotIsCopiedOut) {
    write("tank/.zfs/snapshot/daily-1/etc/harbor.conf", "north");
    const auto zfs = stand_in(
        "zfs.py", R"({"clock":1795300000,"snapshots":[],"datasets":{"tank/site":")" + path("tank") +
                      R"(","tank/db":"none"}})"
    );
    shell("./zfs.py snapshot tank/site@daily-0; ./zfs.py snapshot tank/site@daily-1; "
          "./zfs.py snapshot tank/db@daily-1");
    configure(
        "zfs",
        JsonObject{
            {"datasets", JsonObject{{"site", "tank/site"}, {"db", "tank/db"}}}, {"program", zfs}}
    );
    const auto status = ask("zfs", app::BackupCheck{CiId("site"), "web-1"});
    ASSERT_TRUE(status) << all_texts(status.error());
    EXPECT_EQ(status->point, "tank/site@daily-1");
    const auto prove = [&](const char* ci, const char* point) {
        return ask("zfs", app::BackupProve{CiId(ci), "web-1", point});
    };
    const auto proof = prove("site", "tank/site@daily-1");
    ASSERT_TRUE(proof) << all_texts(proof.error());
    EXPECT_TRUE(proof->restored);
    EXPECT_EQ(proof->files, 1);
    EXPECT_EQ(proof->point_at, status->last_success);
    EXPECT_EQ(prove("db", "tank/site@daily-1")->ci, CiId("site")) << "the dataset says whose it is";
    EXPECT_THAT(message_of(prove("site", "tank/site@daily-7")), HasSubstr("no such snapshot"));
    EXPECT_THAT(message_of(prove("db", "tank/db@daily-1")), HasSubstr("not mounted"));
    EXPECT_FALSE(ask("zfs", app::BackupCheck{CiId("nobody"), "web-1"}));
}

TEST_F(BackupConnectors, ABtrfsSnapshotIsCopiedOut) {
    write("home/anna/notes", "north");
    const auto btrfs = stand_in("btrfs.py", R"({"clock":1795300000,"snapshots":{}})");
    shell("mkdir store; ./btrfs.py subvolume snapshot -r $PWD/home $PWD/store/home.1; "
          "./btrfs.py subvolume snapshot $PWD/home $PWD/store/home.2");
    configure(
        "btrfs",
        JsonObject{
            {"store", path("store")},
            {"items", JsonObject{{"home", "home."}, {"mail", "mail."}}},
            {"program", btrfs}}
    );
    const auto status = ask("btrfs", app::BackupCheck{CiId("home"), "web-1"});
    ASSERT_TRUE(status) << all_texts(status.error());
    EXPECT_EQ(status->point, "home.2");
    const auto prove = [&](const char* ci, const char* point) {
        return ask("btrfs", app::BackupProve{CiId(ci), "web-1", point});
    };
    EXPECT_THAT(message_of(prove("home", "home.2")), HasSubstr("can be written to"));
    const auto proof = prove("home", "home.1");
    ASSERT_TRUE(proof) << all_texts(proof.error());
    EXPECT_TRUE(proof->restored);
    EXPECT_EQ(proof->files, 1);
    EXPECT_EQ(proof->ci, CiId("home"));
    EXPECT_EQ(to_text(*proof->point_at).substr(0, 19), "2026-11-21T22:26:40");
    EXPECT_EQ(prove("mail", "home.1")->ci, CiId("home"));
    EXPECT_FALSE(ask("btrfs", app::BackupCheck{CiId("mail"), "web-1"})->last_success.has_value());
}

TEST_F(BackupConnectors, ARestoreWithoutWhatIsDemandedOfItProvesNothing) {
    write("home/anna/notes", "north");
    write("home/anna/empty", "");
    write("void/empty", "");
    const auto btrfs = stand_in("btrfs.py", R"({"clock":1795300000,"snapshots":{}})");
    shell("mkdir store; ./btrfs.py subvolume snapshot -r $PWD/home $PWD/store/home.1; "
          "./btrfs.py subvolume snapshot -r $PWD/void $PWD/store/void.1");
    const auto prove = [&](const char* point, const JsonObject& demand) {
        configure(
            "btrfs",
            JsonObject{
                {"store", path("store")},
                {"items", JsonObject{{"home", "home."}, {"void", "void."}}},
                {"content", JsonObject{{"home", demand}}},
                {"program", btrfs}}
        );
        connectors_.reset();
        return message_of(ask("btrfs", app::BackupProve{CiId("home"), "web-1", point}));
    };
    const auto paths = [](auto... path) {
        return JsonObject{{"must_contain", JsonArray{path...}}};
    };
    const auto proven = message_of(app::BackupProof{});
    EXPECT_EQ(prove("home.1", {}), proven);
    EXPECT_EQ(prove("home.1", paths("/anna/notes", "anna", "anna/")), proven);
    EXPECT_EQ(prove("home.1", {{"least_files", 2}, {"least_bytes", 5}}), proven);
    EXPECT_THAT(prove("home.1", paths("anna/ledger")), HasSubstr("anna/ledger was not restored"));
    EXPECT_THAT(prove("home.1", paths("anna/empty")), HasSubstr("or is empty"));
    EXPECT_THAT(prove("home.1", {{"least_files", 3}}), HasSubstr("2 files were restored"));
    EXPECT_THAT(prove("home.1", {{"least_bytes", 6}}), HasSubstr("5 bytes were restored"));
    EXPECT_THAT(prove("home.1", {{"least_byte", 1}}), HasSubstr("least_byte")) << "a slip";
    EXPECT_THAT(prove("void.1", {}), HasSubstr("0 bytes were restored"));
}

// What an operation put up is taken down, however the operation went.
TEST_F(BackupConnectors, WhatIsFinallyAskedIsAskedAfterEveryFailure) {
    const auto of = [&](const std::string& failing) {
        manifest(
            "tidy", R"yaml(
system: tidy
title: Tidy
transport: command
capabilities:
  backup:
    check:
      requests:
        - {run: [touch, )yaml" +
                        path("up") + R"yaml(], answer_type: nothing}
        - )yaml" + failing +
                        R"yaml(
      finally:
        - {run: [rm, )yaml" +
                        path("up") + R"yaml(], answer_type: nothing}
      result: "{}"
)yaml"
        );
        configure("tidy", JsonObject{});
        connectors_.reset();
    };
    const auto tidy = [&] { return !std::filesystem::exists(path("up")); };
    of("{run: ['true'], answer_type: nothing}");
    EXPECT_TRUE(ask("tidy", app::BackupCheck{CiId("web"), "h"}));
    EXPECT_TRUE(tidy());
    of("{run: ['false']}");
    const auto failed = ask("tidy", app::BackupCheck{CiId("web"), "h"});
    ASSERT_FALSE(failed);
    EXPECT_THAT(failed.error().message, HasSubstr("status 1")) << "the first failure is told";
    EXPECT_TRUE(tidy());
    of("{run: [sleep, '100'], time_limit: 100s}");
    EXPECT_EQ(ask("tidy", app::BackupCheck{CiId("web"), "h"}, 1s).error().code, ErrorCode::timeout);
    EXPECT_TRUE(tidy()) << "it has a while of its own after the deadline";
    of("{run: [rm, " + path("up") + "], answer_type: nothing}");
    EXPECT_FALSE(ask("tidy", app::BackupCheck{CiId("web"), "h"})) << "taking it down failed";
}

TEST_F(BackupConnectors, AnAnswerIsReadAsWhatItSays) {
    manifest("lines", R"yaml(
system: lines
title: Lines
transport: command
capabilities:
  backup:
    check:
      requests:
        - id: rows
          run: [printf, 'a 1\nb 2\n']
          answer_type: text
          read_as: '[.answer | split("\n")[] | split(" ") | select(length == 2)]'
          refuse: if (.answer | length) == 2 then null else "no two rows" end
      result: '{point: .answers.rows[1][0]}'
)yaml");
    configure("lines", JsonObject{});
    const auto status = ask("lines", app::BackupCheck{CiId("web"), "h"});
    ASSERT_TRUE(status) << all_texts(status.error());
    EXPECT_EQ(status->point, "b");
}

} // namespace

} // namespace slipway::connectors
