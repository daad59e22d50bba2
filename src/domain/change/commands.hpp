// SPDX-License-Identifier: Apache-2.0
// The bodies of the commands, in the order of the checklist. Each is a value with a list of fields,
// which gives the request schema, the CLI options and the strict reading of what others send.
#pragma once

#include "domain/change/change.hpp"
#include "domain/change/snapshot_commands.hpp"
#include "domain/workflow/workflow.hpp"

namespace slipway::domain {

struct Nothing {
    SLIPWAY_FIELDS {}
};

struct OpenChange {
    std::string title;
    std::string workflow = "release";
    PersonId change_owner;
    PersonId implementer;
    Risk risk{Risk::medium};
    std::string production_ring;
    std::string test_ring;
    std::string roster;
    PersonId rollback_owner;
    PersonId rollback_backup;

    SLIPWAY_FIELDS {
        visit("title", self.title, required("what is to be done, in one line"));
        visit("workflow", self.workflow, optional("name of the checklist; release by default", 64));
        visit("change_owner", self.change_owner, optional("who answers for it; you by default"));
        visit("implementer", self.implementer, optional("who carries it out"));
        visit("risk", self.risk, optional("low, medium or high"));
        visit("production_ring", self.production_ring, optional("ring that it changes", 64));
        visit("test_ring", self.test_ring, optional("ring that it is tried on", 64));
        visit("roster", self.roster, optional("on-call roster of the window", 64));
        visit("rollback_owner", self.rollback_owner, optional("who decides on a rollback"));
        visit("rollback_backup", self.rollback_backup, optional("who decides in his place"));
    }
};

struct DescribeScope {
    std::string title;
    Scope scope;

    SLIPWAY_FIELDS {
        visit("title", self.title, optional("a new title"));
        Scope::fields(self.scope, visit);
    }
};

struct Assign {
    std::optional<PersonId> change_owner, implementer, rollback_owner, rollback_backup;
    std::optional<Risk> risk;
    std::optional<std::string> production_ring, test_ring, roster;

    SLIPWAY_FIELDS {
        visit("change_owner", self.change_owner, optional("who answers for the change"));
        visit("implementer", self.implementer, optional("who carries it out"));
        visit("rollback_owner", self.rollback_owner, optional("who decides on a rollback"));
        visit("rollback_backup", self.rollback_backup, optional("who decides when he cannot"));
        visit("risk", self.risk, optional("low, medium or high"));
        visit("production_ring", self.production_ring, optional("ring that it changes", 64));
        visit("test_ring", self.test_ring, optional("ring that it is tried on", 64));
        visit("roster", self.roster, optional("on-call roster of the window", 64));
    }
};

struct AcknowledgeImpact {
    CiId ci;
    std::string note;

    SLIPWAY_FIELDS {
        visit("ci", self.ci, required("the impacted item"));
        visit("note", self.note, optional("what was agreed", limits::text_max));
    }
};

struct Attach {
    Digest digest;
    std::string name;
    std::string media_type = "application/octet-stream";
    StepId step;
    std::string field;

    SLIPWAY_FIELDS {
        visit("digest", self.digest, required("SHA-256 of an uploaded attachment"));
        visit("name", self.name, required("its file name, without a path", limits::name_max));
        visit("media_type", self.media_type, optional("its media type", 100));
        visit("step", self.step, optional("the step it is evidence for"));
        visit("field", self.field, optional("the file field of its form it is for", 64));
    }
};

struct PinRunbook {
    RunbookPurpose purpose{};
    Digest digest;
    std::string name;

    SLIPWAY_FIELDS {
        visit("purpose", self.purpose, required("deployment or rollback"));
        visit("digest", self.digest, required("SHA-256 of the uploaded runbook"));
        visit("name", self.name, required("its file name, without a path", limits::name_max));
    }
};

// What a change can be classified as; only until then it is unclassified.
SLIPWAY_ENUM(ChosenType, standard, normal, emergency)

struct Classify {
    ChosenType type{};
    std::string reason;
    std::string catalogue_entry;
    std::string incident;
    PersonId authoriser;

    SLIPWAY_FIELDS {
        visit("type", self.type, required("standard, normal or emergency"));
        visit(
            "reason", self.reason,
            optional("why, when the rules propose another type", limits::text_max)
        );
        visit("catalogue_entry", self.catalogue_entry, optional("standard: the entry's id", 64));
        visit("incident", self.incident, optional("emergency: the incident", 100));
        visit("authoriser", self.authoriser, optional("emergency: who authorised it"));
    }
};

struct Schedule {
    std::string start;
    std::string end;
    std::string zone;
    std::string reason;

    SLIPWAY_FIELDS {
        visit("start", self.start, required("local start, such as 2026-11-25T18:00", 32));
        visit("end", self.end, required("local end", 32));
        visit("zone", self.zone, required("IANA time zone, such as Europe/Berlin", 64));
        visit(
            "reason", self.reason, optional("why at a time that is warned about", limits::text_max)
        );
    }
};

struct AcceptDivergence {
    std::string id;
    std::string reason;
    std::optional<std::string> ring_value, production_value;

    SLIPWAY_FIELDS {
        visit("id", self.id, required("the divergence, host/fact", 600));
        visit("reason", self.reason, required("why it does not matter", limits::text_max));
        visit(
            "ring_value", self.ring_value,
            optional("what you saw on the test ring; refused when it is another", limits::text_max)
        );
        visit(
            "production_value", self.production_value,
            optional("what you saw on production; refused when it is another", limits::text_max)
        );
    }
};

// The worker's answer to a preflight.
struct RecordPreflight {
    Preflight preflight;

    SLIPWAY_FIELDS { visit("preflight", self.preflight, required("what was found")); }
};

struct StartRun {
    RunPurpose purpose{};
    Executor executor{};
    std::optional<Digest> digest;

    SLIPWAY_FIELDS {
        visit("purpose", self.purpose, required("ring_deploy, rehearsal, deployment or rollback"));
        visit("executor", self.executor, optional("local, or external: another runner reports"));
        visit(
            "digest", self.digest,
            optional(
                "SHA-256 the caller means to run; refused if another is pinned. A deployment that "
                "is run elsewhere needs it"
            )
        );
    }
};

struct StepReport {
    std::string name;
    RunStepState state{};
    std::optional<Time> started_at;
    std::optional<Time> ended_at;
    std::optional<int> exit_status;
    std::string detail;
    Digest transcript;
    Digest digest;

    SLIPWAY_FIELDS {
        visit("name", self.name, required("the step"));
        visit("state", self.state, required("running, succeeded, failed or unknown"));
        visit("started_at", self.started_at, optional("when it started"));
        visit("ended_at", self.ended_at, optional("when it ended"));
        visit(
            "exit_status", self.exit_status,
            optional("its exit status; one that the runbook does not expect is no success")
        );
        visit("detail", self.detail, printed("what was unexpected", limits::text_max));
        visit("transcript", self.transcript, optional("SHA-256 of its transcript"));
        visit(
            "digest", self.digest,
            optional("digest of the step that ran; refused if the pinned runbook has another")
        );
    }
};

struct ReportRun {
    RunId run;
    std::vector<StepReport> steps;

    SLIPWAY_FIELDS {
        visit("run", self.run, required("the run"));
        visit(
            "steps", self.steps,
            required("what became of its steps, in order", limits::runbook_steps_max)
        );
    }
};

struct ConfirmStep {
    RunId run;
    std::string step;
    std::string note;
    std::optional<Digest> evidence;

    SLIPWAY_FIELDS {
        visit("run", self.run, required("the run"));
        visit("step", self.step, required("the manual step or decision point"));
        visit(
            "note", self.note,
            optional("what was seen; a step done by hand needs this or evidence", limits::text_max)
        );
        visit("evidence", self.evidence, optional("a file of the change that shows it"));
    }
};

struct DecideRun {
    RunId run;
    RunChoice choice{};
    std::string reason;
    std::string step;
    std::optional<std::uint32_t> attempt;

    SLIPWAY_FIELDS {
        visit("run", self.run, required("the run that stopped"));
        visit(
            "choice", self.choice,
            required("retry, skip, resume (it counts as done), abort, or undo what was done")
        );
        visit("reason", self.reason, required("why", limits::text_max));
        visit("step", self.step, optional("the step that is meant; needed when several wait"));
        visit("attempt", self.attempt, optional("the attempt of the step that was seen"));
    }
};

struct ExtendWindow {
    Time until{};
    std::string reason;

    SLIPWAY_FIELDS {
        visit("until", self.until, required("the new end of the window"));
        visit("reason", self.reason, required("why it goes on", limits::text_max));
    }
};

struct RunSmoke {
    SmokeOccasion occasion{};
    SLIPWAY_FIELDS {
        visit("occasion", self.occasion, required("staging, rehearsal, production or rollback"));
    }
};

struct RecordSmoke {
    SmokeOccasion occasion{};
    Digest list;
    std::vector<SmokeResult> results;
    std::string junit;
    std::vector<std::string> silent_agents;
    std::vector<std::string> new_alerts;
    std::string not_outside;
    RunId run;
    std::string ring;
    std::optional<Time> began;
    std::optional<Time> ended;

    SLIPWAY_FIELDS {
        visit("occasion", self.occasion, required("staging, rehearsal, production or rollback"));
        visit(
            "list", self.list, optional("SHA-256 of the list that ran; the pinned one by default")
        );
        visit(
            "results", self.results,
            optional("one for each check and side", 2 * limits::smoke_checks_max)
        );
        visit("junit", self.junit, printed("instead of results: JUnit XML", 512 * 1024));
        visit(
            "silent_agents", self.silent_agents, optional("monitoring agents that do not report")
        );
        visit("new_alerts", self.new_alerts, optional("alerts that came up since the baseline"));
        visit(
            "not_outside", self.not_outside,
            printed("why nobody looked from the outside", limits::text_max)
        );
        visit("run", self.run, optional("the run that was tested; the last one by default"));
        visit(
            "ring", self.ring,
            optional("the ring that was tested; that of the run by default", limits::name_max)
        );
        visit(
            "began", self.began,
            optional("when the first check began; the time that JUnit tells counts if earlier")
        );
        visit("ended", self.ended, optional("when the last check ended; by default now"));
    }
};

struct RecordBackup {
    BackupVerdict verdict{};
    std::string reason;
    std::vector<BackupProof> proofs;

    SLIPWAY_FIELDS {
        visit("verdict", self.verdict, required("verified, not_verified or not_applicable"));
        visit("reason", self.reason, optional("why it is not applicable", limits::text_max));
        visit("proofs", self.proofs, optional("one for each configuration item"));
    }
};

struct LogDefect {
    std::string title;
    Severity severity{};
    std::string link;

    SLIPWAY_FIELDS {
        visit("title", self.title, required("what is wrong"));
        visit("severity", self.severity, required("minor, major, critical or blocker"));
        visit("link", self.link, optional("where it is tracked", limits::url_max));
    }
};

struct SettleDefect {
    std::string id;
    DefectState state{};
    std::string reason;

    SLIPWAY_FIELDS {
        visit("id", self.id, required("the defect, such as D-1", 20));
        visit("state", self.state, required("resolved, accepted or open"));
        visit(
            "reason", self.reason, required("how, or why the risk is accepted", limits::text_max)
        );
    }
};

struct Submit {
    std::string board;
    std::string keep_meeting_because;

    SLIPWAY_FIELDS {
        visit("board", self.board, optional("the board; the only one by default", 64));
        visit(
            "keep_meeting_because", self.keep_meeting_because,
            optional("why it stays on its agenda after a late edit", limits::text_max)
        );
    }
};

struct CastVote {
    VoteChoice choice{};
    std::string comment;

    SLIPWAY_FIELDS {
        visit("choice", self.choice, required("approve, approve_with_conditions, defer or reject"));
        visit("comment", self.comment, optional("why", limits::text_max));
    }
};

struct RecordDecision {
    CabOutcome outcome{};
    std::string minutes;
    std::vector<std::string> conditions;

    SLIPWAY_FIELDS {
        visit(
            "outcome", self.outcome,
            required("approved, approved_with_conditions, deferred or rejected")
        );
        visit("minutes", self.minutes, optional("what was said", limits::paragraph_max));
        visit("conditions", self.conditions, optional("what must be met before deploying", 20));
    }
};

struct MeetCondition {
    std::string id;
    std::string evidence;

    SLIPWAY_FIELDS {
        visit("id", self.id, required("the condition, such as C-1", 20));
        visit("evidence", self.evidence, required("how it was met", limits::text_max));
    }
};

struct SendNotice {
    NoticeKind kind{};
    std::string subject;
    std::string message;
    std::vector<std::string> services;
    std::string report_to;

    SLIPWAY_FIELDS {
        visit(
            "kind", self.kind, required("maintenance, update, all_clear, rolled_back or cancelled")
        );
        visit("subject", self.subject, optional("the subject; made from the change by default"));
        visit("message", self.message, optional("what to add to the template", limits::text_max));
        visit("services", self.services, optional("services that are affected", 50));
        visit("report_to", self.report_to, optional("where to report problems", limits::name_max));
    }
};

struct ReportDelivery {
    std::string notice;
    std::string channel;
    DeliveryState state{};
    std::string receipt;

    SLIPWAY_FIELDS {
        visit("notice", self.notice, required("the notice, such as N-1", 20));
        visit("channel", self.channel, required("the channel", 64));
        visit("state", self.state, required("delivered or failed"));
        visit("receipt", self.receipt, printed("what the channel answered", limits::text_max));
    }
};

struct ReportPage {
    PersonId person;
    DeliveryState state{};
    std::string receipt;

    SLIPWAY_FIELDS {
        visit("person", self.person, required("who was paged"));
        visit("state", self.state, required("delivered or failed"));
        visit("receipt", self.receipt, printed("what the pager answered", limits::text_max));
    }
};

// Of a call that is no page for being on call, and that reached nobody.
struct ReportCall {
    PersonId person;
    std::string subject;
    std::string body;
    std::string detail;
    std::vector<PersonId> tried;
    bool urgent = false;

    SLIPWAY_FIELDS {
        visit("person", self.person, required("who was called"));
        visit("subject", self.subject, printed("of what", limits::text_max));
        visit("body", self.body, printed("what he was to read", limits::text_max));
        visit("detail", self.detail, printed("why it did not reach him", limits::text_max));
        visit("tried", self.tried, optional("who was called before him"));
        visit("urgent", self.urgent, optional("true: somebody has to decide at once"));
    }
};

struct RollBack {
    std::string reason;
    Executor executor{};

    SLIPWAY_FIELDS {
        visit("reason", self.reason, required("why the deployment failed", limits::text_max));
        visit("executor", self.executor, optional("local, or external: another runner reports"));
    }
};

struct LogObservation {
    ObservationKind kind{};
    std::string title;
    std::string source;

    SLIPWAY_FIELDS {
        visit("kind", self.kind, required("alert, ticket or spike"));
        visit("title", self.title, required("what was seen"));
        visit("source", self.source, optional("where", limits::name_max));
    }
};

struct ResolveObservation {
    std::string id;
    std::string resolution;

    SLIPWAY_FIELDS {
        visit("id", self.id, required("the observation, such as O-1", 20));
        visit(
            "resolution", self.resolution,
            required("what it was and what was done", limits::text_max)
        );
    }
};

struct HoldReview {
    std::string went_to_plan;
    std::string deviations;
    std::string corrections;

    SLIPWAY_FIELDS {
        visit(
            "went_to_plan", self.went_to_plan, required("what went to plan", limits::paragraph_max)
        );
        visit(
            "deviations", self.deviations,
            optional("what did not; filled in from the ledger", limits::paragraph_max)
        );
        visit(
            "corrections", self.corrections,
            optional("what the runbook needs", limits::paragraph_max)
        );
    }
};

struct AddAction {
    std::string title;
    PersonId owner;
    std::optional<Time> due_at;

    SLIPWAY_FIELDS {
        visit("title", self.title, required("what is to be done"));
        visit("owner", self.owner, required("who does it"));
        visit("due_at", self.due_at, required("by when"));
    }
};

struct CompleteAction {
    std::string id;
    SLIPWAY_FIELDS { visit("id", self.id, required("the action, such as A-1", 20)); }
};

// The outcomes that close a change; the one that is missing here has a command of its own, cancel.
SLIPWAY_ENUM(ClosedAs, successful, successful_with_issues, rolled_back, failed)

struct Close {
    ClosedAs outcome{};
    std::string summary;

    SLIPWAY_FIELDS {
        visit("outcome", self.outcome, required("what became of the change"));
        visit("summary", self.summary, required("what came of it", limits::paragraph_max));
    }
};

struct Cancel {
    std::string reason;
    SLIPWAY_FIELDS { visit("reason", self.reason, required("why", limits::text_max)); }
};

struct FillStep {
    StepId step;
    Json values;

    SLIPWAY_FIELDS {
        visit("step", self.step, required("the step"));
        visit("values", self.values, required("all fields of its form; one left out is emptied"));
    }
};

struct CompleteStep {
    StepId step;
    std::vector<StepId> also;

    SLIPWAY_FIELDS {
        visit("step", self.step, required("the step"));
        visit("also", self.also, optional("further steps, in their order: all of them or none"));
    }
};

struct ReopenStep {
    StepId step;
    std::string reason;

    SLIPWAY_FIELDS {
        visit("step", self.step, required("the step"));
        visit("reason", self.reason, required("why", limits::text_max));
    }
};

struct AssignStep {
    StepId step;
    PersonId person;

    SLIPWAY_FIELDS {
        visit("step", self.step, required("the step"));
        visit("person", self.person, required("who does it"));
    }
};

struct SettleOwed {
    std::string id;
    std::string note;

    SLIPWAY_FIELDS {
        visit("id", self.id, required("what is owed: retrospective_review", 64));
        visit("note", self.note, required("what the review found", limits::paragraph_max));
    }
};

struct RequestWaiver {
    std::string gate;
    std::string reason;
    Span valid_for = std::chrono::hours(24);

    SLIPWAY_FIELDS {
        visit("gate", self.gate, required("the gate, such as ring-parity", 64));
        visit(
            "reason", self.reason, required("why it may be passed all the same", limits::text_max)
        );
        visit("valid_for", self.valid_for, optional("how long; 24h unless said"));
    }
};

struct WaiverId {
    std::string id;
    SLIPWAY_FIELDS { visit("id", self.id, required("the waiver, such as W-1", 20)); }
};

struct RevokeWaiver {
    std::string id;
    std::string reason;

    SLIPWAY_FIELDS {
        visit("id", self.id, required("the waiver, such as W-1", 20));
        visit("reason", self.reason, required("why", limits::text_max));
    }
};

struct AddComment {
    std::string text;
    SLIPWAY_FIELDS { visit("text", self.text, required("the comment", limits::text_max)); }
};

} // namespace slipway::domain
