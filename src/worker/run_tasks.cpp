// SPDX-License-Identifier: Apache-2.0
// Tasks that run something: runbooks and smoke lists. The bytes are read from the store by their
// digest and hashed again, so that nothing else can run.
#include <algorithm>
#include <memory>

#include "domain/change/approved_ring.hpp"
#include "domain/change/run_steps.hpp"
#include "domain/change/tasks.hpp"
#include "domain/records/ring_contents.hpp"
#include "worker/tasks.hpp"
#include "worker/transcript_file.hpp"

namespace slipway::worker {

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

Result<Digest> keep_transcript(const TaskContext& context, const std::string& transcript) {
    auto blob = TRY(context.parts.door.store().new_blob(context.task.tenant));
    TRY(blob->write(transcript));
    return blob->finish();
}

namespace {

using domain::RunStepState;

// The variables of the ring: what the change keeps, or else those of the ring's record, if it holds
// what is expected. They come from the very record that was compared, so that nothing can be edited
// between the look and the use. Runs of old entries expect nothing (all zero). Errors: blocked,
// when the ring was edited.
Result<domain::Variables> variables_of(
    const TaskContext& context, const std::string& ring, const Digest& expected,
    const domain::RingRecord* kept
) {
    domain::RingRecord record;
    if (kept)
        record = *kept;
    else
        record = TRY(restore<domain::RingRecord>(
            TRY(context.parts.door.show_record(context.actor(), "ring", ring)).body
        ));
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

Json step_reports(const RunId& run, JsonArray steps) {
    JsonObject body;
    body["run"] = run.value;
    body["steps"] = std::move(steps);
    return body;
}

Json step_report(const RunId& run, JsonObject step) {
    return step_reports(run, {std::move(step)});
}

// Whether the runner goes on by itself after this step, so that the task is not over yet. The next
// one may still wait for a person; then the task ends without doing anything.
bool goes_on(const domain::Run& run, const domain::Runbook& runbook, const std::string& name) {
    const auto* after = domain::step_after(run, name);
    const auto* step = after ? domain::find_step(runbook, after->name) : nullptr;
    return step != nullptr && step->executable();
}

// A step that did not run has failed: its owner decides.
Result<void> report_failed(
    const TaskContext& context, const RunId& run, const std::string& step, const std::string& why
) {
    return context.tell(
        "report_run",
        step_report(
            run, {{"name", step}, {"state", "failed"}, {"detail", cut_text(why, limits::text_max)}}
        ),
        true
    );
}

// The step as it is carried out the n-th time.
app::RunningStep
running_step(const TaskContext& context, const RunId& run, const std::string& step, int attempt) {
    return {context.task.tenant, context.task.change, run.value, step, attempt};
}

// An earlier attempt ended here without a word. Whether the step did its work nobody knows, so it
// is not run again: the owner decides. What was heard of it is on the record.
Result<void>
report_unknown(const TaskContext& context, const RunId& run, const domain::RunStep& step) {
    const auto& folder = context.parts.transcripts;
    const auto left = running_step(context, run, step.name, step.attempts);
    JsonObject report{
        {"name", step.name},
        {"state", "unknown"},
        {"detail", "the server that ran this step ended, or lost its database, meanwhile"}};
    if (const auto lines = left_transcript(folder, left); !lines.empty())
        report["transcript"] = TRY(keep_transcript(context, lines)).hex();
    TRY(context.tell("report_run", step_report(run, std::move(report)), true));
    remove_left_transcript(folder, left);
    return {};
}

// How a step ended, told until it is heard. `reports` begins with it.
Result<void> tell_end(
    const TaskContext& context, const RunId& run, JsonArray reports, const std::string& transcript,
    bool ends
) {
    return tell_until_heard(context, [&]() -> Result<void> {
        reports[0].get_object()["transcript"] = TRY(keep_transcript(context, transcript)).hex();
        return context.tell("report_run", step_reports(run, reports), ends);
    });
}

// Shows what a step writes as long as it runs.
class LiveStep {
  public:
    LiveStep(app::LiveTranscripts& live, app::RunningStep step)
        : live_(live), step_(std::move(step)) {
        live_.begin(step_);
    }

    LiveStep(const LiveStep&) = delete;

    ~LiveStep() { live_.end(step_); }

    void add(std::string_view lines) { live_.add(step_, lines); }

    std::string text() const { return live_.text(step_); }

  private:
    app::LiveTranscripts& live_;
    app::RunningStep step_;
};

RunStepState state_after(const domain::StepResult& result) {
    if (result.outcome == domain::RunOutcome::unknown)
        return RunStepState::unknown;
    return result.passed() ? RunStepState::succeeded : RunStepState::failed;
}

bool is_running(const domain::Run& run) {
    return run.state == domain::RunState::running;
}

// How long the steps before the next one were at work. Neither a decision that is waited for nor a
// server that is down counts, nor what an attempt took that is tried again; of a step whose end
// nobody saw, not more than it may take. The way back of an undone run has the limit to itself.
Span time_worked(const domain::Runbook& runbook, const domain::Run& run) {
    Span worked{};
    for (const auto& done : run.undo.empty() ? run.steps : run.undo) {
        const auto* step = domain::find_step(runbook, done.name);
        if (step != nullptr && domain::is_done(done) && done.started_at && done.ended_at)
            worked += std::clamp(
                *done.ended_at - *done.started_at, Span::zero(),
                domain::step_time(runbook, *step, Span::zero())
            );
    }
    return worked;
}

// A step that may begin, for the n-th time.
struct Ready {
    domain::RunbookStep step; // with what it has of the time limit
    domain::Variables variables;
    int attempt = 0;
};

// `since`: when the run would have begun if it had been at work ever since, which is what its time
// limit is for. Errors: blocked, which says why it must not begin.
Result<Ready> make_ready(
    const TaskContext& context, const domain::Runbook& runbook, const domain::Change& change,
    const domain::Run& run, const domain::RunStep& next, Time since
) {
    const auto* step = domain::find_step(runbook, next.name);
    const auto* approved = domain::outline_of(change, run, next.name);
    if (step == nullptr || approved == nullptr || approved->digest != step->digest)
        return fail(
            ErrorCode::blocked, "this is not the step of the pinned runbook, as it was read then"
        );
    Ready ready{*step, {}, next.attempts + 1};
    ready.step.timeout =
        domain::step_time(runbook, *step, context.parts.door.clock().now() - since);
    if (ready.step.timeout == Span::zero())
        return fail(
            ErrorCode::blocked,
            fmt::format(
                "the steps before it have used up the runbook's time limit of {}: retry cannot "
                "help; abort, or start the way back (roll_back)",
                to_text(runbook.time_limit)
            )
        );
    // A deployment goes on only while the record is as it was; the way back is always open.
    const auto* kept =
        run.purpose == domain::RunPurpose::rollback ? domain::kept_ring(change, run) : nullptr;
    ready.variables = TRY(variables_of(context, run.ring, run.ring_contents, kept));
    return ready;
}

// Whether the record waits for this step to begin: no other server has begun it, and nobody has
// decided otherwise.
Result<bool> may_still_begin(const TaskContext& context, const RunId& id, const std::string& step) {
    const auto change = TRY(context.change());
    const auto* run = domain::find_run(change, id);
    const auto* next = run ? domain::next_step(*run) : nullptr;
    return next != nullptr && is_running(*run) && next->name == step &&
           next->state != RunStepState::running;
}

JsonObject beginning(const Ready& ready) {
    return {{"name", ready.step.name}, {"state", "running"}, {"digest", ready.step.digest.hex()}};
}

JsonObject ending(const domain::StepResult& result) {
    return {
        {"name", result.name},
        {"state", to_text(state_after(result))},
        {"exit_status", result.exit_status},
        {"detail", cut_text(result.message, limits::text_max)},
        {"started_at", to_text(result.started)},
        {"ended_at", to_text(result.ended)},
        {"digest", result.step_digest.hex()}};
}

// Runs this step and those behind it that may begin, without asking the record in between: the
// end of one and the beginning of the next are told in one command, because each is waited for.
// Gives whether the record is to be asked how it goes on. `since` is that of make_ready().
Result<bool> run_from(
    const TaskContext& context, const domain::Runbook& runbook, const domain::Change& change,
    const domain::Run& run, Ready ready, Time since
) {
    const auto here = [&] { return running_step(context, run.id, ready.step.name, ready.attempt); };
    auto live = std::make_unique<LiveStep>(context.parts.live, here());
    const auto begun = context.tell("report_run", step_report(run.id, beginning(ready)), false);
    // Past abort-by, say. Trying again later would not help: its owner decides.
    if (!begun && begun.error().code == ErrorCode::blocked &&
        TRY(may_still_begin(context, run.id, ready.step.name))) {
        TRY(report_failed(context, run.id, ready.step.name, "not begun: " + begun.error().message));
        return false;
    }
    TRY(begun);
    for (;;) {
        TranscriptFile file(context.parts.transcripts, here());
        const auto result = context.parts.runner.run_step(
            ready.step, ready.variables, context.stop,
            [&](const auto& line) {
                const auto text = domain::transcript_text(line);
                file.add(text); // before anybody sees it
                live->add(text);
            }
        );
        const auto end = ending(result);
        const auto transcript = live->text();
        bool more = result.passed() && goes_on(run, runbook, result.name);
        // A server that ends begins nothing new.
        auto next =
            more && !context.stop.stop_requested()
                ? make_ready(
                      context, runbook, change, run, *domain::step_after(run, result.name), since
                  )
                : Result<Ready>(fail(ErrorCode::blocked, "nothing follows"));
        if (next) {
            ready = *std::move(next);
            auto next_live = std::make_unique<LiveStep>(context.parts.live, here());
            const auto told = tell_end(context, run.id, {end, beginning(ready)}, transcript, false);
            if (told) {
                file.remove();
                live = std::move(next_live);
                continue;
            }
            // The run stops behind this step: a person decides, and that is another task.
            if (told.error().code != ErrorCode::blocked)
                return tl::unexpected(told.error());
            more = false;
        }
        TRY(tell_end(context, run.id, {end}, transcript, !more));
        file.remove();
        return more;
    }
}

Result<void> run_on(const TaskContext& context, const domain::RunTask& task) {
    const auto runbook = TRY(read_runbook(context, task.runbook));
    for (bool first = true;; first = false) {
        const auto change = TRY(context.change());
        const auto* run = domain::find_run(change, task.run);
        const auto* next = run ? domain::next_step(*run) : nullptr;
        const bool aborted = run && run->state == domain::RunState::aborted;
        const bool runs = next && next->state == RunStepState::running;
        if (first && runs && (aborted || is_running(*run)))
            return report_unknown(context, run->id, *next);
        if (next == nullptr || runs || !is_running(*run))
            return context.drop();         // somebody decided otherwise meanwhile
        if (context.stop.stop_requested()) // whoever starts next goes on from here
            return fail(ErrorCode::unavailable, "the run was cut short between two steps");
        const auto* step = domain::find_step(runbook, next->name);
        if (step != nullptr && !step->executable())
            return context.drop();
        const Time since = context.parts.door.clock().now() - time_worked(runbook, *run);
        auto ready = make_ready(context, runbook, change, *run, *next, since);
        if (!ready && ready.error().code == ErrorCode::blocked)
            return report_failed(
                context, run->id, next->name, "not begun: " + ready.error().message
            );
        if (!TRY(run_from(context, runbook, change, *run, TRY(std::move(ready)), since)))
            return {};
    }
}

// What could not even begin, in the end: the owner must see it on the record and decide, because
// nobody looks for a task that was given up.
Result<void>
give_up_run(const TaskContext& context, const domain::RunTask& task, const Error& why) {
    const auto change = TRY(context.change());
    const auto* run = domain::find_run(change, task.run);
    const auto* next = run ? domain::next_step(*run) : nullptr;
    if (next == nullptr || !is_running(*run))
        return context.drop();
    if (next->state == RunStepState::running)
        return report_unknown(context, run->id, *next);
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
    const auto variables = TRY(variables_of(
        context, task.ring, tested ? tested->ring_contents : Digest{},
        tested ? domain::kept_ring(change, *tested) : nullptr
    ));
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
        app::is_lease_lost(done.error()))
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
