// SPDX-License-Identifier: Apache-2.0
// The runners behind the worker's port. A step or check whose host is another machine goes through
// SSH, everything else runs here. Variables that are references to secrets are resolved right
// before the step that gets them and forgotten when it has ended; nothing else ever holds them.
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
    std::filesystem::path scratch; // private script files
    std::filesystem::path work;    // where scripts run; it must exist
    connectors::SecretPolicy secrets = {};
    runner::SshOptions ssh = {};
};

class MachineRunner final : public app::Runner {
  public:
    MachineRunner(const Clock& clock, Random& random, MachineRunnerOptions options);

    // A variable whose value is "secret:" and a reference (connectors/secrets.hpp) becomes a secret
    // of the step. One that cannot be resolved makes the step not_started.
    domain::StepResult run_step(
        const domain::RunbookStep& step, const domain::Variables& variables, std::stop_token stop,
        const app::LineSink& sink
    ) override;
    // A check of kind http or tcp resolves only the secrets that its address names.
    domain::CheckResult run_check(
        const domain::SmokeCheck& check, const domain::Variables& variables, std::stop_token stop
    ) override;

  private:
    Result<runner::StepContext>
    make_context(const domain::Variables& variables, std::stop_token stop) const;

    const Clock& clock_;
    MachineRunnerOptions options_;
    runner::LocalRunner local_;
    runner::SshRunner ssh_;
};

} // namespace slipway
