// SPDX-License-Identifier: Apache-2.0
// Runs of different changes on the same machines: what is refused, what no longer counts, and that
// nobody is kept from going back.
#include "domain/change/ring_use.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/smoke_subject.hpp"
#include "domain/change/testing/scenario.hpp"
#include "domain/gates/gate.hpp"

namespace slipway::domain::testing {
namespace {

using ::testing::HasSubstr;

void put_other_run(Scenario& s, const std::string& ring, std::set<std::string> touches = {}) {
    s.ring_uses[ring].under_way = {
        {ChangeId("CHG-7"), RunId("run-3"), ring, s.now, PersonId("petra"), std::move(touches)}};
}

TEST(RingUse, on_a_test_ring_nothing_begins_beside_the_run_of_another_change) {
    auto s = ready();
    put_other_run(s, "staging");

    const struct {
        const char* command;
        const char* body;
        const char* gate;
    } rows[] = {
        {"start_run", R"({"purpose":"ring_deploy"})", "run-exact"},
        {"start_run", R"({"purpose":"rehearsal"})", "run-exact"},
        {"run_smoke", R"({"occasion":"staging"})", "smoke-staging"},
    };

    for (const auto& row : rows) {
        SCOPED_TRACE(row.body);
        const auto error = s.refused("ina", row.command, row.body);
        EXPECT_EQ(first(error).gate, row.gate);
        EXPECT_THAT(first(error).evidence, HasSubstr("run-3 of CHG-7 on staging"));
        EXPECT_THAT(
            first(error).remedy,
            HasSubstr("slipway change decide_run CHG-7 --run run-3 --choice abort --reason")
        );
    }
    s.ring_uses["staging"].under_way.clear();
    s.does("ina", "start_run", R"({"purpose":"ring_deploy"})");
}

TEST(RingUse, a_run_keeps_its_number_on_the_ring) {
    auto s = ready();
    EXPECT_EQ(s.change.runs[0].ring_turn, 1u);
    EXPECT_EQ(s.change.runs[1].ring_turn, 2u);
    s.ring_uses["staging"].turns += 3; // of other changes
    s.run("ina", "ring_deploy");
    EXPECT_EQ(s.change.runs[2].ring_turn, 6u);
    EXPECT_EQ(other_runs_since(s.change, s.change.runs[0], 2), 0u);
    EXPECT_EQ(other_runs_since(s.change, s.change.runs[0], 6), 3u);
    EXPECT_EQ(other_runs_since(s.change, s.change.runs[2], 6), 0u);
    auto old = s.change;
    old.runs.edit()[0].ring_turn.reset();
    EXPECT_EQ(other_runs_since(old, old.runs[0], 6), 0u);
}

// Two changes took turns on one ring, and the rollback that went back from the other one's version
// was proof.
TEST(RingUse, a_rehearsal_behind_the_run_of_another_change_proves_nothing) {
    const auto reasons = [](const Scenario& s) {
        return evaluate(*find_gate("rollback-rehearsed"), s.change, s.facts("ina")).reasons;
    };
    auto s = ready();
    ASSERT_TRUE(reasons(s).empty());
    s.run("ina", "ring_deploy");
    ++s.ring_uses["staging"].turns;
    s.run("ina", "rehearsal");
    s.smoke("ina", "rehearsal");
    const auto stale = reasons(s);
    ASSERT_EQ(stale.size(), 1u);
    EXPECT_EQ(stale[0].field, "rehearsal");
    EXPECT_THAT(stale[0].message, HasSubstr("another change's run was on the ring"));
    EXPECT_THAT(stale[0].remedy, HasSubstr("Deploy to the ring, then rehearse"));
    s.run("ina", "ring_deploy");
    s.run("ina", "rehearsal");
    s.smoke("ina", "rehearsal");
    EXPECT_TRUE(reasons(s).empty());
}

TEST(RingUse, what_is_tested_behind_the_run_of_another_change_is_not_what_ran) {
    auto s = ready();
    s.run("ina", "ring_deploy");
    s.smoke("ina", "staging");
    EXPECT_FALSE(mismatch_of(s.change, s.change.smoke_reports.back()));
    ++s.ring_uses["staging"].turns;
    s.smoke("ina", "staging");
    const auto mismatch = mismatch_of(s.change, s.change.smoke_reports.back());
    ASSERT_TRUE(mismatch);
    EXPECT_THAT(mismatch->message, HasSubstr("another change's run was on the ring"));
    EXPECT_THAT(mismatch->remedy, HasSubstr("again on the ring"));
}

TEST(RingUse, on_production_a_deployment_begins_beside_what_touches_something_else) {
    auto s = ready();
    const auto touched = touched_on_production(s.change, s.records);
    ASSERT_FALSE(touched.empty());
    put_other_run(s, "production", {*touched.begin()});
    const auto error = s.refused("ina", "start_run", deployment_elsewhere());
    EXPECT_EQ(first(error).gate, "run-exact");
    EXPECT_THAT(first(error).evidence, HasSubstr("run-3 of CHG-7 on production"));
    put_other_run(s, "production", {"item something-else"});
    s.does("ina", "start_run", deployment_elsewhere());
}

TEST(RingUse, nobody_is_kept_from_going_back) {
    auto s = deployed();
    put_other_run(s, "production", touched_on_production(s.change, s.records));
    s.tasks.clear();
    s.does("pia", "roll_back", R"({"reason":"it burns","executor":"external"})");
    EXPECT_TRUE(s.has_said("run-3 of CHG-7 on production"));
    EXPECT_TRUE(std::any_of(s.tasks.begin(), s.tasks.end(), [](const TaskDraft& task) {
        return task.kind == "page" &&
               task.payload.find("\"person\":\"petra\"") != std::string::npos &&
               task.payload.find("decide_run CHG-7 --run run-3") != std::string::npos;
    }));
}

} // namespace
} // namespace slipway::domain::testing
