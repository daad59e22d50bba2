// SPDX-License-Identifier: Apache-2.0
// Tasks, bearers, credentials, answers and settings: what servers and people rely on to happen
// once.
#include <atomic>
#include <chrono>
#include <semaphore>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "contract/contract.hpp"

namespace slipway::contract {

using TaskContract = StoreContract;
using testing::IsEmpty;
using testing::SizeIs;

namespace {

app::Commit with_tasks(int count, Time not_before) {
    app::Commit commit;
    for (int i = 0; i < count; ++i)
        commit.tasks.push_back({"notice", acme, "CHG-1", fmt::format("{{\"n\":{}}}", i), not_before}
        );
    return commit;
}

const app::TaskQuery of_change{.tenant = acme, .change = "CHG-1"};

app::Commit ending(const app::StoredTask& task) {
    app::Commit commit;
    commit.task_end = app::TaskEnd{task.id, task.lease};
    return commit;
}

} // namespace

// A smoke test is asked for without an entry in the ledger; the worker is to begin at once.
TEST_P(TaskContract, what_only_asks_for_work_is_announced_too) {
    std::counting_semaphore<> announced(0);
    store().on_committed([&](std::uint64_t) { announced.release(); });
    must(store().commit(with_tasks(1, at(10))));
    EXPECT_TRUE(announced.try_acquire_for(std::chrono::seconds(20)));
    store().on_committed({});
}

TEST_P(TaskContract, two_servers_claim_each_task_once) {
    must(store().commit(with_tasks(60, at(10))));
    // SQLite has one server; two threads stand for its workers there.
    const auto second = is_sqlite() ? nullptr : open();
    std::mutex mutex;
    std::multiset<std::string> claimed;
    std::vector<std::thread> servers;
    for (int s = 0; s < 2; ++s)
        servers.emplace_back([&, s] {
            auto& mine = s == 1 && second ? *second : store();
            for (int i = 0; i < 40; ++i)
                for (const auto& task :
                     must(mine.claim_tasks(fmt::format("server-{}", s), at(10), at(1000), 3))) {
                    const std::lock_guard lock(mutex);
                    claimed.insert(task.id.value);
                }
        });
    for (auto& server : servers)
        server.join();
    EXPECT_EQ(claimed.size(), 60U);
    EXPECT_EQ(std::set<std::string>(claimed.begin(), claimed.end()).size(), 60U);
}

TEST_P(TaskContract, a_task_waits_for_its_time_and_ends_with_its_commit) {
    must(store().commit(with_tasks(1, at(10))));
    EXPECT_THAT(must(store().claim_tasks("a", at(9), at(50), 10)), IsEmpty());
    const auto tasks = must(store().claim_tasks("a", at(10), at(50), 10));
    ASSERT_THAT(tasks, SizeIs(1));
    EXPECT_EQ(tasks[0].attempts, 1);
    EXPECT_EQ(tasks[0].payload, R"({"n":0})");
    auto commit = ending(tasks[0]);
    commit.writes.push_back(write_of(key_of("result"), 0));
    must(store().commit(commit));
    EXPECT_THAT(must(store().list_tasks(of_change)), IsEmpty());
    commit.writes = {write_of(key_of("result"), 1)};
    EXPECT_EQ(code_of(store().commit(commit)), ErrorCode::conflict) << "it has ended";
}

TEST_P(TaskContract, a_lost_lease_refuses_the_whole_commit) {
    must(store().commit(with_tasks(1, at(0))));
    const auto first = must(store().claim_tasks("a", at(0), at(50), 10)).at(0);
    const auto second = must(store().claim_tasks("b", at(50), at(90), 10)).at(0);
    EXPECT_EQ(second.id, first.id);
    EXPECT_EQ(second.attempts, 2);
    auto late = ending(first);
    late.writes.push_back(write_of(key_of("late"), 0));
    late.tasks = with_tasks(1, at(0)).tasks;
    EXPECT_EQ(code_of(store().commit(late)), ErrorCode::conflict);
    EXPECT_EQ(code_of(store().load(key_of("late"))), ErrorCode::not_found);
    EXPECT_EQ(code_of(store().extend_lease(*late.task_end, at(99))), ErrorCode::conflict);
    EXPECT_EQ(code_of(store().fail_task(*late.task_end, "x", at(99))), ErrorCode::conflict);
    EXPECT_THAT(must(store().list_tasks(of_change)), SizeIs(1));
    must(store().extend_lease({second.id, second.lease}, at(500)));
    EXPECT_THAT(must(store().claim_tasks("a", at(499), at(600), 10)), IsEmpty());
    must(store().commit(ending(second)));
    app::Commit made_up;
    made_up.task_end = app::TaskEnd{TaskId("1 or 1=1"), ""};
    EXPECT_EQ(code_of(store().commit(made_up)), ErrorCode::conflict);
}

TEST_P(TaskContract, a_lost_lease_is_told_apart_from_a_stream_that_has_moved_on) {
    must(store().commit(with_tasks(1, at(0))));
    const auto task = must(store().claim_tasks("a", at(0), at(50), 1)).at(0);
    auto commit = ending(task);
    commit.writes.push_back(write_of(key_of("result"), 7));
    auto refused = store().commit(commit);
    EXPECT_EQ(code_of(refused), ErrorCode::conflict);
    EXPECT_FALSE(app::is_lease_lost(refused.error()));
    must(store().claim_tasks("b", at(50), at(90), 1));
    refused = store().commit(commit);
    ASSERT_FALSE(refused);
    EXPECT_TRUE(app::is_lease_lost(refused.error()));
    const auto late = store().extend_lease(*commit.task_end, at(99));
    ASSERT_FALSE(late);
    EXPECT_TRUE(app::is_lease_lost(late.error()));
}

TEST_P(TaskContract, a_run_waits_while_another_of_its_change_is_in_hand) {
    const auto other = is_sqlite() ? nullptr : open(); // SQLite has one server
    auto& theirs = other ? *other : store();
    app::Commit commit;
    const auto ask = [&](const char* kind, const TenantId& tenant, const char* change) {
        commit.tasks.push_back({kind, tenant, change, "{}", at(0)});
    };
    ask("run", acme, "CHG-1");
    ask("run", acme, "CHG-1"); // the rollback, when the first was aborted
    ask("notice", acme, "CHG-1");
    ask("run", acme, "CHG-2");
    ask("run", zeta, "CHG-1");
    must(store().commit(std::move(commit)));
    const auto mine = must(store().claim_tasks("a", at(0), at(50), 10));
    ASSERT_THAT(mine, SizeIs(4)) << "even in one claim";
    EXPECT_EQ(mine[1].kind, "notice");
    EXPECT_THAT(must(theirs.claim_tasks("b", at(49), at(90), 10)), IsEmpty());
    must(store().extend_lease({mine[0].id, mine[0].lease}, at(70)));
    for (std::size_t i = 1; i < mine.size(); ++i)
        must(store().commit(ending(mine[i])));
    EXPECT_THAT(must(theirs.claim_tasks("b", at(69), at(90), 10)), IsEmpty());
    must(store().commit(ending(mine[0])));
    ASSERT_THAT(must(theirs.claim_tasks("b", at(69), at(90), 10)), SizeIs(1));
}

TEST_P(TaskContract, a_run_waits_for_nobody_whose_lease_has_ended_or_who_gave_up) {
    app::Commit commit;
    for (int i = 0; i < 3; ++i)
        commit.tasks.push_back({"run", acme, "CHG-1", "{}", at(0)});
    must(store().commit(std::move(commit)));
    const auto dead = must(store().claim_tasks("a", at(0), at(50), 1)).at(0);
    must(store().fail_task({dead.id, dead.lease}, "no such runbook", {}));
    const auto lost = must(store().claim_tasks("a", at(0), at(50), 1)).at(0);
    EXPECT_NE(lost.id, dead.id);
    const auto next = must(store().claim_tasks("b", at(50), at(90), 10));
    ASSERT_THAT(next, SizeIs(1));
    EXPECT_NE(next[0].id, lost.id) << "what was due first";
}

TEST_P(TaskContract, a_revert_waits_for_the_run_that_it_aborted) {
    app::Commit commit;
    for (const auto* kind : {"run", "snapshot_revert", "snapshot_revert"})
        commit.tasks.push_back({kind, acme, "CHG-1", "{}", at(0)});
    must(store().commit(std::move(commit)));
    const auto run = must(store().claim_tasks("a", at(0), at(50), 10));
    ASSERT_THAT(run, SizeIs(1));
    EXPECT_EQ(run[0].kind, "run");
    must(store().commit(ending(run[0])));
    EXPECT_THAT(must(store().claim_tasks("a", at(0), at(50), 10)), SizeIs(2));
}

TEST_P(TaskContract, a_run_waits_while_a_snapshot_of_its_change_is_reverted_to) {
    app::Commit commit;
    for (const auto* kind : {"snapshot_revert", "run", "snapshot_revert"})
        commit.tasks.push_back({kind, acme, "CHG-1", "{}", at(0)});
    commit.tasks.push_back({"run", acme, "CHG-2", "{}", at(0)});
    must(store().commit(std::move(commit)));
    const auto first = must(store().claim_tasks("a", at(0), at(90), 10));
    ASSERT_THAT(first, SizeIs(3)) << "both reverts, and the other change's run";
    EXPECT_EQ(first[1].kind, "snapshot_revert");
    must(store().commit(ending(first[0])));
    EXPECT_THAT(must(store().claim_tasks("b", at(49), at(90), 10)), IsEmpty());
    // While the other one rests between two attempts, the run goes first.
    must(store().fail_task({first[1].id, first[1].lease}, "later", at(60)));
    const auto run = must(store().claim_tasks("b", at(49), at(90), 10));
    ASSERT_THAT(run, SizeIs(1));
    EXPECT_EQ(run[0].kind, "run");
    EXPECT_THAT(must(store().claim_tasks("b", at(60), at(90), 10)), IsEmpty());
}

TEST_P(TaskContract, a_failed_task_is_tried_again_until_it_is_dead) {
    begin_ledger();
    must(store().commit(with_tasks(1, at(0))));
    auto task = must(store().claim_tasks("a", at(0), at(50), 10)).at(0);
    must(store().fail_task({task.id, task.lease}, "no route", at(200)));
    EXPECT_THAT(must(store().claim_tasks("a", at(199), at(250), 10)), IsEmpty());
    task = must(store().claim_tasks("a", at(200), at(250), 10)).at(0);
    EXPECT_EQ(task.last_error, "no route");
    must(store().fail_task({task.id, task.lease}, "still none", std::nullopt));
    EXPECT_THAT(must(store().claim_tasks("a", at(100'000), at(100'001), 10)), IsEmpty());
    EXPECT_THAT(must(store().list_tasks(of_change)), SizeIs(1));
    sign();
    const auto findings = must(store::doctor(place()));
    ASSERT_THAT(findings, SizeIs(1));
    EXPECT_EQ(findings[0].check, "tasks");
    EXPECT_THAT(findings[0].message, testing::HasSubstr("still none"));
}

TEST_P(TaskContract, what_is_put_off_has_not_been_attempted) {
    must(store().commit(with_tasks(1, at(0))));
    auto task = must(store().claim_tasks("a", at(0), at(50), 10)).at(0);
    must(store().put_off_task({task.id, task.lease}, at(20)));
    EXPECT_EQ(code_of(store().put_off_task({task.id, task.lease}, at(30))), ErrorCode::conflict);
    EXPECT_THAT(must(store().claim_tasks("a", at(19), at(60), 10)), IsEmpty());
    task = must(store().claim_tasks("a", at(20), at(60), 10)).at(0);
    EXPECT_EQ(task.attempts, 1);
    EXPECT_EQ(task.last_error, "");
}

TEST_P(TaskContract, a_dead_task_is_found_and_tried_once_more) {
    must(store().commit(with_tasks(3, at(0))));
    const auto task = must(store().claim_tasks("a", at(0), at(50), 1)).at(0);
    const auto with = [](std::uint64_t version) {
        return commit_of(write_of(key_of("1", "task"), version));
    };
    EXPECT_EQ(code_of(store().revive_task(acme, task.id, with(0))), ErrorCode::conflict);
    must(store().fail_task({task.id, task.lease}, "no route", std::nullopt));
    app::TaskQuery dead{.tenant = acme, .only_dead = true};
    const auto found = must(store().list_tasks(dead));
    ASSERT_THAT(found, SizeIs(1));
    EXPECT_EQ(found[0].id, task.id);
    EXPECT_TRUE(found[0].dead);
    EXPECT_EQ(found[0].last_error, "no route");
    dead.tenant = zeta;
    EXPECT_THAT(must(store().list_tasks(dead)), IsEmpty());
    EXPECT_EQ(code_of(store().revive_task(zeta, task.id, {})), ErrorCode::not_found);
    EXPECT_EQ(code_of(store().revive_task(acme, TaskId("x"), {})), ErrorCode::not_found);
    EXPECT_EQ(code_of(store().revive_task(acme, task.id, with(7))), ErrorCode::conflict);
    EXPECT_EQ(code_of(store().load(key_of("1", "task"))), ErrorCode::not_found);
    must(store().revive_task(acme, task.id, with(0)));
    EXPECT_EQ(must(store().load(key_of("1", "task"))).version, 1U);
    EXPECT_EQ(code_of(store().revive_task(acme, task.id, with(1))), ErrorCode::conflict);
    const auto again = must(store().claim_tasks("a", at(60), at(90), 1)).at(0);
    EXPECT_EQ(again.id, task.id);
    EXPECT_EQ(again.attempts, 2);
    EXPECT_NE(again.lease, task.lease);
}

TEST_P(TaskContract, tasks_are_listed_in_pages) {
    must(store().commit(with_tasks(5, at(7))));
    app::TaskQuery query{.tenant = acme, .limit = 2};
    std::vector<std::string> payloads;
    for (;;) {
        const auto page = must(store().list_tasks(query));
        for (const auto& task : page) {
            payloads.push_back(task.payload);
            EXPECT_EQ(task.due_at, at(7));
            EXPECT_FALSE(task.dead);
        }
        if (page.size() < query.limit)
            break;
        query.after = page.back().id;
    }
    EXPECT_THAT(
        payloads,
        testing::ElementsAre(R"({"n":0})", R"({"n":1})", R"({"n":2})", R"({"n":3})", R"({"n":4})")
    );
    query = {.tenant = acme, .id = must(store().list_tasks(of_change)).at(3).id};
    ASSERT_THAT(must(store().list_tasks(query)), SizeIs(1));
    EXPECT_EQ(must(store().list_tasks(query))[0].payload, R"({"n":3})");
}

TEST_P(TaskContract, kinds_for_which_there_is_no_room_stay_where_they_are) {
    app::Commit commit;
    for (const auto* kind : {"smoke", "backup", "run"})
        commit.tasks.push_back({kind, acme, "CHG-1", "{}", at(0)});
    must(store().commit(std::move(commit)));
    const auto claimed = must(store().claim_tasks("a", at(0), at(50), 10, {"smoke", "backup"}));
    ASSERT_THAT(claimed, SizeIs(1));
    EXPECT_EQ(claimed[0].kind, "run");
    EXPECT_THAT(must(store().claim_tasks("a", at(0), at(50), 10, {"smoke", "backup"})), IsEmpty());
    const auto later = must(store().claim_tasks("a", at(0), at(50), 10, {"smoke"}));
    ASSERT_THAT(later, SizeIs(1));
    EXPECT_EQ(later[0].kind, "backup");
    EXPECT_EQ(later[0].attempts, 1);
    EXPECT_THAT(
        must(store().list_tasks({.tenant = acme, .change = "CHG-1", .kind = "smoke"})), SizeIs(1)
    );
}

TEST_P(TaskContract, what_was_decided_before_another_task_was_asked_for_is_refused) {
    must(store().commit(with_tasks(1, at(0))));
    auto held = with_tasks(1, at(0));
    held.tasks_held = app::TasksHeld{acme, "CHG-1", {}};
    EXPECT_EQ(store().commit(held).error().code, ErrorCode::conflict);
    held.tasks_held->newest = must(store().list_tasks(of_change)).back().id;
    must(store().commit(held));
    EXPECT_EQ(store().commit(held).error().code, ErrorCode::conflict);
    held.tasks_held->change = "CHG-2"; // of which there is none
    must(store().commit(held));
    EXPECT_THAT(must(store().list_tasks(of_change)), SizeIs(3));
}

TEST_P(TaskContract, a_task_that_was_given_up_holds_nobody) {
    must(store().commit(with_tasks(1, at(0))));
    const auto task = must(store().claim_tasks("a", at(0), at(50), 1)).at(0);
    must(store().fail_task({task.id, task.lease}, "no route", {}));
    app::Commit held;
    held.tasks_held = app::TasksHeld{acme, "CHG-1", {}};
    must(store().commit(held));
}

TEST_P(TaskContract, an_idempotency_key_answers_once) {
    app::KeptAnswer answer{acme, PersonId("ann"), "key-1", sha256("req"), 201,
                           "{}", "\"1\"",         at(5)};
    auto commit = commit_of(write_of(key_of("web"), 0));
    commit.answer = answer;
    must(store().commit(commit));
    const auto kept = must(store().find_answer(acme, PersonId("ann"), "key-1"));
    ASSERT_TRUE(kept);
    EXPECT_EQ(kept->request, sha256("req"));
    EXPECT_EQ(kept->status, 201);
    EXPECT_EQ(kept->etag, "\"1\"");
    commit.writes = {write_of(key_of("web"), 1)};
    EXPECT_EQ(code_of(store().commit(commit)), ErrorCode::conflict);
    EXPECT_EQ(must(store().load(key_of("web"))).version, 1U);
    EXPECT_FALSE(must(store().find_answer(acme, PersonId("bob"), "key-1")));
    EXPECT_FALSE(must(store().find_answer(zeta, PersonId("ann"), "key-1")));
    must(store().sweep(at(10), at(5)));
    EXPECT_TRUE(must(store().find_answer(acme, PersonId("ann"), "key-1")));
    must(store().sweep(at(10), at(6)));
    EXPECT_FALSE(must(store().find_answer(acme, PersonId("ann"), "key-1")));
}

TEST_P(TaskContract, bearers_and_credentials_are_kept_and_swept) {
    app::Bearer token{sha256("secret"),  acme, PersonId("ann"), "tok-1", "token",
                      {"read", "write"}, "ci", at(1),           at(100)};
    auto session = token;
    session.digest = sha256("other");
    session.id = "ses-1";
    session.scopes.clear();
    session.expires_at = at(50);
    app::Commit commit;
    commit.put_bearers = {token, session};
    commit.put_credentials = {{acme, PersonId("ann"), "$argon2id$", 0, std::nullopt}};
    must(store().commit(commit));
    EXPECT_FALSE(must(store().find_bearer(sha256("unknown"))));
    const auto found = must(store().find_bearer(sha256("secret")));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->scopes, token.scopes);
    EXPECT_EQ(found->expires_at, at(100));
    EXPECT_THAT(must(store().list_bearers(acme, PersonId("ann"))), SizeIs(2));
    EXPECT_THAT(must(store().list_bearers(zeta, PersonId("ann"))), IsEmpty());
    must(store().sweep(at(50), at(0)));
    EXPECT_FALSE(must(store().find_bearer(sha256("other"))));
    app::Commit drop;
    drop.drop_bearers = {sha256("secret")};
    must(store().commit(drop));
    EXPECT_FALSE(must(store().find_bearer(sha256("secret"))));
    app::Commit password;
    password.put_credentials.push_back({acme, PersonId("ann"), "$argon2id$", 3, at(9)});
    must(store().commit(password));
    const auto credential = must(store().find_credential(acme, PersonId("ann")));
    ASSERT_TRUE(credential);
    EXPECT_EQ(credential->failures, 3);
    EXPECT_EQ(credential->locked_until, at(9));
    EXPECT_FALSE(must(store().find_credential(zeta, PersonId("ann"))));
}

TEST_P(TaskContract, what_was_decided_on_another_password_is_refused) {
    app::Commit first;
    first.put_credentials.push_back({acme, PersonId("ann"), "old", 0, {}});
    must(store().commit(first));
    app::Commit reset;
    reset.put_credentials.push_back({acme, PersonId("ann"), "new", 0, {}});
    reset.password_held = app::PasswordHeld{acme, PersonId("ann"), "old"};
    must(store().commit(reset));
    app::Commit late;
    late.put_credentials.push_back({acme, PersonId("ann"), "old", 1, {}});
    late.password_held = app::PasswordHeld{acme, PersonId("ann"), "old"};
    EXPECT_EQ(store().commit(late).error().code, ErrorCode::conflict);
    EXPECT_EQ(must(store().find_credential(acme, PersonId("ann")))->password_hash, "new");
}

TEST_P(TaskContract, a_code_that_is_gone_lets_nothing_through) {
    app::Commit used;
    used.bearer_held = sha256("a code that was used");
    used.put_credentials.push_back({acme, PersonId("ann"), "hash", 0, {}});
    EXPECT_EQ(store().commit(used).error().code, ErrorCode::conflict);
    EXPECT_FALSE(must(store().find_credential(acme, PersonId("ann"))));
}

TEST_P(TaskContract, a_task_that_is_only_held_stays) {
    app::Commit asks;
    asks.tasks.push_back({"run", acme, "CHG-1", "{}", at(0)});
    must(store().commit(asks));
    const auto task = must(store().claim_tasks("a", at(1), at(60), 1)).at(0);
    app::Commit told;
    told.task_end = app::TaskEnd{task.id, task.lease, false};
    must(store().commit(told));
    EXPECT_THAT(must(store().list_tasks(of_change)), SizeIs(1));
    must(store().claim_tasks("b", at(61), at(120), 1));
    EXPECT_EQ(store().commit(told).error().code, ErrorCode::conflict);
}

TEST_P(TaskContract, a_setting_is_the_last_that_was_put) {
    EXPECT_FALSE(must(store().setting("mode")));
    must(store().put_setting("mode", "sandbox"));
    must(store().put_setting("mode", "production"));
    EXPECT_EQ(must(store().setting("mode")), "production");
}

TEST_P(TaskContract, leases_follow_a_clock_that_all_servers_share) {
    const auto other = is_sqlite() ? nullptr : open();
    if (is_sqlite()) {
        EXPECT_EQ(must(store().lease_clock(at(5))), at(5));
        return;
    }
    // Whatever a server's own clock says.
    const auto here = must(store().lease_clock(at(5)));
    const auto there = must(other->lease_clock(at(9'000'000'000'000)));
    EXPECT_GE(there, here);
    EXPECT_LT(there, here + std::chrono::minutes(10));
}

CONTRACT(TaskContract);

} // namespace slipway::contract
