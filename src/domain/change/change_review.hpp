// SPDX-License-Identifier: Apache-2.0
// The second half of the record of a change: review, closure and the Change itself. Include
// domain/change/change.hpp, which includes this file.
#pragma once

#include "domain/change/change.hpp"
#include "domain/change/change_deployment.hpp"

namespace slipway::domain {

// --- 3 review and communication ----------------------------------------------------------------

SLIPWAY_ENUM(VoteChoice, approve, approve_with_conditions, defer, reject)
SLIPWAY_ENUM(CabOutcome, approved, approved_with_conditions, deferred, rejected)

struct Vote {
    PersonId person;
    VoteChoice choice{};
    std::string comment;
    std::vector<std::string> groups; // the groups of the board that he votes for
    Digest of;                       // digest over all sections as he saw them
    Time at{};

    SLIPWAY_FIELDS {
        visit("person", self.person);
        visit("choice", self.choice);
        visit("comment", self.comment);
        visit("groups", self.groups);
        visit("of", self.of);
        visit("at", self.at);
    }
};

struct Condition {
    std::string id; // "C-1"
    std::string text;
    PersonId met_by;
    std::optional<Time> met_at;
    std::string evidence;

    SLIPWAY_FIELDS {
        visit("id", self.id);
        visit("text", self.text);
        visit("met_by", self.met_by);
        visit("met_at", self.met_at);
        visit("evidence", self.evidence);
    }
};

struct CabDecision {
    CabOutcome outcome{};
    std::string board;
    bool emergency = false; // decided by the ECAB
    PersonId recorded_by;
    Time at{};
    std::string minutes;
    std::vector<Vote> votes; // as they were cast; which of them count is asked each time
    std::vector<Condition> conditions;
    std::map<std::string, Digest> sections; // what exactly was approved, by section name

    SLIPWAY_FIELDS {
        visit("outcome", self.outcome);
        visit("board", self.board);
        visit("emergency", self.emergency);
        visit("recorded_by", self.recorded_by);
        visit("at", self.at);
        visit("minutes", self.minutes);
        visit("votes", self.votes);
        visit("conditions", self.conditions);
        visit("sections", self.sections);
    }
};

struct CabQueue {
    std::string board;
    Time submitted_at{};
    PersonId submitted_by;
    Time meeting_at{};
    std::optional<Time> missed_meeting_at; // the meeting for which it came too late
    std::string deferred_because;
    std::map<std::string, Digest> sections; // what the board was given to read
    std::string kept_because;               // why it stays on the agenda with later edits

    SLIPWAY_FIELDS {
        visit("board", self.board);
        visit("submitted_at", self.submitted_at);
        visit("submitted_by", self.submitted_by);
        visit("meeting_at", self.meeting_at);
        visit("missed_meeting_at", self.missed_meeting_at);
        visit("deferred_because", self.deferred_because);
        visit("sections", self.sections);
        visit("kept_because", self.kept_because);
    }
};

struct Voided {
    Time at{};
    PersonId by; // who made the edit
    std::vector<Section> sections;
    bool decision = false; // a recorded decision fell with it
    std::uint32_t votes = 0;

    SLIPWAY_FIELDS {
        visit("at", self.at);
        visit("by", self.by);
        visit("sections", self.sections);
        visit("decision", self.decision);
        visit("votes", self.votes);
    }
};

// Who had a part in an approval or a classification that does not stand any more.
struct PastApprovals {
    std::set<PersonId> voters;
    std::set<PersonId> recorders;
    std::set<PersonId> authorisers; // of an emergency, as which it was accepted or approved

    SLIPWAY_FIELDS {
        visit("voters", self.voters);
        visit("recorders", self.recorders);
        visit("authorisers", self.authorisers);
    }
};

SLIPWAY_ENUM(NoticeKind, maintenance, update, all_clear, rolled_back, cancelled)
SLIPWAY_ENUM(DeliveryState, pending, delivered, failed)

struct Delivery {
    std::string channel; // id of the channel record
    DeliveryState state{};
    std::string receipt; // what the channel answered
    std::optional<Time> at;

    SLIPWAY_FIELDS {
        visit("channel", self.channel);
        visit("state", self.state);
        visit("receipt", self.receipt);
        visit("at", self.at);
    }
};

struct Notice {
    std::string id; // "N-1"
    NoticeKind kind{};
    std::string subject;
    std::string body;
    std::vector<std::string> services;
    std::string report_to;     // where to file tickets
    std::optional<Time> start; // the window that it announces
    std::optional<Time> end;
    Time sent_at{};
    PersonId by;
    std::vector<Delivery> deliveries;

    SLIPWAY_FIELDS {
        visit("id", self.id);
        visit("kind", self.kind);
        visit("subject", self.subject);
        visit("body", self.body);
        visit("services", self.services);
        visit("report_to", self.report_to);
        visit("start", self.start);
        visit("end", self.end);
        visit("sent_at", self.sent_at);
        visit("by", self.by);
        visit("deliveries", self.deliveries);
    }
};

SLIPWAY_ENUM(OncallRole, primary, secondary, escalation, client)

struct Page {
    OncallRole role{};
    PersonId person;
    DeliveryState state{};
    std::string receipt;
    Time paged_at{};
    std::optional<Time> acknowledged_at;

    SLIPWAY_FIELDS {
        visit("role", self.role);
        visit("person", self.person);
        visit("state", self.state);
        visit("receipt", self.receipt);
        visit("paged_at", self.paged_at);
        visit("acknowledged_at", self.acknowledged_at);
    }
};

struct Oncall {
    Time checked_at{};
    Time from{}; // the window that was looked at
    Time until{};
    std::string roster;
    std::vector<std::string> gaps; // in words: who is missing when
    std::vector<Page> pages;

    SLIPWAY_FIELDS {
        visit("checked_at", self.checked_at);
        visit("from", self.from);
        visit("until", self.until);
        visit("roster", self.roster);
        visit("gaps", self.gaps);
        visit("pages", self.pages);
    }
};

// --- 5 closure ---------------------------------------------------------------------------------

SLIPWAY_ENUM(ObservationKind, alert, ticket, spike)

struct Observation {
    std::string id; // "O-1"
    ObservationKind kind{};
    std::string title;
    std::string source;
    Time seen_at{};
    PersonId resolved_by;
    std::optional<Time> resolved_at;
    std::string resolution;

    SLIPWAY_FIELDS {
        visit("id", self.id);
        visit("kind", self.kind);
        visit("title", self.title);
        visit("source", self.source);
        visit("seen_at", self.seen_at);
        visit("resolved_by", self.resolved_by);
        visit("resolved_at", self.resolved_at);
        visit("resolution", self.resolution);
    }
};

struct Stabilisation {
    Time from{};
    Time until{};
    bool broken_off = false; // the deployment failed meanwhile; what was seen stays
    std::vector<Observation> observations;

    SLIPWAY_FIELDS {
        visit("from", self.from);
        visit("until", self.until);
        visit("broken_off", self.broken_off);
        visit("observations", self.observations);
    }
};

struct ActionItem {
    std::string id; // "A-1"
    std::string title;
    PersonId owner;
    std::optional<Time> due_at;
    std::optional<Time> done_at;
    std::uint32_t reminders = 0;

    SLIPWAY_FIELDS {
        visit("id", self.id);
        visit("title", self.title);
        visit("owner", self.owner);
        visit("due_at", self.due_at);
        visit("done_at", self.done_at);
        visit("reminders", self.reminders);
    }
};

struct Review {
    Time held_at{};
    PersonId by;
    std::string went_to_plan;
    std::string deviations;
    std::string corrections;
    std::vector<RunComparison> timings = {}; // the runs on production beside their rehearsals

    SLIPWAY_FIELDS {
        visit("held_at", self.held_at);
        visit("by", self.by);
        visit("went_to_plan", self.went_to_plan);
        visit("deviations", self.deviations);
        visit("corrections", self.corrections);
        visit("timings", self.timings);
    }
};

struct CmdbPush {
    CiId ci;
    std::string pushed; // the version that was written
    std::string host;   // the host that was written
    // Only in old entries, which wrote down here what they had just written. The gate reads the
    // record itself.
    std::string read_back;
    Time at{};
    bool found = false; // nobody had gone back after a failure: somebody looked and said so

    SLIPWAY_FIELDS {
        visit("ci", self.ci);
        visit("pushed", self.pushed);
        visit("host", self.host);
        visit("read_back", self.read_back);
        visit("at", self.at);
        visit("found", self.found);
    }
};

struct Closure {
    Outcome outcome{};
    std::string summary;
    PersonId by;
    Time at{};
    std::map<std::string, Digest> evidence; // everything attached, sealed by name

    SLIPWAY_FIELDS {
        visit("outcome", self.outcome);
        visit("summary", self.summary);
        visit("by", self.by);
        visit("at", self.at);
        visit("evidence", self.evidence);
    }
};

// --- the record as a whole ---------------------------------------------------------------------

SLIPWAY_ENUM(StepState, open, completed, postponed)

struct StepRecord {
    StepState state{};
    Json values; // the workflow's own fields for this step, an object or null
    PersonId assignee;
    PersonId completed_by;
    std::optional<Time> completed_at;
    std::vector<std::string> warnings; // the gate passed, but said this
    std::uint32_t reminders = 0;
    bool overdue_noted = false;
    std::optional<Time> reminded_for; // the due date that both of these are about
    bool read_by_board = false;       // the values: the step comes before the board's decision

    SLIPWAY_FIELDS {
        visit("state", self.state);
        visit("values", self.values);
        visit("assignee", self.assignee);
        visit("completed_by", self.completed_by);
        visit("completed_at", self.completed_at);
        visit("warnings", self.warnings);
        visit("reminders", self.reminders);
        visit("overdue_noted", self.overdue_noted);
        visit("reminded_for", self.reminded_for);
        visit("read_by_board", self.read_by_board);
    }
};

SLIPWAY_ENUM(OwedKind, step, retrospective_review)

// What an emergency postponed. It stays on the record until it is settled.
struct Owed {
    std::string id; // the step's id, or "retrospective_review"
    OwedKind kind{};
    std::string reason;
    PersonId by;
    Time since{};
    Time due_at{};
    std::optional<Time> settled_at;
    PersonId settled_by;
    std::string note;
    bool overdue_noted = false;
    bool fell_away = false; // settled without being done: the note says why

    SLIPWAY_FIELDS {
        visit("id", self.id);
        visit("kind", self.kind);
        visit("reason", self.reason);
        visit("by", self.by);
        visit("since", self.since);
        visit("due_at", self.due_at);
        visit("settled_at", self.settled_at);
        visit("settled_by", self.settled_by);
        visit("note", self.note);
        visit("overdue_noted", self.overdue_noted);
        visit("fell_away", self.fell_away);
    }
};

SLIPWAY_ENUM(WaiverState, requested, granted, revoked)

struct Waiver {
    std::string id; // "W-1"
    std::string gate;
    std::string reason;
    WaiverState state{};
    PersonId requested_by;
    Time requested_at{};
    PersonId granted_by;
    Time expires_at{};
    std::optional<Time> revoked_at = {};
    bool end_noted = false; // whoever rests on it was told that it has ended

    SLIPWAY_FIELDS {
        visit("id", self.id);
        visit("gate", self.gate);
        visit("reason", self.reason);
        visit("state", self.state);
        visit("requested_by", self.requested_by);
        visit("requested_at", self.requested_at);
        visit("granted_by", self.granted_by);
        visit("expires_at", self.expires_at);
        visit("revoked_at", self.revoked_at);
        visit("end_noted", self.end_noted);
    }
};

struct Attachment {
    Digest digest;
    std::string name;
    std::string media_type;
    std::uint64_t size_bytes = 0;
    StepId step;
    std::string field;
    PersonId by;
    Time at{};

    SLIPWAY_FIELDS {
        visit("digest", self.digest);
        visit("name", self.name);
        visit("media_type", self.media_type);
        visit("size_bytes", self.size_bytes);
        visit("step", self.step);
        visit("field", self.field);
        visit("by", self.by);
        visit("at", self.at);
    }
};

struct Comment {
    std::string text;
    PersonId by;
    Time at{};

    SLIPWAY_FIELDS {
        visit("text", self.text);
        visit("by", self.by);
        visit("at", self.at);
    }
};

struct WorkflowRef {
    std::string name;
    std::uint32_t version = 0;
    Digest digest;

    SLIPWAY_FIELDS {
        visit("name", self.name);
        visit("version", self.version);
        visit("digest", self.digest);
    }
};

struct Change {
    ChangeId id;
    TenantId tenant;
    std::string title;
    WorkflowRef workflow;
    ChangeState state{};
    Time opened_at{};
    Time updated_at{};
    PersonId requester;
    PersonId change_owner;
    PersonId implementer;
    PersonId rollback_owner;
    PersonId rollback_backup;
    Risk risk{Risk::medium};
    std::string production_ring; // ring records that this change uses
    Digest ring_contents;        // what the production ring held when it was last recorded
    SharedOptional<RingRecord> ring_record; // the same to be read; nothing in old entries
    std::string test_ring;
    std::string roster; // the on-call team

    SharedOptional<Scope> scope;
    std::set<PersonId> described_by; // everybody who edited the scope
    SharedOptional<Impact> impact;
    Shared<std::map<std::string, PinnedRunbook>> runbooks; // by RunbookPurpose
    std::optional<Classification> classification;
    std::optional<ChangeWindow> window;

    SharedOptional<Parity> parity;
    SharedOptional<Preflight> preflight;
    SharedOptional<Backup> backup;
    std::vector<Defect> defects;
    Shared<std::vector<Run>> runs;
    Shared<std::vector<SmokeReport>> smoke_reports;

    std::optional<CabQueue> queue;
    std::vector<Vote> votes;
    SharedOptional<CabDecision> decision;
    std::vector<Voided> voided;
    std::optional<PastApprovals> past_approvals;
    Shared<std::vector<Notice>> notices;
    SharedOptional<Oncall> oncall;

    std::vector<Snapshot> snapshots;
    std::vector<Deviation> deviations;
    std::string failed_because; // why the deployment failed; empty while it did not
    std::optional<Stabilisation> stabilisation;
    std::optional<Review> review;
    std::vector<ActionItem> actions;
    std::vector<CmdbPush> cmdb_pushes;
    std::optional<Closure> closure;

    Shared<std::map<StepId, StepRecord>> steps;
    std::vector<Owed> owed;
    std::vector<Waiver> waivers;
    std::vector<Attachment> attachments;
    std::vector<Comment> comments;
    std::vector<Extension> extensions;
    std::optional<AbortAlarm> abort_alarm; // about the end that holds now

    SLIPWAY_FIELDS {
        visit("id", self.id);
        visit("tenant", self.tenant);
        visit("title", self.title);
        visit("workflow", self.workflow);
        visit("state", self.state);
        visit("opened_at", self.opened_at);
        visit("updated_at", self.updated_at);
        visit("requester", self.requester);
        visit("change_owner", self.change_owner);
        visit("implementer", self.implementer);
        visit("rollback_owner", self.rollback_owner);
        visit("rollback_backup", self.rollback_backup);
        visit("risk", self.risk);
        visit("production_ring", self.production_ring);
        visit("ring_contents", self.ring_contents);
        visit("ring_record", self.ring_record);
        visit("test_ring", self.test_ring);
        visit("roster", self.roster);
        visit("scope", self.scope);
        visit("described_by", self.described_by);
        visit("impact", self.impact);
        visit("runbooks", self.runbooks);
        visit("classification", self.classification);
        visit("window", self.window);
        visit("parity", self.parity);
        visit("preflight", self.preflight);
        visit("backup", self.backup);
        visit("defects", self.defects);
        visit("runs", self.runs);
        visit("smoke_reports", self.smoke_reports);
        visit("queue", self.queue);
        visit("votes", self.votes);
        visit("decision", self.decision);
        visit("voided", self.voided);
        visit("past_approvals", self.past_approvals);
        visit("notices", self.notices);
        visit("oncall", self.oncall);
        visit("snapshots", self.snapshots);
        visit("deviations", self.deviations);
        visit("failed_because", self.failed_because);
        visit("stabilisation", self.stabilisation);
        visit("review", self.review);
        visit("actions", self.actions);
        visit("cmdb_pushes", self.cmdb_pushes);
        visit("closure", self.closure);
        visit("steps", self.steps);
        visit("owed", self.owed);
        visit("waivers", self.waivers);
        visit("attachments", self.attachments);
        visit("comments", self.comments);
        visit("extensions", self.extensions);
        visit("abort_alarm", self.abort_alarm);
    }
};

// --- plain questions about a change -------------------------------------------------------------

ChangeType type_of(const Change& change);
const PinnedRunbook* runbook_of(const Change& change, RunbookPurpose purpose);
// How long it may take: its time limit, or what its steps may take together when that is more.
Span duration_of(const PinnedRunbook& runbook);
const Run* find_run(const Change& change, const RunId& id);
bool is_active(const Run& run); // it runs, or waits for a person
// The last run of this purpose, whatever became of it; nullptr when there was none.
const Run* last_run(const Change& change, RunPurpose purpose);
const SmokeReport* last_smoke(const Change& change, SmokeOccasion occasion);
RunPurpose run_tested_on(SmokeOccasion occasion); // the run whose result the smoke test is about
// When production was back where it had been before its deployment: by the rollback runbook, or
// because each host went back to its snapshot.
std::optional<Time> rolled_back_at(const Change& change);
// True once production was touched: from then on scope, runbooks and window stand still.
bool deployment_begun(const Change& change);
bool is_approving(const Vote& vote);             // with conditions or without
bool is_approving(const CabDecision& decision);  // likewise
bool is_granted(const Waiver& waiver, Time now); // and neither revoked nor expired
bool is_over(const Change& change);              // closed or cancelled
// A postponed step that is not owed any more although it was never done.
bool fell_away(const Change& change, const StepId& step);
// The review that an emergency owes, as it is on the record; also when it was held or fell away.
// Null: it was never owed.
const Owed* retrospective_review(const Change& change);
bool is_stabilising(const Change& change); // the period has begun and was not broken off
bool on_production(RunPurpose purpose);
// When the window ends, with its extensions. Only for a change that has a window.
Time window_end(const Change& change);
// What went another way on production; what a test ring showed was what it is there for.
std::vector<Deviation> deviations_on_production(const Change& change);
// The channels on which the maintenance was announced, by any of its notices: who was told of it
// is told how it ended.
std::set<std::string> announced_channels(const Change& change);

// What is judged of a scope: all of it but its number in another system.
Scope without_ticket(Scope scope);
// The digest of each section as it stands; absent sections are left out.
std::map<std::string, Digest> section_digests(const Change& change);
// What a board reads ahead of its meeting: all sections but the window, which a deferral moves.
std::map<std::string, Digest> sections_to_read(const Change& change);
// The sections, by name, that are no longer what was submitted.
std::string edited_since_submission(const Change& change);
// One digest over all of them: what a voter sees.
Digest digest_of_sections(const std::map<std::string, Digest>& sections);
// His vote stands in the decision: who decided on a change neither carries it out nor reviews it.
bool has_voted(const Change& change, const PersonId& person);
// An approving decision that still holds: nobody edited what it approved.
bool is_approved(const Change& change);
// The type asks for the board that decided: the ECAB for an emergency, and for nothing else.
bool is_of_its_board(const Change& change, const CabDecision& decision);

} // namespace slipway::domain
