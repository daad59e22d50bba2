// SPDX-License-Identifier: Apache-2.0
#include "app/tenant_records.hpp"

#include <algorithm>
#include <set>

#include "app/unreadable.hpp"
#include "domain/ledger/envelope.hpp"
#include "domain/records/register_table.hpp"

namespace slipway::app {

namespace {

// What was found on the hosts of a ring is no writing of the ring.
const std::string found_entry = "ring_found";

// Who wrote a record last stands in its entries alone: a document could say anything.
Result<void> put_stored(Store& store, const StoredStream& stored, domain::Records& records) {
    const auto& [tenant, kind, id] = stored.key;
    if (const auto put = domain::put_record(records, kind, id, stored.state); !put)
        return unreadable_state(stored.key, put.error());
    auto* const writes = domain::last_writes_of(records, kind);
    if (writes == nullptr)
        return {};
    const auto last = TRY(store.last_event(stored.key, found_entry));
    const auto entry = last ? domain::scan_envelope(last->body) : std::nullopt;
    if (!entry)
        return fail(
            ErrorCode::internal, fmt::format("the last entry of the {} {} is not there", kind, id)
        );
    writes->edit()[id] = {last->at, PersonId(std::string(entry->actor))};
    return {};
}

Result<void>
load_kind(Store& store, const TenantId& tenant, const std::string& kind, domain::Records& records) {
    domain::clear_records(records, kind);
    std::string after;
    for (;;) {
        const auto page = TRY(store.list(tenant, kind, after, limits::records_page));
        for (const auto& stream : page)
            TRY(put_stored(store, stream, records));
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
        TRY(put_stored(store, stored, records));
    return {};
}

void set_versions(domain::Records& records) {
    records.version = 0;
    for (const auto& [kind, version] : records.kind_versions)
        records.version += version;
    records.cmdb_version = records.kind_versions["ci"];
}

} // namespace

Result<TenantRecords::Seen> TenantRecords::load_all(const TenantId& tenant) {
    auto records = std::make_shared<domain::Records>();
    records->ledger_size = TRY(store_.ledger_size());
    for (const auto& row : domain::register_table()) {
        const std::string kind(row.name);
        records->kind_versions[kind] = TRY(store_.kind_version(tenant, kind));
        TRY(load_kind(store_, tenant, kind, *records));
    }
    set_versions(*records);
    return records;
}

// An entry is in the ledger before every later one, so a kind's version may be the place of the
// last entry about it.
Result<TenantRecords::Seen> TenantRecords::load_since(const TenantId& tenant, const Seen& before) {
    const auto size = TRY(store_.ledger_size());
    if (size == before->ledger_size)
        return before;
    const auto written =
        TRY(store_.records_written(tenant, before->ledger_size, limits::records_page));
    if (!written)
        return load_all(tenant);
    auto records = std::make_shared<domain::Records>(*before);
    records->ledger_size = written->empty() ? size : std::max(size, written->back().seq + 1);
    std::set<std::pair<std::string, std::string>> names;
    for (const auto& entry : *written)
        if (domain::find_register(entry.kind)) {
            auto& version = records->kind_versions[entry.kind];
            version = std::max(version + 1, entry.seq + 1);
            names.emplace(entry.kind, entry.id);
        }
    for (const auto& [kind, id] : names)
        TRY(load_one(store_, {tenant, kind, id}, *records));
    set_versions(*records);
    return records;
}

Result<TenantRecords::Seen> TenantRecords::look(const TenantId& tenant, Known& known) {
    Seen before;
    std::uint64_t written = 0;
    {
        const std::lock_guard lock(mutex_);
        written = known.written; // what is told from here on is looked at next time
        before = known.seen;
    }
    const auto now = std::chrono::steady_clock::now();
    auto seen = before ? TRY(load_since(tenant, before)) : TRY(load_all(tenant));
    const std::lock_guard lock(mutex_);
    known.looked = now;
    known.seen = std::move(seen);
    known.looked_at = written;
    return known.seen;
}

TenantRecords::Seen TenantRecords::fresh(Known& known) {
    const std::lock_guard lock(mutex_);
    const auto age = std::chrono::steady_clock::now() - known.looked;
    const bool young = store_.is_only_writer() || age < limits::records_age_max;
    return young && known.looked_at == known.written ? known.seen : nullptr;
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
    return look(tenant, *known);
}

Result<std::shared_ptr<const domain::Records>> TenantRecords::newest(const TenantId& tenant) {
    if (!store_.is_only_writer())
        forget(tenant);
    return of(tenant);
}

void TenantRecords::forget(const TenantId& tenant) {
    const std::lock_guard lock(mutex_);
    if (const auto known = known_.find(tenant); known != known_.end())
        ++known->second->written;
}

} // namespace slipway::app
