// SPDX-License-Identifier: Apache-2.0
#include "domain/change/seen_failure.hpp"

#include <algorithm>

#include "domain/change/abort_clock.hpp"
#include "domain/change/run_progress.hpp"
#include "domain/change/run_steps.hpp"

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

// The run stopped here for want of time, and was given more since.
std::optional<Reason>
was_too_late(const Change& change, const Run& run, const RunStep& step, const Facts& facts) {
    for (const auto& known : change.deviations) {
        if (known.run != run.id || known.step != step.name ||
            known.choice != DeviationChoice::more_time)
            continue;
        auto before = change;
        auto then = facts;
        then.now = known.at;
        std::erase_if(before.extensions, [&](const Extension& given) {
            return given.at >= known.at;
        });
        if (auto late = too_late(before, run, then))
            return late;
    }
    return std::nullopt;
}

} // namespace

std::string
what_was_seen(const Change& change, const Run& run, const RunStep& step, const Facts& facts) {
    if (!step.detail.empty())
        return step.detail;
    const bool began = step.state != RunStepState::pending;
    auto late = began ? std::nullopt : too_late(change, run, facts);
    if (!began && !late)
        late = was_too_late(change, run, step, facts);
    return late ? why_it_is_late(*late) : std::string(to_text(step.state));
}

std::string how_to_go_on(const Change& change, const Run& run, const RunStep& step) {
    return waits_to_be_confirmed(change, run, step)
               ? how_to_confirm(change, run.id, *outline_of(change, run, step.name))
               : how_to_decide(change, run.id, step, "retry");
}

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
