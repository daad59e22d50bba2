// SPDX-License-Identifier: Apache-2.0
#include "store/ledger_rows.hpp"

#include <bit>

#include <fmt/format.h>

namespace slipway::store {

namespace {

constexpr std::string_view event_columns =
    "seq, tenant, kind, stream, version, type, at, leaf, body";
constexpr std::size_t event_column_count = 9;

Digest digest_of(const std::string& hex, std::string_view what) {
    const auto digest = digest_from_hex(hex);
    if (!digest)
        throw DatabaseError(
            ErrorCode::internal, fmt::format("a stored hash is damaged: {}", what), false
        );
    return *digest;
}

app::StoredEvent event_of(const Row& row) {
    return {
        row.number(0),
        {TenantId(row.text(1)), row.text(2), row.text(3)},
        row.number(4),
        row.text(5),
        row.time(6),
        row.text(8),
        digest_of(row.text(7), "entry " + row.text(0))};
}

tl::unexpected<Error> too_short() {
    return fail(ErrorCode::not_found, "the ledger is not that long");
}

} // namespace

std::uint64_t ledger_size(Connection& db) {
    return db.number("select size from ledger_head where id = 1").value_or(0);
}

std::vector<app::StoredEvent> events_of(
    Connection& db, const app::StreamKey& key, std::uint64_t after_version, std::size_t limit
) {
    std::vector<app::StoredEvent> events;
    db.query(
        fmt::format(
            "select {} from event where tenant = :tenant and kind = :kind and stream = :stream "
            "and version > :version order by version limit :limit",
            event_columns
        ),
        {key.tenant.value, key.kind, key.id, after_version, limit}, event_column_count,
        [&](const Row& row) { events.push_back(event_of(row)); }
    );
    return events;
}

std::optional<app::StoredEvent>
last_event(Connection& db, const app::StreamKey& key, const std::string& type_left_out) {
    std::optional<app::StoredEvent> last;
    db.query(
        fmt::format(
            "select {} from event where tenant = :tenant and kind = :kind and stream = :stream "
            "and type <> :type order by version desc limit 1",
            event_columns
        ),
        {key.tenant.value, key.kind, key.id, type_left_out}, event_column_count,
        [&](const Row& row) { last = event_of(row); }
    );
    return last;
}

std::vector<app::StoredEvent>
events_from(Connection& db, std::uint64_t seq, std::size_t limit, const TenantId& tenant) {
    std::vector<app::StoredEvent> events;
    const auto keep = [&](const Row& row) { events.push_back(event_of(row)); };
    if (tenant.empty())
        db.query(
            fmt::format(
                "select {} from event where seq >= :seq order by seq limit :limit", event_columns
            ),
            {seq, limit}, event_column_count, keep
        );
    else
        db.query(
            fmt::format(
                "select {} from event where tenant = :tenant and seq >= :seq "
                "order by seq limit :limit",
                event_columns
            ),
            {tenant.value, seq, limit}, event_column_count, keep
        );
    return events;
}

Result<Digest> ledger_subtree(Connection& db, unsigned level, std::uint64_t index) {
    if (level >= 64 || (level > 0 && index >> (64 - level) != 0))
        return too_short();
    const unsigned above = level % domain::tile_height;
    const unsigned stored = level - above;
    const auto first = index << above;
    const auto count = std::uint64_t{1} << above;
    std::vector<Digest> hashes;
    const auto keep = [&](const Row& row) {
        hashes.push_back(digest_of(row.text(0), fmt::format("level {}", stored)));
    };
    if (stored == 0)
        db.query(
            "select leaf from event where seq >= :first and seq < :end order by seq",
            {first, first + count}, 1, keep
        );
    else
        db.query(
            "select hash from ledger_node where level = :level and position >= :first "
            "and position < :end order by position",
            {stored, first, first + count}, 1, keep
        );
    if (hashes.size() != count)
        return too_short();
    for (; hashes.size() > 1; hashes.resize(hashes.size() / 2))
        for (std::size_t i = 0; i < hashes.size() / 2; ++i)
            hashes[i] = domain::node_hash(hashes[2 * i], hashes[2 * i + 1]);
    return hashes.front();
}

// RFC 6962 section 2.1: the complete subtrees of the size's binary digits, folded from the right.
Result<Digest> ledger_root(Connection& db, std::uint64_t size) {
    if (size > ledger_size(db))
        return too_short();
    if (size == 0)
        return domain::empty_root();
    std::optional<Digest> root;
    for (std::uint64_t rest = size; rest != 0; rest &= rest - 1) {
        const auto level = static_cast<unsigned>(std::countr_zero(rest));
        const auto left = TRY(ledger_subtree(db, level, (rest >> level) - 1));
        root = root ? domain::node_hash(left, *root) : left;
    }
    return *root;
}

void write_checkpoint(Connection& db, const app::StoredCheckpoint& checkpoint) {
    db.run(
        "insert into checkpoint (size, at, note) values (:size, :at, :note) "
        "on conflict (size) do nothing",
        {checkpoint.size, checkpoint.at, checkpoint.note}
    );
}

void write_setting(Connection& db, const std::string& name, const std::string& value) {
    db.run(
        "insert into setting (name, value) values (:name, :value) "
        "on conflict (name) do update set value = excluded.value",
        {name, value}
    );
}

} // namespace slipway::store
