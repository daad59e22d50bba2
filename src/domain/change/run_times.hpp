// SPDX-License-Identifier: Apache-2.0
// How long a run took, step by step, and how a run on production compares with the run of the same
// bytes on the test ring. Both are read from the record alone; nothing is estimated here.
#pragma once

#include <map>

#include "domain/calendar/spoken.hpp"
#include "domain/change/change.hpp"

namespace slipway::domain {

// What each step that is done took, by name. A step whose report does not say when it began (a
// person confirmed it, or another runner told only its end) took the time since the step before it
// ended: that is how long everybody waited for it. Skipped steps and those to come are left out.
std::map<std::string, Span> step_times(const Run& run);
// What the steps took together.
Span time_taken(const Run& run);

// The last run of the same bytes on the test ring that went well before this one on production
// began; nullptr when there is none, and for a run on the test ring itself.
const Run* rehearsal_of(const Change& change, const Run& live);
// The last deployment and the last rollback on production, beside their rehearsals.
std::vector<RunComparison> compare_with_rehearsals(const Change& change);

} // namespace slipway::domain
