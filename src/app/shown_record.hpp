// SPDX-License-Identifier: Apache-2.0
// A record as it is read: its document with what the server knows beside it.
#pragma once

#include "app/ports/store.hpp"
#include "domain/policy/policy.hpp"

namespace slipway::app {

// Of a record that has this version and document.
std::string shown_record(
    const StreamKey& key, std::uint64_t version, const std::string& document,
    const domain::Policy& policy
);

// Errors: internal when the stored document cannot be read.
Result<std::string> shown_record(const StoredStream& stored, const domain::Policy& policy);

} // namespace slipway::app
