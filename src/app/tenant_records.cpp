// SPDX-License-Identifier: Apache-2.0
#include "app/tenant_records.hpp"

#include <numeric>

#include "domain/records/register_table.hpp"

namespace slipway::app {

Result<std::vector<std::uint64_t>> TenantRecords::versions(const TenantId& tenant) {
    std::vector<std::uint64_t> versions;
    for (const auto& row : domain::register_table())
        versions.push_back(TRY(store_.kind_version(tenant, std::string(row.name))));
    return versions;
}

Result<std::shared_ptr<const domain::Records>> TenantRecords::of(const TenantId& tenant) {
    const auto now = std::chrono::steady_clock::now();
    const std::lock_guard lock(mutex_);
    auto& known = known_[tenant];
    if (known.records && now - known.looked < limits::records_age_max)
        return known.records;
    auto current = TRY(versions(tenant));
    known.looked = now;
    if (known.records && current == known.versions)
        return known.records;
    auto records = std::make_shared<domain::Records>();
    records->version = std::accumulate(current.begin(), current.end(), std::uint64_t{0});
    for (std::size_t i = 0; const auto& row : domain::register_table()) {
        if (row.name == "ci")
            records->cmdb_version = current[i];
        ++i;
        std::string after;
        for (;;) {
            const auto page =
                TRY(store_.list(tenant, std::string(row.name), after, limits::records_page));
            for (const auto& stream : page)
                TRY(domain::add_record(*records, stream.key.kind, stream.key.id, stream.state));
            if (page.size() < limits::records_page)
                break;
            after = page.back().key.id;
        }
    }
    known.versions = std::move(current);
    known.records = std::move(records);
    return known.records;
}

void TenantRecords::forget(const TenantId& tenant) {
    const std::lock_guard lock(mutex_);
    known_[tenant].looked = {};
}

} // namespace slipway::app
