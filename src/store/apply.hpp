// SPDX-License-Identifier: Apache-2.0
// Writes one Commit into a batch. check_commit() looks at everything that can be refused before
// anything is written, so that a refusal does no harm to the other commits of the batch.
#pragma once

#include "app/ports/store.hpp"
#include "store/batch.hpp"

namespace slipway::store {

// Errors: conflict (stream version, task lease, kept answer, what the commit holds), limit_exceeded
// (sizes), internal (a summary without a number).
Result<void> check_commit(Batch& batch, const app::Commit& commit);
app::Receipt write_commit(Batch& batch, const app::Commit& commit);

// The state of a stream as it was at `version`.
void put_document(
    Connection& db, const app::StreamKey& key, std::uint64_t version, std::string_view state
);

} // namespace slipway::store
