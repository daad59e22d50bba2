// SPDX-License-Identifier: Apache-2.0
// A change: the RFC and its whole record, as one value. It is what the events of its stream add up
// to (apply.cpp) and nothing else: no field is ever set by hand, so replaying the events gives the
// same bytes. The rules stand in gates/ and decide_*.cpp; this file only says what there is.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/codec.hpp"
#include "base/shared.hpp"
#include "domain/calendar/interval.hpp"
#include "domain/records/records.hpp"
#include "domain/runbook/runbook.hpp"

namespace slipway::domain {

SLIPWAY_ENUM(ChangeType, unclassified, standard, normal, emergency)
SLIPWAY_ENUM(
    ChangeState, planning, validating, in_review, approved, deploying, implemented, rolling_back,
    rolled_back, stabilising, closed, cancelled
)
SLIPWAY_ENUM(Outcome, successful, successful_with_issues, rolled_back, failed, cancelled)
SLIPWAY_ENUM(Risk, low, medium, high)

// The parts of a change that an approval is an approval of. Editing one voids what depended on it.
// The classification has no digest: it voids what another board approved than its type asks for.
SLIPWAY_ENUM(
    Section, scope, deployment_runbook, rollback_runbook, smoke_list, window, ring, postponed_steps,
    forms, classification
)

// --- 1 planning --------------------------------------------------------------------------------

struct ScopedCi {
    CiId ci;
    std::string host;
    std::string version_from;
    std::string version_to;
    bool operator==(const ScopedCi&) const = default;

    SLIPWAY_FIELDS {
        visit("ci", self.ci, required("the configuration item that is changed"));
        visit("host", self.host, optional("the host it runs on", limits::name_max));
        visit(
            "version_from", self.version_from,
            optional("the version it has now; the CMDB's by default", 100)
        );
        visit("version_to", self.version_to, optional("the version it will have", 100));
    }
};

struct Scope {
    std::string summary;
    std::string business_driver;
    std::string customer_impact;
    std::vector<ScopedCi> cis;
    std::string external_ticket;
    std::string incident;
    bool database = false;
    bool customer_facing = false;
    bool operator==(const Scope&) const = default;

    SLIPWAY_FIELDS {
        visit(
            "summary", self.summary,
            required("what is changed, from which version to which, where", limits::text_max)
        );
        visit(
            "business_driver", self.business_driver,
            optional("why the organisation wants it", limits::text_max)
        );
        visit(
            "customer_impact", self.customer_impact,
            optional("the behaviour that customers or users will see", limits::text_max)
        );
        visit("cis", self.cis, optional("the configuration items that are changed"));
        visit("external_ticket", self.external_ticket, optional("its number in another ITSM", 100));
        visit("incident", self.incident, optional("the incident that it answers", 100));
        visit("database", self.database, optional("a database's data or schema is changed"));
        visit("customer_facing", self.customer_facing, optional("customers notice it"));
    }
};

SLIPWAY_ENUM(TraceDirection, upstream, downstream)

struct ImpactHit {
    CiId ci;
    std::string ci_class;
    std::string name;
    TraceDirection direction{};
    std::uint32_t depth = 0;
    std::vector<CiId> path;
    PersonId owner;
    std::optional<Time> next_run; // of a scheduled job, at or after the window's start
    bool stale = false;
    bool needs_acknowledgement = false;

    SLIPWAY_FIELDS {
        visit("ci", self.ci);
        visit("ci_class", self.ci_class);
        visit("name", self.name);
        visit("direction", self.direction);
        visit("depth", self.depth);
        visit("path", self.path);
        visit("owner", self.owner);
        visit("next_run", self.next_run);
        visit("stale", self.stale);
        visit("needs_acknowledgement", self.needs_acknowledgement);
    }
};

struct Acknowledgement {
    PersonId by;
    Time at{};
    std::string note;

    SLIPWAY_FIELDS {
        visit("by", self.by);
        visit("at", self.at);
        visit("note", self.note);
    }
};

struct Impact {
    Time traced_at{};
    std::uint64_t cmdb_version = 0;
    Digest traced_scope;            // digest of the scope's CI list that was traced
    std::optional<Interval> window; // in and after which scheduled jobs were looked for
    std::vector<ImpactHit> hits;
    std::vector<CiId> unknown; // named in the scope, not in the CMDB
    std::map<CiId, Acknowledgement> acknowledged;

    SLIPWAY_FIELDS {
        visit("traced_at", self.traced_at);
        visit("cmdb_version", self.cmdb_version);
        visit("traced_scope", self.traced_scope);
        visit("window", self.window);
        visit("hits", self.hits);
        visit("unknown", self.unknown);
        visit("acknowledged", self.acknowledged);
    }
};

// One step of a pinned runbook, as far as rules and runs need it.
struct RunbookStepOutline {
    std::string name;
    std::string kind; // command, manual, verify, decision
    std::string title;
    std::string host;
    std::string owner;
    std::string abort_criterion;
    Digest digest;
    Span timeout{};
    bool confirm = false; // a person says when it may begin
    std::string second;   // who must agree too
    std::string undoes;   // of an undo block: the step that it takes back
    std::string parallel; // the group of neighbours that run at the same time, or none
    std::optional<int> exit_status = {}; // of success; not in old entries

    SLIPWAY_FIELDS {
        visit("name", self.name);
        visit("kind", self.kind);
        visit("title", self.title);
        visit("host", self.host);
        visit("owner", self.owner);
        visit("abort_criterion", self.abort_criterion);
        visit("digest", self.digest);
        visit("timeout", self.timeout);
        visit("confirm", self.confirm);
        visit("second", self.second);
        visit("undoes", self.undoes);
        visit("parallel", self.parallel);
        visit("exit_status", self.exit_status);
    }
};

// A runbook pinned to the change: these bytes and no others.
struct PinnedRunbook {
    Digest digest;
    std::string name;
    std::string title;
    PersonId author; // as its front matter says, else who pinned it; he never approves
    Time pinned_at{};
    std::string engineer;
    std::string backup_engineer;
    Span time_limit{};
    std::vector<RunbookStepOutline> steps;
    std::vector<std::string> smoke_checks;  // names
    std::vector<std::string> smoke_outside; // those of them that must be seen from outside
    Digest smoke_digest;
    std::vector<RunbookStepOutline> undo = {}; // blocks that take a step back
    std::vector<std::string> smoke_hosts = {}; // other machines that its smoke commands name

    SLIPWAY_FIELDS {
        visit("digest", self.digest);
        visit("name", self.name);
        visit("title", self.title);
        visit("author", self.author);
        visit("pinned_at", self.pinned_at);
        visit("engineer", self.engineer);
        visit("backup_engineer", self.backup_engineer);
        visit("time_limit", self.time_limit);
        visit("steps", self.steps);
        visit("smoke_checks", self.smoke_checks);
        visit("smoke_outside", self.smoke_outside);
        visit("smoke_digest", self.smoke_digest);
        visit("undo", self.undo);
        visit("smoke_hosts", self.smoke_hosts);
    }
};

struct Classification {
    ChangeType type{};
    std::string reason;
    std::string catalogue_entry; // standard
    std::string incident;        // emergency
    PersonId authoriser;         // emergency
    ChangeType proposed{};       // what the rules proposed
    std::vector<std::string> proposed_because;
    bool accepted = false;   // its gate has passed
    bool overridden = false; // the person chose another type than the rules proposed
    PersonId by;
    Time at{};

    SLIPWAY_FIELDS {
        visit("type", self.type);
        visit("reason", self.reason);
        visit("catalogue_entry", self.catalogue_entry);
        visit("incident", self.incident);
        visit("authoriser", self.authoriser);
        visit("proposed", self.proposed);
        visit("proposed_because", self.proposed_because);
        visit("accepted", self.accepted);
        visit("overridden", self.overridden);
        visit("by", self.by);
        visit("at", self.at);
    }
};

// The maintenance window: local times and an IANA zone are what was agreed; the instants follow.
struct ChangeWindow {
    std::string start_local;
    std::string end_local;
    std::string zone;
    Time start{};
    Time end{};
    std::string reason; // why at a time that is warned about
    PersonId by;

    SLIPWAY_FIELDS {
        visit("start_local", self.start_local);
        visit("end_local", self.end_local);
        visit("zone", self.zone);
        visit("start", self.start);
        visit("end", self.end);
        visit("reason", self.reason);
        visit("by", self.by);
    }
};

// --- runs and smoke tests ----------------------------------------------------------------------

SLIPWAY_ENUM(RunPurpose, ring_deploy, rehearsal, deployment, rollback)
SLIPWAY_ENUM(RunState, running, waiting, succeeded, failed, aborted)
// unknown: it began, and nobody knows how it ended. That is no failure: it may have done its work.
SLIPWAY_ENUM(RunStepState, pending, running, succeeded, failed, skipped, unknown)
SLIPWAY_ENUM(Executor, local, external)
// resume: the step counts as done. undo: what was done is taken back, and the run is over.
SLIPWAY_ENUM(RunChoice, retry, skip, resume, abort, undo)
// What a deviation from the runbook is: one of these, or that the run was given more time.
SLIPWAY_ENUM(DeviationChoice, retry, skip, resume, abort, undo, more_time)

struct RunStep {
    std::string name;
    RunStepState state{};
    std::optional<Time> started_at;
    std::optional<Time> ended_at;
    int exit_status = 0;
    std::string detail;    // why it failed, who confirmed it
    Digest transcript;     // attachment with what it printed; all zero when there is none
    PersonId confirmed_by; // manual steps, decisions, and steps that ask before they begin
    int attempts = 0;
    Digest digest = {};        // of the approved step that was carried out; zero in old entries
    PersonId seconded_by = {}; // two-person steps
    std::string parallel = {}; // the group of neighbours that run at the same time, or none
    std::vector<Digest> evidence = {};   // files of the change, by who did or decided it
    std::set<PersonId> reported_by = {}; // of a run that others carry out: who said how it went
    std::optional<Span> time_limit = {}; // when the run began; none: no limit, or an old entry

    SLIPWAY_FIELDS {
        visit("name", self.name);
        visit("state", self.state);
        visit("started_at", self.started_at);
        visit("ended_at", self.ended_at);
        visit("exit_status", self.exit_status);
        visit("detail", self.detail);
        visit("transcript", self.transcript);
        visit("confirmed_by", self.confirmed_by);
        visit("attempts", self.attempts);
        visit("digest", self.digest);
        visit("seconded_by", self.seconded_by);
        visit("parallel", self.parallel);
        visit("evidence", self.evidence);
        visit("reported_by", self.reported_by);
        visit("time_limit", self.time_limit);
    }
};

// What one of two people wants to be done about a step that needs both, as he saw it then: it ends
// when the step begins, ends or fails.
struct ProposedChoice {
    RunChoice choice{};
    std::string reason;
    PersonId by;
    std::string step = {}; // the one it is about

    SLIPWAY_FIELDS {
        visit("choice", self.choice);
        visit("reason", self.reason);
        visit("by", self.by);
        visit("step", self.step);
    }
};

// What the registers said of the rings when a run on the test ring began: what its proof rests on
// besides the bytes and the ring's contents. Credentials are kept as "ring/name".
struct RingState {
    std::map<std::string, Digest> facts; // of the test ring, by host
    std::map<std::string, std::string> credentials;
    bool operator==(const RingState&) const = default;

    SLIPWAY_FIELDS {
        visit("facts", self.facts);
        visit("credentials", self.credentials);
    }
};

struct Run {
    RunId id;
    RunPurpose purpose{};
    std::string ring;     // id of the ring record
    Digest ring_contents; // what it held when the run began; all zero in old entries
    Digest runbook;       // the bytes that run
    RunState state{};
    Executor executor{};
    Time started_at{};
    std::optional<Time> ended_at;
    PersonId started_by;
    std::vector<RunStep> steps;
    // How the ring's record had been edited when the run began all the same, on what the change
    // keeps of the ring.
    std::string ring_edits = {};
    std::vector<RunStep> undo = {}; // the steps that take it back, once that is decided
    std::optional<ProposedChoice> proposed = {};
    std::optional<RingState> ring_state = {};    // of runs on the test ring; not in old entries
    std::optional<std::uint64_t> ring_turn = {}; // its number among the runs of all changes there
    // Steps of aborted runs that were at work on its machines when it began, as far as anybody
    // knew.
    std::vector<std::string> left_at_work = {};

    SLIPWAY_FIELDS {
        visit("id", self.id);
        visit("purpose", self.purpose);
        visit("ring", self.ring);
        visit("ring_contents", self.ring_contents);
        visit("runbook", self.runbook);
        visit("state", self.state);
        visit("executor", self.executor);
        visit("started_at", self.started_at);
        visit("ended_at", self.ended_at);
        visit("started_by", self.started_by);
        visit("steps", self.steps);
        visit("ring_edits", self.ring_edits);
        visit("undo", self.undo);
        visit("proposed", self.proposed);
        visit("ring_state", self.ring_state);
        visit("ring_turn", self.ring_turn);
        visit("left_at_work", self.left_at_work);
    }
};

struct SmokeResult {
    std::string name;
    bool passed = false;
    std::string detail;
    std::uint32_t took_ms = 0;
    bool outside = false;                    // seen from outside the declared networks
    std::optional<std::uint32_t> tries = {}; // that were made, when the runner ran it
    std::string seen_from = {};              // the probe that saw it, and its address

    SLIPWAY_FIELDS {
        visit("name", self.name, required("the check's name in the smoke list", limits::name_max));
        visit("passed", self.passed);
        visit("detail", self.detail, printed("what was seen", limits::text_max));
        visit("took_ms", self.took_ms);
        visit("outside", self.outside);
        visit("tries", self.tries);
        visit("seen_from", self.seen_from, optional("the probe that saw it", limits::name_max));
    }
};

SLIPWAY_ENUM(SmokeSource, runner, junit, person)
SLIPWAY_ENUM(SmokeOccasion, staging, rehearsal, production, rollback)

struct SmokeReport {
    std::string id; // "smoke-3"
    std::string ring;
    SmokeOccasion occasion{};
    Digest list; // the smoke list that ran
    Time at{};
    SmokeSource source{};
    PersonId by;
    std::vector<SmokeResult> results;
    std::vector<std::string> silent_agents;
    std::vector<std::string> new_alerts;
    std::string not_outside = {}; // why nobody looked from the outside; empty: somebody did
    // What was tested; empty: no run, or an old entry.
    RunId run = {};
    // From then on it was looked at. Old entries have only `at`, when it was written down.
    std::optional<Time> began = {};
    // Until then. It may be written down much later; in old entries, and where nobody says, `at`.
    std::optional<Time> ended = {};
    std::optional<std::uint64_t> ring_turn = {}; // how many runs had begun on the ring by then

    SLIPWAY_FIELDS {
        visit("id", self.id);
        visit("ring", self.ring);
        visit("occasion", self.occasion);
        visit("list", self.list);
        visit("at", self.at);
        visit("source", self.source);
        visit("by", self.by);
        visit("results", self.results);
        visit("silent_agents", self.silent_agents);
        visit("new_alerts", self.new_alerts);
        visit("not_outside", self.not_outside, optional("why nobody looked from the outside"));
        visit("run", self.run);
        visit("began", self.began);
        visit("ended", self.ended);
        visit("ring_turn", self.ring_turn);
    }
};

// --- 2 validation ------------------------------------------------------------------------------

// One fact in which the ring differs from production.
struct Divergence {
    std::string id; // "host/fact"
    std::string ring_value;
    std::string production_value;
    PersonId accepted_by;
    std::string accepted_because;
    // What the id is made of; empty in old entries.
    std::string role = {}; // of both hosts
    std::string ring_host = {};
    std::string production_host = {};
    std::string kind = {}; // "package"
    std::string name = {}; // "package.nginx"

    SLIPWAY_FIELDS {
        visit("id", self.id);
        visit("ring_value", self.ring_value);
        visit("production_value", self.production_value);
        visit("accepted_by", self.accepted_by);
        visit("accepted_because", self.accepted_because);
        visit("role", self.role);
        visit("ring_host", self.ring_host);
        visit("production_host", self.production_host);
        visit("kind", self.kind);
        visit("name", self.name);
    }
};

// The facts of one host as they were compared; the document is an attachment.
struct ComparedHost {
    std::string ring;
    std::string host;
    Digest transcript;            // SHA-256 of the document of its facts
    std::optional<Digest> script; // that gathered them; absent: they were imported

    SLIPWAY_FIELDS {
        visit("ring", self.ring);
        visit("host", self.host);
        visit("transcript", self.transcript);
        visit("script", self.script);
    }
};

struct Parity {
    std::string ring;
    std::string production;
    Time at{};
    std::uint32_t facts_compared = 0;
    std::vector<Divergence> divergences;
    Digest ring_contents;                       // of the test ring; all zero in old entries
    std::vector<ComparedHost> compared = {};    // whose facts were gathered or imported
    std::optional<std::uint32_t> unlisted = {}; // differences beyond divergences_bytes_max

    SLIPWAY_FIELDS {
        visit("ring", self.ring);
        visit("production", self.production);
        visit("at", self.at);
        visit("facts_compared", self.facts_compared);
        visit("divergences", self.divergences);
        visit("ring_contents", self.ring_contents);
        visit("compared", self.compared);
        visit("unlisted", self.unlisted);
    }
};

// Whether what both runbooks need was there before the window.
SLIPWAY_ENUM(PreflightKind, host, tool, disk, credential)

struct PreflightCheck {
    std::string host; // empty: this machine, or no machine in particular
    PreflightKind kind{};
    std::string name; // "nginx", "/var/www", "deploy-key"; of a host nothing
    bool passed = false;
    std::string detail;

    SLIPWAY_FIELDS {
        visit("host", self.host, optional("the host; empty: beside the server", limits::name_max));
        visit("kind", self.kind, required("host, tool, disk or credential"));
        visit("name", self.name, optional("what was looked for", limits::text_max));
        visit("passed", self.passed);
        visit("detail", self.detail, printed("what was seen", limits::text_max));
    }
};

// What a host said, as evidence.
struct PreflightEvidence {
    std::string host;
    Digest transcript;

    SLIPWAY_FIELDS {
        visit("host", self.host, optional("the host", limits::name_max));
        visit("transcript", self.transcript, required("SHA-256 of what it said"));
    }
};

struct Preflight {
    std::string ring;
    Digest ring_contents;
    Digest deployment; // the runbooks that it was for; all zero: none was pinned
    Digest rollback;
    Time at{};
    PersonId asked_by;
    Digest script; // that asked the hosts
    std::vector<PreflightCheck> checks;
    std::vector<PreflightEvidence> evidence;

    SLIPWAY_FIELDS {
        visit("ring", self.ring);
        visit("ring_contents", self.ring_contents);
        visit("deployment", self.deployment);
        visit("rollback", self.rollback);
        visit("at", self.at);
        visit("asked_by", self.asked_by);
        visit("script", self.script);
        visit("checks", self.checks, optional("each check", limits::preflight_checks_max));
        visit("evidence", self.evidence, optional("by host", limits::preflight_hosts_max));
    }
};

SLIPWAY_ENUM(BackupVerdict, verified, not_verified, not_applicable)

struct BackupProof {
    CiId ci;
    std::string host;
    std::string source; // connector and job
    std::string point;  // the restore point
    std::optional<Time> last_success;
    bool restored = false; // really mounted or restored, not a green dashboard
    std::optional<Time> restored_at;
    std::string content_digest;
    // Of a connector: how much it restored. Not in old proofs.
    std::optional<std::int64_t> files = {};
    std::optional<std::int64_t> bytes = {};
    std::string detail;
    // What was restored, in its own words: a proof holds for that and for nothing else.
    std::string restored_point;
    CiId point_ci;
    std::string point_host;
    std::optional<Time> point_at;

    SLIPWAY_FIELDS {
        visit("ci", self.ci, required("the configuration item whose backup it is"));
        visit("host", self.host, optional("its host", limits::name_max));
        visit("source", self.source, required("the connector and job that made it"));
        visit("point", self.point, optional("the restore point", limits::name_max));
        visit("last_success", self.last_success, optional("when the last backup succeeded"));
        visit("restored", self.restored, optional("the point was really restored or mounted"));
        visit("restored_at", self.restored_at, optional("when it was restored"));
        visit(
            "content_digest", self.content_digest,
            optional("SHA-256 of the restored content, 64 hexadecimal digits")
        );
        visit("files", self.files, optional("how many files were restored"));
        visit("bytes", self.bytes, optional("how many bytes they hold"));
        visit("detail", self.detail, printed("what was seen", limits::text_max));
        visit(
            "restored_point", self.restored_point,
            optional("the point that was restored, when it is another", limits::name_max)
        );
        visit("point_ci", self.point_ci, optional("the item that the restored point is of"));
        visit(
            "point_host", self.point_host,
            optional("the host that the restored point is of", limits::name_max)
        );
        visit("point_at", self.point_at, optional("when the restored point was made"));
    }
};

struct Backup {
    BackupVerdict verdict{BackupVerdict::not_verified};
    std::string reason; // not_applicable
    PersonId by;
    Time at{};
    std::vector<BackupProof> proofs;
    bool tested = false; // Slipway restored the points itself, through a connector
    // What connectors last came back with, of items that `proofs` has only by hand, or not at all.
    std::vector<BackupProof> seen = {};

    SLIPWAY_FIELDS {
        visit("verdict", self.verdict);
        visit("reason", self.reason);
        visit("by", self.by);
        visit("at", self.at);
        visit("proofs", self.proofs);
        visit("tested", self.tested);
        visit("seen", self.seen);
    }
};

// What a connector last came back with when it was asked for this item; nothing where none ever
// was.
const BackupProof* seen_by_connector(const Backup& backup, const CiId& ci);

SLIPWAY_ENUM(Severity, minor, major, critical, blocker)
SLIPWAY_ENUM(DefectState, open, resolved, accepted)

struct Defect {
    std::string id; // "D-1"
    std::string title;
    Severity severity{};
    std::string link;
    DefectState state{};
    PersonId reported_by;
    PersonId settled_by;
    std::string settled_because;

    SLIPWAY_FIELDS {
        visit("id", self.id);
        visit("title", self.title);
        visit("severity", self.severity);
        visit("link", self.link);
        visit("state", self.state);
        visit("reported_by", self.reported_by);
        visit("settled_by", self.settled_by);
        visit("settled_because", self.settled_because);
    }
};

} // namespace slipway::domain

#include "domain/change/change_review.hpp"
