// SPDX-License-Identifier: Apache-2.0
// What the worker asks of backup and snapshot systems, and what of their answers it believes.
#include <cstdlib>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/event.hpp"
#include "app/ports/fake_connectors.hpp"
#include "domain/change/tasks.hpp"
#include "store/open.hpp"
#include "store/sql_store.hpp"
#include "worker/tasks.hpp"

#include "brought.hpp"

namespace slipway::worker {

namespace {

using namespace std::chrono_literals;
using domain::SnapshotState;
using testing::HasSubstr;

class NoRunner final : public app::Runner {
  public:
    domain::StepResult
    run_step(const domain::RunbookStep&, const app::RingSetting&, std::stop_token, const app::LineSink&)
        override {
        return {};
    }

    domain::CheckResult
    run_check(const domain::SmokeCheck&, const app::RingSetting&, std::stop_token) override {
        return {};
    }
};

class ConnectorTasks : public testing::Test {
  protected:
    ConnectorTasks() {
        std::string pattern = (std::filesystem::temp_directory_path() / "tasks-XXXXXX").string();
        folder = ::mkdtemp(pattern.data());
        EXPECT_TRUE(store::open_sqlite({folder.string()}).has_value()); // makes the tables
        // Without the lock of the directory it is a database that others may write to.
        const store::SqliteFile file{(folder / "slipway.db").string()};
        auto writer = file;
        writer.writer = true;
        store = std::make_unique<store::SqlStore>(store::LockFile{}, file, writer, 4);
        auto opened = app::Door::open({*store, clock, random, SLIPWAY_ROOT, {}});
        EXPECT_TRUE(opened.has_value()) << opened.error().message;
        door = *std::move(opened);
        for (const auto* connector : {"snap", "vault", "dumps"})
            put("connector", connector, R"({"manifest":"files"})");
        put("ring", "production", R"({"name":"Production","kind":"production",
            "hosts":[{"host":"web-1"}],"snapshot_connector":"snap","backup_connector":"vault"})");
        put("ci", "site", R"({"name":"Site","ci_class":"application","host":"web-1"})");
        put("ci", "db", R"({"name":"Database","ci_class":"database","host":"web-1",
            "backup_connector":"dumps"})");
        does("open", R"({"title":"Site 1.5","production_ring":"production"})");
    }

    ~ConnectorTasks() override {
        door.reset();
        store.reset();
        std::filesystem::remove_all(folder);
    }

    void put(const std::string& kind, const std::string& id, std::string_view document) {
        const auto done = door->put_record(system, {kind, id, *parse_json(document), {}, {}, {}});
        EXPECT_TRUE(done.has_value()) << done.error().message;
    }

    void does(const std::string& command, std::string_view body = "{}") {
        const std::string change = command == "open" ? "" : "CHG-1";
        const auto answer = door->execute(ina, {change, command, *parse_json(body), {}, {}, {}});
        EXPECT_TRUE(answer.has_value()) << command << ": " << answer.error().message;
    }

    // Carries out the one task that waits; it ends with it.
    void carry_out(
        std::string_view kind, Result<void> (*handler)(const TaskContext&), bool last_attempt = true
    ) {
        const auto now = clock.now();
        const auto tasks = store->claim_tasks("a", now, now + 60s, 2);
        ASSERT_TRUE(tasks.has_value());
        ASSERT_EQ(tasks->size(), 1U);
        EXPECT_EQ(tasks->front().kind, kind);
        const WorkerParts parts{
            .door = *door, .connectors = connectors, .runner = runner, .server = "a", .live = live};
        const auto done = handler({parts, tasks->front(), {}, last_attempt});
        EXPECT_TRUE(done.has_value()) << done.error().message;
    }

    static domain::PageTask call_of_otto(std::string subject) {
        domain::PageTask call;
        call.change = ChangeId("CHG-1");
        call.person = PersonId("otto");
        call.connector = "pager";
        call.subject = std::move(subject);
        call.reminder = true;
        return call;
    }

    void ask_for(const domain::PageTask& call) {
        app::Commit commit;
        commit.tasks.push_back({"page", system.tenant, "CHG-1", encode(call), {}});
        ASSERT_TRUE(store->commit(std::move(commit)).has_value());
    }

    domain::Change change() {
        const auto shown = door->show_change(system, "CHG-1");
        return *restore<domain::Change>(std::string_view(shown->body));
    }

    // The provider takes `taken`, and then shows it as `read`.
    domain::Snapshot take(app::Snapshot taken, const std::function<void(app::Snapshot&)>& read) {
        does("take_snapshot");
        taken.expires = change().snapshots.back().expires_at;
        connectors.answer<app::SnapshotTake>("snap", taken);
        read(taken);
        connectors.answer<app::SnapshotRead>("snap", taken);
        carry_out("snapshot", carry_out_snapshot);
        return change().snapshots.back();
    }

    void bring(const domain::Change& to_be) { worker::bring(*store, to_be, system, clock.now()); }

    void ask_for_revert() {
        if (change().snapshots.empty())
            take({"vol-7", "CHG-1", "web-1", {}, {}, 100}, [](auto&) {});
        auto to_be = change();
        to_be.snapshots.back().revert_asked_at = clock.now();
        bring(to_be);
        const domain::SnapshotTask task{
            ChangeId("CHG-1"),
            "snap",
            "web-1",
            "CHG-1",
            to_be.snapshots.back().expires_at,
            "vol-7",
            to_be.snapshots.back().revert_asked_at};
        app::Commit commit;
        commit.tasks.push_back({"snapshot_revert", system.tenant, "CHG-1", encode(task), {}});
        ASSERT_TRUE(store->commit(std::move(commit)).has_value());
    }

    void backup_answers(const std::string& connector, const app::BackupProof& proof) {
        app::BackupStatus status;
        status.last_success = clock.now() - 1h;
        status.point = connector + "-7";
        connectors.answer<app::BackupCheck>(connector, status);
        connectors.answer<app::BackupProve>(connector, proof);
    }

    const app::Actor system{TenantId("main"), PersonId("slipway"), {}, {}, "worker"};
    const app::Actor ina{
        TenantId("main"), PersonId("ina"), {domain::Role::engineer}, {}, "session s"};
    const SystemClock clock;
    SystemRandom random;
    std::filesystem::path folder;
    std::unique_ptr<app::Store> store;
    std::unique_ptr<app::Door> door;
    app::FakeConnectors connectors;
    app::LiveTranscripts live;
    NoRunner runner;
};

const app::Snapshot ours{"vol-7", "CHG-1", "web-1", {}, {}, 100};

TEST_F(ConnectorTasks, a_proof_keeps_what_the_restored_point_says_of_itself) {
    does("describe", R"({"summary":"site 1.4 -> 1.5 on web-1","cis":[
        {"ci":"site","host":"web-1","version_from":"1.4","version_to":"1.5"},
        {"ci":"db","version_from":"1","version_to":"2"}]})");
    app::BackupProof proof;
    proof.restored = true;
    proof.content_digest = sha256("x");
    proof.point = "vault-6";
    proof.host = "stage-1";
    proof.point_at = clock.now() - 2h;
    proof.files = 2;
    proof.bytes = 5;
    backup_answers("vault", proof);
    proof.point = "dumps-7";
    proof.host.clear();
    proof.ci = CiId("db");
    backup_answers("dumps", proof);
    does("verify_backup");
    carry_out("backup", carry_out_backup);
    const auto backup = change().backup;
    ASSERT_TRUE(backup.has_value());
    EXPECT_TRUE(backup->tested);
    EXPECT_EQ(backup->verdict, domain::BackupVerdict::verified);
    ASSERT_EQ(backup->proofs.size(), 2U);
    EXPECT_EQ(backup->proofs[0].point, "vault-7");
    EXPECT_EQ(backup->proofs[0].restored_point, "vault-6") << "not as it was asked for";
    EXPECT_EQ(backup->proofs[0].point_host, "stage-1");
    EXPECT_TRUE(backup->proofs[0].point_at.has_value());
    EXPECT_EQ(backup->proofs[0].files, 2);
    EXPECT_EQ(backup->proofs[0].bytes, 5);
    EXPECT_EQ(backup->proofs[1].source, "dumps") << "the item's own connector";
    EXPECT_EQ(backup->proofs[1].host, "web-1") << "the CMDB knows it";
    EXPECT_EQ(backup->proofs[1].point_ci, CiId("db"));
}

TEST_F(ConnectorTasks, a_green_job_without_a_restore_is_not_verified) {
    does("describe", R"({"summary":"site 1.4 -> 1.5 on web-1","cis":[
        {"ci":"site","host":"web-1","version_from":"1.4","version_to":"1.5"}]})");
    backup_answers("vault", {});
    does("verify_backup");
    carry_out("backup", carry_out_backup);
    EXPECT_EQ(change().backup->verdict, domain::BackupVerdict::not_verified);
    EXPECT_THAT(change().backup->reason, HasSubstr("did not come out whole"));
}

TEST_F(ConnectorTasks, a_connector_that_failed_is_on_the_record_of_its_item) {
    does("describe", R"({"summary":"site 1.4 -> 1.5 on web-1","cis":[
        {"ci":"site","host":"web-1","version_from":"1.4","version_to":"1.5"},
        {"ci":"db","version_from":"1","version_to":"2"}]})");
    app::BackupProof good;
    good.restored = true;
    backup_answers("vault", good);
    connectors.fail_with<app::BackupCheck>(
        "dumps", Error{ErrorCode::unavailable, "pg_restore refused"}
    );
    does("verify_backup");
    carry_out("backup", carry_out_backup);
    const auto backup = change().backup;
    ASSERT_TRUE(backup.has_value());
    EXPECT_EQ(backup->verdict, domain::BackupVerdict::not_verified);
    ASSERT_EQ(backup->proofs.size(), 2U);
    EXPECT_TRUE(backup->proofs[0].restored);
    EXPECT_EQ(backup->proofs[1].source, "dumps");
    EXPECT_FALSE(backup->proofs[1].restored);
    EXPECT_THAT(backup->proofs[1].detail, HasSubstr("pg_restore refused"));
}

TEST_F(ConnectorTasks, a_fault_of_one_item_that_passes_does_not_restore_the_others_again) {
    does("describe", R"({"summary":"site 1.4 -> 1.5 on web-1","cis":[
        {"ci":"site","host":"web-1","version_from":"1.4","version_to":"1.5"},
        {"ci":"db","version_from":"1","version_to":"2"}]})");
    app::BackupProof good;
    good.restored = true;
    Error busy{ErrorCode::unavailable, "pg_restore is busy"};
    busy.retry_after_ms = 1;
    connectors.fail_with<app::BackupCheck>("dumps", busy);
    backup_answers("vault", good);
    backup_answers("dumps", good);
    does("verify_backup");
    carry_out("backup", carry_out_backup, false);
    EXPECT_EQ(change().backup->verdict, domain::BackupVerdict::verified);
    std::map<std::string, int> calls;
    for (const auto& call : connectors.calls())
        ++calls[call.connector];
    EXPECT_EQ(calls["vault"], 2) << "one look, one restore";
    EXPECT_EQ(calls["dumps"], 3);
}

TEST_F(ConnectorTasks, a_snapshot_is_read_back_as_it_was_asked_for) {
    const auto taken = take(ours, [](auto&) {});
    EXPECT_EQ(taken.state, SnapshotState::taken);
    EXPECT_TRUE(taken.read_back) << taken.detail;
    EXPECT_EQ(taken.first_size_bytes, 100U);
}

TEST_F(ConnectorTasks, an_older_snapshot_is_not_taken_for_the_new_one) {
    const auto taken = take(ours, [](auto& read) { *read.expires -= 1h; });
    EXPECT_FALSE(taken.read_back);
    EXPECT_THAT(taken.detail, HasSubstr("its end is"));
}

TEST_F(ConnectorTasks, a_snapshot_of_another_host_is_no_way_back) {
    const auto taken = take(ours, [](auto& read) { read.host = "web-2"; });
    EXPECT_FALSE(taken.read_back);
    EXPECT_THAT(taken.detail, HasSubstr("web-2"));
}

TEST_F(ConnectorTasks, what_carries_no_tag_of_ours_never_comes_onto_the_record_as_ours) {
    const auto taken = take(ours, [](auto& read) { read.tag = "nightly"; });
    EXPECT_EQ(taken.state, SnapshotState::failed);
    EXPECT_TRUE(taken.id.empty()) << "so nothing is ever removed by this id";
    EXPECT_THAT(taken.detail, HasSubstr("nightly"));
}

TEST_F(ConnectorTasks, going_back_names_the_tag_that_the_snapshot_must_carry) {
    ask_for_revert();
    connectors.answer<app::SnapshotRevert>("snap", {true, "done"});
    carry_out("snapshot_revert", carry_out_snapshot_revert);
    EXPECT_EQ(text_or_empty(connectors.calls().back().input, "tag"), "CHG-1");
    EXPECT_EQ(change().snapshots.back().state, SnapshotState::reverted);
}

TEST_F(ConnectorTasks, what_was_asked_for_earlier_is_not_gone_back_to_any_more) {
    for (const auto& taken_back : std::vector<std::function<void(domain::Change&)>>{
             [](auto& to_be) { to_be.snapshots.back().revert_asked_at.reset(); },
             [](auto& to_be) { *to_be.snapshots.back().revert_asked_at += 1s; },
             [&](auto& to_be) {
                 domain::Run run;
                 run.id = RunId("run-1");
                 run.purpose = domain::RunPurpose::rollback;
                 run.started_at = clock.now() + 1s;
                 to_be.runs.push_back(run);
             }}) {
        ask_for_revert();
        auto to_be = change();
        taken_back(to_be);
        bring(to_be);
        const auto calls = connectors.calls().size();
        carry_out("snapshot_revert", carry_out_snapshot_revert);
        EXPECT_EQ(connectors.calls().size(), calls);
        EXPECT_EQ(change().snapshots.back().state, SnapshotState::taken);
    }
}

TEST_F(ConnectorTasks, a_call_that_reaches_nobody_is_on_the_record_and_one_that_does_is_not) {
    put("person", "otto", R"({"name":"Otto","roles":["engineer"],"email":"otto@example.org"})");
    const auto last_event = [&] {
        const app::StreamKey key{system.tenant, "change", "CHG-1"};
        return store->events_of(key, 0, 100)->back().type;
    };
    auto call = call_of_otto("CHG-1: run-1 stopped at one");
    const auto page = [&] {
        ask_for(call);
        carry_out("page", carry_out_page);
    };
    connectors.answer<app::OncallPage>("pager", {true, "m-1", ""});
    page();
    EXPECT_NE(last_event(), "call_failed");
    connectors.fail_with<app::OncallPage>("pager", Error{ErrorCode::unavailable, "no route"});
    page(); // uses up the answer of before
    page();
    EXPECT_EQ(last_event(), "call_failed");
}

TEST_F(ConnectorTasks, who_has_left_is_not_reached_whatever_his_mailbox_takes) {
    put("person", "otto",
        R"({"name":"Otto","roles":["engineer"],"email":"otto@example.org","inactive":true})");
    connectors.answer<app::OncallPage>("pager", {true, "m-1", ""});
    ask_for(call_of_otto("CHG-1: run-1 stopped at one"));
    carry_out("page", carry_out_page);
    EXPECT_TRUE(connectors.calls().empty());
    const auto events = store->events_of({system.tenant, "change", "CHG-1"}, 0, 100);
    EXPECT_EQ(events->back().type, "call_failed");
}

TEST_F(ConnectorTasks, that_a_change_is_called_off_is_told_when_it_is_over) {
    put("connector", "mailer", R"({"manifest":"files"})");
    put("channel", "mail", R"({"name":"Customers","connector":"mailer"})");
    does(
        "schedule", R"({"start":"2035-03-06T10:00","end":"2035-03-06T12:00","zone":"Europe/Oslo"})"
    );
    connectors.answer<app::NoticeSend>("mailer", {true, "m-1", ""});
    does("send_notice", R"({"kind":"maintenance"})");
    carry_out("notice", carry_out_notice);
    does("cancel", R"({"reason":"not needed"})");
    does("send_notice", R"({"kind":"cancelled"})");
    carry_out("notice", carry_out_notice);
    const auto notices = change().notices;
    ASSERT_EQ(notices.size(), 2U);
    EXPECT_EQ(notices.back().deliveries.at(0).state, domain::DeliveryState::delivered);
}

// The provider is not there for minutes: until it was tried to the end would be past abort-by.
TEST_F(ConnectorTasks, the_next_is_told_of_while_an_urgent_call_is_still_tried) {
    put("person", "otto", R"({"name":"Otto","roles":["engineer"],"email":"otto@example.org"})");
    auto call = call_of_otto("CHG-1: run-1 is past abort-by");
    call.urgent = true;
    ask_for(call);
    connectors.fail_with<app::OncallPage>("pager", Error{ErrorCode::unavailable, "no route"});
    const app::StreamKey key{system.tenant, "change", "CHG-1"};
    Time when = clock.now();
    const auto attempt = [&] {
        const auto tasks = store->claim_tasks("a", when, when + 60s, 2);
        when += 61s;
        EXPECT_TRUE(tasks.has_value() && tasks->size() == 1U);
        const WorkerParts parts{
            .door = *door, .connectors = connectors, .runner = runner, .server = "a", .live = live};
        return carry_out_page({parts, tasks->front(), {}, false});
    };
    for (const int told : {0, 1, 1}) {
        EXPECT_FALSE(attempt().has_value());
        const auto events = store->events_of(key, 0, 100);
        EXPECT_EQ(
            std::count_if(
                events->begin(), events->end(),
                [](const auto& event) { return event.type == "call_failed"; }
            ),
            told
        );
    }
    connectors.answer<app::OncallPage>("pager", {true, "m-1", ""});
    EXPECT_FALSE(attempt().has_value()); // uses up the answer of before
    EXPECT_TRUE(attempt().has_value());
}

TEST_F(ConnectorTasks, a_reminder_of_a_window_that_was_moved_is_not_sent) {
    put("person", "otto", R"({"name":"Otto","roles":["engineer"],"email":"otto@example.org"})");
    connectors.answer<app::OncallPage>("pager", {true, "m-1", ""});
    auto to_be = change();
    to_be.window = domain::ChangeWindow{};
    to_be.window->start = clock.now() + 24h;
    bring(to_be);
    auto call = call_of_otto("CHG-1: overdue: Take snapshots of production");
    for (const auto moved : {1h, 0h}) {
        call.window_start = to_be.window->start + moved;
        ask_for(call);
        const auto calls = connectors.calls().size();
        carry_out("page", carry_out_page);
        EXPECT_EQ(connectors.calls().size(), calls + (moved == 0h ? 1 : 0));
    }
}

TEST_F(ConnectorTasks, a_revert_that_was_taken_back_while_it_failed_leaves_the_snapshot_as_it_is) {
    ask_for_revert();
    connectors.fail_with<app::SnapshotRevert>("snap", Error{ErrorCode::conflict, "newer ones"});
    connectors.at_call([&] {
        auto to_be = change();
        to_be.snapshots.back().revert_asked_at.reset();
        bring(to_be);
    });
    carry_out("snapshot_revert", carry_out_snapshot_revert);
    EXPECT_TRUE(change().snapshots.back().read_back);
}

} // namespace

} // namespace slipway::worker
