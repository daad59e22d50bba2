// SPDX-License-Identifier: Apache-2.0
#include "main/machine_runner.hpp"

#include <fmt/format.h>

#include "base/secret_reference.hpp"
#include "connectors/ring_secrets.hpp"
#include "connectors/secret_forms.hpp"
#include "runner/host.hpp"
#include "runner/smoke_runner.hpp"

namespace slipway {

namespace {

class Lines final : public runner::TranscriptSink {
  public:
    explicit Lines(const app::LineSink& sink) : sink_(sink) {}

    void add(const domain::TranscriptLine& line) override { sink_(line); }

  private:
    const app::LineSink& sink_;
};

// What a check cannot need is not asked for: a smoke list may be long, and a vault slow.
domain::Variables needed(const domain::SmokeCheck& check, const domain::Variables& variables) {
    if (!check.script.empty())
        return variables;
    auto called = check.url + check.address + (check.sql ? check.sql->database : "");
    if (check.sso)
        called += check.sso->client_secret + check.sso->user + check.sso->password;
    domain::Variables some;
    for (const auto& [name, value] : variables)
        if (!secret_of_variable(value) ||
            called.find(fmt::format("${{{}}}", name)) != std::string::npos)
            some.emplace(name, value);
    return some;
}

} // namespace

MachineRunner::MachineRunner(const Clock& clock, Random& random, MachineRunnerOptions options)
    : clock_(clock), options_(std::move(options)),
      local_(clock, options_.scratch, options_.confinement), ssh_(clock, random, options_.ssh) {}

connectors::SecretPolicy MachineRunner::policy_of(const app::RingSetting& setting) const {
    return connectors::policy_of_ring(options_.secrets, setting.kind, setting.ring);
}

Result<runner::StepContext> MachineRunner::make_context(
    const domain::Variables& variables, const connectors::SecretPolicy& policy,
    const std::stop_token& stop
) const {
    runner::StepContext context;
    context.cwd = options_.work;
    context.stop = stop;
    for (const auto& [name, value] : variables) {
        const auto reference = secret_of_variable(value);
        if (!reference) {
            context.variables[name] = value;
            continue;
        }
        auto secret = connectors::resolve_reference(*reference, policy, stop);
        if (!secret)
            return fail(
                secret.error().code,
                fmt::format("the secret {} is not to be had: {}", name, secret.error().message)
            );
        for (auto& form : connectors::secret_forms(*secret))
            context.masked.push_back(std::move(form));
        context.secrets[name] = *std::move(secret);
    }
    return context;
}

domain::StepResult MachineRunner::run_step(
    const domain::RunbookStep& step, const app::RingSetting& setting, std::stop_token stop,
    const app::LineSink& sink
) {
    const auto context = make_context(setting.variables, policy_of(setting), stop);
    if (!context) {
        domain::StepResult result;
        result.name = step.name;
        result.step_digest = step.digest;
        const bool stopped = stop.stop_requested();
        result.outcome = stopped ? domain::RunOutcome::stopped : domain::RunOutcome::not_started;
        result.message = stopped ? "stopped before it began" : context.error().message;
        result.started = result.ended = clock_.now();
        result.transcript = sha256({});
        return result;
    }
    Lines lines(sink);
    return run_on_its_machine(step, *context, lines);
}

domain::StepResult MachineRunner::run_on_its_machine(
    const domain::RunbookStep& step, const runner::StepContext& context,
    runner::TranscriptSink& sink
) const {
    return runner::is_elsewhere(step.host, context) ? ssh_.run_step(step, context, sink)
                                                    : local_.run_step(step, context, sink);
}

domain::CheckResult MachineRunner::run_check(
    const domain::SmokeCheck& check, const app::RingSetting& setting, std::stop_token stop
) {
    const auto policy = policy_of(setting);
    const auto given = needed(check, setting.variables);
    const runner::SmokeRunner smoke(
        clock_,
        [this](const auto& step, const auto& context, auto& sink) {
            return run_on_its_machine(step, context, sink);
        },
        [&policy, &stop](std::string_view reference) -> Result<runner::NamedSecret> {
            auto secret = TRY(connectors::resolve_reference(reference, policy, stop));
            auto forms = connectors::secret_forms(secret);
            return runner::NamedSecret{std::move(secret), std::move(forms)};
        }
    );
    return smoke.run(
        check, [&] { return make_context(given, policy, stop); }, stop
    );
}

} // namespace slipway
