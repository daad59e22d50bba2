// SPDX-License-Identifier: Apache-2.0
// Who asks for a change, who approves it, who carries it out and who reviews it: for each type of
// change these are different people, and whoever is not is refused when he begins.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/duties.hpp"
#include "domain/change/testing/gate_rows.hpp"
#include "domain/change/testing/scenario.hpp"

namespace slipway::domain::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

TEST(Duties, who_voted_on_a_change_does_not_carry_it_out) {
    auto s = ready();
    s.does("ina", "start_run", deployment_elsewhere());
    EXPECT_EQ(
        first(s.refused(
                  "mika", "report_run",
                  R"({"run":"run-3","steps":[{"name":"drain","state":"succeeded"}]})"
              ))
            .field,
        "started_by"
    );
    s = ready();
    s.change.runbooks.at("deployment").steps[0].kind = "manual";
    s.replayed = s.change;
    s.does("ina", "start_run", deployment_elsewhere());
    constexpr std::string_view confirm = R"({"run":"run-3","step":"drain","note":"seen"})";
    EXPECT_EQ(first(s.refused("mika", "confirm_step", confirm)).field, "started_by");
    s.does("pia", "confirm_step", confirm);
}

// A run must come to its end, even if somebody with the server's id voted once.
TEST(Duties, the_server_has_no_part_in_an_approval) {
    auto s = ready();
    Vote vote;
    vote.person = PersonId("system");
    s.change.votes.push_back(vote);
    EXPECT_FALSE(part_in_approval(s.change, s.facts("system"), PersonId("system")));
    EXPECT_TRUE(part_in_approval(s.change, s.facts("ina"), PersonId("system")));
}

TEST(Duties, the_review_of_an_emergency_is_somebody_elses_and_comes_afterwards) {
    Scenario s;
    open(s);
    plan(s, "emergency");
    for (const auto* step : {"ring_deploy", "smoke_staging", "rehearsal", "defects"})
        s.does("otto", "postpone_step", fmt::format(R"({{"step":"{}","reason":"down"}})", step));
    for (const auto* person : {"eva", "mika"})
        s.does(person, "vote", R"({"choice":"approve"})");
    s.now = at(window_start) - 2h;
    record_backup(s);
    s.complete("ina", "backup");
    s.complete("cora", "cab_decision");
    announce(s);
    make_ready(s);
    constexpr std::string_view settle = R"({"id":"retrospective_review","note":"rightly done"})";
    EXPECT_EQ(first(s.refused("cora", "settle_owed", settle)).evidence, "approved");
    s.does("ina", "start_run", deployment_elsewhere());
    EXPECT_EQ(first(s.refused("cora", "settle_owed", settle)).evidence, "running");
    s.does("ina", "report_run", R"({"run":"run-1","steps":[
        {"name":"drain","state":"succeeded"},{"name":"switch","state":"succeeded"},
        {"name":"verify","state":"succeeded"}]})");
    const auto untested = s.refused("cora", "settle_owed", settle);
    EXPECT_EQ(first(untested).gate, "smoke-production") << explain(untested);
    EXPECT_THAT(first(untested).message, HasSubstr("smoke test has not passed"));
    s.smoke("ina", "production", false);
    EXPECT_THAT(
        first(s.refused("cora", "settle_owed", settle)).remedy, HasSubstr("Review it afterwards")
    );
    s.smoke("ina", "production");
    EXPECT_EQ(first(s.refused("mika", "settle_owed", settle)).message, "you voted on it");
    EXPECT_THAT(first(s.refused("pia", "settle_owed", settle)).message, HasSubstr("of the CAB"));
    s.does("cora", "settle_owed", settle);
}

TEST(Duties, who_reports_the_steps_of_a_run_elsewhere_carried_it_out) {
    auto s = ready();
    s.does("ina", "start_run", deployment_elsewhere());
    const auto report = [&](const char* person, const char* state) {
        s.does(
            person, "report_run",
            fmt::format(R"({{"run":"run-3","steps":[{{"name":"drain","state":"{}"}}]}})", state)
        );
    };
    report("petra", "running");
    report("ina", "succeeded");
    EXPECT_THAT(
        who_carried_out(s.change.runs.back()),
        ::testing::UnorderedElementsAre(PersonId("ina"), PersonId("petra"))
    );
}

TEST(Duties, who_carried_an_emergency_out_or_authorised_it_does_not_review_it) {
    constexpr std::string_view settle = R"({"id":"retrospective_review","note":"rightly done"})";
    auto s = deployed();
    s.smoke("ina", "production");
    s.change.classification->type = ChangeType::emergency;
    s.change.classification->authoriser = PersonId("eva");
    s.change.owed.push_back(owed_review(s.now));
    const auto refusal = [&](std::string_view person) {
        return first(s.refused(person, "settle_owed", settle)).message;
    };
    EXPECT_EQ(refusal("eva"), "you authorised the emergency");
    EXPECT_EQ(refusal("jonas"), "the author of the deployment runbook never approves it");
    EXPECT_THAT(refusal("alma"), HasSubstr("administrator"));
    const auto carried_out = "who carried out the deployment never approves it";
    for (auto& run : s.change.runs.edit())
        if (run.purpose == RunPurpose::deployment) {
            run.started_by = PersonId("lena");
            run.steps[0].confirmed_by = PersonId("petra");
            run.steps[1].seconded_by = PersonId("paul");
            auto undo = run.steps[0];
            undo.confirmed_by = PersonId("emil");
            run.undo = {undo};
        }
    for (const auto* person : {"lena", "petra", "paul", "emil"})
        EXPECT_EQ(refusal(person), carried_out) << person;
    for (auto& run : s.change.runs.edit())
        run.undo.clear();
    EXPECT_TRUE(s.decide("emil", "settle_owed", json(settle)));
}

Scenario ready_standard() {
    Scenario s;
    open(s);
    plan(s, "standard");
    validate(s);
    announce(s);
    make_ready(s);
    return s;
}

void expect_no_part_in_the_deployment(const Scenario& s, const char* person, const char* because) {
    auto copy = s;
    const auto started = copy.refused(person, "start_run", deployment_elsewhere());
    EXPECT_EQ(first(started).field, "started_by") << explain(started);
    EXPECT_THAT(first(started).message, HasSubstr(because));
    const auto named =
        copy.refused("otto", "assign", fmt::format(R"({{"implementer":"{}"}})", person));
    EXPECT_EQ(first(named).field, "implementer") << explain(named);
    EXPECT_THAT(first(named).message, HasSubstr(because));
    copy.does("ina", "start_run", deployment_elsewhere());
    const auto reported = copy.refused(
        person, "report_run",
        fmt::format(
            R"({{"run":"{}","steps":[{{"name":"drain","state":"succeeded"}}]}})",
            copy.change.runs.back().id.value
        )
    );
    EXPECT_EQ(first(reported).field, "started_by") << explain(reported);
}

// A voter who did became the author, and the deployment was refused in its window.
TEST(Duties, who_pins_the_same_bytes_again_has_written_nothing) {
    auto s = ready();
    const auto author = s.change.runbooks.at("deployment").author;
    const auto attachments = s.change.attachments.size();
    s.pin("cora", deployment_file(), "deployment");
    EXPECT_EQ(s.change.runbooks.at("deployment").author, author);
    EXPECT_EQ(s.change.attachments.size(), attachments);
    EXPECT_TRUE(s.change.voided.empty());
    deploy(s);
}

// At its meeting, before the decision.
Scenario voted_on() {
    auto s = queued();
    s.now = at(meeting);
    for (const auto* person : {"cora", "mika"})
        s.does(person, "vote", R"({"choice":"approve"})");
    return s;
}

TEST(Duties, who_recorded_the_decision_of_the_board_does_not_carry_it_out) {
    auto s = voted_on();
    s.does("petra", "decide", R"({"outcome":"approved","minutes":"no questions"})");
    s.complete("cora", "cab_decision");
    announce(s);
    make_ready(s);
    expect_no_part_in_the_deployment(s, "petra", "recorded its approval");
    deploy(s);
}

TEST(Duties, who_waived_a_gate_carries_no_step_of_it_out) {
    auto s = ready();
    s.does(
        "rosa", "request_waiver", R"({"gate":"oncall","reason":"etta is ill","valid_for":"1h"})"
    );
    s.does("petra", "grant_waiver", R"({"id":"W-1"})");
    expect_no_part_in_the_deployment(s, "petra", "waived oncall");
    s.now += 61min;
    EXPECT_EQ(
        first(s.refused("otto", "assign", R"({"implementer":"petra"})")).field, "implementer"
    );
    s.does("rosa", "revoke_waiver", R"({"id":"W-1","reason":"she is well"})");
    s.does("otto", "assign", R"({"implementer":"petra"})");
}

TEST(Duties, a_waiver_that_is_revoked_in_the_middle_of_the_deployment_has_counted) {
    auto s = ready();
    s.does(
        "rosa", "request_waiver", R"({"gate":"oncall","reason":"etta is ill","valid_for":"1h"})"
    );
    s.does("petra", "grant_waiver", R"({"id":"W-1"})");
    s.does("ina", "start_run", deployment_elsewhere());
    s.does("petra", "revoke_waiver", R"({"id":"W-1","reason":"she is well"})");
    const auto reported = s.refused(
        "petra", "report_run", R"({"run":"run-3","steps":[{"name":"drain","state":"succeeded"}]})"
    );
    EXPECT_EQ(first(reported).message, "you waived oncall");
}

TEST(Duties, who_pre_approved_a_standard_change_does_not_carry_it_out) {
    auto s = ready_standard();
    for (const auto* person : {"cora", "mika"})
        expect_no_part_in_the_deployment(
            s, person, "pre-approved the catalogue entry site-release"
        );
    s.records.catalogue.at("site-release").approved_by.emplace_back("petra");
    ++s.records.version;
    expect_no_part_in_the_deployment(s, "petra", "pre-approved the catalogue entry site-release");
    deploy(s);
}

TEST(Duties, an_implementer_who_stands_behind_the_entry_is_known_when_it_is_classified) {
    Scenario s;
    open(s);
    s.records.catalogue.at("site-release").approved_by.emplace_back("ina");
    ++s.records.version;
    plan(s, "standard");
    EXPECT_THAT(
        s.change.steps.at(StepId("classify")).warnings,
        ::testing::Contains(HasSubstr("ina stands behind the catalogue entry"))
    );
}

TEST(Duties, who_authorised_an_emergency_or_voted_on_it_does_not_carry_it_out) {
    Scenario s;
    open(s);
    plan(s, "emergency");
    s.does("rosa", "classify", R"({"type":"emergency","authoriser":"eva","reason":"down"})");
    s.complete("rosa", "classify");
    validate(s);
    for (const auto* person : {"emil", "mika"})
        s.does(person, "vote", R"({"choice":"approve"})");
    s.complete("cora", "cab_decision");
    announce(s);
    make_ready(s);
    expect_no_part_in_the_deployment(s, "eva", "authorised the emergency");
    expect_no_part_in_the_deployment(s, "emil", "voted on it");
    deploy(s);
}

TEST(Duties, who_voted_is_not_named_as_the_implementer_unless_the_board_has_not_approved) {
    constexpr std::string_view names = R"({"implementer":"mika"})";
    Scenario s;
    open(s);
    plan(s);
    validate(s);
    s.does("rosa", "submit");
    s.wait_until(meeting);
    s.does("mika", "vote", R"({"choice":"approve"})");
    EXPECT_EQ(first(s.refused("otto", "assign", names)).field, "implementer");
    s = approved();
    EXPECT_EQ(first(s.refused("otto", "assign", names)).field, "implementer");
    s.does("otto", "assign", R"({"implementer":"sven"})");
    s.does("cora", "decide", R"({"outcome":"rejected","minutes":"mika knows these hosts"})");
    EXPECT_EQ(first(s.refused("otto", "assign", names)).message, "mika voted on it")
        << "the board had approved it before";
    s = Scenario{};
    open(s);
    plan(s);
    validate(s);
    s.does("rosa", "submit");
    s.wait_until(meeting);
    s.does("mika", "vote", R"({"choice":"reject","comment":"not without me"})");
    s.does("cora", "decide", R"({"outcome":"rejected","minutes":"mika knows these hosts"})");
    s.does("otto", "assign", names);
    EXPECT_FALSE(s.change.past_approvals);
}

// The board approves without mika what it had approved with her; petra recorded that.
Scenario decided_anew(const char* first_outcome) {
    auto s = voted_on();
    s.does("petra", "decide", fmt::format(R"({{"outcome":"{}","minutes":"wait"}})", first_outcome));
    std::erase(s.records.boards.at("cab").members, PersonId("mika"));
    s.records.boards.at("cab").members.emplace_back("emil");
    ++s.records.version;
    for (const auto* person : {"cora", "emil"})
        s.does(person, "vote", R"({"choice":"approve"})");
    s.does("cora", "decide", R"({"outcome":"approved","minutes":"no questions"})");
    return s;
}

TEST(Duties, who_made_an_approval_that_was_made_anew_has_made_it_all_the_same) {
    auto s = decided_anew("approved");
    s.complete("cora", "cab_decision");
    EXPECT_TRUE(s.change.voided.empty());
    announce(s);
    make_ready(s);
    expect_no_part_in_the_deployment(s, "mika", "voted on it");
    expect_no_part_in_the_deployment(s, "petra", "recorded its approval");
    deploy(s);
    for (auto& run : s.change.runs.edit())
        if (run.purpose == RunPurpose::deployment)
            run.steps[0].confirmed_by = PersonId("mika");
    EXPECT_THAT(look(s, "run-exact").reasons.at(0).evidence, HasSubstr("mika voted on it"));
}

TEST(Duties, a_decision_that_approved_nothing_leaves_nothing_behind) {
    const auto s = decided_anew("deferred");
    EXPECT_FALSE(s.change.past_approvals);
    EXPECT_FALSE(part_in_approval(s.change, s.facts("mika"), PersonId("mika")));
    EXPECT_FALSE(part_in_approval(s.change, s.facts("petra"), PersonId("petra")));
}

TEST(Duties, an_approval_that_was_deferred_afterwards_was_one) {
    constexpr std::string_view wait = R"({"outcome":"deferred","minutes":"the fair is on"})";
    auto s = approved();
    s.does("petra", "decide", wait);
    const auto named = s.refused("otto", "assign", R"({"implementer":"mika"})");
    EXPECT_EQ(first(named).message, "mika voted on it") << explain(named);
    EXPECT_FALSE(part_in_approval(s.change, s.facts("petra"), PersonId("petra")))
        << "she recorded no approval";
}

TEST(Duties, who_recorded_an_approval_that_an_edit_voided_had_recorded_it) {
    auto s = approved();
    EXPECT_FALSE(s.change.past_approvals);
    const auto recorder = s.change.decision->recorded_by;
    s.does(
        "rosa", "schedule", R"({"start":"2026-12-03T10:00","end":"2026-12-03T12:00","zone":"UTC"})"
    );
    ASSERT_FALSE(s.change.decision);
    EXPECT_TRUE(s.change.past_approvals->recorders.contains(recorder));
    EXPECT_TRUE(part_in_approval(s.change, s.facts("otto"), recorder));
}

TEST(Duties, who_authorised_an_emergency_as_which_it_was_accepted_does_not_review_it) {
    Scenario s;
    open(s);
    plan(s, "emergency");
    s.does("rosa", "classify", R"({"type":"emergency","authoriser":"mika","reason":"a slip"})");
    s.does("rosa", "classify", R"({"type":"emergency","authoriser":"eva","reason":"down"})");
    EXPECT_FALSE(s.change.past_approvals) << "nothing went on with mika's name";
    s.complete("rosa", "classify");
    validate(s);
    for (const auto* person : {"emil", "mika"})
        s.does(person, "vote", R"({"choice":"approve"})");
    s.does("rosa", "classify", R"({"type":"emergency","incident":"INC-77","reason":"a ticket"})");
    EXPECT_TRUE(s.change.decision) << "the ECAB's approval stands";
    const auto part = part_in_approval(s.change, s.facts("eva"), PersonId("eva"));
    ASSERT_TRUE(part);
    EXPECT_EQ(part->what, "authorised the emergency");
    s.does("rosa", "classify", R"({"type":"normal","reason":"it can wait"})");
    for (const auto* person : {"eva", "emil", "mika"})
        EXPECT_TRUE(part_in_approval(s.change, s.facts(person), PersonId(person))) << person;
}

// It could not have been started so; what is on the record all the same is no success.
TEST(Duties, what_its_approver_carried_out_does_not_close_as_a_success) {
    constexpr std::string_view close = R"({"outcome":"successful","summary":"it runs"})";
    auto standard = ready_standard();
    deploy(standard);
    stabilise(standard);
    wind_up(standard);
    for (const auto& whole : {settled(), standard})
        for (const bool confirms : {false, true}) {
            auto s = whole;
            for (auto& run : s.change.runs.edit())
                if (run.purpose == RunPurpose::deployment)
                    (confirms ? run.steps[0].confirmed_by : run.started_by) = PersonId("mika");
            const auto error = s.refused("otto", "close", close);
            EXPECT_EQ(first(error).gate, "run-exact") << explain(error);
            EXPECT_THAT(first(error).evidence, HasSubstr("mika"));
        }
}

// An earlier version let them begin, and no command undoes that.
TEST(Duties, what_was_carried_out_before_the_upgrade_is_not_shut_out_of_closing) {
    auto s = settled();
    for (auto& run : s.change.runs.edit())
        if (run.purpose == RunPurpose::deployment) {
            run.started_by = PersonId("petra");
            run.steps[0].confirmed_by = PersonId("paul");
        }
    s.change.decision->recorded_by = PersonId("petra");
    Waiver waiver;
    waiver.id = "W-1";
    waiver.gate = "oncall";
    waiver.state = WaiverState::granted;
    waiver.granted_by = PersonId("paul");
    s.change.waivers.push_back(waiver);
    s.replayed = s.change;
    const auto result = look(s, "run-exact");
    EXPECT_EQ(result.verdict, Verdict::pass) << encode(result);
    EXPECT_THAT(
        result.warnings,
        ::testing::UnorderedElementsAre(
            HasSubstr("petra recorded its approval"), HasSubstr("paul waived oncall")
        )
    );
    s.does("otto", "close", R"({"outcome":"successful","summary":"it runs"})");
}

// An approval is used up when the deployment begins. What becomes of those who gave it is about the
// next change.
TEST(Duties, what_becomes_of_an_approval_after_the_deployment_holds_no_closure_up) {
    auto standard = ready_standard();
    deploy(standard);
    stabilise(standard);
    auto& entry = standard.records.catalogue.at("site-release");
    entry.suspended_because = "CHG-11 closed as rolled_back";
    entry.expires_at = standard.now - 1h;
    entry.approved_by = {PersonId("cora")};
    ++standard.records.version;
    EXPECT_EQ(look(standard, "classification").verdict, Verdict::pass);
    wind_up(standard);
    standard.does("otto", "close", R"({"outcome":"successful","summary":"it runs"})");
    auto normal = settled();
    normal.records.boards.at("cab").members.clear();
    ++normal.records.version;
    EXPECT_EQ(look(normal, "cab-decision").verdict, Verdict::pass);
}

TEST(Duties, who_voted_for_an_approval_keeps_that_part_when_an_edit_voids_it) {
    auto s = approved();
    s.does(
        "rosa", "schedule", R"({"start":"2026-11-26T10:00","end":"2026-11-26T13:00","zone":"UTC"})"
    );
    ASSERT_FALSE(s.change.decision);
    const auto named = s.refused("otto", "assign", R"({"implementer":"mika"})");
    EXPECT_EQ(first(named).message, "mika voted on it") << explain(named);
    EXPECT_EQ(first(named).evidence, "an approval that does not stand any more");

    Scenario urgent;
    open(urgent);
    plan(urgent, "emergency");
    urgent.does("mika", "vote", R"({"choice":"approve"})");
    urgent.does("otto", "postpone_step", R"({"step":"rehearsal","reason":"down"})");
    EXPECT_FALSE(part_in_approval(urgent.change, urgent.facts("otto"), PersonId("mika")))
        << "her vote fell before it approved anything";
    for (const auto* person : {"eva", "mika"})
        urgent.does(person, "vote", R"({"choice":"approve"})");
    urgent.does("otto", "postpone_step", R"({"step":"defects","reason":"down"})");
    for (const auto* person : {"eva", "emil"})
        urgent.does(person, "vote", R"({"choice":"approve"})");
    const auto review = urgent.refused(
        "mika", "settle_owed", R"({"id":"retrospective_review","note":"rightly done"})"
    );
    EXPECT_EQ(first(review).message, "you voted on it") << explain(review);
}

// Those of before have no such entry, and their stored states are read as they are.
TEST(Duties, of_an_older_ledger_replay_as_they_were) {
    auto s = approved();
    const CabDecided again{*s.change.decision};
    auto older = s.change;
    again.apply(older, {s.now, PersonId("carl")});
    EXPECT_FALSE(older.past_approvals);
}

} // namespace
} // namespace slipway::domain::testing
