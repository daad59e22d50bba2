// SPDX-License-Identifier: Apache-2.0
// That somebody always remains who administers and can sign in, and the way back for who have all
// lost their passwords: on both databases, with the real door.
#include <latch>
#include <thread>

#include <fmt/format.h>

#include "app/door.hpp"
#include "app/identity/identity.hpp"
#include "contract/contract.hpp"
#include "main/admin.hpp"
#include "main/ledger_keeper.hpp"

namespace slipway::contract {

class AdministratorsContract : public StoreContract {
  protected:
    void SetUp() override {
        StoreContract::SetUp();
        must(LedgerKeeper::open(store(), clock_, random_, Mode::production));
    }

    std::unique_ptr<app::Door> open_door(app::Store& store) {
        return must(app::Door::open({store, clock_, random_, SLIPWAY_ROOT, {}, {}, {}}));
    }

    static Result<app::Answer> put(app::Door& door, const std::string& by, const std::string& id) {
        const app::Actor actor{main_, PersonId(by), {domain::Role::administrator}, {}, "session"};
        const auto body = *parse_json(R"({"name":"x","roles":["administrator"]})");
        return door.put_record(actor, {"person", id, body, {}, {}, {}});
    }

    static Result<app::Answer>
    remove(app::Door& door, const std::string& by, const std::string& id) {
        const app::Actor actor{main_, PersonId(by), {domain::Role::administrator}, {}, "session"};
        return door.remove_record(actor, {"person", id, JsonObject{}, {}, {}, {}});
    }

    void give_password(const std::string& id) {
        app::Commit commit;
        commit.put_credentials.push_back({main_, PersonId(id), "$argon2id$", 0, {}});
        must(store().commit(std::move(commit)));
    }

    static inline const TenantId main_{"main"};
    SystemClock clock_;
    SystemRandom random_;
};

TEST_P(AdministratorsContract, two_who_remove_each_other_at_the_same_time_leave_one) {
    // On PostgreSQL each has a server of his own.
    const auto other_store = is_sqlite() ? nullptr : open();
    const auto door = open_door(store());
    const auto other_door = open_door(is_sqlite() ? store() : *other_store);
    must(put(*door, "root", "root"));
    for (int round = 0; round < 10; ++round) {
        const auto one = fmt::format("one-{}", round);
        const auto two = fmt::format("two-{}", round);
        must(put(*door, "root", one));
        must(put(*door, "root", two));
        give_password(one);
        give_password(two);
        std::latch together(2);
        std::optional<Result<app::Answer>> first;
        std::optional<Result<app::Answer>> second;
        std::thread other([&] {
            together.arrive_and_wait();
            second = remove(*other_door, two, one);
        });
        together.arrive_and_wait();
        first = remove(*door, one, two);
        other.join();
        ASSERT_NE(first->has_value(), second->has_value());
        const auto& refused = *first ? *second : *first;
        EXPECT_EQ(refused.error().code, ErrorCode::blocked) << refused.error().message;
        // Whoever remains has to be somebody else's last one before he goes.
        give_password("root");
        must(remove(*door, "root", *first ? one : two));
        app::Commit without;
        without.put_credentials.push_back({main_, PersonId("root"), "", 0, {}});
        must(store().commit(std::move(without)));
    }
}

TEST_P(AdministratorsContract, a_code_lets_in_who_administers_and_is_on_the_ledger) {
    const auto door = open_door(store());
    must(put(*door, "ada", "ada"));
    give_password("ada");
    const app::Actor ada{main_, PersonId("ada"), {domain::Role::administrator}, {}, "session"};
    const auto engineer = *parse_json(R"({"name":"x","roles":["engineer"]})");
    must(door->put_record(ada, {"person", "mara", engineer, {}, {}, {}}));
    for (const auto* nobody : {"mara", "nobody"}) {
        const auto refused = code_for_administrator(store(), PersonId(nobody));
        ASSERT_EQ(code_of(refused), ErrorCode::not_found);
        EXPECT_THAT(refused.error().message, testing::HasSubstr("there are: ada"));
    }
    const auto older = must(code_for_administrator(store(), PersonId("ada"))).secret;
    const auto code = must(code_for_administrator(store(), PersonId("ada"))).secret;
    app::Identity identity({store(), clock_, random_, main_, {}, {1, 8192}});
    const auto redeem = [&](const std::string& given) {
        return identity.redeem_code({given, "harbour light 42"}, "192.0.2.1");
    };
    EXPECT_EQ(code_of(redeem(older)), ErrorCode::unauthenticated);
    const auto report = must(store::verify(place(), std::nullopt));
    EXPECT_TRUE(report.findings.empty());
    EXPECT_EQ(report.signed_entries, report.entries) << "a signed checkpoint covers the code";
    const auto last = must(store().events_from(report.entries - 1, 1)).at(0);
    EXPECT_EQ(last.type, "password_code_given");
    EXPECT_EQ(last.key.id, "ada");
    EXPECT_THAT(last.body, testing::HasSubstr(R"("via":"admin")"));
    EXPECT_THAT(last.body, testing::Not(testing::HasSubstr("slpp_")));
    must(redeem(code));
    must(identity.login({{}, PersonId("ada"), "harbour light 42"}, "192.0.2.1"));
}

CONTRACT(AdministratorsContract);

} // namespace slipway::contract
