// SPDX-License-Identifier: Apache-2.0
// One run at a time on the machines of a test ring, whichever server and change it is of: on both
// databases, with the real door.
#include <latch>
#include <thread>

#include <fmt/format.h>

#include "app/door.hpp"
#include "contract/contract.hpp"
#include "domain/change/testing/tenant.hpp"

namespace slipway::contract {

class RingClaimContract : public StoreContract {
  protected:
    std::unique_ptr<app::Door> open_door(app::Store& store) {
        return must(app::Door::open({store, clock_, random_, SLIPWAY_ROOT, {}, {}, {}}));
    }

    static Result<app::Answer> asks(
        app::Door& door, const std::string& change, const std::string& command,
        const std::string& body
    ) {
        return door.execute(ina_, {change, command, *parse_json(body), {}, {}, {}});
    }

    static Result<app::Answer> starts(app::Door& door, const std::string& change) {
        return asks(
            door, change, "start_run", R"({"purpose":"ring_deploy","executor":"external"})"
        );
    }

    static void put_ring(app::Door& door, const std::string& id) {
        const auto body = *parse_json(R"({"name":"x","kind":"staging","hosts":[{"host":"web"}]})");
        must(door.put_record(petra_, {"ring", id, body, {}, {}, {}}));
    }

    // A change with a deployment runbook and this test ring.
    std::string change_on(app::Door& door, const std::string& ring) {
        const auto& file = domain::testing::deployment_file();
        auto blob = must(store().new_blob(main_));
        must(blob->write(file.bytes));
        must(blob->finish());
        const auto opened =
            must(asks(door, "", "open", fmt::format(R"({{"title":"X","test_ring":"{}"}})", ring)));
        must(asks(
            door, opened.id, "pin_runbook",
            fmt::format(
                R"({{"purpose":"deployment","digest":"{}","name":"{}"}})", file.digest.hex(),
                file.name
            )
        ));
        return opened.id;
    }

    static inline const TenantId main_{"main"};
    static inline const app::Actor petra_{
        main_, PersonId("petra"), {domain::Role::change_manager}, {}, "session"};
    static inline const app::Actor ina_{
        main_, PersonId("ina"), {domain::Role::engineer}, {}, "session"};
    SystemClock clock_;
    SystemRandom random_;
};

TEST_P(RingClaimContract, of_two_that_begin_at_the_same_moment_one_is_refused) {
    // On PostgreSQL each has a server of his own.
    const auto other_store = is_sqlite() ? nullptr : open();
    const auto door = open_door(store());
    const auto other_door = other_store ? open_door(*other_store) : nullptr;
    const std::array doors{door.get(), other_door ? other_door.get() : door.get()};
    for (int round = 0; round < 20; ++round) {
        const auto ring = fmt::format("ring-{}", round);
        put_ring(*doors[0], ring);
        const std::array changes{change_on(*doors[0], ring), change_on(*doors[1], ring)};
        std::latch together(2);
        std::array<std::optional<Result<app::Answer>>, 2> answers;
        std::vector<std::thread> threads;
        for (std::size_t i = 0; i < 2; ++i)
            threads.emplace_back([&, i] {
                together.arrive_and_wait();
                answers[i] = starts(*doors[i], changes[i]);
            });
        for (auto& thread : threads)
            thread.join();
        const bool first = answers[0]->has_value();
        ASSERT_NE(first, answers[1]->has_value()) << ring;
        const auto& refused = answers[first ? 1 : 0]->error();
        EXPECT_EQ(refused.code, ErrorCode::blocked) << refused.message;
        ASSERT_EQ(refused.reasons.size(), 1U);
        EXPECT_THAT(
            refused.reasons[0].evidence, testing::HasSubstr("run-1 of " + changes[first ? 0 : 1])
        );
        // The ring is free for the other one's server as soon as this one's says so.
        const std::size_t has_it = first ? 0 : 1;
        must(asks(
            *doors[has_it], changes[has_it], "decide_run",
            R"({"run":"run-1","choice":"abort","reason":"stuck"})"
        ));
        must(starts(*doors[1 - has_it], changes[1 - has_it]));
    }
}

CONTRACT(RingClaimContract);

} // namespace slipway::contract
