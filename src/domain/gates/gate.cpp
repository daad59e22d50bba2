// SPDX-License-Identifier: Apache-2.0
#include "domain/gates/gate.hpp"

#include <algorithm>
#include <array>

#include "domain/change/abort_clock.hpp"
#include "domain/change/approved_ring.hpp"
#include "domain/change/duties.hpp"
#include "domain/change/run_hosts.hpp"

namespace slipway::domain {

namespace {

constexpr std::array table{
    GateRow{
        "rfc-specific", StepKind::scope,
        "no version, no host, no customer-visible behaviour, or a vague summary",
        gates::rfc_specific},
    GateRow{
        "impact-traced", StepKind::impact,
        "no trace, an outdated trace, stale CI records, an impacted job nobody answers for",
        gates::impact_traced},
    GateRow{
        "rollback-runbook", StepKind::runbook,
        "no executable step, decision point, named engineer, abort criterion or time limit",
        gates::rollback_runbook},
    GateRow{
        "classification", StepKind::classification,
        "standard without a matching catalogue entry, emergency without a cause",
        gates::classification},
    GateRow{
        "window", StepKind::window,
        "a blackout, an overlapping change, no room or no daylight for the rollback",
        gates::window},
    GateRow{
        "ring-parity", StepKind::deploy, "a test ring that differs from production",
        gates::ring_parity},
    GateRow{
        "ring-deployed", StepKind::deploy, "the same bytes have not run on the test ring",
        gates::ring_deployed},
    GateRow{
        "smoke-staging", StepKind::smoke, "no written list, a failed check, a changed list",
        gates::smoke_staging},
    GateRow{
        "backup-restorable", StepKind::backup,
        "an old backup, an unproven restore, a database without a fresh backup",
        gates::backup_restorable},
    GateRow{
        "rollback-rehearsed", StepKind::rehearsal,
        "no rehearsal right after the deployment, other bytes, a failed step, a ring or credential "
        "that is another now",
        gates::rollback_rehearsed},
    GateRow{
        "defects", StepKind::defects, "an open grave defect whose risk nobody accepted",
        gates::defects},
    GateRow{
        "cab-lead-time", StepKind::cab_queue,
        "not submitted, or a window that begins before the meeting", gates::cab_lead_time},
    GateRow{
        "cab-decision", StepKind::cab_decision,
        "no quorum of votes that count, a missing group, an edit since", gates::cab_decision},
    GateRow{
        "notice", StepKind::notice,
        "no notice, too late, incomplete, or a channel without a receipt", gates::notice},
    GateRow{
        "oncall", StepKind::oncall, "a gap, one person in two roles, no acknowledgement",
        gates::oncall},
    GateRow{
        "snapshot", StepKind::snapshot, "a production host without a fresh snapshot",
        gates::snapshot},
    GateRow{
        "preflight", StepKind::execute,
        "a host, program, disk or credential of the runbooks that a preflight found missing",
        gates::preflight},
    GateRow{
        "run-exact", StepKind::execute,
        "other bytes, another ring, outside the window, open conditions, an earlier gate that "
        "fails",
        gates::run_exact},
    GateRow{
        "smoke-production", StepKind::smoke_production,
        "another list than on staging, a failed check, a silent agent, a new alert",
        gates::smoke_production},
    GateRow{
        "rollback-done", StepKind::rollback,
        "a failed deployment without rollback, smoke tests and notice", gates::rollback_done},
    GateRow{
        "stabilised", StepKind::stabilise, "the period is not over, an unresolved alert",
        gates::stabilised},
    GateRow{"pir", StepKind::review, "no review, an action without owner or date", gates::pir},
    GateRow{"cmdb-updated", StepKind::cmdb_update, "a read-back that differs", gates::cmdb_updated},
    GateRow{"closure", StepKind::closure, "anything required that is missing", gates::closure},
};

// A waiver stands while its granter may approve the change: who becomes its implementer afterwards
// has not waived his own gate.
const Waiver* standing_waiver(
    const Change& change, const Facts& facts, std::string_view gate,
    std::vector<std::string>& warnings
) {
    for (const auto& waiver : change.waivers) {
        if (waiver.gate != gate || !is_granted(waiver, facts.now))
            continue;
        const auto why = conflict_of_duty(change, facts, waiver.granted_by);
        if (why.empty())
            return &waiver;
        warnings.push_back(
            fmt::format("{} by {} does not count: {}", waiver.id, waiver.granted_by.value, why)
        );
    }
    return nullptr;
}

// The last one that was granted and has ended since: who relied on it hears of that.
const Waiver* lapsed_waiver(const Change& change, const Facts& facts, std::string_view gate) {
    const auto& all = change.waivers;
    const auto found = std::find_if(all.rbegin(), all.rend(), [&](const Waiver& waiver) {
        return waiver.gate == gate && waiver.state == WaiverState::granted &&
               waiver.expires_at <= facts.now;
    });
    return found == all.rend() ? nullptr : &*found;
}

// A deployment that starts late in its window must still leave room to go back before the end.
void look_at_room(const Change& change, const Facts& facts, GateFindings& findings) {
    const auto takes = [&](RunbookPurpose purpose) {
        const auto* runbook = runbook_of(change, purpose);
        return runbook ? duration_of(*runbook) + facts.policy->smoke_reserve : Span::zero();
    };
    const auto deploy = takes(RunbookPurpose::deployment);
    const auto back = takes(RunbookPurpose::rollback);
    // A rehearsal may have taken longer than the runbook allows: people were waited for.
    if (const auto clock = abort_clock(change, facts); clock && facts.now >= clock->abort_by)
        findings.refuse(
            "abort_by", "the rollback would have to begin before the deployment does",
            fmt::format("abort-by {}; {}", to_text(clock->abort_by), clock->evidence.front()),
            "Rehearse the rollback again without waiting, or schedule a longer window and have it "
            "approved"
        );
    const Span left = change.window->end - facts.now;
    if (left < deploy + back)
        findings.refuse(
            "window.end", "what is left of the window has no room for the rollback",
            fmt::format(
                "left {}, deployment {}, rollback {}, smoke tests included", to_text(left),
                to_text(deploy), to_text(back)
            ),
            "Schedule a new window and have it approved"
        );
}

void look_at_transition(const Change& change, const Facts& facts, GateFindings& findings) {
    if (auto reason = outside_window(change, facts, "production is touched only inside the window"))
        findings.reasons.push_back(*std::move(reason));
    else
        look_at_room(change, facts, findings);
    for (auto& reason : open_conditions(change))
        findings.reasons.push_back(std::move(reason));
    if (runbook_of(change, RunbookPurpose::deployment) == nullptr)
        findings.refuse(
            "deployment_runbook", "no deployment runbook is pinned", "no file",
            "Pin it with pin_runbook --purpose deployment"
        );
    if (auto reason = ring_not_as_approved(change, facts))
        findings.reasons.push_back(*std::move(reason));
    for (auto& reason : hosts_beside_production(change, facts))
        findings.reasons.push_back(std::move(reason));
}

} // namespace

void GateFindings::refuse(
    std::string_view field, std::string message, std::string evidence, std::string remedy
) {
    reasons.push_back(
        {std::string(gate_), std::string(field), std::move(message), std::move(evidence),
         std::move(remedy)}
    );
}

void GateFindings::warn(std::string message) {
    warnings.push_back(std::move(message));
}

void warn_of_steps_left(const Run& run, GateFindings& findings) {
    for (const auto& step : run.left_at_work)
        findings.warn(fmt::format(
            "{} began on {} while {}, which was aborted, was not known to have ended there",
            run.id.value, run.ring, step
        ));
}

void GateFindings::looked_at(std::string name, std::string source, std::optional<Time> at) {
    facts.push_back({std::move(name), std::move(source), at});
}

std::span<const GateRow> gate_table() {
    return table;
}

std::set<std::string_view> gate_ids() {
    std::set<std::string_view> ids;
    for (const auto& gate : table)
        ids.insert(gate.id);
    return ids;
}

const GateRow* find_gate(std::string_view id) {
    for (const auto& row : table)
        if (row.id == id)
            return &row;
    return nullptr;
}

bool has_gate(StepKind kind) {
    return std::any_of(table.begin(), table.end(), [&](const GateRow& row) {
        return row.step == kind;
    });
}

bool is_before_execution(const GateRow& gate) {
    for (const auto& row : table) {
        if (row.id == "run-exact")
            return false;
        if (row.id == gate.id)
            return true;
    }
    return false;
}

bool is_asked_at_closure(const GateRow& gate) {
    constexpr std::array<std::string_view, 8> asked{
        "defects",    "run-exact", "smoke-production", "rollback-done",
        "stabilised", "pir",       "cmdb-updated",     "closure"};
    return std::find(asked.begin(), asked.end(), gate.id) != asked.end();
}

bool applies(const Step& step, const Change& change, const Facts& facts) {
    return applies_to(step, type_of(change)) && facts.applicable->contains(step.id);
}

bool has_step(const Change& change, const Facts& facts, StepKind kind) {
    const auto* step = find_step(*facts.workflow, kind);
    return step && applies(*step, change, facts);
}

GateResult evaluate(const GateRow& gate, const Change& change, const Facts& facts) {
    GateResult result{std::string(gate.id), {}, Verdict::pass, {}, {}, {}, {}};
    const auto* step = find_step(*facts.workflow, gate.step);
    if (step == nullptr || !applies(*step, change, facts)) {
        result.verdict = Verdict::not_applicable;
        return result;
    }
    result.step = step->id;
    GateFindings findings(gate.id);
    gate.look(change, facts, findings);
    result.reasons = std::move(findings.reasons);
    result.warnings = std::move(findings.warnings);
    result.facts = std::move(findings.facts);
    if (result.reasons.empty())
        return result;
    result.verdict = Verdict::fail;
    const auto record = change.steps.find(step->id);
    if (const auto* waiver = standing_waiver(change, facts, gate.id, result.warnings)) {
        result.verdict = Verdict::waived;
        result.waiver = waiver->id;
    } else if (record != change.steps.end() && record->second.state == StepState::postponed && may_postpone(*step, type_of(change))) {
        // An emergency that was classified anew owes now what it had put off.
        result.verdict = fell_away(change, step->id) ? Verdict::not_applicable : Verdict::postponed;
    } else if (!step->is_required() && record == change.steps.end()) {
        result.verdict = Verdict::not_applicable;
    }
    if (const auto* ended = lapsed_waiver(change, facts, gate.id);
        ended && result.verdict == Verdict::fail)
        result.reasons.push_back(
            {std::string(gate.id), "waivers." + ended->id, "its waiver has ended",
             "ended at " + to_text(ended->expires_at),
             "Do what the gate asks for, or ask for another waiver that lasts longer "
             "(request_waiver --valid_for)"}
        );
    return result;
}

namespace {

// run-exact refuses with what the gates before it say, so that who starts a run sees all of it. In
// a list of all gates that would stand there twice: here it only names them.
void name_earlier_gates(std::vector<GateResult>& results) {
    for (auto& result : results) {
        std::string named;
        for (const auto& other : results) {
            const auto repeated = [&](const Reason& reason) {
                return reason.gate == other.gate &&
                       std::find(other.reasons.begin(), other.reasons.end(), reason) !=
                           other.reasons.end();
            };
            if (&other == &result || std::erase_if(result.reasons, repeated) == 0)
                continue;
            named += (named.empty() ? "" : ", ") + other.gate;
        }
        if (!named.empty())
            result.reasons.push_back(
                {result.gate, "gates", "earlier gates say no", named, "Mend what these gates say"}
            );
    }
}

} // namespace

std::vector<GateResult> evaluate_all(const Change& change, const Facts& facts) {
    std::vector<GateResult> results;
    for (const auto& gate : table)
        results.push_back(evaluate(gate, change, facts));
    name_earlier_gates(results);
    if (is_over(change))
        for (auto& result : results)
            for (auto& reason : result.reasons)
                reason.remedy.clear();
    return results;
}

std::optional<Reason>
outside_window(const Change& change, const Facts& facts, std::string message) {
    if (!change.window)
        return Reason{
            "run-exact", "window", std::move(message), "no window",
            "Schedule a new window and have it approved"};
    const auto start = change.window->start;
    const auto end = change.window->end;
    if (facts.now >= start && facts.now < end)
        return std::nullopt;
    return Reason{
        "run-exact", "window", std::move(message),
        fmt::format("now {}, window {} to {}", to_text(facts.now), to_text(start), to_text(end)),
        facts.now < start ? "Wait until the window opens"
                          : "Schedule a new window and have it approved"};
}

std::vector<Reason> open_conditions(const Change& change) {
    std::vector<Reason> reasons;
    if (!change.decision)
        return reasons;
    for (const auto& condition : change.decision->conditions)
        if (!condition.met_at)
            reasons.push_back(
                {"run-exact", "decision." + condition.id, "a condition of the board is open",
                 condition.text,
                 fmt::format(
                     "Meet it and record it with meet_condition --id {} --evidence TEXT",
                     condition.id
                 )}
            );
    return reasons;
}

namespace {

// Nobody confirms a two-person step in the place of its second person, so inside the window it
// would be too late to find out that he must not.
void look_at_second_people(const Change& change, const Facts& facts, GateFindings& findings) {
    const auto* runbook = runbook_of(change, RunbookPurpose::deployment);
    for (const auto& step : runbook ? runbook->steps : std::vector<RunbookStepOutline>{})
        if (const auto part = step.second.empty()
                                  ? std::nullopt
                                  : part_in_approval(change, facts, PersonId(step.second)))
            findings.refuse(
                "second." + step.name,
                fmt::format(
                    "{}, the second person of the step {}, {}", step.second, step.name, part->what
                ),
                part->evidence,
                "Name another second person in the runbook, pin it and have it approved"
            );
}

} // namespace

std::vector<Reason> not_ready(const Change& change, const Facts& facts) {
    GateFindings findings("run-exact");
    look_at_transition(change, facts, findings);
    look_at_second_people(change, facts, findings);
    auto reasons = std::move(findings.reasons);
    for (const auto& gate : table) {
        if (!is_before_execution(gate))
            break;
        auto result = evaluate(gate, change, facts);
        if (result.verdict == Verdict::fail)
            std::move(result.reasons.begin(), result.reasons.end(), std::back_inserter(reasons));
    }
    for (const auto* step : steps_of(*facts.workflow)) {
        if (step->kind == StepKind::execute)
            break;
        if (!step->is_required() || !applies(*step, change, facts))
            continue;
        const auto record = change.steps.find(step->id);
        const auto state = record == change.steps.end() ? StepState::open : record->second.state;
        if (state == StepState::open ||
            (state == StepState::postponed && !may_postpone(*step, type_of(change))))
            reasons.push_back(
                {"run-exact", "steps." + step->id.value,
                 "a required step before the deployment is not complete: " + step->title,
                 std::string(to_text(state)),
                 "Complete it with complete_step --step " + step->id.value}
            );
    }
    return reasons;
}

} // namespace slipway::domain
