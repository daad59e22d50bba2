// SPDX-License-Identifier: Apache-2.0
// Calls that reach nobody are seen, and while production is touched somebody else is called.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/tasks.hpp"
#include "domain/change/testing/scenario.hpp"

namespace slipway::domain::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

// A step of the deployment has failed, and its owner is called.
Scenario stopped() {
    auto s = ready();
    s.does("ina", "start_run", deployment_elsewhere());
    s.tasks.clear();
    s.does(
        "ina", "report_run",
        R"({"run":"run-3","steps":[{"name":"drain","state":"failed","detail":"disk full"}]})"
    );
    return s;
}

std::vector<PageTask> calls_in(const Scenario& s) {
    std::vector<PageTask> calls;
    for (const auto& task : s.tasks)
        if (task.kind == "page")
            calls.push_back(*restore<PageTask>(std::string_view(task.payload)));
    return calls;
}

// The calls that follow when this one reaches nobody.
std::vector<PageTask> fails(Scenario& s, const PageTask& call) {
    s.tasks.clear();
    s.events.clear();
    JsonObject body{
        {"person", call.person.value},
        {"subject", call.subject},
        {"body", call.body},
        {"detail", "no route"}};
    body["tried"] = to_json(call.tried);
    body["urgent"] = call.urgent;
    s.does("system", "report_call", encode(Json(body)));
    EXPECT_EQ(s.events.back().type, "call_failed");
    std::vector<PageTask> calls;
    for (const auto& task : s.tasks)
        calls.push_back(*restore<PageTask>(std::string_view(task.payload)));
    return calls;
}

TEST(CallsThatFail, go_to_the_next_of_those_who_decide) {
    auto s = stopped();
    ASSERT_EQ(s.tasks.size(), 1U);
    auto call = *restore<PageTask>(std::string_view(s.tasks[0].payload));
    EXPECT_EQ(call.person, PersonId("otto"));
    for (const auto* next : {"pia", "sven"}) {
        const auto calls = fails(s, call);
        ASSERT_EQ(calls.size(), 1U);
        EXPECT_EQ(calls[0].person, PersonId(next));
        EXPECT_EQ(calls[0].subject, call.subject);
        EXPECT_THAT(calls[0].body, ::testing::HasSubstr("disk full"));
        EXPECT_THAT(calls[0].body, ::testing::HasSubstr("otto was called and not reached"));
        call = calls[0];
    }
    EXPECT_TRUE(fails(s, call).empty()) << "there is nobody left";
}

TEST(CallsThatFail, wake_nobody_else_while_production_is_not_touched) {
    auto s = ready();
    PageTask call{s.change.id, PersonId("otto"), "pager", "a step is due soon", "", true};
    call.urgent = true;
    EXPECT_TRUE(fails(s, call).empty());
}

TEST(CallsThatFail, of_what_can_wait_wake_nobody_else_either) {
    auto s = stopped();
    const PageTask call{s.change.id, PersonId("otto"), "pager", "a step is due soon", "", true};
    EXPECT_TRUE(fails(s, call).empty());
}

// The run has ended, nobody has tested what it left there, and abort-by passes.
TEST(CallsThatFail, go_on_until_the_new_version_was_seen_to_work) {
    auto s = deployed();
    s.tasks.clear();
    s.now = at(window_start) + 119min;
    s.does("system", "tick");
    const auto alarms = calls_in(s);
    ASSERT_FALSE(alarms.empty());
    EXPECT_TRUE(alarms[0].urgent);
    const auto next = fails(s, alarms[0]);
    ASSERT_EQ(next.size(), 1U);
    EXPECT_EQ(next[0].person, PersonId("pia"));
}

TEST(CallsThatFail, for_want_of_a_name_are_on_the_record) {
    auto s = ready();
    s.does("ina", "start_run", R"({"purpose":"deployment"})");
    s.change.change_owner = PersonId{};
    s.replayed = s.change;
    s.does(
        "system", "report_run",
        R"({"run":"run-3","steps":[{"name":"drain","state":"failed","detail":"disk full"}]})"
    );
    ASSERT_EQ(s.events.back().type, "call_failed");
    EXPECT_THAT(s.events.back().data, ::testing::HasSubstr("nobody is named"));
}

TEST(Calls, that_no_connector_makes_are_left_to_who_is_there) {
    auto s = ready();
    s.records.rosters.at(s.change.roster).connector.clear();
    ++s.records.version;
    s.does("ina", "start_run", deployment_elsewhere());
    s.tasks.clear();
    s.does(
        "ina", "report_run",
        R"({"run":"run-3","steps":[{"name":"drain","state":"failed","detail":"disk full"}]})"
    );
    EXPECT_TRUE(s.tasks.empty());
    EXPECT_TRUE(s.has_said("calls otto, tell him yourself: CHG-12: run-3 stopped at drain"));
}

// The worker reported the stop, and its answer went nowhere.
TEST(Calls, that_no_connector_makes_are_on_the_record_when_the_server_decides) {
    auto s = ready();
    s.records.rosters.at(s.change.roster).connector = "external";
    ++s.records.version;
    s.does("ina", "start_run", R"({"purpose":"deployment"})");
    s.tasks.clear();
    s.does(
        "system", "report_run",
        R"({"run":"run-3","steps":[{"name":"drain","state":"failed","detail":"disk full"}]})"
    );
    EXPECT_TRUE(s.tasks.empty());
    ASSERT_EQ(s.events.back().type, "call_failed");
    EXPECT_THAT(s.events.back().data, ::testing::HasSubstr("otto"));
    EXPECT_THAT(s.events.back().data, ::testing::HasSubstr("run-3 stopped at drain"));
}

std::vector<std::string> called(const Scenario& s) {
    std::vector<std::string> people;
    for (const auto& call : calls_in(s))
        people.push_back(call.person.value);
    return people;
}

void leaves(Scenario& s, std::initializer_list<const char*> people) {
    for (const auto* person : people)
        s.records.people.at(PersonId(person)).inactive = true;
    ++s.records.version;
}

void drain_fails(Scenario& s, std::string_view reporter) {
    s.tasks.clear();
    s.does(
        reporter, "report_run",
        R"({"run":"run-3","steps":[{"name":"drain","state":"failed","detail":"disk full"}]})"
    );
}

TEST(Calls, pass_over_who_has_left) {
    auto s = ready();
    leaves(s, {"otto"});
    s.does("ina", "start_run", deployment_elsewhere());
    EXPECT_TRUE(s.has_said(
        "otto, the owner of the change, is no active person any more: pia is called when a step "
        "fails. Name another: slipway change assign CHG-12 --change_owner PERSON"
    ));
    drain_fails(s, "ina");
    ASSERT_THAT(called(s), ElementsAre("pia"));
    const auto call = calls_in(s).at(0);
    EXPECT_THAT(call.body, ::testing::StartsWith("otto has left, so you are called.\n"));
    EXPECT_THAT(call.body, HasSubstr("disk full"));
    const auto next = fails(s, call);
    ASSERT_THAT(next, SizeIs(1));
    EXPECT_EQ(next[0].person, PersonId("sven"));
    leaves(s, {"sven"});
    EXPECT_THAT(fails(s, call), IsEmpty());
}

TEST(Calls, that_find_nobody_who_is_still_there_say_so) {
    auto s = ready();
    s.does("ina", "start_run", deployment_elsewhere());
    auto served = ready();
    served.does("ina", "start_run", R"({"purpose":"deployment"})");
    for (auto* scenario : {&s, &served})
        leaves(*scenario, {"otto", "pia", "sven"});
    drain_fails(s, "ina");
    EXPECT_THAT(called(s), IsEmpty());
    EXPECT_TRUE(s.has_said("otto has left, and nobody else is named who could be called: CHG-12"));
    drain_fails(served, "system");
    ASSERT_EQ(served.events.back().type, "call_failed");
    EXPECT_THAT(served.events.back().data, HasSubstr("has left, and nobody else"));
}

TEST(Calls, of_owner_and_implementer_who_have_both_left_are_made_once) {
    auto s = deployed();
    leaves(s, {"otto", "ina"});
    s.tasks.clear();
    s.now = at(window_start) + 119min;
    s.does("system", "tick");
    std::set<std::pair<std::string, std::string>> made;
    for (const auto& call : calls_in(s))
        EXPECT_TRUE(made.emplace(call.person.value, call.subject).second) << call.subject;
    EXPECT_FALSE(made.empty());
}

TEST(Calls, of_a_stopped_run_name_the_whole_command) {
    const auto s = stopped();
    const auto call = calls_in(s).at(0);
    EXPECT_THAT(
        call.body, HasSubstr("Decide: slipway change decide_run CHG-12 --run run-3 --step drain "
                             "--attempt 1 --choice "
                             "retry --reason WHY\n")
    );
    EXPECT_THAT(
        call.body,
        HasSubstr("\nGo back: slipway change roll_back CHG-12 --reason WHY; or to the snapshots: "
                  "slipway change revert_snapshot CHG-12 --reason WHY\n")
    );
}

TEST(Calls, of_a_stopped_run_say_where_until_when_and_how_one_looks_on) {
    const auto call = calls_in(stopped()).at(0);
    EXPECT_THAT(call.body, HasSubstr("\nRing: production\nAbort by: Thu 2026-11-26 11:"));
    EXPECT_THAT(call.body, HasSubstr("\nWhat it wrote: slipway run follow CHG-12\n"));
}

TEST(Calls, a_rollback_that_waits_calls_who_decides_there) {
    auto s = deployed();
    s.tasks.clear();
    s.does("otto", "roll_back", R"({"reason":"it fails","executor":"external"})");
    ASSERT_THAT(called(s), ElementsAre("pia"));
    const auto call = calls_in(s).at(0);
    EXPECT_EQ(call.subject, "CHG-12: run-4 waits for you at turn-round");
    EXPECT_THAT(
        call.body,
        HasSubstr("slipway change confirm_step CHG-12 --run run-4 --step turn-round --note SEEN\n")
    );
    EXPECT_TRUE(s.has_said("pia lets it go on: slipway change confirm_step CHG-12 --run run-4"));
    EXPECT_THAT(fails(s, call), SizeIs(1)) << "somebody else is called";
}

TEST(Calls, who_lets_a_run_wait_for_himself_is_not_called) {
    auto s = deployed();
    s.tasks.clear();
    s.does("pia", "roll_back", R"({"reason":"it fails","executor":"external"})");
    EXPECT_THAT(called(s), IsEmpty());
    EXPECT_TRUE(s.has_said("pia lets it go on"));
}

TEST(Calls, a_step_of_the_way_back_that_names_nobody_is_its_owners) {
    for (const auto* person : {"pia", "sven", "otto"}) {
        auto s = deployed();
        s.change.runbooks.at("rollback").steps[0].owner.clear();
        if (person == std::string_view("sven"))
            s.change.rollback_owner = PersonId{};
        if (person == std::string_view("otto"))
            s.change.rollback_owner = s.change.rollback_backup = PersonId{};
        s.replayed = s.change;
        s.tasks.clear();
        s.does("petra", "roll_back", R"({"reason":"it fails","executor":"external"})");
        EXPECT_THAT(called(s), ElementsAre(person));
    }
}

TEST(Calls, a_smoke_test_that_fails_on_production_calls_the_owner) {
    auto s = deployed();
    s.now += 1min;
    s.tasks.clear();
    s.smoke("ina", "production");
    EXPECT_THAT(called(s), IsEmpty()) << "it passed";
    s.smoke("ina", "production", false);
    ASSERT_THAT(called(s), ElementsAre("otto"));
    const auto call = calls_in(s).at(0);
    EXPECT_EQ(call.subject, "CHG-12: the smoke test of production failed");
    for (const auto* part :
         {"front-page\n", "slipway change roll_back CHG-12 --reason WHY\n",
          "otto, pia, sven or a change manager decides, by Thu 2026-11-26 11:", "(abort-by)"})
        EXPECT_THAT(call.body, HasSubstr(part));
    const auto next = fails(s, call);
    ASSERT_THAT(next, SizeIs(1));
    EXPECT_EQ(next[0].person, PersonId("pia"));
    s.tasks.clear();
    s.smoke("otto", "production", false);
    EXPECT_THAT(called(s), IsEmpty()) << "he says so himself";
}

TEST(Calls, a_way_back_that_does_not_work_calls_the_owner_once_more) {
    auto s = deployed();
    s.does("pia", "roll_back", R"({"reason":"it fails","executor":"external"})");
    s.does("pia", "confirm_step", R"({"run":"run-4","step":"turn-round","note":"seen"})");
    for (const auto* step : {"switch-back", "verify-back"})
        s.does(
            "ina", "report_run",
            fmt::format(R"({{"run":"run-4","steps":[{{"name":"{}","state":"succeeded"}}]}})", step)
        );
    s.now += 1min;
    s.tasks.clear();
    s.smoke("ina", "rollback", false);
    ASSERT_THAT(called(s), ElementsAre("otto"));
    EXPECT_THAT(calls_in(s).at(0).body, HasSubstr("Go back once more: slipway change roll_back"));
}

// alma is an administrator, zoe is not active, rosa asks for it, jonas wrote the runbooks, ina
// carries it out.
TEST(Votes, are_asked_of_who_may_vote_once_a_submission) {
    auto s = approved();
    const auto submitted = [&](std::string_view person, std::string_view body = "{}") {
        s.tasks.clear();
        s.does(person, "submit", body);
        return called(s);
    };
    s.does("rosa", "describe", R"({"summary":"harbor-site 1.4 -> 1.6 on web-1: a berth field",
        "business_driver":"The port needs it","customer_impact":"Pages stay",
        "cis":[{"ci":"harbor-site","host":"web-1","version_from":"1.4","version_to":"1.6"}]})");
    EXPECT_THAT(submitted("rosa"), UnorderedElementsAre("cora", "mika", "lena"));
    const auto call = calls_in(s).at(0);
    EXPECT_EQ(call.subject, "CHG-12: your vote is wanted");
    EXPECT_THAT(call.body, HasSubstr("It is on the agenda of CAB at Wed 2026-12-02 10:00 UTC"));
    EXPECT_THAT(call.body, HasSubstr("slipway change vote CHG-12 --choice approve\n"));
    EXPECT_THAT(submitted("rosa"), IsEmpty()) << "the board has it already";
}

TEST(Votes, that_nothing_can_ask_for_are_named_in_the_answer) {
    Scenario s;
    s.records.rosters.at("harbor").connector = "external";
    ++s.records.version;
    open(s);
    plan(s);
    validate(s);
    s.does("rosa", "submit");
    EXPECT_THAT(called(s), IsEmpty());
    EXPECT_TRUE(s.has_said("tell them yourself that their votes are wanted: cora, mika, lena"));
}

TEST(Votes, of_the_emergency_board_are_asked_for_when_it_becomes_an_emergency) {
    Scenario s;
    open(s);
    plan(s);
    s.tasks.clear();
    constexpr std::string_view emergency =
        R"({"type":"emergency","incident":"INC-7","reason":"customers cannot sign in"})";
    s.does("rosa", "classify", emergency);
    EXPECT_THAT(called(s), UnorderedElementsAre("eva", "emil", "mika"));
    EXPECT_THAT(
        calls_in(s).at(0).body, HasSubstr("It is an emergency: customers cannot sign in.\n")
    );
    s.tasks.clear();
    s.does("rosa", "classify", emergency);
    EXPECT_THAT(called(s), IsEmpty());
}

// Nothing hinders it: a vote and a decision are about bytes, and the meeting is where people agree.
TEST(Votes, and_a_decision_ahead_of_the_meeting_count_and_the_answer_says_so) {
    Scenario s;
    open(s);
    plan(s);
    validate(s);
    s.does("rosa", "submit");
    s.does("cora", "vote", R"({"choice":"approve"})");
    s.does("mika", "vote", R"({"choice":"approve"})");
    s.does("cora", "decide", R"({"outcome":"approved"})");
    EXPECT_TRUE(s.has_said("decided ahead of the meeting of CAB at Wed 2026-11-25 10:00 UTC"));
    EXPECT_TRUE(is_approved(s.change));
}

} // namespace
} // namespace slipway::domain::testing
