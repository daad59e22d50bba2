// SPDX-License-Identifier: Apache-2.0
// Runs that stop: what nobody saw the end of, steps that need one person or two, and what is taken
// back.
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/abort_clock.hpp"
#include "domain/change/aborted_steps.hpp"
#include "domain/change/run_steps.hpp"
#include "domain/change/testing/scenario.hpp"
#include "domain/change/two_people.hpp"

namespace slipway::domain::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Run& run_of(const Scenario& s) {
    return s.change.runs.back();
}

RunbookStepOutline& outline(Scenario& s, std::size_t step) {
    return s.change.runbooks.at("deployment").steps[step];
}

void start_elsewhere(Scenario& s) {
    s.replayed = s.change;
    s.does("ina", "start_run", deployment_elsewhere());
}

void report_step(Scenario& s, std::string_view step, std::string_view state) {
    s.does(
        "ina", "report_run",
        fmt::format(R"({{"run":"run-3","steps":[{{"name":"{}","state":"{}"}}]}})", step, state)
    );
}

std::string choice(std::string_view chosen, std::string_view reason = "looked at it") {
    return fmt::format(R"({{"run":"run-3","choice":"{}","reason":"{}"}})", chosen, reason);
}

// A deployment whose steps drain and switch can be taken back.
Scenario with_undo() {
    auto s = ready();
    auto& runbook = s.change.runbooks.at("deployment");
    for (const auto* step : {"drain", "switch"}) {
        RunbookStepOutline undo;
        undo.name = fmt::format("undo-{}", step);
        undo.kind = "command";
        undo.digest = sha256(undo.name);
        undo.undoes = step;
        runbook.undo.push_back(undo);
    }
    return s;
}

TEST(UnknownEnd, is_no_failure_and_its_owner_says_whether_it_was_done) {
    auto s = ready();
    start_elsewhere(s);
    report_step(s, "drain", "running");
    s.tasks.clear();
    report_step(s, "drain", "unknown");
    EXPECT_EQ(run_of(s).state, RunState::waiting);
    EXPECT_EQ(run_of(s).steps[0].state, RunStepState::unknown);
    ASSERT_EQ(s.tasks.size(), 1u);
    EXPECT_THAT(s.tasks[0].payload, HasSubstr("how the step ended is unknown"));
    EXPECT_EQ(first(s.refused("ina", "decide_run", choice("resume"))).gate, "run-exact");
    auto again = s;
    again.does("otto", "decide_run", choice("retry"));
    EXPECT_EQ(run_of(again).steps[0].state, RunStepState::pending);
    s.does("otto", "decide_run", choice("resume", "the balancer shows it drained"));
    EXPECT_EQ(run_of(s).steps[0].state, RunStepState::succeeded);
    EXPECT_EQ(s.change.deviations.back().choice, DeviationChoice::resume);
    report_step(s, "switch", "running");
}

TEST(ExecutedSteps, carry_the_digest_of_the_approved_step_and_no_other) {
    auto s = ready();
    start_elsewhere(s);
    const auto approved = outline(s, 0).digest;
    const auto body = [](const Digest& digest) {
        return fmt::format(
            R"({{"run":"run-3","steps":[{{"name":"drain","state":"running","digest":"{}"}}]}})",
            digest.hex()
        );
    };
    const auto other = s.refused("ina", "report_run", body(sha256("one character more")));
    EXPECT_EQ(first(other).gate, "run-exact");
    EXPECT_THAT(first(other).evidence, HasSubstr(approved.hex()));
    s.does("ina", "report_run", body(approved));
    EXPECT_EQ(run_of(s).steps[0].digest, approved);
    report_step(s, "drain", "succeeded");
    EXPECT_EQ(run_of(s).steps[0].digest, approved);
}

TEST(ExecutedSteps, that_end_with_a_status_that_nobody_expects_have_not_succeeded) {
    auto s = ready();
    outline(s, 1).exit_status = 4;
    outline(s, 2).exit_status.reset(); // pinned by an earlier version
    start_elsewhere(s);
    const auto body = [](std::string_view step, std::string_view state, int status) {
        return fmt::format(
            R"({{"run":"run-3","steps":[{{"name":"{}","state":"{}","exit_status":{}}}]}})", step,
            state, status
        );
    };
    const auto refused = s.refused("ina", "report_run", body("drain", "succeeded", 3));
    EXPECT_EQ(refused.code, ErrorCode::invalid_input);
    EXPECT_THAT(explain(refused), HasSubstr("the runbook expects 0 of this step"));
    s.does("ina", "report_run", body("drain", "succeeded", 0));
    s.does("ina", "report_run", body("switch", "running", 0));
    s.refused("ina", "report_run", body("switch", "succeeded", 0));
    s.does("ina", "report_run", body("switch", "succeeded", 4));
    s.does("ina", "report_run", body("verify", "failed", 1));
    EXPECT_EQ(run_of(s).state, RunState::waiting);
}

TEST(ExecutedSteps, are_none_of_a_runbook_that_was_pinned_since_the_run_began) {
    auto s = approved();
    s.does("ina", "start_run", R"({"purpose":"ring_deploy","executor":"external"})");
    s.change.runbooks.at("deployment").digest = edited_deployment_file().digest;
    s.replayed = s.change;
    const auto id = run_of(s).id.value;
    const auto step = [&](std::string_view state) {
        return fmt::format(
            R"({{"run":"{}","steps":[{{"name":"drain","state":"{}"}}]}})", id, state
        );
    };
    const auto refused = s.refused("ina", "report_run", step("running"));
    EXPECT_THAT(first(refused).message, HasSubstr("another runbook was pinned"));
    s.does("ina", "report_run", step("failed")); // how it ended is always heard
    const auto decision = [&](std::string_view chosen) {
        return fmt::format(R"({{"run":"{}","choice":"{}","reason":"r"}})", id, chosen);
    };
    EXPECT_EQ(first(s.refused("ina", "decide_run", decision("retry"))).gate, "run-exact");
    s.does("ina", "decide_run", decision("abort"));
}

TEST(ExecutedSteps, are_begun_once_by_our_own_runners) {
    auto s = ready();
    s.does("ina", "start_run", R"({"purpose":"deployment"})");
    constexpr std::string_view running =
        R"({"run":"run-3","steps":[{"name":"drain","state":"running"}]})";
    s.does("system", "report_run", running);
    EXPECT_THAT(first(s.refused("system", "report_run", running)).message, HasSubstr("twice"));
}

TEST(ExecutedSteps, the_step_that_an_abort_cut_short_is_still_heard_of) {
    auto s = ready();
    s.does("ina", "start_run", R"({"purpose":"deployment"})");
    const auto body = [](std::string_view state) {
        return fmt::format(
            R"({{"run":"run-3","steps":[{{"name":"drain","state":"{}","detail":"stopped"}}]}})",
            state
        );
    };
    s.does("system", "report_run", body("running"));
    s.does("otto", "decide_run", choice("abort"));
    EXPECT_EQ(first(s.refused("ina", "report_run", body("failed"))).gate, "run-exact");
    s.does("system", "report_run", body("failed"));
    EXPECT_EQ(run_of(s).state, RunState::aborted);
    EXPECT_EQ(run_of(s).steps[0].state, RunStepState::failed);
    s.refused("system", "report_run", body("failed")); // once
}

TEST(Confirmation, is_asked_for_before_the_step_begins) {
    auto s = ready();
    outline(s, 1).confirm = true;
    outline(s, 1).owner = "ina";
    start_elsewhere(s);
    report_step(s, "drain", "succeeded");
    EXPECT_EQ(run_of(s).state, RunState::waiting);
    s.refused(
        "ina", "report_run", R"({"run":"run-3","steps":[{"name":"switch","state":"running"}]})"
    );
    s.does("ina", "confirm_step", R"({"run":"run-3","step":"switch","note":"traffic is low"})");
    EXPECT_EQ(run_of(s).state, RunState::running);
    EXPECT_EQ(run_of(s).steps[1].state, RunStepState::pending);
    EXPECT_EQ(run_of(s).steps[1].confirmed_by.value, "ina");
    report_step(s, "switch", "running");
    report_step(s, "switch", "failed");
    s.does("otto", "decide_run", choice("retry")); // who decides that has confirmed it
    report_step(s, "switch", "running");
}

// It was taken, stood on the record as a deviation, and the step waited as before.
TEST(Confirmation, is_what_a_step_waits_for_that_has_not_failed) {
    const struct {
        const char* what;
        std::function<void(RunbookStepOutline&)> edit;
        const char* command;
    } rows[] = {
        {"manual", [](auto& step) { step.kind = "manual"; }, " --step drain --note SEEN"},
        {"confirmed", [](auto& step) { step.confirm = true; }, " --step drain"},
        {"two people", [](auto& step) { step.second = "ina"; }, " --step drain"},
    };

    for (const auto& row : rows) {
        SCOPED_TRACE(row.what);
        auto s = ready();
        row.edit(outline(s, 0));
        start_elsewhere(s);
        const auto reason = first(s.refused("otto", "decide_run", choice("retry")));
        EXPECT_EQ(reason.gate, "run-exact");
        EXPECT_EQ(
            reason.remedy,
            fmt::format("Confirm it: slipway change confirm_step CHG-12 --run run-3{}", row.command)
        );
        EXPECT_TRUE(s.change.deviations.empty());
        s.does("otto", "decide_run", choice("skip"));
    }
}

TEST(Confirmation, of_what_a_person_did_or_decided_says_what_was_seen) {
    for (const auto* kind : {"manual", "decision"}) {
        auto s = ready();
        outline(s, 0).kind = kind;
        start_elsewhere(s);
        const auto error = s.refused("ina", "confirm_step", R"({"run":"run-3","step":"drain"})");
        ASSERT_EQ(error.fields.size(), 1u);
        EXPECT_EQ(error.fields[0].field, "note");
        EXPECT_THAT(error.fields[0].message, HasSubstr("say what you saw"));
        s.does(
            "ina", "confirm_step", R"({"run":"run-3","step":"drain","note":"no sessions left"})"
        );
        EXPECT_EQ(run_of(s).steps[0].detail, "no sessions left");
    }
}

TEST(Confirmation, a_file_of_the_change_is_evidence_too) {
    auto s = ready();
    outline(s, 0).kind = "manual";
    start_elsewhere(s);
    const auto body = fmt::format(
        R"({{"run":"run-3","step":"drain","evidence":"{}"}})", sha256("a screenshot").hex()
    );
    const auto error = s.refused("ina", "confirm_step", body);
    ASSERT_EQ(error.fields.size(), 1u);
    EXPECT_EQ(error.fields[0].field, "evidence");
    EXPECT_THAT(error.fields[0].message, HasSubstr("slipway change attach CHG-12 --file FILE"));
    Attachment file;
    file.digest = sha256("a screenshot");
    s.change.attachments.push_back(file);
    s.replayed = s.change;
    s.does("ina", "confirm_step", body);
    EXPECT_THAT(run_of(s).steps[0].evidence, ::testing::ElementsAre(sha256("a screenshot")));
}

TEST(TwoPeople, both_confirm_and_nobody_is_both) {
    auto s = ready();
    outline(s, 0).second = "pia";
    outline(s, 0).owner = "ina";
    start_elsewhere(s);
    constexpr std::string_view body = R"({"run":"run-3","step":"drain"})";
    s.tasks.clear();
    s.does("ina", "confirm_step", body);
    EXPECT_EQ(run_of(s).state, RunState::waiting);
    ASSERT_EQ(s.tasks.size(), 1u);
    EXPECT_THAT(s.tasks[0].payload, HasSubstr("\"person\":\"pia\""));
    EXPECT_THAT(first(s.refused("ina", "confirm_step", body)).message, HasSubstr("one of the two"));
    EXPECT_EQ(first(s.refused("otto", "confirm_step", body)).evidence, "it was ina");
    s.does("pia", "confirm_step", body);
    EXPECT_EQ(run_of(s).state, RunState::running);
    EXPECT_EQ(run_of(s).steps[0].confirmed_by.value, "ina");
    EXPECT_EQ(run_of(s).steps[0].seconded_by.value, "pia");
}

// In the window it was found out, and then there was nothing left but to abort.
TEST(TwoPeople, of_whom_the_second_had_a_part_in_the_approval_do_not_begin) {
    auto s = ready();
    outline(s, 1).second = "petra";
    s.replayed = s.change;
    s.does(
        "rosa", "request_waiver", R"({"gate":"oncall","reason":"etta is ill","valid_for":"1h"})"
    );
    s.does("petra", "grant_waiver", R"({"id":"W-1"})");
    const auto refused = s.refused("ina", "start_run", deployment_elsewhere());
    EXPECT_EQ(first(refused).field, "second.switch");
    EXPECT_THAT(first(refused).message, HasSubstr("petra, the second person of the step switch"));
    EXPECT_THAT(first(refused).message, HasSubstr("waived oncall"));
    s.does("rosa", "revoke_waiver", R"({"id":"W-1","reason":"she is well"})");
    s.does("ina", "start_run", deployment_elsewhere());
}

TEST(TwoPeople, of_whom_the_second_has_left_wait_for_nobody_else) {
    auto s = ready();
    outline(s, 0).confirm = true;
    outline(s, 0).second = "pia";
    s.replayed = s.change;
    s.does("ina", "start_run", deployment_elsewhere());
    s.records.people.at(PersonId("pia")).inactive = true;
    ++s.records.version;
    s.said.clear();
    s.tasks.clear();
    const auto* confirm = R"({"run":"run-3","step":"drain"})";
    s.does("ina", "confirm_step", confirm);
    EXPECT_TRUE(s.has_said("drain needs two people: pia has left, and nobody agrees in his place. "
                           "Abort the run: slipway change decide_run CHG-12 --run run-3"));
    EXPECT_FALSE(s.has_said("is asked"));
    ASSERT_EQ(s.tasks.size(), 1U);
    EXPECT_THAT(s.tasks[0].payload, HasSubstr(R"("person":"otto")"));
    EXPECT_THAT(s.tasks[0].payload, HasSubstr("--choice abort"));
    EXPECT_THAT(s.tasks[0].payload, Not(HasSubstr("Agree too")));
    EXPECT_THAT(
        first(s.refused("otto", "confirm_step", confirm)).remedy, HasSubstr("pia has left")
    );
}

TEST(TwoPeople, a_manual_step_is_done_when_both_have_said_so) {
    auto s = ready();
    outline(s, 0).kind = "manual";
    outline(s, 0).second = "pia";
    start_elsewhere(s);
    s.does("pia", "confirm_step", R"({"run":"run-3","step":"drain","note":"I saw it"})");
    EXPECT_EQ(run_of(s).steps[0].state, RunStepState::pending);
    s.does("ina", "confirm_step", R"({"run":"run-3","step":"drain","note":"I did it"})");
    EXPECT_EQ(run_of(s).steps[0].state, RunStepState::succeeded);
    EXPECT_EQ(run_of(s).steps[0].detail, "I saw it; I did it");
}

TEST(TwoPeople, decide_the_same_before_a_stopped_run_goes_on) {
    auto s = ready();
    outline(s, 0).second = "ina";
    s.replayed = s.change;
    start_elsewhere(s);
    s.does("otto", "confirm_step", R"({"run":"run-3","step":"drain"})");
    s.does("ina", "confirm_step", R"({"run":"run-3","step":"drain"})");
    report_step(s, "drain", "failed");
    s.does("otto", "decide_run", choice("skip", "not needed"));
    EXPECT_EQ(run_of(s).state, RunState::waiting);
    s.does("otto", "decide_run", choice("skip", "not needed")); // he cannot be both
    s.does("ina", "decide_run", choice("retry", "once more"));  // that is another decision
    EXPECT_EQ(run_of(s).state, RunState::waiting);
    s.does("otto", "decide_run", choice("retry", "agreed"));
    EXPECT_EQ(run_of(s).state, RunState::running);
    const auto& decided = s.change.deviations.back();
    EXPECT_EQ(decided.by.value, "otto");
    EXPECT_EQ(decided.second.value, "ina");
    EXPECT_EQ(decided.reason, "once more; agreed");
    report_step(s, "drain", "failed");
    s.does("otto", "decide_run", choice("abort")); // who wants to stop is never held up
}

// Before the step began nobody had seen how it fails.
TEST(TwoPeople, decide_about_what_both_have_seen) {
    auto s = ready();
    outline(s, 0).second = "ina";
    s.replayed = s.change;
    start_elsewhere(s);
    s.does("otto", "decide_run", choice("skip", "before it began"));
    EXPECT_TRUE(run_of(s).proposed);
    s.does("otto", "confirm_step", R"({"run":"run-3","step":"drain"})");
    EXPECT_TRUE(run_of(s).proposed) << "it waits as before";
    s.does("ina", "confirm_step", R"({"run":"run-3","step":"drain"})");
    report_step(s, "drain", "failed");
    EXPECT_FALSE(run_of(s).proposed);
    s.does("ina", "decide_run", choice("retry", "after it failed"));
    EXPECT_EQ(run_of(s).state, RunState::waiting);
    s.does("otto", "decide_run", choice("retry", "I saw it"));
    EXPECT_EQ(run_of(s).state, RunState::running);
    EXPECT_EQ(s.change.deviations.back().reason, "after it failed; I saw it");
}

TEST(TwoPeople, agree_about_one_step) {
    domain::Run run;
    run.proposed = {RunChoice::retry, "r", PersonId("otto"), "web1"};
    Deviation deviation{RunId("run-3"),  "web2", "failed", DeviationChoice::retry, "r",
                        PersonId("ina"), Time{}};
    EXPECT_FALSE(agree(run, RunChoice::retry, PersonId("ina"), deviation));
    deviation.step = "web1";
    EXPECT_TRUE(agree(run, RunChoice::retry, PersonId("ina"), deviation));
}

TEST(Undo, takes_back_what_began_the_last_step_first_and_ends_the_run) {
    auto s = with_undo();
    start_elsewhere(s);
    report_step(s, "drain", "succeeded");
    report_step(s, "switch", "unknown");
    EXPECT_EQ(first(s.refused("ina", "decide_run", choice("undo"))).gate, "run-exact");
    s.now = at(window_end) + 1min; // going back is never too late
    s.does("otto", "decide_run", choice("undo", "the feed is broken"));
    EXPECT_EQ(run_of(s).state, RunState::running);
    EXPECT_FALSE(abort_clock(s.change, s.facts("otto"))); // it turns round already
    ASSERT_EQ(run_of(s).undo.size(), 2u);
    EXPECT_THAT(
        (std::vector{run_of(s).undo[0].name, run_of(s).undo[1].name}),
        ElementsAre("undo-switch", "undo-drain")
    );
    report_step(s, "undo-switch", "failed");
    EXPECT_EQ(run_of(s).state, RunState::waiting);
    EXPECT_TRUE(s.decide("otto", "decide_run", *parse_json(choice("retry"))).has_value());
    s.does("otto", "decide_run", choice("resume", "put back by hand"));
    report_step(s, "undo-drain", "succeeded");
    EXPECT_EQ(run_of(s).state, RunState::aborted);
    EXPECT_EQ(s.change.failed_because, "undone: the feed is broken");
}

// The command that every later run named was refused: it looked among the undo steps alone.
TEST(Undo, leaves_a_step_of_unknown_end_of_which_the_end_is_heard) {
    auto s = with_undo();
    start_elsewhere(s);
    report_step(s, "drain", "unknown");
    s.does("otto", "decide_run", choice("undo"));
    report_step(s, "undo-drain", "succeeded");
    ASSERT_EQ(run_of(s).state, RunState::aborted);
    ASSERT_TRUE(step_left(s.change, run_of(s), s.now));
    report_step(s, "drain", "failed");
    EXPECT_FALSE(step_left(s.change, run_of(s), s.now));
}

// Petra waived a gate, so she carries no step of the deployment out; taking it back is another
// thing.
TEST(Undo, is_for_who_had_a_part_in_the_approval_too) {
    auto s = with_undo();
    for (auto& undo : s.change.runbooks.at("deployment").undo)
        undo.kind = "manual";
    s.replayed = s.change;
    s.does(
        "rosa", "request_waiver", R"({"gate":"oncall","reason":"etta is ill","valid_for":"1h"})"
    );
    s.does("petra", "grant_waiver", R"({"id":"W-1"})");
    start_elsewhere(s);
    report_step(s, "drain", "failed");
    s.does("otto", "decide_run", choice("undo"));
    s.does("petra", "confirm_step", R"({"run":"run-3","step":"undo-drain","note":"seen"})");
    EXPECT_EQ(run_of(s).state, RunState::aborted);
}

TEST(Undo, is_refused_where_nothing_can_be_taken_back) {
    auto s = with_undo();
    start_elsewhere(s);
    report_step(s, "drain", "running");
    s.refused("otto", "decide_run", choice("undo")); // it has not stopped
    auto none = ready();
    start_elsewhere(none);
    report_step(none, "drain", "failed");
    EXPECT_THAT(
        first(none.refused("otto", "decide_run", choice("undo"))).message,
        HasSubstr("has an undo block")
    );
}

} // namespace
} // namespace slipway::domain::testing
