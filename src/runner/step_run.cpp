// SPDX-License-Identifier: Apache-2.0
#include "runner/step_run.hpp"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "base/this_machine.hpp"

namespace slipway::runner {

using domain::RunbookStep;
using domain::RunOutcome;
using domain::StepResult;

namespace {

bool is_variable_name(std::string_view name) {
    const auto letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    return !name.empty() && letter(name.front()) &&
           std::all_of(name.begin(), name.end(), [&](char c) {
               return letter(c) || (c >= '0' && c <= '9');
           });
}

} // namespace

Mask mask_of(const StepContext& context) {
    auto texts = context.masked;
    for (const auto& [name, secret] : context.secrets)
        texts.push_back(secret);
    return Mask(texts);
}

Result<domain::Variables> environment_of(const StepContext& context) {
    for (const auto& [name, secret] : context.secrets)
        if (secret.size() < limits::secret_shown_min)
            return fail_field(
                "variables", fmt::format(
                                 "the secret {} is shorter than {} bytes and could not be masked",
                                 name, limits::secret_shown_min
                             )
            );
    auto all = context.secrets;
    all.insert(context.variables.begin(), context.variables.end());
    for (const auto& [name, value] : all) {
        if (!is_variable_name(name))
            return fail_field("variables", fmt::format("\"{}\" is not a name", name));
        if (value.find('\0') != std::string::npos)
            return fail_field("variables", fmt::format("the value of {} holds a NUL", name));
    }
    return all;
}

Result<std::string> host_of(std::string_view host, const StepContext& context) {
    auto filled = TRY(domain::fill_variables(host, context.variables));
    if (is_this_machine(filled))
        return std::string();
    if (!domain::is_host_name(filled))
        return fail(
            ErrorCode::invalid_input, fmt::format("\"{}\" is not the name of a host", filled)
        );
    return filled;
}

bool is_elsewhere(std::string_view host, const StepContext& context) {
    const auto known = host_of(host, context);
    return known && !known->empty();
}

StepRun::StepRun(
    const RunbookStep& step, const StepContext& context, const Clock& clock, TranscriptSink& sink
)
    : step_(step), context_(context), clock_(clock), mask_(mask_of(context)),
      transcript_(sink, mask_) {
    result_.name = step.name;
    result_.step_digest = step.digest;
    result_.outcome = RunOutcome::not_started;
    result_.started = result_.ended = clock.now();
}

Span StepRun::limit() const {
    return step_.timeout > Span::zero() ? step_.timeout : domain::step_timeout_default;
}

Result<domain::Variables> StepRun::environment() const {
    if (!step_.executable())
        return fail(
            ErrorCode::invalid_input, fmt::format("a {} step is for people", to_text(step_.kind))
        );
    return environment_of(context_);
}

StepResult StepRun::not_started(std::string message) {
    return ended(RunOutcome::not_started, std::move(message));
}

StepResult StepRun::ended(RunOutcome outcome, std::string message) {
    result_.outcome = outcome;
    return finish(std::move(message));
}

StepResult StepRun::finish(std::string message) {
    result_.message = safe_text(mask_.hide(message));
    // A clock that was set back meanwhile does not let it end before it began.
    result_.ended = std::max(result_.started, clock_.now());
    result_.transcript_bytes = transcript_.size();
    result_.transcript_truncated = transcript_.truncated();
    result_.transcript = transcript_.digest();
    return std::move(result_);
}

StepResult StepRun::judged(Cut cut, const Ending& ending) {
    result_.exit_status = ending.exit_status;
    result_.signal = ending.signal;
    if (cut == Cut::stopped)
        return ended(RunOutcome::stopped, "stopped on request");
    if (cut == Cut::timed_out)
        return ended(
            RunOutcome::timed_out,
            fmt::format("not done within its time limit of {}", to_text(step_.timeout))
        );
    if (!ending.known)
        return ended(RunOutcome::unknown, "it ended, and the system does not say how");
    if (ending.signal != 0)
        return ended(
            RunOutcome::signalled,
            fmt::format("ended by signal {} ({})", ending.signal, ::strsignal(ending.signal))
        );
    if (ending.exit_status != step_.exit_status)
        return ended(
            RunOutcome::failed,
            fmt::format("exit status {}, expected {}", ending.exit_status, step_.exit_status)
        );
    const auto matches = domain::output_matches(step_.expect, transcript_.output());
    if (!matches)
        return ended(RunOutcome::unexpected_output, matches.error().message);
    if (!*matches)
        return ended(
            RunOutcome::unexpected_output,
            fmt::format(
                "the output does not have \"{}\"{}", step_.expect,
                transcript_.truncated() ? " in the part that was kept" : ""
            )
        );
    return ended(RunOutcome::passed, fmt::format("exit status {}", ending.exit_status));
}

} // namespace slipway::runner
