// SPDX-License-Identifier: Apache-2.0
#include "store/batch.hpp"

#include <fmt/format.h>

#include "base/assert.hpp"

namespace slipway::store {

namespace {

std::string from_hex(std::string_view hex) {
    std::string bytes;
    for (; hex.size() >= 64; hex.remove_prefix(64))
        if (const auto digest = digest_from_hex(hex.substr(0, 64)))
            bytes += digest->view();
    return bytes;
}

} // namespace

domain::Frontier read_frontier(Connection& connection, bool lock) {
    std::uint64_t size = 0;
    std::string encoded;
    connection.query(
        fmt::format(
            "select size, frontier from ledger_head where id = 1{}",
            lock ? connection.dialect().lock_row : ""
        ),
        {}, 2,
        [&](const Row& row) {
            size = row.number(0);
            encoded = from_hex(row.text(1));
        }
    );
    auto frontier = domain::Frontier::restore(size, encoded);
    if (!frontier)
        throw DatabaseError(
            ErrorCode::internal, "the ledger head is damaged: " + frontier.error().message, false
        );
    return *std::move(frontier);
}

Batch::Batch(Connection& connection, KnownVersions* known)
    : connection_(connection), known_(known) {
    connection_.begin();
    try {
        frontier_ = read_frontier(connection_, true);
    } catch (const std::exception&) {
        connection_.rollback();
        throw;
    }
    size_before_ = frontier_.size();
}

Batch::~Batch() {
    if (finished_)
        return;
    connection_.rollback();
    // What became of a commit that failed half-way, only the database knows.
    if (known_)
        known_->clear();
}

std::uint64_t Batch::version_of(const app::StreamKey& key) {
    if (const auto written = written_.find(key); written != written_.end())
        return written->second;
    if (known_)
        if (const auto known = known_->find(key); known != known_->end())
            return known->second;
    return connection_
        .number(
            "select version from stream where tenant = :tenant and kind = :kind and id = :id",
            {key.tenant.value, key.kind, key.id}
        )
        .value_or(0);
}

void Batch::note_version(const app::StreamKey& key, std::uint64_t version) {
    written_[key] = version;
}

std::uint64_t
Batch::append(const app::StreamKey& key, std::uint64_t version, const app::NewEvent& event) {
    const auto seq = frontier_.size();
    connection_.run(
        "insert into event (seq, tenant, kind, stream, version, type, at, leaf, body) values "
        "(:seq, :tenant, :kind, :stream, :version, :type, :at, :leaf, :body)",
        {seq, key.tenant.value, key.kind, key.id, version, event.type, event.at, event.leaf.hex(),
         event.body}
    );
    std::vector<domain::Subtree> roots;
    frontier_.append(event.leaf, &roots);
    for (const auto& root : roots)
        connection_.run(
            "insert into ledger_node (level, position, hash) values (:level, :position, :hash)",
            {root.level, root.index, root.hash.hex()}
        );
    return seq;
}

void Batch::touch(const TenantId& tenant, const std::string& kind) {
    touched_[{tenant.value, kind}] = true;
}

std::uint64_t Batch::tenant_number(const TenantId& tenant) {
    const auto known = tenant_numbers_.find(tenant);
    if (known != tenant_numbers_.end())
        return known->second;
    auto number =
        connection_.number("select number from tenant where tenant = :tenant", {tenant.value});
    if (!number) {
        number = 1 + connection_.number("select coalesce(max(number), 0) from tenant").value_or(0);
        connection_.run(
            "insert into tenant (tenant, number) values (:tenant, :number)", {tenant.value, *number}
        );
    }
    tenant_numbers_[tenant] = *number;
    return *number;
}

// A kind's version is the size of the ledger after its last event, so that rebuilding can find it
// again; writes without events count on from there.
void Batch::write_kind_versions() {
    for (const auto& [key, unused] : touched_) {
        const auto& [tenant, kind] = key;
        const auto known = connection_.number(
            "select version from kind_version where tenant = :tenant and kind = :kind",
            {tenant, kind}
        );
        const auto version = std::max(known.value_or(0) + 1, frontier_.size());
        if (known)
            connection_.run(
                "update kind_version set version = :version where tenant = :tenant "
                "and kind = :kind",
                {version, tenant, kind}
            );
        else
            connection_.run(
                "insert into kind_version (tenant, kind, version) "
                "values (:tenant, :kind, :version)",
                {tenant, kind, version}
            );
    }
}

void Batch::finish() {
    ASSERT(!finished_);
    write_kind_versions();
    if (frontier_.size() != size_before_)
        connection_.run(
            "update ledger_head set size = :size, frontier = :frontier where id = 1",
            {frontier_.size(), to_hex(frontier_.encode())}
        );
    connection_.commit();
    finished_ = true;
    if (known_ == nullptr)
        return;
    if (known_->size() > limits::known_versions_max)
        known_->clear();
    for (const auto& [key, version] : written_)
        (*known_)[key] = version;
}

} // namespace slipway::store
