// SPDX-License-Identifier: Apache-2.0
#include "runner/smoke_runner.hpp"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "runner/check.hpp"
#include "runner/step_run.hpp"
#include "runner/transcript.hpp"

namespace slipway::runner {

using domain::CheckResult;
using domain::RunbookStep;
using domain::RunOutcome;
using domain::SmokeCheck;
using domain::SmokeKind;

// What one try needs. It holds secrets.
struct ReadyCheck {
    SmokeCheck check; // with its variables put in
    StepContext context;
    std::string connection; // sql: the connection string
    SsoSecrets sso;
};

namespace {

// Keeps whole lines of the output, up to a limit; the rest of it goes nowhere.
class Output final : public TranscriptSink {
  public:
    void add(const domain::TranscriptLine& line) override {
        full_ = full_ || text.size() + line.text.size() >= limits::smoke_body_max;
        if (!full_)
            text.append(line.text).append("\n");
    }

    std::string text;

  private:
    bool full_ = false;
};

// Secrets are put into what is called, never into what is shown. The reference to a database is
// neither.
Result<SmokeCheck> fill_check(const SmokeCheck& check, const StepContext& context) {
    const auto all = TRY(environment_of(context));
    auto shown = check;
    shown.url.clear();
    shown.address.clear();
    if (shown.sql)
        shown.sql->database.clear();
    if (shown.sso)
        shown.sso->client_secret = shown.sso->user = shown.sso->password = {};
    auto filled = TRY(domain::fill_variables(shown, context.variables));
    filled.url = TRY(domain::fill_variables(check.url, all));
    filled.address = TRY(domain::fill_variables(check.address, all));
    return filled;
}

// What the list calls `key` is a reference, or a variable of the ring that is a secret: that one is
// resolved and masked already.
Result<std::string> secret_of(
    std::string_view key, const std::string& reference, StepContext& context,
    const SecretSource& secrets
) {
    for (const auto& [name, secret] : context.secrets)
        if (reference == fmt::format("${{{}}}", name))
            return secret;
    const auto filled = domain::fill_variables(reference, context.variables);
    auto secret = filled ? secrets(*filled) : Result<NamedSecret>(tl::unexpected(filled.error()));
    if (!secret)
        return fail(secret.error().code, fmt::format("{}: {}", key, secret.error().message));
    for (auto& form : secret->masked)
        context.masked.push_back(std::move(form));
    return std::move(secret->text);
}

Result<SsoSecrets>
sso_secrets(const domain::SsoDemands& demands, StepContext& context, const SecretSource& secrets) {
    SsoSecrets out;
    const std::tuple<std::string_view, const std::string&, std::string&> wanted[] = {
        {"client_secret", demands.client_secret, out.client_secret},
        {"user", demands.user, out.user},
        {"password", demands.password, out.password}};
    for (const auto& [key, reference, secret] : wanted) {
        if (!reference.empty())
            secret = TRY(secret_of(key, reference, context, secrets));
    }
    return out;
}

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

CheckAnswer look_at(const ReadyCheck& ready, Time now) {
    const auto& [check, context, connection, sso] = ready;
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
        return check_sql(check, connection, context.stop);
    case SmokeKind::sso:
        return check_sso(check, sso, now, context.stop);
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

// Of a check that was not tried yet.
CheckResult untried(const SmokeCheck& check, RunOutcome outcome, std::string message, Time now) {
    CheckResult result;
    result.name = check.name;
    result.outcome = outcome;
    result.message = std::move(message);
    result.started = result.ended = now;
    return result;
}

} // namespace

SmokeRunner::SmokeRunner(
    const Clock& clock, RunStep run_step, SecretSource secrets, const Pause& pause
)
    : clock_(clock), run_step_(std::move(run_step)), secrets_(std::move(secrets)), pause_(pause) {}

Result<ReadyCheck> SmokeRunner::prepare(
    const SmokeCheck& check, const MakeContext& make_context, const std::stop_token& stop
) const {
    ReadyCheck ready;
    ready.context = TRY(make_context());
    ready.context.stop = stop;
    ready.check = TRY(fill_check(check, ready.context));
    if (check.sql)
        ready.connection = TRY(secret_of("database", check.sql->database, ready.context, secrets_));
    if (check.sso)
        ready.sso = TRY(sso_secrets(*check.sso, ready.context, secrets_));
    return ready;
}

void SmokeRunner::run_command(const ReadyCheck& ready, CheckResult& result) const {
    Output output;
    const auto ran = run_step_(step_of(ready.check), ready.context, output);
    result.outcome = ran.outcome;
    result.status = std::max(ran.exit_status, 0);
    result.message = ran.message;
    // As a port at which nobody listens: the machine may yet come up.
    if (ran.outcome == RunOutcome::not_started && is_elsewhere(ready.check.host, ready.context))
        result.outcome = RunOutcome::failed;
    if (ready.check.job && ran.passed()) {
        const auto answer = judge_job_output(ready.check, output.text, clock_.now());
        result.outcome = answer.outcome;
        result.message = answer.message;
    }
}

CheckResult SmokeRunner::try_once(
    const SmokeCheck& check, const MakeContext& make_context, const std::stop_token& stop
) const {
    const auto ready = prepare(check, make_context, stop);
    if (!ready)
        return untried(check, RunOutcome::not_started, ready.error().message, clock_.now());
    auto result = untried(check, {}, {}, clock_.now());
    result.tries = 1;
    if (ready->check.script.empty()) {
        const auto answer = look_at(*ready, result.started);
        result.outcome = answer.outcome;
        result.status = answer.status;
        result.message = safe_text(hide_in_message(mask_of(ready->context), answer.message));
    } else {
        run_command(*ready, result);
    }
    result.ended = clock_.now();
    return result;
}

CheckResult SmokeRunner::run(
    const SmokeCheck& check, const MakeContext& make_context, const std::stop_token& stop
) const {
    const auto patience = check.patience.value_or(domain::SmokePatience{});
    const auto began = clock_.now();
    if (patience.settle > Span::zero()) {
        if (const auto ready = prepare(check, make_context, stop); !ready)
            return untried(check, RunOutcome::not_started, ready.error().message, clock_.now());
        if (!pause_.wait(patience.settle, stop))
            return untried(
                check, RunOutcome::stopped, "stopped on request before the first try", clock_.now()
            );
    }
    CheckResult result;
    for (int tries = 0;;) {
        result = try_once(check, make_context, stop);
        tries += result.tries;
        result.tries = tries;
        if (tries > patience.retries || !worth_another_try(result.outcome))
            break;
        if (!pause_.wait(patience.every, stop)) {
            result.outcome = RunOutcome::stopped;
            result.message = "stopped on request between two tries; the last: " + result.message;
            break;
        }
    }
    result.started = began;
    count_tries(patience, result);
    return result;
}

} // namespace slipway::runner
