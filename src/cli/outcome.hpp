// SPDX-License-Identifier: Apache-2.0
// What people are told after a command on a change: what it led to, and what comes next. Nothing of
// it is decided here; what the server does not tell is left out.
#pragma once

#include <string>
#include <string_view>

#include "cli/context.hpp"

namespace slipway::cli {

// The last run and how to follow it, after a command that began one; what the trace found, and who
// answers for it, after trace_impact; nothing after others.
void say_led_to(const Context& context, std::string_view command, const std::string& change);

// The steps that are open now and whose turn it is, from the checklist; runs that wait.
void say_next(const Context& context, const Json& record);

// Whether this command's report comes later, so that it can be waited for.
bool reports_later(std::string_view command);

// Waits for the report that follows `version` of the change, and shows it; with --json its entry of
// the ledger. ok when it is good, blocked when it is not. Errors: those of wait_for_report().
Result<ExitCode> await_report(
    const Context& context, const Arguments& arguments, std::string_view command,
    const std::string& version
);

} // namespace slipway::cli
