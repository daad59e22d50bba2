// SPDX-License-Identifier: Apache-2.0
// What the application asks of a database. Everything that one command causes (events, the new
// state documents, what lists and searches show, outgoing tasks, the answer to keep for an
// idempotency key) becomes durable in ONE transaction or not at all. Events are stored as the exact
// bytes that were hashed, in one gapless sequence for the whole installation: the ledger.
// Implementations: SQLite and PostgreSQL from the same code (src/store). All functions may be
// called from any thread. Errors: conflict (a stream is not at the expected version, or what
// else the commit was decided on is no longer so), not_found, unavailable (the database cannot be
// reached), limit_exceeded (the commit queue is full), internal.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "base/codec.hpp"
#include "base/hash.hpp"
#include "base/id.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace slipway::app {

// One event stream: a change, or a record of a register (a configuration item, a blackout ...).
struct StreamKey {
    TenantId tenant;
    std::string kind;
    std::string id;
    auto operator<=>(const StreamKey&) const = default;
};

// An event to append. `body` is the canonical JSON envelope; `leaf` its RFC 6962 leaf hash.
struct NewEvent {
    std::string type;
    Time at{};
    std::string body;
    Digest leaf;
};

struct StoredEvent {
    std::uint64_t seq = 0; // position in the ledger, from 0
    StreamKey key;
    std::uint64_t version = 0; // position in its stream, from 1
    std::string type;
    Time at{};
    std::string body;
    Digest leaf;
};

// What lists, searches, calendars and timers need to know of a change without reading it.
struct ChangeSummary {
    std::string id;
    std::uint64_t number = 0;
    std::string title;
    std::string state;
    std::string type;
    std::string outcome;
    std::string workflow;
    std::string risk;
    std::string requester;
    std::string change_owner;
    std::string meeting; // the CAB meeting on whose agenda it is
    std::optional<Time> window_start;
    std::optional<Time> window_end;
    Time opened_at{};
    Time updated_at{};
    std::optional<Time> wake_at;  // when the worker shall look at it again
    std::vector<std::string> cis; // in scope
    // The board, standard change, rings and roster that it uses until it is over, such as
    // "ring/production", and the people assigned to it, "implementer/ivar"; not given back.
    std::vector<std::string> records = {};
    bool overridden = false; // classified as another type than the rules proposed
    std::string search_text; // what full-text search finds; not given back

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("id", self.id);
        visit("number", self.number);
        visit("title", self.title);
        visit("state", self.state);
        visit("type", self.type);
        visit("outcome", self.outcome);
        visit("workflow", self.workflow);
        visit("risk", self.risk);
        visit("requester", self.requester);
        visit("change_owner", self.change_owner);
        visit("meeting", self.meeting);
        visit("window_start", self.window_start);
        visit("window_end", self.window_end);
        visit("opened_at", self.opened_at);
        visit("updated_at", self.updated_at);
        visit("cis", self.cis);
        visit("overridden", self.overridden);
    }

    // Whether lists show the same of both; when it was last touched is read from the events.
    bool is_shown_like(const ChangeSummary& other) const {
        const auto shown = [](const ChangeSummary& s) {
            return std::tie(
                s.number, s.title, s.outcome, s.workflow, s.risk, s.opened_at, s.overridden
            );
        };
        return shown(*this) == shown(other) && is_filtered_like(other);
    }

    // Whether a search cannot tell the two apart; what lists only show may differ.
    bool is_filtered_like(const ChangeSummary& other) const {
        const auto filters = [](const ChangeSummary& s) {
            return std::tie(
                s.id, s.state, s.type, s.requester, s.change_owner, s.meeting, s.window_start,
                s.window_end, s.wake_at, s.cis, s.records
            );
        };
        return filters(*this) == filters(other);
    }
};

// One stream's part of a commit. expected_version 0 means that the stream must not exist yet.
struct StreamWrite {
    StreamKey key;
    std::uint64_t expected_version = 0;
    std::vector<NewEvent> events; // may be empty for nothing but a summary
    std::string state;    // the new state document; empty: the stored one stays and lags behind
    bool removed = false; // a removed record keeps its stream; lists leave it out
    std::optional<ChangeSummary>
        summary;                 // for kind "change"; empty: the stored one is_shown_like it
    bool search_changed = true;  // false: search_text is what it was
    bool filters_changed = true; // false: the stored summary is_filtered_like this one
};

// Work for the outside world, committed with the events that ask for it (transactional outbox).
struct TaskDraft {
    std::string kind; // "run", "smoke", "backup", "snapshot", "notice", "page" ...
    TenantId tenant;
    std::string change;  // the change it belongs to, or empty
    std::string payload; // JSON
    Time not_before{};
};

struct StoredTask {
    TaskId id;
    std::string kind;
    TenantId tenant;
    std::string change;
    std::string payload;
    int attempts = 0;  // including this one
    std::string lease; // proves the claim when the task is finished
    std::string last_error = {};
    Time due_at{};     // from when it can be claimed; while it is in hand, the end of its lease
    bool dead = false; // given up: nobody claims it any more
};

// Tasks that are not done yet, oldest first. What is empty asks for nothing in particular.
struct TaskQuery {
    TenantId tenant = {};
    std::string change = {};
    std::string kind = {};
    TaskId id = {};
    bool only_dead = false;
    TaskId after = {}; // cursor: only tasks that were asked for after this one
    std::size_t limit = limits::page_size_default;
};

// Ends a claimed task in the same transaction as what came of it, or, with `ends` false, commits
// only while it is held. If the lease was lost to another server, the whole commit is refused with
// `conflict` (is_lease_lost): nothing is done twice.
struct TaskEnd {
    TaskId id;
    std::string lease;
    bool ends = true;
};

inline constexpr std::string_view lease_lost_detail = "the lease is not held";

inline tl::unexpected<Error> fail_lease_lost() {
    return fail(
        ErrorCode::conflict, "another server has taken over this task",
        std::string(lease_lost_detail)
    );
}

// This conflict is for good; after the others it helps to decide again.
inline bool is_lease_lost(const Error& error) {
    return error.code == ErrorCode::conflict && error.detail == lease_lost_detail;
}

// A bearer secret (session or API token), stored as the SHA-256 of the secret.
struct Bearer {
    Digest digest;
    TenantId tenant;
    PersonId person;
    std::string id;                  // public name: "ses-..." or "tok-..."
    std::string kind;                // session | token
    std::vector<std::string> scopes; // empty for a session: all that the person may do
    std::string label;
    Time created_at{};
    Time expires_at{};
};

// A password as Argon2id text with its failure count; never part of the ledger.
struct Credential {
    TenantId tenant;
    PersonId person;
    std::string password_hash;
    int failures = 0;
    std::optional<Time> locked_until;
};

// The answer kept for an Idempotency-Key, per tenant and person.
struct KeptAnswer {
    TenantId tenant;
    PersonId person;
    std::string key;
    Digest request; // digest of method, path and body: another request under one key is refused
    int status = 0;
    std::string body;
    std::string etag;
    Time at{};
};

// The password that a commit was decided on: conflict when the person has another one by now, so
// that a reset is never undone by what began before it.
struct PasswordHeld {
    TenantId tenant;
    PersonId person;
    std::string password_hash;
};

// The records that a commit was decided on, as they were when the ledger had `size` entries:
// conflict when an entry about one of them was written since. A key with an empty id stands for
// every record of its kind, also for one that did not exist then.
struct RecordsHeld {
    std::uint64_t size = 0;
    std::vector<StreamKey> keys;
};

// The tasks of a change that a commit was decided on, up to the newest one: conflict when one was
// asked for since.
struct TasksHeld {
    TenantId tenant;
    std::string change;
    TaskId newest; // empty: there was none
};

struct StoredCheckpoint {
    std::uint64_t size = 0;
    Time at{};
    std::string note; // the signed note
};

// The ledger as its head has it: kept beside the entries and changed with every one of them.
struct LedgerHead {
    std::uint64_t size = 0;
    Digest root;
};

struct ChangeQuery {
    TenantId tenant = {};
    std::string text = {}; // full-text search; empty: no restriction
    std::vector<std::string> states = {};
    std::vector<std::string> types = {};
    std::string requester = {};
    std::string change_owner = {};
    std::vector<std::string> cis = {}; // any of these is in its scope; empty: no restriction
    std::string meeting = {};
    std::string record = {};              // "ring/production": those that use it and are not over
    bool overridden = false;              // true: only those that are
    std::optional<Time> window_from = {}; // the window overlaps [window_from, window_until)
    std::optional<Time> window_until = {};
    std::uint64_t before_number = 0; // cursor: only numbers below it; 0 starts at the newest
    std::size_t limit = limits::page_size_default;
};

struct Commit {
    std::vector<StreamWrite> writes;
    std::vector<TaskDraft> tasks;
    std::optional<TaskEnd> task_end;
    std::optional<KeptAnswer> answer;
    std::vector<Bearer> put_bearers;
    std::vector<Digest> drop_bearers;
    std::vector<Credential> put_credentials;
    std::optional<PasswordHeld> password_held = {};
    std::optional<Digest> bearer_held = {}; // conflict when this bearer is gone
    RecordsHeld records_held = {};
    std::set<StreamKey> records_named = {};       // conflict when one is not there, or is removed
    std::vector<ChangeQuery> changes_absent = {}; // conflict when one of them finds a change
    std::optional<TasksHeld> tasks_held = {};
    std::map<std::string, std::string> put_settings;
    std::optional<StoredCheckpoint> checkpoint; // of the ledger as it is after this commit
};

struct Receipt {
    std::uint64_t first_seq = 0; // of the events of this commit; meaningless when there are none
    std::uint64_t next_seq = 0;  // the size of the ledger after it
};

struct StoredStream {
    StreamKey key;
    std::uint64_t version = 0;
    std::string state; // empty when the caller's known_version is current
    bool removed = false;
    std::vector<StoredEvent> since = {}; // the events that `state` does not contain yet
};

// An entry of the ledger that is about a record of a register.
struct RecordEntry {
    std::uint64_t seq = 0;
    std::string kind;
    std::string id;
};

// Attachments: content-addressed, written in chunks, visible only when complete.
class BlobWriter {
  public:
    virtual ~BlobWriter() = default;
    virtual Result<void> write(std::string_view bytes) = 0; // limit_exceeded past attachment_max
    virtual Result<Digest> finish() = 0; // destroyed before finish(): nothing remains
};

class Store {
  public:
    virtual ~Store() = default;

    // True when no other process can write: what this one committed last is the state.
    virtual bool is_only_writer() const { return false; }

    // Why nothing is written: until a new start, or since a commit failed a moment ago and none has
    // come through since. Empty otherwise.
    virtual std::optional<Error> not_writing() const { return {}; }

    // Streams. load gives not_found when there never was such a stream.
    virtual Result<StoredStream> load(const StreamKey& key, std::uint64_t known_version = 0) = 0;
    virtual Result<std::vector<StoredStream>> list(
        const TenantId& tenant, const std::string& kind, const std::string& after_id,
        std::size_t limit
    ) = 0;
    // A number that grows whenever any record of this kind changes: lets callers cache lists.
    virtual Result<std::uint64_t> kind_version(const TenantId& tenant, const std::string& kind) = 0;
    // The entries from `seq` on that are about records (not changes), in their order; nothing when
    // there are more than `limit`.
    virtual Result<std::optional<std::vector<RecordEntry>>>
    records_written(const TenantId& tenant, std::uint64_t seq, std::size_t limit) = 0;
    virtual Result<std::vector<TenantId>> tenants() = 0;

    // Blocks until durable. conflict: a stream has moved on, a task's lease was lost, or something
    // else that the commit holds is no longer so.
    virtual Result<Receipt> commit(Commit commit) = 0;

    // The same without blocking: `done` is called once, possibly on the thread that writes, so it
    // must be quick, must not throw and must not commit.
    using Committed = std::function<void(Result<Receipt>)>;

    virtual void commit_later(Commit commit, Committed done) {
        done(this->commit(std::move(commit)));
    }

    // For numbered streams (changes): `make` is called with the next number of (tenant, counter)
    // inside the transaction, so numbers have no gaps. It must be quick and must not call the
    // store.
    virtual Result<Receipt> commit_numbered(
        const TenantId& tenant, const std::string& counter,
        std::function<Result<Commit>(std::uint64_t number)> make
    ) = 0;

    // Changes, newest number first.
    virtual Result<std::vector<ChangeSummary>> find_changes(const ChangeQuery& query) = 0;
    virtual Result<std::vector<StreamKey>> changes_to_wake(Time now, std::size_t limit) = 0;
    // Leaves a change alone until then, or until its next commit.
    virtual Result<void> rest_change(const StreamKey& key, Time until) = 0;

    // Events.
    virtual Result<std::vector<StoredEvent>>
    events_of(const StreamKey& key, std::uint64_t after_version, std::size_t limit) = 0;
    // The newest one that is not of this type.
    virtual Result<std::optional<StoredEvent>>
    last_event(const StreamKey& key, const std::string& type_left_out) = 0;
    // In ledger order from `seq`; all tenants when tenant is empty.
    virtual Result<std::vector<StoredEvent>>
    events_from(std::uint64_t seq, std::size_t limit, const TenantId& tenant = {}) = 0;
    // The fast whole-ledger scan for verification: calls `visit` for every event in seq order with
    // views that live for the call; stops when it returns false.
    virtual Result<void> scan_ledger(
        std::uint64_t from_seq,
        const std::function<bool(std::uint64_t seq, std::string_view body, std::string_view leaf)>&
            visit
    ) = 0;
    virtual Result<std::uint64_t> ledger_size() = 0;
    virtual Result<LedgerHead> ledger_head() = 0;
    // Made of the hashes that are kept for proofs.
    virtual Result<Digest> ledger_root(std::uint64_t size) = 0;
    // The hash of the complete subtree of 2^level leaves that begins at leaf index * 2^level.
    virtual Result<Digest> ledger_subtree(unsigned level, std::uint64_t index) = 0;
    virtual Result<void> put_checkpoint(const StoredCheckpoint& checkpoint) = 0;
    virtual Result<std::vector<StoredCheckpoint>>
    checkpoints(std::uint64_t from_size, std::size_t limit) = 0;
    // Called after each commit of this process with the new ledger size; must be quick.
    virtual void on_committed(std::function<void(std::uint64_t size)> listener) = 0;

    // The clock by which leases are compared. Where servers share a database it is the database's,
    // since their own may differ by more than a lease; otherwise it is `own`.
    virtual Result<Time> lease_clock(Time own) = 0;
    // Tasks. A claim gives a lease until `lease_until`; a lost lease lets another server take over.
    // The times are of lease_clock(). Leases that are left when is_only_writer() opens are void.
    // While the lease of a "run" of a change lasts, a step of it may be at work on a machine: no
    // other "run" of that change is claimed until then, and no "snapshot_revert"; nor a "run" while
    // the lease of a "snapshot_revert" lasts. Tasks of the kinds `except`, for which there is no
    // room, stay where they are.
    virtual Result<std::vector<StoredTask>> claim_tasks(
        const std::string& server, Time now, Time lease_until, std::size_t limit,
        const std::vector<std::string>& except = {}
    ) = 0;
    virtual Result<void> extend_lease(const TaskEnd& task, Time lease_until) = 0;
    // Tries again at `retry_at`; without it the task is dead, until it is revived.
    virtual Result<void>
    fail_task(const TaskEnd& task, const std::string& error, std::optional<Time> retry_at) = 0;
    // Gives a claimed task back until then; it was not its turn, so the attempt does not count.
    virtual Result<void> put_off_task(const TaskEnd& task, Time until) = 0;
    // Lets a dead task be claimed once more, in one transaction with `with`, which says who wanted
    // it. Errors: not_found, conflict when it is not dead, and those of commit().
    virtual Result<Receipt>
    revive_task(const TenantId& tenant, const TaskId& task, Commit with) = 0;
    virtual Result<std::vector<StoredTask>> list_tasks(const TaskQuery& query) = 0;

    // Identity.
    virtual Result<std::optional<Bearer>> find_bearer(const Digest& digest) = 0;
    virtual Result<std::vector<Bearer>>
    list_bearers(const TenantId& tenant, const PersonId& person) = 0;
    virtual Result<std::optional<Credential>>
    find_credential(const TenantId& tenant, const PersonId& person) = 0;
    virtual Result<std::optional<KeptAnswer>>
    find_answer(const TenantId& tenant, const PersonId& person, const std::string& key) = 0;
    // Removes expired bearers, answers older than `before`, and unfinished blobs.
    virtual Result<void> sweep(Time now, Time answers_before) = 0;

    // Attachments.
    virtual Result<std::unique_ptr<BlobWriter>> new_blob(const TenantId& tenant) = 0;
    virtual Result<std::uint64_t> blob_size(const TenantId& tenant, const Digest& digest) = 0;
    virtual Result<void> read_blob(
        const TenantId& tenant, const Digest& digest,
        const std::function<Result<void>(std::string_view chunk)>& sink
    ) = 0;

    // Small named values of the installation: mode, origin, keys. Never secrets of people.
    virtual Result<std::optional<std::string>> setting(const std::string& name) = 0;
    virtual Result<void> put_setting(const std::string& name, const std::string& value) = 0;
};

} // namespace slipway::app
