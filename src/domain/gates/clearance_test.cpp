// SPDX-License-Identifier: Apache-2.0
// A pipeline is told to go exactly when a deployment would be accepted.
#include "domain/gates/clearance.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/testing/scenario.hpp"

namespace slipway::domain::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

Clearance clearance(const Scenario& s) {
    return clearance_of(s.change, s.facts("vic"));
}

TEST(Clearance, is_given_when_a_deployment_may_start_whoever_asks) {
    EXPECT_TRUE(clearance(ready()).go);
    EXPECT_TRUE(clearance_of(ready().change, ready().facts("cora")).go) << "who approved it";
}

TEST(Clearance, says_no_in_the_words_of_the_deployment_that_is_refused) {
    const std::vector<std::pair<const char*, std::function<void(Scenario&)>>> breaks{
        {"snapshot", [](auto& s) { s.change.snapshots.clear(); }},
        {"backup", [](auto& s) { s.change.backup.reset(); }},
        {"impact", [](auto& s) { s.change.impact.reset(); }},
        {"a step", [](auto& s) { s.change.steps.erase(StepId("impact")); }},
        {"too early", [](auto& s) { s.now = at(window_start) - 1s; }},
        {"too late", [](auto& s) { s.now = at(window_end); }},
    };
    for (const auto& [what, breaks_it] : breaks) {
        auto s = ready();
        breaks_it(s);
        const auto told = clearance(s);
        EXPECT_FALSE(told.go) << what;
        ASSERT_FALSE(told.reasons.empty()) << what;
        const auto refused = s.refused("ina", "start_run", deployment_elsewhere());
        EXPECT_EQ(told.reasons, refused.reasons) << what << ": " << explain(refused);
    }
}

TEST(Clearance, waits_for_another_run_of_the_change) {
    auto s = ready();
    s.change.runs[0].state = RunState::running;
    s.change.runs[0].steps[0].state = RunStepState::running;
    const auto told = clearance(s);
    ASSERT_FALSE(told.go);
    EXPECT_FALSE(told.over);
}

TEST(Clearance, is_refused_at_once_when_the_deployment_is_behind_the_change) {
    auto s = ready();
    s.does("ina", "start_run", R"({"purpose":"deployment"})");
    auto told = clearance(s);
    EXPECT_FALSE(told.go);
    EXPECT_TRUE(told.over);
    ASSERT_EQ(told.reasons.size(), 1u);
    EXPECT_EQ(told.reasons[0].message, "the deployment is under way");
    EXPECT_THAT(told.reasons[0].remedy, HasSubstr("slipway run follow"));
    told = clearance(deployed());
    EXPECT_TRUE(told.over);
    ASSERT_EQ(told.reasons.size(), 1u);
    EXPECT_EQ(told.reasons[0].message, "the change is past its deployment");
    s = approved();
    s.does("otto", "cancel", R"({"reason":"not wanted any more"})");
    told = clearance(s);
    EXPECT_TRUE(told.over);
    ASSERT_EQ(told.reasons.size(), 1u);
    EXPECT_EQ(told.reasons[0].message, "the change is over");
}

TEST(Clearance, of_a_checklist_that_deploys_nothing_is_about_approval_and_time) {
    Scenario s(decommission_workflow());
    open(s);
    const auto told = clearance(s);
    EXPECT_FALSE(told.go);
    for (const auto& reason : told.reasons)
        EXPECT_NE(reason.field, "deployment_runbook");
}

} // namespace
} // namespace slipway::domain::testing
