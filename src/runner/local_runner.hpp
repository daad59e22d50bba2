// SPDX-License-Identifier: Apache-2.0
// Runs one step of a runbook on this machine. The runner obeys; it never decides whether a step may
// run (that is the door's), in which order, or what a failure means. A step gets its own process
// group, a view of the file system without what is the server's (base/confinement.hpp), stdin from
// /dev/null, a private script file, and an environment of nothing but PATH, HOME,
// LANG, TMPDIR and the variables given; no secret stands in a command line, and none in a
// transcript, a result or a message. When the time limit ends or a stop is asked for, the whole
// group gets SIGTERM and, two seconds later, SIGKILL. Limits: transcript_max, transcript_line_max.
#pragma once

#include <filesystem>

#include "base/clock.hpp"
#include "base/confinement.hpp"
#include "runner/step_context.hpp"

namespace slipway::runner {

// Safe to use from several threads at once: it holds no state but its places.
class LocalRunner {
  public:
    // `scratch` is a directory for private script files; it is made, mode 0700, when it is missing.
    // Every step is confined; where that cannot be, its reason is what a step that was not started
    // says.
    LocalRunner(const Clock& clock, std::filesystem::path scratch, Result<Confinement> confinement);

    // Runs a command or a verify step whose `host` is empty or localhost. What a step leaves
    // running in its process group is ended with it: services belong to their service manager.
    // Whatever goes wrong is in the result; manual and decision steps and steps for another host
    // come back as not_started.
    domain::StepResult run_step(
        const domain::RunbookStep& step, const StepContext& context, TranscriptSink& sink
    ) const;

  private:
    const Clock& clock_;
    std::filesystem::path scratch_;
    Result<Confinement> confinement_;
};

} // namespace slipway::runner
