// SPDX-License-Identifier: Apache-2.0
#include "store/forged_rows.hpp"

#include <fmt/format.h>

namespace slipway::store {

std::string ForgedRow::text() const {
    return fmt::format(
        "{} {} of tenant {} has a {} and no entry", key.kind, key.id, key.tenant.value,
        indexed ? "row in the index of changes" : "record"
    );
}

std::string ForgedRow::file() const {
    return fmt::format(
        "{}/{}/{}/{}", indexed ? "index" : "records", key.tenant.value, key.kind, key.id
    );
}

std::vector<ForgedRow> forged_rows(Connection& db) {
    std::vector<ForgedRow> rows;
    db.query(
        "select s.tenant, s.kind, s.id from stream s where not exists (select 1 from event e "
        "where e.tenant = s.tenant and e.kind = s.kind and e.stream = s.id) "
        "order by s.tenant, s.kind, s.id limit :limit",
        {limits::ledger_findings_max}, 3,
        [&](const Row& row) {
            rows.push_back({{TenantId(row.text(0)), row.text(1), row.text(2)}, false});
        }
    );
    db.query(
        "select c.tenant, c.id from change_index c where not exists (select 1 from event e "
        "where e.tenant = c.tenant and e.kind = 'change' and e.stream = c.id) "
        "order by c.tenant, c.id limit :limit",
        {limits::ledger_findings_max}, 2,
        [&](const Row& row) {
            rows.push_back({{TenantId(row.text(0)), "change", row.text(1)}, true});
        }
    );
    return rows;
}

void remove_forged_row(Connection& db, const ForgedRow& row) {
    const auto& key = row.key;
    if (!row.indexed) {
        for (const auto* table : {"stream", "document"})
            db.run(
                fmt::format(
                    "delete from {} where tenant = :tenant and kind = :kind and id = :id", table
                ),
                {key.tenant.value, key.kind, key.id}
            );
        return;
    }
    const std::string of_row =
        "in (select slot from change_index where tenant = :tenant and id = :id)";
    db.run("delete from change_ci where slot " + of_row, {key.tenant.value, key.id});
    db.run("delete from search where rowid " + of_row, {key.tenant.value, key.id});
    db.run(
        "delete from change_index where tenant = :tenant and id = :id", {key.tenant.value, key.id}
    );
}

} // namespace slipway::store
