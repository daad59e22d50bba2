// SPDX-License-Identifier: Apache-2.0
// Tasks that run a runbook. The bytes are read from the store by their digest and hashed again, so
// that nothing else can run.
#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>

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

namespace {

using domain::RunStepState;

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
        {"detail", "the server ended while this step ran"}};
    if (const auto lines = left_transcript(folder, left); !lines.empty())
        report["transcript"] = TRY(keep_transcript(context, lines)).hex();
    TRY(context.tell("report_run", step_report(run, std::move(report)), true));
    remove_left_transcript(folder, left);
    return {};
}

void rest(const std::stop_token& stop, Span time) {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any never;
    never.wait_for(lock, stop, time, [] { return false; });
}

// How a step ended is known only here, so it is told until it is heard: a disk that is full for a
// while makes no end unknown. `reports` begins with it.
Result<void> tell_end(
    const TaskContext& context, const RunId& run, JsonArray reports, const std::string& transcript,
    bool ends
) {
    const auto tell = [&]() -> Result<void> {
        reports[0].get_object()["transcript"] = TRY(keep_transcript(context, transcript)).hex();
        return context.tell("report_run", step_reports(run, reports), ends);
    };
    for (;;) {
        auto told = tell();
        if (told || told.error().code != ErrorCode::unavailable || context.stop.stop_requested())
            return told;
        rest(context.stop, context.parts.poll);
    }
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

// A step that may begin, for the n-th time.
struct Ready {
    domain::RunbookStep step; // with what it has of the time limit
    domain::Variables variables;
    int attempt = 0;
};

// Errors: blocked, which says why it must not begin.
Result<Ready> make_ready(
    const TaskContext& context, const domain::Runbook& runbook, const domain::Change& change,
    const domain::Run& run, const domain::RunStep& next
) {
    const auto* step = domain::find_step(runbook, next.name);
    const auto* approved = domain::outline_of(change, run, next.name);
    if (step == nullptr || approved == nullptr || approved->digest != step->digest)
        return fail(
            ErrorCode::blocked, "this is not the step of the pinned runbook, as it was read then"
        );
    const auto since = context.parts.door.clock().now() - run.started_at;
    Ready ready{*step, {}, next.attempts + 1};
    ready.step.timeout = domain::step_time(runbook, *step, since);
    if (ready.step.timeout == Span::zero())
        return fail(
            ErrorCode::blocked,
            fmt::format("the runbook's time limit of {} is over", to_text(runbook.time_limit))
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
// Gives whether the record is to be asked how it goes on.
Result<bool> run_from(
    const TaskContext& context, const domain::Runbook& runbook, const domain::Change& change,
    const domain::Run& run, Ready ready
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
                ? make_ready(context, runbook, change, run, *domain::step_after(run, result.name))
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
        auto ready = make_ready(context, runbook, change, *run, *next);
        if (!ready && ready.error().code == ErrorCode::blocked)
            return report_failed(
                context, run->id, next->name, "not begun: " + ready.error().message
            );
        if (!TRY(run_from(context, runbook, change, *run, TRY(std::move(ready)))))
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

} // namespace slipway::worker
