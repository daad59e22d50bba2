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

// Aborted while its first step was at work, which nobody has ended.
Scenario aborted_at_work() {
    auto s = ready();
    s.does("ina", "start_run", R"({"purpose":"ring_deploy","executor":"external"})");
    s.does("ina", "report_run", R"({"run":"run-3","steps":[{"name":"drain","state":"running"}]})");
    s.does("otto", "decide_run", R"({"run":"run-3","choice":"abort","reason":"stuck"})");
    return s;
}

std::string end_of_drain(std::string_view state) {
    return fmt::format(
        R"({{"run":"run-3","steps":[{{"name":"drain","state":"{}","detail":"cut"}}]}})", state
    );
}

TEST(RingUse, an_aborted_run_has_its_ring_until_its_step_has_ended) {
    auto s = aborted_at_work();
    const auto left = [&] { return step_left(s.change, s.change.runs[2], s.now); };
    ASSERT_TRUE(left());
    EXPECT_EQ(left()->step, "drain");
    EXPECT_FALSE(left()->unknown);
    const auto began = s.now;
    EXPECT_EQ(left()->until, began + 60s + limits::step_end_grace) << "its own time limit";
    s.now = left()->until;
    EXPECT_TRUE(left()->unknown) << "nobody told of its end";
    s.now = began + limits::runbook_time_max;
    EXPECT_FALSE(left());
    s.now = began;
    // Nothing that another runner does begins beside it; who goes back is not held up.
    const auto error =
        s.refused("ina", "start_run", R"({"purpose":"ring_deploy","executor":"external"})");
    EXPECT_EQ(first(error).message, "drain of run-3 has not ended");
    EXPECT_THAT(first(error).remedy, HasSubstr("slipway change report_run CHG-12 --run run-3"));
    s.refused("ina", "report_run", end_of_drain("running"));
    s.refused("ina", "report_run", R"({"run":"run-3","steps":[{"name":"drain","state":"failed"},
        {"name":"drain","state":"failed"}]})");
    s.does("ina", "report_run", end_of_drain("failed"));
    EXPECT_EQ(s.change.runs[2].steps[0].state, RunStepState::failed);
    EXPECT_EQ(s.change.runs[2].state, RunState::aborted);
    EXPECT_FALSE(left());
    s.does("ina", "start_run", R"({"purpose":"ring_deploy","executor":"external"})");
    EXPECT_TRUE(s.change.runs[3].left_at_work.empty());
}

TEST(RingUse, a_step_of_unknown_end_is_said_and_named_by_the_gate) {
    auto s = aborted_at_work();
    s.does("ina", "report_run", end_of_drain("unknown"));
    put_other_run(s, "staging");
    s.ring_uses["staging"].under_way[0].left = StepLeft{"copy", s.now + 1h, true, {}};
    s.said.clear();
    s.run("ina", "ring_deploy");
    EXPECT_TRUE(s.has_said("copy of run-3 of CHG-7 may still be at work there"));
    EXPECT_TRUE(s.has_said("drain of run-3 may still be at work there"));
    EXPECT_THAT(
        s.change.runs[3].left_at_work, ElementsAre("copy of run-3 of CHG-7", "drain of run-3")
    );
    const auto result = evaluate(*find_gate("ring-deployed"), s.change, s.facts("ina"));
    EXPECT_EQ(result.verdict, Verdict::pass);
    EXPECT_THAT(result.warnings, Contains(HasSubstr("copy of run-3 of CHG-7")));
    s.ring_uses["staging"].under_way.clear();
    s.run("ina", "ring_deploy");
    EXPECT_THAT(s.change.runs[4].left_at_work, ElementsAre("drain of run-3"));
    // Somebody has looked after all.
    s.refused("ina", "report_run", end_of_drain("unknown"));
    s.does("ina", "report_run", end_of_drain("failed"));
    s.run("ina", "ring_deploy");
    EXPECT_TRUE(s.change.runs[5].left_at_work.empty());
}

TEST(RingUse, the_end_of_a_step_is_heard_of_a_change_that_is_over) {
    auto cancelled = aborted_at_work();
    cancelled.does("otto", "cancel", R"({"reason":"not wanted"})");
    EXPECT_TRUE(cancelled.has_said("drain of run-3 on staging is still at work: Wait for its end"));
    auto closed = settled();
    const auto id = closed.change.runs.size();
    closed.does("ina", "start_run", R"({"purpose":"ring_deploy","executor":"external"})");
    const auto told = [&](std::string_view state) {
        return fmt::format(
            R"({{"run":"run-{}","steps":[{{"name":"drain","state":"{}"}}]}})", id + 1, state
        );
    };
    closed.does("ina", "report_run", told("running"));
    closed.does(
        "otto", "decide_run",
        fmt::format(R"({{"run":"run-{}","choice":"abort","reason":"stuck"}})", id + 1)
    );
    closed.does("otto", "close", R"({"outcome":"successful","summary":"1.5 runs."})");

    const struct {
        Scenario& s;
        std::string body;
        std::size_t run;
    } rows[] = {{cancelled, end_of_drain("failed"), 2}, {closed, told("failed"), id}};

    for (const auto& [s, body, run] : rows) {
        const auto state = s.change.state;
        const auto events = s.events.size();
        ASSERT_TRUE(step_left(s.change, s.change.runs[run], s.now));
        s.refused("vic", "report_run", body);
        auto by_the_server = s;
        by_the_server.change.runs.edit()[run].executor = Executor::local;
        by_the_server.replayed = by_the_server.change;
        for (auto [who, told_of] : {std::pair{"ina", &s}, {"system", &by_the_server}}) {
            told_of->does(who, "report_run", body);
            EXPECT_FALSE(step_left(told_of->change, told_of->change.runs[run], told_of->now));
            EXPECT_EQ(told_of->change.runs[run].steps[0].state, RunStepState::failed);
            EXPECT_EQ(told_of->change.state, state);
            EXPECT_EQ(told_of->events.size(), events + 1);
        }
        EXPECT_EQ(first(s.refused("ina", "report_run", body)).gate, "closure");
    }
}

TEST(RingUse, what_is_told_with_the_end_of_a_step_names_the_report_that_is_heard) {
    const auto bundle = R"({"run":"run-3","steps":[{"name":"drain","state":"succeeded"},
        {"name":"switch","state":"running"}]})";
    auto s = aborted_at_work();
    auto over = s;
    over.does("otto", "cancel", R"({"reason":"not wanted"})");
    for (auto* told : {&s, &over}) {
        const auto error = told->refused("ina", "report_run", bundle);
        EXPECT_EQ(first(error).gate, "run-exact");
        EXPECT_THAT(first(error).evidence, HasSubstr("drain"));
        EXPECT_THAT(
            first(error).remedy,
            HasSubstr("slipway change report_run CHG-12 --run run-3 --steps '[{\"name\": \"drain\"")
        );
    }
}

TEST(RingUse, a_new_pin_does_not_prolong_a_step_that_was_left) {
    auto s = aborted_at_work();
    const auto left = [&] { return step_left(s.change, s.change.runs[2], s.now); };
    const auto until = left()->until;
    s.pin("jonas", edited_deployment_file(), "deployment");
    EXPECT_EQ(left()->until, until);
    s.change.runs.edit()[2].steps[0].time_limit.reset(); // an old entry
    EXPECT_EQ(left()->until, s.now + step_timeout_default + limits::step_end_grace);
    s.now = left()->until;
    EXPECT_TRUE(left()->unknown);
}

TEST(RingUse, of_a_step_of_our_own_runner_a_person_tells_the_end_when_nobody_else_will) {
    auto s = ready();
    s.does("ina", "start_run", R"({"purpose":"ring_deploy"})");
    s.does(
        "system", "report_run", R"({"run":"run-3","steps":[{"name":"drain","state":"running"}]})"
    );
    s.does("otto", "decide_run", R"({"run":"run-3","choice":"abort","reason":"stuck"})");
    s.refused("ina", "report_run", end_of_drain("failed"));
    s.does("system", "report_run", end_of_drain("unknown"));
    const auto left = step_left(s.change, s.change.runs[2], s.now);
    ASSERT_TRUE(left);
    EXPECT_THAT(
        how_it_ends(s.change.id, RunId("run-3"), *left),
        HasSubstr("slipway change report_run CHG-12 --run run-3 --steps")
    );
    s.does("ina", "report_run", end_of_drain("failed"));
    EXPECT_FALSE(step_left(s.change, s.change.runs[2], s.now));
}

TEST(RingUse, going_back_beside_the_own_step_is_proven_when_that_has_ended) {
    auto s = ready();
    s.does("ina", "start_run", deployment_elsewhere());
    s.does("ina", "report_run", R"({"run":"run-3","steps":[{"name":"drain","state":"running"}]})");
    s.said.clear();
    s.does("pia", "roll_back", R"({"reason":"it burns","executor":"local"})");
    EXPECT_TRUE(s.has_said("drain of run-3 may still be at work there"));
    EXPECT_THAT(s.change.runs[3].left_at_work, ElementsAre("drain of run-3"));
    const auto& deployment = s.change.runs[2];
    EXPECT_TRUE(own_step_left(s.change, deployment, "production", Executor::local, s.now));
    auto local = s.change;
    local.runs.edit()[2].executor = Executor::local;
    EXPECT_FALSE(own_step_left(local, local.runs[2], "production", Executor::local, s.now))
        << "it has ended when the rollback begins";

    report_rollback(s);
    ASSERT_EQ(s.change.runs[3].state, RunState::succeeded);
    s.now += 10s;
    s.smoke("ina", "rollback");
    const auto gate = [&] {
        return evaluate(*find_gate("rollback-done"), s.change, s.facts("ina"));
    };
    const auto field = [](std::string_view name) {
        return Contains(::testing::Field(&Reason::field, name));
    };
    EXPECT_THAT(gate().reasons, field("runs.run-3"));
    for (const auto& [command, body] :
         {std::pair{"run_smoke", R"({"occasion":"rollback"})"}, {"update_cmdb", "{}"}}) {
        const auto error = s.refused("otto", command, body);
        EXPECT_EQ(first(error).field, "runs.run-3");
        EXPECT_THAT(first(error).remedy, HasSubstr("slipway change report_run CHG-12 --run run-3"));
    }
    s.now += 10s;
    s.does("ina", "report_run", end_of_drain("succeeded"));
    EXPECT_THAT(gate().reasons, Not(field("runs.run-3")));
    EXPECT_THAT(gate().reasons, field("smoke.rollback")) << "the list ran before the step ended";
    s.does("ina", "run_smoke", R"({"occasion":"rollback"})");
    s.now += 10s;
    s.smoke("ina", "rollback");
    EXPECT_THAT(gate().reasons, Not(field("smoke.rollback")));
    EXPECT_THAT(gate().warnings, Contains(HasSubstr("drain of run-3")));
}

TEST(RingUse, nothing_begins_beside_the_step_that_an_aborted_run_left_at_work) {
    auto s = ready();
    const auto left = [&](Executor executor) {
        return StepLeft{"copy", s.now + 1min, false, executor};
    };
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
    s.ring_uses["production"].under_way[0].left->unknown = true;
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
