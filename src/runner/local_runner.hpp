// SPDX-License-Identifier: Apache-2.0
// Runs one step of a runbook, or one smoke check, on this machine. The runner obeys; it never
// decides whether a step may run (that is the door's), in which order, or what a failure means. A
// step gets its own process group, stdin from /dev/null, a private script file, and an environment
// of nothing but PATH, HOME, LANG, TMPDIR and the variables given; no secret stands in a command
// line. When the time limit ends or a stop is asked for, the whole group gets SIGTERM and, two
// seconds later, SIGKILL. Limits: transcript_max, transcript_line_max, smoke_*.
#pragma once

#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "domain/runbook/run_result.hpp"
#include "domain/runbook/runbook.hpp"
#include "runner/pause.hpp"

namespace slipway::runner {

// Where the lines of a transcript go, as they come and in the thread that called run_step. What it
// is given is what the digest in the result covers. It must not throw.
class TranscriptSink {
  public:
    virtual ~TranscriptSink() = default;
    virtual void add(const domain::TranscriptLine& line) = 0;
};

// The content of what a reference names (file:, env:, command:), for checks that sign in somewhere.
// Errors hold no secret.
using SecretSource = std::function<Result<std::string>(std::string_view reference)>;

struct StepContext {
    std::filesystem::path cwd; // where the script runs; it must exist
    // Given to the script as its environment, and put into ${name} of smoke checks.
    domain::Variables variables = {};
    std::stop_token stop = {};
};

// Safe to use from several threads at once: it holds no state but its places.
class LocalRunner {
  public:
    // `scratch` is a directory for private script files; it is made, mode 0700, when it is missing.
    // Without `secrets` a check that needs one comes back as not_started. `pause` must outlive it.
    LocalRunner(
        const Clock& clock, std::filesystem::path scratch, SecretSource secrets = {},
        const Pause& pause = system_pause
    );

    // Runs a command or a verify step whose `host` is empty or localhost. What a step leaves
    // running in its process group is ended with it: services belong to their service manager.
    // Whatever goes wrong is in the result; manual and decision steps and steps for another host
    // come back as not_started.
    domain::StepResult run_step(
        const domain::RunbookStep& step, const StepContext& context, TranscriptSink& sink
    ) const;

    // The variables are put in first; a check with one that has no value comes back as not_started.
    // Waits until the check has settled, then tries until it passes, its retries are used up, or a
    // stop is asked for. What could not be started is not tried again: it would be the same.
    domain::CheckResult
    run_smoke(const domain::SmokeCheck& check, const StepContext& context) const;

  private:
    domain::CheckResult look(const domain::SmokeCheck& check, const StepContext& context) const;

    const Clock& clock_;
    std::filesystem::path scratch_;
    SecretSource secrets_;
    const Pause& pause_;
};

} // namespace slipway::runner
