// SPDX-License-Identifier: Apache-2.0
// Emergencies: what may be put off, what the ECAB thereby approves, and what is owed in the end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/testing/gate_rows.hpp"
#include "domain/change/testing/scenario.hpp"

namespace slipway::domain::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

Scenario planned_emergency() {
    Scenario s;
    open(s);
    plan(s, "emergency");
    return s;
}

void postpone(Scenario& s, const char* step) {
    s.does("otto", "postpone_step", fmt::format(R"({{"step":"{}","reason":"down"}})", step));
}

void approve(Scenario& s) {
    for (const auto* person : {"eva", "emil"})
        s.does(person, "vote", R"({"choice":"approve"})");
    s.complete("cora", "cab_decision");
}

TEST(Emergency, that_puts_off_more_than_the_ecab_has_seen_is_voted_on_again) {
    auto s = planned_emergency();
    postpone(s, "rehearsal");
    s.does("eva", "vote", R"({"choice":"approve"})");
    postpone(s, "defects");
    EXPECT_TRUE(s.change.votes.empty()) << "what she voted for was another change";
    approve(s);
    postpone(s, "ring_deploy");
    EXPECT_FALSE(s.change.decision);
    EXPECT_THAT(s.change.voided.back().sections, ElementsAre(Section::postponed_steps));
    EXPECT_EQ(s.change.steps.at(StepId("cab_decision")).state, StepState::open);
    EXPECT_EQ(look(s, "cab-decision").verdict, Verdict::fail);
    approve(s);
    EXPECT_EQ(s.change.state, ChangeState::approved);
}

TEST(Emergency, that_does_early_what_it_had_put_off_stays_approved) {
    auto s = planned_emergency();
    for (const auto* step : {"ring_deploy", "smoke_staging", "rehearsal", "defects"})
        postpone(s, step);
    approve(s);
    s.now = at("2026-11-20T09:00Z");
    s.does("ina", "compare_ring");
    s.run("ina", "ring_deploy");
    s.complete("ina", "ring_deploy");
    s.does("ina", "reopen_step", R"({"step":"defects","reason":"there is time after all"})");
    s.complete("ina", "defects");
    EXPECT_EQ(s.change.state, ChangeState::approved);
    EXPECT_TRUE(s.change.voided.empty());
}

TEST(Emergency, that_becomes_a_normal_change_does_first_what_it_had_put_off) {
    auto s = planned_emergency();
    for (const auto* step : {"ring_deploy", "smoke_staging", "rehearsal", "defects"})
        postpone(s, step);
    s.does("rosa", "classify", R"({"type":"emergency","incident":"INC-77","reason":"a ticket"})");
    EXPECT_EQ(s.change.steps.at(StepId("defects")).state, StepState::postponed);
    s.does("rosa", "classify", R"({"type":"normal","reason":"it can wait"})");
    for (const auto* step : {"ring_deploy", "smoke_staging", "rehearsal", "defects"})
        EXPECT_EQ(s.change.steps.at(StepId(step)).state, StepState::open) << step;
    EXPECT_TRUE(s.has_said("open again: ring_deploy, smoke_staging, rehearsal, defects"));
    s.complete("rosa", "classify");
    validate(s);
    EXPECT_TRUE(s.change.owed[2].settled_at) << "done, so not owed any more";
}

TEST(Emergency, that_becomes_a_normal_change_may_have_waived_what_it_had_put_off) {
    auto s = planned_emergency();
    postpone(s, "rehearsal");
    s.does("rosa", "classify", R"({"type":"normal","reason":"it can wait"})");
    s.now = at("2026-11-20T09:00Z");
    s.does("ina", "compare_ring");
    s.run("ina", "ring_deploy");
    s.complete("ina", "ring_deploy");
    s.smoke("ina", "staging");
    s.complete("ina", "smoke_staging");
    s.does(
        "rosa", "request_waiver", R"({"gate":"rollback-rehearsed","reason":"the ring is down"})"
    );
    s.does("petra", "grant_waiver", R"({"id":"W-1"})");
    s.complete("ina", "rehearsal");
    EXPECT_TRUE(s.change.owed[0].settled_at);
}

TEST(Emergency, whose_postponed_step_was_reopened_by_mistake_puts_it_off_again) {
    constexpr std::string_view reopen = R"({"step":"rehearsal","reason":"the wrong line"})";
    auto s = planned_emergency();
    for (const auto* step : {"ring_deploy", "smoke_staging", "rehearsal", "defects"})
        postpone(s, step);
    approve(s);
    const auto due = s.change.owed[2].due_at;
    s.now += 1h;
    s.does("ina", "reopen_step", reopen);
    postpone(s, "rehearsal");
    EXPECT_EQ(s.change.steps.at(StepId("rehearsal")).state, StepState::postponed);
    EXPECT_EQ(s.change.state, ChangeState::approved) << "the ECAB has approved it without";
    ASSERT_EQ(s.change.owed.size(), 5U) << "with the review";
    EXPECT_EQ(s.change.owed[2].due_at, due) << "nobody gains time by that";

    // Done early, and undone by an edit: it is owed once more.
    s.does("ina", "reopen_step", R"({"step":"defects","reason":"there is time"})");
    s.complete("ina", "defects");
    s.does("ina", "reopen_step", R"({"step":"defects","reason":"there is none"})");
    postpone(s, "defects");
    EXPECT_EQ(s.change.owed.size(), 5U);
    EXPECT_FALSE(s.change.owed[3].settled_at);
    EXPECT_EQ(s.change.owed[3].since, s.now);
}

Scenario deployed_emergency() {
    auto s = planned_emergency();
    for (const auto* step : {"ring_deploy", "smoke_staging", "rehearsal", "defects"})
        postpone(s, step);
    approve(s);
    s.now = at(window_start) - 2h;
    record_backup(s);
    s.complete("ina", "backup");
    announce(s);
    make_ready(s);
    deploy(s);
    return s;
}

// Deployed, found broken, taken back: the rollback's smoke tests and notice are there too.
Scenario taken_back_emergency() {
    auto s = deployed_emergency();
    s.smoke("ina", "production", false);
    s.does("pia", "roll_back", R"({"reason":"the feed is broken","executor":"external"})");
    report_rollback(s);
    s.complete("ina", "smoke_production");
    s.smoke("ina", "rollback");
    tell_of_rollback(s);
    return s;
}

const Owed& owed(const Scenario& s, std::string_view id) {
    static const Owed none;
    for (const auto& item : s.change.owed)
        if (item.id == id)
            return item;
    ADD_FAILURE() << id << " was never owed";
    return none;
}

TEST(Emergency, whose_rollback_is_done_once_more_completes_its_step_once_more) {
    auto s = taken_back_emergency();
    s.complete("ina", "rollback");
    s.now += 5min;
    s.smoke("ina", "rollback", false);
    s.does("pia", "roll_back", R"({"reason":"1.4 is broken too","executor":"external"})");
    EXPECT_EQ(s.change.steps.at(StepId("rollback")).state, StepState::open);
}

TEST(Emergency, that_was_rolled_back_because_its_version_is_broken_can_be_closed) {
    auto s = taken_back_emergency();
    EXPECT_FALSE(owed(s, "smoke_staging").settled_at) << "nobody has said yet that it is gone";
    s.complete("ina", "rollback");
    for (const auto* id : {"ring_deploy", "smoke_staging", "rehearsal"}) {
        EXPECT_TRUE(owed(s, id).fell_away) << id;
        EXPECT_EQ(owed(s, id).settled_by, PersonId("ina"));
        EXPECT_THAT(owed(s, id).note, HasSubstr("the feed is broken"));
    }
    EXPECT_EQ(look(s, "smoke-staging").verdict, Verdict::not_applicable);
    s.does("otto", "hold_review", R"({"went_to_plan":"The way back"})");
    EXPECT_THAT(
        s.change.review->deviations, HasSubstr("smoke_staging was postponed and never done")
    );
    s.does(
        "otto", "add_action",
        R"({"title":"Mend the feed","owner":"jonas","due_at":"2026-12-10T12:00:00Z"})"
    );
    s.complete("otto", "review");
    s.does("otto", "update_cmdb");
    s.complete("otto", "cmdb_update");
    constexpr std::string_view close = R"({"outcome":"rolled_back","summary":"1.4 runs again"})";
    const auto error = s.refused("otto", "close", close);
    std::vector<std::string> fields;
    for (const auto& reason : error.reasons)
        fields.push_back(reason.field);
    EXPECT_THAT(fields, UnorderedElementsAre("owed.defects", "owed.retrospective_review"));
    s.complete("ina", "defects");
    s.does("cora", "settle_owed", R"({"id":"retrospective_review","note":"rightly decided"})");
    s.does("otto", "close", close);
}

TEST(Emergency, whose_rollback_was_waived_still_owes_what_it_put_off) {
    auto s = taken_back_emergency();
    for (auto& run : s.change.runs.edit())
        if (run.purpose == RunPurpose::rollback)
            run.state = RunState::aborted;
    s.replayed = s.change;
    s.does("rosa", "request_waiver", R"({"gate":"rollback-done","reason":"mended by hand"})");
    s.does("petra", "grant_waiver", R"({"id":"W-1"})");
    s.complete("ina", "rollback");
    EXPECT_FALSE(owed(s, "smoke_staging").settled_at);
}

TEST(Emergency, that_failed_is_reviewed_when_the_way_back_has_ended) {
    constexpr std::string_view settle = R"({"id":"retrospective_review","note":"rightly done"})";
    auto s = taken_back_emergency();
    auto back = s;
    for (auto& run : s.change.runs.edit())
        if (run.purpose == RunPurpose::rollback)
            run.state = RunState::aborted;
    s.change.state = ChangeState::rolling_back;
    s.replayed = s.change;
    const auto error = s.refused("cora", "settle_owed", settle);
    EXPECT_EQ(first(error).gate, "rollback-done") << explain(error);
    EXPECT_THAT(first(error).remedy, HasSubstr("slipway change roll_back CHG-12 --reason WHY"));
    s.does("rosa", "request_waiver", R"({"gate":"rollback-done","reason":"mended by hand"})");
    s.does("petra", "grant_waiver", R"({"id":"W-1"})");
    s.does("cora", "settle_owed", settle);
    back.does("cora", "settle_owed", settle);
}

TEST(Emergency, that_becomes_normal_owes_no_review_until_the_ecab_approves_it_again) {
    auto s = planned_emergency();
    approve(s);
    const auto due = owed(s, "retrospective_review").due_at;
    s.now += 1h;
    s.does("rosa", "classify", R"({"type":"normal","reason":"it can wait"})");
    EXPECT_TRUE(owed(s, "retrospective_review").fell_away);
    EXPECT_TRUE(s.has_said("no retrospective review is owed any more: the change is normal"));
    for (const auto& reason : look(s, "closure").reasons)
        EXPECT_NE(reason.field, "owed.retrospective_review");
    const auto undecided = look(s, "cab-decision");
    EXPECT_THAT(undecided.reasons.at(0).evidence, HasSubstr("by its classification as normal"));
    EXPECT_THAT(undecided.reasons.at(0).remedy, ::testing::StartsWith("Submit it with submit"));

    s.does("rosa", "classify", R"({"type":"emergency","incident":"INC-7","reason":"down"})");
    s.complete("rosa", "classify");
    approve(s);
    EXPECT_EQ(s.change.owed.size(), 1U);
    EXPECT_FALSE(owed(s, "retrospective_review").settled_at);
    EXPECT_EQ(owed(s, "retrospective_review").due_at, due + 1h);
}

TEST(Emergency, that_is_approved_twice_says_by_when_its_review_is_owed) {
    auto s = planned_emergency();
    approve(s);
    const auto due = owed(s, "retrospective_review").due_at;
    s.now += 1h;
    postpone(s, "rehearsal");
    EXPECT_THAT(look(s, "cab-decision").reasons.at(0).evidence, HasSubstr("by an edit"));
    s.said.clear();
    approve(s);
    EXPECT_EQ(owed(s, "retrospective_review").due_at, due);
    EXPECT_TRUE(s.has_said("a retrospective review is owed by " + to_text(due)));
}

TEST(Emergency, that_everybody_had_a_part_in_says_who_could_review_it) {
    constexpr std::string_view settle = R"({"id":"retrospective_review","note":"rightly done"})";
    auto s = deployed();
    s.smoke("ina", "production");
    s.change.classification->type = ChangeType::emergency;
    s.change.owed.push_back(owed_review(s.now));
    s.replayed = s.change;
    EXPECT_THAT(
        first(s.refused("mika", "settle_owed", settle)).remedy,
        ::testing::StartsWith("emil or eva or lena can review it: settle_owed")
    );
    for (const auto* person : {"emil", "eva", "lena", "otto", "paul", "petra"})
        s.records.people.at(PersonId(person)).inactive = true;
    ++s.records.version;
    constexpr auto* ask = "Ask an administrator to make somebody who had none a member: slipway "
                          "person edit PERSON --roles cab_member";
    EXPECT_THAT(first(s.refused("mika", "settle_owed", settle)).remedy, HasSubstr(ask));
    EXPECT_THAT(look(s, "closure").reasons.back().remedy, HasSubstr(ask));
    s.records.people.at(PersonId("vic")).roles = {Role::cab_member};
    ++s.records.version;
    s.does("vic", "settle_owed", settle);
}

TEST(Emergency, that_is_given_up_after_its_review_is_reviewed_once_more) {
    constexpr std::string_view settle = R"({"id":"retrospective_review","note":"rightly done"})";
    auto s = deployed_emergency();
    s.smoke("ina", "production");
    const auto count = s.change.owed.size();
    s.does("cora", "settle_owed", settle);
    s.now += 1h;
    s.does("pia", "roll_back", R"({"reason":"the feed is broken","executor":"external"})");
    const auto& review = owed(s, "retrospective_review");
    EXPECT_FALSE(review.settled_at) << "she had judged a success";
    EXPECT_EQ(review.since, s.now);
    EXPECT_EQ(review.due_at, s.now + s.policy.retrospective_review_within);
    EXPECT_EQ(s.change.owed.size(), count);
    EXPECT_THAT(s.said, ::testing::Contains(HasSubstr("it is owed again by")));
    s.refused("cora", "settle_owed", settle);
}

TEST(Emergency, whose_smoke_test_on_production_was_waived_is_reviewed) {
    auto s = deployed_emergency();
    s.smoke("ina", "production", false);
    s.does("rosa", "request_waiver", R"({"gate":"smoke-production","reason":"the probe is old"})");
    s.does("petra", "grant_waiver", R"({"id":"W-1"})");
    s.does("cora", "settle_owed", R"({"id":"retrospective_review","note":"rightly done"})");
}

} // namespace
} // namespace slipway::domain::testing
