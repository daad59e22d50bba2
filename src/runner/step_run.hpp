// SPDX-License-Identifier: Apache-2.0
// What running a step is on any machine: what is checked before it starts, how its end is judged,
// and that no message shows a secret. Internal to src/runner.
#pragma once

#include <string>

#include "base/clock.hpp"
#include "runner/host.hpp"
#include "runner/process.hpp"
#include "runner/transcript.hpp"
#include "runner/watch.hpp"

namespace slipway::runner {

// One run of one step. The result is made once, by one of the three functions that give it.
class StepRun {
  public:
    StepRun(
        const domain::RunbookStep& step, const StepContext& context, const Clock& clock,
        TranscriptSink& sink
    );

    Transcript& transcript() { return transcript_; }

    // How long it may take.
    Span limit() const;

    // What its script finds in its environment. Errors: why it cannot run anywhere.
    Result<domain::Variables> environment() const;
    domain::StepResult not_started(std::string message);
    domain::StepResult ended(domain::RunOutcome outcome, std::string message);
    // Judged by the cut, the exit status and the output, in this order.
    domain::StepResult judged(Cut cut, const Ending& ending);

  private:
    domain::StepResult finish(std::string message);

    const domain::RunbookStep& step_;
    const StepContext& context_;
    const Clock& clock_;
    Mask mask_;
    Transcript transcript_;
    domain::StepResult result_;
};

// All texts that must not be shown.
Mask mask_of(const StepContext& context);

// Variables and secrets together. Errors: invalid_input for a name that no shell knows, a NUL in a
// value, a secret that is too short to be masked.
Result<domain::Variables> environment_of(const StepContext& context);

} // namespace slipway::runner
