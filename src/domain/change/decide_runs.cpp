// SPDX-License-Identifier: Apache-2.0
// Commands of the deployment day: runs, the owner's decisions, rollback.
#include <algorithm>

#include "domain/change/abort_clock.hpp"
#include "domain/change/aborted_steps.hpp"
#include "domain/change/approved_ring.hpp"
#include "domain/change/decide.hpp"
#include "domain/change/duties.hpp"
#include "domain/change/late_work.hpp"
#include "domain/change/paging.hpp"
#include "domain/change/rehearsal_proof.hpp"
#include "domain/change/reverts.hpp"
#include "domain/change/ring_use.hpp"
#include "domain/change/run_hosts.hpp"
#include "domain/change/run_progress.hpp"
#include "domain/change/run_start.hpp"
#include "domain/change/run_steps.hpp"
#include "domain/change/run_times.hpp"
#include "domain/change/seen_failure.hpp"
#include "domain/change/two_people.hpp"
#include "domain/gates/gate.hpp"

namespace slipway::domain::decide {

namespace {

Reason not_owner(const Change& change, std::string_view field) {
    return {
        "run-exact", std::string(field), "this is the owner's decision",
        fmt::format(
            "owner {}, rollback {} or {}", change.change_owner.value, change.rollback_owner.value,
            change.rollback_backup.value
        ),
        "Call one of them, or a change manager"};
}

// While there is time to go back a deployment goes on; then it gets more time or turns round.
Result<void> require_time(const Change& change, const Run& run, const Facts& facts) {
    if (auto reason = too_late(change, run, facts))
        return fail_blocked(why_it_is_late(*reason), {*std::move(reason)});
    return {};
}

Result<void> require_no_approver(const Change& change, const Facts& facts) {
    if (const auto part = part_in_approval(change, facts, facts.actor))
        return fail_blocked(
            "who approved a change does not carry it out",
            {{"run-exact", "started_by", "you " + part->what, part->evidence,
              "Another engineer carries it out"}}
        );
    return {};
}

// Going back is not carrying out: whoever is there takes the steps back.
Result<void> may_carry_out(const Change& change, const Run& run, const Facts& facts) {
    const bool deploys = run.purpose == RunPurpose::deployment && run.undo.empty();
    return deploys ? require_no_approver(change, facts) : Result<void>{};
}

void start(Decider& decider, RunPurpose purpose, Executor executor) {
    const auto& change = decider.change();
    const auto* runbook = runbook_of(change, runbook_for(purpose));
    const auto ring = ring_for(change, purpose);
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
    run.ring_turn = next_ring_turn(decider.facts());
    run.left_at_work = left_where_it_begins(change, run, decider.facts());
    if (!on_production(purpose))
        run.ring_state = ring_state_now(change, decider.facts());
    for (const auto& step : runbook->steps)
        run.steps.push_back(pending_step(step));
    if (purpose == RunPurpose::rollback) {
        withdraw_reverts(decider, executor);
        decider.reopen(StepKind::rollback, "production is rolled back once more");
        send_back(run, change, decider.facts());
    }
    if (!run.ring_edits.empty())
        decider.say(fmt::format(
            "the ring {} was edited since; {} runs with what it held: {}", run.ring, run.id.value,
            run.ring_edits
        ));
    for (const auto& step : run.left_at_work)
        decider.say(fmt::format(
            "{} may still be at work there: its run was aborted, and nobody has told how the step "
            "ended",
            step
        ));
    if (const auto why = purpose == RunPurpose::rehearsal ? not_from_the_deployment(change, run)
                                                          : std::optional<Staleness>{})
        decider.say(fmt::format(
            "{} will prove nothing: {} ({}). {}", run.id.value, why->message, why->evidence,
            why->remedy
        ));
    decider.emit(RunStarted{run});
    if (purpose == RunPurpose::rollback) {
        say_others(decider);
        call_others(decider, run.id);
    }
    go_on(decider, run);
}

// Who decides on it is asked for before it begins, and not when a step has failed.
void say_owner_has_left(Decider& decider) {
    const auto& change = decider.change();
    const auto& owner = change.change_owner;
    if (owner.empty() || is_active_person(*decider.facts().records, owner))
        return;
    const auto called = who_is_called(decider, owner);
    decider.say(fmt::format(
        "{}, the owner of the change, is no active person any more: {}. Name another: slipway "
        "change assign {} --change_owner PERSON",
        owner.value,
        called == owner ? "nobody is called when a step fails"
                        : called.value + " is called when a step fails",
        change.id.value
    ));
}

// Going back is its owner's decision.
Result<void> may_roll_back(const Change& change, const Facts& facts) {
    if (!owns_run(change, facts))
        return fail_blocked(
            "the rollback is its owner's decision", {not_owner(change, "rollback")}
        );
    TRY(require_way_back_open(change, facts));
    // Going back anywhere else than where the deployment went is no way back.
    const auto* deployed = last_run(change, RunPurpose::deployment);
    if (deployed && !kept_ring(change, *deployed))
        TRY(require_ring_of(change, *deployed, facts, "rollback-done"));
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
Result<void>
require_ring(const Change& change, const Run& run, const ReportRun& body, const Facts& facts) {
    const bool goes_on = std::any_of(body.steps.begin(), body.steps.end(), [&](const auto& step) {
        return step.state == RunStepState::running ||
               (step.state == RunStepState::succeeded && !facts.system);
    });
    if (goes_on)
        TRY(require_ring_of(change, run, facts, "run-exact"));
    return {};
}

const RunStep* running_step(const Run& run, const std::string& name) {
    const auto steps = running_steps(run);
    const auto found = std::find_if(steps.begin(), steps.end(), [&](const RunStep* step) {
        return step->name == name;
    });
    return found == steps.end() ? nullptr : *found;
}

// What was done is heard, however late; what is only about to begin can still be held.
Result<void> require_time_to_begin(
    const Change& change, const Run& run, const ReportRun& body, const Facts& facts
) {
    for (auto report = body.steps.begin(); report != body.steps.end(); ++report) {
        const bool was_done = std::any_of(report + 1, body.steps.end(), [&](const auto& later) {
            return later.name == report->name;
        });
        const bool begins = report->state == RunStepState::running && !was_done;
        if (begins && running_step(run, report->name) == nullptr)
            TRY(require_time(change, run, facts));
    }
    return {};
}

// The step that is reported on, as it is. Steps run in the order of the runbook, and only those of
// one group at the same time; none begins beside one that did not end well, and none twice without
// its owner's decision.
Result<const RunStep*>
step_to_report(const Run& run, const StepReport& report, const Facts& facts) {
    const auto refuse = [&](std::string message, std::string reason, std::string evidence,
                            std::string remedy) {
        return fail_blocked(
            std::move(message), {{"run-exact", "steps." + report.name, std::move(reason),
                                  std::move(evidence), std::move(remedy)}}
        );
    };
    const auto steps = current_steps(run);
    const auto found = std::find_if(steps.begin(), steps.end(), [&](const RunStep* step) {
        return step->name == report.name;
    });
    if (run.state != RunState::running || found == steps.end())
        return refuse(
            "steps run in the order of the runbook", "this step is not the next one",
            steps.empty() ? "the run has ended" : "next is " + names_of(steps),
            "Follow the runbook; a stopped run goes on by its owner's decision"
        );
    const auto* step = *found;
    if (report.state != RunStepState::running && report.state != RunStepState::succeeded &&
        report.state != RunStepState::failed && report.state != RunStepState::unknown)
        return fail_field(
            "steps." + report.name, "a runner reports running, succeeded, failed or unknown"
        );
    const auto* stopped = next_step(run);
    if (awaits_decision(*step) ||
        (awaits_decision(*stopped) && report.state == RunStepState::running &&
         step->state != RunStepState::running))
        return refuse(
            "no step begins before the owner has decided", "a step of its group did not end well",
            fmt::format("{}: {}", stopped->name, to_text(stopped->state)),
            "Report how the steps that run end; then its owner decides (decide_run)"
        );
    // Whoever says so again is a second server, and must not begin it too.
    if (facts.system && report.state == RunStepState::running &&
        step->state == RunStepState::running)
        return refuse(
            "the step runs already", "no step runs twice", "it has begun",
            "Wait for its end, or abort the run (decide_run)"
        );
    return step;
}

// By how much the clock of what reports is ahead, as far as it shows.
Span lead_of(const StepReport& report, Time now) {
    const Time last = std::max(report.started_at.value_or(now), report.ended_at.value_or(now));
    return std::max(last - now, Span::zero());
}

RunStep
reported(const RunStep& before, const StepReport& report, Digest approved, const Facts& facts) {
    const auto now = facts.now;
    // Nothing has happened that is still to come: what goes back after it would count as before it.
    const auto lead = lead_of(report, now);
    const auto told = [&](std::optional<Time> time) {
        return time ? std::optional<Time>(*time - lead) : time;
    };
    RunStep step = before;
    const bool goes_on = before.state == RunStepState::running;
    step.digest = approved;
    step.attempts += goes_on ? 0 : 1;
    step.state = report.state;
    step.started_at = report.started_at              ? told(report.started_at)
                      : goes_on && before.started_at ? before.started_at
                                                     : std::optional<Time>(now);
    step.ended_at = report.state == RunStepState::running ? std::nullopt
                    : report.ended_at                     ? told(report.ended_at)
                                                          : std::optional<Time>(now);
    step.exit_status = report.exit_status.value_or(0);
    step.detail = report.detail;
    step.transcript = report.transcript;
    if (!facts.system)
        step.reported_by.insert(facts.actor);
    return step;
}

// Our own runner compares them itself; whoever else says both of a step is mistaken in one.
Result<void>
require_expected_status(const Change& change, const Run& run, const StepReport& report) {
    const auto* outline = outline_of(change, run, report.name);
    if (outline == nullptr || !outline->exit_status || !report.exit_status ||
        report.state != RunStepState::succeeded || *report.exit_status == *outline->exit_status)
        return {};
    return fail_field(
        fmt::format("steps.{}.exit_status", report.name),
        fmt::format(
            "the runbook expects {} of this step, so with {} it has not succeeded: report it as "
            "failed",
            *outline->exit_status, *report.exit_status
        )
    );
}

// Its own runner reports it, or a person where that one will not tell any more; and of people those
// who carry it out or own it.
Result<void> may_report(const Change& change, const Run& run, const Facts& facts, bool silent) {
    if (facts.system != (run.executor == Executor::local) && !silent)
        return fail_blocked(
            "another runner carries out this run",
            {{"run-exact", run.id.value, "only its own runner reports",
              std::string(to_text(run.executor)),
              "Start the run with executor external to report it yourself"}}
        );
    TRY(may_carry_out(change, run, facts));
    if (!facts.system && facts.actor != run.started_by && facts.actor != change.implementer &&
        !owns_run(change, facts))
        return fail_blocked(
            "another person carries out this run",
            {{"run-exact", run.id.value, "who started it reports it",
              "started by " + run.started_by.value,
              run.started_by.value + ", the implementer or the owner reports it"}}
        );
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

// One of two people has said his word; the other one is asked for his, with the same command.
void call_other(
    Decider& decider, const Run& run, const RunStep& step, const PersonId& other,
    std::string_view what, std::string_view command
) {
    const auto& change = decider.change();
    const bool left =
        other == second_of(change, run, step) && !is_active_person(*decider.facts().records, other);
    const auto without = left ? how_without_second(change, run, step) : std::string{};
    decider.say(fmt::format(
        "{} needs two people: {}", step.name,
        left ? without : fmt::format("{} is asked for {}", other.value, what)
    ));
    if (on_production(run.purpose))
        call(
            decider, left ? change.change_owner : other,
            fmt::format("{}: {} needs you at {}", change.id.value, run.id.value, step.name),
            fmt::format(
                "{}\n{} has agreed. {}\n", change.title, decider.facts().actor.value,
                left ? without : fmt::format("Agree too: {}", command)
            )
        );
}

// Puts the actor's name to the step, as who does or decides it or as its second person. Nobody is
// both.
Result<void> confirm(
    RunStep& step, const Change& change, const Run& run, const RunbookStepOutline& outline,
    const Facts& facts
) {
    const bool seconds = !outline.second.empty() && facts.actor.value == outline.second;
    const bool named = outline.owner.empty() || facts.actor.value == outline.owner;
    const bool decides = outline.kind == "decision";
    if (!seconds && !named && !owns_run(change, facts))
        return fail_blocked(
            decides ? "this decision is somebody else's" : "this step is somebody else's",
            {{"run-exact", step.name,
              decides ? "a decision point has a named owner" : "the runbook names who does it",
              "owner " + outline.owner, "Call " + outline.owner}}
        );
    auto& place = seconds ? step.seconded_by : step.confirmed_by;
    const bool second_left =
        !seconds && !is_active_person(*facts.records, PersonId(outline.second));
    if (is_second_part(outline, step) && !place.empty())
        return fail_blocked(
            "this step needs two people",
            {{"run-exact", step.name, "one of the two has confirmed it", "it was " + place.value,
              seconds       ? "Call who does it"
              : second_left ? how_without_second(change, run, step)
                            : "Call " + outline.second}}
        );
    place = facts.actor;
    return {};
}

// What a person did or decided nobody else has seen: he says what he saw, or names a file that
// shows it. A step that runs tells that itself.
Result<void> require_evidence(const Change& change, const ConfirmStep& body, bool by_hand) {
    if (body.evidence &&
        std::none_of(change.attachments.begin(), change.attachments.end(), [&](const auto& known) {
            return known.digest == *body.evidence;
        }))
        return fail_field(
            "evidence", fmt::format(
                            "no file of this change has this digest: attach it first (slipway "
                            "change attach {} --file FILE)",
                            change.id.value
                        )
        );
    const bool says_nothing = body.note.find_first_not_of(" \t\r\n") == std::string::npos;
    if (by_hand && says_nothing && !body.evidence)
        return fail_field(
            "note", "is required of what a person does or decides: say what you saw, or name an "
                    "attached file that shows it (evidence)"
        );
    return {};
}

// What is decided on: the step that is named, or else the one that the run waits for. With several
// that did not end well nobody is to guess which was meant, least of all when it is sent twice.
Result<const RunStep*> step_to_decide(const Run& run, const DecideRun& body) {
    if (run.state != RunState::waiting)
        return next_step(run);
    auto open = current_steps(run);
    std::erase_if(open, [](const RunStep* step) { return !awaits_decision(*step); });
    const auto* next = next_step(run);
    if (open.empty() && next != nullptr)
        open.push_back(next);
    const bool of_the_run = body.choice == RunChoice::abort || body.choice == RunChoice::undo;
    if (body.step.empty() && (of_the_run || open.size() <= 1))
        return next;
    if (body.step.empty())
        return fail_field(
            "step", "several steps wait for a decision, name one of them: " + names_of(open)
        );
    const auto named = std::find_if(open.begin(), open.end(), [&](const RunStep* step) {
        return step->name == body.step;
    });
    if (named == open.end())
        return fail_field("step", "is not a step that the run waits for: " + names_of(open));
    return *named;
}

Result<void>
may_choose(const Change& change, const Run& run, const RunStep& next, RunChoice choice) {
    const bool ran = next.state == RunStepState::failed || next.state == RunStepState::unknown;
    if (choice == RunChoice::resume && !ran)
        return fail_field(
            "choice", "resume accepts a failed or unknown step as done; there is none"
        );
    const auto* outline = outline_of(change, run, next.name);
    if (choice == RunChoice::retry && next.state == RunStepState::pending &&
        waits_for_person(outline, next))
        return fail_blocked(
            "the step waits to be confirmed, and retry would change nothing",
            {{"run-exact", "choice", "it has not failed, so there is nothing to try again",
              fmt::format("{} waits for a person", next.name),
              "Confirm it: " + how_to_confirm(change, run.id, *outline)}}
        );
    if (choice != RunChoice::undo)
        return {};
    if (!run.undo.empty())
        return fail_field("choice", "the run is being undone already");
    if (undo_steps(change, run).empty())
        return fail_blocked(
            "there is nothing to undo",
            {{"run-exact", run.id.value, "no step that began has an undo block",
              "runbook " + run.runbook.hex(), "Abort the run (decide_run), or roll it back"}}
        );
    return {};
}

// The step says from then on whose word it rests on, and not how it failed or why it never began:
// that is kept by the deviation.
void take_as_done(Decider& decider, const RunId& run, RunStep step) {
    const auto& decided = decider.change().deviations.back();
    step.state = RunStepState::succeeded;
    step.detail = cut_text(
        fmt::format("taken as done by {}: {}", decided.by.value, decided.reason), limits::text_max
    );
    decider.say(fmt::format("{} was not seen to succeed; {}", step.name, step.detail));
    decider.emit(RunStepReported{run, std::move(step)});
}

} // namespace

Result<Decision> start_run(const Change& change, const StartRun& body, const Facts& facts) {
    TRY(require_open(change));
    TRY(may_start(change, body, facts));
    if (!on_production(body.purpose))
        TRY(require_test_ring(change, runbook_for(body.purpose), facts));
    if (body.purpose == RunPurpose::deployment)
        TRY(require_no_approver(change, facts));
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
    if (body.purpose == RunPurpose::deployment)
        for (auto& warning : evaluate(*find_gate("preflight"), change, facts).warnings)
            decider.say(std::move(warning));
    if (on_production(body.purpose))
        say_owner_has_left(decider);
    start(decider, body.purpose, body.executor);
    return decider.finish();
}

Result<Decision> report_run(const Change& change, const ReportRun& body, const Facts& facts) {
    const bool aborted = is_of_aborted_steps(change, body);
    if (!aborted)
        TRY(require_end_alone(change, body));
    const Run run = aborted ? *find_run(change, body.run) : TRY(active_run(change, body.run));
    if (!aborted || !facts.system)
        TRY(may_report(change, run, facts, aborted && is_silent(change, run, facts)));
    if (body.steps.empty())
        return fail_field("steps", "name at least one step");
    if (!facts.system)
        TRY(require_told_times(run, body, facts.now));
    TRY(require_transcripts(body, facts));
    if (aborted)
        return report_aborted_steps(change, body, facts);
    TRY(require_ring(change, run, body, facts));
    TRY(require_time_to_begin(change, run, body, facts));
    Decider decider(change, facts);
    for (std::size_t i = 0; i < body.steps.size(); ++i) {
        const auto& report = body.steps[i];
        const Run& now = *find_run(decider.change(), run.id);
        const auto* known = TRY(step_to_report(now, report, facts));
        const auto approved = TRY(approved_step(decider.change(), now, report));
        if (!facts.system)
            TRY(require_expected_status(decider.change(), now, report));
        const auto step = reported(*known, report, approved, facts);
        decider.emit(RunStepReported{run.id, step});
        call_while_others_run(decider, run.id, step);
        move_on(
            decider, run.id,
            i + 1 < body.steps.size() && body.steps[i + 1].state != RunStepState::running
        );
    }
    const Run& after = *find_run(decider.change(), run.id);
    if (after.state == RunState::waiting)
        decider.say(after.id.value + " stopped and waits for a person");
    return decider.finish();
}

Result<Decision> confirm_step(const Change& change, const ConfirmStep& body, const Facts& facts) {
    TRY(require_open(change));
    const bool left = is_work_left(change, body);
    const Run run = left ? *find_run(change, body.run) : TRY(active_run(change, body.run));
    const auto* next = left ? work_left(change, run) : next_step(run);
    const auto* outline = outline_of(change, run, body.step);
    if (next == nullptr || next->name != body.step || !waits_for_person(outline, *next) ||
        next->state == RunStepState::running || next->state == RunStepState::unknown)
        return fail_field("step", "is not a step that is next and waits for a person");
    if (outline->kind != "manual")
        TRY(require_time(change, run, facts));
    TRY(may_carry_out(change, run, facts));
    RunStep step = *next;
    TRY(confirm(step, change, run, *outline, facts));
    if (!left)
        TRY(require_ring_of(change, run, facts, "run-exact"));
    const bool confirmed = is_confirmed(*outline, step);
    const bool by_hand = done_by_person(*outline);
    TRY(require_evidence(change, body, by_hand));
    if (body.evidence)
        step.evidence.push_back(*body.evidence);
    step.digest = outline->digest;
    const auto late = left ? since_when_left(run) : how_late(change, run, facts);
    if (const auto note = late_note(late, body.note); !note.empty())
        step.detail = step.detail.empty() || !is_second_part(*outline, *next)
                          ? note
                          : cut_text(step.detail + "; " + note, limits::text_max);
    if (confirmed && by_hand) {
        step.state = RunStepState::succeeded;
        step.started_at = step.started_at ? step.started_at : facts.now;
        step.ended_at = facts.now;
        ++step.attempts;
    }
    Decider decider(change, facts);
    decider.emit(RunStepReported{run.id, step});
    if (!late.empty())
        decider.say(fmt::format("{} is heard {}; no step begins behind it", step.name, late));
    if (left)
        tell_of_late_work(decider, run, step);
    if (!confirmed)
        call_other(
            decider, run, step,
            step.seconded_by.empty() ? PersonId(outline->second) : owner_at(change, *outline),
            "confirm_step", how_to_confirm(change, run.id, *outline)
        );
    if (!confirmed || left)
        return decider.finish();
    if (late.empty())
        decider.emit(RunResumed{run.id});
    go_on(decider, run);
    return decider.finish();
}

Result<Decision> decide_run(const Change& change, const DecideRun& body, const Facts& facts) {
    TRY(require_open(change));
    TRY(require_reason(body.reason));
    const Run run = TRY(active_run(change, body.run));
    const auto* next = TRY(step_to_decide(run, body));
    const bool turns_round = body.choice == RunChoice::abort || body.choice == RunChoice::undo;
    const auto second = next && !turns_round ? second_of(change, run, *next) : PersonId{};
    if (!owns_run(change, facts) && on_production(run.purpose) && facts.actor != second)
        return fail_blocked("going on is the owner's decision", {not_owner(change, run.id.value)});
    if (!turns_round)
        TRY(require_time(change, run, facts));
    if (body.choice != RunChoice::abort) {
        TRY(require_ring_of(change, run, facts, "run-exact"));
        TRY(require_pinned(change, run));
    }
    if (next == nullptr || (body.choice != RunChoice::abort && run.state != RunState::waiting))
        return fail_field("choice", "the run has not stopped: only abort is possible");
    TRY(require_seen(change, run, *next, body, facts));
    TRY(may_choose(change, run, *next, body.choice));
    // Who wants to stop is never held up.
    if (body.choice != RunChoice::abort && change.deviations.size() >= limits::list_max)
        return fail_full("choice", "decisions on runs", limits::list_max);
    Decider decider(change, facts);
    Deviation deviation{
        run.id,
        next->name,
        what_was_seen(change, run, *next, facts),
        *from_text<DeviationChoice>(to_text(body.choice)),
        body.reason,
        facts.actor,
        facts.now};
    if (!second.empty() && !agree(run, body.choice, second, deviation)) {
        decider.emit(RunChoiceProposed{
            run.id, next->name, {body.choice, body.reason, facts.actor, next->name}});
        call_other(
            decider, run, *next, facts.actor == second ? change.change_owner : second,
            fmt::format("decide_run --choice {}", to_text(body.choice)),
            how_to_decide(change, run.id, *next, to_text(body.choice))
        );
        return decider.finish();
    }
    decider.emit(RunDecided{std::move(deviation)});
    if (body.choice == RunChoice::abort) {
        decider.emit(RunEnded{run.id, RunState::aborted});
        if (run.purpose == RunPurpose::deployment)
            fail_deployment(decider, "aborted: " + body.reason);
        return decider.finish();
    }
    if (body.choice == RunChoice::undo) {
        auto undone = undo_steps(change, run);
        const auto passed_over = undo_block_of(change, run, next->name);
        const auto* outline = outline_of(change, run, next->name);
        if (!passed_over.empty() && outline != nullptr && outline->kind == "manual" &&
            !is_among(undone, passed_over))
            decider.say(fmt::format(
                "nobody has said that {} was done, so its undo block {} is passed over", next->name,
                passed_over
            ));
        decider.emit(RunUndoBegun{run.id, std::move(undone)});
    }
    if (body.choice == RunChoice::resume)
        take_as_done(decider, run.id, *next);
    go_on(decider, run);
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
    TRY(require_none_goes_back(
        change, fmt::format("slipway change roll_back {} --reason WHY", change.id.value)
    ));
    TRY(require_runbook(change, RunPurpose::rollback));
    Decider decider(change, facts);
    give_up_deployment(decider, body.reason);
    TRY(may_start(decider.change(), {RunPurpose::rollback, body.executor, {}}, facts));
    start(decider, RunPurpose::rollback, body.executor);
    return decider.finish();
}

} // namespace slipway::domain::decide
