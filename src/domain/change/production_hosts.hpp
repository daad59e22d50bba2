// SPDX-License-Identifier: Apache-2.0
// The hosts of production that a change touches: those of its ring and those that its scope names,
// or the CMDB where the scope leaves them out. Snapshots are asked for, and demanded, of each.
#pragma once

#include "domain/change/facts.hpp"

namespace slipway::domain {

std::set<std::string> production_hosts(const Change& change, const Records& records);

} // namespace slipway::domain
