// SPDX-License-Identifier: Apache-2.0
// What a runner is given beside the step itself: where its output goes, its variables, its secrets
// and the way to stop it. A secret reaches the script's environment (or what a smoke check calls)
// and nothing else: every line, message and result shows "[secret]" in its place.
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include "domain/runbook/run_result.hpp"
#include "domain/runbook/runbook.hpp"

namespace slipway::runner {

// Where the lines of a transcript go, as they come and in the thread that called run_step. What it
// is given is what the digest in the result covers. It must not throw.
class TranscriptSink {
  public:
    virtual ~TranscriptSink() = default;
    virtual void add(const domain::TranscriptLine& line) = 0;
};

struct StepContext {
    std::filesystem::path cwd; // where the script runs on this machine; it must exist
    // Given to the script as its environment, and put into ${name} of hosts and smoke checks.
    domain::Variables variables = {};
    // The same, but not put into hosts and expectations, since both are shown. At least
    // secret_shown_min bytes each. A secret wins over a variable of the same name.
    domain::Variables secrets = {};
    // Other texts that must not be shown, such as the forms in which a system says a secret back.
    std::vector<std::string> masked = {};
    std::stop_token stop = {};
};

} // namespace slipway::runner
