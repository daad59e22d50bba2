// SPDX-License-Identifier: Apache-2.0
// The registers of a tenant as gates see them: one immutable snapshot, shared by all commands until
// a record changes. Who alone writes loads again what his own commits wrote and nothing else; where
// several servers write, what another one wrote is seen within limits::records_age_max, and the
// kinds that changed are loaded anew.
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
    // After a commit that wrote these records; `size` is the ledger's after it.
    void forget(const std::vector<StreamKey>& records, std::uint64_t size);

  private:
    struct Known {
        std::shared_ptr<const domain::Records> records;
        std::map<std::string, std::uint64_t> versions; // by kind
        // By this process since: kind and id, with the size of the ledger after the commit.
        std::map<std::pair<std::string, std::string>, std::uint64_t> written;
        std::chrono::steady_clock::time_point looked{};
    };

    // Loads the kinds that changed since.
    Result<void> load_kinds(const TenantId& tenant, Known& known);
    Result<void> load_written(const TenantId& tenant, Known& known);

    Store& store_;
    std::mutex mutex_;
    std::map<TenantId, Known> known_;
};

} // namespace slipway::app
