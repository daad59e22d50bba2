// SPDX-License-Identifier: Apache-2.0
// Whole lives, from the RFC to closure, command by command as people would send them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/jq.hpp"
#include "domain/change/steps.hpp"
#include "domain/change/testing/scenario.hpp"
#include "domain/gates/gate.hpp"

namespace slipway::domain::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;

TEST(Lives, a_normal_change_goes_all_the_way) {
    Scenario s;
    open(s);
    EXPECT_EQ(s.change.state, ChangeState::planning);
    plan(s);
    EXPECT_EQ(s.change.state, ChangeState::validating);
    validate(s);
    take_to_cab(s);
    EXPECT_EQ(s.change.state, ChangeState::approved);
    announce(s);
    make_ready(s);
    deploy(s);
    EXPECT_EQ(s.change.state, ChangeState::implemented);
    stabilise(s);
    EXPECT_EQ(s.change.state, ChangeState::stabilising);
    wind_up(s);
    s.does("otto", "close", R"({"outcome":"successful","summary":"1.5 runs."})");
    EXPECT_EQ(s.change.state, ChangeState::closed);
    EXPECT_EQ(s.records.cis.at(CiId("harbor-site")).version, "1.5");
    EXPECT_TRUE(s.change.deviations.empty());
    EXPECT_FALSE(s.change.closure->evidence.empty());
}

void close_as(Scenario& s, std::string_view outcome) {
    s.does("otto", "close", fmt::format(R"({{"outcome":"{}","summary":"done"}})", outcome));
    EXPECT_EQ(s.change.state, ChangeState::closed);
}

TEST(Lives, several_steps_are_completed_together_or_none_of_them) {
    Scenario s;
    open(s);
    plan(s);
    s.now = std::max(s.now, at("2026-11-20T09:00Z"));
    s.does("ina", "compare_ring");
    s.run("ina", "ring_deploy");
    s.smoke("ina", "staging");
    record_backup(s);
    const auto together =
        R"({"step":"ring_deploy","also":["smoke_staging","rehearsal","defects"]})";
    const auto error = s.refused("ina", "complete_step", together);
    EXPECT_EQ(error.reasons.at(0).gate, "rollback-rehearsed") << explain(error);
    EXPECT_FALSE(std::as_const(s.change).steps.contains(StepId("ring_deploy")));
    s.run("ina", "rehearsal");
    s.smoke("ina", "rehearsal");
    s.does("ina", "complete_step", together);
    for (const auto* id : {"ring_deploy", "smoke_staging", "rehearsal", "defects"})
        EXPECT_EQ(s.change.steps.at(StepId(id)).state, StepState::completed) << id;
    for (const auto& [also, field] : std::map<std::string, std::string>{
             {R"("backup","nowhere")", "also[1]"},
             {R"("backup","backup")", "also[1]"},
             {R"("stabilise")", "also[0]"},
             {R"("closure")", "also[0]"}}) {
        auto copy = s;
        const auto body = fmt::format(R"({{"step":"cab_queue","also":[{}]}})", also);
        copy.does("rosa", "submit");
        const auto wrong = copy.refused("otto", "complete_step", body);
        EXPECT_FALSE(std::as_const(copy.change).steps.contains(StepId("cab_queue"))) << also;
        ASSERT_FALSE(wrong.fields.empty()) << explain(wrong);
        EXPECT_EQ(wrong.fields[0].field, field) << also;
    }
}

TEST(Lives, who_goes_back_is_named_when_the_change_is_opened) {
    Scenario s;
    s.does(
        "rosa", "open",
        R"({"title":"Harbor site 1.5","rollback_owner":"pia","rollback_backup":"sven"})"
    );
    EXPECT_EQ(s.change.rollback_owner, PersonId("pia"));
    EXPECT_EQ(s.change.rollback_backup, PersonId("sven"));
    Scenario other;
    const auto error =
        other.refused("rosa", "open", R"({"title":"Harbor site","rollback_owner":"nobody"})");
    EXPECT_EQ(error.fields.at(0).field, "rollback_owner");
    const auto alone = other.refused(
        "rosa", "open", R"({"title":"Site","rollback_owner":"pia","rollback_backup":"pia"})"
    );
    EXPECT_EQ(alone.fields.at(0).field, "rollback_backup");
    EXPECT_EQ(
        s.refused("rosa", "assign", R"({"rollback_owner":"sven"})").fields.at(0).field,
        "rollback_backup"
    ) << "only the CAB was told so";
    s.does("rosa", "assign", R"({"rollback_owner":"sven","rollback_backup":"pia"})");
}

TEST(Lives, one_that_fails_in_production_is_rolled_back_and_closed_so) {
    Scenario s;
    open(s);
    plan(s);
    validate(s);
    take_to_cab(s);
    announce(s);
    make_ready(s);
    deploy(s);
    s.smoke("ina", "production", false);
    EXPECT_EQ(
        s.refused("ina", "complete_step", R"({"step":"smoke_production"})").reasons.at(0).gate,
        "smoke-production"
    );
    EXPECT_EQ(
        s.refused("jonas", "roll_back", R"({"reason":"looks bad"})").reasons.at(0).gate, "run-exact"
    );
    s.does("pia", "roll_back", R"({"reason":"front page fails","executor":"external"})");
    EXPECT_EQ(s.change.state, ChangeState::rolling_back);
    report_rollback(s);
    EXPECT_EQ(s.change.state, ChangeState::rolled_back);
    s.complete("ina", "smoke_production");
    EXPECT_EQ(
        s.refused("ina", "complete_step", R"({"step":"rollback"})").reasons.at(0).gate,
        "rollback-done"
    );
    s.smoke("ina", "rollback");
    tell_of_rollback(s);
    s.complete("ina", "rollback");
    EXPECT_EQ(s.change.state, ChangeState::rolled_back);
    EXPECT_FALSE(s.has_said("stabilisation until")) << "nothing new runs that could settle";
    s.does("otto", "hold_review", R"({"went_to_plan":"The rollback"})");
    EXPECT_EQ(s.refused("otto", "complete_step", R"({"step":"review"})").reasons.at(0).gate, "pir");
    review_failure(s);
    EXPECT_EQ(s.change.state, ChangeState::rolled_back) << "until it is closed";
    EXPECT_THAT(s.change.review->deviations, HasSubstr("front page fails"));
    EXPECT_EQ(
        s.refused("otto", "close", R"({"outcome":"successful","summary":"fine"})")
            .reasons.at(0)
            .field,
        "outcome"
    );
    close_as(s, "rolled_back");
    EXPECT_EQ(s.records.cis.at(CiId("harbor-site")).version, "1.4");
    s.does("jonas", "complete_action", R"({"id":"A-1"})");
}

TEST(Lives, one_that_stops_halfway_can_be_rolled_back_and_closed) {
    Scenario s;
    open(s);
    plan(s);
    validate(s);
    take_to_cab(s);
    announce(s);
    make_ready(s);
    s.does("ina", "start_run", deployment_elsewhere());
    s.does(
        "ina", "report_run",
        R"({"run":"run-3","steps":[{"name":"drain","state":"succeeded"},
               {"name":"switch","state":"failed","exit_status":1,"detail":"disk full"}]})"
    );
    EXPECT_EQ(s.change.runs.back().state, RunState::waiting);
    s.refused(
        "ina", "report_run", R"({"run":"run-3","steps":[{"name":"verify","state":"succeeded"}]})"
    );
    s.refused("ina", "decide_run", R"({"run":"run-3","choice":"skip","reason":"no matter"})");
    s.does("otto", "decide_run", R"({"run":"run-3","choice":"abort","reason":"no room"})");
    EXPECT_EQ(s.change.state, ChangeState::rolling_back);
    s.refused("ina", "start_run", deployment_elsewhere());
    s.complete("ina", "execute");
    s.does("pia", "roll_back", R"({"reason":"disk full","executor":"external"})");
    report_rollback(s);
    s.smoke("ina", "rollback");
    tell_of_rollback(s);
    s.complete("ina", "rollback");
    s.complete("ina", "smoke_production");
    review_failure(s);
    close_as(s, "rolled_back");
}

TEST(Lives, a_standard_change_goes_by_its_catalogue_entry_and_skips_the_cab) {
    Scenario s;
    open(s);
    plan(s, "standard");
    EXPECT_EQ(s.change.state, ChangeState::approved);
    EXPECT_EQ(s.refused("rosa", "submit").reasons.at(0).gate, "cab-lead-time");
    validate(s);
    announce(s);
    make_ready(s);
    deploy(s);
    stabilise(s);
    wind_up(s);
    close_as(s, "successful");
    EXPECT_EQ(s.records.catalogue.at("site-release").last_trials.back(), Trial::succeeded);
}

TEST(Lives, other_bytes_take_the_pre_approval_from_a_standard_change) {
    Scenario s;
    open(s);
    plan(s, "standard");
    s.pin("jonas", deployment_file(), "deployment");
    EXPECT_EQ(s.change.state, ChangeState::approved) << "the same bytes";
    validate(s);
    announce(s);
    make_ready(s);
    s.pin("jonas", edited_deployment_file(), "deployment");
    EXPECT_NE(s.change.state, ChangeState::approved);
    EXPECT_EQ(s.change.steps.at(StepId("classify")).state, StepState::open);
    EXPECT_EQ(
        s.refused(
             "rosa", "request_waiver", R"({"gate":"classification","reason":"only a comment"})"
        )
            .reasons.at(0)
            .gate,
        "classification"
    );
    EXPECT_EQ(
        s.refused("rosa", "complete_step", R"({"step":"classify"})").reasons.at(0).field,
        "deployment_runbook"
    );
    EXPECT_EQ(
        s.refused("ina", "start_run", R"({"purpose":"deployment"})").reasons.at(0).field,
        "deployment_runbook"
    );
    s.pin("jonas", deployment_file(), "deployment");
    s.complete("rosa", "classify");
    EXPECT_EQ(s.change.state, ChangeState::approved);
    deploy(s);
}

TEST(Lives, a_failed_standard_change_suspends_its_catalogue_entry) {
    Scenario s;
    open(s);
    plan(s, "standard");
    validate(s);
    announce(s);
    make_ready(s);
    deploy(s);
    s.smoke("ina", "production", false);
    s.does("pia", "roll_back", R"({"reason":"bad","executor":"external"})");
    report_rollback(s);
    s.smoke("ina", "rollback");
    tell_of_rollback(s);
    s.complete("ina", "smoke_production");
    s.complete("ina", "rollback");
    review_failure(s);
    close_as(s, "rolled_back");
    EXPECT_FALSE(s.records.catalogue.at("site-release").suspended_because.empty());
}

void vote_as_ecab(Scenario& s) {
    s.does("eva", "vote", R"({"choice":"approve"})");
    EXPECT_FALSE(s.change.decision);
    const auto alone = s.refused("cora", "complete_step", R"({"step":"cab_decision"})");
    ASSERT_FALSE(alone.reasons.empty());
    EXPECT_EQ(alone.reasons.front().evidence, "1 vote, no decision");
    s.does("emil", "vote", R"({"choice":"approve"})");
    ASSERT_TRUE(s.change.decision);
    EXPECT_EQ(s.change.state, ChangeState::approved);
}

TEST(Lives, an_emergency_postpones_owes_and_is_reviewed_afterwards) {
    Scenario s;
    open(s);
    plan(s, "emergency");
    s.refused("rosa", "submit");
    for (const auto* step : {"ring_deploy", "smoke_staging", "rehearsal", "defects"})
        s.does("otto", "postpone_step", fmt::format(R"({{"step":"{}","reason":"down"}})", step));
    s.refused("otto", "postpone_step", R"({"step":"backup","reason":"no time"})");
    s.refused("rosa", "vote", R"({"choice":"approve"})");
    vote_as_ecab(s);
    s.now = at(window_start) - 2h;
    record_backup(s);
    s.complete("ina", "backup");
    s.complete("cora", "cab_decision");
    announce(s);
    make_ready(s);
    deploy(s);
    stabilise(s);
    wind_up(s);
    auto refusal = s.refused("otto", "close", R"({"outcome":"successful","summary":"up"})");
    EXPECT_GE(refusal.reasons.size(), 5u) << explain(refusal);
    for (const auto& [field, said] :
         std::map<std::string, std::ptrdiff_t>{{"owed.rehearsal", 1}, {"steps.rehearsal", 0}})
        EXPECT_EQ(
            std::count_if(
                refusal.reasons.begin(), refusal.reasons.end(),
                [&wanted = field](const Reason& reason) { return reason.field == wanted; }
            ),
            said
        ) << explain(refusal);
    s.does("ina", "compare_ring");
    s.run("ina", "ring_deploy");
    s.complete("ina", "ring_deploy");
    s.smoke("ina", "staging");
    s.complete("ina", "smoke_staging");
    s.run("ina", "rehearsal");
    s.smoke("ina", "rehearsal");
    s.complete("ina", "rehearsal");
    s.complete("ina", "defects");
    s.refused("rosa", "settle_owed", R"({"id":"retrospective_review","note":"fine"})");
    s.refused("otto", "close", R"({"outcome":"successful","summary":"up"})");
    s.does("cora", "settle_owed", R"({"id":"retrospective_review","note":"rightly done"})");
    close_as(s, "successful");
}

TEST(Lives, an_emergency_against_the_proposal_stays_on_the_record) {
    Scenario s;
    open(s);
    plan(s, "emergency");
    EXPECT_TRUE(s.change.classification->overridden);
    s.does("rosa", "classify", R"({"type":"emergency","authoriser":"eva","reason":"down"})");
    EXPECT_TRUE(s.change.classification->overridden);
    s.does("rosa", "describe", R"({"summary":"s","incident":"INC-7","cis":[{"ci":"berths-db"}]})");
    s.does("rosa", "classify", R"({"type":"emergency"})");
    EXPECT_FALSE(s.change.classification->overridden) << "the rules proposed it";
}

TEST(Lives, a_window_over_a_job_has_its_owner_answer_again) {
    Scenario s;
    open(s);
    plan(s);
    EXPECT_EQ(s.change.steps.at(StepId("impact")).state, StepState::completed);
    s.does(
        "rosa", "schedule", R"({"start":"2026-11-26T16:00","end":"2026-11-26T19:00","zone":"UTC"})"
    );
    EXPECT_TRUE(s.has_said("nightly-report"));
    EXPECT_EQ(s.change.steps.at(StepId("impact")).state, StepState::open);
    auto refusal = s.refused("rosa", "complete_step", R"({"step":"impact"})");
    EXPECT_EQ(refusal.reasons.at(0).field, "impact.nightly-report");
    EXPECT_EQ(refusal.reasons.at(0).evidence, "next run 2026-11-27T02:00:00.000Z");
    s.does("lena", "acknowledge_impact", R"({"ci":"nightly-report","note":"it may be late"})");
    s.complete("rosa", "impact");
    EXPECT_FALSE(s.change.steps.at(StepId("impact")).warnings.empty());
    // To another time of the same evening: the same run, so the answer stays good.
    s.does(
        "rosa", "schedule", R"({"start":"2026-11-26T16:30","end":"2026-11-26T19:00","zone":"UTC"})"
    );
    EXPECT_EQ(s.change.steps.at(StepId("impact")).state, StepState::completed);
}

TEST(Lives, a_late_rfc_waits_for_the_next_meeting_and_is_told_what_that_does_to_its_window) {
    Scenario s;
    open(s);
    plan(s);
    validate(s);
    s.wait_until("2026-11-23T10:01Z"); // a minute inside the 48 hours
    s.does("rosa", "submit");
    EXPECT_EQ(s.change.queue->meeting_at, at("2026-12-02T10:00Z"));
    EXPECT_EQ(s.change.queue->missed_meeting_at, at(meeting));
    EXPECT_TRUE(s.has_said("and must move behind it: slipway change "));
    EXPECT_EQ(
        s.refused("rosa", "complete_step", R"({"step":"cab_queue"})").reasons.at(0).gate,
        "cab-lead-time"
    );
    s.wait_until("2026-11-23T10:00Z");
    s.does("rosa", "submit");
    EXPECT_EQ(s.change.queue->meeting_at, at(meeting));
}

TEST(Lives, a_harmless_rfc_does_not_hold_the_place_of_another) {
    Scenario s;
    open(s);
    plan(s);
    validate(s);
    s.does("rosa", "submit");
    s.wait_until("2026-11-23T09:00Z"); // an hour before the deadline
    s.pin("jonas", edited_rollback_file(), "rollback");
    EXPECT_EQ(
        s.refused("cora", "vote", R"({"choice":"approve"})").reasons.at(0).field, "queue.sections"
    );
    s.does("rosa", "submit");
    EXPECT_EQ(s.change.queue->meeting_at, at(meeting)) << "in time";
    s.wait_until("2026-11-25T09:00Z"); // an hour before the meeting
    s.pin("jonas", rollback_file(), "rollback");
    EXPECT_EQ(
        s.refused("rosa", "complete_step", R"({"step":"cab_queue"})").reasons.at(0).field,
        "queue.sections"
    );
    auto late = s;
    late.does("rosa", "submit");
    EXPECT_GT(late.change.queue->meeting_at, at(meeting));
    s.does("cora", "submit", R"({"keep_meeting_because":"a shorter time limit of one step"})");
    EXPECT_EQ(s.change.queue->meeting_at, at(meeting));
    s.complete("rosa", "cab_queue");
    EXPECT_THAT(
        s.change.steps.at(StepId("cab_queue")).warnings, Contains(HasSubstr("a shorter time limit"))
    );
    s.does("cora", "vote", R"({"choice":"approve"})");
}

TEST(Lives, moving_the_window_as_a_deferral_asks_keeps_the_place) {
    Scenario s;
    open(s);
    plan(s);
    validate(s);
    s.does("rosa", "submit");
    s.does(
        "rosa", "schedule", R"({"start":"2026-11-26T11:00","end":"2026-11-26T13:00","zone":"UTC"})"
    );
    s.complete("rosa", "window");
    s.complete("rosa", "cab_queue");
}

TEST(Lives, what_an_emergency_owes_is_not_settled_by_a_waiver) {
    Scenario s;
    open(s);
    plan(s, "emergency");
    for (const auto* step : {"ring_deploy", "smoke_staging", "rehearsal", "defects"})
        s.does("otto", "postpone_step", fmt::format(R"({{"step":"{}","reason":"down"}})", step));
    s.does(
        "rosa", "request_waiver", R"({"gate":"ring-parity","reason":"no twin","valid_for":"1h"})"
    );
    s.does(
        "rosa", "request_waiver", R"({"gate":"ring-deployed","reason":"no twin","valid_for":"1h"})"
    );
    s.does("petra", "grant_waiver", R"({"id":"W-1"})");
    s.does("petra", "grant_waiver", R"({"id":"W-2"})");
    const auto error = s.refused("ina", "complete_step", R"({"step":"ring_deploy"})");
    EXPECT_EQ(error.reasons.at(0).field, "owed.ring_deploy") << explain(error);
    EXPECT_FALSE(s.change.owed.at(0).settled_at);
}

TEST(Lives, an_edit_after_the_cab_voids_its_approval_and_a_second_round_mends_it) {
    Scenario s;
    open(s);
    plan(s);
    validate(s);
    take_to_cab(s);
    s.pin("jonas", edited_deployment_file(), "deployment");
    EXPECT_TRUE(s.has_said("void"));
    EXPECT_FALSE(s.change.decision);
    EXPECT_EQ(s.change.steps.at(StepId("cab_decision")).state, StepState::open);
    EXPECT_THAT(s.change.voided.back().sections, Contains(Section::deployment_runbook));
    EXPECT_THAT(s.change.voided.back().sections, Contains(Section::smoke_list));
    EXPECT_EQ(s.change.voided.back().sections.size(), 2u);
    announce(s);
    make_ready(s);
    EXPECT_EQ(
        s.refused("ina", "start_run", R"({"purpose":"deployment"})").code, ErrorCode::blocked
    );
    s.pin("jonas", deployment_file(), "deployment");
    s.does("cora", "vote", R"({"choice":"approve"})");
    s.does("mika", "vote", R"({"choice":"approve"})");
    s.does("cora", "decide", R"({"outcome":"approved"})");
    s.complete("cora", "cab_decision");
    deploy(s);
}

TEST(Lives, a_ticket_number_or_another_spelling_of_the_window_voids_nothing) {
    Scenario s;
    open(s);
    plan(s);
    validate(s);
    take_to_cab(s);
    auto scope = parse_json(encode(*s.change.scope));
    ASSERT_TRUE(scope);
    scope->as_object()["external_ticket"] = "INC0012345";
    ASSERT_TRUE(s.attempt("rosa", "describe", *scope));
    EXPECT_EQ(s.change.steps.at(StepId("scope")).state, StepState::completed);
    s.does(
        "rosa", "schedule",
        R"({"start":"2026-11-26T11:00:00","end":"2026-11-26T13:00","zone":"Europe/Berlin"})"
    );
    EXPECT_TRUE(s.change.decision);
    EXPECT_TRUE(s.change.voided.empty());
    s.does(
        "rosa", "schedule", R"({"start":"2026-11-26T11:00","end":"2026-11-26T13:00","zone":"UTC"})"
    );
    EXPECT_FALSE(s.change.decision);
}

// Who meant to add a ticket's number took the items away with it, and the scope was open again in
// the window.
TEST(Lives, who_describes_the_scope_anew_is_told_what_is_gone_and_what_is_open_again) {
    Scenario s;
    open(s);
    plan(s, "standard");
    s.said.clear();
    s.does("rosa", "describe", R"({"summary":"harbor-site to 1.6","external_ticket":"OPS-6"})");
    EXPECT_TRUE(s.has_said("not given, so no longer set: "));
    EXPECT_TRUE(s.has_said("cis"));
    EXPECT_TRUE(s.has_said("open again: scope"));
    s.said.clear();
    s.does("rosa", "describe", R"({"summary":"harbor-site to 1.6","external_ticket":"OPS-7"})");
    EXPECT_FALSE(s.has_said("open again"));
    EXPECT_FALSE(s.has_said("no longer set"));
}

TEST(Lives, a_spike_on_the_second_day_is_rolled_back_too) {
    Scenario s;
    open(s);
    plan(s);
    validate(s);
    take_to_cab(s);
    announce(s);
    make_ready(s);
    deploy(s);
    s.smoke("ina", "production");
    s.complete("ina", "smoke_production");
    s.now += 30h;
    s.does("otto", "log_observation", R"({"kind":"spike","title":"5xx doubled","source":"apm"})");
    s.now += 30h;
    EXPECT_EQ(
        s.refused("otto", "complete_step", R"({"step":"stabilise"})").reasons.at(0).field,
        "stabilisation.O-1"
    );
    s.does("otto", "roll_back", R"({"reason":"5xx doubled","executor":"external"})");
    report_rollback(s);
    s.smoke("ina", "rollback");
    tell_of_rollback(s);
    s.complete("ina", "rollback");
    review_failure(s);
    close_as(s, "rolled_back");
}

// The review was held minutes after the deployment, and said nothing of it.
TEST(Lives, a_spike_behind_the_review_is_reviewed_before_it_is_closed) {
    Scenario s = deployed();
    s.smoke("ina", "production");
    s.complete("ina", "smoke_production");
    s.does("otto", "hold_review", R"({"went_to_plan":"All of it"})");
    s.complete("otto", "review");
    s.now += 30h;
    s.does("otto", "log_observation", R"({"kind":"spike","title":"5xx doubled","source":"apm"})");
    s.does("otto", "resolve_observation", R"({"id":"O-1","resolution":"a crawler, now limited"})");
    s.now += 42h;
    s.complete("otto", "stabilise");
    s.does("otto", "update_cmdb");
    s.complete("otto", "cmdb_update");
    const auto refused =
        s.refused("otto", "close", R"({"outcome":"successful","summary":"it runs"})");
    EXPECT_EQ(refused.reasons.at(0).field, "review.O-1") << explain(refused);
    s.does("otto", "hold_review", R"({"went_to_plan":"All but a spike"})");
    EXPECT_THAT(
        s.change.review->deviations, ::testing::HasSubstr("5xx doubled; a crawler, now limited")
    );
    s.does("otto", "close", R"({"outcome":"successful","summary":"it runs"})");
}

// Up to the date of a decommissioning whose data must be kept.
Scenario before_the_shutdown(std::string_view classification) {
    Scenario s(decommission_workflow());
    s.does("rosa", "open", R"({"title":"Retire web-1","workflow":"server-decommission",
        "change_owner":"otto","implementer":"ina"})");
    s.does("rosa", "assign", R"({"rollback_owner":"pia","rollback_backup":"sven"})");
    s.does("rosa", "describe", R"({"summary":"web-1 goes","cis":[{"ci":"billing"}]})");
    s.does("rosa", "fill_step", R"({"step":"server","values":{"ci":"billing","owner":"otto",
        "kind":"physical","reason":"Nothing has used it for half a year",
        "last_day":"2026-11-26T10:00:00Z"}})");
    s.complete("rosa", "server");
    s.does("rosa", "trace_impact");
    s.does("rosa", "fill_step", R"({"step":"dependents","values":{"quiet_days":180}})");
    s.complete("rosa", "dependents");
    s.does("rosa", "assign_step", R"({"step":"retention","person":"otto"})");
    s.does(
        "otto", "fill_step",
        R"({"step":"retention","values":{"obligations":["tax"],"agreed":true}})"
    );
    s.complete("otto", "retention");
    s.does("rosa", "classify", classification);
    s.complete("rosa", "type");
    s.does(
        "rosa", "schedule", R"({"start":"2026-11-26T10:00","end":"2026-11-26T12:00","zone":"UTC"})"
    );
    s.complete("rosa", "date");
    s.does(
        "ina", "fill_step",
        R"({"step":"silence","values":{"off_at":"2026-11-26T10:05:00Z","complaints":0}})"
    );
    return s;
}

TEST(Lives, no_type_of_decommissioning_goes_round_its_board_and_its_last_backup) {
    for (const auto* classification :
         {R"({"type":"normal"})", R"({"type":"emergency","authoriser":"eva","reason":"leaks"})"}) {
        auto s = before_the_shutdown(classification);
        auto refusal = s.refused("ina", "complete_step", R"({"step":"silence"})");
        EXPECT_EQ(refusal.reasons.size(), 2u) << explain(refusal);
        s.refused("rosa", "postpone_step", R"({"step":"last_backup","reason":"no time"})");
        s.refused("ina", "complete_step", R"({"step":"wipe"})");
        record_backup(s);
        s.complete("ina", "last_backup");
        refusal = s.refused("ina", "complete_step", R"({"step":"silence"})");
        ASSERT_EQ(refusal.reasons.size(), 1u) << explain(refusal);
        EXPECT_THAT(refusal.reasons[0].message, HasSubstr("approved"));
        s.refused("cora", "complete_step", R"({"step":"approval"})");
    }
    auto s = before_the_shutdown(R"({"type":"emergency","authoriser":"eva","reason":"leaks"})");
    record_backup(s);
    s.complete("ina", "last_backup");
    s.does("emil", "vote", R"({"choice":"approve"})");
    s.does("mika", "vote", R"({"choice":"approve"})");
    s.complete("mika", "approval");
    s.complete("ina", "silence");
}

TEST(Lives, another_checklist_goes_to_its_end_by_the_same_commands) {
    Scenario s(decommission_workflow());
    s.does("rosa", "open", R"({"title":"Retire web-1","workflow":"server-decommission",
        "change_owner":"otto","implementer":"ina"})");
    s.does("rosa", "assign", R"({"rollback_owner":"pia","rollback_backup":"sven"})");
    s.does(
        "rosa", "describe", R"({"summary":"web-1 goes out of service","cis":[{"ci":"billing"}]})"
    );
    s.refused("rosa", "complete_step", R"({"step":"server"})");
    s.refused("rosa", "fill_step", R"({"step":"server","values":{"kind":"toaster"}})");
    s.does("rosa", "fill_step", R"({"step":"server","values":{"ci":"billing","owner":"otto",
        "kind":"virtual","reason":"Nothing has used it for half a year",
        "last_day":"2026-11-26T10:00:00Z"}})");
    s.complete("rosa", "server");
    s.does("rosa", "trace_impact");
    s.does("rosa", "fill_step", R"({"step":"dependents","values":{"quiet_days":180}})");
    s.complete("rosa", "dependents");
    s.does("rosa", "assign_step", R"({"step":"retention","person":"otto"})");
    s.does(
        "otto", "fill_step",
        R"({"step":"retention","values":{"obligations":["none"],"agreed":true}})"
    );
    EXPECT_EQ(
        s.refused("rosa", "complete_step", R"({"step":"retention"})").code, ErrorCode::blocked
    );
    s.complete("otto", "retention");
    s.does("rosa", "classify", R"({"type":"normal","reason":"it is"})");
    s.complete("rosa", "type");
    s.does(
        "rosa", "schedule", R"({"start":"2026-11-26T10:00","end":"2026-11-26T12:00","zone":"UTC"})"
    );
    s.complete("rosa", "date");
    s.does("rosa", "submit");
    s.wait_until(meeting);
    s.does("cora", "vote", R"({"choice":"approve"})");
    s.does("mika", "vote", R"({"choice":"approve"})");
    s.does("cora", "decide", R"({"outcome":"approved"})");
    s.complete("cora", "approval");
    s.wait_until("2026-11-26T11:00Z");
    s.does(
        "ina", "fill_step",
        R"({"step":"silence","values":{"off_at":"2026-11-26T10:05:00Z","complaints":0}})"
    );
    s.complete("ina", "silence");
    s.does(
        "ina", "fill_step",
        R"({"step":"remove_access","values":{"removed":["accounts","dns","monitoring"]}})"
    );
    s.complete("ina", "remove_access");
    s.does("ina", "update_cmdb");
    s.complete("ina", "record");
    close_as(s, "successful");
}

TEST(Lives, the_conditions_of_both_workflows_mean_what_jq_says) {
    for (const auto* workflow : {&release_workflow(), &decommission_workflow()})
        for (const auto* step : steps_of(*workflow)) {
            if (step->when.empty())
                continue;
            const auto program = JqProgram::compile(step->when);
            ASSERT_TRUE(program) << step->when;
            for (const auto* fields :
                 {R"({})", R"({"server":{"kind":"physical"}})", R"({"server":{"kind":"cloud"}})",
                  R"({"retention":{"obligations":["none"]}})",
                  R"({"retention":{"obligations":["tax","none"]}})"})
                for (const bool failed : {false, true}) {
                    auto context = json(when_context(Change{}));
                    context.as_object()["failed"] = failed;
                    context.as_object()["fields"] = json(fields);
                    const auto jq = program->holds(context);
                    ASSERT_TRUE(jq) << step->when;
                    EXPECT_EQ(*jq, holds(step->when, context)) << step->when << fields;
                }
        }
}

} // namespace
} // namespace slipway::domain::testing
