// SPDX-License-Identifier: Apache-2.0
// Tasks that look at machines and change nothing there: the facts of a ring, and the preflight of a
// change. Both run a script of the program's own, the same bytes on every host.
#include <algorithm>
#include <atomic>
#include <future>
#include <system_error>

#include "domain/change/preflight_plan.hpp"
#include "domain/change/tasks.hpp"
#include "domain/records/host_facts.hpp"
#include "domain/records/ring_contents.hpp"
#include "worker/tasks.hpp"

namespace slipway::worker {

namespace {

constexpr std::size_t hosts_at_once = 8;

// A host that does not answer takes its time; the others do not wait for it. What a look throws is
// thrown here, whichever thread it was in.
template <class Look>
void for_each_at_once(std::size_t count, const Look& look) {
    std::atomic<std::size_t> next{0};
    const auto work = [&] {
        for (std::size_t i = next++; i < count; i = next++)
            look(i);
    };
    std::vector<std::future<void>> others;
    try {
        for (std::size_t i = 1; i < std::min(count, hosts_at_once); ++i)
            others.push_back(std::async(std::launch::async, work));
    } catch (const std::system_error&) {
        // The system has no thread left, so those that are there do it all.
    }
    work();
    for (auto& other : others)
        other.get();
}

struct Heard {
    domain::StepResult result;
    std::vector<std::string> lines;
    std::string transcript;
};

Heard run_probe(
    const TaskContext& context, std::string_view script, const std::string& host, Span timeout,
    const app::RingSetting& setting
) {
    domain::RunbookStep step;
    step.name = "probe";
    step.kind = domain::RunbookStepKind::verify;
    step.host = host;
    step.interpreter = "sh";
    step.script = script;
    step.timeout = timeout;
    Heard heard;
    heard.result =
        context.parts.runner.run_step(step, setting, context.stop, [&](const auto& line) {
            heard.lines.push_back(line.text);
            heard.transcript += domain::transcript_text(line);
        });
    return heard;
}

// --- facts of a ring ---------------------------------------------------------------------------

Result<domain::FactDocument> facts_heard(const Heard& heard) {
    if (!heard.result.passed())
        return fail(ErrorCode::unavailable, heard.result.message);
    if (heard.result.transcript_truncated)
        return fail(ErrorCode::limit_exceeded, "it printed more facts than are kept");
    return domain::read_printed_facts(heard.lines);
}

// The variables of the ring are not given to the script, so no secret is anywhere near it.
domain::FactsFound gather_host(
    const TaskContext& context, const domain::GatherTask& task, const domain::RingRecord& ring,
    const domain::RingHost& host
) {
    const auto& script = context.parts.facts_script;
    const auto heard = run_probe(
        context, script, host.address, limits::gather_timeout,
        {ring.kind,
         task.ring,
         {{"SLIPWAY_FACT_FILES", fmt::format("{}", fmt::join(ring.fact_files, "\n"))}}}
    );
    domain::FactsFound found;
    found.at = context.parts.door.clock().now(); // the host's own clock may be wrong
    found.by = task.asked_by;
    found.script = sha256(script);
    const auto fault = [&](const Error& error) {
        found.fault = cut_text(error.message, limits::text_max);
        if (found.fault.empty())
            found.fault = "nothing is known of why";
        return found;
    };
    const auto document = facts_heard(heard);
    if (!document)
        return fault(document.error());
    const auto kept = keep_transcript(context, domain::write_facts(document->facts));
    if (!kept)
        return fault(kept.error());
    found.transcript = *kept;
    found.count = static_cast<std::uint32_t>(document->facts.size());
    return found;
}

// --- preflight ---------------------------------------------------------------------------------

struct Asked {
    std::vector<domain::PreflightCheck> checks;
    std::optional<domain::PreflightEvidence> evidence;
};

// The host gets the plain variables alone: what is looked for there needs no secret.
Result<Asked> ask_host(
    const TaskContext& context, app::RingSetting setting, const std::string& host,
    const domain::HostNeeds& needs
) {
    setting.variables = domain::preflight_variables(needs);
    const auto heard = run_probe(
        context, context.parts.preflight_script, host, limits::preflight_timeout, setting
    );
    Asked asked;
    asked.checks = domain::judge_host(host, needs, heard.result, heard.lines);
    if (!heard.transcript.empty())
        asked.evidence = {host, TRY(keep_transcript(context, heard.transcript))};
    return asked;
}

// Here and nowhere else: that the reference gives something, not what. Its value goes no further
// than to a shell that does nothing.
domain::PreflightCheck ask_secret(
    const TaskContext& context, app::RingSetting setting, const std::string& name,
    const std::string& reference
) {
    setting.variables = {{name, reference}};
    const auto heard = run_probe(context, ":", {}, limits::preflight_timeout, setting);
    return {
        {},
        domain::PreflightKind::credential,
        name,
        heard.result.passed(),
        heard.result.passed() ? "its reference gives a secret"
                              : cut_text(heard.result.message, limits::text_max)};
}

Result<std::vector<domain::Runbook>>
runbooks_of(const TaskContext& context, const domain::PreflightTask& task) {
    std::vector<domain::Runbook> runbooks;
    for (const auto& digest : {task.deployment, task.rollback})
        if (digest != Digest{})
            runbooks.push_back(TRY(read_runbook(context, digest)));
    return runbooks;
}

// What failed comes first, and what then does not fit is said, so that no failure is cut off
// without a word.
void keep_within_limits(std::vector<domain::PreflightCheck>& checks) {
    for (auto& check : checks)
        check.detail = cut_text(check.detail, 300);
    if (checks.size() <= limits::preflight_checks_max)
        return;
    std::stable_partition(checks.begin(), checks.end(), [](const auto& check) {
        return !check.passed;
    });
    const auto all = checks.size();
    checks.resize(limits::preflight_checks_max - 1);
    checks.push_back(
        {{},
         domain::PreflightKind::host,
         {},
         false,
         fmt::format("of {} checks only {} are listed here", all, checks.size())}
    );
}

Result<domain::Preflight> look(const TaskContext& context, const domain::PreflightTask& task) {
    const auto shown = TRY(context.parts.door.show_record(context.actor(), "ring", task.ring));
    const auto ring = TRY(restore<domain::RingRecord>(std::string_view(shown.body)));
    auto variables = ring.variables;
    variables["SLIPWAY_CHANGE"] = context.task.change;
    variables["SLIPWAY_RING"] = task.ring;
    const auto plan =
        domain::plan_preflight(TRY(runbooks_of(context, task)), ring, variables, task.needed_until);
    if (plan.hosts.size() > limits::preflight_hosts_max)
        return fail(
            ErrorCode::limit_exceeded, fmt::format(
                                           "the runbooks use {} hosts, a preflight asks {}",
                                           plan.hosts.size(), limits::preflight_hosts_max
                                       )
        );
    const std::vector hosts(plan.hosts.begin(), plan.hosts.end());
    const std::vector secrets(plan.secrets.begin(), plan.secrets.end());
    std::vector<Result<Asked>> asked(hosts.size(), Asked{});
    std::vector<domain::PreflightCheck> answers(secrets.size());
    const app::RingSetting setting{ring.kind, task.ring, {}};
    for_each_at_once(hosts.size() + secrets.size(), [&](std::size_t i) {
        if (i < hosts.size())
            asked[i] = ask_host(context, setting, hosts[i].first, hosts[i].second);
        else
            answers[i - hosts.size()] = ask_secret(
                context, setting, secrets[i - hosts.size()].first, secrets[i - hosts.size()].second
            );
    });
    domain::Preflight preflight;
    preflight.ring = task.ring;
    // What the ring holds is what was asked about: the record may have been edited meanwhile.
    preflight.ring_contents = domain::ring_contents(task.ring, ring);
    preflight.deployment = task.deployment;
    preflight.rollback = task.rollback;
    preflight.asked_by = task.asked_by;
    preflight.script = sha256(context.parts.preflight_script);
    preflight.checks = plan.known;
    for (auto& one : asked) {
        auto answer = TRY(std::move(one));
        std::move(answer.checks.begin(), answer.checks.end(), std::back_inserter(preflight.checks));
        if (answer.evidence)
            preflight.evidence.push_back(*std::move(answer.evidence));
    }
    std::move(answers.begin(), answers.end(), std::back_inserter(preflight.checks));
    keep_within_limits(preflight.checks);
    return preflight;
}

} // namespace

Result<void> carry_out_gather(const TaskContext& context) {
    const auto task = TRY(restore<domain::GatherTask>(std::string_view(context.task.payload)));
    const auto shown = context.parts.door.show_record(context.actor(), "ring", task.ring);
    if (!shown && shown.error().code == ErrorCode::not_found)
        return context.drop(); // it was removed meanwhile
    const auto ring = TRY(restore<domain::RingRecord>(std::string_view(TRY(shown).body)));
    std::vector<app::HostFound> found(ring.hosts.size());
    for_each_at_once(ring.hosts.size(), [&](std::size_t i) {
        const auto& host = ring.hosts[i];
        found[i] = {host.host, host.address, gather_host(context, task, ring, host)};
    });
    if (context.stop.stop_requested())
        return fail(ErrorCode::unavailable, "the gathering was cut short");
    const app::TaskEnd end{context.task.id, context.task.lease};
    return tell_past_faults(context, [&](bool) -> Result<void> {
        TRY(context.parts.door.record_found(context.actor(), task.ring, found, {}, end));
        return {};
    });
}

Result<void> carry_out_preflight(const TaskContext& context) {
    const auto task = TRY(restore<domain::PreflightTask>(std::string_view(context.task.payload)));
    auto preflight = look(context, task);
    if (context.stop.stop_requested())
        return fail(ErrorCode::unavailable, "the preflight was cut short");
    if (!preflight && !context.last_attempt)
        return tl::unexpected(preflight.error());
    if (!preflight) {
        // Nobody looks for a task that was given up.
        domain::Preflight failed;
        failed.ring = task.ring;
        failed.ring_contents = task.ring_contents;
        failed.deployment = task.deployment;
        failed.rollback = task.rollback;
        failed.asked_by = task.asked_by;
        failed.script = sha256(context.parts.preflight_script);
        failed.checks.push_back(
            {{},
             domain::PreflightKind::host,
             {},
             false,
             cut_text("could not be made: " + preflight.error().message, limits::text_max)}
        );
        preflight = std::move(failed);
    }
    JsonObject body;
    body["preflight"] = to_json(*preflight);
    return context.finish("record_preflight", std::move(body));
}

} // namespace slipway::worker
