// SPDX-License-Identifier: Apache-2.0
// The runners behind the worker's port. A step whose host is another machine goes through SSH, and
// so does the command of a smoke check; everything else runs here. Variables that are references to
// secrets are resolved right before the step, or the try of a check, that gets them and forgotten
// when it has ended; nothing else ever holds them.
#pragma once

#include <filesystem>

#include "app/ports/runner.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "connectors/secrets.hpp"
#include "runner/local_runner.hpp"
#include "runner/ssh_runner.hpp"

namespace slipway {

struct MachineRunnerOptions {
    std::filesystem::path scratch;         // private script files
    std::filesystem::path work;            // where scripts run; it must exist
    Result<Confinement> confinement = {};  // of what runs here
    connectors::SecretPolicy secrets = {}; // of the server; a ring has its part of it
    runner::SshOptions ssh = {};
};

class MachineRunner final : public app::Runner {
  public:
    MachineRunner(const Clock& clock, Random& random, MachineRunnerOptions options);
    MachineRunner(const MachineRunner&) = delete;
    MachineRunner& operator=(const MachineRunner&) = delete;

    // A variable whose value is "secret:" and a reference (connectors/secrets.hpp) becomes a secret
    // of the step. One that cannot be resolved makes the step not_started.
    domain::StepResult run_step(
        const domain::RunbookStep& step, const app::RingSetting& setting, std::stop_token stop,
        const app::LineSink& sink
    ) override;
    // A check without a command resolves only the secrets that it names.
    domain::CheckResult run_check(
        const domain::SmokeCheck& check, const app::RingSetting& setting, std::stop_token stop
    ) override;

  private:
    connectors::SecretPolicy policy_of(const app::RingSetting& setting) const;
    Result<runner::StepContext> make_context(
        const domain::Variables& variables, const connectors::SecretPolicy& policy,
        const std::stop_token& stop
    ) const;
    domain::StepResult run_on_its_machine(
        const domain::RunbookStep& step, const runner::StepContext& context,
        runner::TranscriptSink& sink
    ) const;

    const Clock& clock_;
    MachineRunnerOptions options_;
    runner::LocalRunner local_;
    runner::SshRunner ssh_;
};

} // namespace slipway
