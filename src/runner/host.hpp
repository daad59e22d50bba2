// SPDX-License-Identifier: Apache-2.0
// Which machine a step or a check is for. "localhost", 127.0.0.1 and ::1 are this one, as is no
// host at all. This machine's own name is not: it goes through SSH as any other name does, with the
// user and the rights that ssh_config gives it.
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
