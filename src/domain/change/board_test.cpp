// SPDX-License-Identifier: Apache-2.0
// What a board decides: who has to approve, which conditions hold, and what undoes an approval.
#include <gtest/gtest.h>

#include "domain/change/testing/scenario.hpp"

namespace slipway::domain::testing {
namespace {

using namespace std::chrono_literals;

TEST(Board, an_approval_with_conditions_opens_the_way_when_they_are_met) {
    Scenario s;
    open(s);
    plan(s);
    validate(s);
    s.does("rosa", "submit");
    s.complete("rosa", "cab_queue");
    s.wait_until(meeting);
    s.refused("cora", "vote", R"({"choice":"approve_with_conditions"})");
    s.does("cora", "vote", R"({"choice":"approve_with_conditions","comment":"tell the pilots"})");
    s.does("lena", "vote", R"({"choice":"approve"})");
    s.refused("cora", "decide", R"({"outcome":"approved_with_conditions"})");
    EXPECT_EQ(
        s.refused("cora", "decide", R"({"outcome":"approved"})").reasons.at(0).field,
        "decision.conditions"
    );
    auto other = s;
    other.does(
        "cora", "decide", R"({"outcome":"approved_with_conditions","conditions":["have coffee"]})"
    );
    ASSERT_EQ(other.change.decision->conditions.size(), 2u)
        << "whose vote counts, his condition holds";
    EXPECT_EQ(other.change.decision->conditions[1].text, "tell the pilots");
    s.does(
        "cora", "decide",
        R"({"outcome":"approved_with_conditions","conditions":["tell the pilots"]})"
    );
    EXPECT_EQ(s.change.decision->conditions.size(), 1u);
    s.complete("cora", "cab_decision");
    announce(s);
    make_ready(s);
    EXPECT_EQ(
        s.refused("ina", "start_run", R"({"purpose":"deployment"})").reasons.at(0).field,
        "decision.C-1"
    );
    s.does("otto", "meet_condition", R"({"id":"C-1","evidence":"mail of Wednesday"})");
    deploy(s);
}

TEST(Board, a_rejection_after_an_approval_opens_the_decision_again) {
    auto s = approved();
    EXPECT_EQ(s.change.steps.at(StepId("cab_decision")).state, StepState::completed);
    s.does("cora", "decide", R"({"outcome":"rejected","minutes":"the berths are needed"})");
    EXPECT_EQ(s.change.steps.at(StepId("cab_decision")).state, StepState::open);
}

TEST(Board, votes_against_count_too) {
    Scenario s;
    open(s);
    plan(s);
    validate(s);
    s.does("rosa", "submit");
    s.wait_until(meeting);
    s.does("cora", "vote", R"({"choice":"approve"})");
    s.does("mika", "vote", R"({"choice":"approve"})");
    s.does("otto", "assign", R"({"implementer":"sven"})");
    for (const auto* person : {"lena", "ina"})
        s.does(person, "vote", R"({"choice":"reject","comment":"not before the holidays"})");
    const auto error = s.refused("cora", "decide", R"({"outcome":"approved"})");
    EXPECT_EQ(error.reasons.at(0).message, "no majority approves it") << explain(error);
    s.does("ina", "vote", R"({"choice":"defer","comment":"let me read it first"})");
    s.does("cora", "decide", R"({"outcome":"approved"})");
}

TEST(Board, the_emergency_board_keeps_its_conditions_and_its_rejections) {
    Scenario s;
    open(s);
    plan(s, "emergency");
    s.does("eva", "vote", R"({"choice":"reject","comment":"it can wait"})");
    s.does("emil", "vote", R"({"choice":"approve"})");
    auto outvoted = s;
    s.does("mika", "vote", R"({"choice":"approve_with_conditions","comment":"tell the pilots"})");
    ASSERT_TRUE(s.change.decision);
    EXPECT_EQ(s.change.decision->outcome, CabOutcome::approved_with_conditions);
    EXPECT_EQ(s.change.decision->conditions.at(0).text, "tell the pilots");
    outvoted.records.boards.at("ecab").members.push_back(PersonId("lena"));
    ++outvoted.records.version;
    outvoted.does("lena", "vote", R"({"choice":"reject","comment":"it can wait"})");
    outvoted.does("mika", "vote", R"({"choice":"approve"})");
    EXPECT_FALSE(outvoted.change.decision) << "two against two";
}

} // namespace
} // namespace slipway::domain::testing
