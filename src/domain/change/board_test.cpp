// SPDX-License-Identifier: Apache-2.0
// What a board decides: who has to approve, which conditions hold, and what undoes an approval.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/testing/scenario.hpp"
#include "domain/gates/gate.hpp"

namespace slipway::domain::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

// The RFC is submitted and the meeting has come; nobody has voted.
Scenario at_the_meeting() {
    Scenario s;
    open(s);
    plan(s);
    validate(s);
    s.does("rosa", "submit");
    s.wait_until(meeting);
    return s;
}

TEST(Board, an_approval_with_conditions_opens_the_way_when_they_are_met) {
    auto s = queued();
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

// The next meeting may end without a decision as well.
TEST(Board, that_put_it_off_or_rejected_what_was_before_does_not_lose_it) {
    for (const auto* outcome : {"deferred", "rejected"}) {
        Scenario s;
        open(s);
        plan(s);
        validate(s);
        s.does("rosa", "submit");
        s.does("cora", "decide", fmt::format(R"({{"outcome":"{}","minutes":"m"}})", outcome));
        s.now += 1min;
        if (outcome == std::string_view("rejected"))
            s.does("rosa", "submit");
        const auto meeting = s.change.queue->meeting_at;
        s.now = meeting + 24h;
        s.does("system", "tick");
        EXPECT_GT(s.change.queue->meeting_at, meeting) << outcome;
        EXPECT_EQ(s.change.queue->missed_meeting_at, meeting) << outcome;
    }
}

// The change was voted on, announced and first refused inside its window.
TEST(Board, that_passed_without_a_decision_says_at_once_what_that_does_to_the_window) {
    auto s = queued();
    const auto meeting = s.change.queue->meeting_at;
    ASSERT_LT(meeting, s.change.window->start);
    s.now = meeting + 24h;
    s.tasks.clear();
    s.does("system", "tick");
    ASSERT_GE(s.change.queue->meeting_at, s.change.window->start);
    EXPECT_EQ(s.change.steps.at(StepId("cab_queue")).state, StepState::open);
    const auto owner = s.change.change_owner.value;
    const auto told = std::find_if(s.tasks.begin(), s.tasks.end(), [&](const TaskDraft& task) {
        return task.kind == "page" && task.payload.find("is on the agenda of") != std::string::npos;
    });
    ASSERT_NE(told, s.tasks.end());
    EXPECT_THAT(told->payload, HasSubstr('"' + owner + '"'));
    EXPECT_THAT(told->payload, HasSubstr("must move behind it: slipway change schedule CHG-12"));
    auto recorded_late = s;
    s.does("cora", "vote", R"({"choice":"approve"})");
    s.does("mika", "vote", R"({"choice":"approve"})");
    s.said.clear();
    s.does("cora", "decide", R"({"outcome":"approved"})");
    EXPECT_TRUE(s.has_said("cab-lead-time refuses it; to move it voids this approval"));
    EXPECT_FALSE(s.has_said("need not wait"));

    // The deferral of the meeting that was, written down a day later, and twice.
    const auto next = recorded_late.change.queue->meeting_at;
    for (int i = 0; i < 2; ++i) {
        recorded_late.does("cora", "decide", R"({"outcome":"deferred","minutes":"more tests"})");
        EXPECT_EQ(recorded_late.change.queue->meeting_at, next);
        EXPECT_EQ(recorded_late.change.queue->missed_meeting_at, meeting);
        EXPECT_EQ(recorded_late.change.queue->deferred_because, "deferred: more tests");
    }
    recorded_late.now = next + 30min;
    recorded_late.does("cora", "decide", R"({"outcome":"deferred","minutes":"more tests"})");
    EXPECT_GT(recorded_late.change.queue->meeting_at, next);
}

TEST(Board, that_puts_it_off_ahead_of_its_meeting_does_not_mean_that_meeting) {
    auto s = queued();
    const auto meeting = s.change.queue->meeting_at;
    ASSERT_LT(s.now, meeting);
    s.said.clear();
    s.does("cora", "decide", R"({"outcome":"deferred","minutes":"more tests"})");
    EXPECT_GT(s.change.queue->meeting_at, meeting);
    EXPECT_EQ(s.change.queue->missed_meeting_at, meeting);
    EXPECT_TRUE(s.has_said("CHG-12 is on the agenda of CAB at "));
    EXPECT_TRUE(s.has_said("and must move behind it"));
    EXPECT_FALSE(s.has_said("decided ahead of the meeting"));
    EXPECT_EQ(s.change.steps.at(StepId("cab_queue")).state, StepState::open);
    s.said.clear();
    s.does(
        "rosa", "schedule", R"({"start":"2026-11-26T16:30","end":"2026-11-26T19:00","zone":"UTC"})"
    );
    EXPECT_TRUE(s.has_said("and must move behind it"));
}

TEST(Board, votes_against_count_too) {
    auto s = at_the_meeting();
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

void leave(Scenario& s, const char* board, const char* person) {
    std::erase(s.records.boards.at(board).members, PersonId(person));
    ++s.records.version;
}

TEST(Board, whose_member_has_left_since_is_asked_again) {
    auto s = ready();
    leave(s, "cab", "mika");
    const auto error = s.refused("ina", "start_run", deployment_elsewhere());
    EXPECT_EQ(error.reasons.at(0).gate, "cab-decision") << explain(error);
    EXPECT_EQ(error.reasons.at(0).message, "the quorum is not reached");
    EXPECT_THAT(error.reasons.at(0).evidence, ::testing::HasSubstr("mika"));
    s.does("cora", "vote", R"({"choice":"approve"})");
    s.does("lena", "vote", R"({"choice":"approve"})");
    s.does("cora", "decide", R"({"outcome":"approved"})");
    deploy(s);
}

TEST(Board, names_whose_vote_does_not_count_when_the_others_suffice) {
    auto s = at_the_meeting();
    for (const auto* person : {"cora", "lena", "mika"})
        s.does(person, "vote", R"({"choice":"approve"})");
    leave(s, "cab", "mika");
    s.does("cora", "decide", R"({"outcome":"approved"})");
    EXPECT_TRUE(s.has_said("the vote of mika does not count"));
    const auto result = evaluate(*find_gate("cab-decision"), s.change, s.facts("otto"));
    EXPECT_EQ(result.verdict, Verdict::pass);
    EXPECT_THAT(result.warnings, ::testing::Contains(::testing::HasSubstr("mika")));
}

TEST(Board, that_was_composed_anew_has_not_voted) {
    auto s = at_the_meeting();
    for (const auto* person : {"cora", "mika"})
        s.does(person, "vote", R"({"choice":"approve"})");
    s.records.boards.at("cab").members = {PersonId("lena")};
    s.records.boards.at("cab").chair = PersonId("lena");
    ++s.records.version;
    const auto error = s.refused("cora", "decide", R"({"outcome":"approved"})");
    EXPECT_EQ(error.reasons.at(0).message, "the quorum is not reached") << explain(error);
    for (const auto* person : {"cora", "mika"})
        EXPECT_THAT(error.reasons.at(0).evidence, ::testing::HasSubstr(person));
}

TEST(Board, of_an_emergency_that_lost_a_member_votes_again) {
    Scenario s;
    open(s);
    plan(s, "emergency");
    s.does("eva", "vote", R"({"choice":"approve"})");
    s.does("emil", "vote", R"({"choice":"approve"})");
    leave(s, "ecab", "emil");
    s.refused("cora", "complete_step", R"({"step":"cab_decision"})");
    s.does("eva", "vote", R"({"choice":"approve"})");
    s.does("mika", "vote", R"({"choice":"approve"})");
    s.complete("cora", "cab_decision");
}

void write(Scenario& s, const char* board, const char* person) {
    s.records.board_writes.edit()[board].by = PersonId(person);
    ++s.records.version;
}

TEST(Board, that_somebody_composed_for_his_own_change_does_not_decide_on_it) {
    Scenario s;
    open(s);
    plan(s);
    validate(s);
    for (const auto* person : {"rosa", "otto", "ina"}) {
        write(s, "cab", person);
        const auto error = s.refused("rosa", "submit");
        EXPECT_EQ(error.reasons.at(0).gate, "cab-decision") << explain(error);
        EXPECT_THAT(error.reasons.at(0).evidence, ::testing::StartsWith(person));
    }
    write(s, "cab", "petra");
    s.does("rosa", "submit");
    s.complete("rosa", "cab_queue");
    s.wait_until(meeting);
    write(s, "cab", "otto");
    EXPECT_EQ(s.refused("cora", "vote", R"({"choice":"approve"})").reasons.at(0).field, "board");
    write(s, "cab", "paul");
    for (const auto* person : {"cora", "mika"})
        s.does(person, "vote", R"({"choice":"approve"})");
    write(s, "cab", "ina");
    EXPECT_EQ(
        s.refused("cora", "decide", R"({"outcome":"approved"})").reasons.at(0).field, "board"
    );
    write(s, "cab", "paul");
    s.does("cora", "decide", R"({"outcome":"approved"})");
    s.does("otto", "assign", R"({"implementer":"paul"})");
    const auto error = s.refused("cora", "complete_step", R"({"step":"cab_decision"})");
    EXPECT_THAT(error.reasons.at(0).evidence, ::testing::StartsWith("paul, its implementer"));
}

TEST(Board, of_an_emergency_is_not_composed_by_who_asks_for_it) {
    Scenario s;
    open(s);
    plan(s, "emergency");
    write(s, "ecab", "rosa");
    EXPECT_EQ(s.refused("eva", "vote", R"({"choice":"approve"})").reasons.at(0).field, "board");
    write(s, "ecab", "petra");
    s.does("eva", "vote", R"({"choice":"approve"})");
}

// From before a second one was refused.
TEST(Board, of_an_emergency_is_one_of_one) {
    Scenario s;
    open(s);
    plan(s, "emergency");
    s.records.boards["night"] = s.records.boards.at("ecab");
    ++s.records.version;
    const auto error = s.refused("eva", "vote", R"({"choice":"approve"})");
    EXPECT_EQ(error.reasons.at(0).evidence, "boards ecab and night") << explain(error);
    s.records.boards.erase("night");
    ++s.records.version;
    s.does("eva", "vote", R"({"choice":"approve"})");
}

TEST(Board, does_not_count_who_may_not_vote_any_more) {
    auto s = ready();
    s.records.people.at(PersonId("mika")).roles = {Role::viewer};
    ++s.records.version;
    const auto error = s.refused("ina", "start_run", deployment_elsewhere());
    EXPECT_EQ(error.reasons.at(0).message, "the quorum is not reached") << explain(error);
    EXPECT_THAT(
        error.reasons.at(0).evidence,
        ::testing::HasSubstr("mika does not count: none of his roles votes any more")
    );
}

TEST(Board, of_an_emergency_that_has_decided_says_so) {
    Scenario s;
    open(s);
    plan(s, "emergency");
    for (const auto* person : {"eva", "emil"})
        s.does(person, "vote", R"({"choice":"approve"})");
    const auto error = s.refused("cora", "decide", R"({"outcome":"approved"})");
    EXPECT_EQ(error.message, "the board has decided") << explain(error);
    EXPECT_THAT(error.reasons.at(0).evidence, ::testing::StartsWith("ecab decided at"));
}

TEST(Board, that_changes_its_quorum_is_asked_by_the_new_one) {
    auto s = ready();
    s.policy.quorum = 3;
    const auto error = s.refused("ina", "start_run", deployment_elsewhere());
    EXPECT_EQ(error.reasons.at(0).message, "the quorum is not reached") << explain(error);
}

// Whose vote does not count, his condition is nobody's: on either board.
TEST(Board, takes_over_no_condition_of_a_vote_that_does_not_count) {
    constexpr std::string_view conditional =
        R"({"choice":"approve_with_conditions","comment":"only with the DBA"})";
    auto s = at_the_meeting();
    s.does("mika", "vote", conditional);
    for (const auto* person : {"cora", "lena"})
        s.does(person, "vote", R"({"choice":"approve"})");
    s.refused("cora", "decide", R"({"outcome":"approved"})");
    leave(s, "cab", "mika");
    auto other = s;
    other.does(
        "cora", "decide", R"({"outcome":"approved_with_conditions","conditions":["have coffee"]})"
    );
    EXPECT_EQ(other.change.decision->conditions.size(), 1u);
    s.does("cora", "decide", R"({"outcome":"approved"})");

    Scenario urgent;
    open(urgent);
    plan(urgent, "emergency");
    urgent.does("eva", "vote", conditional);
    leave(urgent, "ecab", "eva");
    urgent.does("emil", "vote", R"({"choice":"approve"})");
    EXPECT_FALSE(urgent.change.decision);
    urgent.does("mika", "vote", R"({"choice":"approve"})");
    ASSERT_TRUE(urgent.change.decision);
    EXPECT_EQ(urgent.change.decision->outcome, CabOutcome::approved);
    EXPECT_TRUE(urgent.change.decision->conditions.empty());
}

constexpr std::string_view as_emergency =
    R"({"type":"emergency","incident":"INC-7","reason":"down"})";
constexpr std::string_view as_normal = R"({"type":"normal","reason":"it can wait"})";

void expect_decision_is_open(const Scenario& s, std::string_view said) {
    EXPECT_FALSE(s.change.decision);
    EXPECT_EQ(s.change.state, ChangeState::in_review);
    EXPECT_EQ(s.change.steps.at(StepId("cab_decision")).state, StepState::open);
    ASSERT_FALSE(s.change.voided.empty());
    EXPECT_EQ(s.change.voided.back().sections, std::vector{Section::classification});
    EXPECT_TRUE(s.has_said(said));
    EXPECT_TRUE(s.has_said("the step cab_decision is open again"));
}

TEST(Board, of_the_new_type_decides_when_a_change_is_classified_anew) {
    auto s = approved();
    s.does("rosa", "classify", as_emergency);
    expect_decision_is_open(
        s, "the CAB's approval is void: the ECAB decides on an emergency: slipway change vote "
           "CHG-12 --choice approve"
    );
    ASSERT_TRUE(s.change.past_approvals);
    EXPECT_EQ(s.change.past_approvals->voters, (std::set{PersonId("cora"), PersonId("mika")}));
    s.complete("rosa", "classify");
    const auto error = s.refused("cora", "decide", R"({"outcome":"rejected","minutes":"m"})");
    EXPECT_EQ(error.reasons.at(0).message, "an emergency waits in no queue") << explain(error);
    for (const auto* person : {"eva", "emil"})
        s.does(person, "vote", R"({"choice":"approve"})");
    s.complete("cora", "cab_decision");
    EXPECT_EQ(s.change.state, ChangeState::approved);

    s.said.clear();
    s.tasks.clear();
    s.does("rosa", "classify", as_normal);
    expect_decision_is_open(
        s, "the ECAB's approval is void: a CAB decides on a normal change: slipway change vote "
           "CHG-12 --choice approve"
    );
    EXPECT_TRUE(!s.tasks.empty() || s.has_said("votes are wanted")) << "the CAB is told";
    s.complete("rosa", "classify");
    for (const auto* person : {"cora", "mika"})
        s.does(person, "vote", R"({"choice":"approve"})");
    s.does("cora", "decide", R"({"outcome":"approved"})");
    s.complete("cora", "cab_decision");
    EXPECT_EQ(s.change.state, ChangeState::approved);
}

TEST(Board, is_not_asked_again_when_the_type_stays_what_it_was) {
    auto s = approved();
    s.does("rosa", "classify", as_normal);
    EXPECT_TRUE(s.change.decision);
    EXPECT_TRUE(s.change.voided.empty());
}

TEST(Board, does_not_count_votes_for_the_other_board) {
    auto s = at_the_meeting();
    s.does("mika", "vote", R"({"choice":"approve"})");
    s.does("rosa", "classify", as_emergency);
    EXPECT_TRUE(s.change.votes.empty()) << "mika sits on both";
    EXPECT_TRUE(s.has_said("votes are void: the ECAB decides on an emergency"));
    s.does("eva", "vote", R"({"choice":"approve"})");
    EXPECT_FALSE(s.change.decision);
}

TEST(Board, of_an_emergency_has_not_approved_what_is_standard_now) {
    Scenario s;
    open(s);
    plan(s, "emergency");
    for (const auto* person : {"eva", "emil"})
        s.does(person, "vote", R"({"choice":"approve"})");
    s.does("rosa", "classify", R"({"type":"standard","catalogue_entry":"site-release"})");
    EXPECT_FALSE(s.change.decision);
    EXPECT_TRUE(s.has_said("a standard change is approved by its catalogue entry"));
}

// What an earlier version wrote replays as it was, and its changes are not stuck.
TEST(Board, of_the_new_type_decides_on_what_was_classified_anew_before_that_voided) {
    auto s = approved();
    ChangeClassified classified{*s.change.classification};
    classified.classification.type = ChangeType::emergency;
    const Stamp stamp{s.now, PersonId("rosa")};
    for (auto* change : {&s.change, &s.replayed})
        ASSERT_TRUE(apply_event(*change, ChangeClassified::type, json(encode(classified)), stamp));
    EXPECT_EQ(s.change.state, ChangeState::approved);
    EXPECT_TRUE(s.change.voided.empty());
    const auto result = evaluate(*find_gate("cab-decision"), s.change, s.facts("otto"));
    ASSERT_EQ(result.reasons.size(), 1u);
    EXPECT_EQ(result.reasons[0].field, "decision.board");
    EXPECT_THAT(result.reasons[0].remedy, ::testing::HasSubstr("ECAB vote with vote"));
    for (const auto* person : {"eva", "emil"})
        s.does(person, "vote", R"({"choice":"approve"})");
    EXPECT_TRUE(s.change.decision->emergency);
}

TEST(Board, judges_a_change_whose_way_back_was_waived) {
    Scenario s;
    open(s);
    plan(s);
    validate(s);
    s.change.runbooks.edit().erase("rollback");
    s.replayed = s.change;
    const auto error = s.refused("rosa", "submit");
    EXPECT_EQ(error.reasons.at(0).field, "rollback_runbook") << explain(error);
    EXPECT_EQ(
        error.reasons.at(0).remedy, "Pin it with pin_runbook --purpose rollback, then submit"
    );
    s.does("rosa", "request_waiver", R"({"gate":"rollback-runbook","reason":"a text only"})");
    s.does("petra", "grant_waiver", R"({"id":"W-1"})");
    s.does("rosa", "submit");
    EXPECT_TRUE(s.change.queue);
}

} // namespace
} // namespace slipway::domain::testing
