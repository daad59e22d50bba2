// SPDX-License-Identifier: Apache-2.0
#include "app/tenant_records.hpp"

#include "domain/records/register_table.hpp"

namespace slipway::app {

namespace {

Result<void>
load_kind(Store& store, const TenantId& tenant, const std::string& kind, domain::Records& records) {
    domain::clear_records(records, kind);
    std::string after;
    for (;;) {
        const auto page = TRY(store.list(tenant, kind, after, limits::records_page));
        for (const auto& stream : page)
            TRY(domain::put_record(records, kind, stream.key.id, stream.state));
        if (page.size() < limits::records_page)
            return {};
        after = page.back().key.id;
    }
}

Result<void> load_one(Store& store, const StreamKey& key, domain::Records& records) {
    const auto stored = TRY(store.load(key));
    if (stored.removed)
        domain::drop_record(records, key.kind, key.id);
    else
        TRY(domain::put_record(records, key.kind, key.id, stored.state));
    return {};
}

} // namespace

// What entries from `since` on are about, or whole kinds when that would be more work.
Result<void> TenantRecords::load(
    const TenantId& tenant, std::uint64_t since, const std::set<std::string>& kinds,
    domain::Records& records
) {
    const auto size = TRY(store_.ledger_size());
    std::optional<Store::RecordNames> written;
    if (since != 0 && size - since <= limits::records_looked_back_max)
        written = TRY(store_.records_written(tenant, since, limits::records_page));
    for (const auto& kind : kinds)
        if (!written)
            TRY(load_kind(store_, tenant, kind, records));
    for (const auto& [kind, id] : written.value_or(Store::RecordNames{}))
        if (kinds.contains(kind))
            TRY(load_one(store_, {tenant, kind, id}, records));
    return {};
}

Result<std::shared_ptr<const domain::Records>>
TenantRecords::look(const TenantId& tenant, Known& known) {
    std::shared_ptr<const domain::Records> before;
    std::uint64_t since = 0;
    {
        const std::lock_guard lock(mutex_);
        known.written = false; // what is written from here on is looked at next time
        before = known.records;
        since = known.size;
    }
    const auto now = std::chrono::steady_clock::now();
    const auto size = TRY(store_.ledger_size());
    auto records =
        before ? std::make_shared<domain::Records>(*before) : std::make_shared<domain::Records>();
    std::set<std::string> changed;
    records->version = 0;
    for (const auto& row : domain::register_table()) {
        const std::string kind(row.name);
        const auto version = TRY(store_.kind_version(tenant, kind));
        auto& known_version = records->kind_versions[kind];
        if (!before || version != known_version)
            changed.insert(kind);
        known_version = version;
        records->version += version;
    }
    records->cmdb_version = records->kind_versions["ci"];
    if (!changed.empty())
        TRY(load(tenant, before ? since : 0, changed, *records));
    const std::lock_guard lock(mutex_);
    known.looked = now;
    known.size = size;
    if (!changed.empty())
        known.records = std::move(records);
    return known.records;
}

std::shared_ptr<const domain::Records> TenantRecords::fresh(Known& known) {
    const std::lock_guard lock(mutex_);
    const auto age = std::chrono::steady_clock::now() - known.looked;
    const bool young = store_.is_only_writer() || age < limits::records_age_max;
    return young && !known.written ? known.records : nullptr;
}

Result<std::shared_ptr<const domain::Records>> TenantRecords::of(const TenantId& tenant) {
    std::shared_ptr<Known> known;
    {
        const std::lock_guard lock(mutex_);
        auto& place = known_[tenant];
        if (!place)
            place = std::make_shared<Known>();
        known = place;
    }
    if (auto records = fresh(*known))
        return records;
    const std::lock_guard alone(known->looking);
    if (auto records = fresh(*known))
        return records; // another thread has looked meanwhile
    auto found = look(tenant, *known);
    if (!found)
        forget(tenant);
    return found;
}

Result<std::shared_ptr<const domain::Records>> TenantRecords::newest(const TenantId& tenant) {
    if (!store_.is_only_writer())
        forget(tenant);
    return of(tenant);
}

void TenantRecords::forget(const TenantId& tenant) {
    const std::lock_guard lock(mutex_);
    if (const auto known = known_.find(tenant); known != known_.end())
        known->second->written = true;
}

} // namespace slipway::app
