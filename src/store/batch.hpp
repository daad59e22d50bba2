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

class Batch {
  public:
    // Throws DatabaseError, as every function here does.
    explicit Batch(Connection& connection);
    ~Batch();
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

    Connection& db() { return connection_; }

    std::uint64_t ledger_size() const { return frontier_.size(); }

    // Writes the event at the end of the ledger; gives its sequence number.
    std::uint64_t
    append(const app::StreamKey& key, std::uint64_t version, const app::NewEvent& event);

    // A record of this kind was written: its kind version will grow.
    void touch(const TenantId& tenant, const std::string& kind);

    // The number that stands for the tenant in slots; given when first asked for.
    std::uint64_t tenant_number(const TenantId& tenant);

    // Makes everything durable.
    void finish();

  private:
    void write_kind_versions();

    Connection& connection_;
    domain::Frontier frontier_;
    std::uint64_t size_before_ = 0;
    std::map<std::pair<std::string, std::string>, bool> touched_;
    std::map<TenantId, std::uint64_t> tenant_numbers_;
    bool finished_ = false;
};

// The frontier as the ledger head has it. Throws DatabaseError when it cannot be one.
domain::Frontier read_frontier(Connection& connection, bool lock);

} // namespace slipway::store
