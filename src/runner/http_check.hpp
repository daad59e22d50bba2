// SPDX-License-Identifier: Apache-2.0
// The network side of smoke checks, through libcurl: an HTTP request judged by status and body, and
// a TCP connection. No proxy is used, whatever the environment says, because a check must see the
// server itself. Redirects stay within http and https and are limited. Internal to src/runner.
#pragma once

#include <stop_token>
#include <string>

#include "domain/runbook/run_result.hpp"

namespace slipway::runner {

struct CheckAnswer {
    domain::RunOutcome outcome{};
    int status = 0;
    std::string message;
};

CheckAnswer check_http(const domain::SmokeCheck& check, const std::stop_token& stop);
CheckAnswer check_tcp(const domain::SmokeCheck& check, const std::stop_token& stop);

} // namespace slipway::runner
