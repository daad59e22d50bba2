// SPDX-License-Identifier: Apache-2.0
// Waiting for what the server does later: it is asked again until the answer is there or the time
// is up. A server that is away meanwhile is asked again.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/context.hpp"

namespace slipway::cli {

// Whether asking again may help.
bool is_passing(const Error& error);

// --wait and --timeout of a command whose report comes later.
std::vector<Option> wait_options();

// What `look` finds, asked every limits::cli_wait_min for at most --timeout (30m). `what` is waited
// for; that is said once, on the error output. Errors: timeout, those of `look` that do not pass,
// and that of the option.
Result<Json> wait_for_report(
    const Context& context, const Arguments& arguments, const std::string& what,
    const std::function<Result<std::optional<Json>>()>& look
);

} // namespace slipway::cli
