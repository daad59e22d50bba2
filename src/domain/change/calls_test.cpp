// SPDX-License-Identifier: Apache-2.0
// Calls that reach nobody are seen, and while production is touched somebody else is called.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/tasks.hpp"
#include "domain/change/testing/scenario.hpp"

namespace slipway::domain::testing {
namespace {

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
    const PageTask call{s.change.id, PersonId("otto"), "pager", "a step is due soon", "", true};
    EXPECT_TRUE(fails(s, call).empty());
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

} // namespace
} // namespace slipway::domain::testing
