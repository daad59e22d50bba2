// SPDX-License-Identifier: Apache-2.0
// What is behind the door: loading, facts. Only door*.cpp include this.
#pragma once

#include <array>
#include <mutex>
#include <set>
#include <type_traits>

#include "app/change_cache.hpp"
#include "app/door.hpp"
#include "app/library.hpp"
#include "app/tenant_records.hpp"
#include "domain/change/command_table.hpp"
#include "domain/change/facts.hpp"
#include "domain/records/register_table.hpp"

namespace slipway::app {

// How much somebody can do as an administrator; each is more than the one before.
enum class Administers : std::uint8_t { no, without_password, signs_in };

// How a person stands whom a commit writes.
struct PersonPut {
    Administers before = Administers::no;
    Administers after = Administers::no;
};

struct Door::Inside {
    explicit Inside(Parts given) : parts(std::move(given)), records(parts.store) {}

    Parts parts;
    std::unique_ptr<Library> library;
    TenantRecords records;
    // Where several servers write, a cached state is used only after the store has confirmed its
    // version, so another server's commit is never missed.
    ChangeCache cache;
    // Commands that wait for the disk go one after the other at a change, and those that do not
    // wait behind them: in a crowd, trying again until one is first is no way to get there.
    std::array<std::mutex, 1024> turns;

    std::mutex& turn_of(const TenantId& tenant, const std::string& change) {
        return turns[std::hash<std::string>{}(tenant.value + change) % turns.size()];
    }

    std::mutex linting; // one runbook at a time: a large one takes hundreds of megabytes

    std::mutex kept_mutex;
    std::set<StreamKey> kept_workflows; // in the store, with the bytes of the library

    // The policy, as an ETag has it.
    std::string rules() const { return library->policy().digest.hex().substr(0, 8); }

    // Decides, and once more when it was refused on registers that another server has written
    // since.
    template <class Decide>
    std::invoke_result_t<Decide> on_newest_records(const TenantId& tenant, Decide decide) {
        const auto before = TRY(records.of(tenant));
        auto decided = decide();
        if (decided || TRY(records.newest(tenant))->version == before->version)
            return decided;
        return decide();
    }

    enum class Trust { cache, store };

    // Trust::store asks the store in any case: after a conflict the cache may be a moment behind.
    Result<LoadedChange>
    load(const TenantId& tenant, const std::string& change, Trust trust = Trust::cache);
    // Facts that every command sees.
    Result<domain::Facts> gather(const Actor& actor, const LoadedChange& loaded);
    // Other changes whose windows touch this one on the same or a dependent item.
    Result<std::vector<domain::OtherChange>>
    others(const domain::Change& change, const domain::Interval& window);
    // Puts those of the change's own window into the facts.
    Result<void> gather_others(const domain::Change& change, domain::Facts& facts);
    // What the bytes are that pin_runbook names; nothing for other commands, and when nobody has
    // uploaded them. Asked before the change's turn.
    Result<std::optional<domain::LintReport>>
    lint_named(const Actor& actor, const CommandRequest& request);
    // What the one command needs on top: attachments, JUnit results, overlapping changes.
    Result<void> gather_for(
        const std::string& command, const Json& body, const domain::Change& change,
        domain::Facts& facts
    );
    // What the runs of other changes make of the ring on which the command begins a run, or which
    // it tests, and of those that share a machine with it.
    Result<void> gather_ring_uses(
        const std::string& command, const Json& body, const domain::Change& change,
        domain::Facts& facts
    );

    // Which pinned runbooks the store does not hold as they were pinned, for commands that begin a
    // run here. Each is at most limits::runbook_file_max long.
    Result<void> gather_altered_runbooks(
        const std::string& command, const Json& body, const domain::Change& change,
        domain::Facts& facts
    ) const;

    // What the ring is looked at for.
    struct RingUseAsked {
        bool on_production = false; // only there it counts what the other runs touch
        bool goes_back = false;
    };

    Result<domain::RingUse> ring_use(
        const domain::Change& change, const std::string& ring, const domain::Facts& facts,
        const RingUseAsked& asked
    );
    // Takes these rings for the run that began last. Refused when another run took one meanwhile.
    std::vector<StreamWrite>
    take_rings(const Actor& actor, const domain::Change& next, const domain::Facts& facts) const;
    // The gathered facts of a ring's hosts, by their documents.
    Result<domain::FactsByDocument>
    gathered_facts(const TenantId& tenant, const domain::RingRecord& ring) const;
    Result<Answer> gather_ring(
        const Actor& actor, const std::string& ring,
        const std::optional<IdempotencyKey>& idempotency
    );
    // Errors: blocked, while the facts of this ring are being gathered.
    Result<void> require_no_gathering(const TenantId& tenant, const std::string& ring) const;
    // What is neither done nor given up of a change, or of no change in particular; oldest first.
    Result<std::vector<domain::TaskInHand>> tasks_in_hand(TaskQuery query) const;

    Result<Answer> retry_task(
        const Actor& actor, const TaskId& id, const std::optional<IdempotencyKey>& idempotency
    );

    // A ring that a commit writes.
    struct RingPut {
        std::string id;
        std::string document;
        std::string place; // of the record in an import: "[3]."
    };

    // No ring for tests is production by another name. Gives what the commit has to hold, so that
    // of two who write the two rings at the same moment one is refused.
    Result<RecordsHeld> keep_rings_apart(const TenantId& tenant, const std::vector<RingPut>& puts);
    // A vote on an emergency does not say for which board, so there is one of them. Takes the
    // documents of boards that a commit writes, by id, and gives what it has to hold.
    Result<RecordsHeld>
    keep_one_ecab(const TenantId& tenant, const std::map<std::string, std::string>& puts);
    // How the person of this document administers; none is nobody.
    Result<Administers>
    administering(const TenantId& tenant, const std::string& id, const std::string* document) const;
    // Where nobody administers who can sign in, nobody lets anybody in any more; where nobody has a
    // password yet, somebody stays who can be given one. Gives what the commit has to hold, so that
    // of two who take the role from each other at the same moment one is refused.
    Result<RecordsHeld>
    keep_an_administrator(const TenantId& tenant, const std::map<std::string, PersonPut>& people);
    Result<Answer> open(const Actor& actor, const CommandRequest& request);

    // What a command will have done once it is durable.
    struct Decided {
        StreamKey key;
        Commit commit;
        Answer answer;
        LoadedChange next;
        bool edits_records = false;
        bool uses_records = false; // begins to use some
    };

    Result<Decided> decide_once(
        const Actor& actor, const CommandRequest& request, const domain::CommandRow& row,
        Trust trust, const std::optional<domain::LintReport>& runbook
    );
    // After a commit, or after one of which nobody knows: the cache and the registers follow.
    Result<Answer> settle(Decided decided, const Result<Receipt>& receipt);
    Result<Answer>
    decide(const Actor& actor, const CommandRequest& request, const domain::CommandRow& row);
    // The command's row, when the actor may use it. Errors: not_found, forbidden.
    Result<const domain::CommandRow*>
    allowed(const Actor& actor, const CommandRequest& request) const;
    // The part of the commit that is the change itself, and the records that the decision edits.
    // `next` is what the change will be; its document is written when it must not lag any longer.
    // `command` is the one that was decided. It is refused when a record that the decision edits is
    // no longer the one that it looked at.
    Result<Commit> commit_of(
        const Actor& actor, const StreamKey& key, const LoadedChange& loaded,
        std::string_view command, const domain::Decision& decision, domain::Facts& facts,
        LoadedChange& next
    );
    // The record that keeps a workflow for the changes that run on it, when it is not kept yet.
    // Errors: conflict when it is kept with other bytes.
    Result<std::optional<StreamWrite>> keep_workflow(const Actor& actor, const WorkflowText& text);
    Result<StreamWrite> record_write(
        const Actor& actor, const StreamKey& key, std::uint64_t version, std::string_view event,
        const std::string& document, bool removed
    );
};

// A test never runs on production, and what runs elsewhere asks no gate. So whoever runs it decides
// alone neither which machines and variables are production's (they could be those of a test ring
// for a moment) nor that a production ring is none, also when it is put anew after its removal.
// `document` is empty for a removal. Errors: blocked.
Result<void> check_production_ring(
    const domain::RegisterRow& row, const StoredStream* stored, const std::string& document,
    const Actor& actor
);

// The short answer to a command: what happened, and what the person should know.
std::string answer_body(const domain::Decision& decision, std::uint64_t version);

// The answer that a request with this idempotency key got before, if any.
Result<std::optional<Answer>>
kept_answer(Store& store, const Actor& actor, const std::optional<IdempotencyKey>& key);
// Of two that were sent at the same moment the first may have made the second wrong: what is
// refused then is answered as the first was.
Result<Answer> answer_or_kept(
    Store& store, const Actor& actor, const std::optional<IdempotencyKey>& key,
    Result<Answer> answer
);
// Adds the answer to the commit so that a repeated request gets it again.
void keep_answer(
    Commit& commit, const Actor& actor, const std::optional<IdempotencyKey>& key,
    const Answer& answer, Time now
);

} // namespace slipway::app
