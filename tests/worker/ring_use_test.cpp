// SPDX-License-Identifier: Apache-2.0
// Runs of different changes on the machines of one ring, through the real door.
#include <gmock/gmock.h>

#include "domain/change/testing/tenant.hpp"
#include "door_fixture.hpp"

namespace slipway::app {
namespace {

using testing::HasSubstr;

class RingUseTest : public DoorTest {
  protected:
    void SetUp() override {
        const auto& file = domain::testing::deployment_file();
        auto blob = *store->new_blob(main);
        ASSERT_TRUE(blob->write(file.bytes).has_value());
        ASSERT_TRUE(blob->finish().has_value());
    }

    void put_ring_at(const std::string& id, const std::string& address) {
        auto request = record("ring", id);
        request.body = *parse_json(fmt::format(
            R"({{"name":"x","kind":"staging","hosts":[{{"host":"{}","address":"{}"}}]}})", id,
            address
        ));
        ASSERT_TRUE(puts(request));
    }

    // A change with a deployment runbook and this test ring.
    std::string change_on(const std::string& ring) {
        const auto opened =
            does("open", fmt::format(R"({{"title":"Site","test_ring":"{}"}})", ring));
        const auto& file = domain::testing::deployment_file();
        const auto pinned =
            of(opened->id, "pin_runbook",
               fmt::format(
                   R"({{"purpose":"deployment","digest":"{}","name":"{}"}})", file.digest.hex(),
                   file.name
               ));
        EXPECT_TRUE(pinned) << pinned.error().message;
        return opened->id;
    }

    Result<Answer>
    of(const std::string& change, const std::string& command, std::string_view body) {
        auto request = asked(command, body);
        request.change = change;
        return door->execute(ina, request);
    }

    Result<Answer> starts(const std::string& change) {
        return of(change, "start_run", R"({"purpose":"ring_deploy","executor":"external"})");
    }

    domain::Change state_of(const std::string& change) { return *door->load_change(ina, change); }
};

TEST_F(RingUseTest, one_run_at_a_time_whichever_change_it_is_of) {
    put_ring_at("staging", "10.0.0.1");
    put_ring_at("pilot", "deploy@10.0.0.1");
    put_ring_at("edge", "10.0.0.2");
    const auto one = change_on("staging");
    const auto other = change_on("pilot"); // the same machine
    const auto apart = change_on("edge");
    ASSERT_TRUE(starts(one));
    EXPECT_TRUE(starts(apart));
    for (const auto& refused :
         {starts(other), of(other, "run_smoke", R"({"occasion":"staging"})")}) {
        ASSERT_FALSE(refused);
        ASSERT_EQ(refused.error().reasons.size(), 1u);
        EXPECT_THAT(refused.error().reasons[0].evidence, HasSubstr("run-1 of " + one));
        EXPECT_THAT(
            refused.error().reasons[0].remedy,
            HasSubstr("slipway change decide_run " + one + " --run run-1 --choice abort")
        );
    }
    ASSERT_TRUE(of(one, "decide_run", R"({"run":"run-1","choice":"abort","reason":"stuck"})"));
    ASSERT_TRUE(starts(other));
    EXPECT_EQ(state_of(one).runs[0].ring_turn, 1u);
    EXPECT_EQ(state_of(other).runs[0].ring_turn, 2u) << "it is the second on this machine";
    EXPECT_EQ(state_of(apart).runs[0].ring_turn, 1u);
}

TEST_F(RingUseTest, an_aborted_run_has_its_ring_until_its_step_has_ended) {
    put_ring("staging");
    const auto one = change_on("staging");
    const auto other = change_on("staging");
    const auto third = change_on("staging");
    const auto tell = [&](std::string_view state) {
        return of(
            one, "report_run",
            fmt::format(R"({{"run":"run-1","steps":[{{"name":"drain","state":"{}"}}]}})", state)
        );
    };
    const auto abort = [&](const std::string& change) {
        return of(change, "decide_run", R"({"run":"run-1","choice":"abort","reason":"stuck"})");
    };
    ASSERT_TRUE(starts(one));
    ASSERT_TRUE(tell("running"));
    ASSERT_TRUE(abort(one));
    const auto refused = starts(other);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().reasons.at(0).evidence, HasSubstr("its step drain is still"));
    EXPECT_THAT(
        refused.error().reasons.at(0).remedy, HasSubstr("slipway change report_run " + one)
    );
    const auto told = tell("unknown");
    ASSERT_TRUE(told) << told.error().message;
    // Whoever comes then is told, whoever was there in between.
    for (const auto& change : {other, third}) {
        const auto started = starts(change);
        ASSERT_TRUE(started) << started.error().message;
        EXPECT_THAT(started->body, HasSubstr("drain of run-1 of " + one));
        EXPECT_THAT(
            state_of(change).runs[0].left_at_work, testing::ElementsAre("drain of run-1 of " + one)
        );
        ASSERT_TRUE(abort(change));
    }
}

TEST_F(RingUseTest, an_own_run_behind_it_does_not_let_go_of_what_an_aborted_one_left) {
    put_ring("staging");
    const auto one = change_on("staging");
    const auto other = change_on("staging");
    const auto tell = [&](std::string_view state) {
        return of(
            one, "report_run",
            fmt::format(R"({{"run":"run-1","steps":[{{"name":"drain","state":"{}"}}]}})", state)
        );
    };
    const auto abort = [&](const std::string& change, const std::string& run) {
        return of(
            change, "decide_run",
            fmt::format(R"({{"run":"{}","choice":"abort","reason":"stuck"}})", run)
        );
    };
    ASSERT_TRUE(starts(one));
    ASSERT_TRUE(tell("running"));
    ASSERT_TRUE(abort(one, "run-1"));
    ASSERT_TRUE(tell("unknown"));
    ASSERT_TRUE(starts(one));
    ASSERT_TRUE(abort(one, "run-2"));
    const auto started = starts(other);
    ASSERT_TRUE(started) << started.error().message;
    EXPECT_THAT(started->body, HasSubstr("drain of run-1 of " + one));
    ASSERT_TRUE(abort(other, "run-1"));
    // Also when its change is over.
    ASSERT_TRUE(of(one, "cancel", R"({"reason":"not wanted"})"));
    ASSERT_TRUE(tell("failed"));
    const auto again = starts(other);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_THAT(again->body, testing::Not(HasSubstr("drain of run-1")));
}

TEST_F(RingUseTest, a_list_after_the_run_of_another_change_does_not_count) {
    put_ring("staging");
    const auto one = change_on("staging");
    const auto other = change_on("staging");
    ASSERT_TRUE(starts(one));
    const auto done =
        of(one, "report_run",
           R"({"run":"run-1","steps":[{"name":"drain","state":"succeeded"},
            {"name":"switch","state":"succeeded"},{"name":"verify","state":"succeeded"}]})");
    ASSERT_TRUE(done) << done.error().message;
    ASSERT_TRUE(starts(other));
    ASSERT_TRUE(of(other, "decide_run", R"({"run":"run-1","choice":"abort","reason":"r"})"));
    const auto told =
        of(one, "record_smoke",
           R"({"occasion":"staging","results":[{"name":"front-page","passed":true}]})");
    ASSERT_TRUE(told) << told.error().message;
    EXPECT_THAT(told->body, HasSubstr("another change's run was on the ring"));
    EXPECT_EQ(state_of(one).smoke_reports[0].ring_turn, 2u);
}

} // namespace
} // namespace slipway::app
