// SPDX-License-Identifier: Apache-2.0
#include "domain/records/ring_contents.hpp"

namespace slipway::domain {

// What is left out is named, so that a field that a ring gets some day counts by itself.
Digest ring_contents(const std::string& id, const RingRecord& ring) {
    RingRecord counted = ring;
    counted.name.clear();
    counted.facts_at.reset();
    counted.fact_files.clear();
    for (auto& host : counted.hosts) {
        host.facts.clear();
        host.found.reset();
    }
    for (auto& credential : counted.credentials)
        credential.expires_at.reset();
    return sha256(id + ' ' + encode(counted));
}

} // namespace slipway::domain
