// SPDX-License-Identifier: Apache-2.0
#include "main/machine_runner.hpp"

#include <fmt/format.h>

#include "runner/host.hpp"

namespace slipway {

namespace {

constexpr std::string_view secret_prefix = "secret:";

class Lines final : public runner::TranscriptSink {
  public:
    explicit Lines(const app::LineSink& sink) : sink_(sink) {}

    void add(const domain::TranscriptLine& line) override { sink_(line); }

  private:
    const app::LineSink& sink_;
};

bool is_reference(std::string_view value) {
    return value.starts_with(secret_prefix);
}

// What a check cannot need is not asked for: a smoke list may be long, and a vault slow.
domain::Variables needed(const domain::SmokeCheck& check, const domain::Variables& variables) {
    if (check.kind == domain::SmokeKind::command)
        return variables;
    domain::Variables some;
    for (const auto& [name, value] : variables) {
        const auto use = fmt::format("${{{}}}", name);
        if (!is_reference(value) || check.url.find(use) != std::string::npos ||
            check.address.find(use) != std::string::npos)
            some.emplace(name, value);
    }
    return some;
}

} // namespace

MachineRunner::MachineRunner(const Clock& clock, Random& random, MachineRunnerOptions options)
    : clock_(clock), options_(std::move(options)), local_(clock, options_.scratch),
      ssh_(clock, random, options_.ssh) {}

Result<runner::StepContext>
MachineRunner::make_context(const domain::Variables& variables, std::stop_token stop) const {
    runner::StepContext context;
    context.cwd = options_.work;
    context.stop = std::move(stop);
    for (const auto& [name, value] : variables) {
        if (!is_reference(value)) {
            context.variables[name] = value;
            continue;
        }
        auto secret = connectors::resolve_reference(
            std::string_view(value).substr(secret_prefix.size()), options_.secrets
        );
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
    const domain::RunbookStep& step, const domain::Variables& variables, std::stop_token stop,
    const app::LineSink& sink
) {
    const auto context = make_context(variables, std::move(stop));
    if (!context) {
        domain::StepResult result;
        result.name = step.name;
        result.step_digest = step.digest;
        result.outcome = domain::RunOutcome::not_started;
        result.message = context.error().message;
        result.started = result.ended = clock_.now();
        result.transcript = sha256({});
        return result;
    }
    Lines lines(sink);
    return runner::is_elsewhere(step.host, *context) ? ssh_.run_step(step, *context, lines)
                                                     : local_.run_step(step, *context, lines);
}

domain::CheckResult MachineRunner::run_check(
    const domain::SmokeCheck& check, const domain::Variables& variables, std::stop_token stop
) {
    const auto context = make_context(needed(check, variables), std::move(stop));
    if (!context) {
        domain::CheckResult result;
        result.name = check.name;
        result.outside = check.outside;
        result.outcome = domain::RunOutcome::not_started;
        result.message = context.error().message;
        result.started = result.ended = clock_.now();
        return result;
    }
    return runner::is_elsewhere(check.host, *context) ? ssh_.run_smoke(check, *context)
                                                      : local_.run_smoke(check, *context);
}

} // namespace slipway
