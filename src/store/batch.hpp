// SPDX-License-Identifier: Apache-2.0
// One writing transaction. It holds the row of the ledger head from its beginning, so that writers
// follow one another on any number of servers: sequence numbers have no gaps and are in the order
// of the commits, and no two batches can wait for each other. A Batch that is destroyed without
// finish() leaves nothing behind.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "app/ports/store.hpp"
#include "domain/ledger/merkle.hpp"
#include "store/connection.hpp"

namespace slipway::store {

// The versions of streams that were written lately, for a writer beside whom nobody else writes: it
// need not ask the database. What the database has is still the condition of every write.
using KnownVersions = std::map<app::StreamKey, std::uint64_t>;

class Batch {
  public:
    // Throws DatabaseError, as every function here does. `known` grows by what this batch writes
    // once that is durable; null when others may write.
    explicit Batch(Connection& connection, KnownVersions* known = nullptr);
    ~Batch();
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

    Connection& db() { return connection_; }

    std::uint64_t ledger_size() const { return frontier_.size(); }

    // The stream's version as this batch has left it so far; 0 when there is none.
    std::uint64_t version_of(const app::StreamKey& key);
    void note_version(const app::StreamKey& key, std::uint64_t version);

    // Writes the event at the end of the ledger; gives its sequence number.
    std::uint64_t
    append(const app::StreamKey& key, std::uint64_t version, const app::NewEvent& event);

    // A task was written: somebody is to be woken for it.
    void note_task() { has_tasks_ = true; }

    bool has_tasks() const { return has_tasks_; }

    // A record of this kind was written: its kind version will grow.
    void touch(const TenantId& tenant, const std::string& kind);

    // The number that stands for the tenant in slots; given when first asked for.
    std::uint64_t tenant_number(const TenantId& tenant);

    // Makes everything durable.
    void finish();

  private:
    void write_kind_versions();

    Connection& connection_;
    KnownVersions* known_ = nullptr;
    KnownVersions written_;
    domain::Frontier frontier_;
    std::uint64_t size_before_ = 0;
    std::map<std::pair<std::string, std::string>, bool> touched_;
    std::map<TenantId, std::uint64_t> tenant_numbers_;
    bool has_tasks_ = false;
    bool finished_ = false;
};

// The frontier as the ledger head has it. Throws DatabaseError when it cannot be one.
domain::Frontier read_frontier(Connection& connection, bool lock);

} // namespace slipway::store
