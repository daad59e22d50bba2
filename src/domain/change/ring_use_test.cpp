// SPDX-License-Identifier: Apache-2.0
// Runs of different changes on the same machines: what is refused, what no longer counts, and that
// nobody is kept from going back.
#include "domain/change/ring_use.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/smoke_subject.hpp"
#include "domain/change/testing/scenario.hpp"
#include "domain/gates/gate.hpp"
#include "domain/runbook/runbook.hpp"

namespace slipway::domain::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

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
    EXPECT_THAT(stale[0].remedy, HasSubstr("start_run CHG-12 --purpose ring_deploy"));
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
    EXPECT_THAT(mismatch->remedy, HasSubstr("start_run CHG-12 --purpose ring_deploy"));
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

TEST(RingUse, nothing_begins_beside_the_step_that_an_aborted_run_left_at_work) {
    auto s = ready();
    const auto left = [&](Executor executor) { return StepLeft{"copy", s.now + 1min, executor}; };
    put_other_run(s, "staging");
    s.ring_uses["staging"].under_way[0].left = left(Executor::local);
    for (const auto& [command, body] :
         {std::pair{"start_run", R"({"purpose":"ring_deploy"})"},
          {"run_smoke", R"({"occasion":"staging"})"}}) {
        const auto error = s.refused("ina", command, body);
        EXPECT_THAT(first(error).message, HasSubstr("a step of an aborted run"));
        EXPECT_THAT(first(error).evidence, HasSubstr("its step copy is still at work"));
        EXPECT_THAT(first(error).remedy, HasSubstr("its own time limit ends it by"));
        EXPECT_THAT(first(error).remedy, Not(HasSubstr("decide_run")));
        EXPECT_THAT(first(error).remedy, Not(HasSubstr("report_run")));
    }
    put_other_run(s, "production", touched_on_production(s.change, s.records));
    s.ring_uses["production"].under_way[0].left = left(Executor::external);
    const auto error = s.refused("ina", "start_run", deployment_elsewhere());
    EXPECT_THAT(first(error).message, HasSubstr("a step of an aborted run"));
    EXPECT_THAT(first(error).remedy, HasSubstr("slipway change report_run CHG-7 --run run-3"));
    s.ring_uses["production"].under_way[0].left->ends_by.reset();
    s.does("ina", "start_run", deployment_elsewhere());
    EXPECT_THAT(s.change.runs[2].left_at_work, ElementsAre("copy of run-3 of CHG-7"));
    EXPECT_THAT(
        evaluate(*find_gate("run-exact"), s.change, s.facts("ina")).warnings,
        Contains(HasSubstr("copy of run-3 of CHG-7"))
    );
}

TEST(RingUse, a_machine_is_one_by_whatever_name_it_is_reached) {
    auto s = ready();
    auto& ring = s.records.rings.at("production");
    ring.hosts.at(0).address = "Web-1.example.org";
    ring.variables["WEB"] = "root@web-1.example.org";
    ring.variables["KEY"] = "secret:file:/etc/key";
    auto& runbook = s.change.runbooks.at("deployment");
    s.change.scope->cis = {{CiId("another"), "db-1", "1", "2"}};
    const auto touched = [&] { return touched_on_production(s.change, s.records); };
    EXPECT_THAT(touched(), ElementsAre("host db-1", "item another"));
    const auto both = AllOf(Contains("host web-1.example.org"), Contains("host web-1"));
    runbook.steps.at(0).host = "${WEB}";
    EXPECT_THAT(touched(), both);
    runbook.steps.at(0).host = "localhost";
    EXPECT_THAT(touched(), SizeIs(2));
    RunbookStepOutline undo;
    undo.host = "deploy@WEB-1.example.org.";
    runbook.undo = {undo};
    EXPECT_THAT(touched(), both);
    runbook.undo.clear();
    runbook.smoke_hosts = {"web-1.example.org"};
    EXPECT_THAT(touched(), both);
    runbook.smoke_hosts.clear();
    s.change.scope->cis[0].host = "web-1";
    EXPECT_THAT(touched(), both) << "the scope has its name, the ring its address";
    // The same variable of another ring is another machine, and so is one that nobody can fill.
    auto other = ring;
    other.hosts = {{}};
    other.variables["WEB"] = "10.0.0.7";
    s.records.rings["elsewhere"] = other;
    s.change.production_ring = "elsewhere";
    s.change.scope->cis[0].host = "db-1";
    runbook.steps.at(0).host = "${WEB}";
    EXPECT_THAT(touched(), ElementsAre("host 10.0.0.7", "host db-1", "item another"));
    runbook.steps.at(0).host = "${KEY}";
    EXPECT_THAT(touched(), Contains("host ${KEY} of elsewhere"));
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
