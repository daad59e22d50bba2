// SPDX-License-Identifier: Apache-2.0
// What a test ring differs in from production, host by host. Hosts of one role are compared with
// one another in the order of the records: the first with the first. Where one ring has fewer, its
// last host of the role stands for those that it does not have, so that no host of production goes
// unlooked at; that the numbers differ is a difference of its own. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "domain/records/host_facts.hpp"

namespace slipway::domain {

struct RingDifference {
    std::string id; // "production host/fact"; unique in its comparison
    std::string role;
    std::string ring_host;
    std::string production_host;
    std::string kind; // "package"
    std::string name; // "package.nginx", or "hosts": how many there are
    std::string ring_value;
    std::string production_value;
};

struct RingComparison {
    std::uint32_t facts_compared = 0;
    std::vector<RingDifference> differences; // by role, pair of hosts, fact
};

// Gathered facts by the SHA-256 of their document (FactsFound::transcript).
using FactsByDocument = std::map<Digest, HostFacts>;

// All that is known of a host: what was gathered, and beside it what people wrote into the record.
// Nothing when the last gathering came to nothing.
HostFacts facts_of(const RingHost& host, const FactsByDocument& gathered);

// A pair of hosts of which one has no facts at all is not compared: that is for the gate to say. A
// fact that nobody could look at, on either side, is a difference, also when both say the same.
RingComparison compare_rings(
    const RingRecord& ring, const RingRecord& production, const FactsByDocument& gathered
);

} // namespace slipway::domain
