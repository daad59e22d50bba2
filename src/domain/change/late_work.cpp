// SPDX-License-Identifier: Apache-2.0
#include "domain/change/late_work.hpp"

#include <algorithm>

#include "domain/change/abort_clock.hpp"
#include "domain/change/paging.hpp"
#include "domain/change/run_steps.hpp"
#include "domain/change/way_back.hpp"

namespace slipway::domain {

namespace {

// Whatever ran on a test ring since then stands on it, and was tested with it.
bool is_built_upon(const Change& change, const Run& run) {
    if (on_production(run.purpose))
        return false;
    bool later = false;
    for (const auto& known : change.runs) {
        if (later && known.ring == run.ring)
            return true;
        later = later || known.id == run.id;
    }
    return false;
}

// When the run was aborted or turned round.
Time left_at(const Change& change, const Run& run) {
    const auto* undone = undo_decision(change, run);
    return undone ? undone->at : run.ended_at.value_or(Time::max());
}

// Who goes back, and while nobody does the owner of the change.
PersonId who_must_know(const Change& change) {
    const auto* back = run_going_back(change);
    if (back == nullptr)
        return change.change_owner;
    const auto* undone = undo_decision(change, *back);
    return undone ? undone->by : back->started_by;
}

} // namespace

const RunStep* work_left(const Change& change, const Run& run) {
    if ((run.state != RunState::aborted && run.undo.empty()) || is_built_upon(change, run))
        return nullptr;
    const auto at = std::find_if_not(run.steps.begin(), run.steps.end(), is_done);
    const auto left = left_at(change, run);
    const bool reached = std::all_of(run.steps.begin(), at, [&](const RunStep& step) {
        return !step.ended_at || *step.ended_at <= left;
    });
    if (at == run.steps.end() || at->state != RunStepState::pending || !reached)
        return nullptr;
    const auto* outline = outline_of(change, run, at->name);
    return outline != nullptr && outline->kind == "manual" ? &*at : nullptr;
}

bool is_work_left(const Change& change, const ConfirmStep& body) {
    const auto* run = find_run(change, body.run);
    const auto* step = run ? work_left(change, *run) : nullptr;
    return step != nullptr && step->name == body.step;
}

std::string since_when_left(const Run& run) {
    return fmt::format(
        "after {} was {}", run.id.value, run.state == RunState::aborted ? "aborted" : "turned round"
    );
}

std::string how_late(const Change& change, const Run& run, const Facts& facts) {
    const auto late = too_late(change, run, facts);
    if (!late)
        return {};
    return late->field == "abort_by" ? "past abort-by" : "after the window";
}

std::string late_note(const std::string& late, const std::string& note) {
    if (late.empty())
        return note;
    return cut_text(
        fmt::format("confirmed {}{}{}", late, note.empty() ? "" : ": ", note), limits::text_max
    );
}

void tell_of_late_work(Decider& decider, const Run& run, const RunStep& step) {
    const auto undo = undo_block_of(decider.change(), run, step.name);
    if (!undo.empty() && !is_among(run.undo, undo))
        decider.say(fmt::format(
            "its undo block {} has not run: take it back by hand{}", undo,
            rolled_back_at(decider.change())
                ? fmt::format(
                      ", then run the list again: slipway change run_smoke {} --occasion rollback",
                      decider.change().id.value
                  )
                : ", or go back with the rollback runbook"
        ));
    if (!on_production(run.purpose))
        return;
    decider.reopen(
        StepKind::rollback,
        fmt::format("{} of {} was done by hand, and was told afterwards", step.name, run.id.value)
    );
    decider.say_what_is_open_again();
    const auto& change = decider.change();
    const auto person = who_must_know(change);
    if (person == decider.facts().actor)
        return;
    call(
        decider, person,
        fmt::format("{}: {} of {} was done by hand", change.id.value, step.name, run.id.value),
        fmt::format(
            "{}\n{} said so {}.\n{}\n", change.title, decider.facts().actor.value,
            since_when_left(run), step.detail
        )
    );
}

} // namespace slipway::domain
