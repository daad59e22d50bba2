// SPDX-License-Identifier: Apache-2.0
// Gates of phase 1: rfc-specific, impact-traced, rollback-runbook, classification, window.
#include <algorithm>
#include <cctype>
#include <set>
#include <string>

#include "base/ascii.hpp"
#include "domain/calendar/day_hours.hpp"
#include "domain/calendar/zone.hpp"
#include "domain/change/approved_ring.hpp"
#include "domain/change/duties.hpp"
#include "domain/change/impact.hpp"
#include "domain/gates/gate.hpp"

namespace slipway::domain::gates {

namespace {

constexpr std::size_t said_words_min = 2; // "x", "-" and "none" say nothing

// Different words: one that is said again says no more.
std::size_t count_words(std::string_view text) {
    std::set<std::string> words;
    std::string word;
    const auto end_word = [&] {
        if (!word.empty())
            words.insert(word);
        word.clear();
    };
    for (const char c : text) {
        if (std::isspace(static_cast<unsigned char>(c)) != 0)
            end_word();
        else
            word += ascii_lower(c);
    }
    end_word();
    return words.size();
}

bool is_blank(std::string_view text) {
    return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

// Whether the text names the thing as a word of its own: "1.5" is in "to v1.5." and not in "1.50".
bool names(const std::string& text, const std::string& thing) {
    const auto goes_on = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
    const auto in = ascii_lower(text);
    const auto word = ascii_lower(thing);
    if (is_blank(word))
        return false;
    for (auto at = in.find(word); at != std::string::npos; at = in.find(word, at + 1)) {
        const auto end = at + word.size();
        const char before = at == 0 ? ' ' : in[at - 1];
        const char after = end < in.size() ? in[end] : ' ';
        const bool longer = after == '.' && end + 1 < in.size() && goes_on(in[end + 1]);
        if ((!goes_on(before) || before == 'v') && before != '.' && !goes_on(after) && !longer)
            return true;
    }
    return false;
}

// A summary says which item of the scope changes, by its id, name or host, and to which version.
bool names_an_item(const Scope& scope, const Records& records) {
    return std::any_of(scope.cis.begin(), scope.cis.end(), [&](const ScopedCi& scoped) {
        if (!names(scope.summary, scoped.version_to))
            return false;
        if (names(scope.summary, scoped.ci.value) || names(scope.summary, scoped.host))
            return true;
        const auto known = records.cis.find(scoped.ci);
        return known != records.cis.end() && (names(scope.summary, known->second.name) ||
                                              names(scope.summary, known->second.host));
    });
}

void look_at_summary(
    const Scope& scope, const Policy& policy, const Records& records, GateFindings& findings
) {
    const auto words = count_words(scope.summary);
    const std::string example =
        "for example: \"harbor-site 1.4 -> 1.5 on web-1: the feed gains a berth field\"";
    for (const auto& phrase : policy.vague_phrases)
        if (ascii_lower(scope.summary).find(ascii_lower(phrase)) != std::string::npos &&
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
    else if (!names_an_item(scope, records))
        findings.refuse(
            "scope.summary", "names no item of the scope with the version that it gets",
            scope.summary, "Name an item or its host, and the version it changes to; " + example
        );
}

struct WordsRefused {
    const char* missing;
    const char* empty; // words that say nothing
    const char* remedy;
};

void look_at_words(
    std::string_view field, const std::string& text, const WordsRefused& refused,
    GateFindings& findings
) {
    if (is_blank(text))
        findings.refuse(field, refused.missing, "empty", refused.remedy);
    else if (count_words(text) < said_words_min)
        findings.refuse(field, refused.empty, text, refused.remedy);
}

void look_at_item(
    const ScopedCi& scoped, const Records& records, GateFindings& findings, std::string field
) {
    if (is_blank(scoped.version_to))
        findings.refuse(
            field + ".version_to", fmt::format("{} has no version to change to", scoped.ci.value),
            "empty", "Name the version, for example: 1.5"
        );
    // A rollback goes back to it, and the CMDB is compared with it then.
    if (is_blank(scoped.version_from))
        findings.refuse(
            field + ".version_from",
            fmt::format("{} has no version to change from", scoped.ci.value),
            "neither the scope nor the CMDB names one",
            "Name the version it has now, for example: 1.4; \"none\" for what is new"
        );
    else if (scoped.version_from == scoped.version_to)
        findings.refuse(
            field + ".version_to",
            fmt::format("{} stays at {}", scoped.ci.value, scoped.version_to),
            "version_from equals version_to", "Name the version that it changes to"
        );
    const auto known = records.cis.find(scoped.ci);
    if (is_blank(scoped.host) && (known == records.cis.end() || known->second.host.empty()))
        findings.refuse(
            field + ".host", fmt::format("{} has no host", scoped.ci.value),
            "neither the scope nor the CMDB names one", "Name the host, for example: web-1"
        );
}

std::string in_zone(Time time, const std::string& zone) {
    return to_spoken_text(time, zone);
}

void look_at_friday(const ChangeWindow& agreed, const Policy& policy, GateFindings& findings) {
    const auto friday =
        touches_friday_evening({agreed.start, agreed.end}, agreed.zone, policy.friday_evening_from);
    if (!friday)
        return findings.refuse(
            "window.zone", "nobody can tell whether it is a Friday evening", friday.error().message,
            "Mend friday_evening_from of the policy or the window's zone"
        );
    if (!*friday)
        return;
    if (agreed.reason.empty())
        findings.refuse(
            "window.reason", "a window that reaches into a Friday evening needs a reason",
            fmt::format(
                "{} to {}; the evening begins at {}", in_zone(agreed.start, agreed.zone),
                in_zone(agreed.end, agreed.zone), policy.friday_evening_from
            ),
            "Choose another evening, or give the reason with schedule --reason"
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
            "no pinned rollback runbook",
            "Pin the rollback runbook, which states its time limit, with pin_runbook --purpose "
            "rollback --file PATH"
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
        return findings.refuse(
            "roster", "nobody knows the daylight of the team that would roll back",
            change.roster.empty() ? "no roster" : "no roster " + change.roster,
            "Name the on-call roster of the change with assign"
        );
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

// A catalogue entry takes the place of the board's decision, so its names are held to what holds
// for votes.
void look_at_pre_approval(
    const Change& change, const Facts& facts, const CatalogueRecord& entry, GateFindings& findings
) {
    std::set<PersonId> standing;
    std::string against;
    for (const auto& person : entry.approved_by) {
        if (person == change.implementer)
            findings.warn(
                person.value + " stands behind the catalogue entry and cannot carry it out: name "
                               "another implementer with assign"
            );
        auto why = conflict_of_duty(change, facts, person);
        if (why.empty() &&
            !grants(facts.records->people.at(person).roles, Permission::change_approve))
            why = "has no role that approves";
        if (why.empty())
            standing.insert(person);
        else
            against += fmt::format("; {}: {}", person.value, why);
    }
    const auto needed = facts.policy->standard_approvals;
    if (standing.size() < needed)
        findings.refuse(
            "classification.catalogue_entry",
            fmt::format("the catalogue entry needs the approval of {} people", needed),
            fmt::format("{} may approve this change{}", standing.size(), against),
            "Have others put the entry with their own names in approved_by, or classify it with "
            "classify --type normal"
        );
}

// Whoever authorises an emergency is one of those who decide on emergencies, and not on his own.
void look_at_authoriser(const Change& change, const Facts& facts, GateFindings& findings) {
    const auto& person = change.classification->authoriser;
    const auto& boards = facts.records->boards;
    const bool named = std::any_of(boards.begin(), boards.end(), [&](const auto& board) {
        return board.second.emergency && is_member(board.second, person);
    });
    auto why = named ? conflict_of_duty(change, facts, person) : "is not a member of the ECAB";
    if (!why.empty())
        findings.refuse(
            "classification.authoriser", person.value + " cannot authorise this emergency", why,
            "Name a member of the ECAB who neither asks for the change nor carries it out, with "
            "classify --authoriser"
        );
}

void look_at_catalogue_entry(const Change& change, const Facts& facts, GateFindings& findings) {
    const auto& named = change.classification->catalogue_entry;
    const auto found = facts.records->catalogue.find(named);
    const std::string to_normal =
        "Classify it with classify --type normal, or have the entry approved";
    if (found == facts.records->catalogue.end())
        return findings.refuse(
            "classification.catalogue_entry", "standard needs a pre-approved catalogue entry",
            named.empty() ? "none is named" : "no entry " + named,
            "Name one of those that slipway catalogue_entry list shows, with classify --type "
            "standard --catalogue_entry ID; or classify it with classify --type normal"
        );
    const auto& entry = found->second;
    findings.looked_at("catalogue entry", found->first, entry.expires_at);
    look_at_pre_approval(change, facts, entry, findings);
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
    const auto* runbook = runbook_of(change, RunbookPurpose::deployment);
    if (runbook == nullptr || runbook->digest != entry.deployment_runbook)
        findings.refuse(
            "deployment_runbook", "the deployment runbook is not the one that was pre-approved",
            runbook ? "pinned " + runbook->digest.hex() : "none is pinned",
            "Pin the runbook with pin_runbook, SHA-256 " + entry.deployment_runbook.hex()
        );
    const auto* back = runbook_of(change, RunbookPurpose::rollback);
    // Nobody but those who put the entry has seen what would run on the way back.
    if (!entry.rollback_runbook && (back || has_step(change, facts, StepKind::runbook)))
        findings.refuse(
            "classification.catalogue_entry", "the catalogue entry names no rollback runbook",
            "its rollback_runbook is empty",
            "Have the entry approved anew with the SHA-256 of the way back in rollback_runbook, or "
            "classify it with classify --type normal"
        );
    else if (entry.rollback_runbook && (back == nullptr || back->digest != *entry.rollback_runbook))
        findings.refuse(
            "rollback_runbook", "the rollback runbook is not the one that was pre-approved",
            back ? "pinned " + back->digest.hex() : "none is pinned",
            "Pin the runbook with pin_runbook, SHA-256 " + entry.rollback_runbook->hex()
        );
    if (auto reason = ring_not_pre_approved(change, facts))
        findings.reasons.push_back(*std::move(reason));
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
    look_at_summary(scope, *facts.policy, *facts.records, findings);
    look_at_words(
        "scope.business_driver", scope.business_driver,
        {"the business driver is missing", "the business driver says nothing",
         "Say why it is wanted, for example: \"the port authority needs berth numbers by May\""},
        findings
    );
    look_at_words(
        "scope.customer_impact", scope.customer_impact,
        {"what customers or users will see is missing",
         "what customers or users will see is not said",
         "Say it, or say that nothing changes for them and why, for example: \"the feed shows "
         "the berth; pages look the same\""},
        findings
    );
    if (scope.cis.empty())
        findings.refuse(
            "scope.cis", "no configuration item is named", "empty",
            "Name each item with its version from and to, for example: harbor-site 1.4 -> 1.5"
        );
    for (std::size_t i = 0; i < scope.cis.size(); ++i)
        look_at_item(scope.cis[i], *facts.records, findings, fmt::format("scope.cis[{}]", i));
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
    const auto window = window_of(change);
    if (impact.cmdb_version != records.cmdb_version || impact.window != window) {
        const auto again = trace_impact(records, cis, *facts.policy, facts.now, window);
        const auto differs = again ? difference(impact, *again) : again.error().message;
        if (!differs.empty())
            return findings.refuse(
                "impact", "the trace would now find something else: " + differs,
                fmt::format(
                    "traced on version {} of the CMDB, now {}", impact.cmdb_version,
                    records.cmdb_version
                ),
                "Run trace_impact again, and have the owners acknowledge what is new"
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
            *now_known->second.verified_at <= facts.now &&
            facts.now - *now_known->second.verified_at <= facts.policy->ci_stale_after;
        if (!verified)
            findings.refuse(
                "impact." + hit.ci.value,
                fmt::format(
                    "the record of {} is stale: not verified within the last {}", hit.ci.value,
                    to_text(facts.policy->ci_stale_after)
                ),
                now_known != records.cis.end() && now_known->second.verified_at
                    ? "verified " + to_text(*now_known->second.verified_at)
                    : "never verified",
                "Verify the record against reality and set verified_at"
            );
        // Engineers write the CMDB: he may have made himself its owner for this change.
        const auto answered = impact.acknowledged.find(hit.ci);
        if (answered != impact.acknowledged.end() && answered->second.by == change.requester)
            findings.warn(fmt::format(
                "{} asks for the change and answers for {} too, as its owner",
                answered->second.by.value, hit.ci.value
            ));
        if (hit.needs_acknowledgement && answered == impact.acknowledged.end())
            findings.refuse(
                "impact." + hit.ci.value,
                fmt::format("nobody answers for the impacted {} {}", hit.ci_class, hit.ci.value),
                hit.next_run ? "next run " + to_text(*hit.next_run) : "no acknowledgement",
                fmt::format(
                    "Its owner{} acknowledges it with acknowledge_impact --ci {}",
                    hit.owner.empty() ? "" : " " + hit.owner.value, hit.ci.value
                )
            );
        if (hit.next_run)
            findings.warn(fmt::format("{} runs at {}", hit.ci.value, to_text(*hit.next_run)));
    }
}

void rollback_runbook(const Change& change, const Facts& facts, GateFindings& findings) {
    const auto* runbook = runbook_of(change, RunbookPurpose::rollback);
    if (runbook == nullptr)
        return findings.refuse(
            "rollback_runbook", "no rollback runbook is pinned", "no file",
            "Attach it and pin it: a runbook with steps, a decision point with a named engineer "
            "and "
            "an abort criterion, and a time limit"
        );
    findings.looked_at("rollback runbook", runbook->digest.hex(), runbook->pinned_at);
    std::map<std::string, std::string> named; // person, and where he is named
    named.emplace(runbook->backup_engineer, "backup_engineer");
    named.emplace(runbook->engineer, "engineer");
    for (const auto& step : runbook->steps)
        if (step.kind == "decision")
            named.emplace(step.owner, step.name);
    for (const auto& [person, where] : named) {
        const auto record = facts.records->people.find(PersonId(person));
        if (!person.empty() && (record == facts.records->people.end() || record->second.inactive))
            findings.refuse(
                "rollback_runbook." + where, person + " is nobody who could be called",
                "not an active person of the tenant",
                "Name a person by the id that he signs in with, and pin the runbook again"
            );
    }
}

void classification(const Change& change, const Facts& facts, GateFindings& findings) {
    if (!change.classification)
        return findings.refuse(
            "classification", "the change has no type", "not classified",
            "Classify it with classify --type normal, or as standard or emergency"
        );
    const auto& chosen = *change.classification;
    if (chosen.overridden)
        findings.warn(fmt::format(
            "{} chose {} where the rules proposed {}: {}", chosen.by.value, to_text(chosen.type),
            to_text(chosen.proposed), chosen.reason
        ));
    // What becomes of a board or an entry after that is about other changes; who carried this one
    // out is asked by run-exact.
    if (deployment_begun(change))
        return;
    if (chosen.type == ChangeType::emergency && chosen.incident.empty() &&
        chosen.authoriser.empty())
        findings.refuse(
            "classification.incident", "an emergency needs an incident or a named authoriser",
            "neither is given",
            "Name the incident with classify --type emergency --incident ID --reason TEXT, or who "
            "authorised it with classify --type emergency --authoriser PERSON --reason TEXT"
        );
    if (chosen.type == ChangeType::emergency && !chosen.authoriser.empty())
        look_at_authoriser(change, facts, findings);
    if (chosen.type == ChangeType::standard && board_decides_on_all(*facts.workflow))
        findings.refuse(
            "classification.type", "the board decides on every change of this checklist",
            fmt::format("cab_decision in {}", facts.workflow->name),
            "Classify it with classify --type normal; or have the checklist say that its decision "
            "is not for standard changes (types)"
        );
    if (chosen.type == ChangeType::standard)
        look_at_catalogue_entry(change, facts, findings);
}

void window(const Change& change, const Facts& facts, GateFindings& findings) {
    if (!change.window)
        return findings.refuse(
            "window", "no maintenance window is scheduled", "no window",
            "Schedule start, end and time zone with schedule"
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
    const auto touched = touched_items(change);
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
                    "Choose a time outside it; slipway change windows shows the best free ones"
                );
            else
                findings.warn(said + ": " + hit.reason);
        }
    if (!facts.others)
        findings.refuse(
            "window", "other changes were not looked at", "none was gathered for this command",
            "Ask with slipway change gates, and report a fault of the server"
        );
    else
        for (const auto& other : *facts.others)
            findings.refuse(
                "window.start", fmt::format("overlaps {} ({})", other.id.value, other.title),
                fmt::format(
                    "its window is {} to {}", in_zone(other.window.start, agreed.zone),
                    in_zone(other.window.end, agreed.zone)
                ),
                "Choose a time when the shared items are free; slipway change windows shows the "
                "best ones"
            );
    look_at_friday(agreed, *facts.policy, findings);
    look_at_rollback_room(change, facts, agreed, findings);
}

} // namespace slipway::domain::gates
