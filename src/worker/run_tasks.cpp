// SPDX-License-Identifier: Apache-2.0
// Tasks that run a runbook. The bytes are read from the store by their digest and hashed again, so
// that nothing else can run.
#include <algorithm>
#include <functional>

#include "domain/change/approved_ring.hpp"
#include "domain/change/run_steps.hpp"
#include "domain/change/tasks.hpp"
#include "domain/records/ring_contents.hpp"
#include "worker/step_in_hand.hpp"
#include "worker/transcript_file.hpp"

namespace slipway::worker {

Result<domain::Runbook> read_runbook(const TaskContext& context, const Digest& digest) {
    std::string bytes;
    TRY(context.parts.door.store()
            .read_blob(context.task.tenant, digest, [&](std::string_view chunk) {
                bytes += chunk;
                return Result<void>{};
            }));
    if (const auto stored = sha256(bytes); stored != digest)
        return fail(
            ErrorCode::internal, fmt::format(
                                     "the stored runbook is not the pinned one: pinned {}, stored "
                                     "{}",
                                     digest.hex(), stored.hex()
                                 )
        );
    return domain::parse_runbook(bytes);
}

Result<Digest> keep_transcript(const TaskContext& context, const std::string& transcript) {
    auto blob = TRY(context.parts.door.store().new_blob(context.task.tenant));
    TRY(blob->write(transcript));
    return blob->finish();
}

Result<app::RingSetting> setting_of(
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
    app::RingSetting setting{record.kind, ring, record.variables};
    setting.variables["SLIPWAY_CHANGE"] = context.task.change;
    setting.variables["SLIPWAY_RING"] = ring;
    return setting;
}

namespace {

// Ends the task with what is known of its steps: nobody else would tell it.
Result<void> end_with(const TaskContext& context, const RunId& run, const JsonArray& steps) {
    return tell_until_heard(context, context.server_ends, [&](bool again) -> Result<void> {
        if (again)
            TRY(context.hold());
        return context.tell("report_run", step_reports(run, steps), true);
    });
}

// A step that did not run has failed: its owner decides.
Result<void> report_failed(
    const TaskContext& context, const RunId& run, const std::string& step, const std::string& why
) {
    const JsonObject report{
        {"name", step}, {"state", "failed"}, {"detail", cut_text(why, limits::text_max)}};
    return end_with(context, run, {report});
}

// An earlier attempt ended while these ran, without a word or with one that was refused. Whether
// they did their work nobody knows, so they are not run again: the owner decides. What was heard of
// them is on the record.
Result<void> report_unknown(
    const TaskContext& context, const RunId& run, const std::vector<const domain::RunStep*>& steps
) {
    const auto& folder = context.parts.transcripts;
    JsonArray reports;
    for (const auto* step : steps) {
        JsonObject report{
            {"name", step->name},
            {"state", "unknown"},
            {"detail", "the server that ran this step ended or lost its database, or its report of "
                       "the end was refused"}};
        const auto left = running_step(context, run, step->name, step->attempts);
        if (const auto lines = left_transcript(folder, left); !lines.empty())
            report["transcript"] = TRY(keep_transcript(context, lines)).hex();
        reports.push_back(std::move(report));
    }
    TRY(end_with(context, run, reports));
    for (const auto* step : steps)
        remove_left_transcript(folder, running_step(context, run, step->name, step->attempts));
    return {};
}

bool is_running(const domain::Run& run) {
    return run.state == domain::RunState::running;
}

// How long the steps before the next one were at work. Neither a decision that is waited for nor a
// server that is down counts, nor what an attempt took that is tried again; of a step whose end
// nobody saw, not more than it may take. Steps that ran at the same time took the time once. The
// way back of an undone run has the limit to itself.
Span time_worked(const domain::Runbook& runbook, const domain::Run& run) {
    std::vector<std::pair<Time, Time>> spans;
    for (const auto& done : run.undo.empty() ? run.steps : run.undo) {
        const auto* step = domain::find_step(runbook, done.name);
        if (step == nullptr || !domain::is_done(done) || !done.started_at || !done.ended_at)
            continue;
        const auto most = *done.started_at + domain::step_time(runbook, *step, Span::zero());
        spans.emplace_back(*done.started_at, std::min(*done.ended_at, most));
    }
    std::sort(spans.begin(), spans.end());
    Span worked{};
    Time until{};
    for (const auto& [start, end] : spans) {
        worked += std::max(end - std::max(start, until), Span::zero());
        until = std::max(until, end);
    }
    return worked;
}

// The runbook, and the change and its run as they were when they were last looked at.
struct Running {
    const TaskContext& context;
    const domain::Runbook& runbook;
    const domain::Change& change;
    const domain::Run& run;
    Time since; // when it would have begun if it had been at work ever since: for its time limit
};

// Steps that may begin now, at the same time. Errors: blocked, which says why they must not.
Result<StepsInHand>
make_ready(const Running& running, const std::vector<const domain::RunStep*>& steps) {
    const auto& [context, runbook, change, run, since] = running;
    StepsInHand ready;
    for (const auto* next : steps) {
        const auto* step = domain::find_step(runbook, next->name);
        const auto* approved = domain::outline_of(change, run, next->name);
        if (step == nullptr || approved == nullptr || approved->digest != step->digest)
            return fail(
                ErrorCode::blocked,
                "this is not the step of the pinned runbook, as it was read then"
            );
        auto timed = *step;
        timed.timeout = domain::step_time(runbook, *step, context.parts.door.clock().now() - since);
        if (timed.timeout == Span::zero())
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
        auto setting = TRY(setting_of(context, run.ring, run.ring_contents, kept));
        ready.emplace_back(
            context, run.id, std::move(timed), std::move(setting), next->attempts + 1
        );
    }
    return ready;
}

// Whether the runner goes on by itself with these, so that the task is not over yet. They may still
// wait for a person; then the task ends without doing anything.
bool goes_on(const domain::Runbook& runbook, const std::vector<const domain::RunStep*>& steps) {
    const auto* step = steps.empty() ? nullptr : domain::find_step(runbook, steps.front()->name);
    return step != nullptr && step->executable();
}

// Whether the record waits for this step to begin: no other server has begun it, and nobody has
// decided otherwise.
Result<bool> may_still_begin(const TaskContext& context, const RunId& id, const std::string& step) {
    const auto change = TRY(context.change());
    const auto* run = domain::find_run(change, id);
    const auto* next = run ? domain::next_step(*run) : nullptr;
    return next != nullptr && is_running(*run) && next->name == step &&
           domain::running_steps(*run).empty();
}

// Runs these steps and those behind them that may begin, without asking the record in between: the
// end of the last one and the beginning of the next are told in one command, because each is waited
// for. Gives whether the record is to be asked how it goes on.
Result<bool> run_from(const Running& running, StepsInHand steps) {
    const auto& [context, runbook, change, run, since] = running;
    const auto begun = tell_beginnings(context, run.id, steps);
    const auto& first = steps.front().name();
    // Past abort-by, say. Trying again later would not help: its owner decides.
    const bool refused = !begun && begun.error().code == ErrorCode::blocked;
    if (refused && TRY(may_still_begin(context, run.id, first))) {
        TRY(report_failed(context, run.id, first, "not begun: " + begun.error().message));
        return false;
    }
    TRY(begun);
    for (;;) {
        const auto ended = carry_out_all(steps);
        const auto behind = domain::steps_behind(run, ended.last.name());
        bool more = ended.told && goes_on(runbook, behind) &&
                    std::all_of(steps.begin(), steps.end(), std::mem_fn(&StepInHand::passed));
        // A server that ends begins nothing new.
        auto next = more && !context.stop.stop_requested()
                        ? make_ready(running, behind)
                        : Result<StepsInHand>(fail(ErrorCode::blocked, "nothing follows"));
        if (next) {
            const auto told = ended.last.tell_end(beginnings(*next), false);
            if (told) {
                steps = *std::move(next);
                continue;
            }
            // The run stops behind this step: a person decides, and that is another task.
            if (told.error().code != ErrorCode::blocked)
                return tl::unexpected(told.error());
            more = false;
        }
        TRY(ended.last.tell_end({}, !more && ended.told));
        TRY(ended.told);
        return more;
    }
}

Result<void> run_on(const TaskContext& context, const RunId& id, const domain::Runbook& runbook) {
    for (bool first = true;; first = false) {
        const auto change = TRY(context.change());
        const auto* run = domain::find_run(change, id);
        if (run == nullptr)
            return context.drop();
        const auto steps = domain::current_steps(*run);
        const auto left = domain::running_steps(*run);
        const bool aborted = run->state == domain::RunState::aborted;
        if (first && !left.empty() && (aborted || is_running(*run)))
            return report_unknown(context, run->id, left);
        if (steps.empty() || !left.empty() || !is_running(*run))
            return context.drop();         // somebody decided otherwise meanwhile
        if (context.stop.stop_requested()) // whoever starts next goes on from here
            return fail(ErrorCode::unavailable, "the run was cut short between two steps");
        const auto* step = domain::find_step(runbook, steps.front()->name);
        if (step != nullptr && !step->executable())
            return context.drop();
        const auto now = context.parts.door.clock().now();
        const Running running{context, runbook, change, *run, now - time_worked(runbook, *run)};
        auto ready = make_ready(running, steps);
        if (!ready && ready.error().code == ErrorCode::blocked)
            return report_failed(
                context, run->id, steps.front()->name, "not begun: " + ready.error().message
            );
        if (!TRY(run_from(running, TRY(std::move(ready)))))
            return {};
    }
}

// The run of a task that can no longer be read. A change has one under way at a time.
const domain::Run* run_under_way(const domain::Change& change) {
    const auto found = std::find_if(change.runs.begin(), change.runs.end(), [](const auto& run) {
        return is_running(run) && run.executor == domain::Executor::local;
    });
    return found == change.runs.end() ? nullptr : &*found;
}

// What could not even begin, in the end: the owner must see it on the record and decide, because
// nobody looks for a task that was given up.
Result<void>
give_up_run(const TaskContext& context, const Result<domain::RunTask>& task, const Error& why) {
    const auto change = TRY(context.change());
    const auto* run = task ? domain::find_run(change, task->run) : run_under_way(change);
    // Whose steps those are nobody can tell without the task.
    if (run == nullptr || (!task && !domain::running_steps(*run).empty()))
        return context.drop();
    const bool aborted = run->state == domain::RunState::aborted;
    if (const auto left = domain::running_steps(*run);
        !left.empty() && (aborted || is_running(*run)))
        return report_unknown(context, run->id, left);
    const auto* next = domain::next_step(*run);
    if (next == nullptr || !is_running(*run))
        return context.drop();
    return report_failed(context, run->id, next->name, "could not be run: " + why.message);
}

} // namespace

Result<void> carry_out_run(const TaskContext& context) {
    const auto task = restore<domain::RunTask>(std::string_view(context.task.payload));
    const auto runbook = task ? read_runbook(context, task->runbook)
                              : Result<domain::Runbook>(tl::unexpected(task.error()));
    // Other bytes than the pinned ones do not become those when they are read again.
    const bool in_vain = !runbook && !passes(runbook.error());
    auto done = runbook ? attempt([&] { return run_on(context, task->run, *runbook); })
                        : Result<void>(tl::unexpected(runbook.error()));
    // A lost lease is not this server's failure to report, and a stop is none at all.
    if (done || (!context.last_attempt && !in_vain) || context.stop.stop_requested() ||
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

} // namespace slipway::worker
