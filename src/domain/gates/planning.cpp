// SPDX-License-Identifier: Apache-2.0
// Gates of phase 1: rfc-specific, impact-traced, rollback-runbook, classification, window.
#include <algorithm>
#include <cctype>

#include "domain/calendar/day_hours.hpp"
#include "domain/calendar/zone.hpp"
#include "domain/change/impact.hpp"
#include "domain/gates/gate.hpp"

namespace slipway::domain::gates {

namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) {
        return static_cast<char>(std::tolower(c));
    });
    return out;
}

std::size_t count_words(std::string_view text) {
    std::size_t words = 0;
    bool inside = false;
    for (const char c : text) {
        const bool space = std::isspace(static_cast<unsigned char>(c)) != 0;
        words += !space && !inside ? 1 : 0;
        inside = !space;
    }
    return words;
}

void look_at_summary(const Scope& scope, const Policy& policy, GateFindings& findings) {
    const auto words = count_words(scope.summary);
    const std::string example =
        "for example: \"harbor-site 1.4 -> 1.5 on web-1: the feed gains a berth field\"";
    for (const auto& phrase : policy.vague_phrases)
        if (lower(scope.summary).find(lower(phrase)) != std::string::npos &&
            words < 2 * policy.summary_words_min) {
            findings.refuse(
                "scope.summary", fmt::format("is vague: it says \"{}\"", phrase), scope.summary,
                "Name the product, the version from and to, the host and what changes; " + example
            );
            return;
        }
    if (words < policy.summary_words_min)
        findings.refuse(
            "scope.summary",
            fmt::format(
                "has {} words; at least {} are needed to say what changes", words,
                policy.summary_words_min
            ),
            scope.summary, "Say what is changed, from which version to which, and where; " + example
        );
}

std::string in_zone(Time time, const std::string& zone) {
    return to_spoken_text(time, zone);
}

void look_at_friday(const ChangeWindow& agreed, const Policy& policy, GateFindings& findings) {
    const auto friday =
        touches_friday_evening({agreed.start, agreed.end}, agreed.zone, policy.friday_evening_from);
    if (!friday || !*friday)
        return;
    if (agreed.reason.empty())
        findings.refuse(
            "window.reason", "a window on a Friday evening needs a reason",
            in_zone(agreed.start, agreed.zone),
            "Choose another evening, or give the reason when scheduling the window"
        );
    else
        findings.warn("Friday evening, because: " + agreed.reason);
}

void look_at_rollback_room(
    const Change& change, const Facts& facts, const ChangeWindow& agreed, GateFindings& findings
) {
    const auto* back = runbook_of(change, RunbookPurpose::rollback);
    if (back == nullptr && !has_step(change, facts, StepKind::runbook))
        return; // a checklist without runbooks has no rollback to make room for
    if (back == nullptr)
        return findings.refuse(
            "rollback_runbook", "the rollback's duration is unknown: no rollback runbook is pinned",
            "no pinned rollback runbook", "Pin the rollback runbook, which states its time limit"
        );
    const auto* forth = runbook_of(change, RunbookPurpose::deployment);
    const auto deploy = forth ? duration_of(*forth) : Span::zero();
    const auto rollback_takes = duration_of(*back);
    const auto reserve = facts.policy->smoke_reserve;
    const auto needed = deploy + reserve + rollback_takes + reserve;
    const auto length = agreed.end - agreed.start;
    const auto evidence = fmt::format(
        "window {}, deployment {}, rollback {}, smoke tests 2 x {}", to_text(Span(length)),
        to_text(deploy), to_text(rollback_takes), to_text(reserve)
    );
    if (length < needed)
        findings.refuse(
            "window.end", "the window has no room for the rollback before it ends", evidence,
            fmt::format("Make the window at least {} long", to_text(Span(needed)))
        );
    const auto roster = facts.records->rosters.find(change.roster);
    if (roster == facts.records->rosters.end())
        return;
    findings.looked_at("day hours", "roster " + change.roster);
    const Interval rollback{agreed.end - rollback_takes - reserve, agreed.end};
    const auto inside = within_day_hours(rollback, roster->second.day_hours);
    if (!inside || !*inside)
        findings.refuse(
            "window.end", "the rollback would fall outside the on-call team's daylight",
            fmt::format(
                "rollback {} to {}; daylight {}-{} {}", in_zone(rollback.start, agreed.zone),
                in_zone(rollback.end, agreed.zone), roster->second.day_hours.from,
                roster->second.day_hours.to, roster->second.day_hours.zone
            ),
            "Move the window so that its end lies in the team's day, or ask for a waiver"
        );
}

} // namespace

void rfc_specific(const Change& change, const Facts& facts, GateFindings& findings) {
    if (!change.scope)
        return findings.refuse(
            "scope", "the scope has not been described", "no scope",
            "Describe the scope: summary, business driver, configuration items with versions, and "
            "what customers will see"
        );
    const auto& scope = *change.scope;
    findings.looked_at("scope", "the change", change.updated_at);
    look_at_summary(scope, *facts.policy, findings);
    if (scope.business_driver.empty())
        findings.refuse(
            "scope.business_driver", "the business driver is missing", "empty",
            "Say why it is wanted, for example: \"the port authority needs berth numbers by May\""
        );
    if (scope.customer_impact.empty())
        findings.refuse(
            "scope.customer_impact", "what customers or users will see is missing", "empty",
            "Say it, or say that nothing changes for them and why, for example: \"the feed shows "
            "the berth; pages look the same\""
        );
    if (scope.cis.empty())
        findings.refuse(
            "scope.cis", "no configuration item is named", "empty",
            "Name each item with its version from and to, for example: harbor-site 1.4 -> 1.5"
        );
    for (std::size_t i = 0; i < scope.cis.size(); ++i) {
        const auto& scoped = scope.cis[i];
        const auto field = fmt::format("scope.cis[{}]", i);
        if (scoped.version_to.empty())
            findings.refuse(
                field + ".version_to",
                fmt::format("{} has no version to change to", scoped.ci.value), "empty",
                "Name the version, for example: 1.5"
            );
        if (!scoped.version_to.empty() && scoped.version_from == scoped.version_to)
            findings.refuse(
                field + ".version_to",
                fmt::format("{} stays at {}", scoped.ci.value, scoped.version_to),
                "version_from equals version_to", "Name the version that it changes to"
            );
        const auto known = facts.records->cis.find(scoped.ci);
        if (scoped.host.empty() &&
            (known == facts.records->cis.end() || known->second.host.empty()))
            findings.refuse(
                field + ".host", fmt::format("{} has no host", scoped.ci.value),
                "neither the scope nor the CMDB names one", "Name the host, for example: web-1"
            );
    }
}

void impact_traced(const Change& change, const Facts& facts, GateFindings& findings) {
    const auto& records = *facts.records;
    if (!change.impact)
        return findings.refuse(
            "impact", "the impact has not been traced", "no trace", "Run trace_impact"
        );
    const auto& impact = *change.impact;
    findings.looked_at(
        "trace", fmt::format("CMDB version {}", impact.cmdb_version), impact.traced_at
    );
    findings.looked_at("CMDB", fmt::format("version {}", records.cmdb_version), facts.now);
    const auto cis = change.scope ? change.scope->cis : std::vector<ScopedCi>{};
    if (impact.traced_scope != digest_of_cis(cis))
        return findings.refuse(
            "impact", "the scope names other items than those that were traced",
            "traced at " + to_text(impact.traced_at), "Run trace_impact again"
        );
    if (impact.cmdb_version != records.cmdb_version) {
        const auto again = trace_impact(records, cis, *facts.policy, facts.now, {});
        const auto items = [](const Impact& trace) {
            std::set<CiId> ids;
            for (const auto& hit : trace.hits)
                ids.insert(hit.ci);
            return ids;
        };
        if (!again || items(*again) != items(impact))
            return findings.refuse(
                "impact", "the trace is older than the CMDB: it would now find other items",
                fmt::format(
                    "traced on version {}, now {}", impact.cmdb_version, records.cmdb_version
                ),
                "Run trace_impact again"
            );
    }
    for (const auto& ci : impact.unknown)
        findings.refuse(
            "impact.unknown", ci.value + " is not in the CMDB", "no record",
            "Add the configuration item, then run trace_impact again"
        );
    for (const auto& hit : impact.hits) {
        const auto now_known = records.cis.find(hit.ci);
        const bool verified =
            now_known != records.cis.end() && now_known->second.verified_at &&
            facts.now - *now_known->second.verified_at <= facts.policy->ci_stale_after;
        if (!verified)
            findings.refuse(
                "impact." + hit.ci.value,
                fmt::format(
                    "the record of {} is stale: not verified for {}", hit.ci.value,
                    to_text(facts.policy->ci_stale_after)
                ),
                now_known != records.cis.end() && now_known->second.verified_at
                    ? "verified " + to_text(*now_known->second.verified_at)
                    : "never verified",
                "Verify the record against reality and set verified_at"
            );
        if (hit.needs_acknowledgement && !impact.acknowledged.contains(hit.ci))
            findings.refuse(
                "impact." + hit.ci.value,
                fmt::format("nobody answers for the impacted {} {}", hit.ci_class, hit.ci.value),
                hit.next_run ? "next run " + to_text(*hit.next_run) : "no acknowledgement",
                fmt::format(
                    "Its owner{} acknowledges it with acknowledge_impact",
                    hit.owner.empty() ? "" : " " + hit.owner.value
                )
            );
        if (hit.next_run)
            findings.warn(fmt::format("{} runs at {}", hit.ci.value, to_text(*hit.next_run)));
    }
}

void rollback_runbook(const Change& change, const Facts&, GateFindings& findings) {
    const auto* runbook = runbook_of(change, RunbookPurpose::rollback);
    if (runbook == nullptr)
        return findings.refuse(
            "rollback_runbook", "no rollback runbook is pinned", "no file",
            "Attach it and pin it: a runbook with steps, a decision point with a named engineer "
            "and "
            "an abort criterion, and a time limit"
        );
    findings.looked_at("rollback runbook", runbook->digest.hex(), runbook->pinned_at);
}

void classification(const Change& change, const Facts& facts, GateFindings& findings) {
    if (!change.classification)
        return findings.refuse(
            "classification", "the change has no type", "not classified",
            "Classify it as standard, normal or emergency"
        );
    const auto& chosen = *change.classification;
    if (chosen.overridden)
        findings.warn(fmt::format(
            "{} chose {} where the rules proposed {}: {}", chosen.by.value, to_text(chosen.type),
            to_text(chosen.proposed), chosen.reason
        ));
    if (chosen.type == ChangeType::emergency && chosen.incident.empty() &&
        chosen.authoriser.empty())
        findings.refuse(
            "classification.incident", "an emergency needs an incident or a named authoriser",
            "neither is given", "Name the incident, or the person who authorised it"
        );
    if (chosen.type != ChangeType::standard)
        return;
    const auto found = facts.records->catalogue.find(chosen.catalogue_entry);
    const std::string to_normal = "Classify it as normal, or have the entry approved";
    if (found == facts.records->catalogue.end())
        return findings.refuse(
            "classification.catalogue_entry", "standard needs a pre-approved catalogue entry",
            chosen.catalogue_entry.empty() ? "none is named" : "no entry " + chosen.catalogue_entry,
            to_normal
        );
    const auto& entry = found->second;
    findings.looked_at("catalogue entry", found->first, entry.expires_at);
    if (entry.expires_at <= facts.now)
        findings.refuse(
            "classification.catalogue_entry", "the catalogue entry has expired",
            "expired " + to_text(entry.expires_at), to_normal
        );
    if (!entry.suspended_because.empty())
        findings.refuse(
            "classification.catalogue_entry", "the catalogue entry is suspended",
            entry.suspended_because, to_normal
        );
    const auto failures =
        std::count(entry.last_trials.begin(), entry.last_trials.end(), Trial::failed);
    if (failures > facts.policy->standard_failures_max)
        findings.refuse(
            "classification.catalogue_entry",
            fmt::format(
                "the entry failed {} times in its last {} runs, the limit is {}", failures,
                entry.last_trials.size(), facts.policy->standard_failures_max
            ),
            "its record", to_normal
        );
    const auto* runbook = runbook_of(change, RunbookPurpose::deployment);
    if (runbook == nullptr || runbook->digest != entry.deployment_runbook)
        findings.refuse(
            "deployment_runbook", "the deployment runbook is not the one that was pre-approved",
            runbook ? "pinned " + runbook->digest.hex() : "none is pinned",
            "Pin the runbook with SHA-256 " + entry.deployment_runbook.hex()
        );
    const auto* back = runbook_of(change, RunbookPurpose::rollback);
    if (entry.rollback_runbook && (back == nullptr || back->digest != *entry.rollback_runbook))
        findings.refuse(
            "rollback_runbook", "the rollback runbook is not the one that was pre-approved",
            back ? "pinned " + back->digest.hex() : "none is pinned",
            "Pin the runbook with SHA-256 " + entry.rollback_runbook->hex()
        );
    for (const auto& scoped : change.scope ? change.scope->cis : std::vector<ScopedCi>{}) {
        const auto ci = facts.records->cis.find(scoped.ci);
        if (ci == facts.records->cis.end() ||
            std::find(entry.ci_classes.begin(), entry.ci_classes.end(), ci->second.ci_class) ==
                entry.ci_classes.end())
            findings.refuse(
                "scope.cis", scoped.ci.value + " is not of a class that the entry is for",
                ci == facts.records->cis.end() ? "not in the CMDB"
                                               : std::string(to_text(ci->second.ci_class)),
                to_normal
            );
    }
}

void window(const Change& change, const Facts& facts, GateFindings& findings) {
    if (!change.window)
        return findings.refuse(
            "window", "no maintenance window is scheduled", "no window",
            "Schedule start, end and time zone"
        );
    const auto& agreed = *change.window;
    const Interval interval{agreed.start, agreed.end};
    findings.looked_at(
        "calendar", fmt::format("records version {}", facts.records->version), facts.now
    );
    if (agreed.end <= facts.now && !deployment_begun(change))
        findings.refuse(
            "window.end", "the window lies in the past", to_text(agreed.end),
            "Schedule a window that is still to come"
        );
    if (agreed.end - agreed.start > facts.policy->window_max)
        findings.refuse(
            "window.end", "the window is longer than " + to_text(facts.policy->window_max),
            to_text(Span(agreed.end - agreed.start)), "Schedule a shorter window"
        );
    std::vector<std::string> touched;
    for (const auto& scoped : change.scope ? change.scope->cis : std::vector<ScopedCi>{})
        touched.push_back(scoped.ci.value);
    if (change.impact)
        for (const auto& hit : change.impact->hits)
            if (hit.direction == TraceDirection::downstream)
                touched.push_back(hit.ci.value);
    const auto hits = blackout_hits(facts.records->blackouts, interval, {touched, touched});
    if (!hits)
        findings.refuse(
            "window", "the calendar cannot be evaluated", hits.error().message,
            "Mend the blackout's rule"
        );
    else
        for (const auto& hit : *hits) {
            const auto said = fmt::format(
                "inside {} ({} to {})", hit.name, in_zone(hit.occurrence.start, agreed.zone),
                in_zone(hit.occurrence.end, agreed.zone)
            );
            if (hit.kind == BlackoutKind::hard)
                findings.refuse(
                    "window.start", said, "blackout " + hit.blackout + ": " + hit.reason,
                    "Choose a time outside it; propose_windows shows the best free ones"
                );
            else
                findings.warn(said + ": " + hit.reason);
        }
    for (const auto& other : facts.others)
        findings.refuse(
            "window.start", fmt::format("overlaps {} ({})", other.id.value, other.title),
            fmt::format(
                "its window is {} to {}", in_zone(other.window.start, agreed.zone),
                in_zone(other.window.end, agreed.zone)
            ),
            "Choose a time when the shared items are free; propose_windows shows the best ones"
        );
    look_at_friday(agreed, *facts.policy, findings);
    look_at_rollback_room(change, facts, agreed, findings);
}

} // namespace slipway::domain::gates
