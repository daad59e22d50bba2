// SPDX-License-Identifier: Apache-2.0
// The one door through which state changes: authorise, load, gather facts, let the domain decide,
// commit. Everything that HTTP, the CLI and the worker want done to a change or a record goes
// through here; there is one function per shape of request, not one per command, because the
// commands are data (domain/change/commands.hpp). Errors carry the gate's reasons; a version that
// moved on is retried here up to limits::decide_retries_max times, unless the caller named the
// version.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "app/actor.hpp"
#include "app/ports/store.hpp"
#include "base/clock.hpp"
#include "base/json.hpp"
#include "base/random.hpp"
#include "domain/change/facts.hpp"
#include "domain/records/records.hpp"

namespace slipway::app {

// The key of an Idempotency-Key header and the digest of the request that it came with.
struct IdempotencyKey {
    std::string key;
    Digest request;
};

struct CommandRequest {
    std::string change;  // "CHG-12"; empty for "open"
    std::string command; // a name of the command table
    Json body = JsonObject{};
    std::optional<std::uint64_t> if_version = {}; // If-Match: conflict when the change has moved on
    std::optional<IdempotencyKey> idempotency = {};
    std::optional<TaskEnd> task_end = {}; // the worker's results
};

struct Answer {
    std::string id;                // of the change or record
    std::uint64_t version = 0;     // its version now: the ETag
    std::string body;              // JSON: what HTTP and the CLI show
    std::uint64_t ledger_size = 0; // 0 when nothing was written
    bool replayed = false;         // the kept answer of an earlier request with the same key
    bool created = false;
    std::string rules = {}; // what else the body follows from, such as the policy: of the ETag
};

struct RecordRequest {
    std::string kind; // a name of the register table: "ci", "blackout", "person" ...
    std::string id;
    Json body = JsonObject{};
    std::optional<std::uint64_t> if_version = {};
    std::optional<IdempotencyKey> idempotency = {};
    std::optional<bool> must_exist = {}; // conflict when it is not there, or when it is
};

// One record of an import.
struct RecordDraft {
    std::string id;
    Json body;
};

// Of an import that is written piece by piece: what comes before and after the piece.
struct ImportRest {
    std::size_t before = 0;      // how many records it has written already
    std::set<std::string> after; // the ids of those that it writes later
};

// What came of looking at one host of a ring.
struct HostFound {
    std::string host;
    std::string address;
    domain::FactsFound found;
};

struct RecordPage {
    std::vector<std::pair<std::uint64_t, std::string>> rows; // version, document
    std::string next;                                        // cursor, empty at the end
};

// Which end of a history comes first.
SLIPWAY_ENUM(HistoryOrder, oldest, newest)

class Door {
  public:
    struct Parts {
        Store& store;
        const Clock& clock;
        Random& random;
        std::string data_directory; // workflows/ and policies/ of the installation
        // Reads JUnit XML (an adapter's work); empty: such results are refused.
        std::function<Result<domain::ToolReport>(std::string_view xml)> read_junit;
        // Whether this ring may name this reference to a secret, by the rule of whoever resolves
        // it; resolves nothing. Empty: it is not looked at.
        std::function<Result<void>(
            domain::RingKind kind, const std::string& ring, std::string_view reference
        )>
            check_secret = {};
        // Whether a connector could be used as its record configures it; asks nobody outside.
        // Empty: it is not looked at.
        std::function<Result<void>(const std::string& id, const domain::ConnectorRecord& connector)>
            check_connector = {};
    };

    // Loads and checks workflows and policies. Errors name file, line and reason.
    static Result<std::unique_ptr<Door>> open(Parts parts);
    ~Door();
    Door(const Door&) = delete;
    Door& operator=(const Door&) = delete;

    // Changes.
    Result<Answer> execute(const Actor& actor, const CommandRequest& request);
    // The same without blocking on the disk, for every command but "open". `done` is called once,
    // possibly on the store's thread for answers: it must be quick and must not throw. It gets
    // nothing when another request was quicker at the same change, and for pin_runbook, which reads
    // a whole file; then execute() tries again.
    using Done = std::function<void(std::optional<Result<Answer>>)>;
    void execute_later(const Actor& actor, const CommandRequest& request, Done done);
    // The files of workflows that were edited without a new version, in words. A change that is to
    // be opened with one of them is refused.
    Result<std::vector<std::string>> edited_workflows();

    Result<Answer> show_change(const Actor& actor, const std::string& change);
    // The same as a value, for whoever looks at many or often.
    Result<domain::Change> load_change(const Actor& actor, const std::string& change);
    Result<std::vector<ChangeSummary>> find_changes(const Actor& actor, ChangeQuery query);
    // Every gate's verdict as of now, in the order of the workflow: JSON {"gates":[...],
    // "ready":...}.
    Result<std::string> show_gates(const Actor& actor, const std::string& change);
    // The checklist with each step's state, due date and what it still needs: JSON.
    Result<std::string> show_steps(const Actor& actor, const std::string& change);
    // Whether a pipeline may go on: JSON {"go":bool,"reasons":[...],"retry_after_ms":n}.
    Result<std::string> show_clearance(const Actor& actor, const std::string& change);
    // Free windows, best first, with reasons: JSON.
    Result<std::string>
    propose_windows(const Actor& actor, const std::string& change, const Json& query);
    // The entries of one change, beginning at one of its ends. `cursor` is the version of the last
    // entry of the page before; 0 for the first page.
    Result<std::vector<StoredEvent>> history(
        const Actor& actor, const std::string& change, HistoryOrder order, std::uint64_t cursor,
        std::size_t limit
    );

    // Records of the registers.
    Result<Answer> put_record(const Actor& actor, const RecordRequest& request);
    // Whether what these records name is registered or among them: asked once for all that is
    // imported together, before the first is written. Errors: invalid_input naming
    // "[2].depends_on[0]".
    Result<void> check_references(
        const Actor& actor, const std::string& kind, const std::vector<RecordDraft>& records
    );
    // All of them or none, in one commit; at most limits::import_commit_max. Gives how many are
    // new. What they name must be registered, among them, or written later by the same import.
    // Errors: those of check_references, counted from the beginning of the import.
    Result<std::size_t> put_records(
        const Actor& actor, const std::string& kind, const std::vector<RecordDraft>& records,
        const ImportRest& rest = {}
    );
    // Errors: blocked with a reason for each record that names this one and each change not over
    // that still uses it, at most limits::record_users_shown_max of either, or because nobody would
    // be left who administers and can sign in.
    Result<Answer> remove_record(const Actor& actor, const RecordRequest& request);
    Result<Answer> show_record(const Actor& actor, const std::string& kind, const std::string& id);
    Result<RecordPage> list_records(
        const Actor& actor, const std::string& kind, const std::string& after, std::size_t limit
    );

    // What is found on the hosts of a ring. gather_ring asks the worker to look: errors are
    // not_found, invalid_input when it has no hosts, blocked while that is being done. import_facts
    // takes what probes/facts.sh printed elsewhere: invalid_input when it is no such document, or
    // the ring has no such host. record_found writes what came of it into the ring's record; hosts
    // that are no longer there are passed over.
    Result<Answer> gather_ring(
        const Actor& actor, const std::string& ring,
        const std::optional<IdempotencyKey>& idempotency
    );
    Result<Answer> import_facts(
        const Actor& actor, const std::string& ring, const std::string& host, const Json& document,
        const std::optional<IdempotencyKey>& idempotency
    );
    Result<Answer> record_found(
        const Actor& actor, const std::string& ring, const std::vector<HostFound>& found,
        const std::optional<IdempotencyKey>& idempotency, const std::optional<TaskEnd>& task_end
    );
    // Every host with what is known of it: JSON {"items":[...]}.
    Result<std::string> show_facts(const Actor& actor, const std::string& ring);

    // The outbox: what is still to be done outside, oldest first. The query's tenant is the
    // actor's.
    Result<std::vector<StoredTask>> list_tasks(const Actor& actor, TaskQuery query);
    // Lets a dead task be tried once more; the ledger keeps who wanted it, on the stream (tenant,
    // "task", id). Errors: not_found, conflict when it is not dead.
    Result<Answer> retry_task(
        const Actor& actor, const TaskId& task, const std::optional<IdempotencyKey>& idempotency
    );

    // The worker: looks at every change whose wake_at has come; returns how many it touched.
    Result<std::size_t> wake(std::size_t limit);

    const Clock& clock() const;
    Store& store() const;

    struct Inside;

  private:
    explicit Door(std::unique_ptr<Inside> inside);
    std::unique_ptr<Inside> inside_;
};

} // namespace slipway::app
