// SPDX-License-Identifier: Apache-2.0
// Who answers for a window by a roster: what check_oncall records and pages, and what its gate
// compares that record with, because a roster is edited after it was looked at, and people leave.
#pragma once

#include "domain/change/facts.hpp"

namespace slipway::domain {

struct OncallCover {
    std::vector<std::string> gaps;                        // in words: who is missing when
    std::vector<std::pair<OncallRole, PersonId>> holders; // each once; the client's contact last
};

// The shifts of those who are active: nobody else answers.
std::vector<RosterShift> active_shifts(const RosterRecord& roster, const Records& records);

// Errors: invalid_input when the roster or the window cannot be evaluated.
Result<OncallCover>
oncall_cover(const RosterRecord& roster, const ChangeWindow& window, const Records& records);

} // namespace slipway::domain
