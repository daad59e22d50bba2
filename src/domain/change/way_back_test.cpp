// SPDX-License-Identifier: Apache-2.0
// After a failure every refusal names the same way back, and only one that is there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/paging.hpp"
#include "domain/change/tasks.hpp"
#include "domain/change/testing/gate_rows.hpp"
#include "domain/change/testing/scenario.hpp"
#include "domain/change/way_back.hpp"

namespace slipway::domain::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto back_elsewhere = R"({"reason":"it fails","executor":"external"})";
constexpr auto tells_all_is_well = R"({"kind":"all_clear"})";
constexpr auto tells_of_going_back = R"({"kind":"rolled_back"})";
constexpr auto* rollback_waived =
    "slipway change request_waiver CHG-12 --gate rollback-done --reason TEXT";
constexpr auto* to_snapshots = "slipway change revert_snapshot CHG-12 --reason WHY";

WayBack way_of(const Scenario& s) {
    return way_back_of(s.change, s.facts("otto"));
}

// Aborted, and nobody has gone back.
Scenario left_open() {
    auto s = ready();
    s.does("ina", "start_run", deployment_elsewhere());
    s.does("otto", "decide_run", R"({"run":"run-3","choice":"abort","reason":"disk full"})");
    return s;
}

void waive_going_back(Scenario& s) {
    s.does("otto", "request_waiver", R"({"gate":"rollback-done","reason":"mended by hand"})");
    s.does("petra", "grant_waiver", R"({"id":"W-1"})");
}

// Their rollback runbook was waived, and production is touched.
void take_runbook(Scenario& s) {
    s.change.runbooks.edit().erase("rollback");
    s.replayed = s.change;
}

void take_both(Scenario& s) {
    s.change.snapshots.clear();
    take_runbook(s);
}

const Workflow& without_rollback_step() {
    static const auto workflow = [] {
        auto copy = release_workflow();
        for (auto& phase : copy.phases)
            std::erase_if(phase.steps, [](const Step& step) {
                return step.kind == StepKind::rollback;
            });
        return copy;
    }();
    return workflow;
}

TEST(WayBack, is_open_until_somebody_has_gone_back_or_nobody_will) {
    EXPECT_EQ(way_of(deployed()), WayBack::not_failed);
    const auto open = left_open();
    EXPECT_EQ(way_of(open), WayBack::open);
    EXPECT_TRUE(failed_and_not_back(open.change));

    auto by_runbook = open;
    by_runbook.does("pia", "roll_back", back_elsewhere);
    EXPECT_EQ(way_of(by_runbook), WayBack::under_way);
    report_rollback(by_runbook);
    EXPECT_EQ(way_of(by_runbook), WayBack::back);
    EXPECT_FALSE(failed_and_not_back(by_runbook.change));

    auto given_up = open;
    waive_going_back(given_up);
    EXPECT_EQ(way_of(given_up), WayBack::given_up);
    given_up.does("pia", "revert_snapshot", R"({"reason":"it fails again"})");
    EXPECT_EQ(way_of(given_up), WayBack::under_way) << "somebody went all the same";
}

// Both were called; the second one's command ended the first one's run in the middle of a step and
// ran what was done once more.
TEST(WayBack, that_is_under_way_is_not_begun_anew_by_who_has_not_heard_of_it) {
    auto s = left_open();
    s.does("pia", "roll_back", back_elsewhere);
    const auto began = to_text(s.now);
    s.now += 3s;
    const auto refused = [&](std::string_view command) {
        return first(s.refused("sven", command, R"({"reason":"the site answers 500"})"));
    };
    for (const auto* command : {"roll_back", "revert_snapshot"}) {
        SCOPED_TRACE(command);
        const auto reason = refused(command);
        EXPECT_EQ(reason.gate, "rollback-done");
        EXPECT_EQ(reason.message, "run-4 goes back already, asked for by pia at " + began);
        EXPECT_EQ(reason.evidence, "run-4 waiting at turn-round");
        EXPECT_EQ(
            reason.remedy,
            fmt::format(
                "Let it go on: slipway change confirm_step CHG-12 --run run-4 --step turn-round "
                "--note SEEN. Whoever wants to go back anew ends it first: slipway change "
                "decide_run CHG-12 --run run-4 --choice abort --reason WHY; then slipway change {} "
                "CHG-12 --reason WHY",
                command
            )
        );
    }
    EXPECT_THAT(
        first(s.refused(
                  "sven", "revert_snapshot", R"({"host":"web-1","reason":"the site answers 500"})"
              ))
            .remedy,
        HasSubstr("slipway change revert_snapshot CHG-12 --host web-1 --reason WHY")
    );
    s.does("pia", "confirm_step", R"({"run":"run-4","step":"turn-round","note":"seen"})");
    const auto report = [&](std::string_view state) {
        s.does(
            "pia", "report_run",
            fmt::format(
                R"({{"run":"run-4","steps":[{{"name":"switch-back","state":"{}"}}]}})", state
            )
        );
    };
    report("running");
    EXPECT_THAT(refused("roll_back").remedy, HasSubstr("Follow it: slipway run follow CHG-12. "));
    report("unknown");
    EXPECT_THAT(
        refused("roll_back").remedy,
        HasSubstr("Let it go on: slipway change decide_run CHG-12 --run run-4 --step switch-back "
                  "--attempt 1 --choice retry --reason WHY. ")
    );
    s.does("sven", "decide_run", R"({"run":"run-4","choice":"abort","reason":"stuck"})");
    auto to_the_snapshot = s;
    to_the_snapshot.does("sven", "revert_snapshot", R"({"reason":"the site answers 500"})");
    s.does("sven", "roll_back", back_elsewhere);
    EXPECT_EQ(s.change.runs.back().id.value, "run-5");
}

// Where the undoing has stopped, the rollback is a way on that its call names.
TEST(WayBack, by_undoing_the_deployment_is_one_too) {
    auto s = ready();
    RunbookStepOutline undo;
    undo.name = "undo-drain";
    undo.kind = "command";
    undo.digest = sha256(undo.name);
    undo.undoes = "drain";
    s.change.runbooks.at("deployment").undo.push_back(undo);
    s.replayed = s.change;
    s.does("ina", "start_run", deployment_elsewhere());
    const auto report = [&](std::string_view step, std::string_view state) {
        s.does(
            "ina", "report_run",
            fmt::format(R"({{"run":"run-3","steps":[{{"name":"{}","state":"{}"}}]}})", step, state)
        );
    };
    report("drain", "failed");
    s.now += 1min;
    s.does("otto", "decide_run", R"({"run":"run-3","choice":"undo","reason":"the disk is full"})");
    for (const auto* command : {"roll_back", "revert_snapshot"}) {
        const auto reason = first(s.refused("pia", command, R"({"reason":"it fails"})"));
        EXPECT_EQ(
            reason.message, "run-3 goes back already, asked for by otto at " + to_text(s.now)
        );
        EXPECT_THAT(reason.remedy, HasSubstr("decide_run CHG-12 --run run-3 --choice abort"));
    }
    EXPECT_EQ(
        how_to_go_back_or_stay(s.change), "run-3 goes back already: slipway run follow CHG-12"
    );
    EXPECT_EQ(or_go_back(s.change), "; run-3 goes back already: slipway run follow CHG-12");
    auto ended = s;
    ended.does("pia", "decide_run", R"({"run":"run-3","choice":"abort","reason":"stuck"})");
    ended.does("pia", "roll_back", back_elsewhere);
    report("undo-drain", "failed");
    EXPECT_THAT(s.tasks.back().payload, HasSubstr("Go back: slipway change roll_back CHG-12"));
    s.does("pia", "roll_back", back_elsewhere);
}

TEST(WayBack, is_not_waited_for_where_the_checklist_does_not_ask_for_it) {
    auto s = left_open();
    s.workflow = &without_rollback_step();
    EXPECT_EQ(way_of(s), WayBack::given_up);
    EXPECT_THAT(
        first(s.refused("otto", "send_notice", tells_of_going_back)).remedy,
        HasSubstr("send_notice --kind all_clear")
    );
    s.does("otto", "send_notice", tells_all_is_well);
    EXPECT_THAT(s.change.notices.back().body, HasSubstr("The work has ended."));
}

TEST(WayBack, of_a_host_is_waited_for_by_who_reviews_the_emergency) {
    auto s = left_open();
    s.change.owed.push_back(owed_review(s.now));
    s.replayed = s.change;
    waive_going_back(s);
    constexpr auto settle = R"({"id":"retrospective_review","note":"rightly done"})";
    auto on_the_way = s;
    on_the_way.does("pia", "revert_snapshot", R"({"reason":"it fails again"})");
    EXPECT_EQ(
        first(on_the_way.refused("eva", "settle_owed", settle)).remedy,
        "Review it when going back has ended"
    );
    s.does("eva", "settle_owed", settle);
}

TEST(WayBack, without_a_runbook_is_to_the_snapshots) {
    auto s = deployed();
    take_runbook(s);
    s.tasks.clear();
    s.now += 5min;
    s.smoke("ina", "production", false);
    EXPECT_THAT(
        look(s, "smoke-production").reasons.at(0).remedy,
        HasSubstr(fmt::format(", or go back: {}; otto, pia, sven", to_snapshots))
    );
    EXPECT_THAT(
        restore<PageTask>(std::string_view(s.tasks.back().payload))->body,
        HasSubstr(fmt::format("Go back: {}\n", to_snapshots))
    );
    EXPECT_THAT(
        first(s.refused("otto", "send_notice", tells_of_going_back)).remedy,
        HasSubstr(fmt::format("Go back: {}", to_snapshots))
    );
    EXPECT_THAT(
        first(s.refused("pia", "roll_back", back_elsewhere)).remedy, HasSubstr(to_snapshots)
    );
}

// Where somebody has minutes, he does not try what is refused.
TEST(WayBack, that_is_not_there_is_not_advised) {
    auto s = ready();
    s.does("ina", "start_run", deployment_elsewhere());
    take_both(s);
    s.tasks.clear();
    s.does("ina", "report_run", R"({"run":"run-3","steps":[{"name":"drain","state":"failed"}]})");
    const auto call = *restore<PageTask>(std::string_view(s.tasks.back().payload));
    for (const auto* part :
         {"No runbook and no snapshot leads back: end the run: slipway change decide_run CHG-12 "
          "--run run-3 --choice abort --reason WHY; then put production right by hand",
          rollback_waived})
        EXPECT_THAT(call.body, HasSubstr(part));
    EXPECT_THAT(call.body, Not(HasSubstr("roll_back ")));
    s.does("otto", "decide_run", R"({"run":"run-3","choice":"abort","reason":"disk full"})");
    s.change.owed.push_back(owed_review(s.now));
    s.replayed = s.change;
    for (const auto& reason :
         {first(s.refused("pia", "roll_back", back_elsewhere)),
          first(s.refused("pia", "revert_snapshot", R"({"reason":"it fails"})")),
          first(s.refused("otto", "send_notice", tells_all_is_well)),
          first(s.refused("eva", "settle_owed", R"({"id":"retrospective_review","note":"ok"})")),
          look(s, "rollback-done").reasons.at(0)}) {
        EXPECT_THAT(reason.remedy, HasSubstr(rollback_waived));
        EXPECT_THAT(reason.remedy, Not(HasSubstr("change roll_back ")));
        EXPECT_THAT(reason.remedy, Not(HasSubstr("change revert_snapshot ")));
    }
    EXPECT_THAT(
        look(s, "cmdb-updated").reasons.at(0).remedy,
        HasSubstr("Look and say what runs: slipway change update_cmdb CHG-12 --found")
    );
}

TEST(WayBack, that_is_not_there_leaves_what_was_deployed_to_be_mended) {
    auto s = deployed();
    take_both(s);
    s.now += 5min;
    s.smoke("ina", "production", false);
    EXPECT_THAT(
        look(s, "smoke-production").reasons.at(0).remedy,
        ::testing::EndsWith("run the list again with run_smoke --occasion production")
    );
    for (const auto& reason :
         {first(s.refused("pia", "roll_back", back_elsewhere)),
          first(s.refused("otto", "send_notice", tells_of_going_back))})
        EXPECT_THAT(
            reason.remedy, HasSubstr("request_waiver CHG-12 --gate smoke-production --reason TEXT")
        );
}

TEST(WayBack, to_the_snapshots_without_a_list_to_test_it_takes_somebodys_word) {
    auto s = left_open();
    take_runbook(s);
    EXPECT_THAT(look(s, "rollback-done").reasons.at(0).remedy, HasSubstr(rollback_waived));
    s.does("pia", "revert_snapshot", R"({"reason":"it fails"})");
    s.does("system", "report_snapshot", R"({"host":"web-1","id":"vol-7","state":"reverted"})");
    const auto reasons = look(s, "rollback-done").reasons;
    ASSERT_FALSE(reasons.empty());
    EXPECT_EQ(reasons[0].field, "smoke.rollback");
    EXPECT_THAT(reasons[0].remedy, HasSubstr(rollback_waived));
    waive_going_back(s);
    s.does("otto", "send_notice", tells_of_going_back);
}

// At once, and not at its first step.
TEST(WayBack, by_a_runbook_that_the_store_has_altered_is_refused_and_the_others_are_named) {
    auto s = left_open();
    const auto go_back = [&](std::string_view executor) {
        auto facts = s.facts("pia");
        facts.altered_runbooks = {{s.change.runbooks.at("rollback").digest, "nothing is stored"}};
        const auto body = fmt::format(R"({{"reason":"it fails","executor":"{}"}})", executor);
        return find_command("roll_back")->decide(s.change, *parse_json(body), facts);
    };
    const auto refused = go_back("local");
    ASSERT_FALSE(refused);
    const auto reason = first(refused.error());
    EXPECT_EQ(reason.gate, "run-exact");
    EXPECT_EQ(reason.field, "runbooks.rollback");
    EXPECT_THAT(reason.evidence, HasSubstr("stored nothing is stored"));
    EXPECT_THAT(reason.remedy, HasSubstr("--executor external;"));
    EXPECT_THAT(reason.remedy, HasSubstr(to_snapshots));
    EXPECT_TRUE(go_back("external")) << "what runs elsewhere is not read from the store";
}

} // namespace
} // namespace slipway::domain::testing
