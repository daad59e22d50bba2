// SPDX-License-Identifier: Apache-2.0
// From stored entries back to the state of a change: the same functions as the door uses, for
// loading, exporting and rebuilding. What was hashed counts, not the columns beside it.
#pragma once

#include <span>

#include "app/ports/store.hpp"
#include "domain/change/change.hpp"

namespace slipway::app {

// Adds stored events to the state of a change, in their order. Errors: internal for one that cannot
// be read.
Result<void> apply_events(domain::Change& change, std::span<const StoredEvent> events);
// The state of a change as it was loaded: its document and the events since. Errors: internal for a
// document that cannot be read, whatever is wrong with it.
Result<domain::Change> change_of(const StoredStream& stored);

} // namespace slipway::app
