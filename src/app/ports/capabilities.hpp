// SPDX-License-Identifier: Apache-2.0
// What an outside system can do for a change, as typed requests and answers: nine capabilities,
// each with a few operations. A request names its capability, its operation and its answer, so that
// ask() (app/ports/connectors.hpp) needs nothing else. Manifests map a vendor's JSON to exactly
// these types and an answer that does not fit is refused: an unknown state must never look like a
// good one. Texts that come from outside are limited as their fields say; times are UTC.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/codec.hpp"

namespace slipway::app {

SLIPWAY_ENUM(Capability, itsm, cmdb, backup, snapshot, notice, oncall, monitor, tickets, docs)

namespace capability_limits {
inline constexpr std::size_t answers_max = 5000; // alerts, agents, tickets of one answer
} // namespace capability_limits

// Backup -----------------------------------------------------------------------------------------

struct BackupStatus {
    std::optional<Time> last_success = {}; // empty: the system knows of no successful backup
    std::string point = {};                // the restore point, as the system names it
    std::string job = {};
    std::string source = {}; // what was saved: paths, a machine, a database

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("last_success", self.last_success, optional("end of the last successful backup"));
        visit("point", self.point, optional("the restore point"));
        visit("job", self.job, optional("the backup job", limits::text_max));
        visit("source", self.source, optional("what was saved", limits::text_max));
    }
};

struct BackupCheck {
    static constexpr auto capability = Capability::backup;
    static constexpr std::string_view operation = "check";
    using Answer = BackupStatus;
    CiId ci = {};
    std::string host = {};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("ci", self.ci, required("the configuration item"));
        visit("host", self.host, optional("its host, as the backup system names it"));
    }
};

// A restore that was really done. `content_digest` covers every restored file: the SHA-256 of the
// lines "<sha256>  ./<path>\n" in byte order of the path, which is what
// `find . -type f | LC_ALL=C sort | xargs sha256sum | sha256sum` prints. What was restored says
// itself what it is of and when it was made: `point`, `ci`, `host` and `point_at` are read from the
// restore point, never copied from the request.
struct BackupProof {
    bool restored = false;
    std::optional<Digest> content_digest = {};
    std::int64_t files = 0;
    std::int64_t bytes = 0;
    std::string detail = {};
    std::optional<Time> started = {};
    std::optional<Time> ended = {};
    std::string point = {};
    CiId ci = {};
    std::string host = {};
    std::optional<Time> point_at = {};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("restored", self.restored, optional("whether the restore came out whole"));
        visit("content_digest", self.content_digest, optional("digest of the restored files"));
        visit("files", self.files, optional("how many files were restored"));
        visit("bytes", self.bytes, optional("how many bytes they hold"));
        visit("detail", self.detail, optional("what the system said", limits::text_max));
        visit("started", self.started, optional("when the restore began"));
        visit("ended", self.ended, optional("when the restore ended"));
        visit("point", self.point, optional("the point that was restored"));
        visit("ci", self.ci, optional("the configuration item that the point is of"));
        visit("host", self.host, optional("the host that the point is of"));
        visit("point_at", self.point_at, optional("when the point was made"));
    }
};

struct BackupProve {
    static constexpr auto capability = Capability::backup;
    static constexpr std::string_view operation = "prove";
    using Answer = BackupProof;
    CiId ci = {};
    std::string host = {};
    std::string point = {};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("ci", self.ci, required("the configuration item"));
        visit("host", self.host, optional("its host, as the backup system names it"));
        visit("point", self.point, required("the restore point to restore"));
    }
};

// Snapshot ---------------------------------------------------------------------------------------

struct Snapshot {
    std::string id = {};
    std::string tag = {}; // "slipway-CHG-12": ours are known by it
    std::string host = {};
    std::optional<Time> created = {};
    std::optional<Time> expires = {};
    std::int64_t size_bytes = 0;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("id", self.id, required("the system's name of the snapshot"));
        visit("tag", self.tag, required("our tag on it"));
        visit("host", self.host, optional("what was snapshotted"));
        visit("created", self.created, optional("when it was taken"));
        visit("expires", self.expires, optional("when it is to be removed"));
        visit("size_bytes", self.size_bytes, optional("its size, 0 when unknown"));
    }
};

struct Snapshots {
    std::vector<Snapshot> snapshots = {};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit(
            "snapshots", self.snapshots,
            optional("the snapshots found", capability_limits::answers_max)
        );
    }
};

struct Done {
    bool done = false;
    std::string detail = {};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("done", self.done, optional("whether it was done"));
        visit("detail", self.detail, optional("what the system said", limits::text_max));
    }
};

struct SnapshotTake {
    static constexpr auto capability = Capability::snapshot;
    static constexpr std::string_view operation = "take";
    using Answer = Snapshot;
    std::string host = {};
    std::string tag = {};
    std::optional<Time> expires = {};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("host", self.host, required("what to snapshot, as the system names it"));
        visit("tag", self.tag, required("the tag that marks it as ours"));
        visit("expires", self.expires, optional("when it is to be removed"));
    }
};

struct SnapshotRead {
    static constexpr auto capability = Capability::snapshot;
    static constexpr std::string_view operation = "read";
    using Answer = Snapshot;
    std::string id = {};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("id", self.id, required("the snapshot"));
    }
};

struct SnapshotList {
    static constexpr auto capability = Capability::snapshot;
    static constexpr std::string_view operation = "list";
    using Answer = Snapshots;
    std::string tag_prefix = {};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("tag_prefix", self.tag_prefix, required("only those whose tag begins so"));
    }
};

// Removes only a snapshot that carries this tag; a foreign one is refused with `conflict`.
struct SnapshotRemove {
    static constexpr auto capability = Capability::snapshot;
    static constexpr std::string_view operation = "remove";
    using Answer = Done;
    std::string id = {};
    std::string tag = {};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("id", self.id, required("the snapshot"));
        visit("tag", self.tag, required("the tag that it must carry"));
    }
};

// Goes back only to a snapshot that carries this tag; a foreign one is refused with `conflict`.
struct SnapshotRevert {
    static constexpr auto capability = Capability::snapshot;
    static constexpr std::string_view operation = "revert";
    using Answer = Done;
    std::string id = {};
    std::string tag = {};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("id", self.id, required("the snapshot to go back to"));
        visit("tag", self.tag, required("the tag that it must carry"));
    }
};

// Notice and on call -----------------------------------------------------------------------------

struct DeliveryReceipt {
    bool delivered = false; // the next system took responsibility for it
    std::string message_id = {};
    std::string detail = {};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("delivered", self.delivered, optional("whether the message was taken"));
        visit("message_id", self.message_id, optional("its id there", limits::text_max));
        visit("detail", self.detail, optional("what the system said", limits::text_max));
    }
};

struct NoticeSend {
    static constexpr auto capability = Capability::notice;
    static constexpr std::string_view operation = "send";
    using Answer = DeliveryReceipt;
    std::string channel = {}; // a room, a page, a list; mail needs none
    std::string subject = {};
    std::string body = {};
    std::vector<std::string> recipients = {};
    std::map<std::string, std::string> headers = {}; // such as "X-Slipway-Change"

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("channel", self.channel, optional("where to post it"));
        visit("subject", self.subject, required("the subject line"));
        visit("body", self.body, required("the text", limits::paragraph_max));
        visit("recipients", self.recipients, optional("mail addresses"));
        visit("headers", self.headers, optional("extra headers of a mail", 20));
    }
};

SLIPWAY_ENUM(OncallRole, primary, secondary, escalation)

struct Shift {
    std::string person = {}; // as the on-call system names the person
    std::string contact = {};
    OncallRole role{};
    Time from{};
    Time to{};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("person", self.person, required("who is on call"));
        visit("contact", self.contact, optional("how to reach the person"));
        visit("role", self.role, required("in which role"));
        visit("from", self.from, required("from when"));
        visit("to", self.to, required("until when"));
    }
};

struct Shifts {
    std::vector<Shift> shifts = {};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("shifts", self.shifts, optional("who is on call", capability_limits::answers_max));
    }
};

struct OncallWho {
    static constexpr auto capability = Capability::oncall;
    static constexpr std::string_view operation = "who";
    using Answer = Shifts;
    Time from{};
    Time to{};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("from", self.from, required("start of the time asked about"));
        visit("to", self.to, required("end of the time asked about"));
    }
};

struct OncallPage {
    static constexpr auto capability = Capability::oncall;
    static constexpr std::string_view operation = "page";
    using Answer = DeliveryReceipt;
    std::string person = {};
    std::string contact = {};
    std::string subject = {};
    std::string body = {};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("person", self.person, required("whom to page"));
        visit("contact", self.contact, optional("how: a mail address, a number"));
        visit("subject", self.subject, required("the subject line"));
        visit("body", self.body, required("the text", limits::paragraph_max));
    }
};

// Monitor ----------------------------------------------------------------------------------------

SLIPWAY_ENUM(AlertSeverity, info, warning, error, critical)

struct Alert {
    std::string id = {};
    CiId ci = {};
    std::string title = {};
    AlertSeverity severity{};
    std::optional<Time> since = {};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("id", self.id, required("the alert"));
        visit("ci", self.ci, required("what it is about"));
        visit("title", self.title, required("what it says", limits::text_max));
        visit("severity", self.severity, required("how bad it is"));
        visit("since", self.since, optional("since when"));
    }
};

struct Alerts {
    std::vector<Alert> alerts = {};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("alerts", self.alerts, optional("the open alerts", capability_limits::answers_max));
    }
};

struct MonitorAlerts {
    static constexpr auto capability = Capability::monitor;
    static constexpr std::string_view operation = "alerts";
    using Answer = Alerts;
    std::vector<CiId> cis = {};
    std::optional<Time> since = {};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("cis", self.cis, required("the configuration items"));
        visit("since", self.since, optional("only alerts from then on"));
    }
};

struct AgentState {
    CiId ci = {};
    bool reporting = false;
    std::optional<Time> last_seen = {};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("ci", self.ci, required("the configuration item"));
        visit("reporting", self.reporting, optional("whether its agent reports"));
        visit("last_seen", self.last_seen, optional("when it last did"));
    }
};

struct Agents {
    std::vector<AgentState> agents = {};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("agents", self.agents, optional("the agents", capability_limits::answers_max));
    }
};

struct MonitorAgents {
    static constexpr auto capability = Capability::monitor;
    static constexpr std::string_view operation = "agents";
    using Answer = Agents;
    std::vector<CiId> cis = {};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("cis", self.cis, required("the configuration items"));
    }
};

// Tickets and ITSM -------------------------------------------------------------------------------

struct Ticket {
    std::string id = {};
    std::string title = {};
    std::string url = {};
    std::optional<Time> opened = {};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("id", self.id, required("the ticket"));
        visit("title", self.title, optional("its title", limits::text_max));
        visit("url", self.url, optional("where to read it", limits::url_max));
        visit("opened", self.opened, optional("when it was opened"));
    }
};

struct Tickets {
    std::vector<Ticket> tickets = {};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("tickets", self.tickets, optional("the tickets", capability_limits::answers_max));
    }
};

struct TicketsTagged {
    static constexpr auto capability = Capability::tickets;
    static constexpr std::string_view operation = "tagged";
    using Answer = Tickets;
    ChangeId change = {};
    std::optional<Time> since = {};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("change", self.change, required("the change they are tagged with"));
        visit("since", self.since, optional("only tickets opened from then on"));
    }
};

SLIPWAY_ENUM(TicketSeverity, trivial, minor, major, critical, blocker)

struct TicketsOpen {
    static constexpr auto capability = Capability::tickets;
    static constexpr std::string_view operation = "open";
    using Answer = Ticket;
    ChangeId change = {};
    std::string title = {};
    std::string body = {};
    TicketSeverity severity{};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("change", self.change, optional("the change to tag it with"));
        visit("title", self.title, required("its title"));
        visit("body", self.body, optional("its text", limits::paragraph_max));
        visit("severity", self.severity, required("how bad it is"));
    }
};

struct ItsmRecord {
    std::string external_id = {};
    std::string url = {};
    std::string state = {}; // as that system names it, read back after the write

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("external_id", self.external_id, required("the record there"));
        visit("url", self.url, optional("where to read it", limits::url_max));
        visit("state", self.state, optional("its state there"));
    }
};

struct ItsmOpen {
    static constexpr auto capability = Capability::itsm;
    static constexpr std::string_view operation = "open";
    using Answer = ItsmRecord;
    ChangeId change = {};
    std::string title = {};
    std::string description = {};
    std::string type = {};
    std::string state = {};
    std::string requester = {};
    std::optional<Time> start = {};
    std::optional<Time> end = {};
    std::vector<CiId> cis = {};
    std::string url = {};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("change", self.change, required("our change"));
        visit("title", self.title, required("its title"));
        visit("description", self.description, optional("its text", limits::paragraph_max));
        visit("type", self.type, optional("standard, normal or emergency"));
        visit("state", self.state, optional("our state"));
        visit("requester", self.requester, optional("who asks for it"));
        visit("start", self.start, optional("start of the window"));
        visit("end", self.end, optional("end of the window"));
        visit("cis", self.cis, optional("the configuration items"));
        visit("url", self.url, optional("the change in Slipway", limits::url_max));
    }
};

struct ItsmUpdate {
    static constexpr auto capability = Capability::itsm;
    static constexpr std::string_view operation = "update";
    using Answer = ItsmRecord;
    std::string external_id = {};
    ChangeId change = {};
    std::string title = {};
    std::string state = {};
    std::string note = {};
    std::optional<Time> start = {};
    std::optional<Time> end = {};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("external_id", self.external_id, required("the record there"));
        visit("change", self.change, required("our change"));
        visit("title", self.title, optional("its title"));
        visit("state", self.state, optional("our state"));
        visit("note", self.note, optional("what happened", limits::paragraph_max));
        visit("start", self.start, optional("start of the window"));
        visit("end", self.end, optional("end of the window"));
    }
};

// CMDB and documentation -------------------------------------------------------------------------

// What a system knows of a configuration item; a push is read back and compared with this.
struct CiRecord {
    CiId ci = {};
    std::string version = {};
    std::string host = {};
    std::string owner = {};
    std::vector<CiId> dependencies = {};
    std::string external_id = {};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("ci", self.ci, required("the configuration item"));
        visit("version", self.version, optional("the version it runs"));
        visit("host", self.host, optional("where it runs"));
        visit("owner", self.owner, optional("who owns it"));
        visit("dependencies", self.dependencies, optional("what it needs"));
        visit("external_id", self.external_id, optional("the record there"));
    }
};

template <Capability Where>
struct CiPush {
    static constexpr auto capability = Where;
    static constexpr std::string_view operation = "push";
    using Answer = CiRecord;
    CiId ci = {};
    std::string version = {};
    std::string host = {};
    std::string owner = {};
    std::vector<CiId> dependencies = {};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("ci", self.ci, required("the configuration item"));
        visit("version", self.version, optional("the version it runs"));
        visit("host", self.host, optional("where it runs"));
        visit("owner", self.owner, optional("who owns it"));
        visit("dependencies", self.dependencies, optional("what it needs"));
    }
};

template <Capability Where>
struct CiRead {
    static constexpr auto capability = Where;
    static constexpr std::string_view operation = "read";
    using Answer = CiRecord;
    CiId ci = {};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("ci", self.ci, required("the configuration item"));
    }
};

using CmdbPush = CiPush<Capability::cmdb>;
using CmdbRead = CiRead<Capability::cmdb>;
using DocsPush = CiPush<Capability::docs>;
using DocsRead = CiRead<Capability::docs>;

} // namespace slipway::app
