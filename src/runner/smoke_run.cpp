// SPDX-License-Identifier: Apache-2.0
// One smoke check from its first try to its last.
#include <algorithm>

#include <fmt/format.h>

#include "runner/check.hpp"
#include "runner/transcript.hpp"

namespace slipway::runner {

using domain::CheckResult;
using domain::RunbookStep;
using domain::RunOutcome;
using domain::SmokeCheck;
using domain::SmokeKind;

namespace {

// Keeps the first line of the output; the rest of it goes nowhere.
class FirstLine final : public TranscriptSink {
  public:
    void add(const domain::TranscriptLine& line) override {
        if (!seen_)
            text = line.text;
        seen_ = true;
    }

    std::string text;

  private:
    bool seen_ = false;
};

RunbookStep step_of(const SmokeCheck& check) {
    RunbookStep step;
    step.name = check.name;
    step.interpreter = "sh";
    step.host = check.host;
    step.script = check.script;
    step.expect = check.expect_body;
    step.exit_status = check.expect_status;
    step.timeout = limit_of(check);
    return step;
}

CheckAnswer look_at(
    const SmokeCheck& check, const StepContext& context, Time now, const SecretSource& secrets
) {
    switch (check.kind) {
    case SmokeKind::http:
        return check_http(check, context.stop);
    case SmokeKind::tcp:
        return check_tcp(check, context.stop);
    case SmokeKind::tls:
        return check_tls(check, now, context.stop);
    case SmokeKind::dns:
        return check_dns(check, context.stop);
    case SmokeKind::job:
        return check_job(check, now, context.stop);
    case SmokeKind::metric:
        return check_metric(check, context.stop);
    case SmokeKind::sql:
        return check_sql(check, secrets, context.stop);
    case SmokeKind::command:
        break; // is run as a step
    }
    return {RunOutcome::not_started, 0, "a command is run as a step"};
}

bool worth_another_try(RunOutcome outcome) {
    return outcome != RunOutcome::passed && outcome != RunOutcome::stopped &&
           outcome != RunOutcome::not_started;
}

// What came of it, after one try or many.
void count_tries(const domain::SmokePatience& patience, CheckResult& result) {
    if (result.passed() && result.tries > 1)
        result.message += fmt::format("; so at try {} of {}", result.tries, patience.retries + 1);
    else if (!result.passed() && result.tries > 1)
        result.message += fmt::format("; tried {} times", result.tries);
}

} // namespace

CheckResult LocalRunner::look(const SmokeCheck& check, const StepContext& context) const {
    CheckResult result;
    result.name = check.name;
    result.outside = check.outside;
    result.started = clock_.now();
    if (check.script.empty()) {
        const auto answer = look_at(check, context, result.started, secrets_);
        result.outcome = answer.outcome;
        result.status = answer.status;
        result.message = safe_text(answer.message);
    } else {
        FirstLine line;
        const auto ran = run_step(step_of(check), context, line);
        result.outcome = ran.outcome;
        result.status = std::max(ran.exit_status, 0);
        result.message = ran.message;
        if (check.job && ran.passed()) {
            const auto answer = judge_job_line(check, line.text, clock_.now());
            result.outcome = answer.outcome;
            result.message = answer.message;
        }
    }
    result.ended = clock_.now();
    return result;
}

CheckResult LocalRunner::run_smoke(const SmokeCheck& check, const StepContext& context) const {
    CheckResult result;
    result.name = check.name;
    result.outside = check.outside;
    result.outcome = RunOutcome::not_started;
    result.started = result.ended = clock_.now();
    const auto filled = domain::fill_variables(check, context.variables);
    if (!filled) {
        result.message = filled.error().message;
        return result;
    }
    const auto patience = filled->patience.value_or(domain::SmokePatience{});
    if (patience.settle > Span::zero() && !pause_.wait(patience.settle, context.stop)) {
        result.outcome = RunOutcome::stopped;
        result.message = "stopped on request before the first try";
        return result;
    }
    for (int tries = 1;; ++tries) {
        result = look(*filled, context);
        result.tries = tries;
        if (tries > patience.retries || !worth_another_try(result.outcome))
            break;
        if (!pause_.wait(patience.every, context.stop)) {
            result.outcome = RunOutcome::stopped;
            result.message = "stopped on request between two tries; the last: " + result.message;
            break;
        }
    }
    count_tries(patience, result);
    return result;
}

} // namespace slipway::runner
