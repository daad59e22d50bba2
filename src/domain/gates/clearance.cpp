// SPDX-License-Identifier: Apache-2.0
#include "domain/gates/clearance.hpp"

#include <algorithm>

#include "domain/change/run_start.hpp"

namespace slipway::domain {

namespace {

using Reasons = std::vector<Reason>;

// Nothing that is mended now makes it deploy again.
Reason behind_it(const Change& change) {
    const auto* run = last_run(change, RunPurpose::deployment);
    if (!is_over(change) && run && is_active(*run))
        return {
            "run-exact", "runs", "the deployment is under way",
            fmt::format("{} {}", run->id.value, to_text(run->state)),
            "Look on with slipway run follow " + change.id.value};
    return {
        "run-exact", "state",
        is_over(change) ? "the change is over" : "the change is past its deployment",
        std::string(to_text(change.state)), "Open a new change"};
}

// A limit is refused without reasons.
Reasons refusals_of(const Result<void>& asked) {
    if (asked)
        return {};
    const auto& error = asked.error();
    if (!error.reasons.empty())
        return error.reasons;
    return {{"run-exact", "runs", error.message, error.detail, "Open a new change"}};
}

// What start_run would say, whoever asks, but for what only our own runner needs: a pipeline runs
// its own copy of the runbook. What speaks against any run at all, such as that there is no
// runbook, the gates before the deployment say too.
Reasons against_deployment(const Change& change, const Facts& facts) {
    auto reasons = refusals_of(may_deploy(change, facts));
    if (reasons.empty())
        reasons = refusals_of(may_start(change, {RunPurpose::deployment, {}, {}}, facts));
    return reasons;
}

Reasons against_other_work(const Change& change, const Facts& facts) {
    Reasons reasons;
    for (const auto* id : {"classification", "window", "cab-decision"}) {
        auto result = evaluate(*find_gate(id), change, facts);
        if (result.verdict == Verdict::fail)
            std::move(result.reasons.begin(), result.reasons.end(), std::back_inserter(reasons));
    }
    for (auto& reason : open_conditions(change))
        reasons.push_back(std::move(reason));
    if (auto reason = outside_window(change, facts, "now is not inside the window"))
        reasons.push_back(*std::move(reason));
    return reasons;
}

bool may_go_on(const Change& change) {
    return is_approved(change) ||
           (type_of(change) == ChangeType::standard && change.classification->accepted);
}

Reasons reasons_against(const Change& change, const Facts& facts) {
    if (is_over(change) || deployment_begun(change))
        return {behind_it(change)};
    auto reasons = has_step(change, facts, StepKind::execute) ? against_deployment(change, facts)
                                                              : against_other_work(change, facts);
    const bool said = std::any_of(reasons.begin(), reasons.end(), [](const Reason& reason) {
        return reason.gate == "cab-decision";
    });
    if (!said && !may_go_on(change))
        reasons.push_back(
            {"cab-decision", "decision", "the change is not approved",
             std::string(to_text(change.state)), "Have it approved"}
        );
    return reasons;
}

} // namespace

Clearance clearance_of(const Change& change, const Facts& facts) {
    Clearance clearance;
    clearance.reasons = reasons_against(change, facts);
    clearance.go = clearance.reasons.empty();
    clearance.over = is_over(change) || deployment_begun(change) ||
                     (change.window && facts.now >= change.window->end);
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
