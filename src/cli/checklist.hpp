// SPDX-License-Identifier: Apache-2.0
// `slipway change steps`: the checklist of a change, and what one step of it asks for.
#pragma once

#include "cli/command.hpp"

namespace slipway::cli {

Command checklist_command();

} // namespace slipway::cli
