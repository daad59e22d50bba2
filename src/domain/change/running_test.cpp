// SPDX-License-Identifier: Apache-2.0
// The deployment day and what follows it, command by command: who may carry it out, when it stops,
// who is called, what may be reported by whom, and how much of it one change holds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/steps.hpp"
#include "domain/change/testing/scenario.hpp"
#include "domain/change/timers.hpp"
#include "domain/gates/gate.hpp"

namespace slipway::domain::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

std::string first_field(const Error& error) {
    return error.fields.empty() ? "" : error.fields.front().field;
}

constexpr std::string_view close_well = R"({"outcome":"successful","summary":"it runs"})";

TEST(Closing, asks_again_what_production_was_asked) {
    auto s = settled();
    s.smoke("ina", "production", false);
    EXPECT_EQ(first(s.refused("otto", "close", close_well)).gate, "smoke-production");
    s.smoke("ina", "production");
    s.does("ina", "log_defect", R"({"title":"it burns","severity":"blocker"})");
    EXPECT_EQ(first(s.refused("otto", "close", close_well)).gate, "defects");
    s.does("ina", "settle_defect", R"({"id":"D-1","state":"resolved","reason":"put out"})");
    auto other = s;
    for (auto& run : other.change.runs.edit())
        if (run.purpose == RunPurpose::deployment)
            run.runbook = edited_deployment_file().digest;
    EXPECT_EQ(first(other.refused("otto", "close", close_well)).gate, "run-exact");
    s.does("otto", "close", close_well);
}

// A waiver lets the change go on. It does not make of what failed a success.
TEST(Closing, is_no_plain_success_when_the_smoke_tests_of_production_were_waived) {
    auto s = deployed();
    s.smoke("ina", "production", false);
    s.does(
        "otto", "request_waiver",
        R"({"gate":"smoke-production","reason":"the check is wrong","valid_for":"20d"})"
    );
    s.does("petra", "grant_waiver", R"({"id":"W-1"})");
    s.complete("ina", "smoke_production");
    s.now += 72h;
    s.complete("otto", "stabilise");
    s.does("otto", "hold_review", R"({"went_to_plan":"The rest"})");
    EXPECT_THAT(s.change.review->deviations, HasSubstr("smoke-production was waived"));
    const auto review = s.refused("otto", "complete_step", R"({"step":"review"})");
    EXPECT_EQ(first(review).field, "review.actions") << explain(review);
    s.does(
        "otto", "add_action",
        R"({"title":"Mend the check","owner":"ina","due_at":"2026-12-20T12:00:00Z"})"
    );
    s.complete("otto", "review");
    s.does("otto", "update_cmdb");
    s.complete("otto", "cmdb_update");
    const auto error = s.refused("otto", "close", close_well);
    EXPECT_EQ(first(error).field, "outcome") << explain(error);
    EXPECT_THAT(first(error).evidence, HasSubstr("W-1"));
    auto mended = s;
    mended.smoke("ina", "production");
    mended.does("otto", "close", close_well);
    s.does("otto", "close", R"({"outcome":"successful_with_issues","summary":"it runs"})");
}

void start(Scenario& s, std::string_view executor = "external") {
    s.does(
        "ina", "start_run",
        executor == "external"
            ? deployment_elsewhere()
            : fmt::format(R"({{"purpose":"deployment","executor":"{}"}})", executor)
    );
}

void report(Scenario& s, std::string_view person, std::string_view step, std::string_view state) {
    s.does(
        person, "report_run",
        fmt::format(R"({{"run":"run-3","steps":[{{"name":"{}","state":"{}"}}]}})", step, state)
    );
}

TEST(Reports, name_no_transcript_that_nobody_has_uploaded) {
    auto s = ready();
    start(s);
    const auto body = [](const Digest& transcript) {
        return fmt::format(
            R"({{"run":"run-3","steps":[{{"name":"drain","state":"running"}},
                {{"name":"drain","state":"succeeded","transcript":"{}"}}]}})",
            transcript.hex()
        );
    };
    const auto error = s.refused("ina", "report_run", body(sha256("never sent")));
    EXPECT_EQ(first_field(error), "steps[1].transcript");
    EXPECT_THAT(error.message, HasSubstr("POST /attachments"));
    s.does("ina", "report_run", body(deployment_file().digest)); // any bytes that are stored
    EXPECT_EQ(s.change.runs.back().steps[0].transcript, deployment_file().digest);
}

TEST(Window, after_its_end_a_deployment_is_aborted_or_rolled_back_and_nothing_else) {
    auto s = ready();
    start(s);
    report(s, "ina", "drain", "failed");
    s.now = at(window_end);
    for (const auto* choice : {"retry", "skip", "resume"})
        EXPECT_EQ(
            first(s.refused(
                      "otto", "decide_run",
                      fmt::format(R"({{"run":"run-3","choice":"{}","reason":"r"}})", choice)
                  ))
                .field,
            "window.end"
        );
    auto aborted = s;
    aborted.does("otto", "decide_run", R"({"run":"run-3","choice":"abort","reason":"too late"})");
    s.does("pia", "roll_back", R"({"reason":"too late","executor":"external"})");
    s.does("pia", "confirm_step", R"({"run":"run-4","step":"turn-round","note":"seen"})");
}

TEST(Window, our_own_runner_stops_at_its_end) {
    auto s = ready();
    start(s, "local");
    report(s, "system", "drain", "running");
    s.now = at(window_end) + 1s;
    report(s, "system", "drain", "succeeded");
    EXPECT_EQ(s.change.runs.back().state, RunState::waiting);
    EXPECT_EQ(s.change.runs.back().steps[0].state, RunStepState::succeeded);
}

TEST(Window, after_its_end_nobody_decides_to_go_on) {
    auto s = ready();
    s.change.runbooks.at("deployment").steps[1].kind = "decision";
    s.replayed = s.change;
    start(s);
    report(s, "ina", "drain", "succeeded");
    auto late = s;
    late.now = at(window_end);
    EXPECT_EQ(
        first(
            late.refused("ina", "confirm_step", R"({"run":"run-3","step":"switch","note":"seen"})")
        )
            .field,
        "window.end"
    );
    s.does("ina", "confirm_step", R"({"run":"run-3","step":"switch","note":"seen"})");
}

TEST(Runs, a_step_without_a_heading_is_waited_for_by_its_name) {
    auto s = ready();
    auto& step = s.change.runbooks.at("deployment").steps[0];
    step.kind = "manual";
    step.title = "";
    s.replayed = s.change;
    start(s);
    const auto stopped = std::find_if(s.events.rbegin(), s.events.rend(), [](const auto& event) {
        return event.type == "run_stopped";
    });
    ASSERT_NE(stopped, s.events.rend());
    EXPECT_THAT(stopped->data, HasSubstr(R"("because":"waits for a person")"));
}

TEST(Runs, a_manual_step_with_an_owner_is_confirmed_by_him) {
    auto s = ready();
    s.change.runbooks.at("deployment").steps[1].kind = "manual";
    s.change.runbooks.at("deployment").steps[1].owner = "ina";
    s.replayed = s.change;
    start(s);
    report(s, "ina", "drain", "succeeded");
    constexpr std::string_view confirm = R"({"run":"run-3","step":"switch","note":"seen"})";
    const auto error = s.refused("etta", "confirm_step", confirm);
    EXPECT_EQ(error.message.substr(0, 9), "this step");
    EXPECT_EQ(first(error).remedy, "Call ina");
    s.does("ina", "confirm_step", confirm);
}

TEST(Runs, that_happen_elsewhere_say_which_bytes) {
    auto s = ready();
    const auto silent =
        s.refused("ina", "start_run", R"({"purpose":"deployment","executor":"external"})");
    EXPECT_EQ(first(silent).field, "digest");
    EXPECT_THAT(first(silent).evidence, HasSubstr(deployment_file().digest.hex()));
    RunbookFile nothing; // all zeros: a digest like any other that is not pinned
    EXPECT_THAT(
        first(s.refused("ina", "start_run", deployment_elsewhere(nothing))).evidence,
        HasSubstr("asked 0000")
    );
    s.does("ina", "start_run", deployment_elsewhere());
}

TEST(Runs, are_reported_by_who_carries_them_out) {
    auto s = ready();
    start(s);
    constexpr std::string_view drained =
        R"({"run":"run-3","steps":[{"name":"drain","state":"succeeded"}]})";
    const auto error = s.refused("etta", "report_run", drained);
    EXPECT_EQ(first(error).gate, "run-exact");
    EXPECT_EQ(first(error).evidence, "started by ina");
    s.does("ina", "report_run", drained);
}

TEST(Smoke, what_our_own_test_saw_fail_is_not_undone_by_a_report) {
    auto s = deployed();
    s.smoke("system", "production", false);
    const auto report = [](bool passed) {
        return fmt::format(
            R"({{"occasion":"production","results":[{{"name":"front-page","passed":{}}}]}})", passed
        );
    };
    const auto error = s.refused("ina", "record_smoke", report(true));
    EXPECT_EQ(first(error).gate, "smoke-production");
    EXPECT_THAT(first(error).remedy, HasSubstr("run_smoke"));
    s.smoke("system", "production");
    s.smoke("ina", "production"); // what passed may be reported again
    s.complete("ina", "smoke_production");
}

TEST(Evidence, of_a_connector_is_not_a_persons_to_report) {
    auto s = ready();
    EXPECT_EQ(
        first(s.refused(
                  "ina", "report_delivery",
                  R"({"notice":"N-1","channel":"mail","state":"delivered"})"
              ))
            .field,
        "notice.mail"
    );
    s.does("ina", "report_delivery", R"({"notice":"N-1","channel":"status","state":"delivered"})");
    EXPECT_EQ(
        first(s.refused("ina", "report_page", R"({"person":"pia","state":"delivered"})")).field,
        "oncall.pia"
    );
    s.does("system", "report_page", R"({"person":"pia","state":"delivered"})");
    s.does("ina", "take_snapshot");
    const auto* taken = R"({"host":"web-1","id":"vol-8","tag":"CHG-12","state":"taken",
        "read_back":true})";
    EXPECT_EQ(first(s.refused("ina", "report_snapshot", taken)).field, "snapshot.web-1");
    EXPECT_EQ(
        first(s.refused(
                  "ina", "report_snapshot",
                  R"({"host":"web-1","state":"taken","connector":"external"})"
              ))
            .field,
        "snapshot.web-1"
    );
    s.does("system", "report_snapshot", taken);
}

TEST(Evidence, what_a_person_took_is_not_handed_to_a_connector_nor_taken_after_the_end) {
    auto s = settled();
    for (auto& snapshot : s.change.snapshots)
        snapshot.connector = "external";
    s.replayed = s.change;
    EXPECT_EQ(
        first(s.refused(
                  "ina", "report_snapshot",
                  R"({"host":"web-1","id":"vol-7","state":"failed","connector":"snap"})"
              ))
            .field,
        "connector"
    );
    s.does("otto", "close", close_well);
    EXPECT_EQ(
        first(
            s.refused("ina", "report_snapshot", R"({"host":"web-1","id":"vol-7","state":"taken"})")
        )
            .gate,
        "closure"
    );
    s.does("ina", "report_snapshot", R"({"host":"web-1","id":"vol-7","state":"removed"})");
}

TEST(Rollback, is_started_by_its_owner_and_once) {
    auto s = ready();
    start(s);
    s.does("otto", "decide_run", R"({"run":"run-3","choice":"abort","reason":"no room"})");
    constexpr std::string_view back = R"({"purpose":"rollback","executor":"external"})";
    EXPECT_EQ(first(s.refused("ina", "start_run", back)).field, "rollback");
    s.does("pia", "start_run", back);
    report_rollback(s);
    EXPECT_EQ(first(s.refused("pia", "start_run", back)).gate, "rollback-done");
    EXPECT_EQ(first(s.refused("pia", "roll_back", R"({"reason":"r"})")).gate, "rollback-done");
}

TEST(Calls, a_step_that_fails_on_production_calls_the_owner) {
    auto s = ready();
    start(s);
    s.tasks.clear();
    s.does(
        "ina", "report_run",
        R"({"run":"run-3","steps":[{"name":"drain","state":"failed","detail":"disk full"}]})"
    );
    ASSERT_EQ(s.tasks.size(), 1u);
    EXPECT_EQ(s.tasks[0].kind, "page");
    EXPECT_THAT(s.tasks[0].payload, HasSubstr("\"person\":\"otto\""));
    EXPECT_THAT(s.tasks[0].payload, HasSubstr("run-3 stopped at drain"));
    EXPECT_THAT(s.tasks[0].payload, HasSubstr("disk full"));
}

TEST(Calls, a_step_that_fails_on_the_test_ring_wakes_nobody) {
    auto s = approved();
    s.does("ina", "start_run", R"({"purpose":"ring_deploy","executor":"external"})");
    s.tasks.clear();
    report(s, "ina", "drain", "failed");
    EXPECT_TRUE(s.tasks.empty());
}

TEST(Rollback, by_its_owner_before_the_smoke_tests_needs_none_of_the_version_that_is_gone) {
    auto s = deployed();
    s.does("pia", "roll_back", R"({"reason":"the pilots complain","executor":"external"})");
    report_rollback(s);
    s.complete("ina", "smoke_production");
}

TEST(Review, looks_back_on_production_tested_or_put_back) {
    constexpr std::string_view held = R"({"went_to_plan":"Everything"})";
    auto s = deployed();
    auto failed = s;
    EXPECT_EQ(
        first(s.refused("otto", "hold_review", held)).remedy, "Complete smoke_production first"
    );
    s.smoke("ina", "production");
    s.complete("ina", "smoke_production");
    s.does("otto", "hold_review", held);
    failed.does("pia", "roll_back", R"({"reason":"the pilots complain","executor":"external"})");
    report_rollback(failed);
    failed.complete("ina", "smoke_production");
    EXPECT_EQ(first(failed.refused("otto", "hold_review", held)).remedy, "Complete rollback first");
}

TEST(Closing, what_a_test_ring_showed_is_no_deviation_of_production) {
    auto s = settled();
    for (const auto& run : s.change.runs)
        if (!on_production(run.purpose))
            s.change.deviations.push_back(
                {run.id, "drain", "exit 1", DeviationChoice::retry, "a typing mistake", {}, s.now}
            );
    s.replayed = s.change;
    s.does("otto", "hold_review", R"({"went_to_plan":"Everything"})");
    EXPECT_EQ(s.change.review->deviations, "");
    auto deviated = s;
    deviated.change.deviations.back().run = RunId("run-3");
    EXPECT_EQ(first(deviated.refused("otto", "close", close_well)).gate, "pir");
    s.does("otto", "close", close_well);
}

TEST(Cmdb, is_not_updated_while_production_is_being_changed) {
    auto s = ready();
    start(s);
    EXPECT_EQ(first(s.refused("otto", "update_cmdb")).field, "runs.run-3");
    report(s, "ina", "drain", "failed");
    EXPECT_EQ(first(s.refused("otto", "update_cmdb")).field, "runs.run-3");
    s = deployed();
    s.does("otto", "update_cmdb");
    EXPECT_EQ(s.change.cmdb_pushes[0].pushed, "1.5");
    EXPECT_EQ(s.change.cmdb_pushes[0].host, "web-1");
}

// Fills a list with copies of what it should hold, and gives the field of the refusal.
template <class List>
std::string refused_when_full(
    Scenario s, List Change::*list, std::size_t size, std::string_view person,
    std::string_view command, std::string_view body
) {
    using Item = typename List::value_type;
    const auto& items = std::as_const(s.change.*list);
    const Item item = items.empty() ? Item{} : items.front();
    s.change.*list = std::vector<Item>(size - 1, item);
    EXPECT_TRUE(s.decide(person, command, json(body))) << command << " with room for one more";
    s.change.*list = std::vector<Item>(size, item);
    const auto error = s.refused(person, command, body);
    EXPECT_EQ(error.code, ErrorCode::limit_exceeded) << explain(error);
    return first_field(error);
}

TEST(Limits, of_one_change_name_what_is_full) {
    constexpr auto list = limits::list_max;
    const auto s = approved();
    const auto named = [&](auto field, std::size_t size, std::string_view person,
                           std::string_view command, std::string_view body) {
        return refused_when_full(s, field, size, person, command, body);
    };
    EXPECT_EQ(
        named(
            &Change::comments, limits::comments_per_change_max, "ina", "comment", R"({"text":"hm"})"
        ),
        "text"
    );
    EXPECT_EQ(
        named(&Change::defects, list, "ina", "log_defect", R"({"title":"t","severity":"minor"})"),
        "title"
    );
    EXPECT_EQ(
        named(
            &Change::waivers, list, "ina", "request_waiver",
            R"({"gate":"ring-parity","reason":"r"})"
        ),
        "gate"
    );
    EXPECT_EQ(
        named(&Change::notices, list, "otto", "send_notice", R"({"kind":"maintenance"})"), "kind"
    );
    EXPECT_EQ(
        named(
            &Change::actions, list, "otto", "add_action",
            R"({"title":"t","owner":"otto","due_at":"2027-01-01T00:00:00Z"})"
        ),
        "title"
    );
    EXPECT_EQ(named(&Change::snapshots, 4 * list, "ina", "take_snapshot", "{}"), "snapshots");
    Scenario edited;
    open(edited);
    plan(edited);
    edited.does("rosa", "submit");
    EXPECT_EQ(
        refused_when_full(edited, &Change::voided, list, "mika", "vote", R"({"choice":"approve"})"),
        "choice"
    );
    auto watched = deployed();
    watched.smoke("ina", "production");
    watched.complete("ina", "smoke_production");
    auto& seen = watched.change.stabilisation->observations;
    seen.resize(list);
    EXPECT_EQ(
        first_field(watched.refused("otto", "log_observation", R"({"kind":"alert","title":"t"})")),
        "title"
    );
}

TEST(Limits, what_was_tried_on_the_test_ring_leaves_room_for_production) {
    constexpr auto half = limits::runs_per_change_max / 2;
    const auto s = approved();
    EXPECT_EQ(
        refused_when_full(
            s, &Change::runs, half, "ina", "start_run",
            R"({"purpose":"ring_deploy","executor":"external"})"
        ),
        "purpose"
    );
    const auto* results =
        R"({"occasion":"OCCASION","results":[{"name":"front-page","passed":true}]})";
    const auto on = [&](const std::string& occasion) {
        std::string body = results;
        return body.replace(body.find("OCCASION"), 8, occasion);
    };
    for (const auto* occasion : {"staging", "rehearsal"})
        EXPECT_EQ(
            refused_when_full(s, &Change::smoke_reports, half, "ina", "record_smoke", on(occasion)),
            "occasion"
        );
    for (const auto* occasion : {"production", "rollback"})
        EXPECT_EQ(
            refused_when_full(
                s, &Change::smoke_reports, 2 * half, "ina", "record_smoke", on(occasion)
            ),
            "occasion"
        );
    auto failed = deployed();
    auto spare = failed.change.runs.front();
    auto& runs = failed.change.runs.edit();
    runs.insert(runs.begin(), half, spare);
    failed.replayed = failed.change;
    failed.does("pia", "roll_back", R"({"reason":"bad","executor":"external"})");
    failed.does(
        "pia", "decide_run",
        fmt::format(
            R"({{"run":"{}","choice":"abort","reason":"r"}})", failed.change.runs.back().id.value
        )
    );
    EXPECT_EQ(
        refused_when_full(
            failed, &Change::runs, 2 * half, "pia", "start_run",
            R"({"purpose":"rollback","executor":"external"})"
        ),
        "purpose"
    );
}

TEST(Limits, of_decisions_on_runs_never_hold_up_an_abort) {
    auto s = ready();
    start(s);
    report(s, "ina", "drain", "failed");
    EXPECT_EQ(
        refused_when_full(
            s, &Change::deviations, limits::list_max, "otto", "decide_run",
            R"({"run":"run-3","choice":"retry","reason":"r"})"
        ),
        "choice"
    );
    s.change.deviations.resize(limits::list_max);
    s.replayed = s.change;
    s.does("otto", "decide_run", R"({"run":"run-3","choice":"abort","reason":"r"})");
}

TEST(Rollback, keeps_what_was_seen_before_it) {
    auto s = deployed();
    s.smoke("ina", "production");
    s.complete("ina", "smoke_production");
    s.does("otto", "log_observation", R"({"kind":"spike","title":"5xx doubled","source":"apm"})");
    s.does("otto", "roll_back", R"({"reason":"5xx doubled","executor":"external"})");
    EXPECT_EQ(s.change.state, ChangeState::rolling_back);
    report_rollback(s);
    EXPECT_EQ(s.change.state, ChangeState::rolled_back);
    s.does("otto", "log_observation", R"({"kind":"ticket","title":"a late one"})");
    s.smoke("ina", "rollback");
    s.does("otto", "send_notice", R"({"kind":"rolled_back"})");
    for (const auto* channel : {"mail", "status"})
        s.does(
            "system", "report_delivery",
            fmt::format(R"({{"notice":"N-2","channel":"{}","state":"delivered"}})", channel)
        );
    s.complete("ina", "rollback");
    EXPECT_EQ(s.change.state, ChangeState::rolled_back);
    ASSERT_EQ(s.change.stabilisation->observations.size(), 2u);
    EXPECT_EQ(s.change.stabilisation->observations[0].title, "5xx doubled");
    EXPECT_EQ(s.change.stabilisation->observations[1].id, "O-2");
    s.does("otto", "resolve_observation", R"({"id":"O-1","resolution":"1.4 runs again"})");
}

TEST(Timers, wake_for_a_step_that_a_command_has_just_made_apply) {
    auto s = ready();
    start(s);
    const auto before = s.facts("otto"); // the rollback step does not apply yet
    const auto decided = s.decide(
        "otto", "decide_run", json(R"({"run":"run-3","choice":"abort","reason":"no room"})")
    );
    ASSERT_TRUE(decided);
    // It is due with the end of the window; nothing else of that day is due earlier.
    auto next = decided->next;
    for (auto& [id, record] : next.steps.edit())
        if (id.value != "rollback")
            record.overdue_noted = true;
    for (const auto* id : {"execute", "smoke_production"})
        next.steps[StepId(id)].overdue_noted = true;
    EXPECT_EQ(wake_at(next, before), at(window_end));
}

TEST(Timers, nothing_is_due_before_there_was_a_change) {
    auto s = approved();
    const auto* step = find_step(*s.workflow, "cab_queue");
    const auto meeting = s.change.queue->meeting_at;
    EXPECT_EQ(due_at(*step, s.change, s.facts("ina")), meeting - 48h);
    EXPECT_FALSE(is_overdue(*step, s.change, s.facts("ina"))) << "it is complete";
    s.change.opened_at = meeting - 1h; // of a board that meets at short notice
    EXPECT_EQ(due_at(*step, s.change, s.facts("ina")), s.change.opened_at);
    s.change.steps[step->id].state = StepState::open;
    s.now = s.change.opened_at;
    EXPECT_FALSE(is_overdue(*step, s.change, s.facts("ina")));
    s.now += 1min;
    EXPECT_TRUE(is_overdue(*step, s.change, s.facts("ina")));
}

std::size_t reminders_of(const Scenario& s, std::string_view step) {
    std::size_t count = 0;
    for (const auto& event : s.events)
        count += event.type == "reminded" && text_or_empty(json(event.data), "about") == step;
    return count;
}

TEST(Timers, a_step_that_is_due_on_another_day_is_reminded_of_anew) {
    auto s = approved();
    s.now = at(window_start) - 20h;
    s.does("system", "tick");
    const auto said = reminders_of(s, "oncall");
    EXPECT_EQ(said, 1u);
    s.does(
        "rosa", "schedule", R"({"start":"2026-12-03T10:00","end":"2026-12-03T12:00","zone":"UTC"})"
    );
    s.complete("rosa", "window");
    s.does("system", "tick");
    EXPECT_EQ(reminders_of(s, "oncall"), said);
    s.now = at("2026-12-02T10:00Z");
    s.does("system", "tick");
    EXPECT_EQ(reminders_of(s, "oncall"), said + 1);
    s.now = at("2026-12-03T10:00Z");
    s.does("system", "tick");
    EXPECT_TRUE(s.change.steps.at(StepId("oncall")).overdue_noted);
    s.does(
        "rosa", "schedule", R"({"start":"2026-12-10T10:00","end":"2026-12-10T12:00","zone":"UTC"})"
    );
    s.complete("rosa", "window");
    s.now = at("2026-12-10T10:00Z");
    s.does("system", "tick");
    EXPECT_EQ(s.change.steps.at(StepId("oncall")).reminded_for, at("2026-12-10T06:00Z"));
}

TEST(Calls, that_people_make_themselves_are_asked_of_no_connector) {
    auto s = ready();
    s.records.rosters.at("harbor").connector = "external";
    renew(s.records);
    s.change.oncall->pages[0].acknowledged_at.reset();
    s.replayed = s.change;
    s.tasks.clear();
    s.does("otto", "check_oncall");
    s.does("ina", "report_page", R"({"person":"pia","state":"delivered"})");
    s.does("pia", "acknowledge_page");
    start(s);
    report(s, "ina", "drain", "failed");
    EXPECT_TRUE(s.tasks.empty());
}

} // namespace
} // namespace slipway::domain::testing
