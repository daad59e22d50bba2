// SPDX-License-Identifier: Apache-2.0
// What the worker asks of a runner: one step of a runbook, one smoke check. A runner carries out
// exactly what it is given and decides nothing; whatever goes wrong is in the result.
#pragma once

#include <functional>
#include <stop_token>

#include "domain/runbook/run_result.hpp"
#include "domain/runbook/runbook.hpp"

namespace slipway::app {

using LineSink = std::function<void(const domain::TranscriptLine&)>;

class Runner {
  public:
    virtual ~Runner() = default;
    // `variables` are the environment of the script. The sink is called in the caller's thread.
    virtual domain::StepResult run_step(
        const domain::RunbookStep& step, const domain::Variables& variables, std::stop_token stop,
        const LineSink& sink
    ) = 0;
    virtual domain::CheckResult run_check(
        const domain::SmokeCheck& check, const domain::Variables& variables, std::stop_token stop
    ) = 0;
};

} // namespace slipway::app
