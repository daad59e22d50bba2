// SPDX-License-Identifier: Apache-2.0
// What an administrator does to a store from outside the server: backup, restore, rebuild, doctor.
// backup and doctor may run beside a running server. rebuild and restore take the SQLite
// directory's lock, so they refuse while a server holds it. PostgreSQL is backed up and restored by
// its own tools (pg_dump --format=custom, pg_restore into an empty database): one dump holds
// everything. Errors: those of open.hpp; invalid_input for a directory that is not fit; blocked
// for a damaged file, and for a copy just taken that does not verify.
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
#include "domain/ledger/verifier.hpp"
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

// Verifies the ledger and everything that hangs on it: every entry with the columns of its row, the
// checkpoints, the head, the hashes for proofs, the bytes of every attachment and that those which
// entries name are there, that no record stands without an entry and that each state can be read.
// Beside a running server it sees one moment. Checkpoints must be signed by `trusted`, or by the
// key in the first entry.
Result<domain::LedgerReport>
verify(const Place& place, const std::optional<domain::VerifierKey>& trusted);

// A file of the data directory beside the database.
struct BackupFile {
    std::string path; // below the data directory: "policies/default.yaml"
    Digest sha256;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("path", self.path, optional("", limits::url_max));
        visit("sha256", self.sha256);
    }
};

struct BackupReport {
    std::uint64_t events = 0;
    std::uint64_t bytes = 0;
    Digest root;   // of the ledger in the copy
    Digest digest; // SHA-256 of the database file
    std::vector<BackupFile> files;
    // What of the data directory's files is not in the backup: secrets, and what is no plain file.
    std::vector<std::string> left_out;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("events", self.events);
        visit("bytes", self.bytes);
        visit("root", self.root);
        visit("digest", self.digest);
        visit("files", self.files, optional("beside the database", limits::backup_files_max));
        visit("left_out", self.left_out, optional("", limits::backup_files_max));
    }
};

// Refuses a damaged source (blocked). Writes <target>/slipway.db, the folders workflows, policies,
// connectors and programs and <target>/backup.json into a new or empty directory, then opens the
// copy and verifies it as verify() does. A failure leaves nothing in the target. Secrets are never
// copied. Errors: limit_exceeded beyond limits::backup_files_max files.
Result<BackupReport> backup(const SqliteOptions& source, const std::string& target);

// The reverse, into an empty or missing directory. Refuses to overwrite anything. Errors:
// invalid_input for a backup that was altered or does not verify; the target is left empty.
Result<BackupReport> restore(const std::string& source, const SqliteOptions& target);

// What the application makes of a stream's events: its state document, whether it is removed, and
// its summary. Only `state`, `removed`, `summary` and the search text are used.
using Replay = std::function<
    Result<app::StreamWrite>(const app::StreamKey& key, std::span<const app::StoredEvent> events)>;

struct Difference {
    app::StreamKey key;
    std::string what; // "state", "version", "removed", "summary", "cis", "search", "no stream",
                      // "kind version", "counter", "no entry", "no entry for its index"
};

struct RebuildReport {
    std::uint64_t streams = 0;
    std::uint64_t events = 0;
    std::vector<Difference> differences; // at most 1000 are listed
    std::uint64_t different = 0;         // how many there were
};

// Recreates state documents, summaries, search, counters and kind versions from events, and removes
// records that have none. With `repair` false it only reports. A sound store has no differences.
// Errors: blocked when SQLite cannot find its way through the file, and when the entries, or the
// columns that label them, are not as they were hashed: replaying them would make a state of other
// events. What a lost page of the file took from a state is made anew.
Result<RebuildReport> rebuild(const Place& place, const Replay& replay, bool repair);

// Whether a migration has left rows that only the entries can make, which no SQL reads. A rebuild
// that repairs takes that away.
Result<bool> has_stale_rows(const Place& place);

struct Finding {
    std::string check;   // "integrity", "ledger", "streams", "counters", "tasks", "blobs" ...
    std::string message; // what is wrong
    std::string remedy;  // what to do
};

// Empty when all is well. Finds what verify() finds, and more: every index, versions of records,
// counters, tasks. Of a damaged file it says what is wrong with the file and nothing else.
Result<std::vector<Finding>> doctor(const Place& place);

} // namespace slipway::store
