// SPDX-License-Identifier: Apache-2.0
// Reading of event rows, and of the hashes that proofs need; writing of what stands beside them.
// Leaf hashes stand in the event rows; of the tree above them one row is kept for every 256 leaves,
// for every 256 of those, and so on, so a proof over millions of entries reads some hundred rows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/ports/store.hpp"
#include "domain/ledger/proof.hpp"
#include "store/connection.hpp"

namespace slipway::store {

std::uint64_t ledger_size(Connection& db);

std::vector<app::StoredEvent> events_of(
    Connection& db, const app::StreamKey& key, std::uint64_t after_version, std::size_t limit
);
std::optional<app::StoredEvent>
last_event(Connection& db, const app::StreamKey& key, const std::string& type_left_out);
std::vector<app::StoredEvent>
events_from(Connection& db, std::uint64_t seq, std::size_t limit, const TenantId& tenant);

// Reads no more rows than the hash needs. Errors: not_found when the ledger is shorter.
Result<Digest> ledger_subtree(Connection& db, unsigned level, std::uint64_t index);
Result<Digest> ledger_root(Connection& db, std::uint64_t size);

// Two servers may sign the same size: the first stays.
void write_checkpoint(Connection& db, const app::StoredCheckpoint& checkpoint);
void write_setting(Connection& db, const std::string& name, const std::string& value);

} // namespace slipway::store
