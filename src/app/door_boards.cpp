// SPDX-License-Identifier: Apache-2.0
// Boards in the registers: of those for emergencies there is one.
#include "app/door_inside.hpp"

namespace slipway::app {

Result<RecordsHeld> Door::Inside::keep_one_ecab(
    const TenantId& tenant, const std::map<std::string, std::string>& puts
) {
    records.forget(tenant);
    const auto registered = TRY(records.of(tenant));
    std::map<std::string, domain::BoardRecord> boards = registered->boards;
    for (const auto& [id, document] : puts)
        boards[id] = TRY(restore<domain::BoardRecord>(std::string_view(document)));
    for (const auto& [id, document] : puts)
        for (const auto& [other, board] : boards)
            if (boards.at(id).emergency && other != id && board.emergency)
                return fail_blocked(
                    fmt::format("{} cannot be an ECAB too", id),
                    {{"cab-decision", "emergency", "there is one board for emergencies",
                      fmt::format("{} ({}) is the ECAB", other, board.name),
                      fmt::format(
                          "Edit {0} (board put {0}), or remove it or put it without emergency "
                          "first",
                          other
                      )}}
                );
    return RecordsHeld{registered->ledger_size, {{tenant, "board", {}}}};
}

} // namespace slipway::app
