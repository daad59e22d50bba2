// SPDX-License-Identifier: Apache-2.0
// Which attachments an entry names: by an object with the members "digest" and "size_bytes", or by
// a member "transcript" that is a digest.
#pragma once

#include <string_view>
#include <vector>

#include "base/hash.hpp"
#include "base/json.hpp"

namespace slipway::domain {

std::vector<Digest> named_attachments(const Json& entry);

// False when the bytes of an entry cannot name any; cheap, so that a verifier need not parse all.
bool may_name_attachments(std::string_view entry);

} // namespace slipway::domain
