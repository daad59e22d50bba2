// SPDX-License-Identifier: Apache-2.0
// Whether a run may start, whoever starts it: what start_run refuses, and what a pipeline is told
// that asks beforehand (gates/clearance.hpp). Who may start it is asked elsewhere.
#pragma once

#include "domain/change/commands.hpp"
#include "domain/change/facts.hpp"

namespace slipway::domain {

// A runbook is pinned that it would run. Errors: blocked, with what is left when none can be.
Result<void> require_runbook(const Change& change, RunPurpose purpose);
// What holds for every run. Errors: blocked; limit_exceeded when the change has no room for more.
Result<void> may_start(const Change& change, const StartRun& body, const Facts& facts);
// What a deployment asks for besides: nothing of it has run, and nothing that must hold before
// production is touched is open. Errors: blocked.
Result<void> may_deploy(const Change& change, const Facts& facts);

} // namespace slipway::domain
