// SPDX-License-Identifier: Apache-2.0
// The documents of the registers: what a change refers to and what its gates look at. Each has an
// id that people choose (base/id.hpp, is_slug) and is replaced as a whole; its history is its
// events.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/codec.hpp"
#include "domain/calendar/blackout.hpp"
#include "domain/calendar/board.hpp"
#include "domain/calendar/business_time.hpp"
#include "domain/calendar/day_hours.hpp"
#include "domain/calendar/roster.hpp"
#include "domain/identity/roles.hpp"

namespace slipway::domain {

struct PersonRecord {
    std::string name;
    std::string email;
    std::string phone;
    std::vector<Role> roles;
    std::vector<std::string> groups; // groups of boards that he may vote for
    bool inactive = false;

    SLIPWAY_FIELDS {
        visit("name", self.name, required("the person's name"));
        visit("email", self.email, optional("mail address", limits::name_max));
        visit("phone", self.phone, optional("telephone number", 50));
        visit("roles", self.roles, optional("what the person may do", 10));
        visit("groups", self.groups, optional("groups he speaks for on boards", 20));
        visit("inactive", self.inactive, optional("true: cannot sign in or act"));
    }
};

bool administers(const PersonRecord& person); // and is active

SLIPWAY_ENUM(
    CiClass, service, application, database, host, load_balancer, scheduled_job, integration,
    monitoring_agent, network, storage, other
)

struct CiRecord {
    std::string name;
    CiClass ci_class = CiClass::other;
    std::string host;
    std::string version;
    std::string ring; // id of the ring record it belongs to
    PersonId owner;
    std::vector<CiId> depends_on;
    bool customer_facing = false;
    std::optional<Recurrence> schedule; // of a scheduled job
    std::optional<Time> verified_at;    // when the record was last compared with reality
    std::string backup_connector;       // proves its backups, in place of its ring's

    SLIPWAY_FIELDS {
        visit("name", self.name, required("what people call it"));
        visit("ci_class", self.ci_class, required("its class"));
        visit("host", self.host, optional("the host it runs on", limits::name_max));
        visit("version", self.version, optional("its version now", 100));
        visit("ring", self.ring, optional("the ring it belongs to", 64));
        visit("owner", self.owner, optional("the person who answers for it"));
        visit("depends_on", self.depends_on, optional("what it needs to work", 1000));
        visit("customer_facing", self.customer_facing, optional("customers see it"));
        visit("schedule", self.schedule, optional("when a scheduled job runs"));
        visit("verified_at", self.verified_at, optional("when the record was last verified"));
        visit(
            "backup_connector", self.backup_connector,
            optional("proves its backups, in place of the ring's", 64)
        );
    }
};

struct BoardRecord {
    std::string name;
    bool emergency = false; // this is the ECAB
    BoardSchedule schedule;
    PersonId chair;
    std::vector<PersonId> members;            // of an ECAB: the named authorisers
    std::vector<std::string> required_groups; // each must be among the approving votes
    std::uint32_t quorum = 0;                 // only raises the policy's

    SLIPWAY_FIELDS {
        visit("name", self.name, required("what the board is called"));
        visit("emergency", self.emergency, optional("true: the board for emergencies (ECAB)"));
        visit("schedule", self.schedule, optional("when it meets and its lead time"));
        visit("chair", self.chair, optional("who records its decisions"));
        visit("members", self.members, optional("who votes, beside the chair", 100));
        visit("required_groups", self.required_groups, optional("groups that must approve", 20));
        visit("quorum", self.quorum, optional("votes needed, if more than the policy's number"));
    }
};

bool is_member(const BoardRecord& board, const PersonId& person); // or its chair

SLIPWAY_ENUM(Trial, succeeded, failed)

struct CatalogueRecord {
    std::string title;
    Digest deployment_runbook;
    std::optional<Digest> rollback_runbook;
    std::vector<Digest> rings; // what each production ring holds that it is approved for
    std::vector<CiClass> ci_classes;
    std::vector<PersonId> approved_by; // each put his own name there
    Time expires_at{};
    std::string suspended_because;
    std::vector<Trial> last_trials;

    SLIPWAY_FIELDS {
        visit("title", self.title, required("what the standard change does"));
        visit("deployment_runbook", self.deployment_runbook, required("SHA-256 of its runbook"));
        visit(
            "rollback_runbook", self.rollback_runbook,
            optional(
                "SHA-256 of its rollback runbook; where the checklist has one, it must be named"
            )
        );
        visit(
            "rings", self.rings,
            optional("contents of each production ring it is for, as ring show gives them", 50)
        );
        visit("ci_classes", self.ci_classes, required("classes of CI it is allowed for", 20));
        visit(
            "approved_by", self.approved_by, required("who pre-approves it; each adds himself", 20)
        );
        visit("expires_at", self.expires_at, required("until when it may be used"));
        visit("suspended_because", self.suspended_because, optional("empty: not suspended", 1000));
        visit("last_trials", self.last_trials, optional("its last ten runs, newest last", 10));
    }
};

struct RosterRecord {
    std::string name;
    std::vector<RosterShift> shifts;
    DayHours day_hours;
    std::string client_contact; // of an MSP's client: who decides after hours
    std::string connector;      // pages through this connector instance; empty: by mail channel

    SLIPWAY_FIELDS {
        visit("name", self.name, required("the team"));
        visit("shifts", self.shifts, optional("who is on call when", 500));
        visit("day_hours", self.day_hours, optional("the team's daylight"));
        visit("client_contact", self.client_contact, optional("person id at the client", 64));
        visit("connector", self.connector, optional("connector that pages", 64));
    }
};

struct ChannelRecord {
    std::string name;
    std::string connector; // id of the connector record
    std::vector<std::string> recipients;
    std::vector<std::string> services; // empty: for every service

    SLIPWAY_FIELDS {
        visit("name", self.name, required("what people call it"));
        visit("connector", self.connector, required("the connector that sends", 64));
        visit("recipients", self.recipients, optional("addresses or channel names", 100));
        visit("services", self.services, optional("only for these services"));
    }
};

SLIPWAY_ENUM(RingKind, test, staging, pilot, production)

// What came of gathering the facts of a host, or of importing them; only the server writes it. The
// facts themselves are the attachment, since they are too many for a record.
struct FactsFound {
    Time at{};
    PersonId by;                  // who wanted it
    std::optional<Digest> script; // that gathered them; absent: they were imported
    Digest transcript;            // SHA-256 of the attached document; all zero when there is none
    std::uint32_t count = 0;
    std::string fault; // why there are none

    SLIPWAY_FIELDS {
        visit("at", self.at, required("when they were gathered"));
        visit("by", self.by, optional("who had them gathered, or imported them"));
        visit("script", self.script, optional("SHA-256 of the script; absent: imported"));
        visit("transcript", self.transcript, optional("SHA-256 of the document of the facts"));
        visit("count", self.count, optional("how many there are"));
        visit("fault", self.fault, printed("why there are none", limits::text_max));
    }
};

struct RingHost {
    std::string host;
    CiId ci;
    std::string address;                      // for SSH; empty: local
    std::map<std::string, std::string> facts; // what people wrote down: topology.upstream ...
    std::string role = {};                    // hosts of one role are compared with one another
    std::optional<FactsFound> found = {};

    SLIPWAY_FIELDS {
        visit("host", self.host, required("its name in this ring", limits::name_max));
        visit("ci", self.ci, optional("its configuration item"));
        visit("address", self.address, optional("where to reach it", limits::name_max));
        visit("facts", self.facts, optional("what is known of it beside what is gathered", 1000));
        visit(
            "role", self.role, optional("what it does, such as web: same roles are compared", 64)
        );
        visit("found", self.found, optional("of its gathered facts; only the server writes it"));
    }
};

// A credential that runbooks need on the ring; the secret itself is never here.
struct RingCredential {
    std::string name;
    std::optional<Time> expires_at;
    std::string version = {}; // another one after each rotation

    SLIPWAY_FIELDS {
        visit("name", self.name, required("what it is called"));
        visit("expires_at", self.expires_at, optional("when it ends or is rotated"));
        visit(
            "version", self.version,
            optional("another one after each rotation, such as 7 or its date", 64)
        );
    }
};

struct RingRecord {
    std::string name;
    RingKind kind{};
    std::map<std::string, std::string> variables; // handed to runbooks: the same bytes, other ring
    std::vector<RingHost> hosts;
    std::optional<Time> facts_at; // when the facts were gathered
    std::vector<RingCredential> credentials;
    std::string snapshot_connector;
    std::string backup_connector;
    std::vector<std::string> fact_files = {}; // configuration files whose digests are facts

    SLIPWAY_FIELDS {
        visit("name", self.name, required("what people call it"));
        visit("kind", self.kind, required("test, staging, pilot or production"));
        visit("variables", self.variables, optional("environment of its runbooks", 100));
        visit("hosts", self.hosts, optional("its hosts; none: what runs for it runs here"));
        visit("facts_at", self.facts_at, optional("when the facts written here were looked up"));
        visit("credentials", self.credentials, optional("what its runbooks sign in with"));
        visit("snapshot_connector", self.snapshot_connector, optional("takes snapshots", 64));
        visit("backup_connector", self.backup_connector, optional("proves backups", 64));
        visit("fact_files", self.fact_files, optional("configuration files to compare", 100));
    }
};

struct ConnectorRecord {
    std::string manifest; // connectors/<manifest>.yaml
    Json settings; // as the manifest describes them; secrets by reference: file:, env:, command:

    SLIPWAY_FIELDS {
        visit("manifest", self.manifest, required("name of the manifest", 64));
        visit("settings", self.settings, optional("an object, as the manifest describes it"));
    }
};

// One per tenant, id "main": what holds for the whole organisation.
struct OrganisationRecord {
    std::string name;
    std::string zone = "UTC";
    BusinessHours business_hours;
    std::string report_to;                         // where users file tickets after a change
    std::vector<std::string> inside_networks = {}; // its own, as CIDR: no probe there is outside

    SLIPWAY_FIELDS {
        visit("name", self.name, required("name of the organisation"));
        visit("zone", self.zone, required("IANA time zone", 64));
        visit("business_hours", self.business_hours, optional("for due dates in business time"));
        visit("report_to", self.report_to, optional("where users file tickets", limits::name_max));
        visit("inside_networks", self.inside_networks, optional("its own, such as 10.0.0.0/8"));
    }
};

// Who wrote a record last, and when.
struct LastWrite {
    Time at{};
    PersonId by;
};

// Everything in a tenant's registers at one moment, as gates see it. Immutable; shared by commands.
struct Records {
    std::uint64_t version = 0;      // grows with every change of any record
    std::uint64_t cmdb_version = 0; // grows with every change of a CI
    std::uint64_t ledger_size = 0;  // all entries before this one are in it, later ones may be
    std::map<std::string, std::uint64_t> kind_versions; // grow with every change of their kind
    Shared<std::map<PersonId, PersonRecord>> people;
    Shared<std::map<CiId, CiRecord>> cis;
    Shared<std::map<CiId, std::vector<CiId>>> dependents; // depends_on turned round
    Shared<std::vector<Blackout>> blackouts;
    Shared<std::map<std::string, BoardRecord>> boards;
    Shared<std::map<std::string, LastWrite>> board_writes; // of those boards
    Shared<std::map<std::string, CatalogueRecord>> catalogue;
    Shared<std::map<std::string, RosterRecord>> rosters;
    Shared<std::map<std::string, ChannelRecord>> channels;
    Shared<std::map<std::string, RingRecord>> rings;
    Shared<std::map<std::string, LastWrite>> ring_writes; // of those rings
    Shared<std::map<std::string, ConnectorRecord>> connectors;
    OrganisationRecord organisation;
};

// On record and not inactive: only then can he act, and be counted on.
bool is_active_person(const Records& records, const PersonId& person);

// How the records of this kind were written last; null when nobody asks that of them.
Shared<std::map<std::string, LastWrite>>* last_writes_of(Records& records, std::string_view kind);

// Puts one stored document into the snapshot, in place of the one that it had.
Result<void> put_record(
    Records& records, std::string_view kind, const std::string& id, std::string_view document
);
// Takes a document out of the snapshot, if it is there.
void drop_record(Records& records, std::string_view kind, const std::string& id);
// Takes all documents of a kind out of it.
void clear_records(Records& records, std::string_view kind);

} // namespace slipway::domain
