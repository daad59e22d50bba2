// SPDX-License-Identifier: Apache-2.0
#include "domain/change/seen_failure.hpp"

#include <algorithm>

namespace slipway::domain {

namespace {

// The last decision of somebody else on this run that its author may not know of: about this step,
// or about another when no step is named. Nothing when there is none.
const Deviation* decided_meanwhile(
    const Change& change, const Run& run, const RunStep& step, const DecideRun& body,
    const Facts& facts
) {
    const auto found = std::find_if(
        change.deviations.rbegin(), change.deviations.rend(),
        [&](const Deviation& known) {
            return known.run == run.id && known.by != facts.actor && known.second != facts.actor &&
                   (known.step == step.name || body.step.empty()) &&
                   facts.now - known.at < limits::decisions_apart &&
                   known.choice != DeviationChoice::more_time;
        }
    );
    return found == change.deviations.rend() ? nullptr : &*found;
}

} // namespace

std::string how_to_decide(
    const Change& change, const RunId& run, const RunStep& step, std::string_view choice
) {
    return fmt::format(
        "slipway change decide_run {} --run {} --step {} --attempt {} --choice {} --reason WHY",
        change.id.value, run.value, step.name, step.attempts, choice
    );
}

Result<void> require_seen(
    const Change& change, const Run& run, const RunStep& step, const DecideRun& body,
    const Facts& facts
) {
    if (body.choice == RunChoice::abort)
        return {};
    const auto refuse = [&](std::string reason) {
        return fail_blocked(
            "the decision is about a failure that may not have been seen",
            {{"run-exact", body.attempt ? "attempt" : "step." + step.name, std::move(reason),
              fmt::format(
                  "{} {}, attempt {}{}", step.name, to_text(step.state), step.attempts,
                  step.detail.empty() ? "" : ": " + step.detail
              ),
              "Look at it, then decide: " +
                  how_to_decide(change, run.id, step, to_text(body.choice))}}
        );
    };
    if (body.attempt && static_cast<int>(*body.attempt) != step.attempts)
        return refuse(fmt::format("attempt {} of {} is not the last one", *body.attempt, step.name)
        );
    if (body.attempt || body.choice == RunChoice::undo)
        return {};
    if (const auto* other = decided_meanwhile(change, run, step, body, facts))
        return refuse(fmt::format(
            "{} decided {} on {} at {}, so it must be said which failure is meant", other->by.value,
            to_text(other->choice), other->step, to_text(other->at)
        ));
    return {};
}

} // namespace slipway::domain
