// SPDX-License-Identifier: Apache-2.0
// What a ring holds is part of what is approved on it: nobody moves an approved deployment, or what
// proves it, by editing the record of a ring.
#include <array>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/approved_ring.hpp"
#include "domain/change/testing/scenario.hpp"
#include "domain/gates/clearance.hpp"

namespace slipway::domain::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

void move_ring(Scenario& s, const char* ring = "production", const char* site = "/elsewhere") {
    s.records.rings.at(ring).variables["SITE"] = site;
    s.records.ring_writes[ring] = {at("2026-11-26T08:00Z"), PersonId("ina")};
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
    move_ring(s);
    const auto error = refused_for_ring(s, "ina", "start_run", deployment_elsewhere());
    EXPECT_EQ(first(error).gate, "run-exact");
    EXPECT_THAT(first(error).message, HasSubstr("production"));
    EXPECT_THAT(
        first(error).evidence, HasSubstr(R"(variables.SITE was nothing and is "/elsewhere")")
    );
    EXPECT_THAT(first(error).evidence, HasSubstr("last written 2026-11-26T08:00:00.000Z by ina"));
    EXPECT_THAT(first(error).remedy, HasSubstr("compare_ring and have the change approved"));
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
    s.change.ring_record.reset();
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

TEST(Ring, of_a_standard_change_is_one_that_its_entry_was_approved_for) {
    Scenario s;
    open(s);
    plan(s, "standard");
    validate(s);
    announce(s);
    make_ready(s);
    EXPECT_EQ(s.change.state, ChangeState::approved);
    move_ring(s);
    refused_for_ring(s, "ina", "start_run", deployment_elsewhere());
    s.does("ina", "compare_ring");
    EXPECT_NE(s.change.state, ChangeState::approved) << "who deploys does not approve it";
    EXPECT_EQ(s.change.steps.at(StepId("classify")).state, StepState::open);
    const auto error = refused_for_ring(s, "ina", "start_run", deployment_elsewhere());
    EXPECT_EQ(first(error).gate, "classification");
    EXPECT_THAT(first(error).evidence, HasSubstr("/elsewhere"));
    EXPECT_THAT(first(error).remedy, HasSubstr("approved anew"));
    s.records.catalogue.at("site-release").rings.push_back(s.change.ring_contents);
    ++s.records.version;
    s.complete("rosa", "classify");
    deploy(s);
}

TEST(Ring, that_is_not_named_leaves_no_gap_in_the_refusal) {
    const Scenario s;
    const auto reason = ring_not_as_approved(s.change, s.facts("rosa"));
    ASSERT_TRUE(reason);
    EXPECT_EQ(reason->message, "what the production ring holds was never approved");
    EXPECT_EQ(reason->evidence, "no ring is named");
}

TEST(Ring, of_a_standard_change_is_judged_before_it_is_recorded) {
    Scenario s;
    open(s);
    move_ring(s);
    try {
        plan(s, "standard");
        ADD_FAILURE() << "nobody approved the entry for this ring";
    } catch (const std::runtime_error& error) {
        EXPECT_THAT(error.what(), HasSubstr("the catalogue entry is not for the ring production"));
    }
}

TEST(Ring, that_a_board_approves_stands_in_the_change_to_be_read) {
    Scenario s;
    open(s);
    plan(s);
    s.records.rings.at("production").variables["SITE"] = "/srv/site";
    ++s.records.version;
    validate(s);
    EXPECT_TRUE(s.has_said("the ring production holds variables SITE=/srv/site; hosts web-1"));
    ASSERT_TRUE(s.change.ring_record);
    EXPECT_EQ(s.change.ring_record->variables.at("SITE"), "/srv/site");
    EXPECT_EQ(s.change.ring_record->credentials.at(0).name, "deploy-key");
    move_ring(s);
    s.does("rosa", "submit");
    EXPECT_TRUE(s.has_said("its record was last written 2026-11-26T08:00:00.000Z by ina"));
    EXPECT_TRUE(s.has_said(
        R"(not as it was recorded before: variables.SITE was "/srv/site" and is "/elsewhere")"
    ));
    EXPECT_EQ(s.change.ring_record->variables.at("SITE"), "/elsewhere");
}

TEST(Ring, that_was_recorded_without_its_contents_is_recorded_once_more) {
    auto s = approved();
    s.change.ring_record.reset();
    s.replayed = s.change;
    s.does("ina", "compare_ring");
    EXPECT_TRUE(s.change.ring_record);
    EXPECT_TRUE(s.change.decision) << "it is the same ring";
}

TEST(Ring, that_is_not_as_it_was_approved_is_mended_in_the_same_words_at_every_gate) {
    auto s = ready();
    move_ring(s);
    const auto remedy =
        first(refused_for_ring(s, "ina", "start_run", deployment_elsewhere())).remedy;
    for (const auto& [person, command, body] : std::vector<std::array<const char*, 3>>{
             {"ina", "take_snapshot", "{}"},
             {"cora", "vote", R"({"choice":"approve"})"},
             {"cora", "decide", R"({"outcome":"approved"})"}}) {
        const auto error = refused_for_ring(s, person, command, body);
        EXPECT_EQ(error.reasons.size(), 1u) << explain(error);
        EXPECT_EQ(first(error).remedy, remedy) << command;
    }
    const auto clearance = clearance_of(s.change, s.facts("otto"));
    ASSERT_EQ(clearance.reasons.size(), 1u);
    EXPECT_EQ(clearance.reasons[0].remedy, remedy);
}

TEST(Ring, that_was_edited_clears_no_pipeline) {
    auto s = ready();
    EXPECT_TRUE(clearance_of(s.change, s.facts("otto")).go);
    move_ring(s);
    const auto clearance = clearance_of(s.change, s.facts("otto"));
    EXPECT_FALSE(clearance.go);
    EXPECT_FALSE(clearance.over) << "it can be put back";
    ASSERT_FALSE(clearance.reasons.empty());
    const auto started = s.refused("ina", "start_run", deployment_elsewhere());
    EXPECT_EQ(clearance.reasons[0], first(started));
}

void start_deployment(Scenario& s, const char* executor) {
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
    start_deployment(s, "local");
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
    start_deployment(s, "local");
    move_ring(s);
    refused_for_ring(s, "system", "report_run", report_of("drain", "running"));
    s.does("system", "report_run", report_of("drain", "failed"));
}

TEST(Ring, that_was_edited_leaves_another_runner_only_its_failure_to_report) {
    auto s = ready();
    start_deployment(s, "external");
    move_ring(s);
    for (const auto* state : {"running", "succeeded"})
        refused_for_ring(s, "ina", "report_run", report_of("drain", state));
    s.does("ina", "report_run", report_of("drain", "failed"));
}

TEST(Ring, that_was_edited_confirms_no_manual_step) {
    auto s = ready();
    s.change.runbooks.at("deployment").steps[1].kind = "manual";
    s.replayed = s.change;
    start_deployment(s, "external");
    s.does("ina", "report_run", report_of("drain", "succeeded"));
    move_ring(s);
    const std::string confirm = R"({"run":"run-3","step":"switch","note":"seen"})";
    refused_for_ring(s, "ina", "confirm_step", confirm);
    put_back(s);
    s.does("ina", "confirm_step", confirm);
}

const std::string back = R"({"reason":"the front page fails","executor":"external"})";

TEST(Ring, that_was_deployed_to_is_the_one_that_goes_back_whatever_its_record_says) {
    auto s = deployed();
    const auto contents = last_run(s.change, RunPurpose::deployment)->ring_contents;
    move_ring(s);
    s.does("pia", "roll_back", back);
    const auto& run = s.change.runs.back();
    EXPECT_TRUE(is_active(run));
    EXPECT_EQ(run.ring_contents, contents);
    ASSERT_NE(kept_ring(s.change, run), nullptr);
    EXPECT_TRUE(kept_ring(s.change, run)->variables.empty()) << "what the deployment ran with";
    EXPECT_THAT(run.ring_edits, HasSubstr("/elsewhere"));
    EXPECT_THAT(run.ring_edits, HasSubstr("by ina"));
    EXPECT_TRUE(s.has_said("the ring production was edited since"));
    const auto id = run.id.value;
    const auto steps = run.steps;
    for (const auto& step : steps) {
        if (s.change.runs.back().state == RunState::waiting)
            s.does(
                "pia", "confirm_step",
                fmt::format(R"({{"run":"{}","step":"{}","note":"seen"}})", id, step.name)
            );
        else
            s.does(
                "ina", "report_run",
                fmt::format(
                    R"({{"run":"{}","steps":[{{"name":"{}","state":"succeeded"}}]}})", id, step.name
                )
            );
    }
    EXPECT_EQ(s.change.state, ChangeState::rolled_back);
    s.does("ina", "run_smoke", R"({"occasion":"rollback"})");
    const auto gate = evaluate(*find_gate("rollback-done"), s.change, s.facts("otto"));
    ASSERT_FALSE(gate.warnings.empty());
    EXPECT_THAT(gate.warnings[0], HasSubstr("/elsewhere"));
}

TEST(Ring, that_is_edited_during_a_deployment_does_not_hold_up_the_way_back) {
    auto s = ready();
    start_deployment(s, "external");
    s.does("ina", "report_run", report_of("drain", "failed"));
    move_ring(s);
    EXPECT_THAT(
        first(refused_for_ring(s, "otto", "decide_run", choice_of("retry"))).remedy,
        HasSubstr("roll_back")
    );
    s.does("pia", "roll_back", back);
}

TEST(Ring, of_a_deployment_that_kept_no_contents_is_put_back_before_the_way_back) {
    auto s = deployed();
    s.change.ring_record.reset();
    s.replayed = s.change;
    move_ring(s);
    EXPECT_EQ(first(refused_for_ring(s, "pia", "roll_back", back)).gate, "rollback-done");
    EXPECT_EQ(
        first(refused_for_ring(s, "ina", "run_smoke", R"({"occasion":"production"})")).gate,
        "smoke-production"
    );
    put_back(s);
    s.does("pia", "roll_back", back);
}

// A list has commands, and they get the secrets of the ring.
TEST(Ring, of_production_is_tested_with_no_list_that_nobody_approved) {
    Scenario s;
    open(s);
    plan(s);
    const std::pair<const char*, const char*> rows[] = {
        {"production", "smoke-production"}, {"rollback", "rollback-done"}};
    for (const auto& [occasion, gate] : rows) {
        const auto error =
            s.refused("ina", "run_smoke", fmt::format(R"({{"occasion":"{}"}})", occasion));
        EXPECT_EQ(first(error).gate, gate) << occasion;
        EXPECT_EQ(first(error).field, "runs") << occasion;
        EXPECT_THAT(first(error).remedy, HasSubstr("--occasion staging")) << occasion;
    }
    // Nor as the test ring of another change.
    s.does("ina", "run_smoke", R"({"occasion":"staging"})");
    s.records.rings.at("staging").kind = RingKind::production;
    ++s.records.version;
    for (const auto* occasion : {"staging", "rehearsal"}) {
        const auto error =
            s.refused("ina", "run_smoke", fmt::format(R"({{"occasion":"{}"}})", occasion));
        EXPECT_EQ(first(error).field, "test_ring") << occasion;
        EXPECT_EQ(error.message, "a test never runs on production") << occasion;
    }
}

TEST(Ring, that_was_deployed_to_is_the_one_that_is_tested) {
    auto s = deployed();
    move_ring(s);
    s.does("ina", "run_smoke", R"({"occasion":"production"})");
    move_ring(s, "staging", "/another");
    refused_for_ring(s, "ina", "run_smoke", R"({"occasion":"staging"})");
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
