// SPDX-License-Identifier: Apache-2.0
// Tasks that run something: runbooks and smoke lists. The bytes are read from the store by their
// digest and hashed again, so that nothing else can run.
#include <algorithm>

#include "domain/change/tasks.hpp"
#include "domain/records/ring_contents.hpp"
#include "worker/tasks.hpp"

namespace slipway::worker {

namespace {

using domain::RunStepState;

Result<domain::Runbook> read_runbook(const TaskContext& context, const Digest& digest) {
    std::string bytes;
    TRY(context.parts.door.store()
            .read_blob(context.task.tenant, digest, [&](std::string_view chunk) {
                bytes += chunk;
                return Result<void>{};
            }));
    if (sha256(bytes) != digest)
        return fail(ErrorCode::internal, "the stored runbook is not the pinned one", digest.hex());
    return domain::parse_runbook(bytes);
}

// The variables of the ring, if it holds what is expected. They come from the very record that was
// compared, so that nothing can be edited between the look and the use. Runs of old entries expect
// nothing (all zero). Errors: blocked, when the ring was edited.
Result<domain::Variables>
variables_of(const TaskContext& context, const std::string& ring, const Digest& expected) {
    const auto shown = TRY(context.parts.door.show_record(context.actor(), "ring", ring));
    const auto record = TRY(restore<domain::RingRecord>(shown.body));
    const auto now = domain::ring_contents(ring, record);
    if (expected != Digest{} && now != expected)
        return fail(
            ErrorCode::blocked, fmt::format(
                                    "the ring {} was edited since the run began: then {}, now {}",
                                    ring, expected.hex(), now.hex()
                                )
        );
    domain::Variables variables = record.variables;
    variables["SLIPWAY_CHANGE"] = context.task.change;
    variables["SLIPWAY_RING"] = ring;
    return variables;
}

Result<Digest> keep_transcript(const TaskContext& context, const std::string& transcript) {
    auto blob = TRY(context.parts.door.store().new_blob(context.task.tenant));
    TRY(blob->write(transcript));
    return blob->finish();
}

Json step_report(const std::string& run, JsonObject step) {
    JsonObject body;
    body["run"] = run;
    body["steps"] = JsonArray{std::move(step)};
    return body;
}

const domain::RunStep* next_step(const domain::Run& run) {
    const auto next = std::find_if(run.steps.begin(), run.steps.end(), [](const auto& step) {
        return step.state != RunStepState::succeeded && step.state != RunStepState::skipped;
    });
    return next == run.steps.end() ? nullptr : &*next;
}

// Whether the runner goes on by itself after this step, so that the task is not over yet.
bool goes_on(const domain::Runbook& runbook, const std::string& name) {
    const auto here =
        std::find_if(runbook.steps.begin(), runbook.steps.end(), [&](const auto& step) {
            return step.name == name;
        });
    return here != runbook.steps.end() && here + 1 != runbook.steps.end() &&
           (here + 1)->executable();
}

// A step that did not run has failed: its owner decides.
Result<void> report_failed(
    const TaskContext& context, const RunId& run, const std::string& step, const std::string& why
) {
    return context.tell(
        "report_run",
        step_report(
            run.value,
            {{"name", step}, {"state", "failed"}, {"detail", cut_text(why, limits::text_max)}}
        ),
        true
    );
}

// Runs one step and reports it. Gives whether the run goes on.
Result<bool> run_one(
    const TaskContext& context, const domain::RunTask& task, const domain::Runbook& runbook,
    const domain::RunbookStep& step, const domain::Variables& variables
) {
    TRY(context.tell(
        "report_run", step_report(task.run.value, {{"name", step.name}, {"state", "running"}}),
        false
    ));
    std::string transcript;
    auto& live = context.parts.live;
    live.begin(context.task.tenant, context.task.change);
    const auto result =
        context.parts.runner.run_step(step, variables, context.stop, [&](const auto& line) {
            transcript += domain::transcript_text(line);
            live.add(
                context.task.tenant, context.task.change,
                {task.run.value, step.name, line.at, line.text}
            );
        });
    const auto kept = TRY(keep_transcript(context, transcript));
    JsonObject report{
        {"name", step.name},
        {"state", result.passed() ? "succeeded" : "failed"},
        {"exit_status", result.exit_status},
        {"detail", cut_text(result.message, limits::text_max)},
        {"started_at", to_text(result.started)},
        {"ended_at", to_text(result.ended)},
        {"transcript", kept.hex()}};
    const bool more = result.passed() && goes_on(runbook, step.name);
    TRY(context.tell("report_run", step_report(task.run.value, std::move(report)), !more));
    return more;
}

Result<void> run_on(const TaskContext& context, const domain::RunTask& task) {
    const auto runbook = TRY(read_runbook(context, task.runbook));
    for (;;) {
        const auto change = TRY(context.change());
        const auto* run = domain::find_run(change, task.run);
        const auto* next = run ? next_step(*run) : nullptr;
        if (run == nullptr || next == nullptr || run->state != domain::RunState::running)
            return context.drop(); // somebody decided otherwise meanwhile
        const auto step =
            std::find_if(runbook.steps.begin(), runbook.steps.end(), [&](const auto& known) {
                return known.name == next->name;
            });
        if (step == runbook.steps.end() || !step->executable())
            return context.drop();
        if (next->state == RunStepState::running)
            // An earlier attempt ended here without a word. Whether the step did its work nobody
            // knows, so it is not run again: the owner decides.
            return report_failed(
                context, run->id, next->name,
                "the server stopped while this step ran: its end is unknown"
            );
        auto limited = *step;
        limited.timeout =
            domain::step_time(runbook, *step, context.parts.door.clock().now() - run->started_at);
        if (limited.timeout == Span::zero())
            return report_failed(
                context, run->id, next->name,
                fmt::format(
                    "not begun: the runbook's time limit of {} is over", to_text(runbook.time_limit)
                )
            );
        const auto variables = variables_of(context, run->ring, run->ring_contents);
        if (!variables && variables.error().code == ErrorCode::blocked)
            return report_failed(
                context, run->id, next->name, "not begun: " + variables.error().message
            );
        if (!TRY(run_one(context, task, runbook, limited, TRY(variables))))
            return {};
    }
}

// What could not even begin, in the end: the owner must see it on the record and decide, because
// nobody looks for a task that was given up.
Result<void>
give_up_run(const TaskContext& context, const domain::RunTask& task, const Error& why) {
    const auto change = TRY(context.change());
    const auto* run = domain::find_run(change, task.run);
    const auto* next = run ? next_step(*run) : nullptr;
    if (next == nullptr || run->state != domain::RunState::running)
        return context.drop();
    return report_failed(context, run->id, next->name, "could not be run: " + why.message);
}

JsonObject result_report(const domain::CheckResult& result) {
    JsonObject report{
        {"name", result.name},
        {"passed", result.passed()},
        {"detail", cut_text(result.message, limits::text_max)},
        {"took_ms", std::max((result.ended - result.started).count(), Span::rep{0})}};
    if (result.tries > 0)
        report["tries"] = result.tries;
    return report;
}

// What is seen of the production ring from the outside, by a probe; and why nothing is. Nobody
// outside needs to reach a test ring.
Result<void> look_from_outside(
    const TaskContext& context, const domain::SmokeTask& task, const domain::Runbook& book,
    const domain::Variables& variables, JsonObject& body
) {
    const bool production = task.occasion == domain::SmokeOccasion::production ||
                            task.occasion == domain::SmokeOccasion::rollback;
    const bool wanted = std::any_of(book.smoke.begin(), book.smoke.end(), [](const auto& check) {
        return check.outside;
    });
    if (!production || !wanted)
        return {};
    app::OutsideView view{{}, {}, "this server takes no probes"};
    if (context.parts.probes != nullptr) {
        auto work = app::make_probe_work(book.smoke, variables);
        work.change = context.task.change;
        work.ring = task.ring;
        view = context.parts.probes->ask(context.task.tenant, std::move(work), context.stop);
    }
    if (context.stop.stop_requested())
        return fail(ErrorCode::unavailable, "the smoke test was cut short");
    if (!view.not_outside.empty())
        body["not_outside"] = view.not_outside;
    for (const auto& result : view.results) {
        auto report = result_report(result);
        report["outside"] = true;
        report["seen_from"] = view.seen_from;
        body["results"].get_array().push_back(std::move(report));
    }
    return {};
}

Result<void> run_smoke_list(
    const TaskContext& context, const domain::SmokeTask& task, const domain::Runbook& book,
    JsonObject& body
) {
    // What a run has left behind is tested where the run went.
    const auto change = TRY(context.change());
    const auto* tested = domain::last_run(change, domain::run_tested_on(task.occasion));
    const auto variables =
        TRY(variables_of(context, task.ring, tested ? tested->ring_contents : Digest{}));
    body["results"] = JsonArray{};
    for (const auto& check : book.smoke) {
        const auto result = context.parts.runner.run_check(check, variables, context.stop);
        if (context.stop.stop_requested())
            return fail(ErrorCode::unavailable, "the smoke test was cut short");
        body["results"].get_array().push_back(result_report(result));
    }
    return look_from_outside(context, task, book, variables, body);
}

} // namespace

Result<void> carry_out_run(const TaskContext& context) {
    const auto task = TRY(restore<domain::RunTask>(std::string_view(context.task.payload)));
    auto done = run_on(context, task);
    // A lost lease is not this server's failure to report, and a stop is none at all.
    if (done || !context.last_attempt || context.stop.stop_requested() ||
        done.error().code == ErrorCode::conflict)
        return done;
    return give_up_run(context, task, done.error());
}

bool run_was_ended(const TaskContext& context) {
    const auto task = restore<domain::RunTask>(std::string_view(context.task.payload));
    const auto change = context.change();
    if (!task || !change)
        return false; // it is asked again in a moment
    const auto* run = domain::find_run(*change, task->run);
    return run != nullptr && !domain::is_active(*run);
}

Result<void> carry_out_smoke(const TaskContext& context) {
    const auto task = TRY(restore<domain::SmokeTask>(std::string_view(context.task.payload)));
    JsonObject body;
    body["occasion"] = to_text(task.occasion);
    const auto runbook = read_runbook(context, task.runbook);
    const auto ran = runbook ? run_smoke_list(context, task, *runbook, body)
                             : Result<void>(tl::unexpected(runbook.error()));
    // An edited ring is put back by a person and not by another try.
    const bool edited = !ran && ran.error().code == ErrorCode::blocked;
    if (!ran && !edited && (!context.last_attempt || context.stop.stop_requested()))
        return ran;
    if (runbook)
        body["list"] = runbook->smoke_digest.hex();
    if (!ran)
        body["results"] = JsonArray{JsonObject{
            {"name", "smoke"},
            {"passed", false},
            {"detail", ("could not be run: " + ran.error().message).substr(0, limits::text_max)}}};
    return context.tell("record_smoke", std::move(body), true);
}

} // namespace slipway::worker
