// SPDX-License-Identifier: Apache-2.0
// Which machine a step or a check is for. Which names mean this one says base/this_machine.hpp.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "runner/step_context.hpp"

namespace slipway::runner {

// The host with its variables put in, secrets aside; empty for this machine. Errors: invalid_input
// for a variable without a value, and for what is no domain::is_host_name.
Result<std::string> host_of(std::string_view host, const StepContext& context);

// Whether it is certainly another machine.
bool is_elsewhere(std::string_view host, const StepContext& context);

} // namespace slipway::runner
