// SPDX-License-Identifier: Apache-2.0
// Every gate against one record that is in order and one edit that is not: it refuses what it is
// there for, by its own id, naming the field and the remedy, and passes again when mended. The
// record is reached through commands; the edits are made by hand, so that each row is one cause.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/testing/gate_rows.hpp"
#include "domain/records/ring_contents.hpp"

namespace slipway::domain::testing {
namespace {

using namespace std::chrono_literals;

const Scenario& rolled_back_and_told() {
    static const Scenario story = [] {
        auto s = ready();
        deploy(s);
        s.smoke("ina", "production", false);
        s.does("pia", "roll_back", R"({"reason":"front page fails","executor":"external"})");
        for (const auto* step : {"turn-round", "switch-back", "verify-back"}) {
            const bool decision = std::string_view(step) == "turn-round";
            s.does(
                "pia", decision ? "confirm_step" : "report_run",
                decision
                    ? fmt::format(R"({{"run":"run-4","step":"{}","note":"seen"}})", step)
                    : fmt::format(
                          R"({{"run":"run-4","steps":[{{"name":"{}","state":"succeeded"}}]}})", step
                      )
            );
        }
        s.smoke("ina", "rollback");
        s.does("otto", "send_notice", R"({"kind":"rolled_back"})");
        for (const auto* channel : {"mail", "status"})
            s.does(
                "system", "report_delivery",
                fmt::format(R"({{"notice":"N-2","channel":"{}","state":"delivered"}})", channel)
            );
        return s;
    }();
    return story;
}

Run& last(Change& change, RunPurpose purpose) {
    const auto found =
        static_cast<std::size_t>(last_run(change, purpose) - &std::as_const(change).runs.front());
    return change.runs[found];
}

SmokeReport& last(Change& change, SmokeOccasion occasion) {
    const auto found = static_cast<std::size_t>(
        last_smoke(change, occasion) - &std::as_const(change).smoke_reports.front()
    );
    return change.smoke_reports[found];
}

TEST(Gates, validation_refuses) {
    check(
        ready(),
        {
            {"ring-parity", "not compared", "parity", [](auto& s) { s.change.parity.reset(); }},
            {"ring-parity", "differs", "parity.web-1/kernel",
             [](auto& s) {
                 s.change.parity->divergences.push_back({"web-1/kernel", "6", "5", {}, {}});
             }},
            {"ring-parity", "nothing compared", "parity",
             [](auto& s) { s.change.parity->facts_compared = 0; }},
            {"ring-parity", "old", "parity", [](auto& s) { s.change.parity->at -= 7 * 24h; }},
            {"ring-parity", "facts gathered anew", "parity",
             [](auto& s) { s.records.rings.at("staging").facts_at = s.now; }},
            {"ring-parity", "other rings", "parity",
             [](auto& s) { s.change.parity->production = "elsewhere"; }},
            {"ring-deployed", "no runbook", "deployment_runbook",
             [](auto& s) { s.change.runbooks.erase("deployment"); }},
            {"ring-deployed", "no run", "ring_deploy", [](auto& s) { s.change.runs.clear(); }},
            {"ring-deployed", "other bytes", "ring_deploy",
             [](auto& s) {
                 last(s.change, RunPurpose::ring_deploy).runbook = rollback_file().digest;
             }},
            {"ring-deployed", "not to the end", "ring_deploy",
             [](auto& s) { last(s.change, RunPurpose::ring_deploy).state = RunState::aborted; }},
            {"ring-deployed", "a step skipped", "ring_deploy.drain",
             [](auto& s) {
                 last(s.change, RunPurpose::ring_deploy).steps[0].state = RunStepState::skipped;
             }},
            {"ring-deployed", "another ring", "ring_deploy",
             [](auto& s) { last(s.change, RunPurpose::ring_deploy).ring = "laptop"; }},
            {"ring-deployed", "edited since it was compared", "ring_deploy",
             [](auto& s) {
                 last(s.change, RunPurpose::ring_deploy).ring_contents = sha256("elsewhere");
             }},
            {"smoke-staging", "no list", "smoke.staging",
             [](auto& s) { s.change.runbooks.at("deployment").smoke_checks.clear(); }},
            {"smoke-staging", "not run", "smoke.staging",
             [](auto& s) { s.change.smoke_reports.clear(); }},
            {"smoke-staging", "failed", "smoke.staging.front-page",
             [](auto& s) { last(s.change, SmokeOccasion::staging).results[0].passed = false; }},
            {"smoke-staging", "a check left out", "smoke.staging.nightly",
             [](auto& s) { last(s.change, SmokeOccasion::staging).results.pop_back(); }},
            {"smoke-staging", "list changed since", "smoke.staging",
             [](auto& s) { s.change.runbooks.at("deployment").smoke_digest = sha256("other"); }},
            {"smoke-staging", "begun before the run ended", "smoke.staging",
             [](auto& s) { *last(s.change, SmokeOccasion::staging).began -= 1ms; }},
            {"smoke-staging", "an old entry from before the run", "smoke.staging",
             [](auto& s) {
                 auto& report = last(s.change, SmokeOccasion::staging);
                 report.began.reset();
                 report.at -= 1ms;
             }},
            {"smoke-staging", "of another run", "smoke.staging",
             [](auto& s) { last(s.change, SmokeOccasion::staging).run = RunId("run-2"); }},
            {"smoke-staging", "of another ring", "smoke.staging",
             [](auto& s) { last(s.change, SmokeOccasion::staging).ring = "laptop"; }},
            {"backup-restorable", "not checked", "backup",
             [](auto& s) { s.change.backup.reset(); }},
            {"backup-restorable", "not verified", "backup.verdict",
             [](auto& s) { s.change.backup->verdict = BackupVerdict::not_verified; }},
            {"backup-restorable", "old", "backup.harbor-site",
             [](auto& s) { s.change.backup->proofs[0].last_success = s.now - 25h; }},
            {"backup-restorable", "never", "backup.harbor-site",
             [](auto& s) { s.change.backup->proofs[0].last_success.reset(); }},
            {"backup-restorable", "in the future", "backup.harbor-site",
             [](auto& s) { s.change.backup->proofs[0].last_success = s.now + 1h; }},
            {"backup-restorable", "green dashboard", "backup.harbor-site",
             [](auto& s) { s.change.backup->proofs[0].restored = false; }},
            {"backup-restorable", "restore in the future", "backup.harbor-site",
             [](auto& s) { s.change.backup->proofs[0].restored_at = s.now + 1h; }},
            {"backup-restorable", "an item left out", "backup.harbor-site",
             [](auto& s) { s.change.backup->proofs.clear(); }},
            {"backup-restorable", "content not looked at", "backup.harbor-site",
             [](auto& s) { s.change.backup->proofs[0].content_digest.clear(); }},
            {"backup-restorable", "a digest of zeros", "backup.harbor-site",
             [](auto& s) { s.change.backup->proofs[0].content_digest = Digest{}.hex(); }},
            {"backup-restorable", "a restore of nothing", "backup.harbor-site",
             [](auto& s) { s.change.backup->proofs[0].content_digest = sha256("").hex(); }},
            {"backup-restorable", "no point", "backup.harbor-site",
             [](auto& s) { s.change.backup->proofs[0].point.clear(); }},
            {"backup-restorable", "a stale point", "backup.harbor-site",
             [](auto& s) { s.change.backup->proofs[0].restored_point = "snap-0"; }},
            {"backup-restorable", "an old point", "backup.harbor-site",
             [](auto& s) { s.change.backup->proofs[0].point_at = s.now - 25h; }},
            {"backup-restorable", "a point in the future", "backup.harbor-site",
             [](auto& s) { s.change.backup->proofs[0].point_at = s.now + 1min; }},
            {"backup-restorable", "another item's point", "backup.harbor-site",
             [](auto& s) { s.change.backup->proofs[0].point_ci = CiId("billing"); }},
            {"backup-restorable", "another host's point", "backup.harbor-site",
             [](auto& s) { s.change.backup->proofs[0].point_host = "stage-1"; }},
            {"backup-restorable", "looked for on another host", "backup.harbor-site",
             [](auto& s) { s.change.backup->proofs[0].host = "stage-1"; }},
            {"backup-restorable", "a point that does not say what it is of", "backup.harbor-site",
             [](auto& s) { s.change.backup->tested = true; }},
            {"backup-restorable", "a database without a fresh one", "backup.harbor-site",
             [](auto& s) {
                 s.change.scope->database = true;
                 s.change.backup->proofs[0].last_success = at(window_start) - 5h;
             }},
            {"backup-restorable", "a database cannot do without", "backup.verdict",
             [](auto& s) {
                 s.change.scope->database = true;
                 s.change.backup->verdict = BackupVerdict::not_applicable;
             }},
            {"rollback-rehearsed", "not run", "rehearsal",
             [](auto& s) { s.change.runs.resize(1); }},
            {"rollback-rehearsed", "before the deployment", "rehearsal",
             [](auto& s) { s.change.runs.edit().erase(s.change.runs.begin()); }},
            {"rollback-rehearsed", "other bytes", "rehearsal",
             [](auto& s) { last(s.change, RunPurpose::rehearsal).runbook = sha256("x"); }},
            {"rollback-rehearsed", "a failure accepted", "rehearsal.switch-back",
             [](auto& s) {
                 s.change.deviations.push_back(
                     {last(s.change, RunPurpose::rehearsal).id,
                      "switch-back",
                      "exit 1",
                      DeviationChoice::resume,
                      "fine",
                      {},
                      s.now}
                 );
             }},
            {"rollback-rehearsed", "credential ends", "credentials.deploy-key",
             [](auto& s) {
                 s.records.rings.at("production").credentials[0].expires_at = at(window_end) - 1s;
             }},
            {"rollback-rehearsed", "old version not tested", "smoke.rehearsal",
             [](auto& s) { s.change.smoke_reports.resize(1); }},
            {"defects", "an open blocker", "defects.D-1",
             [](auto& s) {
                 s.change.defects.push_back(
                     {"D-1", "it burns", Severity::blocker, {}, {}, {}, {}, {}}
                 );
             }},
            {"defects", "an open critical", "defects.D-1",
             [](auto& s) {
                 s.change.defects.push_back(
                     {"D-1", "it glows", Severity::critical, {}, {}, {}, {}, {}}
                 );
             }},
        }
    );
}

TEST(Gates, review_refuses) {
    check(
        ready(),
        {
            {"cab-lead-time", "not submitted", "queue", [](auto& s) { s.change.queue.reset(); }},
            {"cab-lead-time", "another scope than submitted", "queue.sections",
             [](auto& s) { s.change.scope->customer_impact = "Everything is down"; }},
            {"cab-lead-time", "another runbook than submitted", "queue.sections",
             [](auto& s) { s.change.runbooks.at("deployment").digest = sha256("x"); }},
            {"cab-lead-time", "window before the meeting", "window.start",
             [](auto& s) { s.change.queue->meeting_at = at(window_start); }},
            {"cab-decision", "none", "decision", [](auto& s) { s.change.decision.reset(); }},
            {"cab-decision", "rejected", "decision.outcome",
             [](auto& s) { s.change.decision->outcome = CabOutcome::rejected; }},
            {"cab-decision", "deferred", "decision.outcome",
             [](auto& s) { s.change.decision->outcome = CabOutcome::deferred; }},
            {"cab-decision", "scope edited", "decision.sections",
             [](auto& s) { s.change.scope->cis[0].version_to = "1.6"; }},
            {"cab-decision", "another ring", "decision.sections",
             [](auto& s) { s.change.production_ring = "staging"; }},
            {"cab-decision", "no quorum", "decision.votes",
             [](auto& s) { s.change.decision->votes.pop_back(); }},
            {"cab-decision", "group missing", "decision.votes",
             [](auto& s) { s.change.decision->votes[0].groups.clear(); }},
            {"cab-decision", "vote of the implementer", "decision.votes",
             [](auto& s) { s.change.implementer = PersonId("mika"); }},
            {"cab-decision", "vote of the requester", "decision.votes",
             [](auto& s) { s.change.requester = PersonId("mika"); }},
            {"cab-decision", "vote of the author", "decision.votes",
             [](auto& s) { s.change.runbooks.at("rollback").author = PersonId("mika"); }},
            {"cab-decision", "vote of an administrator", "decision.votes",
             [](auto& s) {
                 s.records.people.at(PersonId("mika")).roles.push_back(Role::administrator);
             }},
            {"cab-decision", "vote of who left the board", "decision.votes",
             [](auto& s) { std::erase(s.records.boards.at("cab").members, PersonId("mika")); }},
            {"cab-decision", "vote of who left the required group", "decision.votes",
             [](auto& s) { s.records.people.at(PersonId("cora")).groups.clear(); }},
            {"cab-decision", "the board is gone", "decision.votes",
             [](auto& s) { s.records.boards.erase("cab"); }},
            {"cab-decision", "composed by who described the scope", "board",
             [](auto& s) {
                 s.change.described_by.insert(PersonId("petra"));
                 s.records.board_writes.edit()["cab"].by = PersonId("petra");
             }},
            {"cab-decision", "composed by the author of a runbook", "board",
             [](auto& s) { s.records.board_writes.edit()["cab"].by = PersonId("jonas"); }},
            {"cab-decision", "composed by the implementer", "board",
             [](auto& s) { s.records.board_writes.edit()["cab"].by = s.change.implementer; }},
            {"cab-decision", "vote of who may not vote any more", "decision.votes",
             [](auto& s) { s.records.people.at(PersonId("mika")).roles = {Role::viewer}; }},
            {"cab-decision", "decided by the ECAB", "decision.board",
             [](auto& s) { s.change.decision->emergency = true; }},
            {"cab-decision", "no rollback owner", "rollback_owner",
             [](auto& s) { s.change.rollback_owner = PersonId{}; }},
            {"cab-decision", "owner is the backup", "rollback_owner",
             [](auto& s) { s.change.rollback_backup = s.change.rollback_owner; }},
            {"cab-decision", "owner not on call", "rollback_owner",
             [](auto& s) { s.change.rollback_owner = PersonId("otto"); }},
            {"cab-decision", "owner has left", "rollback_owner",
             [](auto& s) { s.records.people.at(PersonId("pia")).inactive = true; }},
            {"cab-decision", "backup has left", "rollback_backup",
             [](auto& s) { s.records.people.at(PersonId("sven")).inactive = true; }},
            {"cab-decision", "both on call, and neither when the window ends", "rollback_owner",
             [](auto& s) {
                 for (auto& shift : s.records.rosters.at("harbor").shifts)
                     if (shift.role != RosterRole::escalation) {
                         shift.when.from = "2026-11-26T00:00";
                         shift.when.duration = Span(11h + 59min);
                     }
             }},
            {"cab-decision", "no roster", "roster", [](auto& s) { s.change.roster.clear(); }},
            {"notice", "none", "notice", [](auto& s) { s.change.notices.clear(); }},
            {"notice", "no services", "notice.services",
             [](auto& s) { s.change.notices[0].services.clear(); }},
            {"notice", "nowhere to report", "notice.report_to",
             [](auto& s) { s.change.notices[0].report_to.clear(); }},
            {"notice", "another start", "notice.window",
             [](auto& s) {
                 s.change.window->start += 5min;
                 s.change.window->start_local = "2026-11-26T10:05";
             }},
            {"notice", "a longer window", "notice.window",
             [](auto& s) { s.change.window->end += 5min; }},
            {"notice", "too late", "notice.sent_at",
             [](auto& s) { s.change.notices[0].sent_at = at(window_start) - 23h; }},
            {"notice", "no receipt", "notice.mail",
             [](auto& s) { s.change.notices[0].deliveries[0].state = DeliveryState::pending; }},
            {"notice", "a channel failed", "notice.status",
             [](auto& s) { s.change.notices[0].deliveries[1].state = DeliveryState::failed; }},
            {"notice", "no channel", "notice.deliveries",
             [](auto& s) { s.change.notices[0].deliveries.clear(); }},
            {"oncall", "not checked", "oncall", [](auto& s) { s.change.oncall.reset(); }},
            {"oncall", "another window", "oncall", [](auto& s) { s.change.oncall->until += 1h; }},
            {"oncall", "a gap", "oncall.cover",
             [](auto& s) { s.change.oncall->gaps.emplace_back("nobody is primary"); }},
            {"oncall", "one person in two roles", "oncall.pia",
             [](auto& s) { s.change.oncall->pages[1].person = PersonId("pia"); }},
            {"oncall", "not acknowledged", "oncall.etta",
             [](auto& s) { s.change.oncall->pages[2].acknowledged_at.reset(); }},
        }
    );
}

TEST(Gates, a_board_only_raises_the_quorum_of_the_policy) {
    auto s = ready();
    s.records.boards.at("cab").quorum = 1;
    ++s.records.version;
    EXPECT_EQ(look(s, "cab-decision").verdict, Verdict::pass);
    s.change.decision->votes.pop_back();
    EXPECT_EQ(look(s, "cab-decision").verdict, Verdict::fail);
    s = ready();
    s.records.boards.at("cab").quorum = 3;
    ++s.records.version;
    EXPECT_EQ(look(s, "cab-decision").verdict, Verdict::fail);
}

TEST(Gates, deployment_refuses) {
    check(
        ready(),
        {
            {"snapshot", "none", "snapshot.web-1", [](auto& s) { s.change.snapshots.clear(); }},
            {"snapshot", "failed", "snapshot.web-1",
             [](auto& s) { s.change.snapshots[0].state = SnapshotState::failed; }},
            {"snapshot", "removed", "snapshot.web-1",
             [](auto& s) { s.change.snapshots[0].state = SnapshotState::removed; }},
            {"snapshot", "not read back", "snapshot.web-1",
             [](auto& s) { s.change.snapshots[0].read_back = false; }},
            {"snapshot", "another change's tag", "snapshot.web-1",
             [](auto& s) { s.change.snapshots[0].tag = "CHG-11"; }},
            {"snapshot", "old", "snapshot.web-1",
             [](auto& s) { s.change.snapshots[0].taken_at = s.now - 5h; }},
            {"snapshot", "no ring", "production_ring",
             [](auto& s) { s.change.production_ring.clear(); }},
            {"preflight", "a program is missing", "preflight.web1.tool.nginx",
             [](auto& s) {
                 Preflight preflight;
                 preflight.ring = "production";
                 preflight.ring_contents =
                     ring_contents("production", s.records.rings.at("production"));
                 preflight.deployment = deployment_file().digest;
                 preflight.rollback = rollback_file().digest;
                 preflight.at = s.now;
                 preflight.checks = {{"web1", PreflightKind::tool, "nginx", false, "not there"}};
                 s.change.preflight = preflight;
             }},
        }
    );
    check(
        settled(),
        {
            {"run-exact", "other bytes", "deployment",
             [](auto& s) { last(s.change, RunPurpose::deployment).runbook = sha256("x"); }},
            {"run-exact", "another ring than approved", "deployment",
             [](auto& s) {
                 last(s.change, RunPurpose::deployment).ring_contents = sha256("elsewhere");
             }},
            {"run-exact", "outside the window", "deployment",
             [](auto& s) { last(s.change, RunPurpose::deployment).started_at = at(window_end); }},
            {"run-exact", "not to the end", "deployment",
             [](auto& s) { last(s.change, RunPurpose::deployment).state = RunState::waiting; }},
            {"smoke-production", "another list", "smoke.production",
             [](auto& s) { last(s.change, SmokeOccasion::staging).list = sha256("x"); }},
            {"smoke-production", "a failed check", "smoke.production.nightly",
             [](auto& s) { last(s.change, SmokeOccasion::production).results[1].passed = false; }},
            {"smoke-production", "not seen from outside", "smoke.production.nightly",
             [](auto& s) { s.change.runbooks.at("deployment").smoke_outside = {"nightly"}; }},
            {"smoke-production", "seen to fail from outside", "smoke.production.nightly",
             [](auto& s) {
                 last(s.change, SmokeOccasion::production)
                     .results.push_back({"nightly", false, "refused", 1, true, {}});
             }},
            {"smoke-production", "a silent agent", "smoke.production.agents",
             [](auto& s) { last(s.change, SmokeOccasion::production).silent_agents = {"node-1"}; }},
            {"smoke-production", "a new alert", "smoke.production.alerts",
             [](auto& s) { last(s.change, SmokeOccasion::production).new_alerts = {"5xx"}; }},
        }
    );
    check(
        rolled_back_and_told(),
        {
            {"rollback-done", "no run", "rollback", [](auto& s) { s.change.runs.pop_back(); }},
            {"rollback-done", "other bytes", "rollback",
             [](auto& s) { last(s.change, RunPurpose::rollback).runbook = sha256("x"); }},
            {"rollback-done", "no smoke", "smoke.rollback",
             [](auto& s) { s.change.smoke_reports.pop_back(); }},
            {"rollback-done", "a channel not told", "notice.mail",
             [](auto& s) { s.change.notices[1].deliveries[0].state = DeliveryState::failed; }},
        }
    );
}

TEST(Gates, closure_refuses) {
    check(
        settled(),
        {
            {"stabilised", "not begun", "stabilisation",
             [](auto& s) { s.change.stabilisation.reset(); }},
            {"stabilised", "not over", "stabilisation.until",
             [](auto& s) { s.change.stabilisation->until = s.now + 1s; }},
            {"stabilised", "an unresolved spike", "stabilisation.O-1",
             [](auto& s) {
                 s.change.stabilisation->observations.push_back(
                     {"O-1", ObservationKind::spike, "5xx doubled", "apm", s.now, {}, {}, {}}
                 );
             }},
            {"pir", "none", "review", [](auto& s) { s.change.review.reset(); }},
            {"pir", "an action without owner", "review.A-1",
             [](auto& s) {
                 s.change.actions.push_back({"A-1", "mend it", {}, s.now, {}, 0});
             }},
            {"pir", "an action without date", "review.A-1",
             [](auto& s) {
                 s.change.actions.push_back({"A-1", "mend it", PersonId("otto"), {}, {}, 0});
             }},
            {"pir", "a deviation without action", "review.actions",
             [](auto& s) {
                 s.change.deviations.emplace_back().run = last(s.change, RunPurpose::deployment).id;
             }},
            {"cmdb-updated", "not updated", "cmdb.harbor-site",
             [](auto& s) { s.change.cmdb_pushes.clear(); }},
            {"cmdb-updated", "another version", "cmdb.harbor-site",
             [](auto& s) {
                 s.change.cmdb_pushes[0].pushed = "1.4";
                 s.records.cis.at(CiId("harbor-site")).version = "1.4";
             }},
            {"cmdb-updated", "another host", "cmdb.harbor-site",
             [](auto& s) {
                 s.change.cmdb_pushes[0].host = "web-2";
                 s.records.cis.at(CiId("harbor-site")).host = "web-2";
             }},
            {"cmdb-updated", "moved since", "cmdb.harbor-site",
             [](auto& s) { s.records.cis.at(CiId("harbor-site")).host = "web-2"; }},
            {"cmdb-updated", "edited since", "cmdb.harbor-site",
             [](auto& s) { s.records.cis.at(CiId("harbor-site")).version = "1.4"; }},
            {"closure", "a step left open", "steps.notice",
             [](auto& s) { s.change.steps.at(StepId("notice")).state = StepState::open; }},
            {"closure", "a step still postponed", "steps.rehearsal",
             [](auto& s) { s.change.steps.at(StepId("rehearsal")).state = StepState::postponed; }},
            {"closure", "something owed", "owed.retrospective_review",
             [](auto& s) { s.change.owed.push_back(owed_review(s.now)); }},
            {"closure", "a run goes on", "runs.run-1",
             [](auto& s) { s.change.runs[0].state = RunState::waiting; }},
        }
    );
}

TEST(Gates, every_gate_holds_for_a_change_in_order) {
    bool before = true;
    for (const auto& gate : gate_table()) {
        before = before && gate.id != "run-exact";
        const auto result = look(before ? ready() : settled(), gate.id);
        EXPECT_NE(result.verdict, Verdict::fail) << told(result);
        EXPECT_FALSE(gate.refuses.empty()) << gate.id;
    }
    EXPECT_EQ(gate_table().size(), 24u);
}

TEST(Gates, before_its_run_the_deployment_says_which_earlier_gates_fail) {
    auto s = ready();
    s.change.snapshots.clear();
    const auto result = look(s, "run-exact");
    EXPECT_EQ(result.verdict, Verdict::fail);
    EXPECT_EQ(result.reasons.front().gate, "snapshot");
    EXPECT_EQ(result.reasons.back().gate, "run-exact");
}

TEST(Gates, a_list_of_all_gates_says_each_reason_once) {
    auto s = ready();
    s.change.snapshots.clear();
    s.change.backup.reset();
    const auto results = evaluate_all(s.change, s.facts("ina"));
    std::vector<Reason> seen;
    for (const auto& result : results)
        for (const auto& reason : result.reasons) {
            EXPECT_EQ(reason.gate, result.gate) << reason.message;
            EXPECT_EQ(std::count(seen.begin(), seen.end(), reason), 0) << reason.message;
            seen.push_back(reason);
        }
    const auto run = std::find_if(results.begin(), results.end(), [](const GateResult& result) {
        return result.gate == "run-exact";
    });
    ASSERT_NE(run, results.end());
    EXPECT_EQ(run->verdict, Verdict::fail);
    EXPECT_EQ(run->reasons.back().field, "gates");
    EXPECT_EQ(run->reasons.back().evidence, "backup-restorable, snapshot");
}

TEST(Gates, of_a_change_that_is_over_nothing_is_to_be_mended) {
    auto s = settled();
    s.does("otto", "close", R"({"outcome":"successful","summary":"1.5 is live"})");
    s.records.rings.at("staging").facts_at = s.now; // a year later much is not as it was
    const auto results = evaluate_all(s.change, s.facts("otto"));
    std::size_t refusing = 0;
    for (const auto& result : results)
        for (const auto& reason : result.reasons) {
            ++refusing;
            EXPECT_EQ(reason.remedy, "") << reason.message;
        }
    EXPECT_GT(refusing, 0u);
}

TEST(Gates, nothing_runs_on_production_while_one_gate_before_it_fails) {
    EXPECT_TRUE(not_ready(ready().change, ready().facts("ina")).empty());
    auto s = ready();
    s.now = at(window_start) - 1s;
    EXPECT_EQ(not_ready(s.change, s.facts("ina")).at(0).field, "window");
    s.now = at(window_end);
    EXPECT_FALSE(not_ready(s.change, s.facts("ina")).empty());
    s = ready();
    s.change.decision->conditions.push_back({"C-1", "tell the pilots", {}, {}, {}});
    EXPECT_EQ(not_ready(s.change, s.facts("ina")).at(0).field, "decision.C-1");
    s = ready();
    s.change.steps.at(StepId("oncall")).state = StepState::open;
    EXPECT_EQ(not_ready(s.change, s.facts("ina")).at(0).field, "steps.oncall");
}

TEST(Gates, a_failed_check_without_words_is_named_with_its_report) {
    auto s = deployed();
    s.smoke("ina", "production", false);
    auto& report = last(s.change, SmokeOccasion::production);
    for (auto& result : report.results)
        result.detail.clear();
    const auto found = look(s, "smoke-production");
    ASSERT_EQ(found.verdict, Verdict::fail);
    EXPECT_THAT(found.reasons.at(0).evidence, ::testing::HasSubstr(" in " + report.id + " of "));
}

TEST(Gates, a_review_without_actions_is_told_what_deviated) {
    auto s = settled();
    s.change.actions.clear();
    s.change.failed_because = "the front page fails";
    EXPECT_EQ(look(s, "pir").reasons.at(0).evidence, "the deployment failed: the front page fails");
    const auto run = last(s.change, RunPurpose::deployment).id;
    s.change.deviations.push_back(
        {run, "switch", "exit status 1", DeviationChoice::skip, "done by hand", PersonId("otto"),
         s.now}
    );
    EXPECT_EQ(
        look(s, "pir").reasons.at(0).evidence,
        "the deployment failed: the front page fails; skip of switch (" + run.value +
            "): done by hand"
    );
}

TEST(Gates, a_waiver_holds_until_it_expires_and_only_when_granted) {
    auto s = ready();
    s.change.parity.reset();
    s.change.waivers.push_back(
        {"W-1",
         "ring-parity",
         "no twin",
         WaiverState::requested,
         PersonId("rosa"),
         s.now,
         {},
         s.now + 1h}
    );
    EXPECT_EQ(look(s, "ring-parity").verdict, Verdict::fail);
    s.change.waivers[0].state = WaiverState::granted;
    EXPECT_EQ(look(s, "ring-parity").verdict, Verdict::fail) << "granted by nobody known";
    s.change.waivers[0].granted_by = PersonId("petra");
    EXPECT_EQ(look(s, "ring-parity").verdict, Verdict::waived);
    EXPECT_EQ(look(s, "ring-parity").waiver, "W-1");
    s.now += 1h;
    EXPECT_EQ(look(s, "ring-parity").verdict, Verdict::fail);
    s.now -= 1h;
    s.change.waivers[0].state = WaiverState::revoked;
    EXPECT_EQ(look(s, "ring-parity").verdict, Verdict::fail);
}

TEST(Gates, who_decides_on_a_rollback_may_hand_over_to_his_backup) {
    auto s = ready();
    for (auto& shift : s.records.rosters.at("harbor").shifts) {
        if (shift.person == PersonId("pia"))
            shift.when.duration = Span(at("2026-11-26T11:00Z") - at("2026-11-01T00:00Z"));
        if (shift.person == PersonId("sven"))
            shift.when.from = "2026-11-26T11:00";
    }
    ++s.records.version;
    EXPECT_EQ(look(s, "cab-decision").verdict, Verdict::pass) << told(look(s, "cab-decision"));
}

// It was granted for a day, and three days later nobody was told why the gate refuses.
TEST(Gates, a_waiver_says_when_it_ends_and_is_named_when_it_has) {
    auto s = ready();
    s.change.parity.reset();
    s.replayed = s.change;
    s.said.clear();
    s.does("rosa", "request_waiver", R"({"gate":"ring-parity","reason":"the pool is larger"})");
    EXPECT_TRUE(s.has_said("W-1 ends at " + to_text(s.now + 24h)));
    s.said.clear();
    s.does("petra", "grant_waiver", R"({"id":"W-1"})");
    EXPECT_TRUE(s.has_said("W-1 ends at " + to_text(s.now + 24h)));
    s.now += 25h;
    const auto result = look(s, "ring-parity");
    ASSERT_EQ(result.verdict, Verdict::fail);
    EXPECT_EQ(result.reasons.back().field, "waivers.W-1");
    EXPECT_THAT(result.reasons.back().remedy, ::testing::HasSubstr("--valid_for"));
}

TEST(Gates, a_waiver_falls_when_its_granter_becomes_the_implementer) {
    auto s = ready();
    s.change.parity.reset();
    s.change.waivers.push_back(
        {"W-1", "ring-parity", "no twin", WaiverState::granted, PersonId("rosa"), s.now,
         PersonId("petra"), s.now + 1h}
    );
    EXPECT_EQ(look(s, "ring-parity").verdict, Verdict::waived);
    s.change.implementer = PersonId("petra");
    EXPECT_EQ(look(s, "ring-parity").verdict, Verdict::fail);
    EXPECT_THAT(look(s, "ring-parity").warnings, ::testing::Contains(::testing::HasSubstr("W-1")));
}

TEST(Gates, what_an_emergency_postponed_counts_for_nothing_once_it_is_normal) {
    auto s = ready();
    s.change.runs.clear();
    s.change.steps.at(StepId("rehearsal")).state = StepState::postponed;
    EXPECT_EQ(look(s, "rollback-rehearsed").verdict, Verdict::fail);
    s.change.classification->type = ChangeType::emergency;
    EXPECT_EQ(look(s, "rollback-rehearsed").verdict, Verdict::postponed);
}

} // namespace
} // namespace slipway::domain::testing
