// SPDX-License-Identifier: Apache-2.0
// What a smoke test is about: which run, on which ring, from when on; and that it is run once at a
// time.
#include "domain/change/smoke_subject.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/decide.hpp"
#include "domain/change/tasks.hpp"
#include "domain/change/testing/scenario.hpp"
#include "domain/gates/gate.hpp"

namespace slipway::domain::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr auto on_staging = R"({"occasion":"staging"})";

SmokeTask asked_last(const Scenario& s) {
    EXPECT_EQ(s.tasks.back().kind, "smoke");
    return *restore<SmokeTask>(std::string_view(s.tasks.back().payload));
}

// A report of both checks of the list, with more about where and when it was looked.
std::string report_with(std::string_view more) {
    return fmt::format(
        R"({{"occasion":"staging","results":[{{"name":"front-page","passed":true}},)"
        R"({{"name":"nightly","passed":true}}]{}{}}})",
        more.empty() ? "" : ",", more
    );
}

std::string why_not(const Scenario& s) {
    const auto wrong = mismatch_of(s.change, s.change.smoke_reports.back());
    return wrong ? wrong->message + ": " + wrong->evidence : "";
}

bool passes_staging(const Scenario& s) {
    return evaluate(*find_gate("smoke-staging"), s.change, s.facts("otto")).reasons.empty();
}

// The deployment to the test ring has begun anew, and waits for who reports its steps.
Scenario deploying_to_staging() {
    auto s = approved();
    s.now += 1h;
    s.does("ina", "start_run", R"({"purpose":"ring_deploy","executor":"external"})");
    return s;
}

void finish_on_staging(Scenario& s) {
    const auto id = s.change.runs.back().id;
    for (const auto* step : {"drain", "switch", "verify"})
        s.does(
            "ina", "report_run",
            fmt::format(
                R"({{"run":"{}","steps":[{{"name":"{}","state":"succeeded"}}]}})", id.value, step
            )
        );
}

TEST(SmokeSubject, is_not_looked_at_while_its_run_goes_on) {
    auto s = deploying_to_staging();
    const auto reason = s.refused("ina", "run_smoke", on_staging).reasons.at(0);
    EXPECT_EQ(reason.gate, "smoke-staging");
    EXPECT_THAT(reason.message, HasSubstr("run-3"));
    EXPECT_THAT(reason.evidence, HasSubstr("ring_deploy on staging"));
    EXPECT_THAT(reason.remedy, HasSubstr("decide_run"));
    // Another run on the ring is in the way as well: it is turning the ring into something else.
    EXPECT_EQ(
        s.refused("ina", "run_smoke", R"({"occasion":"rehearsal"})").reasons.at(0).gate,
        "rollback-rehearsed"
    );
    finish_on_staging(s);
    s.does("ina", "run_smoke", on_staging);
    EXPECT_EQ(asked_last(s).run, RunId("run-3"));
    EXPECT_EQ(asked_last(s).ring, "staging");
}

TEST(SmokeSubject, is_where_its_run_went_whatever_the_change_names_later) {
    auto s = approved();
    s.records.rings["other"] = s.records.rings.at("staging");
    ++s.records.version;
    s.does("ina", "run_smoke", on_staging);
    s.does("rosa", "assign", R"({"test_ring":"other"})");
    s.does("system", "record_smoke", report_with(R"("run":"run-1","ring":"staging")"));
    EXPECT_EQ(s.change.smoke_reports.back().ring, "staging");
    EXPECT_EQ(s.change.smoke_reports.back().run, RunId("run-1"));
    // Whether the list may run there was looked at for the ring that the change names.
    const auto reason = s.refused("ina", "run_smoke", on_staging).reasons.at(0);
    EXPECT_EQ(reason.field, "test_ring");
    EXPECT_EQ(reason.message, "run-1 went to staging");
    EXPECT_EQ(reason.evidence, "the change names other");
    s.does("ina", "record_smoke", report_with(R"("ring":"other")"));
    EXPECT_THAT(why_not(s), HasSubstr("another ring"));
}

TEST(SmokeSubject, was_not_there_before_the_run_had_ended) {
    auto s = deploying_to_staging();
    const auto before = to_text(s.now);
    s.now += 1min;
    finish_on_staging(s);
    s.now += 1min;
    // Our own runner was asked before the run began, and looked while it was under way.
    s.does(
        "system", "record_smoke",
        report_with(fmt::format(R"("ring":"staging","began":"{}")", before))
    );
    EXPECT_THAT(why_not(s), HasSubstr("before the run that it judges"));
    EXPECT_FALSE(passes_staging(s));
    s.does("ina", "record_smoke", report_with(fmt::format(R"("began":"{}")", before)));
    EXPECT_FALSE(passes_staging(s));
    s.does("ina", "record_smoke", report_with(""));
    EXPECT_EQ(s.change.smoke_reports.back().began, s.now);
    EXPECT_EQ(s.change.smoke_reports.back().run, RunId("run-3"));
    EXPECT_TRUE(passes_staging(s)) << why_not(s);
}

TEST(SmokeSubject, that_a_check_took_longer_than_it_was_there_for_was_not_seen) {
    auto s = deploying_to_staging();
    finish_on_staging(s);
    s.now += 1min;
    const auto took = [](int seconds) {
        return fmt::format(
            R"({{"occasion":"staging","results":[{{"name":"front-page","passed":true}},)"
            R"({{"name":"nightly","passed":true,"took_ms":{}000}}]}})",
            seconds
        );
    };
    s.does("ina", "record_smoke", took(61));
    EXPECT_FALSE(passes_staging(s));
    s.does("ina", "record_smoke", took(60));
    EXPECT_TRUE(passes_staging(s)) << why_not(s);
}

// What an earlier build has left behind is handed in when the tests did not start.
TEST(SmokeSubject, was_not_seen_by_a_file_that_is_older_whatever_is_said_of_it) {
    auto s = deploying_to_staging();
    finish_on_staging(s);
    s.now += 1min;
    RecordSmoke body;
    body.occasion = SmokeOccasion::staging;
    body.junit = "<testsuite/>";
    body.began = s.now;
    const auto reported = [&](std::optional<Time> began) {
        auto facts = s.facts("ina");
        facts.junit.results = {
            {"front-page", true, "", 0, false, {}}, {"nightly", true, "", 0, false, {}}};
        facts.junit.began = began;
        const auto decision = decide::record_smoke(s.change, body, facts);
        EXPECT_TRUE(decision) << explain(decision.error());
        const auto& reports = decision->next.smoke_reports;
        const auto wrong = mismatch_of(decision->next, reports.back());
        if (wrong) {
            EXPECT_THAT(wrong->evidence, HasSubstr("by the report's own time stamps"));
        }
        return to_text(*reports.back().began) + (wrong ? ": " + wrong->message : "");
    };
    const auto before = to_text(s.now - 24h) + ": the smoke list ran before the run that it judges";
    EXPECT_EQ(reported(s.now - 24h), before);
    EXPECT_EQ(reported(s.now - 1s), to_text(s.now - 1s));
    EXPECT_EQ(reported(s.now + 13h), to_text(s.now)) << "local time in the west";
    EXPECT_EQ(reported({}), to_text(s.now));
    body.began.reset();
    EXPECT_EQ(reported(s.now - 24h), before);
}

TEST(SmokeSubject, is_the_last_run_and_no_earlier_one) {
    auto s = deploying_to_staging();
    finish_on_staging(s);
    s.does("ina", "record_smoke", report_with(R"("run":"run-1")"));
    EXPECT_THAT(why_not(s), HasSubstr("tested run-1, the last is run-3"));
    EXPECT_FALSE(passes_staging(s));
    // Where our own runner comes late, its report would stand before the one that counts.
    s.refused("system", "record_smoke", report_with(R"("run":"run-1","ring":"staging")"));
    for (const auto* run : {"run-2", "run-9"})
        EXPECT_EQ(
            s.refused("ina", "record_smoke", report_with(fmt::format(R"("run":"{}")", run)))
                .fields.at(0)
                .field,
            "run"
        );
    const auto later = to_text(s.now + 1h);
    EXPECT_EQ(
        s.refused("ina", "record_smoke", report_with(fmt::format(R"("began":"{}")", later)))
            .fields.at(0)
            .field,
        "began"
    );
}

TEST(SmokeSubject, is_not_seen_while_another_run_is_at_it) {
    auto s = deploying_to_staging();
    finish_on_staging(s);
    const auto began = to_text(s.now);
    s.now += 1min;
    s.run("ina", "rehearsal");
    s.now += 1min;
    s.does(
        "system", "record_smoke",
        report_with(fmt::format(R"("run":"run-3","ring":"staging","began":"{}")", began))
    );
    EXPECT_THAT(why_not(s), HasSubstr("another run was under way"));
    EXPECT_FALSE(passes_staging(s));
}

TEST(SmokeSubject, is_gone_when_its_rollback_was_rehearsed) {
    auto s = deploying_to_staging();
    finish_on_staging(s);
    const auto there = to_text(s.now);
    s.now += 1min;
    s.run("ina", "rehearsal");
    s.does("ina", "record_smoke", report_with(""));
    EXPECT_THAT(why_not(s), HasSubstr("another run was on the ring before"));
    EXPECT_FALSE(passes_staging(s));
    const auto reason =
        evaluate(*find_gate("smoke-staging"), s.change, s.facts("ina")).reasons.at(0);
    EXPECT_THAT(reason.evidence, HasSubstr("run-4 (rehearsal) began on staging after run-3"));
    EXPECT_EQ(
        reason.remedy,
        "Deploy to the test ring again (slipway change start_run CHG-12 --purpose ring_deploy), "
        "then run the list (slipway change run_smoke CHG-12 --occasion staging)"
    );
    // What was seen before it was seen.
    s.does("ina", "record_smoke", report_with(fmt::format(R"("began":"{}")", there)));
    EXPECT_TRUE(passes_staging(s)) << why_not(s);
    s.run("ina", "ring_deploy");
    s.does("ina", "record_smoke", report_with(""));
    EXPECT_TRUE(passes_staging(s)) << why_not(s);
    s.smoke("ina", "rehearsal");
    EXPECT_THAT(why_not(s), HasSubstr("another run was on the ring before"));
    EXPECT_THAT(
        mismatch_of(s.change, s.change.smoke_reports.back())->remedy,
        HasSubstr("--purpose rehearsal), then run the list (slipway change run_smoke CHG-12 "
                  "--occasion rehearsal)")
    );
}

TEST(SmokeSubject, is_what_the_snapshots_brought_back_where_no_runbook_did) {
    auto s = deployed();
    s.change.failed_because = "the feed is empty";
    auto& snapshot = s.change.snapshots.back();
    snapshot.state = SnapshotState::reverted;
    snapshot.reverted_at = s.now;
    const auto subject = smoke_subject(s.change, SmokeOccasion::rollback);
    ASSERT_TRUE(subject.has_value());
    EXPECT_TRUE(subject->run.empty());
    EXPECT_EQ(subject->where->ring, "production");
    EXPECT_EQ(subject->since, s.now);
}

// The list has commands, which would run on production for who has nothing to test there.
TEST(SmokeList, of_the_rollback_does_not_run_before_something_was_rolled_back) {
    constexpr auto after_rollback = R"({"occasion":"rollback"})";
    auto s = deployed();
    const auto error = s.refused("ina", "run_smoke", after_rollback);
    EXPECT_EQ(first(error).gate, "rollback-done");
    EXPECT_EQ(first(error).message, "nothing was rolled back");
    EXPECT_THAT(first(error).remedy, HasSubstr("--occasion production"));
    s.does("ina", "run_smoke", R"({"occasion":"production"})");
    s.smoke("ina", "production", false);
    s.refused("ina", "run_smoke", after_rollback);
    s.does("pia", "revert_snapshot", R"({"reason":"the front page fails"})");
    s.refused("ina", "run_smoke", after_rollback);
    s.does("system", "report_snapshot", R"({"host":"web-1","id":"vol-7","state":"reverted"})");
    s.does("ina", "run_smoke", after_rollback);
    const auto forth = s.refused("ina", "run_smoke", R"({"occasion":"production"})");
    EXPECT_EQ(first(forth).gate, "rollback-done");
    EXPECT_THAT(first(forth).remedy, HasSubstr("run_smoke --occasion rollback"));
}

// It was written down and ignored: the change closed as successful.
TEST(SmokeList, what_failed_beside_it_failed) {
    auto s = approved();
    s.run("ina", "ring_deploy");
    constexpr auto beside = R"({"occasion":"staging","results":[{"name":"front-page","passed":true},
        {"name":"nightly","passed":true},{"name":"login","passed":false,"detail":"500"}]})";
    s.said.clear();
    s.does("ina", "record_smoke", beside);
    EXPECT_TRUE(s.has_said("login is not on the list, and failed all the same"));
    const auto result = evaluate(*find_gate("smoke-staging"), s.change, s.facts("otto"));
    ASSERT_EQ(result.verdict, Verdict::fail);
    EXPECT_EQ(result.reasons.at(0).field, "smoke.staging.login");
    EXPECT_THAT(result.reasons.at(0).evidence, HasSubstr("500"));
}

TEST(SmokeList, of_which_a_report_holds_nothing_is_missed_at_once) {
    auto s = approved();
    s.run("ina", "ring_deploy");
    s.said.clear();
    s.does("ina", "record_smoke", report_with(""));
    EXPECT_TRUE(s.said.empty()) << "it is in order";
    const auto reports = s.change.smoke_reports.size();
    const auto error = s.refused(
        "ina", "record_smoke", R"({"occasion":"staging","results":[{"name":"x","passed":true}]})"
    );
    EXPECT_EQ(error.fields.at(0).field, "results");
    EXPECT_THAT(error.message, HasSubstr("the list has front-page, nightly; the report has x"));
    EXPECT_EQ(s.change.smoke_reports.size(), reports) << "the one before it counts";
    for (const auto* seen :
         {R"("results":[{"name":"x","passed":false}])",
          R"("results":[{"name":"x","passed":true}],"new_alerts":["disk"])",
          R"("results":[{"name":"x","passed":true}],"silent_agents":["web-1"])"}) {
        s.does("ina", "record_smoke", fmt::format(R"({{"occasion":"staging",{}}})", seen));
        EXPECT_FALSE(passes_staging(s)) << "who has seen a failure is heard";
    }
    s = deploying_to_staging();
    s.said.clear();
    s.does("ina", "record_smoke", report_with(""));
    EXPECT_TRUE(s.has_said("does not count: the smoke list ran before the run that it judges"));
}

TEST(SmokeList, of_a_run_is_in_hand_once) {
    auto s = approved();
    s.does("ina", "run_smoke", on_staging);
    s.in_hand = {{TaskId("12"), "smoke", s.tasks.back().payload, {}}};
    const auto reason = s.refused("etta", "run_smoke", on_staging).reasons.at(0);
    EXPECT_EQ(reason.gate, "smoke-staging");
    EXPECT_EQ(reason.evidence, "task 12, asked for by ina");
    s.in_hand[0].last_error = "no route";
    EXPECT_THAT(
        s.refused("ina", "run_smoke", on_staging).reasons.at(0).evidence, HasSubstr("no route")
    );
    s.does("ina", "run_smoke", R"({"occasion":"rehearsal"})");
    // Whoever has deployed anew does not wait for the list that tests the version before.
    s.run("ina", "ring_deploy");
    s.does("ina", "run_smoke", on_staging);
    s.in_hand.clear(); // it was given up
    s.does("ina", "run_smoke", on_staging);
}

TEST(Task, that_takes_long_is_in_hand_once) {
    auto s = approved();
    s.records.rings.at("production").backup_connector = "vault";
    ++s.records.version;
    for (const auto& [command, kind, gate] :
         {std::tuple{"verify_backup", "backup", "backup-restorable"},
          {"preflight", "preflight", "preflight"}}) {
        s.in_hand.clear();
        s.does("ina", command);
        EXPECT_EQ(s.tasks.back().kind, kind);
        s.in_hand = {{TaskId("7"), kind, s.tasks.back().payload, {}}};
        const auto reason = s.refused("ina", command).reasons.at(0);
        EXPECT_EQ(reason.gate, gate);
        EXPECT_EQ(reason.evidence, "task 7, asked for by ina");
        EXPECT_THAT(reason.remedy, HasSubstr("Wait for its report"));
    }
}

} // namespace
} // namespace slipway::domain::testing
