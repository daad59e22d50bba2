// SPDX-License-Identifier: Apache-2.0
// The hosts of production that a change touches: those of its ring and those that its scope names,
// or the CMDB where the scope leaves them out. Once production was touched the ring is the one that
// the change keeps, so that nobody who edits its record holds up the way back. Snapshots are asked
// for, and demanded, of each host; the backup of an item is looked for on its host.
#pragma once

#include "domain/change/facts.hpp"

namespace slipway::domain {

// Empty when neither the scope nor the CMDB names one.
std::string host_of(const ScopedCi& scoped, const Records& records);
std::set<std::string> production_hosts(const Change& change, const Records& records);
// Those of them that the change names itself, whatever becomes of the registers: of the ring that
// it keeps, and of its scope.
std::set<std::string> hosts_on_record(const Change& change);

// The snapshot of before the deployment to which the host went back last. A run on production of
// which a step began since then has touched the host again, and it is not back any more.
const Snapshot* went_back_to(const Change& change, const std::string& host);

} // namespace slipway::domain
