// SPDX-License-Identifier: Apache-2.0
// Commands and what they refuse: who may not, when not, and what is not there. Each refusal says
// which rule (a gate's id) or which field; Scenario::refused checks that none is mute.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/testing/scenario.hpp"
#include "domain/change/timers.hpp"
#include "domain/gates/gate.hpp"

namespace slipway::domain::testing::refusals {
namespace {

using namespace std::chrono_literals;

enum class Stage { opened, planned, validated, submitted, approved, ready, deployed, closed };

const Scenario& at_stage(Stage stage) {
    static const auto all = [] {
        std::vector<Scenario> stages;
        Scenario s;
        const auto keep = [&] { stages.push_back(s); };
        open(s);
        keep();
        plan(s);
        keep();
        validate(s);
        keep();
        auto queued = s;
        queued.does("rosa", "submit");
        stages.push_back(queued);
        take_to_cab(s);
        keep();
        announce(s);
        make_ready(s);
        keep();
        deploy(s);
        keep();
        stabilise(s);
        wind_up(s);
        s.does("otto", "close", R"({"outcome":"successful","summary":"it runs"})");
        keep();
        return stages;
    }();
    return all[static_cast<std::size_t>(stage)];
}

struct Row {
    Stage stage;
    const char* person;
    const char* command;
    const char* body;
    const char* gate;  // of the first reason; empty: refused for a field
    const char* field; // part of the field
};

void check(const std::vector<Row>& rows) {
    for (const auto& row : rows) {
        auto s = at_stage(row.stage);
        SCOPED_TRACE(fmt::format("{} {} {}", row.person, row.command, row.body));
        const auto error = s.refused(row.person, row.command, row.body);
        if (*row.gate != 0) {
            ASSERT_FALSE(error.reasons.empty()) << explain(error);
            EXPECT_EQ(error.reasons[0].gate, row.gate) << explain(error);
            EXPECT_THAT(error.reasons[0].field, ::testing::HasSubstr(row.field)) << explain(error);
        } else {
            ASSERT_FALSE(error.fields.empty()) << explain(error);
            EXPECT_THAT(error.fields[0].field, ::testing::HasSubstr(row.field)) << explain(error);
        }
    }
}

using enum Stage;

TEST(Refusals, of_planning) {
    const auto pinned = deployment_file().digest.hex();
    check({
        {opened, "rosa", "open", R"({"title":"again"})", "", "id"},
        {opened, "rosa", "assign", R"({"implementer":"ghost"})", "", "implementer"},
        {opened, "rosa", "assign", R"({"rollback_owner":"zoe"})", "", "rollback_owner"},
        {opened, "rosa", "assign", R"({"production_ring":"moon"})", "", "production_ring"},
        {opened, "rosa", "assign", R"({"test_ring":"production"})", "", "test_ring"},
        {opened, "rosa", "assign", R"({"roster":"none"})", "", "roster"},
        {opened, "rosa", "describe", R"({"summary":"s","cis":[{"ci":"a"},{"ci":"a"}]})", "",
         "cis[1].ci"},
        {opened, "rosa", "trace_impact", "{}", "impact-traced", "scope.cis"},
        {opened, "lena", "acknowledge_impact", R"({"ci":"port-feed"})", "", "ci"},
        {planned, "lena", "acknowledge_impact", R"({"ci":"billing"})", "", "ci"},
        {planned, "rosa", "acknowledge_impact", R"({"ci":"port-feed"})", "impact-traced", "ci"},
        {opened, "rosa", "complete_step", R"({"step":"scope"})", "rfc-specific", "scope"},
        {opened, "rosa", "classify", R"({"type":"standard"})", "classification", "catalogue_entry"},
        {opened, "rosa", "classify", R"({"type":"emergency"})", "classification", "incident"},
        {opened, "rosa", "classify", R"({"type":"emergency","authoriser":"zoe"})", "",
         "authoriser"},
        {opened, "rosa", "classify", R"({"type":"emergency","incident":"INC-1"})", "", "reason"},
        {opened, "rosa", "classify", R"({"type":"emergency","authoriser":"rosa","reason":"r"})",
         "classification", "authoriser"},
        {opened, "rosa", "classify", R"({"type":"emergency","authoriser":"vic","reason":"r"})",
         "classification", "authoriser"},
        {opened, "rosa", "classify", R"({"type":"emergency","authoriser":"alma","reason":"r"})",
         "classification", "authoriser"},
        {opened, "rosa", "classify", R"({"type":"unclassified"})", "", "type"},
        {planned, "rosa", "classify", R"({"type":"normal"})", "", "reason"},
        {opened, "rosa", "schedule", R"({"start":"x","end":"2026-11-26T10:00","zone":"UTC"})", "",
         "start"},
        {opened, "rosa", "schedule",
         R"({"start":"2026-11-26T10:00","end":"2026-11-26T09:00","zone":"UTC"})", "", "end"},
        {opened, "rosa", "schedule",
         R"({"start":"2026-11-26T10:00","end":"2026-11-26T12:00","zone":"Mars/Base"})", "", "zone"},
        {deployed, "rosa", "describe", R"({"summary":"s"})", "run-exact", "scope"},
        {deployed, "rosa", "classify", R"({"type":"normal"})", "run-exact", "classification"},
        {deployed, "petra", "assign", R"({"production_ring":"staging"})", "run-exact",
         "production ring"},
        {opened, "ina", "assign", R"({"change_owner":"ina"})", "run-exact", "change_owner"},
        {ready, "mika", "assign", R"({"implementer":""})", "run-exact", "change_owner"},
        {deployed, "ina", "assign", R"({"change_owner":"ina"})", "run-exact", "change_owner"},
        {deployed, "rosa", "assign", R"({"rollback_owner":"rosa"})", "run-exact", "change_owner"},
        {deployed, "otto", "assign", R"({"change_owner":"ina"})", "run-exact", "change_owner"},
    });
    auto s = at_stage(opened);
    for (const auto* name : {"../x", "a/b", "a\\b", "..", ".hidden"}) {
        const Json body{{"digest", pinned}, {"name", name}};
        const auto answer = s.decide("rosa", "attach", body);
        ASSERT_FALSE(answer) << name;
        EXPECT_EQ(answer.error().fields.at(0).field, "name");
    }
    EXPECT_EQ(
        s.refused(
             "rosa", "attach", fmt::format(R"({{"name":"f","digest":"{}"}})", sha256("?").hex())
        )
            .fields.at(0)
            .field,
        "digest"
    );
}

TEST(Refusals, the_version_before_is_taken_from_the_cmdb_or_asked_for) {
    auto s = at_stage(opened);
    const std::string_view describe = R"({"summary":"billing to 2 on bill-1","cis":[{"ci":"{}",
        "version_to":"2"}]})";
    const auto with = [&](std::string_view ci) {
        std::string body(describe);
        return body.replace(body.find("{}"), 2, ci);
    };
    s.does("rosa", "describe", with("billing"));
    EXPECT_EQ(s.change.scope->cis[0].version_from, "1.4");
    s.does("rosa", "describe", with("unheard-of"));
    const auto error = s.refused("rosa", "complete_step", R"({"step":"scope"})");
    EXPECT_TRUE(std::any_of(error.reasons.begin(), error.reasons.end(), [](const Reason& reason) {
        return reason.field == "scope.cis[0].version_from";
    })) << explain(error);
}

TEST(Refusals, an_item_without_an_owner_is_not_everybodys_to_answer_for) {
    auto s = at_stage(planned);
    s.records.cis.at(CiId("port-feed")).owner = PersonId{};
    renew(s.records);
    s.does("rosa", "trace_impact");
    EXPECT_FALSE(s.change.impact->acknowledged.contains(CiId("port-feed"))) << "lena owns it not";
    EXPECT_TRUE(s.change.impact->acknowledged.contains(CiId("nightly-report")));
    const auto error = s.refused("lena", "acknowledge_impact", R"({"ci":"port-feed"})");
    EXPECT_EQ(error.reasons.at(0).gate, "impact-traced") << explain(error);
    s.does("petra", "acknowledge_impact", R"({"ci":"port-feed"})");
}

TEST(Refusals, who_asks_for_a_change_does_not_answer_for_what_others_own) {
    auto s = at_stage(planned);
    s.change.requester = PersonId("petra"); // a change manager
    s.replayed = s.change;
    const std::string_view body = R"({"ci":"port-feed","note":"known"})";
    const auto error = s.refused("petra", "acknowledge_impact", body);
    EXPECT_EQ(error.reasons.at(0).gate, "impact-traced") << explain(error);
    EXPECT_EQ(error.reasons.at(0).remedy, "Ask lena or another change manager");
    s.does("paul", "acknowledge_impact", body);
    s.records.cis.at(CiId("port-feed")).owner = PersonId("petra");
    renew(s.records);
    s.does("petra", "trace_impact");
    s.does("petra", "acknowledge_impact", body);
}

TEST(Refusals, speak_of_an_emergency_and_name_its_commands) {
    auto s = at_stage(opened);
    const auto typed = s.refused("rosa", "classify", R"({"type":"emergency"})");
    EXPECT_EQ(typed.message, "this is not an emergency change");
    EXPECT_THAT(
        typed.reasons.at(0).remedy,
        ::testing::HasSubstr("classify --type emergency --incident ID --reason")
    );
    const auto early = s.refused("cora", "vote", R"({"choice":"approve"})");
    EXPECT_THAT(early.reasons.at(0).remedy, ::testing::StartsWith("Classify it with classify"));
    s.does("rosa", "classify", R"({"type":"emergency","incident":"INC-1","reason":"it is down"})");
    const auto decided = s.refused("cora", "decide", R"({"outcome":"approved"})");
    EXPECT_THAT(decided.reasons.at(0).remedy, ::testing::HasSubstr("vote"));
    EXPECT_THAT(decided.reasons.at(0).remedy, ::testing::Not(::testing::HasSubstr("ubmit")))
        << "an emergency is not submitted";
    s.change.owed.push_back(
        {"rehearsal", OwedKind::step, "no time", PersonId("rosa"), s.now, s.now, {}, {}, {}, false}
    );
    s.change.owed.push_back(owed_review(s.now));
    GateFindings findings("closure");
    gates::closure(s.change, s.facts("rosa"), findings);
    std::string remedies;
    for (const auto& reason : findings.reasons)
        remedies += reason.remedy + "\n";
    EXPECT_THAT(remedies, ::testing::HasSubstr("complete_step --step rehearsal"));
    EXPECT_THAT(remedies, ::testing::HasSubstr("settle_owed --id retrospective_review"));
}

TEST(Refusals, of_a_vote_on_an_emergency_without_a_window_ask_for_the_window) {
    auto s = at_stage(opened);
    s.does("rosa", "classify", R"({"type":"emergency","incident":"INC-1","reason":"it is down"})");
    const auto early = s.refused("eva", "vote", R"({"choice":"approve"})");
    ASSERT_EQ(early.reasons.size(), 1u);
    EXPECT_EQ(early.reasons[0].field, "window");
    EXPECT_THAT(early.reasons[0].remedy, ::testing::StartsWith("Schedule it with schedule"));
}

TEST(Refusals, of_runbooks_name_the_line_and_the_remedy) {
    auto s = at_stage(opened);
    const auto pin = [&](const std::string& text, std::string_view purpose) {
        const auto file = runbook_file("r.md", text);
        s.files.emplace(file.digest.hex(), file);
        return s.refused(
            "jonas", "pin_runbook",
            fmt::format(
                R"({{"purpose":"{}","digest":"{}","name":"r.md"}})", purpose, file.digest.hex()
            )
        );
    };
    const auto& good = rollback_file().bytes;
    const auto without = [&](std::string_view part, std::string_view instead = "") {
        std::string text = good;
        return text.replace(text.find(part), part.size(), instead);
    };

    const struct {
        std::string text;
        const char* rule;
    } rows[] = {
        {"We can roll back at any time.\n", ""},
        {without("time_limit: 10m\n"), "time-limit"},
        {without("Abort if a smoke check fails twice within five minutes.", "Think."), "abort"},
        {without("```decision { name=turn-round owner=pia backup=sven timeout=5m }\n"
                 "Abort if a smoke check fails twice within five minutes.\n```\n"),
         "decision"},
    };

    for (const auto& row : rows) {
        const auto error = pin(row.text, "rollback");
        ASSERT_FALSE(error.reasons.empty());
        EXPECT_EQ(error.reasons[0].gate, "rollback-runbook");
        std::string rules;
        for (const auto& reason : error.reasons)
            rules += reason.evidence + " " + reason.message + "\n";
        EXPECT_THAT(rules, ::testing::HasSubstr(row.rule));
    }
    EXPECT_EQ(pin(good, "deployment").code, ErrorCode::blocked);
}

TEST(Refusals, of_validation) {
    check({
        {opened, "ina", "start_run", R"({"purpose":"ring_deploy"})", "run-exact", "runbook"},
        {opened, "ina", "run_smoke", R"({"occasion":"staging"})", "smoke-staging", "smoke"},
        {opened, "ina", "record_smoke", R"({"occasion":"staging"})", "", "occasion"},
        {planned, "ina", "record_smoke", R"({"occasion":"staging"})", "", "results"},
        {opened, "ina", "verify_backup", "{}", "", "scope.cis"},
        {opened, "ina", "record_backup", R"({"verdict":"verified"})", "", "proofs"},
        {opened, "ina", "record_backup", R"({"verdict":"not_applicable"})", "", "reason"},
        {opened, "ina", "record_backup",
         R"({"verdict":"verified","proofs":[{"ci":"site","source":"tape","content_digest":"5f2c..."}]})",
         "", "proofs[0].content_digest"},
        {opened, "ina", "accept_divergence", R"({"id":"x","reason":"r"})", "", "id"},
        {opened, "ina", "log_defect", R"({"title":"t","severity":"minor","link":"javascript:x"})",
         "", "link"},
        {opened, "ina", "settle_defect", R"({"id":"D-9","state":"resolved","reason":"r"})", "",
         "id"},
        {planned, "ina", "start_run",
         R"({"purpose":"ring_deploy",
            "digest":"0000000000000000000000000000000000000000000000000000000000000001"})",
         "run-exact", "digest"},
        {planned, "ina", "report_run", R"({"run":"run-9","steps":[]})", "", "run"},
        {validated, "ina", "report_run", R"({"run":"run-1","steps":[]})", "run-exact", "run-1"},
        {validated, "ina", "confirm_step", R"({"run":"run-9","step":"x"})", "", "run"},
        {validated, "ina", "decide_run", R"({"run":"run-1","choice":"retry","reason":"r"})",
         "run-exact", "run-1"},
        {validated, "ina", "complete_step", R"({"step":"backup"})", "", "step"},
        {validated, "ina", "reopen_step", R"({"step":"notice","reason":"r"})", "", "step"},
    });
    auto s = at_stage(validated);
    s.does("ina", "log_defect", R"({"title":"it burns","severity":"critical"})");
    EXPECT_EQ(
        s.refused("ina", "settle_defect", R"({"id":"D-1","state":"accepted","reason":"r"})")
            .reasons.at(0)
            .gate,
        "defects"
    );
    s.does("otto", "settle_defect", R"({"id":"D-1","state":"accepted","reason":"r"})");
}

TEST(Refusals, of_review) {
    check({
        {opened, "rosa", "submit", "{}", "cab-lead-time", "classification"},
        {validated, "rosa", "submit", R"({"board":"ecab"})", "cab-decision", "board"},
        {validated, "cora", "submit", R"({"keep_meeting_because":"r"})", "cab-lead-time",
         "keep_meeting_because"},
        {submitted, "rosa", "submit", R"({"keep_meeting_because":"r"})", "cab-lead-time",
         "keep_meeting_because"},
        {submitted, "mika", "submit", R"({"keep_meeting_because":"r"})", "cab-lead-time",
         "keep_meeting_because"},
        {submitted, "cora", "submit", R"({"keep_meeting_because":" "})", "",
         "keep_meeting_because"},
        {validated, "cora", "vote", R"({"choice":"approve"})", "cab-decision", "queue"},
        {validated, "cora", "decide", R"({"outcome":"approved"})", "cab-decision", "queue"},
        {submitted, "rosa", "vote", R"({"choice":"approve"})", "cab-decision", "votes"},
        {submitted, "jonas", "vote", R"({"choice":"approve"})", "cab-decision", "votes"},
        {submitted, "ina", "vote", R"({"choice":"approve"})", "cab-decision", "votes"},
        {submitted, "alma", "vote", R"({"choice":"approve"})", "cab-decision", "votes"},
        {submitted, "zoe", "vote", R"({"choice":"approve"})", "cab-decision", "votes"},
        {submitted, "eva", "vote", R"({"choice":"approve"})", "cab-decision", "votes"},
        {submitted, "ghost", "vote", R"({"choice":"approve"})", "cab-decision", "votes"},
        {submitted, "cora", "vote", R"({"choice":"reject"})", "", "comment"},
        {submitted, "cora", "decide", R"({"outcome":"approved"})", "cab-decision",
         "decision.votes"},
        {submitted, "rosa", "decide", R"({"outcome":"approved"})", "cab-decision", "decision"},
        {submitted, "cora", "decide", R"({"outcome":"rejected"})", "", "minutes"},
        {submitted, "cora", "decide", R"({"outcome":"approved","conditions":["c"]})", "",
         "conditions"},
        {approved, "lena", "vote", R"({"choice":"approve"})", "cab-decision", "decision"},
        {approved, "otto", "meet_condition", R"({"id":"C-1","evidence":"e"})", "", "id"},
        {opened, "otto", "send_notice", R"({"kind":"maintenance"})", "notice", "window"},
        {opened, "ina", "report_delivery",
         R"({"notice":"N-1","channel":"mail","state":"delivered"})", "", "notice"},
        {ready, "ina", "report_delivery", R"({"notice":"N-1","channel":"mail","state":"pending"})",
         "", "state"},
        {opened, "otto", "check_oncall", "{}", "oncall", "window"},
        {opened, "pia", "acknowledge_page", "{}", "oncall", "pages"},
        {ready, "ina", "report_page", R"({"person":"vic","state":"failed"})", "", "person"},
    });
    auto edited = at_stage(validated);
    auto scope = json(encode(*edited.change.scope));
    scope.as_object()["external_ticket"] = "INC-1";
    ASSERT_TRUE(edited.attempt("lena", "describe", scope)); // says nothing about what is changed
    scope.as_object()["customer_impact"] = "Nobody notices";
    ASSERT_TRUE(edited.attempt("mika", "describe", scope));
    edited.complete("rosa", "scope");
    edited.does("rosa", "submit");
    EXPECT_EQ(
        edited.refused("mika", "vote", R"({"choice":"approve"})").reasons.at(0).message,
        "who described the scope never approves it"
    );
    edited.does("lena", "vote", R"({"choice":"approve"})");
    // Pinning a colleague's bytes again does not make them one's own, nor his no longer his.
    auto s = at_stage(submitted);
    s.pin("lena", deployment_file(), "deployment");
    s.pin("lena", rollback_file(), "rollback");
    EXPECT_EQ(s.refused("jonas", "vote", R"({"choice":"approve"})").reasons.at(0).field, "votes");
    s.does("lena", "vote", R"({"choice":"approve"})");
}

TEST(Refusals, of_the_deployment_day) {
    check({
        {planned, "ina", "start_run", R"({"purpose":"deployment"})", "run-exact", "window"},
        {approved, "ina", "start_run", R"({"purpose":"deployment"})", "run-exact", "window"},
        {ready, "cora", "start_run", R"({"purpose":"deployment"})", "run-exact", "started_by"},
        {ready, "ina", "start_run", R"({"purpose":"rollback"})", "rollback-done", "failed_because"},
        {ready, "pia", "roll_back", R"({"reason":"r"})", "rollback-done", "runs"},
        {deployed, "ina", "roll_back", R"({"reason":"r"})", "run-exact", "rollback"},
        {deployed, "pia", "roll_back", R"({"reason":"  "})", "", "reason"},
        {deployed, "ina", "start_run", R"({"purpose":"deployment"})", "run-exact", "runs"},
        {deployed, "otto", "cancel", R"({"reason":"r"})", "closure", "runs"},
        {deployed, "otto", "postpone_step", R"({"step":"rehearsal","reason":"r"})", "run-exact",
         ""},
        {planned, "ina", "report_snapshot", R"({"host":"web-1","state":"taken"})", "", "host"},
        {ready, "ina", "report_snapshot", R"({"host":"web-1","state":"requested"})", "", "state"},
        {ready, "ina", "report_snapshot",
         R"({"host":"web-1","state":"taken","taken_at":"2027-01-01T00:00:00Z"})", "", "taken_at"},
    });
    auto s = at_stage(ready);
    s.does("ina", "start_run", R"({"purpose":"deployment"})"); // the server's own runner
    s.refused("ina", "start_run", R"({"purpose":"ring_deploy"})");
    EXPECT_EQ(
        s.refused(
             "ina", "report_run",
             R"({"run":"run-3","steps":[{"name":"drain","state":"succeeded"}]})"
        )
            .reasons.at(0)
            .gate,
        "run-exact"
    );
    EXPECT_EQ(
        s.refused(
             "system", "report_run",
             R"({"run":"run-3","steps":[{"name":"switch","state":"succeeded"}]})"
        )
            .reasons.at(0)
            .field,
        "steps.switch"
    );
    EXPECT_FALSE(s.refused(
                      "system", "report_run",
                      R"({"run":"run-3","steps":[{"name":"drain","state":"skipped"}]})"
    )
                     .fields.empty());
}

TEST(Refusals, of_closing) {
    check({
        {ready, "otto", "log_observation", R"({"kind":"alert","title":"t"})", "stabilised", ""},
        {ready, "otto", "hold_review", R"({"went_to_plan":"all"})", "pir", "review"},
        {ready, "otto", "update_cmdb", "{}", "cmdb-updated", "runs"},
        {deployed, "otto", "close", R"({"outcome":"successful","summary":"s"})", "closure",
         "steps"},
        {deployed, "otto", "close", R"({"outcome":"successful","summary":" "})", "", "summary"},
        {deployed, "otto", "complete_step", R"({"step":"closure"})", "", "step"},
        {deployed, "otto", "complete_step", R"({"step":"nothing"})", "", "step"},
        {deployed, "otto", "add_action",
         R"({"title":"t","owner":"zoe","due_at":"2027-01-01T00:00:00Z"})", "", "owner"},
        {deployed, "otto", "add_action",
         R"({"title":"t","owner":"otto","due_at":"2020-01-01T00:00:00Z"})", "", "due_at"},
        {deployed, "otto", "complete_action", R"({"id":"A-1"})", "", "id"},
        {deployed, "otto", "resolve_observation", R"({"id":"O-1","resolution":"r"})", "", "id"},
        {deployed, "cora", "settle_owed", R"({"id":"retrospective_review","note":"n"})", "", "id"},
        {planned, "ina", "cancel", R"({"reason":"r"})", "closure", "requester"},
    });
    for (const auto& row : command_table()) {
        if (row.name == "comment" || row.name == "complete_action" ||
            row.name == "report_snapshot" || row.name == "tick")
            continue;
        auto s = at_stage(closed);
        EXPECT_FALSE(s.decide("otto", row.name, JsonObject{})) << row.name;
    }
    auto s = at_stage(closed);
    EXPECT_EQ(s.refused("rosa", "describe", R"({"summary":"s"})").reasons.at(0).gate, "closure");
    EXPECT_EQ(s.refused("rosa", "open", R"({"title":"t"})").fields.at(0).field, "id");
    s.does("rosa", "comment", R"({"text":"thanks"})");
}

TEST(Refusals, of_titles_that_do_not_show_what_they_say) {
    for (const auto* title :
         {R"({"title":"  "})", R"({"title":"a\nb"})", R"({"title":"\u001b[2J"})",
          R"({"title":"a\u202eb"})"}) {
        Scenario s;
        EXPECT_EQ(s.refused("rosa", "open", title).fields.at(0).field, "title") << title;
    }
}

TEST(Refusals, of_waivers) {
    check({
        {planned, "rosa", "request_waiver", R"({"gate":"no-gate","reason":"r"})", "", "gate"},
        {planned, "rosa", "request_waiver", R"({"gate":"run-exact","reason":"r"})", "run-exact",
         "gate"},
        {planned, "rosa", "request_waiver", R"({"gate":"cab-decision","reason":"r"})",
         "cab-decision", "gate"},
        {planned, "rosa", "request_waiver",
         R"({"gate":"ring-parity","reason":"r","valid_for":"31d"})", "", "valid_for"},
        {planned, "petra", "grant_waiver", R"({"id":"W-1"})", "", "id"},
    });
    auto s = at_stage(planned);
    s.does("petra", "request_waiver", R"({"gate":"ring-parity","reason":"no twin"})");
    EXPECT_EQ(
        s.refused("petra", "grant_waiver", R"({"id":"W-1"})").reasons.at(0).gate, "ring-parity"
    );
    EXPECT_EQ(
        s.refused("otto", "grant_waiver", R"({"id":"W-1"})").reasons.at(0).gate, "ring-parity"
    );
    EXPECT_EQ(
        s.refused("rosa", "grant_waiver", R"({"id":"W-1"})").reasons.at(0).gate, "ring-parity"
    );
    s.refused("rosa", "revoke_waiver", R"({"id":"W-1","reason":"r"})");
    s.does("paul", "grant_waiver", R"({"id":"W-1"})");
    s.refused("paul", "grant_waiver", R"({"id":"W-1"})");
    s.does("petra", "revoke_waiver", R"({"id":"W-1","reason":"a twin was found"})");
    s.refused("petra", "revoke_waiver", R"({"id":"W-1","reason":"r"})");
    s.does("rosa", "request_waiver", R"({"gate":"window","reason":"r","valid_for":"1s"})");
    s.now += 1s;
    const auto ended = s.refused("paul", "grant_waiver", R"({"id":"W-2"})").reasons.at(0);
    EXPECT_EQ(ended.gate, "window");
    EXPECT_EQ(ended.evidence, "ended at " + to_text(s.now));
    const auto none =
        s.refused("rosa", "request_waiver", R"({"gate":"window","reason":"r","valid_for":"0s"})");
    EXPECT_EQ(none.fields.at(0).message, "must be longer than zero");
}

TEST(Refusals, a_change_manager_names_another_owner_also_during_the_deployment) {
    auto s = at_stage(deployed);
    s.does("petra", "assign", R"({"change_owner":"rosa"})");
    EXPECT_EQ(s.change.change_owner, PersonId("rosa"));
    s = at_stage(opened);
    s.does("otto", "assign", R"({"implementer":"jonas"})");
}

// An implementer who is a change manager too would otherwise step back, waive, and step in again.
TEST(Refusals, nobody_waives_a_gate_of_what_he_carries_out) {
    auto s = at_stage(planned);
    s.pin("paul", edited_rollback_file(), "rollback");
    s.does("rosa", "request_waiver", R"({"gate":"ring-parity","reason":"no twin"})");
    EXPECT_EQ(
        s.refused("paul", "grant_waiver", R"({"id":"W-1"})").reasons.at(0).gate, "ring-parity"
    );
    s = at_stage(ready);
    s.records.rings.at("staging").facts_at = s.now; // the comparison is older than that
    ++s.records.version;
    s.does("rosa", "request_waiver", R"({"gate":"ring-parity","reason":"no twin"})");
    auto mia = s;
    mia.does("otto", "assign", R"({"implementer":""})");
    mia.does("petra", "grant_waiver", R"({"id":"W-1"})");
    EXPECT_EQ(
        mia.refused("petra", "assign", R"({"implementer":"petra"})").reasons.at(0).field,
        "implementer"
    );
    s.does("petra", "grant_waiver", R"({"id":"W-1"})");
    const auto error = s.refused("petra", "start_run", R"({"purpose":"deployment"})");
    EXPECT_EQ(error.reasons.at(0).field, "started_by") << explain(error);
    s.does("ina", "start_run", R"({"purpose":"deployment"})");
}

TEST(Refusals, a_change_is_full_at_its_limits) {
    auto s = at_stage(planned);
    s.change.attachments.resize(limits::attachments_per_change_max);
    s.change.comments.resize(limits::comments_per_change_max);
    s.change.waivers.resize(limits::list_max);
    const auto digest = rollback_file().digest.hex();

    const struct {
        const char* command;
        std::string body;
        const char* field;
    } rows[] = {
        {"attach", fmt::format(R"({{"digest":"{}","name":"f"}})", digest), "digest"},
        {"pin_runbook", fmt::format(R"({{"purpose":"rollback","digest":"{}","name":"f"}})", digest),
         "digest"},
        {"comment", R"({"text":"t"})", "text"},
        {"request_waiver", R"({"gate":"ring-parity","reason":"r"})", "gate"},
    };

    for (const auto& row : rows) {
        const auto error = s.refused("petra", row.command, row.body);
        EXPECT_EQ(error.code, ErrorCode::limit_exceeded) << row.command;
        EXPECT_EQ(error.fields.at(0).field, row.field) << row.command;
    }
    s.change.attachments.pop_back();
    EXPECT_TRUE(s.decide("petra", "pin_runbook", json(rows[1].body)));
}

TEST(Timers, two_missed_reminders_are_one_page_and_a_second_tick_is_silent) {
    auto s = at_stage(opened);
    s.now = at("2026-12-20T10:00Z");
    s.does("system", "tick");
    EXPECT_FALSE(s.events.empty());
    const auto again = s.decide("system", "tick", JsonObject{});
    ASSERT_TRUE(again);
    EXPECT_TRUE(again->events.empty());
    for (std::size_t i = 0; i < s.tasks.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
            EXPECT_NE(s.tasks[i].payload, s.tasks[j].payload);
    const auto wake = wake_at(s.change, s.facts("system"));
    EXPECT_TRUE(!wake || *wake > s.now);
}

TEST(Timers, an_expired_snapshot_is_removed_whatever_the_provider_said_of_it) {
    auto s = at_stage(approved);
    s.does("ina", "take_snapshot");
    s.does(
        "system", "report_snapshot",
        R"({"host":"web-1","id":"v1","tag":"CHG-12","state":"taken","read_back":true,
               "detail":"created in 4 s"})"
    );
    s.now += 7 * 24h;
    s.tasks.clear();
    s.does("system", "tick");
    s.does("system", "tick");
    EXPECT_EQ(
        std::count_if(
            s.tasks.begin(), s.tasks.end(),
            [](const TaskDraft& task) { return task.kind == "snapshot_remove"; }
        ),
        1
    );
}

TEST(Timers, a_meeting_that_ended_without_a_decision_defers_the_change) {
    auto s = at_stage(submitted);
    s.now = at(meeting) + 25h;
    s.does("system", "tick");
    EXPECT_GT(s.change.queue->meeting_at, s.now);
    EXPECT_EQ(s.change.queue->missed_meeting_at, at(meeting));
}

} // namespace
} // namespace slipway::domain::testing::refusals
