// SPDX-License-Identifier: Apache-2.0
// What a ring holds is part of what is approved on it: nobody moves an approved deployment, or what
// proves it, by editing the record of a ring.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/approved_ring.hpp"
#include "domain/change/testing/scenario.hpp"

namespace slipway::domain::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

void move_ring(Scenario& s, const char* ring = "production") {
    s.records.rings.at(ring).variables["SITE"] = "/elsewhere";
    ++s.records.version;
}

void put_back(Scenario& s, const char* ring = "production") {
    s.records.rings.at(ring).variables.clear();
    ++s.records.version;
}

Error refused_for_ring(Scenario& s, const char* person, const char* command, std::string body) {
    auto error = s.refused(person, command, body);
    EXPECT_THAT(first(error).field, HasSubstr("_ring")) << explain(error);
    EXPECT_THAT(first(error).remedy, HasSubstr("ut the ring back")) << explain(error);
    return error;
}

void approve_again(Scenario& s) {
    s.does("cora", "submit", R"({"keep_meeting_because":"only the site moved"})");
    s.does("cora", "vote", R"({"choice":"approve"})");
    s.does("mika", "vote", R"({"choice":"approve"})");
    s.does("cora", "decide", R"({"outcome":"approved"})");
    s.complete("cora", "cab_decision");
}

TEST(Ring, that_was_edited_after_the_approval_is_not_deployed_to) {
    auto s = ready();
    const auto approved = s.change.decision->sections.at("ring");
    move_ring(s);
    const auto error = refused_for_ring(s, "ina", "start_run", deployment_elsewhere());
    EXPECT_EQ(first(error).gate, "run-exact");
    EXPECT_THAT(first(error).message, HasSubstr("production"));
    EXPECT_THAT(first(error).evidence, HasSubstr(approved.hex()));
    EXPECT_THAT(
        first(error).evidence, HasSubstr(ring_contents_now(s.facts("ina"), "production").hex())
    );
    EXPECT_THAT(first(error).remedy, HasSubstr("compare_ring and have the change approved again"));
    put_back(s);
    deploy(s);
}

TEST(Ring, that_is_compared_with_other_contents_voids_the_approval) {
    auto s = approved();
    s.does("ina", "compare_ring");
    EXPECT_TRUE(s.change.decision) << "it holds what it held";
    move_ring(s);
    s.does("ina", "compare_ring");
    EXPECT_FALSE(s.change.decision);
    EXPECT_THAT(s.change.voided.back().sections, ElementsAre(Section::ring));
    EXPECT_EQ(s.change.steps.at(StepId("cab_decision")).state, StepState::open);
    approve_again(s);
    announce(s);
    make_ready(s);
    deploy(s);
}

TEST(Ring, about_which_more_is_found_is_the_same_ring) {
    auto s = ready();
    auto& ring = s.records.rings.at("production");
    ring.name = "The real thing";
    ring.hosts[0].facts["kernel"] = "6.2";
    ring.credentials[0].expires_at = at("2027-09-01T00:00Z");
    ++s.records.version;
    deploy(s);
}

TEST(Ring, that_was_edited_since_it_was_put_before_the_board_is_not_voted_on) {
    Scenario s;
    open(s);
    plan(s);
    validate(s);
    s.does("rosa", "submit");
    move_ring(s);
    EXPECT_EQ(
        first(refused_for_ring(s, "cora", "vote", R"({"choice":"approve"})")).gate, "cab-decision"
    );
    s.does("rosa", "submit");
    s.does("cora", "vote", R"({"choice":"approve"})");
    s.does("mika", "vote", R"({"choice":"approve"})");
    auto late = s;
    put_back(late);
    refused_for_ring(late, "cora", "decide", R"({"outcome":"approved"})");
    s.does("cora", "decide", R"({"outcome":"approved"})");
}

TEST(Ring, of_an_emergency_is_the_one_that_its_board_saw) {
    Scenario s;
    open(s);
    plan(s, "emergency");
    s.does("eva", "vote", R"({"choice":"approve"})");
    move_ring(s);
    s.does("emil", "vote", R"({"choice":"approve"})");
    EXPECT_FALSE(s.change.decision) << "eva voted for another ring";
    EXPECT_EQ(s.change.votes.size(), 1u);
    s.does("eva", "vote", R"({"choice":"approve"})");
    ASSERT_TRUE(s.change.decision);
    EXPECT_TRUE(s.change.decision->sections.contains("ring"));
    put_back(s);
    s.complete("cora", "cab_decision");
    EXPECT_THAT(
        explain(s.refused("ina", "start_run", deployment_elsewhere())),
        HasSubstr("the ring production is not as it was approved")
    );
}

TEST(Ring, of_a_change_without_one_cannot_be_voted_on) {
    Scenario s;
    open(s);
    plan(s, "emergency");
    s.records.rings.erase("production");
    ++s.records.version;
    EXPECT_EQ(
        first(s.refused("eva", "vote", R"({"choice":"approve"})")).message,
        "the change names no known production ring"
    );
}

TEST(Ring, that_an_old_approval_does_not_name_is_approved_again) {
    auto s = ready();
    s.change.ring_contents = Digest{};
    s.change.decision->sections.erase("ring");
    s.change.queue->sections.erase("ring");
    s.replayed = s.change;
    EXPECT_EQ(s.change.state, ChangeState::approved) << "it is read as it was written";
    const auto error = s.refused("ina", "start_run", deployment_elsewhere());
    EXPECT_EQ(first(error).field, "production_ring");
    EXPECT_THAT(first(error).message, HasSubstr("never approved"));
    s.does("ina", "compare_ring");
    EXPECT_THAT(s.change.voided.back().sections, ElementsAre(Section::ring));
    approve_again(s);
    deploy(s);
}

TEST(Ring, of_a_standard_change_is_the_one_that_was_compared) {
    Scenario s;
    open(s);
    plan(s, "standard");
    validate(s);
    announce(s);
    make_ready(s);
    move_ring(s);
    refused_for_ring(s, "ina", "start_run", deployment_elsewhere());
    s.does("ina", "compare_ring");
    deploy(s);
}

void start(Scenario& s, const char* executor) {
    s.does(
        "ina", "start_run",
        std::string_view(executor) == "external" ? deployment_elsewhere()
                                                 : R"({"purpose":"deployment"})"
    );
}

std::string report_of(const char* step, const char* state) {
    return fmt::format(R"({{"run":"run-3","steps":[{{"name":"{}","state":"{}"}}]}})", step, state);
}

std::string choice_of(const char* choice) {
    return fmt::format(R"({{"run":"run-3","choice":"{}","reason":"looked at it"}})", choice);
}

TEST(Ring, that_is_edited_during_a_run_stops_our_own_runner) {
    auto s = ready();
    start(s, "local");
    s.does("system", "report_run", report_of("drain", "running"));
    move_ring(s);
    s.does("system", "report_run", report_of("drain", "succeeded"));
    EXPECT_EQ(s.change.runs.back().state, RunState::waiting);
    EXPECT_EQ(s.change.runs.back().steps[0].state, RunStepState::succeeded) << "it was done";
    for (const auto* choice : {"retry", "skip"})
        EXPECT_EQ(
            first(refused_for_ring(s, "otto", "decide_run", choice_of(choice))).gate, "run-exact"
        );
    auto aborted = s;
    aborted.does("otto", "decide_run", choice_of("abort"));
    put_back(s);
    s.does("otto", "decide_run", choice_of("retry"));
    s.does("system", "report_run", report_of("switch", "running"));
    move_ring(s);
    s.does("system", "report_run", report_of("switch", "succeeded"));
    EXPECT_EQ(s.change.runs.back().state, RunState::waiting);
}

TEST(Ring, that_was_edited_lets_no_step_begin) {
    auto s = ready();
    start(s, "local");
    move_ring(s);
    refused_for_ring(s, "system", "report_run", report_of("drain", "running"));
    s.does("system", "report_run", report_of("drain", "failed"));
}

TEST(Ring, that_was_edited_leaves_another_runner_only_its_failure_to_report) {
    auto s = ready();
    start(s, "external");
    move_ring(s);
    for (const auto* state : {"running", "succeeded"})
        refused_for_ring(s, "ina", "report_run", report_of("drain", state));
    s.does("ina", "report_run", report_of("drain", "failed"));
}

TEST(Ring, that_was_edited_confirms_no_manual_step) {
    auto s = ready();
    s.change.runbooks.at("deployment").steps[1].kind = "manual";
    s.replayed = s.change;
    start(s, "external");
    s.does("ina", "report_run", report_of("drain", "succeeded"));
    move_ring(s);
    const std::string confirm = R"({"run":"run-3","step":"switch"})";
    refused_for_ring(s, "ina", "confirm_step", confirm);
    put_back(s);
    s.does("ina", "confirm_step", confirm);
}

TEST(Ring, that_was_deployed_to_is_the_one_that_goes_back) {
    auto s = deployed();
    move_ring(s);
    const std::string back = R"({"reason":"the front page fails","executor":"external"})";
    EXPECT_EQ(first(refused_for_ring(s, "pia", "roll_back", back)).gate, "rollback-done");
    put_back(s);
    s.does("pia", "roll_back", back);
}

TEST(Ring, that_was_deployed_to_is_the_one_that_is_tested) {
    auto s = deployed();
    move_ring(s);
    EXPECT_EQ(
        first(refused_for_ring(s, "ina", "run_smoke", R"({"occasion":"production"})")).gate,
        "smoke-production"
    );
    move_ring(s, "staging");
    refused_for_ring(s, "ina", "run_smoke", R"({"occasion":"staging"})");
    put_back(s);
    s.does("ina", "run_smoke", R"({"occasion":"production"})");
}

TEST(Ring, that_was_edited_chooses_no_other_snapshots) {
    auto s = approved();
    s.records.rings.at("production").snapshot_connector = "external";
    ++s.records.version;
    EXPECT_EQ(first(refused_for_ring(s, "ina", "take_snapshot", "{}")).gate, "snapshot");
}

TEST(Ring, that_is_compared_after_the_deployment_voids_nothing) {
    auto s = deployed();
    move_ring(s);
    s.does("ina", "compare_ring");
    EXPECT_TRUE(s.change.decision);
}

} // namespace
} // namespace slipway::domain::testing
