// SPDX-License-Identifier: Apache-2.0
// What an administrator does to a store from outside the server: backup, restore, rebuild, doctor.
// backup and doctor may run beside a running server. rebuild and restore take the SQLite
// directory's lock, so they refuse while a server holds it. PostgreSQL is backed up and restored by
// its own tools (pg_dump --format=custom, pg_restore into an empty database): one dump holds
// everything. Errors: those of open.hpp; invalid_input for a directory that is not fit; internal
// for a copy that does not verify.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "app/ports/store.hpp"
#include "base/hash.hpp"
#include "base/result.hpp"
#include "store/open.hpp"

namespace slipway::store {

using Place = std::variant<SqliteOptions, PostgresOptions>;

// The ledger as the database has it: what a verifier compares with its own count to name records
// that are missing, cut off at the end or doubled. A sound store has count == size, first_seq 0,
// last_seq == size - 1, and root equal to the root of the leaves.
struct LedgerFacts {
    std::uint64_t size = 0;  // as the ledger head says
    std::uint64_t count = 0; // event rows present
    std::uint64_t first_seq = 0;
    std::uint64_t last_seq = 0;
    std::uint64_t checkpoint_size = 0; // of the newest checkpoint, 0 when there is none
    Digest root;                       // of the head's frontier; of nothing: SHA-256 of no bytes
    std::vector<std::uint64_t>
        missing; // the first sequence numbers that are not there, at most 100
};

Result<LedgerFacts> ledger_facts(const Place& place);

struct BackupReport {
    std::uint64_t events = 0;
    std::uint64_t bytes = 0;
    Digest root;   // of the ledger in the copy
    Digest digest; // SHA-256 of the database file

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("events", self.events);
        visit("bytes", self.bytes);
        visit("root", self.root);
        visit("digest", self.digest);
    }
};

// Writes <target>/slipway.db and <target>/backup.json into a new or empty directory, then opens the
// copy and checks it: integrity, every leaf, the root.
Result<BackupReport> backup(const SqliteOptions& source, const std::string& target);

// The reverse, into an empty or missing directory. Refuses to overwrite anything.
Result<BackupReport> restore(const std::string& source, const SqliteOptions& target);

// What the application makes of a stream's events: its state document, whether it is removed, and
// its summary. Only `state`, `removed`, `summary` and the search text are used.
using Replay = std::function<
    Result<app::StreamWrite>(const app::StreamKey& key, std::span<const app::StoredEvent> events)>;

struct Difference {
    app::StreamKey key;
    std::string what; // "state", "version", "removed", "summary", "cis", "search", "no stream",
                      // "kind version"
};

struct RebuildReport {
    std::uint64_t streams = 0;
    std::uint64_t events = 0;
    std::vector<Difference> differences; // at most 1000 are listed
    std::uint64_t different = 0;         // how many there were
};

// Recreates state documents, summaries, search and kind versions from events. With `repair` false
// it only reports. A sound store has no differences.
Result<RebuildReport> rebuild(const Place& place, const Replay& replay, bool repair);

struct Finding {
    std::string check;   // "integrity", "ledger", "streams", "tasks", "blobs", "checkpoints" ...
    std::string message; // what is wrong
    std::string remedy;  // what to do
};

// Empty when all is well.
Result<std::vector<Finding>> doctor(const Place& place);

} // namespace slipway::store
