// SPDX-License-Identifier: Apache-2.0
// What can happen to a change. Each event is a value with its wire name, its fields and what it
// does to the state; the table in events.cpp lists them all. Events are past tense, are never
// changed once they are in a ledger, and carry everything that replay needs: no rule is asked
// again.
#pragma once

#include "domain/change/change.hpp"

namespace slipway::domain {

// When and by whom; part of the event's envelope.
struct Stamp {
    Time at{};
    PersonId by;
};

// Applies one stored event. Errors: internal, for a type or data that this version does not know.
Result<void>
apply_event(Change& change, std::string_view type, const Json& data, const Stamp& stamp);
// After an event: the time of the last change, and the state that follows from the record.
void settle_state(Change& change, const Stamp& stamp);
// All wire names, for the documentation and for tests.
std::vector<std::string_view> event_types();

// Declares the parts every event has.
#define SLIPWAY_EVENT(name)                                                                        \
    static constexpr std::string_view type = name;                                                 \
    void apply(Change& change, const Stamp& stamp) const

struct ChangeOpened {
    ChangeId id;
    TenantId tenant;
    std::string title;
    WorkflowRef workflow;
    PersonId change_owner;
    PersonId implementer;
    Risk risk{Risk::medium};
    std::string production_ring;
    std::string test_ring;
    std::string roster;

    SLIPWAY_FIELDS {
        visit("id", self.id);
        visit("tenant", self.tenant);
        visit("title", self.title);
        visit("workflow", self.workflow);
        visit("change_owner", self.change_owner);
        visit("implementer", self.implementer);
        visit("risk", self.risk);
        visit("production_ring", self.production_ring);
        visit("test_ring", self.test_ring);
        visit("roster", self.roster);
    }
    SLIPWAY_EVENT("change_opened");
};

struct ScopeDescribed {
    std::string title;
    Scope scope;

    SLIPWAY_FIELDS {
        visit("title", self.title);
        visit("scope", self.scope);
    }
    SLIPWAY_EVENT("scope_described");
};

// Only what is named is changed.
struct ParticipantsAssigned {
    std::optional<PersonId> change_owner, implementer, rollback_owner, rollback_backup;
    std::optional<Risk> risk;
    std::optional<std::string> production_ring, test_ring, roster;

    SLIPWAY_FIELDS {
        visit("change_owner", self.change_owner);
        visit("implementer", self.implementer);
        visit("rollback_owner", self.rollback_owner);
        visit("rollback_backup", self.rollback_backup);
        visit("risk", self.risk);
        visit("production_ring", self.production_ring);
        visit("test_ring", self.test_ring);
        visit("roster", self.roster);
    }
    SLIPWAY_EVENT("participants_assigned");
};

struct ImpactTraced {
    Impact impact;
    SLIPWAY_FIELDS { visit("impact", self.impact); }
    SLIPWAY_EVENT("impact_traced");
};

struct ImpactAcknowledged {
    CiId ci;
    std::string note;

    SLIPWAY_FIELDS {
        visit("ci", self.ci);
        visit("note", self.note);
    }
    SLIPWAY_EVENT("impact_acknowledged");
};

struct RunbookPinned {
    RunbookPurpose purpose{};
    PinnedRunbook runbook;

    SLIPWAY_FIELDS {
        visit("purpose", self.purpose);
        visit("runbook", self.runbook);
    }
    SLIPWAY_EVENT("runbook_pinned");
};

struct ChangeClassified {
    Classification classification;
    SLIPWAY_FIELDS { visit("classification", self.classification); }
    SLIPWAY_EVENT("change_classified");
};

struct WindowScheduled {
    ChangeWindow window;
    SLIPWAY_FIELDS { visit("window", self.window); }
    SLIPWAY_EVENT("window_scheduled");
};

struct RingCompared {
    Parity parity;
    SLIPWAY_FIELDS { visit("parity", self.parity); }
    SLIPWAY_EVENT("ring_compared");
};

// What the production ring holds, as it is put before the board.
struct RingRecorded {
    std::string ring;
    Digest contents;
    std::optional<RingRecord> record; // whose digest that is; nothing in old entries

    SLIPWAY_FIELDS {
        visit("ring", self.ring);
        visit("contents", self.contents);
        visit("record", self.record);
    }
    SLIPWAY_EVENT("ring_recorded");
};

// It is this difference that is accepted and no other; old entries do not say the values.
struct DivergenceAccepted {
    std::string id;
    std::string reason;
    std::string ring_value = {};
    std::string production_value = {};

    SLIPWAY_FIELDS {
        visit("id", self.id);
        visit("reason", self.reason);
        visit("ring_value", self.ring_value);
        visit("production_value", self.production_value);
    }
    SLIPWAY_EVENT("divergence_accepted");
};

struct PreflightReported {
    Preflight preflight;
    SLIPWAY_FIELDS { visit("preflight", self.preflight); }
    SLIPWAY_EVENT("preflight_reported");
};

struct RunStarted {
    Run run;
    SLIPWAY_FIELDS { visit("run", self.run); }
    SLIPWAY_EVENT("run_started");
};

struct RunStepReported {
    RunId run;
    RunStep step;

    SLIPWAY_FIELDS {
        visit("run", self.run);
        visit("step", self.step);
    }
    SLIPWAY_EVENT("run_step_reported");
};

// The run stops at this step and waits for the owner.
struct RunStopped {
    RunId run;
    std::string step;
    std::string because;

    SLIPWAY_FIELDS {
        visit("run", self.run);
        visit("step", self.step);
        visit("because", self.because);
    }
    SLIPWAY_EVENT("run_stopped");
};

// A person did what the run waited for; it goes on.
struct RunResumed {
    RunId run;
    SLIPWAY_FIELDS { visit("run", self.run); }
    SLIPWAY_EVENT("run_resumed");
};

struct RunDecided {
    Deviation deviation;
    SLIPWAY_FIELDS { visit("deviation", self.deviation); }
    SLIPWAY_EVENT("run_decided");
};

// One of two people has said what should be done about the step; the other one has not yet.
struct RunChoiceProposed {
    RunId run;
    std::string step;
    ProposedChoice proposed;

    SLIPWAY_FIELDS {
        visit("run", self.run);
        visit("step", self.step);
        visit("proposed", self.proposed);
    }
    SLIPWAY_EVENT("run_choice_proposed");
};

// What the run did is taken back by these steps, in this order.
struct RunUndoBegun {
    RunId run;
    std::vector<RunStep> steps;

    SLIPWAY_FIELDS {
        visit("run", self.run);
        visit("steps", self.steps);
    }
    SLIPWAY_EVENT("run_undo_begun");
};

// The deployment may go on beyond the agreed end; the decision is a deviation like any other.
struct WindowExtended {
    Extension extension;
    Deviation deviation;

    SLIPWAY_FIELDS {
        visit("extension", self.extension);
        visit("deviation", self.deviation);
    }
    SLIPWAY_EVENT("window_extended");
};

struct RunEnded {
    RunId run;
    RunState state{};

    SLIPWAY_FIELDS {
        visit("run", self.run);
        visit("state", self.state);
    }
    SLIPWAY_EVENT("run_ended");
};

struct SmokeReported {
    SmokeReport report;
    SLIPWAY_FIELDS { visit("report", self.report); }
    SLIPWAY_EVENT("smoke_reported");
};

struct BackupRecorded {
    Backup backup;
    SLIPWAY_FIELDS { visit("backup", self.backup); }
    SLIPWAY_EVENT("backup_recorded");
};

struct DefectLogged {
    Defect defect;
    SLIPWAY_FIELDS { visit("defect", self.defect); }
    SLIPWAY_EVENT("defect_logged");
};

struct DefectSettled {
    std::string id;
    DefectState state{};
    std::string reason;

    SLIPWAY_FIELDS {
        visit("id", self.id);
        visit("state", self.state);
        visit("reason", self.reason);
    }
    SLIPWAY_EVENT("defect_settled");
};

struct ChangeSubmitted {
    CabQueue queue;
    SLIPWAY_FIELDS { visit("queue", self.queue); }
    SLIPWAY_EVENT("change_submitted");
};

struct VoteCast {
    Vote vote;
    SLIPWAY_FIELDS { visit("vote", self.vote); }
    SLIPWAY_EVENT("vote_cast");
};

struct CabDecided {
    CabDecision decision;
    SLIPWAY_FIELDS { visit("decision", self.decision); }
    SLIPWAY_EVENT("cab_decided");
};

struct ConditionMet {
    std::string id;
    std::string evidence;

    SLIPWAY_FIELDS {
        visit("id", self.id);
        visit("evidence", self.evidence);
    }
    SLIPWAY_EVENT("condition_met");
};

struct ApprovalVoided {
    std::vector<Section> sections;
    bool decision = false;
    std::uint32_t votes = 0;

    SLIPWAY_FIELDS {
        visit("sections", self.sections);
        visit("decision", self.decision);
        visit("votes", self.votes);
    }
    SLIPWAY_EVENT("approval_voided");
};

// What takes the place of an approval does not take away who had a part in it.
struct ApproversKept {
    PastApprovals parts;
    SLIPWAY_FIELDS { visit("parts", self.parts); }
    SLIPWAY_EVENT("approvers_kept");
};

struct NoticeSent {
    Notice notice;
    SLIPWAY_FIELDS { visit("notice", self.notice); }
    SLIPWAY_EVENT("notice_sent");
};

struct NoticeDelivered {
    std::string notice;
    Delivery delivery;

    SLIPWAY_FIELDS {
        visit("notice", self.notice);
        visit("delivery", self.delivery);
    }
    SLIPWAY_EVENT("notice_delivered");
};

struct OncallChecked {
    Oncall oncall;
    SLIPWAY_FIELDS { visit("oncall", self.oncall); }
    SLIPWAY_EVENT("oncall_checked");
};

struct PageDelivered {
    PersonId person;
    DeliveryState state{};
    std::string receipt;

    SLIPWAY_FIELDS {
        visit("person", self.person);
        visit("state", self.state);
        visit("receipt", self.receipt);
    }
    SLIPWAY_EVENT("page_delivered");
};

// Somebody was called about the change, and not reached.
struct CallFailed {
    PersonId person;
    std::string subject;
    std::string detail;

    SLIPWAY_FIELDS {
        visit("person", self.person);
        visit("subject", self.subject);
        visit("detail", self.detail);
    }
    SLIPWAY_EVENT("call_failed");
};

struct PageAcknowledged {
    PersonId person;
    SLIPWAY_FIELDS { visit("person", self.person); }
    SLIPWAY_EVENT("page_acknowledged");
};

// Replaces the snapshot with the same host and connector that is not yet over, or adds one.
struct SnapshotReported {
    Snapshot snapshot;
    SLIPWAY_FIELDS { visit("snapshot", self.snapshot); }
    SLIPWAY_EVENT("snapshot_reported");
};

struct SnapshotExtended {
    std::string host;
    std::string id;
    SnapshotExtension extension;

    SLIPWAY_FIELDS {
        visit("host", self.host);
        visit("id", self.id);
        visit("extension", self.extension);
    }
    SLIPWAY_EVENT("snapshot_extended");
};

struct DeploymentFailed {
    std::string because;
    SLIPWAY_FIELDS { visit("because", self.because); }
    SLIPWAY_EVENT("deployment_failed");
};

struct StabilisationStarted {
    Time until{};
    SLIPWAY_FIELDS { visit("until", self.until); }
    SLIPWAY_EVENT("stabilisation_started");
};

struct ObservationLogged {
    Observation observation;
    SLIPWAY_FIELDS { visit("observation", self.observation); }
    SLIPWAY_EVENT("observation_logged");
};

struct ObservationResolved {
    std::string id;
    std::string resolution;

    SLIPWAY_FIELDS {
        visit("id", self.id);
        visit("resolution", self.resolution);
    }
    SLIPWAY_EVENT("observation_resolved");
};

struct ReviewHeld {
    Review review;
    SLIPWAY_FIELDS { visit("review", self.review); }
    SLIPWAY_EVENT("review_held");
};

struct ActionAdded {
    ActionItem action;
    SLIPWAY_FIELDS { visit("action", self.action); }
    SLIPWAY_EVENT("action_added");
};

struct ActionDone {
    std::string id;
    SLIPWAY_FIELDS { visit("id", self.id); }
    SLIPWAY_EVENT("action_done");
};

struct CmdbUpdated {
    std::vector<CmdbPush> pushes;
    SLIPWAY_FIELDS { visit("pushes", self.pushes); }
    SLIPWAY_EVENT("cmdb_updated");
};

struct ChangeClosed {
    Closure closure;
    SLIPWAY_FIELDS { visit("closure", self.closure); }
    SLIPWAY_EVENT("change_closed");
};

struct ChangeCancelled {
    std::string reason;
    SLIPWAY_FIELDS { visit("reason", self.reason); }
    SLIPWAY_EVENT("change_cancelled");
};

struct StepFilled {
    StepId step;
    Json values;
    bool read_by_board = false; // absent in old entries, whose forms nobody approved

    SLIPWAY_FIELDS {
        visit("step", self.step);
        visit("values", self.values);
        visit("read_by_board", self.read_by_board);
    }
    SLIPWAY_EVENT("step_filled");
};

struct StepCompleted {
    StepId step;
    std::vector<std::string> gates; // that passed or were waived
    std::vector<std::string> warnings;
    Digest policy; // the rules in force

    SLIPWAY_FIELDS {
        visit("step", self.step);
        visit("gates", self.gates);
        visit("warnings", self.warnings);
        visit("policy", self.policy);
    }
    SLIPWAY_EVENT("step_completed");
};

struct StepReopened {
    StepId step;
    std::string reason;

    SLIPWAY_FIELDS {
        visit("step", self.step);
        visit("reason", self.reason);
    }
    SLIPWAY_EVENT("step_reopened");
};

struct StepAssigned {
    StepId step;
    PersonId person;

    SLIPWAY_FIELDS {
        visit("step", self.step);
        visit("person", self.person);
    }
    SLIPWAY_EVENT("step_assigned");
};

struct StepPostponed {
    StepId step;
    std::string reason;
    Time due_at{};

    SLIPWAY_FIELDS {
        visit("step", self.step);
        visit("reason", self.reason);
        visit("due_at", self.due_at);
    }
    SLIPWAY_EVENT("step_postponed");
};

struct ReviewOwed {
    Time due_at{};
    SLIPWAY_FIELDS { visit("due_at", self.due_at); }
    SLIPWAY_EVENT("review_owed");
};

struct OwedSettled {
    std::string id;
    std::string note;
    bool fell_away = false; // it was not done and never will be

    SLIPWAY_FIELDS {
        visit("id", self.id);
        visit("note", self.note);
        visit("fell_away", self.fell_away);
    }
    SLIPWAY_EVENT("owed_settled");
};

SLIPWAY_ENUM(
    ReminderKind, step_due, step_overdue, action_due, owed_overdue, abort_by_near, abort_by_passed,
    snapshot_due, waiver_ended
)

struct Reminded {
    ReminderKind kind{};
    std::string about; // id of the step, action, owed item, run or waiver; host of a snapshot
    std::optional<Time> due_at; // of a step or a snapshot; when a run is to turn round
    SLIPWAY_FIELDS {
        visit("kind", self.kind);
        visit("about", self.about);
        visit("due_at", self.due_at);
    }
    SLIPWAY_EVENT("reminded");
};

struct WaiverRequested {
    Waiver waiver;
    SLIPWAY_FIELDS { visit("waiver", self.waiver); }
    SLIPWAY_EVENT("waiver_requested");
};

struct WaiverGranted {
    std::string id;
    SLIPWAY_FIELDS { visit("id", self.id); }
    SLIPWAY_EVENT("waiver_granted");
};

struct WaiverRevoked {
    std::string id;
    std::string reason;
    SLIPWAY_FIELDS {
        visit("id", self.id);
        visit("reason", self.reason);
    }
    SLIPWAY_EVENT("waiver_revoked");
};

struct AttachmentAdded {
    Attachment attachment;
    SLIPWAY_FIELDS { visit("attachment", self.attachment); }
    SLIPWAY_EVENT("attachment_added");
};

struct Commented {
    std::string text;
    SLIPWAY_FIELDS { visit("text", self.text); }
    SLIPWAY_EVENT("commented");
};

} // namespace slipway::domain
