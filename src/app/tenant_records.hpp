// SPDX-License-Identifier: Apache-2.0
// The registers of a tenant as gates see them: one immutable snapshot, shared by all commands until
// a record changes. This process forgets it with its own commits; what another server on the same
// database wrote is seen within limits::records_age_max.
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
    // After a commit that wrote a record of this kind.
    void forget(const TenantId& tenant);

  private:
    struct Known {
        std::shared_ptr<const domain::Records> records;
        std::vector<std::uint64_t> versions; // by kind, in the order of the register table
        std::chrono::steady_clock::time_point looked{};
    };

    Result<std::vector<std::uint64_t>> versions(const TenantId& tenant);

    Store& store_;
    std::mutex mutex_;
    std::map<TenantId, Known> known_;
};

} // namespace slipway::app
