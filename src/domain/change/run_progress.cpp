// SPDX-License-Identifier: Apache-2.0
#include "domain/change/run_progress.hpp"

#include <algorithm>

#include "domain/calendar/zone.hpp"
#include "domain/change/abort_clock.hpp"
#include "domain/change/approved_ring.hpp"
#include "domain/change/paging.hpp"
#include "domain/change/production_hosts.hpp"
#include "domain/change/run_steps.hpp"
#include "domain/change/seen_failure.hpp"
#include "domain/change/smoke_subject.hpp"
#include "domain/change/tasks.hpp"
#include "domain/change/two_people.hpp"
#include "domain/change/way_back.hpp"

namespace slipway::domain {

namespace {

void ask_runner(Decider& decider, const Run& run) {
    if (run.executor == Executor::local)
        decider.ask("run", RunTask{decider.change().id, run.id, run.runbook, run.ring});
}

// What is left to do where the run stands; only what is not refused there.
std::string what_can_be_done(
    const Decider& decider, const Run& run, const RunStep& step, std::string_view remedy
) {
    const auto& change = decider.change();
    const bool undo = run.undo.empty() && !undo_steps(change, run).empty();
    const auto* or_stop = undo ? "undo or abort" : "abort";
    if (too_late(change, run, decider.facts()))
        return fmt::format(
            "More time: slipway change extend_window {} --until TIME --reason WHY\nOr stop: {}{}\n",
            change.id.value, how_to_decide(change, run.id, step, "abort"), undo ? ", or undo" : ""
        );
    return fmt::format(
        "{}: {}\nOr {}, {}{}.\n", remedy, how_to_go_on(change, run, step),
        waits_to_be_confirmed(change, run, step) ? how_to_decide(change, run.id, step, "skip")
                                                 : std::string("--choice skip"),
        awaits_decision(step) ? "resume, " : "or ", or_stop
    );
}

// Of a run on production, who decides on it.
void call_owner(
    Decider& decider, const Run& run, const RunStep& step, const std::string& what,
    const std::string& why, std::string_view remedy
) {
    const auto& change = decider.change();
    if (!on_production(run.purpose))
        return;
    const auto& id = change.id.value;
    const auto clock = abort_clock(change, decider.facts());
    auto body = fmt::format(
        "{}\n{}\nRing: {}\n{}What it wrote: slipway run follow {}\n{}", change.title, why, run.ring,
        clock && run.purpose == RunPurpose::deployment
            ? fmt::format("Abort by: {}\n", to_spoken_text(clock->abort_by, change.window->zone))
            : "",
        id, what_can_be_done(decider, run, step, remedy)
    );
    if (run.purpose == RunPurpose::deployment)
        body += how_to_go_back(change) + "\n";
    call(
        decider, change.change_owner, fmt::format("{}: {} {}", id, run.id.value, what),
        std::move(body)
    );
}

// A run that cannot go on by itself calls who decides on it.
void stop(Decider& decider, const RunId& id, const RunStep& at, const std::string& why) {
    const auto step = at; // emitting changes what is looked at
    decider.emit(RunStopped{id, step.name, why});
    call_owner(
        decider, *find_run(decider.change(), id), step, "stopped at " + step.name, why, "Decide"
    );
}

std::string why_it_stops(const RunStep& step) {
    return (step.state == RunStepState::unknown ? "how the step ended is unknown: "
                                                : "step failed: ") +
           step.detail;
}

// A run that was undone has come to nothing, for whatever reason its owner gave.
void end(Decider& decider, const Run& run) {
    if (run.undo.empty())
        return decider.emit(RunEnded{run.id, RunState::succeeded});
    const auto* undone = undo_decision(decider.change(), run);
    const auto reason = undone ? undone->reason : std::string{};
    const bool deployed = run.purpose == RunPurpose::deployment;
    decider.emit(RunEnded{run.id, RunState::aborted});
    if (deployed)
        fail_deployment(decider, "undone: " + reason);
}

// The registers may name a host that the change does not.
bool all_are_back(const Change& change, const Facts& facts) {
    const auto* back = last_run(change, RunPurpose::rollback);
    if (back && back->state == RunState::succeeded)
        return true;
    const auto hosts = production_hosts(change, *facts.records);
    return std::all_of(hosts.begin(), hosts.end(), [&](const auto& host) {
        return went_back_to(change, host) != nullptr;
    });
}

std::string waits_for(const RunbookStepOutline& outline, const RunStep& step) {
    // Whoever says it names the step.
    const bool told = outline.title.empty() || outline.title == step.name;
    auto text = "waits for a person" + (told ? std::string{} : ": " + outline.title);
    if (!outline.second.empty())
        text += fmt::format(", and for {} too", outline.second);
    return text;
}

// Who is named at the step; on the way back who decides on it, and else who carries it out.
PersonId who_is_awaited(const Change& change, const Run& run, const RunbookStepOutline& outline) {
    const auto& decides =
        change.rollback_owner.empty() ? change.rollback_backup : change.rollback_owner;
    if (outline.owner.empty() && run.purpose == RunPurpose::rollback && !decides.empty())
        return decides;
    if (outline.owner.empty() && run.purpose == RunPurpose::deployment &&
        !change.implementer.empty())
        return change.implementer;
    return owner_at(change, outline);
}

// Who brought the run there himself reads it in the answer.
void wait_for_person(
    Decider& decider, const RunId& id, const RunbookStepOutline& outline, const RunStep& step
) {
    const auto& change = decider.change();
    // Emitting changes what is looked at.
    const auto run = *find_run(change, id);
    const auto name = step.name;
    const auto what = waits_for(outline, step);
    const auto person = who_is_awaited(change, run, outline);
    const auto go_on = how_to_confirm(change, id, outline);
    decider.emit(RunStopped{id, name, what});
    if (!decider.facts().system)
        decider.say(fmt::format(
            "{} {}; {} lets it go on: {}", id.value, what, who_is_called(decider, person).value,
            go_on
        ));
    if (on_production(run.purpose) && person != decider.facts().actor)
        call(
            decider, person,
            fmt::format("{}: {} waits for you at {}", change.id.value, id.value, name),
            fmt::format(
                "{}\nIt {}.\nLet it go on: {}\n"
                "End it: slipway change decide_run {} --run {} --choice abort --reason WHY\n",
                change.title, what, go_on, change.id.value, id.value
            )
        );
}

std::string asked_for(const Change& change, const Run& run) {
    const auto* undone = undo_decision(change, run);
    return fmt::format(
        "asked for by {} at {}", (undone ? undone->by : run.started_by).value,
        to_text(undone ? undone->at : run.started_at)
    );
}

std::string how_to_see_it_through(const Change& change, const Run& run) {
    const auto* next = next_step(run);
    if (run.state != RunState::waiting || next == nullptr)
        return "Follow it: slipway run follow " + change.id.value;
    return "Let it go on: " + how_to_go_on(change, run, *next);
}

} // namespace

std::string why_it_is_late(const Reason& reason) {
    return reason.field == "abort_by" ? "past abort-by" : "the window is over";
}

void move_on(Decider& decider, const RunId& id, bool next_was_done) {
    const Run* run = find_run(decider.change(), id);
    const auto* next = next_step(*run);
    if (next == nullptr)
        return end(decider, *run);
    if (!running_steps(*run).empty())
        return;
    const auto* outline = outline_of(decider.change(), *run, next->name);
    const auto late = too_late(decider.change(), *run, decider.facts());
    if (awaits_decision(*next))
        stop(decider, id, *next, why_it_stops(*next));
    else if (late && !next_was_done)
        stop(decider, id, *next, why_it_is_late(*late));
    else if (const auto edit = edit_that_stops(decider.change(), *run, decider.facts()))
        stop(decider, id, *next, fmt::format("the ring {} was edited: {}", run->ring, *edit));
    else if (outline == nullptr)
        stop(decider, id, *next, "another runbook was pinned since the run began");
    else if (waits_for_person(outline, *next) && run->state != RunState::waiting)
        wait_for_person(decider, id, *outline, *next);
}

void go_on(Decider& decider, const Run& run) {
    move_on(decider, run.id);
    if (find_run(decider.change(), run.id)->state == RunState::running)
        ask_runner(decider, run);
}

void call_while_others_run(Decider& decider, const RunId& id, const RunStep& step) {
    const auto& run = *find_run(decider.change(), id);
    const auto others = running_steps(run);
    if (awaits_decision(step) && !others.empty())
        call_owner(
            decider, run, step,
            fmt::format("stops at {} once {} has ended", step.name, names_of(others)),
            why_it_stops(step), "Decide then, or abort it now"
        );
}

void fail_deployment(Decider& decider, std::string reason) {
    decider.emit(DeploymentFailed{std::move(reason)});
    const auto* owed = retrospective_review(decider.change());
    if (owed == nullptr || !owed->settled_at || owed->fell_away)
        return;
    const Time due = decider.facts().now + decider.facts().policy->retrospective_review_within;
    decider.emit(ReviewOwed{due});
    decider.say(
        "the retrospective review was settled before the failure; it is owed again by " +
        to_text(due)
    );
}

void give_up_deployment(Decider& decider, const std::string& reason) {
    // Emitting changes the change that is looked at.
    const auto runs = decider.change().runs;
    for (const auto& run : runs)
        if (is_active(run))
            decider.emit(RunEnded{run.id, RunState::aborted});
    if (decider.change().failed_because.empty())
        fail_deployment(decider, reason);
}

Result<void> require_way_back_open(const Change& change, const Facts& facts) {
    const auto when = rolled_back_at(change);
    const auto* tested = last_smoke(change, SmokeOccasion::rollback);
    if (!when || !all_are_back(change, facts) ||
        (tested && !mismatch_of(change, *tested) && found_fault(*tested)))
        return {};
    return fail_blocked(
        "it was rolled back already",
        {{"rollback-done", "rollback", "production is back where it was", "since " + to_text(*when),
          "Complete the rollback step. If it does not work as before, run its smoke list "
          "(run_smoke "
          "--occasion rollback): a failure lets you go back once more"}}
    );
}

Result<void> require_none_goes_back(const Change& change, std::string_view command) {
    const auto* run = run_going_back(change);
    if (run == nullptr)
        return {};
    const auto* next = next_step(*run);
    return fail_blocked(
        "production goes back already",
        {{"rollback-done", "runs",
          fmt::format("{} goes back already, {}", run->id.value, asked_for(change, *run)),
          fmt::format(
              "{} {}{}", run->id.value, to_text(run->state), next ? " at " + next->name : ""
          ),
          fmt::format(
              "{}. Whoever wants to go back anew ends it first: slipway change decide_run {} --run "
              "{} --choice abort --reason WHY; then {}",
              how_to_see_it_through(change, *run), change.id.value, run->id.value, command
          )}}
    );
}

} // namespace slipway::domain
