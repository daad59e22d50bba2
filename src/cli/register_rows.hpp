// SPDX-License-Identifier: Apache-2.0
// What a list of a register shows beside the fields of its records, worked out from them: when a
// blackout holds next, when a board meets next, who is on call, which ring a catalogue entry is
// for. What cannot be worked out is left empty; a list is shown in any case.
// Limit: days_ahead_max days are looked ahead.
#pragma once

#include <string_view>
#include <vector>

#include "cli/context.hpp"

namespace slipway::cli {

inline constexpr int days_ahead_max = 400;

// The columns of this register that stand behind its id and name.
std::vector<Column> worked_out_columns(std::string_view name);

// The records with the members of those columns. Asks the server for its time, and for the rings
// where they are named.
JsonArray with_worked_out(const Context& context, std::string_view name, JsonArray records);

} // namespace slipway::cli
