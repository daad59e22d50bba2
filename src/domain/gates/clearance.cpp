// SPDX-License-Identifier: Apache-2.0
#include "domain/gates/clearance.hpp"

#include <algorithm>

#include "domain/change/approved_ring.hpp"

namespace slipway::domain {

Clearance clearance_of(const Change& change, const Facts& facts) {
    Clearance clearance;
    auto& reasons = clearance.reasons;
    if (is_over(change) || deployment_begun(change))
        reasons.push_back(
            {"run-exact", "state", "the change is past its deployment",
             std::string(to_text(change.state)), "Open a new change"}
        );
    for (const auto* id : {"classification", "window", "cab-decision"}) {
        auto result = evaluate(*find_gate(id), change, facts);
        if (result.verdict == Verdict::fail)
            std::move(result.reasons.begin(), result.reasons.end(), std::back_inserter(reasons));
    }
    const bool approved = is_approved(change) || (type_of(change) == ChangeType::standard &&
                                                  change.classification->accepted);
    if (!approved)
        reasons.push_back(
            {"cab-decision", "decision", "the change is not approved",
             std::string(to_text(change.state)), "Have it approved"}
        );
    else if (has_step(change, facts, StepKind::execute) && !deployment_begun(change))
        if (auto reason = ring_not_as_approved(change, facts))
            reasons.push_back(*std::move(reason));
    for (auto& reason : open_conditions(change))
        reasons.push_back(std::move(reason));
    if (auto reason = outside_window(change, facts, "now is not inside the window"))
        reasons.push_back(*std::move(reason));
    clearance.over = is_over(change) || deployment_begun(change) ||
                     (change.window && facts.now >= change.window->end);
    clearance.go = reasons.empty();
    if (change.window && facts.now < change.window->start)
        clearance.window_start = change.window->start;
    if (!clearance.go) {
        constexpr std::int64_t shortest = 1000;
        constexpr std::int64_t longest = 60000;
        const auto until = change.window ? (change.window->start - facts.now).count() : longest;
        clearance.retry_after_ms = std::clamp<std::int64_t>(until, shortest, longest);
    }
    return clearance;
}

} // namespace slipway::domain
