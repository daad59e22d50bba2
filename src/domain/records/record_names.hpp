// SPDX-License-Identifier: Apache-2.0
// Whether the records that a document names are registered. A name that leads nowhere is a slip of
// the pen that would be found out when somebody is called, a notice is sent or an impact is traced,
// or never: a freeze that is narrowed to it freezes nothing. `together` are the ids of the same
// kind that are put with the document. Errors: invalid_input naming the field, and what there is.
//
// The items that hosts of a ring stand for are not looked at: items name their ring, and one of
// both has to be there first.
#pragma once

#include <set>
#include <string>

#include "base/result.hpp"

namespace slipway::domain {

struct Records;

using CheckNames = Result<void>(
    const std::string& document, const Records& records, const std::set<std::string>& together
);
CheckNames check_item_names, check_blackout_names, check_board_names, check_roster_names;
CheckNames check_channel_names, check_ring_names;

} // namespace slipway::domain
