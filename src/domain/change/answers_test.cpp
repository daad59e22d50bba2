// SPDX-License-Identifier: Apache-2.0
// What answers, refusals and notices say, so that whoever reads them knows what to type and when.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/testing/scenario.hpp"
#include "domain/gates/gate.hpp"

namespace slipway::domain::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Answers, a_notice_gives_the_window_in_its_zone) {
    const auto s = ready();
    const auto& body = s.change.notices.at(0).body;
    EXPECT_THAT(body, HasSubstr("Start:     Thu 2026-11-26 10:00 UTC\n"));
    EXPECT_THAT(body, Not(HasSubstr("2026-11-26T")));
}

TEST(Answers, the_same_notice_within_the_hour_is_remarked_on) {
    auto s = ready();
    const auto sends = [&](std::string_view message) {
        s.said.clear();
        s.does(
            "otto", "send_notice", fmt::format(R"({{"kind":"update","message":"{}"}})", message)
        );
        return s.has_said("said the very same at Thu 2026-11-26 10:01 UTC");
    };
    EXPECT_FALSE(sends("half done"));
    EXPECT_FALSE(sends("nearly done"));
    EXPECT_TRUE(sends("half done"));
    s.now += 61min;
    EXPECT_FALSE(sends("half done"));
}

TEST(Answers, what_is_owed_holds_up_the_closing_until_it_is_settled) {
    Scenario s;
    open(s);
    plan(s, "emergency");
    s.does("ina", "postpone_step", R"({"step":"rehearsal","reason":"customers wait"})");
    EXPECT_TRUE(s.has_said("; the change cannot be closed until it is settled"));
}

TEST(Answers, who_closes_it_as_a_success_reads_which_decision_speaks_against_it) {
    auto s = ready();
    s.does("ina", "start_run", deployment_elsewhere());
    s.does(
        "ina", "report_run",
        R"({"run":"run-3","steps":[{"name":"drain","state":"failed","detail":"disk full"}]})"
    );
    s.does("otto", "decide_run", R"({"run":"run-3","choice":"retry","reason":"it has room now"})");
    for (const auto* step : {"drain", "switch", "verify"})
        s.does(
            "ina", "report_run",
            fmt::format(R"({{"run":"run-3","steps":[{{"name":"{}","state":"succeeded"}}]}})", step)
        );
    s.complete("ina", "execute");
    stabilise(s);
    s.does(
        "otto", "add_action",
        R"({"title":"watch the disk","owner":"ina","due_at":"2026-12-20T10:00:00Z"})"
    );
    wind_up(s);
    const auto error =
        s.refused("otto", "close", R"({"outcome":"successful","summary":"it runs"})");
    EXPECT_EQ(first(error).message, "something deviated from the runbook");
    EXPECT_EQ(first(error).evidence, "retry of drain in run-3 by otto");
}

TEST(Answers, a_window_that_somebody_has_to_answer_for_says_what_he_types) {
    auto s = approved();
    s.does(
        "rosa", "schedule", R"({"start":"2026-12-03T01:00","end":"2026-12-03T03:00","zone":"UTC"})"
    );
    EXPECT_TRUE(s.has_said("Its owner lena acknowledges it with slipway change acknowledge_impact "
                           "CHG-12 --ci nightly-report"));
    EXPECT_TRUE(s.has_said("the step impact is open again; then complete it: slipway change "
                           "complete_step CHG-12 --step impact"));
}

TEST(Classifying, otherwise_than_the_rules_propose_says_what_they_do) {
    Scenario s;
    open(s);
    const auto error = s.refused("rosa", "classify", R"({"type":"emergency","authoriser":"eva"})");
    EXPECT_THAT(error.message, HasSubstr("the rules propose normal (no catalogue entry matches"));
}

TEST(Answers, a_window_before_the_meeting_is_moved_with_a_command) {
    auto s = approved();
    s.does(
        "rosa", "schedule", R"({"start":"2026-11-24T10:00","end":"2026-11-24T12:00","zone":"UTC"})"
    );
    const auto gate = evaluate(*find_gate("cab-lead-time"), s.change, s.facts("rosa"));
    ASSERT_EQ(gate.reasons.size(), 1u);
    EXPECT_EQ(
        gate.reasons[0].remedy,
        "Move the window behind the meeting of Wed 2026-11-25 10:00 UTC, with schedule --start "
        "TIME --end TIME --zone UTC"
    );
}

TEST(Answers, a_standard_change_without_an_entry_is_told_how_to_name_one) {
    Scenario s;
    open(s);
    const auto error = s.refused("rosa", "classify", R"({"type":"standard","reason":"routine"})");
    EXPECT_THAT(first(error).remedy, HasSubstr("classify --type standard --catalogue_entry ID"));
}

TEST(Answers, a_failed_smoke_test_names_the_way_back_who_decides_and_until_when) {
    auto s = deployed();
    s.now += 1min;
    s.smoke("ina", "production", false);
    const auto gate = evaluate(*find_gate("smoke-production"), s.change, s.facts("ina"));
    ASSERT_FALSE(gate.reasons.empty());
    EXPECT_THAT(
        gate.reasons[0].remedy,
        HasSubstr("run the list again; or go back with roll_back --reason WHY: otto, pia, sven or "
                  "a change manager decides, by Thu 2026-11-26 11:")
    );
    EXPECT_THAT(gate.reasons[0].remedy, HasSubstr("(abort-by)"));
}

} // namespace
} // namespace slipway::domain::testing
