// SPDX-License-Identifier: Apache-2.0
// What a ring holds, as one digest: its id and all of its record that decides where a runbook runs,
// with what and as whom. Left out is what was found on it (the facts of its hosts, when they were
// gathered, when a credential ends), what is looked for there and what people call it, so that
// looking at a ring again does not make it another one.
#pragma once

#include "domain/records/records.hpp"

namespace slipway::domain {

Digest ring_contents(const std::string& id, const RingRecord& ring);

} // namespace slipway::domain
