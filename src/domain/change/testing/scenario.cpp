// SPDX-License-Identifier: Apache-2.0
#include "domain/change/testing/scenario.hpp"

#include <algorithm>
#include <stdexcept>

#include <gtest/gtest.h>

#include "domain/change/ring_use.hpp"
#include "domain/change/steps.hpp"

namespace slipway::domain::testing {

namespace {

using namespace std::chrono_literals;

// Linting is the slow part of pinning, and pure: each file is read once for each purpose.
const LintReport& lint_of(const RunbookFile& file, RunbookPurpose purpose) {
    static std::map<std::pair<std::string, RunbookPurpose>, LintReport> known;
    const std::pair key{file.digest.hex(), purpose};
    if (const auto found = known.find(key); found != known.end())
        return found->second;
    return known.emplace(key, lint_text(file.bytes, purpose)).first->second;
}

void fill_in_files(Facts& facts, const Scenario& s, std::string_view command, const Json& body) {
    if (command != "attach" && command != "pin_runbook")
        return;
    const auto file = s.files.find(std::string(text_or_empty(body, "digest")));
    facts.attachment_known = file != s.files.end();
    if (!facts.attachment_known)
        return;
    facts.attachment_size = file->second.bytes.size();
    const auto purpose = from_text<RunbookPurpose>(text_or_empty(body, "purpose"));
    if (command == "pin_runbook" && purpose)
        facts.runbook = lint_of(file->second, *purpose);
}

void fill_in_transcripts(Facts& facts, const Scenario& s, const Json& body) {
    const auto* steps = find(body, "steps");
    for (const auto& step : steps && steps->is_array() ? steps->get_array() : JsonArray{}) {
        const auto digest = digest_from_hex(text_or_empty(step, "transcript"));
        if (digest && *digest != Digest{} && !s.files.contains(digest->hex()))
            facts.unknown_transcripts.push_back(*digest);
    }
}

void fill_in_ring_uses(
    Facts& facts, const Scenario& s, std::string_view command, const Json& body
) {
    const auto ring = ring_concerned(s.change, command, body);
    if (ring.empty())
        return;
    const auto found = s.ring_uses.find(ring);
    facts.ring_uses = {found == s.ring_uses.end() ? RingUse{} : found->second};
    facts.ring_uses.front().ring = ring;
}

void check_refusal(const Error& error) {
    EXPECT_FALSE(error.reasons.empty() && error.fields.empty()) << error.message;
    EXPECT_FALSE(error.message.empty());
    EXPECT_NE(error.code, ErrorCode::internal) << error.message;
    for (const auto& field : error.fields)
        EXPECT_FALSE(field.message.empty()) << field.field;
    for (const auto& reason : error.reasons) {
        EXPECT_FALSE(reason.gate.empty()) << reason.message;
        EXPECT_FALSE(reason.field.empty()) << reason.message;
        EXPECT_FALSE(reason.message.empty()) << reason.field;
        EXPECT_FALSE(reason.remedy.empty()) << reason.message;
    }
}

} // namespace

std::string explain(const Error& error) {
    std::string text = error.message;
    for (const auto& field : error.fields)
        text += "\n  " + field.field + ": " + field.message;
    for (const auto& reason : error.reasons)
        text += fmt::format(
            "\n  [{}] {}: {} ({}); {}", reason.gate, reason.field, reason.message, reason.evidence,
            reason.remedy
        );
    return text;
}

const Reason& first(const Error& error) {
    static const Reason none;
    return error.reasons.empty() ? none : error.reasons.front();
}

Scenario::Scenario(const Workflow& used) : now(at(opening)), workflow(&used) {
    change.id = ChangeId("CHG-12");
    change.tenant = TenantId("harbor");
    for (const auto* file :
         {&deployment_file(), &edited_deployment_file(), &rollback_file(), &edited_rollback_file()})
        files.emplace(file->digest.hex(), *file);
}

Facts Scenario::facts(std::string_view person) const {
    Facts facts;
    facts.now = now;
    facts.actor = PersonId(std::string(person));
    facts.system = person == "system";
    if (const auto found = records.people.find(facts.actor); found != records.people.end())
        facts.roles = found->second.roles;
    facts.policy = &policy;
    facts.workflow = workflow;
    const auto context = json(when_context(change));
    std::set<StepId> applicable;
    for (const auto* step : steps_of(*workflow))
        if (holds(step->when, context))
            applicable.insert(step->id);
    facts.applicable = std::make_shared<const std::set<StepId>>(std::move(applicable));
    if (!shared_ || shared_version_ != records.version) {
        shared_ = std::make_shared<const Records>(records);
        shared_version_ = records.version;
    }
    facts.records = shared_;
    facts.others = others;
    facts.tasks = in_hand;
    return facts;
}

Result<Decision>
Scenario::decide(std::string_view person, std::string_view command, const Json& body) {
    const auto* row = find_command(command);
    if (row == nullptr)
        return fail_field("command", "there is no such command");
    auto known = facts(person);
    fill_in_files(known, *this, command, body);
    if (command == "report_run")
        fill_in_transcripts(known, *this, body);
    fill_in_ring_uses(known, *this, command, body);
    return row->decide(change, body, known);
}

Result<void>
Scenario::attempt(std::string_view person, std::string_view command, const Json& body) {
    auto decision = decide(person, command, body);
    if (!decision) {
        check_refusal(decision.error());
        return tl::unexpected(std::move(decision.error()));
    }
    keep(*std::move(decision), facts(person));
    return {};
}

void Scenario::keep(Decision decision, const Facts& facts) {
    for (const auto& event : decision.events) {
        const Stamp stamp{facts.now, facts.actor};
        events.push_back({std::string(event.type), event.data, stamp});
        const auto applied = apply_event(replayed, event.type, json(event.data), stamp);
        EXPECT_TRUE(applied) << event.type << ": " << applied.error().message;
    }
    if (decision.next.runs.size() > change.runs.size())
        ++ring_uses[decision.next.runs.back().ring].turns;
    change = std::move(decision.next);
    const auto bytes = encode(change);
    EXPECT_EQ(encode(replayed), bytes) << "replay differs from what was decided";
    const auto restored = restore<Change>(bytes);
    EXPECT_TRUE(restored && encode(*restored) == bytes) << "the state does not survive storing";
    for (const auto& edit : decision.records) {
        const auto put = put_record(records, edit.kind, edit.id, edit.document);
        EXPECT_TRUE(put) << put.error().message;
        renew(records);
    }
    tasks.insert(tasks.end(), decision.tasks.begin(), decision.tasks.end());
    said.insert(said.end(), decision.said.begin(), decision.said.end());
}

void Scenario::does(std::string_view person, std::string_view command, std::string_view body) {
    SCOPED_TRACE(fmt::format("{} {} {}", person, command, body));
    const auto known = facts(person);
    const auto* row = find_command(command);
    const bool permitted = known.system || (row && grants(known.roles, row->permission));
    EXPECT_TRUE(permitted);
    const auto done = attempt(person, command, json(body));
    // The story makes no sense beyond here.
    if (!done)
        throw std::runtime_error(
            fmt::format("{} {} {}: {}", person, command, body, explain(done.error()))
        );
}

Error Scenario::refused(std::string_view person, std::string_view command, std::string_view body) {
    SCOPED_TRACE(fmt::format("{} {} {}", person, command, body));
    const auto decision = decide(person, command, json(body));
    EXPECT_FALSE(decision) << "was not refused";
    if (decision)
        return {};
    check_refusal(decision.error());
    return decision.error();
}

void Scenario::complete(std::string_view person, std::string_view step) {
    does(person, "complete_step", fmt::format(R"({{"step":"{}"}})", step));
}

void Scenario::pin(std::string_view person, const RunbookFile& file, std::string_view purpose) {
    files.emplace(file.digest.hex(), file);
    does(
        person, "pin_runbook",
        fmt::format(
            R"({{"purpose":"{}","digest":"{}","name":"{}"}})", purpose, file.digest.hex(), file.name
        )
    );
}

std::string deployment_elsewhere(const RunbookFile& file) {
    return fmt::format(
        R"({{"purpose":"deployment","executor":"external","digest":"{}"}})", file.digest.hex()
    );
}

void Scenario::run(std::string_view person, std::string_view purpose) {
    const auto* pinned = runbook_of(change, RunbookPurpose::deployment);
    RunbookFile file;
    if (pinned)
        file.digest = pinned->digest;
    does(
        person, "start_run",
        purpose == "deployment"
            ? deployment_elsewhere(file)
            : fmt::format(R"({{"purpose":"{}","executor":"external"}})", purpose)
    );
    if (change.runs.empty())
        return;
    const auto id = change.runs.back().id;
    const auto steps = change.runs.back().steps; // each command replaces the change
    for (const auto& step : steps) {
        const auto* run = find_run(change, id);
        if (run->state == RunState::waiting)
            does(
                "pia", "confirm_step",
                fmt::format(R"({{"run":"{}","step":"{}","note":"seen"}})", id.value, step.name)
            );
        else
            does(
                person, "report_run",
                fmt::format(
                    R"({{"run":"{}","steps":[{{"name":"{}","state":"succeeded"}}]}})", id.value,
                    step.name
                )
            );
    }
    EXPECT_EQ(find_run(change, id)->state, RunState::succeeded);
}

void Scenario::smoke(std::string_view person, std::string_view occasion, bool passed) {
    const bool forth = occasion == "staging" || occasion == "production";
    std::string results;
    const auto* runbook =
        runbook_of(change, forth ? RunbookPurpose::deployment : RunbookPurpose::rollback);
    for (const auto& name : runbook ? runbook->smoke_checks : std::vector<std::string>{})
        results += fmt::format(
            R"({}{{"name":"{}","passed":{}}})", results.empty() ? "" : ",", name, passed
        );
    does(
        person, "record_smoke",
        fmt::format(R"({{"occasion":"{}","results":[{}]}})", occasion, results)
    );
}

bool Scenario::has_said(std::string_view part) const {
    return std::any_of(said.begin(), said.end(), [&](const std::string& text) {
        return text.find(part) != std::string::npos;
    });
}

void open(Scenario& s) {
    s.does(
        "rosa", "open", R"({"title":"Harbor site 1.5","change_owner":"otto","implementer":"ina"})"
    );
    s.does("rosa", "assign", R"({"rollback_owner":"pia","rollback_backup":"sven"})");
}

void plan(Scenario& s, std::string_view type) {
    s.does(
        "rosa", "describe",
        R"({"summary":"harbor-site 1.4 -> 1.5 on web-1: the feed gains a berth field",
               "business_driver":"The port authority needs berth numbers by December",
               "customer_impact":"The feed shows the berth; pages look the same",
               "cis":[{"ci":"harbor-site","host":"web-1","version_from":"1.4",
               "version_to":"1.5"}]})"
    );
    s.complete("rosa", "scope");
    s.does("rosa", "trace_impact");
    s.does("lena", "acknowledge_impact", R"({"ci":"nightly-report","note":"runs at two"})");
    s.does("lena", "acknowledge_impact", R"({"ci":"port-feed"})");
    s.complete("rosa", "impact");
    s.pin("jonas", deployment_file(), "deployment");
    s.pin("jonas", rollback_file(), "rollback");
    s.complete("ina", "rollback_runbook");
    if (type == "standard")
        s.does("rosa", "classify", R"({"type":"standard","catalogue_entry":"site-release"})");
    else if (type == "emergency")
        s.does("rosa", "classify", R"({"type":"emergency","incident":"INC-7","reason":"down"})");
    else
        s.does("rosa", "classify", R"({"type":"normal","reason":"reviewed all the same"})");
    s.complete("rosa", "classify");
    s.does(
        "rosa", "schedule", R"({"start":"2026-11-26T10:00","end":"2026-11-26T12:00","zone":"UTC"})"
    );
    s.complete("rosa", "window");
}

void validate(Scenario& s) {
    s.now = std::max(s.now, at("2026-11-20T09:00Z"));
    s.does("ina", "compare_ring");
    s.run("ina", "ring_deploy");
    s.complete("ina", "ring_deploy");
    s.smoke("ina", "staging");
    s.complete("ina", "smoke_staging");
    s.run("ina", "rehearsal");
    s.smoke("ina", "rehearsal");
    s.complete("ina", "rehearsal");
    record_backup(s);
    s.complete("ina", "backup");
    s.complete("ina", "defects");
}

namespace {

void put_on_agenda(Scenario& s) {
    s.does("rosa", "submit");
    s.complete("rosa", "cab_queue");
}

void take_to_meeting(Scenario& s) {
    s.now = at(meeting);
    s.does("cora", "vote", R"({"choice":"approve"})");
    s.does("mika", "vote", R"({"choice":"approve"})");
    s.does("cora", "decide", R"({"outcome":"approved","minutes":"no questions"})");
    s.complete("cora", "cab_decision");
}

} // namespace

void take_to_cab(Scenario& s) {
    put_on_agenda(s);
    take_to_meeting(s);
}

void announce(Scenario& s) {
    s.now = std::max(s.now, at(window_start) - 30h);
    s.does("otto", "send_notice", R"({"kind":"maintenance","services":["harbor-site"]})");
    const auto id = s.change.notices.empty() ? "N-0" : s.change.notices.back().id;
    for (const auto* channel : {"mail", "status"})
        s.does(
            "system", "report_delivery",
            fmt::format(
                R"({{"notice":"{}","channel":"{}","state":"delivered","receipt":"250 ok"}})", id,
                channel
            )
        );
    s.complete("otto", "notice");
    s.does("otto", "check_oncall");
    for (const auto* person : {"pia", "sven", "etta"})
        s.does(person, "acknowledge_page");
    s.complete("otto", "oncall");
}

Owed owed_review(Time since) {
    Owed owed;
    owed.id = "retrospective_review";
    owed.kind = OwedKind::retrospective_review;
    owed.since = owed.due_at = since;
    return owed;
}

void record_backup(Scenario& s) {
    std::string proofs;
    for (const auto& scoped : s.change.scope ? s.change.scope->cis : std::vector<ScopedCi>{})
        proofs += fmt::format(
            R"({}{{"ci":"{}","source":"restic nightly","point":"snap-1","last_success":"{}",)"
            R"("restored":true,"restored_at":"{}","content_digest":"{}"}})",
            proofs.empty() ? "" : ",", scoped.ci.value, to_text(s.now - 1h), to_text(s.now - 30min),
            sha256("1.4").hex()
        );
    s.does(
        "ina", "record_backup", fmt::format(R"({{"verdict":"verified","proofs":[{}]}})", proofs)
    );
}

void report_snapshots(Scenario& s) {
    s.does("ina", "take_snapshot");
    s.does(
        "system", "report_snapshot",
        R"({"host":"web-1","id":"vol-7","tag":"CHG-12","state":"taken","read_back":true})"
    );
}

void make_ready(Scenario& s) {
    s.now = at(window_start) - 30min;
    record_backup(s);
    report_snapshots(s);
    s.complete("ina", "snapshot");
    s.now = at(window_start) + 1min;
}

void deploy(Scenario& s) {
    s.run("ina", "deployment");
    s.complete("ina", "execute");
}

void stabilise(Scenario& s) {
    s.now += 5min;
    s.smoke("ina", "production");
    s.complete("ina", "smoke_production");
    s.now += 72h;
    s.complete("otto", "stabilise");
}

void wind_up(Scenario& s) {
    s.does("otto", "hold_review", R"({"went_to_plan":"Everything"})");
    s.complete("otto", "review");
    s.does("otto", "update_cmdb");
    s.complete("otto", "cmdb_update");
}

void report_rollback(Scenario& s) {
    const auto& run = s.change.runs.back();
    const auto id = run.id.value;
    const auto* reporter = run.executor == Executor::local ? "system" : "ina";
    s.does(
        "pia", "confirm_step",
        fmt::format(R"({{"run":"{}","step":"turn-round","note":"seen"}})", id)
    );
    for (const auto* step : {"switch-back", "verify-back"})
        s.does(
            reporter, "report_run",
            fmt::format(R"({{"run":"{}","steps":[{{"name":"{}","state":"succeeded"}}]}})", id, step)
        );
}

void tell_of_rollback(Scenario& s) {
    s.does("otto", "send_notice", R"({"kind":"rolled_back"})");
    for (const auto* channel : {"mail", "status"})
        s.does(
            "system", "report_delivery",
            fmt::format(
                R"({{"notice":"{}","channel":"{}","state":"delivered"}})",
                s.change.notices.back().id, channel
            )
        );
}

void review_failure(Scenario& s) {
    s.does("otto", "hold_review", R"({"went_to_plan":"The rollback"})");
    s.does(
        "otto", "add_action",
        R"({"title":"Mend the feed","owner":"jonas","due_at":"2026-12-10T12:00:00Z"})"
    );
    s.complete("otto", "review");
    s.does("otto", "update_cmdb");
    s.complete("otto", "cmdb_update");
}

const Scenario& queued() {
    static const Scenario story = [] {
        Scenario s;
        open(s);
        plan(s);
        validate(s);
        put_on_agenda(s);
        return s;
    }();
    return story;
}

const Scenario& approved() {
    static const Scenario story = [] {
        auto s = queued();
        take_to_meeting(s);
        return s;
    }();
    return story;
}

const Scenario& ready() {
    static const Scenario story = [] {
        auto s = approved();
        announce(s);
        make_ready(s);
        return s;
    }();
    return story;
}

const Scenario& deployed() {
    static const Scenario story = [] {
        auto s = ready();
        deploy(s);
        return s;
    }();
    return story;
}

const Scenario& settled() {
    static const Scenario story = [] {
        auto s = deployed();
        stabilise(s);
        wind_up(s);
        return s;
    }();
    return story;
}

} // namespace slipway::domain::testing
