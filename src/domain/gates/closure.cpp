// SPDX-License-Identifier: Apache-2.0
// Gates of phase 5: stabilised, pir, cmdb-updated, closure.
#include <algorithm>

#include "domain/change/cmdb_versions.hpp"
#include "domain/change/duties.hpp"
#include "domain/change/reverts.hpp"
#include "domain/gates/gate.hpp"

namespace slipway::domain::gates {

namespace {

// A failed deployment, what its owner decided at its steps ("retry of switch (run-3): reason"), and
// smoke tests of production that a waiver let pass. Empty: all of it went to plan.
std::string what_deviated(const Change& change, const Facts& facts) {
    std::vector<std::string> all;
    if (!change.failed_because.empty())
        all.push_back("the deployment failed: " + change.failed_because);
    for (const auto& deviation : deviations_on_production(change))
        all.push_back(fmt::format(
            "{} of {} ({}): {}", to_text(deviation.choice), deviation.step, deviation.run.value,
            deviation.reason
        ));
    if (const auto smoke = evaluate(*find_gate("smoke-production"), change, facts);
        smoke.verdict != Verdict::not_applicable)
        for (const auto& reason : smoke.reasons)
            all.push_back(fmt::format("{}: {}", reason.message, reason.evidence));
    return fmt::format("{}", fmt::join(all, "; "));
}

} // namespace

void stabilised(const Change& change, const Facts& facts, GateFindings& findings) {
    if (!is_stabilising(change))
        return findings.refuse(
            "stabilisation", "the stabilisation period has not begun",
            "production smoke tests are not complete",
            "Complete the production smoke tests, or the rollback"
        );
    const auto& period = *change.stabilisation;
    findings.looked_at("stabilisation", "since " + to_text(period.from), facts.now);
    if (facts.now < period.until)
        findings.refuse(
            "stabilisation.until", "the stabilisation period is not over",
            "until " + to_text(period.until), "Wait until then and keep watching"
        );
    for (const auto& seen : period.observations)
        if (!seen.resolved_at)
            findings.refuse(
                "stabilisation." + seen.id,
                fmt::format("an unresolved {}: {}", to_text(seen.kind), seen.title), seen.source,
                fmt::format(
                    "Resolve it with resolve_observation --id {} --resolution TEXT", seen.id
                )
            );
}

void pir(const Change& change, const Facts& facts, GateFindings& findings) {
    if (!change.review)
        return findings.refuse(
            "review", "no post-implementation review was held", "no review",
            "Hold it and record it with hold_review"
        );
    findings.looked_at("review", change.review->by.value, change.review->held_at);
    if (change.review->went_to_plan.empty())
        findings.refuse(
            "review.went_to_plan", "the review does not say what went to plan", "empty",
            "Record it with hold_review"
        );
    const auto seen =
        change.stabilisation ? change.stabilisation->observations : std::vector<Observation>{};
    for (const auto& observation : seen)
        if (observation.seen_at > change.review->held_at)
            findings.refuse(
                "review." + observation.id, "something was seen since the review was held",
                fmt::format(
                    "{} {} at {}", to_text(observation.kind), observation.title,
                    to_text(observation.seen_at)
                ),
                "Hold the review again (hold_review); it then starts with what was seen"
            );
    auto deviated = what_deviated(change, facts);
    if (!deviated.empty() && change.actions.empty())
        findings.refuse(
            "review.actions", "something deviated, but no action follows from it",
            std::move(deviated), "Add an action item with owner and due date (add_action)"
        );
    for (const auto& action : change.actions)
        if (action.owner.empty() || !action.due_at)
            findings.refuse(
                "review." + action.id, "an action has no owner or no due date", action.title,
                "Give it both"
            );
}

void cmdb_updated(const Change& change, const Facts& facts, GateFindings& findings) {
    const bool stands = change.failed_because.empty();
    const auto after = aftermath_of(change);
    bool all_found = true;
    for (const auto& scoped : change.scope ? change.scope->cis : std::vector<ScopedCi>{}) {
        const auto push = std::find_if(
            change.cmdb_pushes.begin(), change.cmdb_pushes.end(),
            [&](const auto& known) { return known.ci == scoped.ci; }
        );
        const std::string field = "cmdb." + scoped.ci.value;
        const bool pushed = push != change.cmdb_pushes.end();
        const bool to_find = has_to_be_found(after, scoped);
        if (to_find && !(pushed && was_found(after, *push)))
            all_found = false;
        else if (!pushed)
            findings.refuse(field, "the CMDB was not updated", "no update", "Run update_cmdb");
        if (!pushed)
            continue;
        if (!to_find)
            if (auto reason = why_other_version(change, scoped, *push))
                findings.reasons.push_back(*std::move(reason));
        if (stands && !scoped.host.empty() && push->host != scoped.host)
            findings.refuse(
                field, "another host was written than the one it runs on",
                fmt::format("written {}, runs on {}", push->host, scoped.host),
                "Run update_cmdb again"
            );
        // Written by one command and read by the next: what somebody edited meanwhile is seen.
        const auto read = facts.records->cis.find(scoped.ci);
        const bool known = read != facts.records->cis.end();
        findings.looked_at(
            scoped.ci.value, fmt::format("CMDB version {}", facts.records->cmdb_version), facts.now
        );
        if (!known || read->second.version != push->pushed || read->second.host != push->host)
            findings.refuse(
                field, "what the CMDB holds differs from what was written",
                known ? fmt::format("read {} on {}", read->second.version, read->second.host)
                      : "no record",
                "Run update_cmdb again"
            );
    }
    if (!all_found)
        findings.reasons.push_back(versions_not_found(change, after));
}

void closure(const Change& change, const Facts& facts, GateFindings& findings) {
    std::set<std::string> owed_steps; // said once, with the date
    for (const auto& owed : change.owed)
        if (!owed.settled_at)
            owed_steps.insert(owed.id);
    for (const auto* step : steps_of(*facts.workflow)) {
        if (step->kind == StepKind::closure || !step->is_required() ||
            !applies(*step, change, facts) || owed_steps.contains(step->id.value) ||
            fell_away(change, step->id))
            continue;
        const auto record = change.steps.find(step->id);
        if (record == change.steps.end() || record->second.state != StepState::completed)
            findings.refuse(
                "steps." + step->id.value, "a required step is not complete: " + step->title,
                record == change.steps.end() ? "open" : std::string(to_text(record->second.state)),
                "Complete it with complete_step --step " + step->id.value
            );
    }
    for (const auto& owed : change.owed)
        if (!owed.settled_at)
            findings.refuse(
                "owed." + owed.id, "the emergency still owes " + owed.id,
                "due " + to_text(owed.due_at),
                owed.kind == OwedKind::step
                    ? "Do it now and complete it with complete_step --step " + owed.id
                    : how_to_review(change, facts)
            );
    for (const auto& host : hosts_going_back(change))
        findings.refuse(
            "snapshots." + host, "a host has not gone back to its snapshot yet",
            "asked for, and its provider has not answered",
            "Wait until it has (snapshot list), then run the smoke list of the rollback"
        );
    for (const auto& run : change.runs)
        if (is_active(run))
            findings.refuse(
                "runs." + run.id.value, "a run has not ended", std::string(to_text(run.state)),
                fmt::format(
                    "End it with decide_run --run {} --choice abort --reason WHY, or let it end",
                    run.id.value
                )
            );
}

} // namespace slipway::domain::gates
