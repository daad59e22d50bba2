// SPDX-License-Identifier: Apache-2.0
// Gates about what runs and what came of it, where one edit of the record is not enough to show
// what they refuse: results that contradict each other, records that moved on since they were
// looked at, and a clock that goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/tasks.hpp"
#include "domain/change/testing/scenario.hpp"
#include "domain/gates/gate.hpp"
#include "domain/gates/smoke.hpp"

namespace slipway::domain::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// The fields that the gate names when it refuses; empty when it does not.
std::vector<std::string> refused_fields(Scenario& s, std::string_view gate) {
    ++s.records.version; // the copy looks at its own records
    const auto result = evaluate(*find_gate(gate), s.change, s.facts("otto"));
    std::vector<std::string> fields;
    for (const auto& reason : result.reasons) {
        EXPECT_EQ(reason.gate, gate);
        EXPECT_FALSE(reason.remedy.empty()) << reason.message;
        fields.push_back(reason.field);
    }
    return fields;
}

MATCHER_P(Names, field, "") {
    return std::any_of(arg.begin(), arg.end(), [&](const std::string& named) {
        return named == field;
    });
}

std::string first_field_of_start(Scenario& s) {
    const auto error = s.refused("ina", "start_run", R"({"purpose":"deployment"})");
    return error.reasons.empty() ? "" : error.reasons.front().field;
}

TEST(Smoke, one_failure_of_a_check_is_a_failure_however_often_it_passed) {
    auto s = ready();
    s.run("ina", "ring_deploy");
    s.does("ina", "record_smoke", R"({"occasion":"staging","results":[
        {"name":"front-page","passed":true},{"name":"front-page","passed":false},
        {"name":"nightly","passed":true}]})");
    EXPECT_THAT(refused_fields(s, "smoke-staging"), Names("smoke.staging.front-page"));
}

TEST(Smoke, nobody_outside_needs_to_see_a_test_ring) {
    auto s = ready();
    auto text = deployment_file().bytes;
    const std::string check = "  http: http://localhost/\n";
    text.insert(text.find(check) + check.size(), "  outside: true\n");
    s.pin("jonas", runbook_file("deploy-outside.md", text), "deployment");
    ASSERT_EQ(s.change.runbooks.at("deployment").smoke_outside.size(), 1u);
    s.run("ina", "ring_deploy");
    s.smoke("ina", "staging");
    EXPECT_THAT(refused_fields(s, "smoke-staging"), IsEmpty());
}

TEST(Smoke, why_nobody_looked_from_the_outside_is_what_the_gate_shows) {
    Records records;
    Facts facts;
    facts.records = std::shared_ptr<const Records>(std::shared_ptr<void>(), &records);
    Change change;
    PinnedRunbook runbook;
    runbook.smoke_checks = runbook.smoke_outside = {"front-page"};
    domain::Run run;
    run.purpose = RunPurpose::rollback;
    run.state = RunState::succeeded;
    run.ended_at = Time{};
    change.runs.push_back(run);
    SmokeReport report;
    report.occasion = SmokeOccasion::rollback;
    report.results = {{"front-page", true, {}, 1, false, {}}};
    report.not_outside = "no probe has dialled in";
    change.smoke_reports.push_back(report);
    GateFindings findings("rollback-done");
    gates::look_at_smoke(change, SmokeOccasion::rollback, &runbook, facts, findings);
    ASSERT_EQ(findings.reasons.size(), 1u);
    EXPECT_EQ(findings.reasons[0].field, "smoke.rollback.front-page");
    EXPECT_EQ(findings.reasons[0].evidence, "no probe has dialled in");
    change.smoke_reports[0].results.push_back({"front-page", true, {}, 1, true, {}});
    GateFindings seen("rollback-done");
    gates::look_at_smoke(change, SmokeOccasion::rollback, &runbook, facts, seen);
    EXPECT_THAT(seen.reasons, IsEmpty());
    // The networks were mended because the probe turned out to be inside.
    change.smoke_reports[0].results.back().seen_from = "berlin at 10.1.2.3";
    records.organisation.inside_networks = {"10.0.0.0/8"};
    GateFindings inside("rollback-done");
    gates::look_at_smoke(change, SmokeOccasion::rollback, &runbook, facts, inside);
    ASSERT_EQ(inside.reasons.size(), 1u);
    EXPECT_EQ(inside.reasons[0].evidence, "seen by berlin at 10.1.2.3, which lies in 10.0.0.0/8");
}

TEST(Smoke, which_probe_saw_something_is_for_the_server_to_say) {
    auto s = ready();
    s.does("ina", "record_smoke", R"({"occasion":"staging","results":[
        {"name":"front-page","passed":true,"outside":true,"seen_from":"berlin at 203.0.113.7"},
        {"name":"nightly","passed":true}]})");
    EXPECT_EQ(s.change.smoke_reports.back().results.at(0).seen_from, "");
    EXPECT_TRUE(s.change.smoke_reports.back().results.at(0).outside);
}

TEST(Parity, rings_about_which_nothing_is_known_are_not_alike) {
    auto s = ready();
    for (const auto* id : {"staging", "production"})
        s.records.rings.at(id).hosts[0].facts.clear();
    renew(s.records);
    s.does("ina", "compare_ring");
    EXPECT_EQ(s.change.parity->facts_compared, 0u);
    auto fields = refused_fields(s, "ring-parity");
    EXPECT_THAT(fields, Names("parity.web-1"));
    EXPECT_THAT(fields, Names("parity.stage-1"));
    for (const auto* id : {"staging", "production"})
        s.records.rings.at(id).hosts.clear();
    renew(s.records);
    s.does("ina", "compare_ring");
    EXPECT_THAT(refused_fields(s, "ring-parity"), Names("parity"));
}

TEST(Parity, one_host_of_several_without_facts_is_named) {
    auto s = ready();
    for (const auto* id : {"staging", "production"})
        s.records.rings.at(id).hosts.push_back({"node-2", {}, {}, {}});
    renew(s.records);
    s.does("ina", "compare_ring");
    EXPECT_THAT(refused_fields(s, "ring-parity"), Names("parity.node-2"));
}

TEST(Parity, old_facts_prove_nothing) {
    auto s = ready();
    s.records.rings.at("production").facts_at = s.now - s.policy.ring_facts_age_max - 1s;
    renew(s.records);
    s.does("ina", "compare_ring");
    EXPECT_THAT(refused_fields(s, "ring-parity"), Names("parity"));
    s.records.rings.at("production").facts_at.reset();
    EXPECT_THAT(refused_fields(s, "ring-parity"), Names("parity"));
    s.records.rings.at("production").facts_at = s.now;
    EXPECT_THAT(refused_fields(s, "ring-parity"), IsEmpty());
}

TEST(Parity, a_ring_is_compared_with_production_and_not_with_itself) {
    auto s = ready();
    s.change.production_ring = "staging";
    s.replayed = s.change;
    s.does("ina", "compare_ring");
    auto fields = refused_fields(s, "ring-parity");
    EXPECT_THAT(fields, Names("test_ring"));
    EXPECT_THAT(fields, Names("production_ring"));
}

TEST(Snapshots, a_host_of_the_scope_outside_the_ring_needs_one_too) {
    auto s = ready();
    s.change.scope->cis.push_back({CiId("billing"), "", "", "2"}); // the CMDB says bill-1
    EXPECT_THAT(refused_fields(s, "snapshot"), Names("snapshot.bill-1"));
    s.change.scope->cis.back().host = "bill-2";
    EXPECT_THAT(refused_fields(s, "snapshot"), Names("snapshot.bill-2"));
    s.replayed = s.change;
    s.does("ina", "take_snapshot");
    EXPECT_EQ(s.change.snapshots.back().host, "web-1");
    EXPECT_EQ(s.change.snapshots.at(s.change.snapshots.size() - 2).host, "bill-2");
}

// "Take it" was said to whoever had asked for it, again and again.
TEST(Snapshots, one_that_was_asked_for_is_to_be_reported) {
    auto s = ready();
    s.change.snapshots.clear();
    s.replayed = s.change;
    s.does("ina", "take_snapshot");
    s.change.snapshots.back().connector = "external";
    const auto remedy = [&] {
        const auto reasons = evaluate(*find_gate("snapshot"), s.change, s.facts("ina")).reasons;
        return reasons.empty() ? std::string{} : reasons.front().remedy;
    };
    EXPECT_EQ(
        remedy(), "Take it, then say so with report_snapshot --host web-1 --id ID --tag CHG-12 "
                  "--state taken --read_back; ID is the provider's"
    );
    s.change.snapshots.back().connector = "vsphere";
    EXPECT_EQ(remedy(), "Wait for vsphere; slipway task list shows what it does");
}

TEST(Notices, one_that_a_person_sends_is_to_be_reported) {
    auto s = ready();
    auto& delivery = s.change.notices.back().deliveries.front();
    delivery.state = DeliveryState::pending;
    s.records.channels.at(delivery.channel).connector = "external";
    renew(s.records);
    const auto reasons = evaluate(*find_gate("notice"), s.change, s.facts("ina")).reasons;
    ASSERT_EQ(reasons.size(), 1);
    EXPECT_EQ(
        reasons[0].remedy,
        fmt::format(
            "Send it, then say so with report_delivery --notice {} --channel {} --state delivered",
            s.change.notices.back().id, delivery.channel
        )
    );
}

TEST(Snapshots, of_no_host_at_all_prove_nothing) {
    auto s = ready();
    s.records.rings.at("production").hosts.clear();
    s.change.scope->cis.clear();
    EXPECT_THAT(refused_fields(s, "snapshot"), Names("snapshot"));
}

TEST(Oncall, another_roster_is_another_cover) {
    auto s = ready();
    s.records.rosters["shadow"] = s.records.rosters.at("harbor");
    renew(s.records);
    s.does("rosa", "assign", R"({"roster":"shadow"})");
    EXPECT_THAT(refused_fields(s, "oncall"), Names("oncall.roster"));
    s.does("otto", "check_oncall");
    EXPECT_THAT(refused_fields(s, "oncall"), IsEmpty());
}

TEST(Oncall, an_edited_roster_is_checked_again) {
    auto s = ready();
    auto& shifts = s.records.rosters.at("harbor").shifts;
    const auto whole = shifts;
    shifts.pop_back(); // nobody to escalate to
    EXPECT_THAT(refused_fields(s, "oncall"), Names("oncall.roster"));
    shifts = whole;
    EXPECT_THAT(refused_fields(s, "oncall"), IsEmpty());
    shifts[1].person = PersonId("otto");
    EXPECT_THAT(refused_fields(s, "oncall"), Names("oncall.roster"));
    s.does("otto", "check_oncall");
    EXPECT_THAT(refused_fields(s, "oncall"), Names("oncall.otto"));
}

void leaves(Scenario& s, const char* person) {
    s.records.people.at(PersonId(person)).inactive = true;
    renew(s.records);
}

TEST(Oncall, who_has_left_is_not_counted) {
    for (const auto* person : {"pia", "etta"}) {
        auto s = ready();
        leaves(s, person);
        EXPECT_THAT(refused_fields(s, "oncall"), Names(fmt::format("oncall.{}", person)));
        s.tasks.clear();
        s.said.clear();
        s.does("otto", "check_oncall");
        EXPECT_THAT(refused_fields(s, "oncall"), Names("oncall.cover"));
        EXPECT_TRUE(s.has_said(fmt::format("; {} is inactive", person)));
        for (const auto& page : s.change.oncall->pages)
            EXPECT_NE(page.person.value, person);
        for (const auto& task : s.tasks)
            EXPECT_THAT(task.payload, Not(HasSubstr(fmt::format("\"person\":\"{}\"", person))));
    }
}

TEST(Oncall, a_client_s_contact_who_has_left_is_missed) {
    auto s = ready();
    s.records.rosters.at("harbor").client_contact = "vic";
    leaves(s, "vic");
    s.does("otto", "check_oncall");
    EXPECT_THAT(refused_fields(s, "oncall"), Names("oncall.cover"));
    EXPECT_TRUE(s.has_said("nobody is the client's contact; vic is inactive"));
}

TEST(Oncall, whom_no_connector_calls_the_answer_names) {
    auto s = ready();
    s.records.rosters.at("harbor").connector = "external";
    renew(s.records);
    s.change.oncall->pages[0].acknowledged_at.reset();
    s.replayed = s.change;
    s.tasks.clear();
    s.said.clear();
    s.does("otto", "check_oncall");
    EXPECT_TRUE(s.tasks.empty());
    ASSERT_EQ(s.said.size(), 1U);
    EXPECT_EQ(
        s.said[0], "tell pia (primary) of the window, then say so: slipway change report_page "
                   "CHG-12 --person pia --state delivered"
    );
}

TEST(Oncall, a_window_that_is_over_is_moved_before_anybody_is_called) {
    auto s = ready();
    s.now = s.change.window->end;
    const auto error = s.refused("otto", "check_oncall");
    EXPECT_EQ(first(error).gate, "oncall");
    EXPECT_EQ(first(error).field, "window");
    EXPECT_EQ(
        first(error).remedy,
        "Move it with schedule --start TIME --end TIME --zone UTC, then run check_oncall"
    );
}

TEST(Oncall, one_person_in_all_roles_is_told_so_once) {
    auto s = ready();
    for (auto& shift : s.records.rosters.at("harbor").shifts)
        shift.person = PersonId("otto");
    ++s.records.version;
    s.does("otto", "check_oncall");
    const auto result = evaluate(*find_gate("oncall"), s.change, s.facts("otto"));
    ASSERT_EQ(result.reasons.size(), 2U);
    EXPECT_EQ(
        result.reasons[0].message, "otto stands in several roles: primary, secondary, escalation"
    );
    EXPECT_EQ(
        result.reasons[1].message, "otto (primary, secondary, escalation) has not acknowledged"
    );
}

void deliver(Scenario& s, std::string_view channel) {
    s.does(
        "system", "report_delivery",
        fmt::format(
            R"({{"notice":"{}","channel":"{}","state":"delivered"}})", s.change.notices.back().id,
            channel
        )
    );
}

Scenario rolled_back() {
    static const Scenario story = [] {
        auto s = ready();
        deploy(s);
        // The first notice had missed a channel; a second one went there.
        auto& notices = s.change.notices;
        notices.push_back(notices.front());
        notices.front().deliveries.pop_back();
        notices.back().deliveries.erase(notices.back().deliveries.begin());
        s.replayed = s.change;
        s.does("pia", "roll_back", R"({"reason":"front page fails","executor":"external"})");
        report_rollback(s);
        s.smoke("ina", "rollback");
        return s;
    }();
    return story;
}

TEST(Rollback, is_told_on_every_channel_that_announced_the_maintenance) {
    auto s = rolled_back();
    EXPECT_THAT(refused_fields(s, "rollback-done"), Names("notice.mail"));
    EXPECT_THAT(refused_fields(s, "rollback-done"), Names("notice.status"));
    s.does("otto", "send_notice", R"({"kind":"rolled_back"})");
    deliver(s, "mail");
    deliver(s, "status");
    EXPECT_THAT(refused_fields(s, "rollback-done"), IsEmpty());
}

TEST(Rollback, that_counts_by_somebodys_word_says_so_and_is_tested_all_the_same) {
    auto s = deployed();
    s.does("pia", "roll_back", R"({"reason":"the feed is empty","executor":"external"})");
    const auto id = s.change.runs.back().id.value;
    s.does(
        "pia", "confirm_step",
        fmt::format(R"({{"run":"{}","step":"turn-round","note":"seen"}})", id)
    );
    for (const auto* step : {"switch-back", "verify-back"}) {
        s.does(
            "pia", "report_run",
            fmt::format(
                R"({{"run":"{}","steps":[{{"name":"{}","state":"failed",)"
                R"("detail":"not begun: no route"}}]}})",
                id, step
            )
        );
        s.does(
            "pia", "decide_run",
            fmt::format(R"({{"run":"{}","choice":"resume","reason":"I did it on the host"}})", id)
        );
    }
    const auto& run = s.change.runs.back();
    EXPECT_EQ(run.state, RunState::succeeded);
    EXPECT_EQ(run.steps[1].detail, "taken as done by pia: I did it on the host");
    EXPECT_EQ(s.change.deviations.back().what, "not begun: no route");
    EXPECT_TRUE(s.has_said("verify-back was not seen to succeed"));
    EXPECT_THAT(refused_fields(s, "rollback-done"), Names("smoke.rollback"));
    const auto result = evaluate(*find_gate("rollback-done"), s.change, s.facts("otto"));
    EXPECT_THAT(
        result.warnings,
        ::testing::Contains("pia decided resume at switch-back of " + id + ": I did it on the host")
    );
}

TEST(Rollback, a_notice_of_it_that_was_sent_before_says_nothing) {
    auto s = rolled_back();
    s.does("otto", "send_notice", R"({"kind":"rolled_back"})");
    deliver(s, "mail");
    deliver(s, "status");
    s.change.notices.back().sent_at = *s.change.runs.back().ended_at - 1s;
    EXPECT_THAT(refused_fields(s, "rollback-done"), Names("notice.mail"));
}

TEST(Window, a_deployment_starts_while_there_is_room_for_the_rollback) {
    auto s = ready();
    // 15 and 10 minutes for the runbooks, 15 for the smoke tests after each.
    s.now = at(window_end) - 55min;
    EXPECT_THAT(not_ready(s.change, s.facts("ina")), IsEmpty());
    s.now += 1s;
    const auto reasons = not_ready(s.change, s.facts("ina"));
    ASSERT_THAT(reasons, Not(IsEmpty()));
    EXPECT_EQ(reasons[0].field, "window.end");
    EXPECT_EQ(first_field_of_start(s), "window.end");
}

TEST(Window, a_runbook_without_a_time_limit_takes_what_its_steps_may) {
    auto s = ready();
    auto& runbook = s.change.runbooks.at("deployment");
    runbook.time_limit = {};
    EXPECT_EQ(duration_of(runbook), Span(150s));
    runbook.steps[0].timeout = 2h;
    EXPECT_THAT(refused_fields(s, "window"), Names("window.end"));
    EXPECT_EQ(first_field_of_start(s), "window.end");
}

TEST(Backup, an_older_point_than_the_last_does_not_prove_it) {
    auto s = ready();
    auto& proof = s.change.backup->proofs[0];
    proof.restored_at = *proof.last_success - 1s;
    EXPECT_THAT(refused_fields(s, "backup-restorable"), Names("backup.harbor-site"));
    proof.restored_at = *proof.last_success;
    EXPECT_THAT(refused_fields(s, "backup-restorable"), IsEmpty());
}

Scenario proven_by_its_connector() {
    auto s = ready();
    s.change.backup->tested = true;
    auto& proof = s.change.backup->proofs[0];
    proof.restored_point = proof.point;
    proof.host = proof.point_host = "web-1";
    proof.point_ci = CiId("harbor-site");
    proof.point_at = *proof.last_success;
    proof.files = 2;
    proof.bytes = 5;
    return s;
}

TEST(Backup, what_the_point_says_of_itself_proves_it) {
    auto s = proven_by_its_connector();
    EXPECT_THAT(refused_fields(s, "backup-restorable"), IsEmpty());
}

TEST(Backup, a_connector_that_leaves_out_what_it_restored_proves_nothing) {
    const auto says = [](auto&& leave_out) {
        auto s = proven_by_its_connector();
        leave_out(s.change.backup->proofs[0]);
        const auto result = evaluate(*find_gate("backup-restorable"), s.change, s.facts("ina"));
        return result.reasons.size() == 1 ? result.reasons[0].message : "";
    };
    EXPECT_EQ(
        says([](auto& proof) { proof.restored_point.clear(); }),
        "nobody knows which point was restored"
    );
    EXPECT_EQ(
        says([](auto& proof) { proof.point_at.reset(); }),
        "nobody knows of when the restored point is"
    );
    EXPECT_EQ(
        says([](auto& proof) {
            proof.point_ci = {};
            proof.point_host.clear();
        }),
        "the point does not say what it is of"
    );
    EXPECT_EQ(says([](auto& proof) { proof.files = 0; }), "nothing was restored");
    EXPECT_EQ(says([](auto& proof) { proof.bytes = 0; }), "nothing was restored");
}

TEST(Backup, of_a_database_the_point_itself_is_fresh_and_not_only_its_file) {
    auto s = proven_by_its_connector();
    s.now = at(window_start) - 1h;
    s.change.scope->database = true;
    auto& proof = s.change.backup->proofs[0];
    proof.last_success = s.now - 2min; // a dump that somebody copied
    proof.restored_at = s.now - 1min;
    proof.point_at = s.now - 20h;
    const auto refused = evaluate(*find_gate("backup-restorable"), s.change, s.facts("ina"));
    ASSERT_EQ(refused.reasons.size(), 1U);
    EXPECT_THAT(refused.reasons[0].message, ::testing::HasSubstr("needs a fresh backup"));
    EXPECT_THAT(refused.reasons[0].evidence, ::testing::HasSubstr(to_text(s.now - 20h)));
    proof.point_at = s.now - 1h;
    EXPECT_THAT(refused_fields(s, "backup-restorable"), IsEmpty());
}

TEST(Backup, a_database_in_scope_needs_a_fresh_one_though_nobody_says_that_it_is_changed) {
    auto s = ready();
    s.now = at(window_start) - 1h;
    s.change.scope->cis.push_back({CiId("berths-db"), "", "1.4", "1.5"});
    auto proof = s.change.backup->proofs[0];
    proof.ci = CiId("berths-db");
    proof.last_success = at(window_start) - 5h;
    s.change.backup->proofs.push_back(proof);
    s.change.backup->proofs[0].last_success = at(window_start) - 5h;
    EXPECT_THAT(refused_fields(s, "backup-restorable"), ::testing::ElementsAre("backup.berths-db"))
        << "the site beside it may be older";
    s.change.backup->proofs[1].last_success = at(window_start) - 3h;
    EXPECT_THAT(refused_fields(s, "backup-restorable"), IsEmpty());
    s.change.backup->verdict = BackupVerdict::not_applicable;
    EXPECT_THAT(refused_fields(s, "backup-restorable"), Names("backup.verdict"));
}

TEST(Backup, an_item_with_a_connector_of_its_own_is_proven_by_it) {
    auto s = ready();
    s.change.scope->cis.push_back({CiId("berths-db"), "", "1.4", "1.5"});
    s.replayed = s.change;
    s.records.cis.at(CiId("berths-db")).backup_connector = "dumps";
    ++s.records.version;
    s.does("ina", "verify_backup");
    const auto task = *restore<BackupTask>(std::string_view(s.tasks.back().payload));
    EXPECT_EQ(task.connector, "restic");
    EXPECT_EQ(task.connectors.at(CiId("berths-db")), "dumps");
    EXPECT_EQ(task.cis.at(1).host, "web-1") << "the CMDB knows the host";
    s.records.rings.at("production").backup_connector.clear();
    ++s.records.version;
    const auto error = s.refused("ina", "verify_backup");
    ASSERT_EQ(error.reasons.size(), 1U);
    EXPECT_EQ(error.reasons[0].field, "backup.harbor-site");
}

// What the connector of the site says; `restored` is a member of the body's proof.
void connector_reports(Scenario& s, std::string_view verdict, std::string_view restored) {
    s.does("ina", "verify_backup");
    s.does(
        "system", "record_backup",
        fmt::format(
            R"({{"verdict":"{}","proofs":[{{"ci":"harbor-site","source":"restic","point":"p-7",)"
            R"("last_success":"{}",{}}}]}})",
            verdict, to_text(s.now - 1h), restored
        )
    );
}

// What a restore comes back with when it came out whole.
std::string restored_of(const Scenario& s, std::string_view host) {
    return fmt::format(
        R"("restored":true,"restored_at":"{}","content_digest":"{}","files":2,"bytes":5,)"
        R"("restored_point":"p-7","point_at":"{}","point_host":"{}")",
        to_text(s.now), sha256("1.4").hex(), to_text(s.now - 1h), host
    );
}

const std::string damaged = R"("detail":"restic refused: pack 7 is damaged")";

TEST(Backup, what_its_connector_could_not_restore_no_report_by_hand_undoes) {
    auto s = ready();
    connector_reports(s, "not_verified", damaged);
    record_backup(s);
    const auto refused = evaluate(*find_gate("backup-restorable"), s.change, s.facts("ina"));
    ASSERT_EQ(refused.reasons.size(), 1U);
    EXPECT_EQ(refused.reasons[0].field, "backup.harbor-site");
    EXPECT_EQ(refused.reasons[0].evidence, "restic: restic refused: pack 7 is damaged");
    EXPECT_THAT(refused.reasons[0].remedy, ::testing::HasSubstr("verify_backup"));
    s.does("ina", "record_backup", R"({"verdict":"not_applicable","reason":"it is but a site"})");
    EXPECT_THAT(refused_fields(s, "backup-restorable"), Names("backup.harbor-site"));
    record_backup(s);
    EXPECT_THAT(refused_fields(s, "backup-restorable"), Names("backup.harbor-site"))
        << "nor does writing it twice";
    connector_reports(s, "verified", restored_of(s, "web-1"));
    EXPECT_THAT(refused_fields(s, "backup-restorable"), IsEmpty());
}

TEST(Backup, a_connector_that_restored_somebody_elses_point_is_not_outdone_by_hand) {
    auto s = ready();
    connector_reports(s, "verified", restored_of(s, "web-9"));
    EXPECT_THAT(refused_fields(s, "backup-restorable"), Names("backup.harbor-site"));
    record_backup(s);
    EXPECT_THAT(refused_fields(s, "backup-restorable"), Names("backup.harbor-site"));
}

TEST(Backup, that_none_is_needed_does_not_undo_what_its_connector_found) {
    constexpr std::string_view none =
        R"({"verdict":"not_applicable","reason":"one file, kept in the release"})";
    const auto judged = [&](const std::string& restored) {
        auto s = ready();
        connector_reports(s, "verified", restored);
        s.does("ina", "record_backup", none);
        return evaluate(*find_gate("backup-restorable"), s.change, s.facts("ina"));
    };
    const auto s = ready();
    const auto elsewhere = judged(restored_of(s, "web-9"));
    ASSERT_EQ(elsewhere.reasons.size(), 1U);
    EXPECT_EQ(elsewhere.reasons[0].message, "the backup is of another host");
    EXPECT_THAT(
        elsewhere.warnings,
        ::testing::Contains(::testing::HasSubstr(
            "does not count for harbor-site: restic was asked for it and restored p-7 of "
        ))
    );
    auto empty = restored_of(s, "web-1");
    empty.replace(empty.find(R"("files":2)"), 9, R"("files":0)");
    ASSERT_EQ(judged(empty).reasons.size(), 1U);
    EXPECT_EQ(judged(empty).reasons[0].message, "nothing was restored");
    EXPECT_THAT(judged(restored_of(s, "web-1")).reasons, IsEmpty());
}

TEST(Backup, an_item_is_proven_once) {
    auto s = ready();
    const auto error = s.refused("ina", "record_backup", R"({"verdict":"verified","proofs":[
        {"ci":"harbor-site","source":"a"},{"ci":"harbor-site","source":"b"}]})");
    ASSERT_FALSE(error.fields.empty());
    EXPECT_EQ(error.fields[0].field, "proofs[1].ci");
}

} // namespace
} // namespace slipway::domain::testing
