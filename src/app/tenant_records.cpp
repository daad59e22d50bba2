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

void set_versions(domain::Records& records, const std::map<std::string, std::uint64_t>& versions) {
    records.version = 0;
    for (const auto& [kind, version] : versions)
        records.version += version;
    const auto cmdb = versions.find("ci");
    records.cmdb_version = cmdb == versions.end() ? 0 : cmdb->second;
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

Result<void> TenantRecords::load_kinds(const TenantId& tenant, Known& known) {
    known.looked = std::chrono::steady_clock::now();
    auto records = known.records ? std::make_shared<domain::Records>(*known.records)
                                 : std::make_shared<domain::Records>();
    auto versions = known.versions;
    bool changed = !known.records;
    for (const auto& row : domain::register_table()) {
        const std::string kind(row.name);
        const auto version = TRY(store_.kind_version(tenant, kind));
        if (known.records && version == versions[kind])
            continue;
        TRY(load_kind(store_, tenant, kind, *records));
        versions[kind] = version;
        changed = true;
    }
    if (changed) {
        set_versions(*records, versions);
        known.versions = std::move(versions);
        known.records = std::move(records);
    }
    known.written.clear();
    return {};
}

Result<void> TenantRecords::load_written(const TenantId& tenant, Known& known) {
    auto records = std::make_shared<domain::Records>(*known.records);
    auto versions = known.versions;
    for (const auto& [record, size] : known.written) {
        const auto& [kind, id] = record;
        // Not the kind's version: that may be of a commit which has not been told of here yet.
        versions[kind] = std::max(versions[kind], size);
        TRY(load_one(store_, {tenant, kind, id}, *records));
    }
    set_versions(*records, versions);
    known.versions = std::move(versions);
    known.records = std::move(records);
    known.written.clear();
    return {};
}

Result<std::shared_ptr<const domain::Records>> TenantRecords::of(const TenantId& tenant) {
    const std::lock_guard lock(mutex_);
    auto& known = known_[tenant];
    const bool alone = store_.is_only_writer();
    const auto age = std::chrono::steady_clock::now() - known.looked;
    const bool fresh = known.records && (alone || age < limits::records_age_max);
    if (fresh && known.written.empty())
        return known.records;
    if (fresh && alone)
        TRY(load_written(tenant, known));
    else
        TRY(load_kinds(tenant, known));
    return known.records;
}

void TenantRecords::forget(const std::vector<StreamKey>& records, std::uint64_t size) {
    const std::lock_guard lock(mutex_);
    for (const auto& [tenant, kind, id] : records) {
        auto& at = known_[tenant].written[{kind, id}];
        at = std::max(at, size);
    }
}

} // namespace slipway::app
