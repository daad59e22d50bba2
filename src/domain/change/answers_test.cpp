// SPDX-License-Identifier: Apache-2.0
// What answers, refusals and notices say, so that whoever reads them knows what to type and when.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/notices.hpp"
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

TEST(Answers, who_is_named_for_what_his_roles_do_not_let_him_do_is_said) {
    Scenario s;
    s.does("rosa", "open", R"({"title":"Site","change_owner":"mika","implementer":"ina"})");
    EXPECT_TRUE(s.has_said("mika cannot act as change owner: no role of his gives change_run; name "
                           "another, or have an administrator give him one that does"));
    EXPECT_FALSE(s.has_said("ina cannot act"));
    s.said.clear();
    s.does("rosa", "assign", R"({"implementer":"vic","rollback_owner":"vic"})");
    EXPECT_TRUE(s.has_said(
        "vic cannot act as implementer: no role of his gives change_write and change_run"
    ));
    EXPECT_TRUE(s.has_said("vic cannot act as rollback owner: no role of his gives change_run"));
    EXPECT_FALSE(s.has_said("change owner")) << "he is not named now";
    s.does("rosa", "assign_step", R"({"step":"scope","person":"vic"})");
    EXPECT_TRUE(s.has_said("vic cannot act as assignee of scope: no role of his gives change_write")
    );
    s.said.clear();
    s.does("rosa", "assign_step", R"({"step":"scope","person":"mika"})");
    EXPECT_TRUE(s.said.empty());
    s.does(
        "rosa", "add_action", R"({"title":"mend","owner":"vic","due_at":"2026-12-20T10:00:00Z"})"
    );
    EXPECT_TRUE(s.has_said("vic cannot act as owner of A-1: no role of his gives change_write"));
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
        HasSubstr("run the list again with run_smoke --occasion production, or go back: "
                  "slipway change roll_back CHG-12 --reason WHY; otto, pia, sven or a change "
                  "manager decides, by Thu "
                  "2026-11-26 11:")
    );
    EXPECT_THAT(gate.reasons[0].remedy, HasSubstr("(abort-by)"));
}

constexpr auto all_clear = R"({"kind":"all_clear"})";
constexpr auto of_rollback = R"({"kind":"rolled_back"})";
constexpr auto of_maintenance = R"({"kind":"maintenance"})";
constexpr auto of_update = R"({"kind":"update"})";
constexpr auto called_off = R"({"kind":"cancelled"})";

// The first line of the last notice.
std::string told(const Scenario& s) {
    const auto& body = s.change.notices.back().body;
    return body.substr(0, body.find('\n'));
}

void sees_it_go_back(Scenario& s) {
    s.does("pia", "revert_snapshot", R"({"reason":"the front page fails"})");
    EXPECT_EQ(first(s.refused("otto", "send_notice", of_rollback)).gate, "notice");
    s.does("system", "report_snapshot", R"({"host":"web-1","id":"vol-7","state":"reverted"})");
}

TEST(Notices, of_an_end_wait_for_it) {
    auto s = ready();
    for (const auto* kind : {all_clear, of_rollback}) {
        const auto reason = first(s.refused("otto", "send_notice", kind));
        EXPECT_EQ(reason.gate, "notice");
        EXPECT_EQ(reason.message, "the work has not begun");
        EXPECT_EQ(reason.evidence, "no deployment has run");
        EXPECT_THAT(reason.remedy, HasSubstr("send_notice --kind update"));
    }
    s.does("otto", "send_notice", of_update);
    EXPECT_EQ(told(s), "The work has not begun yet.");
    deploy(s);
    s.does("otto", "send_notice", of_update);
    EXPECT_EQ(told(s), "The work goes on.");
    const auto reason = first(s.refused("otto", "send_notice", all_clear));
    EXPECT_EQ(reason.gate, "smoke-production");
    EXPECT_THAT(reason.remedy, HasSubstr("run_smoke --occasion production"));
    s.now += 5min;
    s.smoke("ina", "production", false);
    EXPECT_EQ(first(s.refused("otto", "send_notice", all_clear)).gate, "smoke-production");
    s.smoke("ina", "production");
    s.does("otto", "send_notice", all_clear);
    EXPECT_EQ(told(s), "The work is done and has been checked.");
    EXPECT_EQ(s.change.notices.back().subject, "Completed: Harbor site 1.5");
}

TEST(Notices, of_an_end_are_for_what_stays) {
    auto s = deployed();
    s.now += 5min;
    s.smoke("ina", "production");
    sees_it_go_back(s);
    s.does("otto", "send_notice", of_rollback);
    EXPECT_EQ(told(s), "The change was taken back; the services run as they did before.");
    const auto reason = first(s.refused("otto", "send_notice", all_clear));
    EXPECT_EQ(reason.gate, "rollback-done") << "the list passed on what does not run any more";
    EXPECT_THAT(reason.remedy, HasSubstr("run_smoke --occasion rollback"));
    s.now += 5min;
    s.smoke("ina", "rollback");
    s.does("otto", "send_notice", all_clear);
    EXPECT_EQ(told(s), "The change was taken back, and what runs again has been checked.");
    EXPECT_EQ(s.change.notices.back().subject, "All clear: Harbor site 1.5");
}

TEST(Notices, of_a_waived_smoke_test_do_not_say_that_it_was_made) {
    auto s = deployed();
    s.does("otto", "request_waiver", R"({"gate":"smoke-production","reason":"the probe is down"})");
    s.does("petra", "grant_waiver", R"({"id":"W-1"})");
    s.does("otto", "send_notice", all_clear);
    EXPECT_EQ(told(s), "The work is done.");
}

TEST(Notices, of_what_failed_and_was_mended_where_it_is_say_that_the_work_has_ended) {
    auto s = ready();
    s.does("ina", "start_run", deployment_elsewhere());
    s.does("otto", "decide_run", R"({"run":"run-3","choice":"abort","reason":"disk full"})");
    EXPECT_THAT(
        first(s.refused("otto", "send_notice", all_clear)).remedy,
        HasSubstr("slipway change request_waiver CHG-12 --gate rollback-done --reason TEXT")
    );
    s.does("otto", "request_waiver", R"({"gate":"rollback-done","reason":"mended by hand"})");
    s.does("petra", "grant_waiver", R"({"id":"W-1"})");
    s.does("otto", "send_notice", of_update);
    EXPECT_EQ(told(s), "The work has ended.");
    auto back = s;
    back.does("pia", "roll_back", R"({"reason":"it fails again","executor":"external"})");
    EXPECT_EQ(first(back.refused("otto", "send_notice", all_clear)).gate, "notice");
    EXPECT_EQ(first(s.refused("otto", "send_notice", of_rollback)).gate, "notice");
    s.does("otto", "send_notice", all_clear);
    EXPECT_EQ(told(s), "The work has ended.");
    EXPECT_EQ(s.change.notices.back().subject, "All clear: Harbor site 1.5");
}

TEST(Notices, announce_nothing_that_is_over) {
    auto s = ready();
    s.now = at(window_end);
    const auto reason = first(s.refused("otto", "send_notice", of_maintenance));
    EXPECT_EQ(reason.field, "window");
    EXPECT_EQ(reason.evidence, "it ended Thu 2026-11-26 12:00 UTC");
    EXPECT_THAT(reason.remedy, HasSubstr("schedule --start TIME --end TIME --zone UTC"));
}

TEST(Notices, of_a_moved_window_name_the_time_before) {
    auto s = ready();
    s.said.clear();
    s.does(
        "rosa", "schedule", R"({"start":"2026-12-03T10:00","end":"2026-12-03T12:30","zone":"UTC"})"
    );
    EXPECT_TRUE(s.has_said("open again: window, cab_decision, notice, oncall"));
    EXPECT_TRUE(s.has_said("N-1 announced Thu 2026-11-26 10:00 UTC"));
    EXPECT_TRUE(s.has_said("slipway change send_notice CHG-12 --kind maintenance"));
    for (int time = 0; time < 2; ++time) {
        s.does("otto", "send_notice", of_maintenance);
        const auto& notice = s.change.notices.back();
        EXPECT_EQ(notice.subject, "Maintenance moved: Harbor site 1.5");
        EXPECT_THAT(
            notice.body, HasSubstr("Start:     Thu 2026-12-03 10:00 UTC, instead of Thu 2026-11-26 "
                                   "10:00 UTC\nDuration:  150 minutes, instead of 120\n")
        );
    }
    EXPECT_TRUE(s.has_said("N-2 said the very same"));
    s.said.clear();
    s.does(
        "rosa", "schedule", R"({"start":"2026-12-03T10:00","end":"2026-12-03T12:30","zone":"UTC"})"
    );
    EXPECT_FALSE(s.has_said("announced"));
}

TEST(Notices, are_called_off_with_the_change) {
    auto s = ready();
    EXPECT_EQ(first(s.refused("otto", "send_notice", called_off)).field, "state");
    s.said.clear();
    s.does("otto", "cancel", R"({"reason":"not needed"})");
    EXPECT_TRUE(s.has_said("announced with N-1; say that it does not take place: slipway change "
                           "send_notice CHG-12 --kind cancelled"));
    s.refused("otto", "send_notice", of_update);
    s.does("otto", "send_notice", called_off);
    EXPECT_EQ(told(s), "The work that was announced does not take place.");
    EXPECT_EQ(s.change.notices.back().subject, "Cancelled: Harbor site 1.5");
    s.does("system", "report_delivery", R"({"notice":"N-2","channel":"mail","state":"delivered"})");
    EXPECT_EQ(s.change.notices.back().deliveries.at(0).state, DeliveryState::delivered);
    s.refused(
        "system", "report_delivery", R"({"notice":"N-1","channel":"mail","state":"delivered"})"
    );
    EXPECT_EQ(s.change.state, ChangeState::cancelled);
}

// Who closes has forgotten it; those who wait have not.
TEST(Notices, of_the_end_are_sent_and_delivered_after_the_change_was_closed) {
    auto s = settled();
    s.said.clear();
    auto told_before = s;
    s.does("otto", "close", R"({"outcome":"successful","summary":"1.5 runs."})");
    EXPECT_TRUE(s.has_said("N-1 announced the maintenance, and nobody was told that it is over: "
                           "slipway change send_notice CHG-12 --kind all_clear"));
    s.refused("otto", "send_notice", of_update);
    s.refused("otto", "send_notice", of_maintenance);
    s.does("otto", "send_notice", all_clear);
    s.does("system", "report_delivery", R"({"notice":"N-2","channel":"mail","state":"delivered"})");
    EXPECT_EQ(s.change.notices.back().deliveries.at(0).state, DeliveryState::delivered);
    EXPECT_EQ(first(s.refused("otto", "send_notice", of_rollback)).field, "kind");

    told_before.does("otto", "send_notice", all_clear);
    told_before.does("otto", "close", R"({"outcome":"successful","summary":"1.5 runs."})");
    EXPECT_FALSE(told_before.has_said("nobody was told"));
}

// It had been closed on a waiver, and all-clear was refused as soon as that had ended.
TEST(Notices, of_the_end_say_what_was_so_when_the_change_was_closed) {
    auto s = settled();
    std::erase_if(s.change.smoke_reports.edit(), [](const SmokeReport& report) {
        return report.occasion == SmokeOccasion::production;
    });
    s.replayed = s.change;
    s.does("rosa", "request_waiver", R"({"gate":"smoke-production","reason":"no list"})");
    s.does("petra", "grant_waiver", R"({"id":"W-1"})");
    s.does(
        "otto", "add_action",
        R"({"title":"Write a list","owner":"jonas","due_at":"2026-12-10T12:00:00Z"})"
    );
    s.does("otto", "close", R"({"outcome":"successful_with_issues","summary":"1.5 runs."})");
    s.now = s.change.waivers.back().expires_at + 1h;
    s.does("otto", "send_notice", all_clear);
    EXPECT_EQ(told(s), "The work is done.");
}

TEST(Notices, that_nobody_got_are_not_called_off) {
    auto s = approved();
    s.said.clear();
    s.does("otto", "cancel", R"({"reason":"not needed"})");
    EXPECT_TRUE(s.said.empty());
    EXPECT_EQ(first(s.refused("otto", "send_notice", called_off)).field, "notices");
}

TEST(Notices, that_are_on_their_way_are_not_sent_once_more) {
    auto s = approved();
    s.now = at(window_start) - 30h;
    s.does("otto", "send_notice", R"({"kind":"maintenance","services":["harbor-site"]})");
    const auto remedy = [&](std::string_view gate) {
        const auto result = evaluate(*find_gate(gate), s.change, s.facts("otto"));
        for (const auto& reason : result.reasons)
            if (reason.field == "notice.mail")
                return reason.remedy;
        return std::string();
    };
    EXPECT_THAT(remedy("notice"), HasSubstr("Wait: "));
    s.does("system", "report_delivery", R"({"notice":"N-1","channel":"mail","state":"failed"})");
    EXPECT_THAT(remedy("notice"), HasSubstr("again with send_notice --kind maintenance"));
    s = deployed();
    sees_it_go_back(s);
    EXPECT_THAT(remedy("rollback-done"), HasSubstr("Tell it with send_notice --kind rolled_back"));
    s.does("otto", "send_notice", of_rollback);
    EXPECT_THAT(remedy("rollback-done"), HasSubstr("Wait: "));
    s.records.channels.at("mail").connector = "external";
    ++s.records.version;
    EXPECT_THAT(
        remedy("rollback-done"),
        HasSubstr("report_delivery --notice N-2 --channel mail --state delivered")
    );
    s.does("otto", "send_notice", of_rollback);
    EXPECT_TRUE(s.has_said("slipway change report_delivery CHG-12 --notice N-3 --channel mail"));
}

TEST(Window, that_is_scheduled_once_more_is_no_edit) {
    auto s = ready();
    const auto events = s.events.size();
    s.said.clear();
    const auto& window = *s.change.window;
    s.does(
        "rosa", "schedule",
        fmt::format(
            R"({{"start":"{}","end":"{}","zone":"{}","reason":"{}"}})", window.start_local,
            window.end_local, window.zone, window.reason
        )
    );
    EXPECT_EQ(s.events.size(), events);
    EXPECT_TRUE(s.has_said("this is the change's window already: nothing was edited"));
    EXPECT_TRUE(is_approved(s.change));
}

TEST(Window, that_nobody_can_be_told_of_in_time_says_so) {
    constexpr auto soon = R"({"start":"2026-11-26T10:30","end":"2026-11-26T12:00","zone":"UTC"})";
    auto s = approved();
    s.now = at("2026-11-25T11:00Z");
    const auto warns = [&] {
        s.said.clear();
        s.does("rosa", "schedule", soon);
        return s.has_said("the notice gate will refuse it: it had to be announced by Wed "
                          "2026-11-25 10:30 UTC, 1d before the window");
    };
    EXPECT_TRUE(warns());
    EXPECT_EQ(earliest_to_announce(s.change, s.facts("otto")), s.now + 24h);
    s.policy.notice_ahead = {};
    EXPECT_FALSE(warns());
    s.policy = {};
    s.does("otto", "request_waiver", R"({"gate":"notice","reason":"nobody uses it"})");
    s.does("petra", "grant_waiver", R"({"id":"W-1"})");
    EXPECT_FALSE(warns());
    EXPECT_FALSE(earliest_to_announce(s.change, s.facts("otto")).has_value());
}

TEST(Window, of_an_emergency_is_announced_when_it_begins) {
    Scenario s;
    open(s);
    plan(s, "emergency");
    s.now = at(window_start) - 1h;
    s.said.clear();
    s.does(
        "rosa", "schedule", R"({"start":"2026-11-26T09:30","end":"2026-11-26T12:00","zone":"UTC"})"
    );
    EXPECT_FALSE(s.has_said("the notice gate"));
}

} // namespace
} // namespace slipway::domain::testing
