// SPDX-License-Identifier: Apache-2.0
#include "store/counts.hpp"

#include <fmt/format.h>

namespace slipway::store {

namespace {

// Each gives tenant, name, where the count stands and where it must.
constexpr std::string_view late_changes =
    "select e.tenant, 'change', coalesce(c.value, 0), e.counted from "
    "(select tenant, count(*) as counted from event where kind = 'change' and version = 1 "
    "group by tenant) e left join counter c on c.tenant = e.tenant and c.name = 'change' "
    "where coalesce(c.value, 0) < e.counted order by e.tenant";
constexpr std::string_view late_uploads =
    "select u.tenant, 'upload', coalesce(c.value, 0), u.counted from "
    "(select tenant, max(upload) as counted from blob group by tenant) u "
    "left join counter c on c.tenant = u.tenant and c.name = 'upload' "
    "where coalesce(c.value, 0) < u.counted order by u.tenant";
constexpr std::string_view late_kinds =
    "select e.tenant, e.kind, coalesce(k.version, 0), e.counted from "
    "(select tenant, kind, max(seq) + 1 as counted from event group by tenant, kind) e "
    "left join kind_version k on k.tenant = e.tenant and k.kind = e.kind "
    "where coalesce(k.version, 0) < e.counted order by e.tenant, e.kind";

} // namespace

std::string LateCount::text() const {
    return fmt::format(
        "the {} {} of tenant {} stands at {}, not at {}", of_kind ? "version of" : "counter", name,
        tenant.value, stands_at, counted
    );
}

std::vector<LateCount> late_counts(Connection& db) {
    std::vector<LateCount> late;
    for (const auto sql : {late_changes, late_uploads, late_kinds})
        db.query(sql, {}, 4, [&](const Row& row) {
            late.push_back(
                {TenantId(row.text(0)), row.text(1), sql == late_kinds, row.number(2),
                 row.number(3)}
            );
        });
    return late;
}

void put_forward(Batch& batch, const LateCount& count) {
    if (count.of_kind)
        return batch.touch(count.tenant, count.name);
    batch.db().run(
        "insert into counter (tenant, name, value) values (:tenant, :name, :value) "
        "on conflict (tenant, name) do update set value = excluded.value",
        {count.tenant.value, count.name, count.counted}
    );
}

} // namespace slipway::store
