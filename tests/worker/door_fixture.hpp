// SPDX-License-Identifier: Apache-2.0
// The real door on a private SQLite store, and what others write between a decision and its commit.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <utility>

#include <gtest/gtest.h>

#include "app/door.hpp"
#include "app/event.hpp"
#include "store/open.hpp"

namespace slipway::app {

// The time as it is. The door looks at it while it makes a commit, so that is the moment at which
// others can be made to come between.
class MeddledClock final : public Clock {
  public:
    Time now() const override {
        if (meanwhile && --looks == 0)
            std::exchange(meanwhile, nullptr)();
        return SystemClock{}.now();
    }

    // `others` is called once, at the given look from here on.
    void at_look(int look, std::function<void()> others) {
        looks = look;
        meanwhile = std::move(others);
    }

  private:
    mutable int looks = 0;
    mutable std::function<void()> meanwhile;
};

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

    // Behind a door whose workflow has one step, with this condition.
    Result<Answer> open_with_condition(const std::string& condition) {
        std::filesystem::create_directories(folder / "workflows");
        std::filesystem::create_directories(folder / "policies");
        std::filesystem::copy_file(
            SLIPWAY_ROOT "/policies/default.yaml", folder / "policies" / "default.yaml"
        );
        std::ofstream(folder / "workflows" / "release.yaml")
            << "name: release\nversion: 7\ntitle: R\nphases:\n- id: p\n  title: P\n  steps:\n"
            << "  - {id: a, title: A, kind: form, when: '" << condition << "'}\n";
        const auto own = TRY(Door::open({*store, clock, random, folder.string(), {}}));
        return own->execute(ina, asked("open", R"({"title":"Harbor site 1.5"})"));
    }

    void put_ci(const TenantId& tenant, const std::string& id, std::string_view name) {
        auto writer = petra;
        writer.tenant = tenant;
        const auto body =
            *parse_json(fmt::format(R"({{"name":"{}","ci_class":"application"}})", name));
        const auto put = door->put_record(writer, {"ci", id, body, {}, {}, {}});
        ASSERT_TRUE(put) << put.error().message;
    }

    static RecordRequest item(const std::string& id, std::string_view needs = "") {
        const auto body =
            fmt::format(R"({{"name":"x","ci_class":"host","depends_on":[{}]}})", needs);
        return {"ci", id, *parse_json(body), {}, {}, {}};
    }

    Result<Answer> puts(const RecordRequest& request) { return door->put_record(petra, request); }

    Result<Answer> removes(const RecordRequest& request) {
        return door->remove_record(petra, request);
    }

    static RecordRequest record(const std::string& kind, const std::string& id) {
        return {kind, id, JsonObject{}, {}, {}, {}};
    }

    // Whom a record names has to be there.
    void put_people(std::initializer_list<const char*> ids) {
        const Actor alma{main, PersonId("alma"), {domain::Role::administrator}, {}, "session"};
        for (const auto* id : ids) {
            const auto put =
                door->put_record(alma, {"person", id, *parse_json(R"({"name":"x"})"), {}, {}, {}});
            ASSERT_TRUE(put) << put.error().message;
        }
    }

    void put_ring(const std::string& id) {
        auto request = record("ring", id);
        request.body = *parse_json(R"({"name":"x","kind":"staging","hosts":[{"host":"web"}]})");
        const auto put = puts(request);
        ASSERT_TRUE(put) << put.error().message;
    }

    // As another server would do it.
    void remove_behind_the_door(const StreamKey& key) {
        const auto stored = *store->load(key);
        StreamWrite write{key, stored.version, {}, stored.state, true, {}};
        write.events.push_back(
            make_event({key, stored.version + 1, clock.now(), petra}, key.kind + "_removed", "{}")
        );
        Commit commit;
        commit.writes.push_back(std::move(write));
        ASSERT_TRUE(store->commit(std::move(commit)));
    }

    bool is_there(const std::string& id) { return door->show_record(petra, "ci", id).has_value(); }

    // The first look at the clock of one try that comes after the look at the registers.
    static constexpr int put_decided = 2, removal_decided = 1, command_decided = 2;

    const TenantId main{"main"};
    const Actor petra{main, PersonId("petra"), {domain::Role::change_manager}, {}, "session"};
    const Actor ina{main, PersonId("ina"), {domain::Role::engineer}, {}, "session s"};
    MeddledClock clock;
    SystemRandom random;
    std::filesystem::path folder;
    std::unique_ptr<Store> store;
    std::unique_ptr<Door> door;
};

} // namespace slipway::app
