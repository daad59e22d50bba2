// SPDX-License-Identifier: Apache-2.0
// Makes one smoke check, from its first try to its last. Networks and databases are asked from this
// machine; a command is run as the step that it is, on whatever machine that step is for. What a
// failed check means is the door's to say.
//
// Each try has a context of its own, made right before it and gone after it, so that nobody holds a
// secret while a check settles or waits for its next try. A secret is put into a URL, into
// host:port, into a connection string and into the environment of a command: what is called. It is
// put into no text that a message shows, and where a message says it back "[secret]" stands
// instead. Limits: smoke_*.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "runner/pause.hpp"
#include "runner/step_context.hpp"

namespace slipway::runner {

// Runs a step on the machine that it is for.
using RunStep = std::function<
    domain::StepResult(const domain::RunbookStep&, const StepContext&, TranscriptSink&)>;

// The context of one try. Errors hold no secret.
using MakeContext = std::function<Result<StepContext>()>;

// What a reference names, and the forms, itself among them, in which a system may say it back.
struct NamedSecret {
    std::string text;
    std::vector<std::string> masked;
};

// Resolves a reference (file:, env:, command:). Errors hold no secret.
using SecretSource = std::function<Result<NamedSecret>(std::string_view reference)>;

struct ReadyCheck;

// Safe to use from several threads at once when what it is given is.
class SmokeRunner {
  public:
    // `pause` must outlive it.
    SmokeRunner(
        const Clock& clock, RunStep run_step, SecretSource secrets,
        const Pause& pause = system_pause
    );

    // Waits until the check has settled, then tries until it passes, its retries are used up, or a
    // stop is asked for. What could not be started (no context, a variable without a value) is not
    // tried again, and is found out before anybody waits; another machine that cannot be reached is
    // a failed try like any other. Whatever goes wrong is in the result.
    domain::CheckResult
    run(const domain::SmokeCheck& check, const MakeContext& make_context,
        const std::stop_token& stop) const;

  private:
    Result<ReadyCheck> prepare(
        const domain::SmokeCheck& check, const MakeContext& make_context,
        const std::stop_token& stop
    ) const;
    domain::CheckResult try_once(
        const domain::SmokeCheck& check, const MakeContext& make_context,
        const std::stop_token& stop
    ) const;
    void run_command(const ReadyCheck& ready, domain::CheckResult& result) const;

    const Clock& clock_;
    RunStep run_step_;
    SecretSource secrets_;
    const Pause& pause_;
};

} // namespace slipway::runner
