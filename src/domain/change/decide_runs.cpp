// SPDX-License-Identifier: Apache-2.0
// Commands of the deployment day: runs, the owner's decisions, rollback.
#include <algorithm>

#include "domain/change/approved_ring.hpp"
#include "domain/change/decide.hpp"
#include "domain/change/duties.hpp"
#include "domain/change/paging.hpp"
#include "domain/change/tasks.hpp"
#include "domain/gates/gate.hpp"

namespace slipway::domain::decide {

namespace {

bool is_done(const RunStep& step) {
    return step.state == RunStepState::succeeded || step.state == RunStepState::skipped;
}

RunbookPurpose runbook_for(RunPurpose purpose) {
    return purpose == RunPurpose::ring_deploy || purpose == RunPurpose::deployment
               ? RunbookPurpose::deployment
               : RunbookPurpose::rollback;
}

const RunbookStepOutline*
outline_of(const Change& change, const Run& run, const std::string& name) {
    const auto* runbook = runbook_of(change, runbook_for(run.purpose));
    if (runbook == nullptr)
        return nullptr;
    const auto found =
        std::find_if(runbook->steps.begin(), runbook->steps.end(), [&](const auto& step) {
            return step.name == name;
        });
    return found == runbook->steps.end() ? nullptr : &*found;
}

bool needs_person(const RunbookStepOutline* outline) {
    return outline && (outline->kind == "manual" || outline->kind == "decision");
}

Reason not_owner(const Change& change, std::string_view field) {
    return {
        "run-exact", std::string(field), "this is the owner's decision",
        fmt::format(
            "owner {}, rollback {} or {}", change.change_owner.value, change.rollback_owner.value,
            change.rollback_backup.value
        ),
        "Call one of them"};
}

// Inside its window a deployment goes on; afterwards its owner turns round.
bool is_out_of_window(const Change& change, const Run& run, Time now) {
    return run.purpose == RunPurpose::deployment && (!change.window || now >= change.window->end);
}

Result<void> require_window(const Change& change, const Run& run, const Facts& facts) {
    if (is_out_of_window(change, run, facts.now))
        return fail_blocked(
            "the window is over",
            {{"run-exact", "window.end", "a deployment does not go on after its window",
              change.window ? "ended " + to_text(change.window->end) : "no window",
              "Abort it (decide_run) or roll it back (roll_back)"}}
        );
    return {};
}

Result<void> require_no_voter(const Change& change, const Facts& facts) {
    if (has_voted(change, facts.actor))
        return fail_blocked(
            "who decided on a change does not carry it out",
            {{"run-exact", "started_by", "you voted on it",
              "decision of " + to_text(change.decision->at), "Another engineer carries it out"}}
        );
    return {};
}

void ask_runner(Decider& decider, const Run& run) {
    if (run.executor == Executor::local)
        decider.ask("run", RunTask{decider.change().id, run.id, run.runbook, run.ring});
}

// A run on production that cannot go on by itself calls who decides on it.
void stop(Decider& decider, const Run& run, const std::string& step, const std::string& why) {
    const auto id = run.id;
    const bool calls = on_production(run.purpose);
    decider.emit(RunStopped{id, step, why});
    const auto& change = decider.change();
    if (calls)
        page(
            decider, change.change_owner,
            fmt::format("{}: {} stopped at {}", change.id.value, id.value, step),
            fmt::format(
                "{}\n{}\nDecide: slipway change decide_run {} --run {}, or roll_back\n",
                change.title, why, change.id.value, id.value
            )
        );
}

// After a step's state changed: ends the run, stops it for a person, or lets it go on.
void move_on(Decider& decider, const RunId& id) {
    const Run* run = find_run(decider.change(), id);
    const auto next = std::find_if(run->steps.begin(), run->steps.end(), [](const RunStep& step) {
        return !is_done(step);
    });
    if (next == run->steps.end()) {
        decider.emit(RunEnded{id, RunState::succeeded});
        return;
    }
    const auto* outline = outline_of(decider.change(), *run, next->name);
    const bool late = is_out_of_window(decider.change(), *run, decider.facts().now);
    if (next->state == RunStepState::failed)
        stop(decider, *run, next->name, "step failed: " + next->detail);
    else if (late && run->executor == Executor::local)
        stop(decider, *run, next->name, "the window is over");
    else if (ring_was_edited(*run, decider.facts()))
        stop(decider, *run, next->name, fmt::format("the ring {} was edited", run->ring));
    else if (needs_person(outline) && run->state != RunState::waiting)
        decider.emit(RunStopped{
            id, next->name,
            "waits for a person: " + (outline->title.empty() ? next->name : outline->title)});
}

void start(Decider& decider, RunPurpose purpose, Executor executor) {
    const auto& change = decider.change();
    const auto* runbook = runbook_of(change, runbook_for(purpose));
    const auto& ring = on_production(purpose) ? change.production_ring : change.test_ring;
    Run run{
        RunId(fmt::format("run-{}", change.runs.size() + 1)),
        purpose,
        ring,
        ring_contents_now(decider.facts(), ring),
        runbook->digest,
        RunState::running,
        executor,
        decider.facts().now,
        {},
        decider.facts().actor,
        {}};
    for (const auto& step : runbook->steps)
        run.steps.push_back({step.name, RunStepState::pending, {}, {}, 0, {}, {}, {}, 0});
    decider.emit(RunStarted{run});
    move_on(decider, run.id);
    if (find_run(decider.change(), run.id)->state == RunState::running)
        ask_runner(decider, run);
}

Result<void> may_start(const Change& change, const StartRun& body, const Facts& facts) {
    const auto* runbook = runbook_of(change, runbook_for(body.purpose));
    if (runbook == nullptr)
        return fail_blocked(
            "there is no runbook to run",
            {{"run-exact", "runbook", "no runbook is pinned for this purpose",
              std::string(to_text(runbook_for(body.purpose))), "Pin it with pin_runbook"}}
        );
    if (body.digest && *body.digest != runbook->digest)
        return fail_blocked(
            "other bytes than the approved ones never run",
            {{"run-exact", "digest", "this is not the pinned runbook",
              fmt::format("asked {}, pinned {}", body.digest->hex(), runbook->digest.hex()),
              "Pin those bytes and have them approved, or run the pinned ones"}}
        );
    // Our own runner hashes what it runs; of another runner somebody has to say it.
    if (!body.digest && body.purpose == RunPurpose::deployment &&
        body.executor == Executor::external)
        return fail_blocked(
            "nobody says which bytes will run",
            {{"run-exact", "digest", "a deployment that is run elsewhere names its bytes",
              "pinned " + runbook->digest.hex(),
              "Give the SHA-256 of the file that will be run, with --digest"}}
        );
    if (const auto most = room_for_runs(on_production(body.purpose)); change.runs.size() >= most)
        return fail_full("purpose", "runs", most);
    for (const auto& run : change.runs)
        if (is_active(run))
            return fail_blocked(
                "another run of this change is going on",
                {{"run-exact", "runs", run.id.value + " has not ended",
                  std::string(to_text(run.state)), "Let it end, or abort it with decide_run"}}
            );
    const auto& ring = on_production(body.purpose) ? change.production_ring : change.test_ring;
    if (!facts.records->rings.contains(ring))
        return fail_blocked(
            "there is no ring to run on",
            {{"run-exact", on_production(body.purpose) ? "production_ring" : "test_ring",
              "the change names no known ring", ring, "Name it with assign"}}
        );
    if (!on_production(body.purpose) && facts.records->rings.at(ring).kind == RingKind::production)
        return fail_blocked(
            "a test never runs on production",
            {{"run-exact", "test_ring", "the test ring is a production ring", ring,
              "Name another test ring with assign"}}
        );
    return {};
}

Result<void> may_deploy(const Change& change, const Facts& facts) {
    if (deployment_begun(change) &&
        (last_run(change, RunPurpose::deployment)->state == RunState::succeeded ||
         !change.failed_because.empty()))
        return fail_blocked(
            "the deployment has already run",
            {{"run-exact", "runs", "an approval is for one deployment",
              last_run(change, RunPurpose::deployment)->id.value, "Open a new change"}}
        );
    TRY(require_no_voter(change, facts));
    for (const auto& waiver : change.waivers)
        if (waiver.granted_by == facts.actor && is_granted(waiver, facts.now))
            return fail_blocked(
                "who waived a gate of a change does not carry it out",
                {{"run-exact", "started_by", "you waived " + waiver.gate, waiver.id,
                  "Another engineer starts it"}}
            );
    auto reasons = not_ready(change, facts);
    if (!reasons.empty())
        return fail_blocked("production may not be touched now", std::move(reasons));
    return {};
}

// Going back is its owner's decision, and done once.
Result<void> may_roll_back(const Change& change, const Facts& facts) {
    if (!owns_run(change, facts))
        return fail_blocked(
            "the rollback is its owner's decision", {not_owner(change, "rollback")}
        );
    if (const auto when = rolled_back_at(change))
        return fail_blocked(
            "it was rolled back already",
            {{"rollback-done", "rollback", "production is back where it was",
              "since " + to_text(*when), "Complete the rollback step"}}
        );
    // Going back anywhere else than where the deployment went is no way back.
    if (const auto* deployed = last_run(change, RunPurpose::deployment))
        TRY(require_ring_of(*deployed, facts, "rollback-done"));
    return {};
}

Result<Run> active_run(const Change& change, const RunId& id) {
    const auto* run = find_run(change, id);
    if (run == nullptr)
        return fail_field("run", "is not a run of this change");
    if (!is_active(*run))
        return fail_blocked(
            "the run has ended", {{"run-exact", id.value, "it is over",
                                   std::string(to_text(run->state)), "Start another run"}}
        );
    return *run;
}

// No step begins on an edited ring. What our own runner reports as done was done on the ring as it
// was, since it looked first; of others nobody knows that. A failure is always heard.
Result<void> require_ring(const Run& run, const ReportRun& body, const Facts& facts) {
    const bool goes_on = std::any_of(body.steps.begin(), body.steps.end(), [&](const auto& step) {
        return step.state == RunStepState::running ||
               (step.state == RunStepState::succeeded && !facts.system);
    });
    if (goes_on)
        TRY(require_ring_of(run, facts, "run-exact"));
    return {};
}

// The evidence of a run would name what nobody has.
Result<void> require_transcripts(const ReportRun& body, const Facts& facts) {
    const auto& unknown = facts.unknown_transcripts;
    for (std::size_t i = 0; i < body.steps.size(); ++i)
        if (std::find(unknown.begin(), unknown.end(), body.steps[i].transcript) != unknown.end())
            return fail_field(
                fmt::format("steps[{}].transcript", i),
                "nothing with this digest has been uploaded: POST /attachments first"
            );
    return {};
}

} // namespace

Result<Decision> start_run(const Change& change, const StartRun& body, const Facts& facts) {
    TRY(require_open(change));
    TRY(may_start(change, body, facts));
    if (body.purpose == RunPurpose::deployment)
        TRY(may_deploy(change, facts));
    if (body.purpose == RunPurpose::rollback && change.failed_because.empty())
        return fail_blocked(
            "nothing has failed that could be rolled back",
            {{"rollback-done", "failed_because", "no failure is on the record",
              std::string(to_text(change.state)),
              "The owner decides with roll_back, which says why"}}
        );
    if (body.purpose == RunPurpose::rollback)
        TRY(may_roll_back(change, facts));
    Decider decider(change, facts);
    start(decider, body.purpose, body.executor);
    return decider.finish();
}

Result<Decision> report_run(const Change& change, const ReportRun& body, const Facts& facts) {
    TRY(require_open(change));
    const Run run = TRY(active_run(change, body.run));
    if (facts.system != (run.executor == Executor::local))
        return fail_blocked(
            "another runner carries out this run",
            {{"run-exact", run.id.value, "only its own runner reports",
              std::string(to_text(run.executor)),
              "Start the run with executor external to report it yourself"}}
        );
    if (run.purpose == RunPurpose::deployment)
        TRY(require_no_voter(change, facts));
    if (!facts.system && facts.actor != run.started_by && facts.actor != change.implementer &&
        !owns_run(change, facts))
        return fail_blocked(
            "another person carries out this run",
            {{"run-exact", run.id.value, "who started it reports it",
              "started by " + run.started_by.value,
              run.started_by.value + ", the implementer or the owner reports it"}}
        );
    if (body.steps.empty())
        return fail_field("steps", "name at least one step");
    TRY(require_transcripts(body, facts));
    TRY(require_ring(run, body, facts));
    Decider decider(change, facts);
    for (const auto& report : body.steps) {
        const Run& now = *find_run(decider.change(), run.id);
        const auto next = std::find_if(now.steps.begin(), now.steps.end(), [](const RunStep& step) {
            return !is_done(step);
        });
        if (now.state != RunState::running || next == now.steps.end() || next->name != report.name)
            return fail_blocked(
                "steps run in the order of the runbook",
                {{"run-exact", "steps." + report.name, "this step is not the next one",
                  next == now.steps.end() ? "the run has ended" : "next is " + next->name,
                  "Follow the runbook; a stopped run goes on by its owner's decision"}}
            );
        if (report.state != RunStepState::running && report.state != RunStepState::succeeded &&
            report.state != RunStepState::failed)
            return fail_field(
                "steps." + report.name, "a runner reports running, succeeded or failed"
            );
        RunStep step = *next;
        step.attempts += step.state == RunStepState::running ? 0 : 1;
        step.state = report.state;
        const bool goes_on = next->state == RunStepState::running && next->started_at;
        step.started_at = report.started_at ? report.started_at
                          : goes_on         ? next->started_at
                                            : std::optional<Time>(facts.now);
        step.ended_at = report.state == RunStepState::running ? std::nullopt
                        : report.ended_at                     ? report.ended_at
                                                              : std::optional<Time>(facts.now);
        step.exit_status = report.exit_status;
        step.detail = report.detail;
        step.transcript = report.transcript;
        decider.emit(RunStepReported{run.id, step});
        move_on(decider, run.id);
    }
    const Run& after = *find_run(decider.change(), run.id);
    if (after.state == RunState::waiting)
        decider.say(after.id.value + " stopped and waits for a person");
    return decider.finish();
}

Result<Decision> confirm_step(const Change& change, const ConfirmStep& body, const Facts& facts) {
    TRY(require_open(change));
    const Run run = TRY(active_run(change, body.run));
    const auto next = std::find_if(run.steps.begin(), run.steps.end(), [](const RunStep& step) {
        return !is_done(step);
    });
    const auto* outline = outline_of(change, run, body.step);
    if (next == run.steps.end() || next->name != body.step || !needs_person(outline))
        return fail_field("step", "is not a manual step or decision point that is next");
    TRY(require_window(change, run, facts));
    if (run.purpose == RunPurpose::deployment)
        TRY(require_no_voter(change, facts));
    const bool named = outline->owner.empty() || facts.actor.value == outline->owner;
    const bool decides = outline->kind == "decision";
    if (!named && !owns_run(change, facts))
        return fail_blocked(
            decides ? "this decision is somebody else's" : "this step is somebody else's",
            {{"run-exact", body.step,
              decides ? "a decision point has a named owner" : "the runbook names who does it",
              "owner " + outline->owner, "Call " + outline->owner}}
        );
    TRY(require_ring_of(run, facts, "run-exact"));
    Decider decider(change, facts);
    RunStep step = *next;
    step.state = RunStepState::succeeded;
    step.started_at = step.started_at ? step.started_at : facts.now;
    step.ended_at = facts.now;
    step.confirmed_by = facts.actor;
    step.detail = body.note;
    ++step.attempts;
    decider.emit(RunStepReported{run.id, step});
    decider.emit(RunResumed{run.id});
    move_on(decider, run.id);
    if (find_run(decider.change(), run.id)->state == RunState::running)
        ask_runner(decider, run);
    return decider.finish();
}

Result<Decision> decide_run(const Change& change, const DecideRun& body, const Facts& facts) {
    TRY(require_open(change));
    TRY(require_reason(body.reason));
    const Run run = TRY(active_run(change, body.run));
    if (!owns_run(change, facts) && on_production(run.purpose))
        return fail_blocked("going on is the owner's decision", {not_owner(change, run.id.value)});
    if (body.choice != RunChoice::abort) {
        TRY(require_window(change, run, facts));
        TRY(require_ring_of(run, facts, "run-exact"));
    }
    const auto next = std::find_if(run.steps.begin(), run.steps.end(), [](const RunStep& step) {
        return !is_done(step);
    });
    if (next == run.steps.end() ||
        (body.choice != RunChoice::abort && run.state != RunState::waiting))
        return fail_field("choice", "the run has not stopped: only abort is possible");
    if (body.choice == RunChoice::resume && next->state != RunStepState::failed)
        return fail_field("choice", "resume accepts a failed step as done; none has failed");
    // Who wants to stop is never held up.
    if (body.choice != RunChoice::abort && change.deviations.size() >= limits::list_max)
        return fail_full("choice", "decisions on runs", limits::list_max);
    Decider decider(change, facts);
    decider.emit(RunDecided{
        {run.id, next->name,
         next->detail.empty() ? std::string(to_text(next->state)) : next->detail, body.choice,
         body.reason, facts.actor, facts.now}});
    if (body.choice == RunChoice::abort) {
        decider.emit(RunEnded{run.id, RunState::aborted});
        if (run.purpose == RunPurpose::deployment)
            decider.emit(DeploymentFailed{"aborted: " + body.reason});
        return decider.finish();
    }
    move_on(decider, run.id);
    if (find_run(decider.change(), run.id)->state == RunState::running)
        ask_runner(decider, run);
    return decider.finish();
}

Result<Decision> roll_back(const Change& change, const RollBack& body, const Facts& facts) {
    TRY(require_open(change));
    TRY(require_reason(body.reason));
    const auto* deployed = last_run(change, RunPurpose::deployment);
    if (deployed == nullptr)
        return fail_blocked(
            "production was never touched",
            {{"rollback-done", "runs", "there is nothing to roll back", "no run",
              "Cancel the change instead"}}
        );
    TRY(may_roll_back(change, facts));
    Decider decider(change, facts);
    for (const auto& run : change.runs)
        if (is_active(run))
            decider.emit(RunEnded{run.id, RunState::aborted});
    if (change.failed_because.empty())
        decider.emit(DeploymentFailed{body.reason});
    TRY(may_start(decider.change(), {RunPurpose::rollback, body.executor, {}}, facts));
    start(decider, RunPurpose::rollback, body.executor);
    return decider.finish();
}

} // namespace slipway::domain::decide
