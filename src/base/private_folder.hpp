// SPDX-License-Identifier: Apache-2.0
// Folders for what only one user of the machine may see.
#pragma once

#include <string>

#include "base/result.hpp"

namespace slipway {

// Takes every right on a folder that is there from all but its owner. What belongs to somebody else
// keeps its rights, and is good enough when only his group may enter it.
// Errors: forbidden when anybody may enter it.
Result<void> make_private(const std::string& folder);

} // namespace slipway
