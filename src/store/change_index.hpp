// SPDX-License-Identifier: Apache-2.0
// The projection that lists, searches, calendars and timers read: one row for each change, its
// configuration items and its search words. A slot is the key of all three: tenant number << 40 |
// change number. Written in the same transaction as the events it sums up.
#pragma once

#include <cstdint>

#include "app/ports/store.hpp"
#include "store/batch.hpp"

namespace slipway::store {

inline constexpr unsigned number_bits = 40;
inline constexpr std::uint64_t number_max = (std::uint64_t{1} << number_bits) - 1;

// What of a summary may differ from the one that is stored.
struct SummaryEdit {
    bool filters = true;
    bool search = true;
};

void put_summary(
    Batch& batch, const app::StreamKey& key, const app::ChangeSummary& summary, SummaryEdit edit
);
void drop_summary(Batch& batch, const TenantId& tenant, const app::ChangeSummary& summary);

// What of the stored projection is not as put_summary() would write it: "summary", "filters",
// "cis", "search"; for a removed change what should not be there. Nothing when it is as it should
// be.
std::vector<std::string> summary_differences(
    Connection& db, const TenantId& tenant, const app::ChangeSummary& summary, bool removed
);

std::vector<app::ChangeSummary> find_changes(Connection& db, const app::ChangeQuery& query);

} // namespace slipway::store
