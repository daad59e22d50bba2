// SPDX-License-Identifier: Apache-2.0
// The real door on a private SQLite store: answers that are told later, and registers that follow
// what is written beside a command.
#include <cstdlib>
#include <filesystem>
#include <future>
#include <latch>
#include <thread>

#include <gtest/gtest.h>

#include "app/door.hpp"
#include "app/tenant_records.hpp"
#include "store/open.hpp"

namespace slipway::app {

namespace {

class DoorTest : public testing::Test {
  protected:
    DoorTest() {
        std::string pattern = (std::filesystem::temp_directory_path() / "door-XXXXXX").string();
        folder = ::mkdtemp(pattern.data());
        store = *store::open_sqlite({folder.string()});
        door = *Door::open({*store, clock, random, SLIPWAY_ROOT, {}});
    }

    ~DoorTest() override {
        door.reset();
        store.reset();
        std::filesystem::remove_all(folder);
    }

    static CommandRequest asked(const std::string& command, std::string_view body) {
        return {command == "open" ? "" : "CHG-1", command, *parse_json(body), {}, {}, {}};
    }

    Result<Answer> does(const std::string& command, std::string_view body) {
        return door->execute(ina, asked(command, body));
    }

    // What execute_later tells; nothing when it wants to be asked again.
    std::optional<Result<Answer>> later(const CommandRequest& request) {
        std::promise<std::optional<Result<Answer>>> told;
        door->execute_later(ina, request, [&](auto answer) { told.set_value(std::move(answer)); });
        return told.get_future().get();
    }

    void put_ci(const TenantId& tenant, const std::string& id, std::string_view name) {
        const Actor petra{tenant, PersonId("petra"), {domain::Role::change_manager}, {}, "session"};
        const auto body =
            *parse_json(fmt::format(R"({{"name":"{}","ci_class":"application"}})", name));
        const auto put = door->put_record(petra, {"ci", id, body, {}, {}, {}});
        ASSERT_TRUE(put) << put.error().message;
    }

    const TenantId main{"main"};
    const Actor ina{main, PersonId("ina"), {domain::Role::engineer}, {}, "session s"};
    const SystemClock clock;
    SystemRandom random;
    std::filesystem::path folder;
    std::unique_ptr<Store> store;
    std::unique_ptr<Door> door;
};

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
    const Actor petra{main, PersonId("petra"), {domain::Role::change_manager}, {}, "session"};
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
    const Actor petra{main, PersonId("petra"), {domain::Role::change_manager}, {}, "session"};
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

} // namespace

} // namespace slipway::app
