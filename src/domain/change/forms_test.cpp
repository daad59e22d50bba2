// SPDX-License-Identifier: Apache-2.0
// Forms of a checklist: who fills them in, what they may name, and what of them the board approves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/testing/scenario.hpp"
#include "domain/gates/gate.hpp"

namespace slipway::domain::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string server_form(std::string_view ci, std::string_view kind, std::string_view owner) {
    return fmt::format(
        R"({{"step":"server","values":{{"ci":"{}","owner":"{}","kind":"{}",)"
        R"("reason":"Nothing has used it for half a year","last_day":"2026-11-26T10:00:00Z"}}}})",
        ci, owner, kind
    );
}

// A decommissioning whose owner has agreed that nothing need be kept, and that the board approved.
Scenario approved_retirement() {
    Scenario s(decommission_workflow());
    s.does("rosa", "open", R"({"title":"Retire web-1","workflow":"server-decommission",
        "change_owner":"petra","implementer":"ina"})");
    s.does("rosa", "assign", R"({"rollback_owner":"pia","rollback_backup":"sven"})");
    s.does("rosa", "describe", R"({"summary":"web-1 goes","cis":[{"ci":"billing"}]})");
    s.does("rosa", "fill_step", server_form("billing", "virtual", "otto"));
    s.complete("rosa", "server");
    s.does("rosa", "trace_impact");
    s.does("rosa", "fill_step", R"({"step":"dependents","values":{"quiet_days":180}})");
    s.complete("rosa", "dependents");
    s.does("rosa", "assign_step", R"({"step":"retention","person":"otto"})");
    s.does(
        "otto", "fill_step",
        R"({"step":"retention","values":{"obligations":["none"],"agreed":true}})"
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
    return s;
}

void switch_off(Scenario& s) {
    s.wait_until("2026-11-26T11:00Z");
    s.does(
        "ina", "fill_step",
        R"({"step":"silence","values":{"off_at":"2026-11-26T10:05:00Z","complaints":0}})"
    );
    s.complete("ina", "silence");
}

void remove_access(Scenario& s) {
    s.does(
        "ina", "fill_step",
        R"({"step":"remove_access","values":{"removed":["accounts","dns","monitoring"]}})"
    );
    s.complete("ina", "remove_access");
}

TEST(Forms, that_the_board_read_are_part_of_what_it_approved) {
    auto s = approved_retirement();
    ASSERT_TRUE(is_approved(s.change));
    auto same = s;
    same.does("rosa", "fill_step", server_form("billing", "virtual", "otto"));
    EXPECT_TRUE(is_approved(same.change)) << "the same answers";
    auto later = s;
    switch_off(later);
    EXPECT_TRUE(is_approved(later.change)) << "what is filled in afterwards was not read";
    s.does("rosa", "fill_step", server_form("berths-db", "virtual", "otto"));
    EXPECT_FALSE(s.change.decision);
    EXPECT_THAT(s.change.voided.back().sections, ElementsAre(Section::forms));
    EXPECT_EQ(s.change.steps.at(StepId("approval")).state, StepState::open);
}

TEST(Forms, whose_step_is_open_again_hold_up_all_that_the_board_approved) {
    auto s = approved_retirement();
    switch_off(s);
    remove_access(s);
    s.does("rosa", "reopen_step", R"({"step":"server","reason":"it is another one"})");
    const auto error = s.refused("ina", "complete_step", R"({"step":"record"})");
    ASSERT_EQ(error.reasons.size(), 1U) << explain(error);
    EXPECT_EQ(error.reasons[0].remedy, "Complete server first");
    EXPECT_EQ(first(s.refused("ina", "update_cmdb")).remedy, "Complete server first");
    s.complete("rosa", "server");
    s.does("ina", "update_cmdb");
    s.complete("ina", "record");
}

TEST(Forms, of_another_are_not_filled_in_nor_taken_over_by_the_requester) {
    auto s = approved_retirement();
    auto error = s.refused("ina", "fill_step", server_form("berths-db", "virtual", "otto"));
    EXPECT_EQ(first(error).message, "this step is somebody else's") << explain(error);
    constexpr std::string_view agreed =
        R"({"step":"retention","values":{"obligations":["tax"],"agreed":true}})";
    error = s.refused("rosa", "fill_step", agreed);
    EXPECT_EQ(first(error).evidence, "assigned to otto") << explain(error);
    error = s.refused("rosa", "assign_step", R"({"step":"retention","person":"rosa"})");
    EXPECT_EQ(first(error).evidence, "assigned to otto, requester rosa") << explain(error);
    s.does("rosa", "assign_step", R"({"step":"retention","person":"pia"})");
    s.does("pia", "fill_step", agreed);
    EXPECT_FALSE(s.change.decision);
}

TEST(Forms, name_what_is_there) {
    auto s = approved_retirement();
    const auto field = [&](std::string_view person, const std::string& body) {
        const auto error = s.refused(person, "fill_step", body);
        return error.fields.empty() ? explain(error) : error.fields.front().field;
    };
    EXPECT_EQ(field("rosa", server_form("ghost", "virtual", "otto")), "values.ci");
    EXPECT_EQ(field("rosa", server_form("billing", "virtual", "nobody")), "values.owner");
    s.does("rosa", "fill_step", server_form("billing", "physical", "otto")); // it has disks to wipe
    const auto certificate = fmt::format(
        R"({{"step":"wipe","values":{{"certificate":"{}","witness":"ina"}}}})",
        deployment_file().digest.hex()
    );
    EXPECT_EQ(field("ina", certificate), "values.certificate");
    s.does(
        "ina", "attach",
        fmt::format(R"({{"digest":"{}","name":"proof.pdf"}})", deployment_file().digest.hex())
    );
    s.does("ina", "fill_step", certificate);
}

TEST(Forms, are_written_as_a_whole_and_say_what_that_empties) {
    auto s = approved_retirement();
    s.said.clear();
    s.does("rosa", "fill_step", R"({"step":"server","values":{"ci":"billing","owner":"otto"}})");
    EXPECT_TRUE(s.has_said("not given, so no longer set: reason, last_day")) << s.said.front();
    EXPECT_TRUE(s.has_said("the step server is open again"));
    EXPECT_TRUE(s.has_said("slipway change complete_step CHG-12 --step server"));
    s.said.clear();
    s.does("rosa", "fill_step", server_form("billing", "virtual", "otto"));
    EXPECT_TRUE(s.said.empty()) << s.said.front();
}

TEST(Forms, say_all_that_is_wrong_at_once) {
    auto s = approved_retirement();
    const auto error = s.refused(
        "rosa", "fill_step",
        R"({"step":"server","values":{"ci":"ghost","owner":"no one","kind":"toaster"}})"
    );
    ASSERT_EQ(error.fields.size(), 3U) << explain(error);
    EXPECT_EQ(error.fields[2].field, "values.ci");
}

// The checklist says virtual, and who left it out was refused for a field without a value.
TEST(Forms, hold_their_defaults_from_the_beginning_and_where_a_field_is_left_out) {
    Scenario s(decommission_workflow());
    s.does("rosa", "open", R"({"title":"Retire web-1","workflow":"server-decommission"})");
    const auto form = [&] { return to_text(s.change.steps.at(StepId("server")).values); };
    EXPECT_EQ(form(), R"({"kind":"virtual"})");
    EXPECT_EQ(to_text(s.change.steps.at(StepId("silence")).values), R"({"complaints":0})");
    s.does("rosa", "fill_step", R"({"step":"server","values":{"ci":"billing","owner":"otto",
        "reason":"Nothing has used it for half a year","last_day":"2026-11-26T10:00:00Z"}})");
    EXPECT_THAT(form(), HasSubstr(R"("kind":"virtual")"));
    EXPECT_FALSE(s.has_said("no longer set"));
    s.complete("rosa", "server");
    s.does("rosa", "fill_step", server_form("billing", "physical", "otto"));
    EXPECT_THAT(form(), HasSubstr(R"("kind":"physical")"));
    Scenario release;
    open(release);
    EXPECT_TRUE(release.change.steps.empty()) << "no form of it has a default";
}

TEST(Forms, with_a_default_begin_no_optional_step_that_has_a_gate) {
    auto workflow = decommission_workflow();
    for (auto& phase : workflow.phases)
        for (auto& step : phase.steps)
            if (step.id == StepId("last_backup")) {
                step.required = false;
                step.when.clear();
                step.form = {FieldSpec{}};
                step.form[0].name = "kept";
                step.form[0].default_value = true;
            }
    Scenario s(workflow);
    open(s);
    EXPECT_FALSE(s.change.steps.contains(StepId("last_backup")));
    EXPECT_EQ(
        evaluate(*find_gate("backup-restorable"), s.change, s.facts("rosa")).verdict,
        Verdict::not_applicable
    );
}

// Its catalogue entry approves a standard change, so that nobody could complete the board's step.
TEST(Forms, of_a_checklist_whose_board_decides_on_all_are_of_no_standard_change) {
    Scenario s(decommission_workflow());
    open(s);
    const auto error = s.refused(
        "rosa", "classify", R"({"type":"standard","catalogue_entry":"site-release","reason":"r"})"
    );
    EXPECT_EQ(first(error).field, "classification.type") << explain(error);
    EXPECT_THAT(first(error).remedy, HasSubstr("classify --type normal"));
}

TEST(Forms, get_a_file_with_the_line_that_attaching_it_answers) {
    auto s = approved_retirement();
    s.does("rosa", "fill_step", server_form("billing", "physical", "otto")); // it has disks to wipe
    const auto digest = deployment_file().digest.hex();
    const auto attached = [&](std::string_view step, std::string_view field) {
        return fmt::format(
            R"({{"digest":"{}","name":"proof.pdf","step":"{}","field":"{}"}})", digest, step, field
        );
    };
    s.does("ina", "fill_step", R"({"step":"wipe","values":{"witness":"ina"}})");
    s.said.clear();
    s.does("ina", "attach", attached("wipe", "certificate"));
    EXPECT_TRUE(s.has_said("proof.pdf is attached with the digest " + digest));
    EXPECT_TRUE(s.has_said(fmt::format(
        R"(slipway change fill_step CHG-12 --step wipe --values '{{"witness":"ina","certificate":"{}"}}')",
        digest
    ))) << s.said.back();
    EXPECT_EQ(
        s.refused("ina", "attach", attached("wipe", "witness")).fields.at(0).message,
        "is no field of step wipe that holds files; those are: certificate"
    );
    EXPECT_EQ(s.refused("ina", "attach", attached("", "certificate")).fields.at(0).field, "field");
    EXPECT_THAT(
        s.refused("ina", "attach", attached("wype", "")).fields.at(0).message,
        HasSubstr("its steps are: server, dependents")
    );
}

TEST(Steps, that_do_not_apply_say_which_condition_does_not_hold_and_what_makes_it) {
    auto s = deployed();
    auto reason = first(s.refused("pia", "complete_step", R"({"step":"rollback"})"));
    EXPECT_THAT(reason.evidence, HasSubstr(".failed"));
    EXPECT_THAT(reason.remedy, HasSubstr("roll_back"));
    auto retired = approved_retirement();
    reason = first(retired.refused("ina", "complete_step", R"({"step":"last_backup"})"));
    EXPECT_THAT(reason.evidence, HasSubstr(".fields.retention.obligations"));
    EXPECT_THAT(reason.remedy, HasSubstr("change steps CHG-12 --step retention"));
    constexpr std::string_view filled = R"({"step":"last_backup","values":{}})";
    EXPECT_EQ(first(retired.refused("ina", "fill_step", filled)), reason);
}

TEST(Cmdb, is_written_when_the_work_is_done_and_by_who_answers_for_that) {
    auto s = approved_retirement();
    EXPECT_EQ(first(s.refused("ina", "update_cmdb")).remedy, "Complete remove_access first");
    switch_off(s);
    remove_access(s);
    s.does("ina", "update_cmdb");
    const auto error = s.refused("rosa", "cancel", R"({"reason":"never mind"})");
    EXPECT_EQ(first(error).field, "cmdb_pushes") << explain(error);
    auto release = deployed();
    EXPECT_EQ(
        first(release.refused("mika", "update_cmdb")).message, "this step is somebody else's"
    );
}

} // namespace
} // namespace slipway::domain::testing
