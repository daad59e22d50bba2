// SPDX-License-Identifier: Apache-2.0
// What no sequence of commands may do. People of every role send plausible commands in any order,
// from any stage of a life, with edits and leaps of the clock between approval and deployment, and
// with honest work between them so that the sequences get somewhere. Permissions are not asked for:
// the rules must hold without the door in front of them. Replay is checked by Scenario itself.
#include <algorithm>
#include <array>
#include <map>

#include <gtest/gtest.h>

#include "domain/change/duties.hpp"
#include "domain/change/testing/draw.hpp"
#include "domain/change/testing/scenario.hpp"
#include "domain/change/timers.hpp"
#include "domain/gates/gate.hpp"
#include "domain/records/ring_contents.hpp"

namespace slipway::domain::testing {
namespace {

using namespace std::chrono_literals;

std::vector<Scenario> stages_of(std::string_view type) {
    std::vector<Scenario> stages;
    Scenario s;
    open(s);
    stages.push_back(s);
    plan(s, type);
    stages.push_back(s);
    validate(s);
    stages.push_back(s);
    if (type == "normal") {
        stages.push_back(s);
        stages.back().does("rosa", "submit");
        take_to_cab(s);
    }
    if (type == "emergency") {
        s.does("eva", "vote", R"({"choice":"approve"})");
        s.does("emil", "vote", R"({"choice":"approve"})");
        s.complete("cora", "cab_decision");
    }
    stages.push_back(s);
    announce(s);
    stages.push_back(s);
    make_ready(s);
    stages.push_back(s);
    deploy(s);
    stages.push_back(s);
    if (type == "emergency")
        return stages;
    stabilise(s);
    wind_up(s);
    s.does("otto", "close", R"({"outcome":"successful","summary":"it runs"})");
    stages.push_back(s);
    return stages;
}

const std::vector<Scenario>& all_stages() {
    static const auto all = [] {
        std::vector<Scenario> stages;
        for (const auto* type : {"normal", "standard", "emergency"})
            for (auto& stage : stages_of(type))
                stages.push_back(std::move(stage));
        return stages;
    }();
    return all;
}

// One of each type, in its window, with everything done.
const std::vector<Scenario>& ready_stages() {
    static const auto ready = [] {
        std::vector<Scenario> stages;
        for (const auto& stage : all_stages()) {
            const bool begun = deployment_begun(stage.change);
            const bool inside = stage.now >= at(window_start);
            const bool known =
                !stages.empty() && type_of(stages.back().change) == type_of(stage.change);
            if (inside && !begun && !known)
                stages.push_back(stage);
        }
        return stages;
    }();
    return ready;
}

const std::vector<std::string> people{"rosa", "jonas", "ina",  "otto",  "cora",  "mika",
                                      "lena", "eva",   "emil", "petra", "paul",  "pia",
                                      "sven", "alma",  "vic",  "zoe",   "system"};

struct Sent {
    std::string command;
    std::string body;
};

std::vector<Sent> bodies() {
    std::vector<Sent> all{
        {"open", R"({"title":"Again"})"},
        {"describe", R"({"summary":"harbor-site 1.4 -> 1.6 on web-1: the feed gains a berth field",
            "business_driver":"The port needs it","customer_impact":"Pages stay","cis":[{"ci":"harbor-site","host":"web-1",
            "version_from":"1.4","version_to":"1.6"}]})"},
        {"describe", R"({"summary":"upgrade middleware"})"},
        {"assign", R"({"implementer":"mika"})"},
        {"assign", R"({"implementer":"ina"})"},
        {"assign", R"({"production_ring":"staging"})"},
        {"assign", R"({"production_ring":"production","test_ring":"staging"})"},
        {"assign", R"({"test_ring":"production"})"},
        {"assign", R"({"rollback_owner":"pia","change_owner":"jonas"})"},
        {"trace_impact", "{}"},
        {"acknowledge_impact", R"({"ci":"nightly-report"})"},
        {"acknowledge_impact", R"({"ci":"port-feed"})"},
        {"classify", R"({"type":"normal","reason":"r"})"},
        {"classify", R"({"type":"standard","catalogue_entry":"site-release"})"},
        {"classify", R"({"type":"emergency","incident":"INC-1","reason":"r"})"},
        {"classify", R"({"type":"emergency","authoriser":"eva","reason":"r"})"},
        {"schedule", R"({"start":"2026-11-26T10:00","end":"2026-11-26T12:00","zone":"UTC"})"},
        {"schedule", R"({"start":"2026-11-26T10:00","end":"2026-11-26T13:00","zone":"UTC"})"},
        {"schedule", R"({"start":"2026-11-30T10:00","end":"2026-11-30T12:00","zone":"UTC"})"},
        {"compare_ring", "{}"},
        {"accept_divergence", R"({"id":"hosts","reason":"r"})"},
        {"preflight", "{}"},
        {"run_smoke", R"({"occasion":"staging"})"},
        {"verify_backup", "{}"},
        {"record_backup", R"({"verdict":"not_applicable","reason":"none"})"},
        {"record_backup", R"({"verdict":"not_verified"})"},
        {"log_defect", R"({"title":"it burns","severity":"blocker"})"},
        {"settle_defect", R"({"id":"D-1","state":"accepted","reason":"r"})"},
        {"settle_defect", R"({"id":"D-1","state":"open","reason":"r"})"},
        {"submit", "{}"},
        {"decide", R"({"outcome":"approved"})"},
        {"decide", R"({"outcome":"approved_with_conditions","conditions":["c"]})"},
        {"decide", R"({"outcome":"deferred","minutes":"m"})"},
        {"decide", R"({"outcome":"rejected","minutes":"m"})"},
        {"meet_condition", R"({"id":"C-1","evidence":"e"})"},
        {"send_notice", R"({"kind":"maintenance"})"},
        {"send_notice", R"({"kind":"rolled_back"})"},
        {"check_oncall", "{}"},
        {"acknowledge_page", "{}"},
        {"report_page", R"({"person":"pia","state":"delivered"})"},
        {"take_snapshot", "{}"},
        {"report_snapshot", R"({"host":"web-1","id":"v1","tag":"CHG-12","state":"taken",
            "read_back":true,"detail":"ok"})"},
        {"report_snapshot", R"({"host":"web-1","state":"removed"})"},
        {"extend_snapshot", R"({"host":"web-1","until":"2026-12-12T00:00:00Z","reason":"r"})"},
        {"revert_snapshot", R"({"reason":"it fails"})"},
        {"roll_back", R"({"reason":"bad","executor":"external"})"},
        {"log_observation", R"({"kind":"alert","title":"5xx"})"},
        {"resolve_observation", R"({"id":"O-1","resolution":"r"})"},
        {"hold_review", R"({"went_to_plan":"all"})"},
        {"add_action", R"({"title":"mend","owner":"otto","due_at":"2026-12-24T10:00:00Z"})"},
        {"complete_action", R"({"id":"A-1"})"},
        {"update_cmdb", "{}"},
        {"update_cmdb", R"({"found":[{"ci":"harbor-site","version":"1.5"}]})"},
        {"close", R"({"outcome":"successful","summary":"s"})"},
        {"close", R"({"outcome":"rolled_back","summary":"s"})"},
        {"cancel", R"({"reason":"r"})"},
        {"settle_owed", R"({"id":"retrospective_review","note":"n"})"},
        {"grant_waiver", R"({"id":"W-1"})"},
        {"revoke_waiver", R"({"id":"W-1","reason":"r"})"},
        {"comment", R"({"text":"hm"})"},
        {"tick", "{}"},
    };
    for (const auto* choice : {"approve", "approve", "approve_with_conditions", "reject"})
        all.push_back({"vote", fmt::format(R"({{"choice":"{}","comment":"c"}})", choice)});
    all.push_back({"start_run", deployment_elsewhere()});
    for (const auto* purpose : {"ring_deploy", "rehearsal", "deployment", "rollback"})
        all.push_back(
            {"start_run", fmt::format(R"({{"purpose":"{}","executor":"external"}})", purpose)}
        );
    for (const auto* gate : {"ring-parity", "cab-decision", "backup-restorable", "snapshot"})
        all.push_back({"request_waiver", fmt::format(R"({{"gate":"{}","reason":"r"}})", gate)});
    for (const auto* choice : {"retry", "skip", "resume", "abort"})
        for (const auto* run : {"run-1", "run-3"})
            all.push_back(
                {"decide_run",
                 fmt::format(R"({{"run":"{}","choice":"{}","reason":"r"}})", run, choice)}
            );
    for (const auto* file :
         {&deployment_file(), &edited_deployment_file(), &rollback_file(),
          &edited_rollback_file()}) {
        all.push_back({"attach", fmt::format(R"({{"digest":"{}","name":"f"}})", file->digest.hex())}
        );
        for (const auto* purpose : {"deployment", "rollback"})
            all.push_back(
                {"pin_runbook", fmt::format(
                                    R"({{"purpose":"{}","digest":"{}","name":"{}"}})", purpose,
                                    file->digest.hex(), file->name
                                )}
            );
    }
    for (const auto* step : steps_of(release_workflow())) {
        const auto& id = step->id.value;
        all.push_back({"complete_step", fmt::format(R"({{"step":"{}"}})", id)});
        all.push_back({"reopen_step", fmt::format(R"({{"step":"{}","reason":"r"}})", id)});
        all.push_back({"postpone_step", fmt::format(R"({{"step":"{}","reason":"r"}})", id)});
    }
    all.push_back({"assign_step", R"({"step":"scope","person":"rosa"})"});
    all.push_back({"fill_step", R"({"step":"impact","values":{"remarks":"none"}})"});
    return all;
}

// --- the checks ---------------------------------------------------------------------------------

bool approves(const Vote& vote) {
    return vote.choice == VoteChoice::approve || vote.choice == VoteChoice::approve_with_conditions;
}

// Everybody who ever brought bytes that are pinned now; who pins what is pinned brings nothing.
bool brought_a_runbook(const Scenario& s, const PersonId& person) {
    std::map<RunbookPurpose, Digest> pinned_before;
    for (const auto& event : s.events) {
        if (event.type != RunbookPinned::type)
            continue;
        const auto pinned = restore<RunbookPinned>(json(event.data));
        if (!pinned)
            continue;
        const auto& digest = pinned->runbook.digest;
        auto& before = pinned_before[pinned->purpose];
        const bool brings = before != digest;
        before = digest;
        const auto* now = runbook_of(s.change, pinned->purpose);
        if (brings && event.stamp.by == person && now && now->digest == digest)
            return true;
    }
    return false;
}

// Written without the code under test: who may stand behind an approval.
bool may_stand_behind(const Scenario& s, const std::string& board, const PersonId& person) {
    const auto& record = s.records.boards.get().at(board);
    const bool sits = std::count(record.members.begin(), record.members.end(), person) > 0;
    return (sits || person == record.chair) && person != s.change.requester &&
           person != s.change.implementer && person != PersonId("alma") &&
           person != PersonId("zoe") && !brought_a_runbook(s, person) &&
           !s.change.described_by.contains(person);
}

void check_votes(const Scenario& s, const CabDecision& decision) {
    std::size_t approving = 0;
    for (const auto& vote : decision.votes) {
        if (!approves(vote) || !may_stand_behind(s, decision.board, vote.person))
            continue;
        ++approving;
        RC_ASSERT(vote.of == digest_of_sections(decision.sections));
    }
    RC_ASSERT(approving >= 2u);
}

Digest ring_now(const Scenario& s, const std::string& ring) {
    return ring_contents(ring, s.records.rings.get().at(ring));
}

// What runs on production runs where it was approved, also when it has ended.
void check_ring(const Scenario& s, const Run& run) {
    RC_ASSERT(run.ring_contents == ring_now(s, run.ring));
    if (type_of(s.change) != ChangeType::standard)
        RC_ASSERT(s.change.decision->sections.at("ring") == run.ring_contents);
    else
        RC_ASSERT(s.change.ring_contents == run.ring_contents);
}

// His vote stood in an approval, whatever became of it: by the events alone.
bool voted_for_an_approval(const Scenario& s, const PersonId& person) {
    for (const auto& event : s.events) {
        if (event.type != CabDecided::type)
            continue;
        const auto decision = restore<CabDecided>(json(event.data)).value().decision;
        const auto is_his = [&](const Vote& vote) { return vote.person == person; };
        if (is_approving(decision) &&
            std::any_of(decision.votes.begin(), decision.votes.end(), is_his))
            return true;
    }
    return false;
}

// Written without the code under test: who approved it, in whichever way its type asks for.
bool approved_it(const Scenario& s, const PersonId& person) {
    const auto& change = s.change;
    const auto& names = s.records.catalogue.get().at("site-release").approved_by;
    if (type_of(change) == ChangeType::standard)
        return std::count(names.begin(), names.end(), person) > 0;
    if (type_of(change) == ChangeType::emergency && person == change.classification->authoriser)
        return true;
    const auto& votes = change.decision->votes;
    return std::any_of(votes.begin(), votes.end(), [&](const Vote& vote) {
        return vote.person == person;
    });
}

void check_deployment(const Scenario& before, const Run& run) {
    const auto& change = before.change;
    const auto facts = before.facts(run.started_by.value);
    RC_ASSERT(run.runbook == change.runbooks.at("deployment").digest);
    RC_ASSERT(
        change.window && before.now >= change.window->start && before.now < change.window->end
    );
    for (const auto& gate : gate_table()) {
        if (gate.id == "run-exact")
            break;
        const auto result = evaluate(gate, change, facts);
        RC_ASSERT(result.verdict != Verdict::fail);
        if (result.verdict == Verdict::postponed)
            RC_ASSERT(type_of(change) == ChangeType::emergency);
        if (result.verdict == Verdict::waived)
            for (const auto& waiver : change.waivers)
                if (waiver.id == result.waiver)
                    RC_ASSERT(waiver.granted_by != waiver.requested_by);
    }
    for (const auto& defect : change.defects)
        RC_ASSERT(defect.state != DefectState::open || type_of(change) == ChangeType::emergency);
    RC_ASSERT(type_of(change) != ChangeType::unclassified);
    RC_ASSERT(type_of(change) == ChangeType::standard || change.decision.has_value());
    RC_ASSERT(!approved_it(before, run.started_by));
    RC_ASSERT(!voted_for_an_approval(before, run.started_by));
    if (type_of(change) == ChangeType::standard) {
        RC_ASSERT(run.runbook == deployment_file().digest);
        return;
    }
    RC_ASSERT(change.decision->sections == section_digests(change));
    RC_ASSERT(change.decision->emergency == (type_of(change) == ChangeType::emergency));
    check_votes(before, *change.decision);
    for (const auto& condition : change.decision->conditions)
        RC_ASSERT(condition.met_at.has_value());
}

bool holds_an_approval(const Change& change) {
    return change.decision && (change.decision->outcome == CabOutcome::approved ||
                               change.decision->outcome == CabOutcome::approved_with_conditions);
}

void check_voiding(const Change& before, const Change& after, std::string_view command) {
    if (!holds_an_approval(before) || command == "decide")
        return;
    const bool edited = section_digests(before) != section_digests(after);
    const bool voided = after.voided.size() > before.voided.size() && after.voided.back().decision;
    const bool other_board =
        before.decision->emergency != (type_of(after) == ChangeType::emergency);
    RC_ASSERT((edited || other_board) == voided);
    RC_ASSERT(voided == !after.decision.has_value());
    if (command == "comment" || command == "attach" || command == "log_defect")
        RC_ASSERT(!voided);
}

// What is said of the time after a failure is said when that time has come. No waiver of
// rollback-done is asked for here.
void check_aftermath(const Scenario& s, const std::string& person, std::string_view command) {
    const bool going_back = s.change.state == ChangeState::rolling_back;
    if (command == "settle_owed") {
        RC_ASSERT(!going_back);
        RC_ASSERT(!voted_for_an_approval(s, PersonId(person)));
    }
    if (command == "update_cmdb")
        for (const auto& push : s.change.cmdb_pushes)
            RC_ASSERT(push.found == going_back);
}

void check_tick(const Scenario& s) {
    auto ticked = s;
    RC_ASSERT(ticked.attempt("system", "tick", JsonObject{}).has_value());
    const auto wake = wake_at(ticked.change, ticked.facts("system"));
    const auto again = ticked.decide("system", "tick", JsonObject{});
    RC_ASSERT(again.has_value());
    RC_ASSERT(again->events.empty());
    RC_ASSERT(again->tasks.empty());
    RC_ASSERT(!wake || *wake > ticked.now || again->events.empty());
}

void send(Scenario& s, const std::string& person, const Sent& sent) {
    const auto runs = s.change.runs.size();
    const auto body = json(sent.body);
    const bool over = is_over(s.change);
    const auto bytes = over ? encode(s.change) : std::string{};
    const bool starts = sent.command == "start_run" || sent.command == "roll_back";
    const auto before = starts ? std::optional<Scenario>(s) : std::nullopt;
    const auto change = s.change;
    if (!s.attempt(person, sent.command, body))
        return;
    if (starts && s.change.runs.size() > runs) {
        const auto& run = s.change.runs.back();
        if (run.purpose == RunPurpose::deployment) {
            check_deployment(*before, run);
            check_ring(s, run);
        } else if (run.purpose != RunPurpose::rollback)
            RC_ASSERT(s.records.rings.at(run.ring).kind != RingKind::production);
        else
            RC_ASSERT(deployment_begun(change));
    }
    if (s.change.state == ChangeState::implemented && change.state == ChangeState::deploying)
        check_ring(s, *last_run(s.change, RunPurpose::deployment));
    if (holds_an_approval(s.change) && !holds_an_approval(change))
        check_votes(s, *s.change.decision);
    check_voiding(change, s.change, sent.command);
    check_aftermath(s, person, sent.command);
    if (holds_an_approval(s.change))
        RC_ASSERT(s.change.decision->emergency == (type_of(s.change) == ChangeType::emergency));
    const bool may = sent.command == "comment" || sent.command == "complete_action" ||
                     sent.command == "report_snapshot" || sent.command == "extend_snapshot" ||
                     sent.command == "tick";
    if (over && !may)
        RC_ASSERT(encode(s.change) == bytes);
}

// Honest work, as far as it goes: mends what an edit broke, so that sequences reach production.
void work_on(Scenario& s) {
    const auto steps = steps_of(release_workflow());
    for (const auto& [person, command, body] : std::vector<std::array<std::string, 3>>{
             {"cora", "submit", R"({"keep_meeting_because":"looked at again"})"},
             {"cora", "vote", R"({"choice":"approve"})"},
             {"mika", "vote", R"({"choice":"approve"})"},
             {"eva", "vote", R"({"choice":"approve"})"},
             {"emil", "vote", R"({"choice":"approve"})"},
             {"cora", "decide", R"({"outcome":"approved"})"},
             {"ina", "compare_ring", "{}"}})
        send(s, person, {command, body});
    for (const auto* step : steps)
        for (const auto* person : {"rosa", "otto", "cora"})
            if (const auto known = s.change.steps.find(step->id);
                known == s.change.steps.end() || known->second.state == StepState::open)
                send(
                    s, person, {"complete_step", fmt::format(R"({{"step":"{}"}})", step->id.value)}
                );
}

// By its place: gen::elementOf would copy the whole list for every draw.
template <class List>
auto one_of(const List& list) {
    return list[below(list.size())];
}

// Who may write the register edits what production is, or puts it back.
void edit_ring(Scenario& s) {
    auto& variables = s.records.rings.at("production").variables;
    if (variables.erase("SITE") == 0)
        variables["SITE"] = "/elsewhere";
    ++s.records.version;
}

// A voter of both boards leaves them, or comes back.
void edit_boards(Scenario& s) {
    for (const auto* board : {"cab", "ecab"}) {
        auto& members = s.records.boards.at(board).members;
        if (std::erase(members, PersonId("mika")) == 0)
            members.push_back(PersonId("mika"));
    }
    ++s.records.version;
}

void report_runs(Scenario& s) {
    const auto runs = s.change.runs; // sending replaces them
    for (const auto& run : runs)
        if (run.state == RunState::running || run.state == RunState::waiting)
            for (const auto& step : run.steps) {
                send(
                    s, "ina",
                    {"report_run",
                     fmt::format(
                         R"({{"run":"{}","steps":[{{"name":"{}","state":"{}"}}]}})", run.id.value,
                         step.name, below(6) == 0 ? "failed" : "succeeded"
                     )}
                );
                send(
                    s, "pia",
                    {"confirm_step",
                     fmt::format(
                         R"({{"run":"{}","step":"{}","note":"seen"}})", run.id.value, step.name
                     )}
                );
                break;
            }
}

void send_anything(Scenario& s, std::size_t count) {
    static const auto sent = bodies();
    for (std::size_t i = 0; i < count; ++i) {
        const auto kind = below(40);
        if (kind == 0)
            work_on(s);
        else if (kind <= 2)
            report_runs(s);
        else if (kind == 3)
            s.now += one_of(std::vector<Span>{1min, 1h, 24h, 7 * 24h});
        else if (kind == 4)
            s.now = std::max(s.now, at(window_start) + 2min);
        else if (kind == 5)
            check_tick(s);
        else if (kind <= 8)
            send(s, "ina", {"start_run", deployment_elsewhere()});
        else if (kind == 9)
            edit_ring(s);
        else if (kind == 10)
            edit_boards(s);
        else
            send(s, one_of(people), one_of(sent));
    }
}

TEST(Properties, no_sequence_of_commands_gets_round_the_rules) {
    EXPECT_TRUE(rc::check([] {
        auto s = one_of(all_stages());
        send_anything(s, 5 + below(55));
        check_tick(s);
    }));
}

// The hour in which it matters: a few commands between approval and deployment, honest repairs, and
// then somebody starts it.
TEST(Properties, no_edit_slips_in_between_approval_and_deployment) {
    std::size_t deployments = 0;
    std::size_t refusals = 0;
    EXPECT_TRUE(rc::check([&] {
        auto s = ready_stages()[below(3)];
        send_anything(s, below(12));
        if (below(3) > 0)
            work_on(s);
        for (const auto* person : {"ina", "otto", "mika"})
            send(s, person, {"start_run", deployment_elsewhere()});
        if (below(3) == 0)
            edit_ring(s);
        for (int i = 0; i < 3; ++i)
            report_runs(s);
        ++(deployment_begun(s.change) ? deployments : refusals);
    }));
    EXPECT_GT(deployments, 0u) << "no sequence reaches production: they prove nothing";
    EXPECT_GT(refusals, 0u) << "no sequence is stopped: they try nothing";
}

} // namespace
} // namespace slipway::domain::testing
