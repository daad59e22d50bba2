// SPDX-License-Identifier: Apache-2.0
// What the worker asks of a runner: one step of a runbook, one smoke check. A runner carries out
// exactly what it is given and decides nothing; whatever goes wrong is in the result.
#pragma once

#include <functional>
#include <stop_token>

#include "domain/records/records.hpp"
#include "domain/runbook/run_result.hpp"
#include "domain/runbook/runbook.hpp"

namespace slipway::app {

using LineSink = std::function<void(const domain::TranscriptLine&)>;

// The ring that something runs for: it gets the variables as its environment, and its references
// lead to the secrets of this ring and of no other.
struct RingSetting {
    domain::RingKind kind{};
    std::string ring;
    domain::Variables variables;
};

class Runner {
  public:
    virtual ~Runner() = default;
    // The sink is called in the caller's thread.
    virtual domain::StepResult run_step(
        const domain::RunbookStep& step, const RingSetting& setting, std::stop_token stop,
        const LineSink& sink
    ) = 0;
    virtual domain::CheckResult run_check(
        const domain::SmokeCheck& check, const RingSetting& setting, std::stop_token stop
    ) = 0;
};

} // namespace slipway::app
