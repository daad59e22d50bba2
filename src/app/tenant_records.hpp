// SPDX-License-Identifier: Apache-2.0
// The registers of a tenant as gates see them: one immutable snapshot, shared by all commands until
// a record changes. Who alone writes looks again when he has written; where several servers write,
// everyone also looks every limits::records_age_max. Looking loads the records that entries since
// the last look are about. A snapshot holds at least what its versions say: they are read first.
#pragma once

#include <map>
#include <memory>
#include <mutex>

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
    using Seen = std::shared_ptr<const domain::Records>;

    struct Known {
        std::mutex looking;
        Seen seen; // under `mutex_`, as the rest
        std::chrono::steady_clock::time_point looked{};
        // Commits that were told of, and how many of them when the last look began: until a look
        // has ended that began after the last of them, the snapshot is old.
        std::uint64_t written = 0;
        std::uint64_t looked_at = 0;
    };

    Seen fresh(Known& known);
    Result<Seen> look(const TenantId& tenant, Known& known);
    Result<Seen> load_all(const TenantId& tenant);
    // A snapshot that is as new as the ledger; the same one when there are no later entries.
    Result<Seen> load_since(const TenantId& tenant, const Seen& before);

    Store& store_;
    std::mutex mutex_;
    std::map<TenantId, std::shared_ptr<Known>> known_;
};

} // namespace slipway::app
