// SPDX-License-Identifier: Apache-2.0
#include "domain/change/two_people.hpp"

#include "base/json.hpp"
#include "domain/change/run_steps.hpp"
#include "domain/change/seen_failure.hpp"

namespace slipway::domain {

PersonId second_of(const Change& change, const Run& run, const RunStep& step) {
    const auto* outline = outline_of(change, run, step.name);
    return outline ? PersonId(outline->second) : PersonId{};
}

PersonId owner_at(const Change& change, const RunbookStepOutline& outline) {
    return outline.owner.empty() ? change.change_owner : PersonId(outline.owner);
}

std::string how_without_second(const Change& change, const Run& run, const RunStep& step) {
    return fmt::format(
        "{} has left, and nobody agrees in his place. Abort the run: {}",
        second_of(change, run, step).value, how_to_decide(change, run.id, step, "abort")
    );
}

bool is_second_part(const RunbookStepOutline& outline, const RunStep& step) {
    return !outline.second.empty() && (!step.confirmed_by.empty() || !step.seconded_by.empty());
}

bool agree(const Run& run, RunChoice choice, const PersonId& second, Deviation& deviation) {
    const auto& proposed = run.proposed;
    if (!proposed || proposed->step != deviation.step || proposed->choice != choice ||
        proposed->by == deviation.by || (proposed->by == second) == (deviation.by == second))
        return false;
    deviation.second = second;
    deviation.by = deviation.by == second ? proposed->by : deviation.by;
    deviation.reason = cut_text(proposed->reason + "; " + deviation.reason, limits::text_max);
    return true;
}

} // namespace slipway::domain
