// SPDX-License-Identifier: Apache-2.0
#include "domain/change/late_work.hpp"

#include <algorithm>

#include "domain/change/abort_clock.hpp"
#include "domain/change/run_steps.hpp"

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

} // namespace

const RunStep* work_left(const Change& change, const Run& run) {
    if ((run.state != RunState::aborted && run.undo.empty()) || is_built_upon(change, run))
        return nullptr;
    const auto at = std::find_if_not(run.steps.begin(), run.steps.end(), is_done);
    if (at == run.steps.end() || at->state != RunStepState::pending)
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

} // namespace slipway::domain
