// SPDX-License-Identifier: Apache-2.0
// The registers of a tenant as gates see them: one immutable snapshot, shared by all commands until
// a record changes. Who alone writes looks again when he has written; where several servers write,
// everyone also looks every limits::records_age_max. Looking compares the versions of the kinds and
// loads the records that entries since the last look are about. A snapshot holds at least what its
// versions say: they are read first.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>

#include "app/ports/store.hpp"
#include "base/clock.hpp"
#include "domain/records/records.hpp"

namespace slipway::app {

class TenantRecords {
  public:
    TenantRecords(Store& store) : store_(store) {}

    Result<std::shared_ptr<const domain::Records>> of(const TenantId& tenant);
    // Before refusing what another server may have put right a moment ago.
    Result<std::shared_ptr<const domain::Records>> newest(const TenantId& tenant);
    // After a commit that wrote records, or of which nobody knows whether it did. Never waits for a
    // database.
    void forget(const TenantId& tenant);

  private:
    struct Known {
        std::mutex looking;
        std::shared_ptr<const domain::Records> records; // under `mutex_`, as the rest
        std::uint64_t size = 0;                         // of the ledger when it was looked at
        std::chrono::steady_clock::time_point looked{};
        bool written = false; // since then
    };

    std::shared_ptr<const domain::Records> fresh(Known& known);
    Result<std::shared_ptr<const domain::Records>> look(const TenantId& tenant, Known& known);
    Result<void> load(
        const TenantId& tenant, std::uint64_t since, const std::set<std::string>& kinds,
        domain::Records& records
    );

    Store& store_;
    std::mutex mutex_;
    std::map<TenantId, std::shared_ptr<Known>> known_;
};

} // namespace slipway::app
