// SPDX-License-Identifier: Apache-2.0
// The real door on a private SQLite store: answers that are told later, registers that follow what
// is written beside a command, and what others write between a decision and its commit.
#include <fstream>
#include <latch>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/change_summary.hpp"
#include "app/tenant_records.hpp"
#include "domain/calendar/zone.hpp"
#include "domain/change/testing/scenario.hpp"

#include "brought.hpp"
#include "door_fixture.hpp"

namespace slipway::app {

namespace {

TEST_F(DoorTest, an_answer_that_is_told_later_is_the_same_and_durable) {
    ASSERT_TRUE(does("open", R"({"title":"Harbor site 1.5"})"));
    const auto told = later(asked("comment", R"({"text":"hello"})"));
    ASSERT_TRUE(told && told->has_value());
    EXPECT_EQ((**told).version, store->load({main, "change", "CHG-1"})->version);
    EXPECT_NE((**told).body.find("\"commented\""), std::string::npos);
    const auto refused = later(asked("comment", R"({"text":""})"));
    ASSERT_TRUE(refused && !refused->has_value());
    EXPECT_EQ(refused->error().code, ErrorCode::invalid_input);
    const auto unknown = later(asked("no_such_command", "{}"));
    ASSERT_TRUE(unknown && !unknown->has_value());
    EXPECT_EQ(unknown->error().code, ErrorCode::not_found);
}

TEST_F(DoorTest, a_history_begins_at_either_end) {
    ASSERT_TRUE(does("open", R"({"title":"Harbor site 1.5"})"));
    for (const auto* text : {"one", "two", "three"})
        ASSERT_TRUE(does("comment", fmt::format(R"({{"text":"{}"}})", text)));
    const auto last = store->load({main, "change", "CHG-1"})->version;
    const auto versions = [&](HistoryOrder order, std::uint64_t cursor, std::size_t limit) {
        std::vector<std::uint64_t> out;
        const auto page = door->history(ina, "CHG-1", order, cursor, limit);
        for (const auto& event : *page)
            out.push_back(event.version);
        return out;
    };
    using Versions = std::vector<std::uint64_t>;
    EXPECT_EQ(versions(HistoryOrder::oldest, 0, 2), (Versions{1, 2}));
    EXPECT_EQ(versions(HistoryOrder::newest, 0, 2), (Versions{last, last - 1}));
    EXPECT_EQ(versions(HistoryOrder::newest, 3, 5), (Versions{2, 1}));
    EXPECT_EQ(versions(HistoryOrder::newest, 1, 5), Versions{});
    EXPECT_EQ(versions(HistoryOrder::newest, last + 9, 1), Versions{last});
}

TEST_F(DoorTest, a_condition_that_fails_is_the_fault_of_its_workflow) {
    const auto refused = open_with_condition("error(.risk)");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::blocked) << "not the caller's mistake";
    const auto& reason = refused.error().reasons.at(0);
    EXPECT_EQ(reason.field, "steps.a.when");
    EXPECT_EQ(reason.evidence, "release version 7: error(.risk)");
    EXPECT_NE(reason.remedy, "");
}

TEST_F(DoorTest, a_condition_that_takes_too_long_refuses_nothing_for_good) {
    const auto late = open_with_condition("def f: f; f");
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, ErrorCode::unavailable) << "the machine may be busy: try again";
    EXPECT_GT(late.error().retry_after_ms, 0);
    EXPECT_THAT(late.error().message, testing::HasSubstr("its step a applies"));
}

TEST_F(DoorTest, one_key_is_one_command_however_it_is_answered) {
    ASSERT_TRUE(does("open", R"({"title":"Harbor site 1.5"})"));
    auto request = asked("comment", R"({"text":"once"})");
    request.idempotency = IdempotencyKey{"k-1", sha256("body")};
    const auto first = later(request);
    ASSERT_TRUE(first && first->has_value());
    const auto again = later(request);
    ASSERT_TRUE(again && again->has_value());
    EXPECT_TRUE((**again).replayed);
    EXPECT_EQ((**again).version, (**first).version);
    EXPECT_EQ((**again).body, (**first).body);
}

TEST_F(DoorTest, what_is_sent_twice_at_the_same_moment_is_answered_twice) {
    ASSERT_TRUE(does("open", R"({"title":"Harbor site 1.5"})"));
    for (std::uint64_t round = 1; round <= 20; ++round) {
        auto request = asked("comment", R"({"text":"once"})");
        request.if_version = round;
        request.idempotency = IdempotencyKey{fmt::format("k-{}", round), sha256("body")};
        std::latch together(2);
        std::vector<Result<Answer>> answers(2, fail(ErrorCode::internal, ""));
        std::vector<std::thread> threads;
        for (auto& answer : answers)
            threads.emplace_back([&] {
                together.arrive_and_wait();
                answer = door->execute(ina, request);
            });
        for (auto& thread : threads)
            thread.join();
        for (const auto& answer : answers) {
            ASSERT_TRUE(answer) << answer.error().message;
            EXPECT_EQ(answer->version, round + 1);
        }
        EXPECT_NE(answers[0]->replayed, answers[1]->replayed);
    }
}

TEST_F(DoorTest, commands_that_meet_at_one_change_are_all_done_once) {
    ASSERT_TRUE(does("open", R"({"title":"Harbor site 1.5"})"));
    constexpr int threads_count = 8, each = 20;
    std::latch together(threads_count);
    std::atomic<int> asked_again = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < threads_count; ++t)
        threads.emplace_back([&] {
            together.arrive_and_wait();
            for (int i = 0; i < each; ++i) {
                auto told = later(asked("comment", R"({"text":"here too"})"));
                if (!told) {
                    ++asked_again;
                    told = does("comment", R"({"text":"here too"})");
                }
                EXPECT_TRUE(told->has_value()) << told->error().message;
            }
        });
    for (auto& thread : threads)
        thread.join();
    const auto shown = door->show_change(ina, "CHG-1");
    const auto change = *restore<domain::Change>(std::string_view(shown->body));
    EXPECT_EQ(change.comments.size(), static_cast<std::size_t>(threads_count * each));
}

TEST_F(DoorTest, a_change_comes_with_the_clock_that_follows_from_its_record) {
    ASSERT_TRUE(does("open", R"({"title":"Harbor site 1.5"})"));
    const auto shown = [&] { return *parse_json(door->show_change(ina, "CHG-1")->body); };
    EXPECT_EQ(find(shown(), "abort_clock"), nullptr) << "there is no window yet";
    const auto& file = domain::testing::rollback_file();
    auto blob = *store->new_blob(main);
    ASSERT_TRUE(blob->write(file.bytes));
    ASSERT_TRUE(blob->finish());
    ASSERT_TRUE(does(
        "pin_runbook",
        fmt::format(
            R"({{"purpose":"rollback","digest":"{}","name":"{}"}})", file.digest.hex(), file.name
        )
    ));
    ASSERT_TRUE(
        does("schedule", R"({"start":"2035-11-26T10:00","end":"2035-11-26T12:00","zone":"UTC"})")
    );
    // Its runbook allows ten minutes, the policy keeps fifteen for smoke tests and five beside.
    const auto record = shown();
    const auto* clock_of_it = find(record, "abort_clock");
    ASSERT_NE(clock_of_it, nullptr);
    EXPECT_EQ(text_or_empty(*clock_of_it, "abort_by"), "2035-11-26T11:30:00.000Z");
    EXPECT_FALSE(find(*clock_of_it, "evidence")->as_array().empty());
    EXPECT_FALSE(find(*clock_of_it, "rehearsed")->as_bool());
    EXPECT_EQ(text_or_empty(record, "id"), "CHG-1");
    EXPECT_TRUE(restore<domain::Change>(record));
}

// After a restart with another policy a 304 left the old clock where it was.
TEST_F(DoorTest, a_clock_by_another_policy_had_the_tag_of_the_old_one) {
    ASSERT_TRUE(does("open", R"({"title":"Harbor site 1.5"})"));
    const auto before = *door->show_change(ina, "CHG-1");
    EXPECT_EQ(door->show_change(ina, "CHG-1")->rules, before.rules);
    const auto own = folder / "own";
    std::filesystem::create_directories(own);
    for (const auto* part : {"workflows", "policies"})
        std::filesystem::copy(std::filesystem::path(SLIPWAY_ROOT) / part, own / part);
    std::ofstream(own / "policies" / "default.yaml", std::ios::app) << "# edited\n";
    const auto other = *Door::open({*store, clock, random, own.string(), {}});
    const auto after = *other->show_change(ina, "CHG-1");
    EXPECT_EQ(after.version, before.version);
    EXPECT_NE(after.rules, before.rules);
}

// The record stands still and the clock does not: a 304 would leave it where it was.
TEST_F(DoorTest, a_clock_that_moves_has_another_tag) {
    ASSERT_TRUE(does("open", R"({"title":"Harbor site 1.5"})"));
    auto story = domain::testing::ready();
    story.does("ina", "start_run", domain::testing::deployment_elsewhere());
    auto to_be = story.change;
    to_be.id = ChangeId("CHG-1");
    to_be.tenant = main;
    to_be.workflow = door->load_change(ina, "CHG-1")->workflow;
    to_be.runs.edit().back().started_at = clock.now();
    worker::bring(*store, to_be, ina, clock.now());
    door = *Door::open({*store, clock, random, SLIPWAY_ROOT, {}});
    const auto before = *door->show_change(ina, "CHG-1");
    for (const Time shown = clock.now(); clock.now() <= shown + std::chrono::milliseconds(1);)
        std::this_thread::yield();
    const auto after = *door->show_change(ina, "CHG-1");
    EXPECT_EQ(after.version, before.version);
    EXPECT_NE(after.rules, before.rules);
}

// Two large files kept every thread that answers quickly, and the turn of their changes.
TEST_F(DoorTest, no_window_is_proposed_in_the_past) {
    ASSERT_TRUE(does("open", R"({"title":"Site"})"));
    const auto query =
        *parse_json(R"({"from":"2020-01-01T00:00","until":"2020-01-02T00:00","duration":"1h",)"
                    R"("rollback_duration":"1h","zone":"UTC"})");
    const auto answer = *parse_json(*door->propose_windows(ina, "CHG-1", query));
    EXPECT_EQ(find(answer, "proposals"), nullptr);
    EXPECT_EQ(answer.at("removed").at(0).at("rule"), "past");
}

TEST_F(DoorTest, no_window_is_proposed_that_nobody_can_be_told_of_in_time) {
    ASSERT_TRUE(does("open", R"({"title":"Site"})"));
    const auto now = SystemClock{}.now();
    const auto query = *parse_json(fmt::format(
        R"({{"from":"{}","until":"{}","duration":"1h","rollback_duration":"1h","zone":"UTC"}})",
        domain::to_local_text(now + std::chrono::hours(2), "UTC"),
        domain::to_local_text(now + std::chrono::hours(12), "UTC")
    ));
    const auto answer = *parse_json(*door->propose_windows(ina, "CHG-1", query));
    EXPECT_EQ(find(answer, "proposals"), nullptr);
    EXPECT_EQ(answer.at("removed").at(0).at("rule"), "notice");
    EXPECT_EQ(answer.at("removed").at(0).at("label"), "no time is left to announce them 1d ahead");
}

TEST_F(DoorTest, the_gates_of_a_change_that_is_over_say_so) {
    ASSERT_TRUE(does("open", R"({"title":"Site"})"));
    const auto gates = [&] { return *parse_json(*door->show_gates(ina, "CHG-1")); };
    EXPECT_EQ(text_or_empty(gates(), "note"), "");
    ASSERT_TRUE(does("cancel", R"({"reason":"not needed"})"));
    EXPECT_THAT(
        std::string(text_or_empty(gates(), "note")),
        testing::AllOf(
            testing::StartsWith("CHG-1 is cancelled since "),
            testing::HasSubstr("slipway change history CHG-1")
        )
    );
}

TEST_F(DoorTest, a_runbook_is_not_read_where_answers_are_quick) {
    ASSERT_TRUE(does("open", R"({"title":"Harbor site 1.5"})"));
    const auto& file = domain::testing::rollback_file();
    const auto body = fmt::format(
        R"({{"purpose":"rollback","digest":"{}","name":"{}"}})", file.digest.hex(), file.name
    );
    const auto refused = does("pin_runbook", body);
    ASSERT_FALSE(refused) << "nobody has uploaded it";
    auto blob = *store->new_blob(main);
    ASSERT_TRUE(blob->write(file.bytes));
    ASSERT_TRUE(blob->finish());
    EXPECT_FALSE(later(asked("pin_runbook", body))) << "execute() does it";
    const auto pinned = does("pin_runbook", body);
    EXPECT_TRUE(pinned) << pinned.error().message;
}

TEST_F(DoorTest, a_list_tells_when_a_change_was_last_touched_though_its_row_stood_still) {
    ASSERT_TRUE(does("open", R"({"title":"Harbor site 1.5"})"));
    const auto fill = R"({"step":"scope","values":{}})";
    ASSERT_TRUE(does("fill_step", fill));
    const auto before = door->find_changes(ina, {})->front();
    ASSERT_TRUE(does("fill_step", fill));
    const auto after = door->find_changes(ina, {})->front();
    const auto events = *store->events_of({main, "change", "CHG-1"}, 0, 100);
    EXPECT_EQ(after.updated_at, events.back().at);
    EXPECT_LE(before.updated_at, after.updated_at);
    EXPECT_EQ(after.title, before.title);
}

TEST_F(DoorTest, registers_follow_single_records_of_their_tenant) {
    TenantRecords records(*store);
    put_ci(main, "site", "Site");
    const auto first = *records.of(main);
    EXPECT_EQ(first->cis.at(CiId("site")).name, "Site");
    EXPECT_EQ(*records.of(main), first) << "nothing was written: the same snapshot";
    put_ci(main, "site", "Harbor site");
    put_ci(main, "feed", "Feed");
    put_ci(TenantId("other"), "site", "Theirs");
    EXPECT_EQ(*records.of(main), first) << "nobody has told of a commit";
    records.forget(main);
    const auto second = *records.of(main);
    EXPECT_EQ(second->cis.at(CiId("site")).name, "Harbor site");
    EXPECT_TRUE(second->cis.contains(CiId("feed")));
    EXPECT_GT(second->cmdb_version, first->cmdb_version);
    EXPECT_EQ(first->cis.at(CiId("site")).name, "Site") << "a snapshot stands still";
    EXPECT_EQ((*records.of(TenantId("other")))->cis.at(CiId("site")).name, "Theirs");
    ASSERT_TRUE(door->remove_record(petra, {"ci", "feed", JsonObject{}, {}, {}, {}}));
    records.forget(main);
    EXPECT_FALSE((*records.of(main))->cis.contains(CiId("feed")));
}

TEST_F(DoorTest, whoever_wrote_a_record_finds_it_in_the_next_snapshot) {
    TenantRecords records(*store);
    constexpr int threads_count = 8, each = 60;
    std::latch together(threads_count);
    std::atomic<int> missed = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < threads_count; ++t)
        threads.emplace_back([&, t] {
            together.arrive_and_wait();
            const auto id = fmt::format("ci-{}", t);
            for (int i = 0; i < each; ++i) {
                const auto name = fmt::format("name {}", i);
                put_ci(main, id, name);
                records.forget(main);
                const auto snapshot = *records.of(main);
                const auto found = snapshot->cis.find(CiId(id));
                if (found == snapshot->cis.end() || found->second.name != name)
                    ++missed;
            }
        });
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(missed, 0);
}

TEST_F(DoorTest, more_records_than_a_page_are_loaded_by_their_kind) {
    TenantRecords records(*store);
    ASSERT_TRUE(records.of(main));
    std::size_t made = 0;
    while (made <= limits::records_page) {
        std::vector<RecordDraft> drafts;
        for (std::size_t i = 0; i < limits::import_commit_max; ++i)
            drafts.push_back(
                {fmt::format("ci-{}", made++),
                 *parse_json(R"({"name":"x","ci_class":"application"})")}
            );
        ASSERT_TRUE(door->put_records(petra, "ci", drafts));
    }
    records.forget(main);
    EXPECT_EQ((*records.of(main))->cis.size(), made);
}

TEST_F(DoorTest, a_snapshot_says_how_much_of_the_ledger_it_has_seen) {
    TenantRecords records(*store);
    put_ci(main, "site", "Site");
    const auto first = *records.of(main);
    EXPECT_EQ(first->ledger_size, *store->ledger_size());
    ASSERT_TRUE(does("open", R"({"title":"Harbor site 1.5"})"));
    ASSERT_TRUE(does("comment", R"({"text":"no record was written"})"));
    records.forget(main);
    const auto second = *records.of(main);
    EXPECT_EQ(second->ledger_size, *store->ledger_size());
    EXPECT_EQ(second->version, first->version);
    records.forget(main);
    EXPECT_EQ(*records.of(main), second) << "the ledger is no longer: the same snapshot";
}

TEST_F(DoorTest, an_item_that_is_removed_beside_the_put_of_one_that_needs_it_is_missed) {
    ASSERT_TRUE(puts(item("web")));
    clock.at_look(put_decided, [&] { EXPECT_TRUE(removes(item("web"))); });
    const auto refused = puts(item("site", R"("web")"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::invalid_input);
    EXPECT_EQ(refused.error().fields.at(0).field, "depends_on[0]");
    EXPECT_FALSE(is_there("web"));
    EXPECT_FALSE(is_there("site"));
}

TEST_F(DoorTest, an_item_that_is_needed_beside_its_removal_stays) {
    ASSERT_TRUE(puts(item("web")));
    clock.at_look(removal_decided, [&] { EXPECT_TRUE(puts(item("site", R"("web")"))); });
    const auto refused = removes(item("web"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::blocked);
    EXPECT_EQ(refused.error().reasons.at(0).message, "configuration item site depends on it");
    EXPECT_TRUE(is_there("web"));
    EXPECT_TRUE(is_there("site"));
}

TEST_F(DoorTest, an_import_misses_what_is_removed_beside_it) {
    ASSERT_TRUE(puts(item("web")));
    const std::vector<RecordDraft> drafts{
        {"feed", item("feed").body}, {"site", item("site", R"("feed","web")").body}};
    ImportRest rest;
    rest.before = 1000;
    clock.at_look(put_decided, [&] { EXPECT_TRUE(removes(item("web"))); });
    const auto refused = door->put_records(petra, "ci", drafts, rest);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::invalid_input);
    EXPECT_EQ(refused.error().fields.at(0).field, "[1001].depends_on[1]");
    EXPECT_FALSE(is_there("feed"));
    rest.after = {"web"};
    EXPECT_EQ(*door->put_records(petra, "ci", drafts, rest), 2U) << "it comes later";
}

TEST_F(DoorTest, what_others_write_elsewhere_is_no_conflict) {
    ASSERT_TRUE(puts(item("web")));
    ASSERT_TRUE(puts(item("db")));
    auto request = item("db");
    request.if_version = 1;
    clock.at_look(removal_decided, [&] { EXPECT_TRUE(puts(item("site", R"("web")"))); });
    EXPECT_TRUE(removes(request));
    clock.at_look(put_decided, [&] { EXPECT_TRUE(puts(item("web"))); });
    EXPECT_TRUE(puts(item("site", R"("web")"))) << "it is still there";
    EXPECT_FALSE(is_there("db"));
}

TEST_F(DoorTest, who_names_a_version_is_told_that_it_has_moved_on) {
    ASSERT_TRUE(puts(item("web")));
    auto request = item("web");
    request.if_version = 1;
    clock.at_look(put_decided, [&] { EXPECT_TRUE(puts(item("web"))); });
    const auto put = puts(request);
    ASSERT_FALSE(put);
    EXPECT_EQ(put.error().code, ErrorCode::conflict);
    EXPECT_EQ(put.error().message, "it has changed: you named version 1, it is at 2");
    request.if_version = 2;
    clock.at_look(removal_decided, [&] { EXPECT_TRUE(puts(item("web"))); });
    const auto removal = removes(request);
    ASSERT_FALSE(removal);
    EXPECT_EQ(removal.error().code, ErrorCode::conflict);
    EXPECT_TRUE(is_there("web"));
}

TEST_F(DoorTest, a_removal_that_never_gets_its_turn_ends) {
    ASSERT_TRUE(puts(item("web")));
    int tries = 0;
    // Two looks are one try: the entry, and the answer to keep.
    std::function<void()> others = [&] {
        EXPECT_TRUE(puts(item(fmt::format("other-{}", ++tries))));
        clock.at_look(2, others);
    };
    clock.at_look(removal_decided, others);
    const auto refused = removes(item("web"));
    clock.at_look(0, nullptr);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::conflict);
    EXPECT_EQ(tries, limits::decide_retries_max);
    EXPECT_TRUE(is_there("web"));
}

TEST_F(DoorTest, what_an_open_change_uses_is_not_removed) {
    put_ring("staging");
    const auto roster = *parse_json(R"({"name":"Operations","shifts":[]})");
    ASSERT_TRUE(puts({"roster", "ops", roster, {}, {}, {}}));
    ASSERT_TRUE(does("open", R"({"title":"Site","test_ring":"staging","roster":"ops"})"));
    for (const auto& used : {record("ring", "staging"), record("roster", "ops")}) {
        const auto refused = removes(used);
        ASSERT_FALSE(refused) << used.kind;
        ASSERT_EQ(refused.error().code, ErrorCode::blocked) << refused.error().message;
        EXPECT_EQ(refused.error().reasons.at(0).field, used.kind);
        EXPECT_EQ(refused.error().reasons.at(0).evidence, "CHG-1 (Site) is planning");
        EXPECT_EQ(
            refused.error().reasons.at(0).remedy, "Assign another to CHG-1, or close or cancel it"
        );
    }
    ASSERT_TRUE(does("cancel", R"({"reason":"not needed"})"));
    EXPECT_TRUE(removes(record("ring", "staging")));
    EXPECT_TRUE(removes(record("roster", "ops")));
}

TEST_F(DoorTest, a_board_and_a_standard_change_stay_while_a_change_uses_them) {
    auto change = domain::testing::deployed().change;
    change.tenant = main;
    change.queue.emplace().board = "cab";
    change.classification.emplace().catalogue_entry = "restart";
    const auto summary = summarise(change, {});
    EXPECT_THAT(summary.records, testing::IsSupersetOf({"board/cab", "catalogue_entry/restart"}));
    change.closure.emplace();
    change.state = domain::ChangeState::closed;
    EXPECT_THAT(summarise(change, {}).records, testing::IsEmpty());
}

TEST_F(DoorTest, what_a_change_begins_to_use_beside_its_removal_stays) {
    put_ring("staging");
    put_ring("pilot");
    ASSERT_TRUE(puts(item("web")));
    ASSERT_TRUE(does("open", R"({"title":"Site"})"));
    clock.at_look(removal_decided, [&] {
        EXPECT_TRUE(does("assign", R"({"test_ring":"staging"})"));
    });
    const auto ring = removes(record("ring", "staging"));
    ASSERT_FALSE(ring);
    EXPECT_EQ(ring.error().code, ErrorCode::blocked);
    clock.at_look(removal_decided, [&] {
        EXPECT_TRUE(does("describe", R"({"summary":"web","cis":[{"ci":"web"}]})"));
    });
    const auto scoped = removes(item("web"));
    ASSERT_FALSE(scoped);
    EXPECT_EQ(scoped.error().reasons.at(0).field, "scope");
    EXPECT_TRUE(is_there("web"));
}

TEST_F(DoorTest, what_is_removed_beside_a_change_that_begins_to_use_it_is_missed) {
    put_ring("staging");
    put_ring("pilot");
    auto web = item("web");
    web.body.as_object()["version"] = "1.4";
    ASSERT_TRUE(puts(web));
    ASSERT_TRUE(does("open", R"({"title":"Site"})"));
    // The door has looked at the registers, and is not told of this.
    remove_behind_the_door({main, "ring", "staging"});
    remove_behind_the_door({main, "ci", "web"});
    const auto described =
        does("describe", R"({"summary":"web","cis":[{"ci":"web","version_to":"1.5"}]})");
    ASSERT_TRUE(described) << described.error().message;
    const auto shown = door->show_change(ina, "CHG-1");
    const auto change = *restore<domain::Change>(std::string_view(shown->body));
    EXPECT_EQ(change.scope->cis.at(0).version_from, "") << "decided on an item that was gone";
    remove_behind_the_door({main, "ring", "pilot"});
    const auto assigned = does("assign", R"({"test_ring":"pilot"})");
    ASSERT_FALSE(assigned);
    EXPECT_EQ(assigned.error().fields.at(0).field, "test_ring");
    put_ring("edge");
    put_ring("next");
    ASSERT_TRUE(does("comment", R"({"text":"the registers are looked at"})"));
    remove_behind_the_door({main, "ring", "edge"});
    EXPECT_FALSE(later(asked("assign", R"({"test_ring":"edge"})"))) << "it is asked again";
    const auto opened = does("open", R"({"title":"Other","test_ring":"next"})");
    ASSERT_TRUE(opened) << opened.error().message;
    put_ring("last");
    ASSERT_TRUE(does("comment", R"({"text":"and again"})"));
    remove_behind_the_door({main, "ring", "last"});
    const auto refused = does("open", R"({"title":"Third","test_ring":"last"})");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().fields.at(0).field, "test_ring");
}

} // namespace

} // namespace slipway::app
