// SPDX-License-Identifier: Apache-2.0
// What people should know of a record that they have just written: it is allowed, and may still
// not be what they wanted. In whole sentences; none when there is nothing to say.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "domain/records/records.hpp"

namespace slipway::domain {

// Who sits on the board and has no vote, and that it cannot reach the `quorum` that applies.
std::vector<std::string>
remarks_on_board(const BoardRecord& board, std::uint32_t quorum, const Records& records);

// Whose approval of the entry is gone.
std::vector<std::string>
remarks_on_entry(const CatalogueRecord& before, const CatalogueRecord& after);

} // namespace slipway::domain
