// SPDX-License-Identifier: Apache-2.0
// Emergencies: what may be put off, what the ECAB thereby approves, and what is owed in the end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/testing/gate_rows.hpp"
#include "domain/change/testing/scenario.hpp"

namespace slipway::domain::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Scenario planned_emergency() {
    Scenario s;
    open(s);
    plan(s, "emergency");
    return s;
}

void postpone(Scenario& s, const char* step) {
    s.does("otto", "postpone_step", fmt::format(R"({{"step":"{}","reason":"down"}})", step));
}

void approve(Scenario& s) {
    for (const auto* person : {"eva", "emil"})
        s.does(person, "vote", R"({"choice":"approve"})");
    s.complete("cora", "cab_decision");
}

TEST(Emergency, that_puts_off_more_than_the_ecab_has_seen_is_voted_on_again) {
    auto s = planned_emergency();
    postpone(s, "rehearsal");
    s.does("eva", "vote", R"({"choice":"approve"})");
    postpone(s, "defects");
    EXPECT_TRUE(s.change.votes.empty()) << "what she voted for was another change";
    approve(s);
    postpone(s, "ring_deploy");
    EXPECT_FALSE(s.change.decision);
    EXPECT_THAT(s.change.voided.back().sections, ElementsAre(Section::postponed_steps));
    EXPECT_EQ(s.change.steps.at(StepId("cab_decision")).state, StepState::open);
    EXPECT_EQ(look(s, "cab-decision").verdict, Verdict::fail);
    approve(s);
    EXPECT_EQ(s.change.state, ChangeState::approved);
}

TEST(Emergency, that_does_early_what_it_had_put_off_stays_approved) {
    auto s = planned_emergency();
    for (const auto* step : {"ring_deploy", "smoke_staging", "rehearsal", "defects"})
        postpone(s, step);
    approve(s);
    s.now = at("2026-11-20T09:00Z");
    s.does("ina", "compare_ring");
    s.run("ina", "ring_deploy");
    s.complete("ina", "ring_deploy");
    s.does("ina", "reopen_step", R"({"step":"defects","reason":"there is time after all"})");
    s.complete("ina", "defects");
    EXPECT_EQ(s.change.state, ChangeState::approved);
    EXPECT_TRUE(s.change.voided.empty());
}

} // namespace
} // namespace slipway::domain::testing
