// SPDX-License-Identifier: Apache-2.0
// Gates of phase 2: ring-parity, ring-deployed, smoke-staging, backup-restorable,
// rollback-rehearsed, defects.
#include <algorithm>

#include "domain/change/production_hosts.hpp"
#include "domain/change/rehearsal_proof.hpp"
#include "domain/change/run_hosts.hpp"
#include "domain/change/run_steps.hpp"
#include "domain/change/run_times.hpp"
#include "domain/gates/gate.hpp"
#include "domain/gates/smoke.hpp"

namespace slipway::domain::gates {

namespace {

std::string short_hex(const Digest& digest) {
    return digest.hex().substr(0, 12);
}

// What was tried on one ring says nothing of another that was found to be like production. Runs and
// comparisons of old entries do not say what the ring held.
bool was_edited_since_compared(const Change& change, const Run& run) {
    return change.parity && change.parity->ring == run.ring && run.ring_contents != Digest{} &&
           change.parity->ring_contents != Digest{} &&
           change.parity->ring_contents != run.ring_contents;
}

// Refuses unless the last run of this purpose finished with exactly these bytes and every step did
// what it should. A run whose steps were skipped, or whose failures were accepted, has proven
// nothing.
bool look_at_run(
    const Change& change, RunPurpose purpose, const PinnedRunbook& runbook, Span valid_for,
    const Facts& facts, GateFindings& findings
) {
    const auto before = findings.reasons.size();
    const auto field = to_text(purpose);
    const auto again = purpose == RunPurpose::rehearsal ? how_to_rehearse(change, facts)
                                                        : how_to_run_again(change, purpose);
    const auto* run = last_run(change, purpose);
    if (run == nullptr) {
        findings.refuse(field, "it has not run", "no run", again);
        return false;
    }
    findings.looked_at(run->id.value, "run on " + run->ring, run->ended_at);
    warn_of_steps_left(*run, findings);
    if (run->runbook != runbook.digest)
        findings.refuse(
            field, "other bytes ran than those that are pinned",
            fmt::format("ran {}, pinned {}", short_hex(run->runbook), short_hex(runbook.digest)),
            again
        );
    else if (run->state != RunState::succeeded)
        findings.refuse(
            field, fmt::format("{} did not run to the end", run->id.value),
            std::string(to_text(run->state)), "Mend what failed. " + again
        );
    else if (run->ended_at && facts.now - *run->ended_at > valid_for)
        findings.refuse(
            field, "the run is older than " + to_text(valid_for), to_text(*run->ended_at), again
        );
    else if (run->ring != change.test_ring)
        findings.refuse(
            field, "it ran on another ring than the change names",
            fmt::format("ran on {}, the change names {}", run->ring, change.test_ring), again
        );
    else if (was_edited_since_compared(change, *run))
        findings.refuse(
            field, "the ring held something else when it was compared with production",
            fmt::format(
                "ran on {}, compared {}", short_hex(run->ring_contents),
                short_hex(change.parity->ring_contents)
            ),
            "Run compare_ring. " + again
        );
    else
        for (auto& step : steps_not_as_written(change, *run))
            findings.refuse(
                fmt::format("{}.{}", field, step.step), std::move(step.what),
                std::move(step.evidence), "Mend it. " + again
            );
    return findings.reasons.size() == before;
}

// Facts that were written into the ring's record by hand have one age for the whole ring.
void look_at_written_facts(
    const std::string& id, const RingRecord& ring, const Facts& facts, Time compared_at,
    GateFindings& findings
) {
    const auto longest = facts.policy->ring_facts_age_max;
    if (!ring.facts_at || facts.now - *ring.facts_at > longest)
        findings.refuse(
            "parity", fmt::format("the facts of {} are older than {}", id, to_text(longest)),
            ring.facts_at ? to_text(*ring.facts_at) : "nobody knows when they were gathered",
            "Gather the facts of " + id + " (ring gather), then run compare_ring again"
        );
    else if (*ring.facts_at > compared_at)
        findings.refuse(
            "parity", "the facts of " + id + " were gathered anew since", to_text(*ring.facts_at),
            "Run compare_ring again"
        );
}

void look_at_found_facts(
    const std::string& id, const RingHost& host, const Facts& facts, GateFindings& findings
) {
    const auto field = "parity." + host.host;
    const auto longest = facts.policy->ring_facts_age_max;
    const auto& found = *host.found;
    const std::string gather =
        "Gather the facts of " + id + " (ring gather), then run compare_ring again";
    findings.looked_at(
        "facts of " + host.host,
        found.script ? "gathered by " + short_hex(*found.script) : "imported by " + found.by.value,
        found.at
    );
    if (!found.fault.empty())
        findings.refuse(
            field, "the facts of this host of " + id + " could not be gathered", found.fault, gather
        );
    else if (facts.now - found.at > longest)
        findings.refuse(
            field,
            fmt::format("the facts of this host of {} are older than {}", id, to_text(longest)),
            to_text(found.at), gather
        );
}

// What was compared is what is known now, host by host, and nothing was found since.
void look_at_compared(
    const std::string& id, const RingRecord& ring, const Parity& parity, GateFindings& findings
) {
    for (const auto& host : ring.hosts) {
        if (!host.found || !host.found->fault.empty())
            continue;
        const auto same = [&](const ComparedHost& compared) {
            return compared.ring == id && compared.host == host.host &&
                   compared.transcript == host.found->transcript;
        };
        if (std::none_of(parity.compared.begin(), parity.compared.end(), same))
            findings.refuse(
                "parity." + host.host,
                "the facts of this host of " + id + " were gathered anew since",
                to_text(host.found->at), "Run compare_ring again"
            );
    }
}

// Facts that nobody gathered, or that are old, make no two rings alike.
void look_at_facts(
    const std::string& id, const RingRecord& ring, const Facts& facts, const Parity& parity,
    GateFindings& findings
) {
    bool written = ring.hosts.empty();
    for (const auto& host : ring.hosts) {
        written = written || !host.found || !host.facts.empty();
        if (host.found)
            look_at_found_facts(id, host, facts, findings);
        else if (host.facts.empty())
            findings.refuse(
                "parity." + host.host, "nothing is known of this host of " + id, "no facts",
                "Gather the facts of " + id + " (ring gather), then run compare_ring again"
            );
    }
    if (written)
        look_at_written_facts(id, ring, facts, parity.at, findings);
    look_at_compared(id, ring, parity, findings);
}

// Two scripts look for other things, or say the same in other words: what differs then may be the
// scripts and what agrees may not have been looked for.
void look_at_scripts(const Parity& parity, GateFindings& findings) {
    std::set<Digest> scripts;
    for (const auto& host : parity.compared)
        if (host.script)
            scripts.insert(*host.script);
    if (scripts.size() < 2)
        return;
    std::string named;
    for (const auto& script : scripts)
        named += (named.empty() ? "" : ", ") + short_hex(script);
    findings.refuse(
        "parity", "the facts were gathered by different scripts", named,
        "Gather the facts of both rings (ring gather), then run compare_ring again"
    );
}

void look_at_rings(
    const Change& change, const Facts& facts, const Parity& parity, GateFindings& findings
) {
    if (parity.ring != change.test_ring || parity.production != change.production_ring)
        findings.refuse(
            "parity", "other rings were compared than the change names",
            parity.ring + " with " + parity.production, "Run compare_ring again"
        );
    if (parity.ring == parity.production)
        findings.refuse(
            "test_ring", "a ring was compared with itself", parity.ring,
            "Name another test ring with assign"
        );
    const auto& rings = facts.records->rings;
    const auto production = rings.find(parity.production);
    if (production == rings.end() || production->second.kind != RingKind::production)
        findings.refuse(
            "production_ring", "what it is compared with is no production ring", parity.production,
            "Name the production ring with assign"
        );
    if (auto reason = test_ring_by_another_name(parity.ring, facts))
        findings.refuse(
            reason->field, std::move(reason->message), std::move(reason->evidence),
            std::move(reason->remedy)
        );
    for (const auto& id : {parity.ring, parity.production})
        if (const auto ring = rings.find(id); ring != rings.end())
            look_at_facts(id, ring->second, facts, parity, findings);
}

// The items of which a fresh backup is owed: the databases in scope, as the CMDB knows them. A
// scope that says it changes a database without naming one means all of it.
std::set<CiId> databases_of(const Change& change, const Records& records) {
    std::set<CiId> all;
    std::set<CiId> databases;
    for (const auto& scoped : change.scope ? change.scope->cis : std::vector<ScopedCi>{}) {
        all.insert(scoped.ci);
        const auto known = records.cis.find(scoped.ci);
        if (known != records.cis.end() && known->second.ci_class == CiClass::database)
            databases.insert(scoped.ci);
    }
    if (databases.empty() && change.scope && change.scope->database)
        return all;
    return databases;
}

std::string field_of(const BackupProof& proof) {
    return "backup." + proof.ci.value;
}

void look_at_last_success(const BackupProof& proof, const Facts& facts, GateFindings& findings) {
    const auto longest = facts.policy->backup_age_max;
    if (!proof.last_success || facts.now - *proof.last_success > longest)
        findings.refuse(
            field_of(proof), "the last successful backup is older than " + to_text(longest),
            proof.last_success ? to_text(*proof.last_success) : "never",
            "Take a backup and prove it again"
        );
    else if (*proof.last_success > facts.now)
        findings.refuse(
            field_of(proof), "the backup's time lies in the future: a clock is wrong",
            to_text(*proof.last_success), "Set the clocks right, then prove it again"
        );
}

// A job's success is no restore, and a restore whose content nobody looked at is no proof.
void look_at_restore(const BackupProof& proof, const Facts& facts, GateFindings& findings) {
    const auto field = field_of(proof);
    const auto longest = facts.policy->restore_proof_age_max;
    if (!proof.restored || !proof.restored_at)
        return findings.refuse(
            field, "the restore is not proven", "a job's success is not a restore",
            "Restore or mount the point and compare its content"
        );
    if (*proof.restored_at > facts.now)
        findings.refuse(
            field, "the restore lies in the future: a clock is wrong", to_text(*proof.restored_at),
            "Set the clocks right, then prove it again"
        );
    else if (facts.now - *proof.restored_at > longest)
        findings.refuse(
            field, "the restore proof is older than " + to_text(longest),
            to_text(*proof.restored_at), "Restore the latest point again"
        );
    else if (proof.last_success && *proof.restored_at < *proof.last_success)
        findings.refuse(
            field, "an older point was restored than the last backup that succeeded",
            fmt::format(
                "restored {}, last success {}", to_text(*proof.restored_at),
                to_text(*proof.last_success)
            ),
            "Restore the latest point and prove it again"
        );
    if (proof.content_digest.empty() || proof.content_digest == Digest{}.hex())
        findings.refuse(
            field, "nobody looked at what was restored", "no digest of the content",
            "Restore the point and record the digest of its content"
        );
    else if (proof.content_digest == sha256("").hex())
        findings.refuse(
            field, "nothing was restored", "the digest is that of no byte at all",
            "Look at what the backup saves, and prove it again"
        );
}

// People answer for what they record. Of what a connector restored nobody but the point itself says
// what it is: silence could be last year's point, another host's, or an empty one.
void look_at_what_the_point_says(const BackupProof& proof, GateFindings& findings) {
    const auto field = field_of(proof);
    const std::string tell = "Let the backup's connector tell, as its answer to prove, ";
    if (proof.restored_point.empty())
        findings.refuse(
            field, "nobody knows which point was restored", "no point in the connector's answer",
            tell + "the point that it restored (point)"
        );
    if (!proof.point_at)
        findings.refuse(
            field, "nobody knows of when the restored point is",
            "no point_at in the connector's answer", tell + "when the point was made (point_at)"
        );
    if (proof.point_ci.empty() && proof.point_host.empty())
        findings.refuse(
            field, "the point does not say what it is of", "neither an item nor a host",
            tell + "the host or the item of the point (host, ci)"
        );
    if (!proof.files || !proof.bytes)
        findings.refuse(
            field, "nobody knows how much was restored", "no files and bytes in the proof",
            "Run verify_backup; " + tell + "how much it restored (files, bytes)"
        );
    else if (*proof.files < 1 || *proof.bytes < 1)
        findings.refuse(
            field, "nothing was restored",
            fmt::format("{} bytes in {} files", *proof.bytes, *proof.files),
            "Look at what the backup saves; " + tell + "how much it restored (files, bytes)"
        );
}

// Whose point it is, and of when, as the point itself says.
void look_at_point(
    const BackupProof& proof, const std::string& host, const Facts& facts, GateFindings& findings
) {
    const auto field = field_of(proof);
    const std::string again = "Restore the latest point of " + proof.ci.value;
    if (proof.point.empty())
        findings.refuse(field, "no restore point is named", "no point", again);
    else if (!proof.restored_point.empty() && proof.restored_point != proof.point)
        findings.refuse(
            field, "another point was restored than the last one",
            fmt::format("last {}, restored {}", proof.point, proof.restored_point), again
        );
    if (!proof.point_ci.empty() && proof.point_ci != proof.ci)
        findings.refuse(
            field, "the point is of another configuration item", proof.point_ci.value, again
        );
    for (const auto& named : {proof.host, proof.point_host})
        if (!named.empty() && !host.empty() && named != host) {
            findings.refuse(
                field, "the backup is of another host",
                fmt::format("{} is on {}, the backup is of {}", proof.ci.value, host, named), again
            );
            break;
        }
    const auto longest = facts.policy->backup_age_max;
    if (proof.point_at && *proof.point_at > facts.now)
        findings.refuse(
            field, "the point's time lies in the future: a clock is wrong",
            to_text(*proof.point_at), "Set the clocks right, then prove it again"
        );
    else if (proof.point_at && facts.now - *proof.point_at > longest)
        findings.refuse(
            field, "the restored point is older than " + to_text(longest), to_text(*proof.point_at),
            again
        );
}

// What is asked of a proof, whoever tells it.
void look_at_proof(
    const BackupProof& proof, const ScopedCi& scoped, const Backup& backup, const Facts& facts,
    GateFindings& findings
) {
    findings.looked_at("restore point " + proof.point, proof.source, proof.last_success);
    look_at_last_success(proof, facts, findings);
    look_at_restore(proof, facts, findings);
    look_at_point(proof, host_of(scoped, *facts.records), facts, findings);
    if (proof.restored && &proof == seen_by_connector(backup, scoped.ci))
        look_at_what_the_point_says(proof, findings);
}

// It counts for items that no connector was asked for. Of the others the connector's own proof is
// judged, as if nobody had written anything.
void look_at_word_that_none_is_needed(
    const Change& change, const Backup& backup, const Facts& facts, GateFindings& findings
) {
    if (!databases_of(change, *facts.records).empty())
        return findings.refuse(
            "backup.verdict", "a database change always needs a backup",
            "not_applicable: " + backup.reason, "Take a backup and prove it"
        );
    findings.warn("no backup, because: " + backup.reason);
    for (const auto& scoped : change.scope ? change.scope->cis : std::vector<ScopedCi>{}) {
        const auto* seen = seen_by_connector(backup, scoped.ci);
        if (seen == nullptr)
            continue;
        findings.warn(fmt::format(
            "that none is needed does not count for {}: {} was asked for it and restored {}{}",
            scoped.ci.value, seen->source,
            seen->restored_point.empty() ? seen->point : seen->restored_point,
            seen->point_at ? " of " + to_text(*seen->point_at) : ""
        ));
        look_at_proof(*seen, scoped, backup, facts, findings);
    }
}

// What a connector was asked for, only a connector reports: that it restored nothing is not undone
// by what a person writes, neither by a proof nor by the word that none is needed. Gives whether it
// is so of an item.
bool look_at_what_connectors_saw(
    const Change& change, const Backup& backup, GateFindings& findings
) {
    bool failed = false;
    for (const auto& scoped : change.scope ? change.scope->cis : std::vector<ScopedCi>{}) {
        const auto* seen = seen_by_connector(backup, scoped.ci);
        if (seen == nullptr || seen->restored)
            continue;
        failed = true;
        findings.refuse(
            field_of(*seen), "its connector could not restore it, which no report by hand undoes",
            seen->source + ": " + (seen->detail.empty() ? "not restored" : seen->detail),
            "Mend the backup and run verify_backup again, or ask for a waiver (request_waiver)"
        );
    }
    return failed;
}

// The proof that counts of this item: its connector's, once that was asked. Nothing when there is
// none.
const BackupProof* proof_of(const Backup& backup, const CiId& ci, GateFindings& findings) {
    const auto recorded =
        std::find_if(backup.proofs.begin(), backup.proofs.end(), [&](const auto& known) {
            return known.ci == ci;
        });
    const auto* by_hand = recorded == backup.proofs.end() ? nullptr : &*recorded;
    const auto* seen = seen_by_connector(backup, ci);
    if (seen && by_hand && seen != by_hand)
        findings.warn(fmt::format(
            "what {} recorded of {} by hand does not count: {} was asked for it", backup.by.value,
            ci.value, seen->source
        ));
    return seen ? seen : by_hand;
}

// A file's time is that of its last copy: the point itself says how old it is.
std::optional<Time> made_at(const BackupProof& proof) {
    if (proof.last_success && proof.point_at)
        return std::min(*proof.last_success, *proof.point_at);
    return proof.last_success;
}

// Before its window; what was true when the deployment began stays on the record.
void look_at_freshness(
    const BackupProof& proof, const Change& change, const Facts& facts, GateFindings& findings
) {
    if (!change.window || deployment_begun(change))
        return;
    const Time from = change.window->start - facts.policy->fresh_backup_before_window;
    const auto made = made_at(proof);
    if (made && *made >= from)
        return;
    if (facts.now >= from)
        findings.refuse(
            field_of(proof), "a database change needs a fresh backup before the window",
            made ? "the last is of " + to_text(*made) : "never",
            "Take one after " + to_text(from) + " and prove it"
        );
    else
        findings.warn("a fresh backup of " + proof.ci.value + " is due after " + to_text(from));
}

} // namespace

void ring_parity(const Change& change, const Facts& facts, GateFindings& findings) {
    if (!change.parity)
        return findings.refuse(
            "parity", "the test ring has not been compared with production", "no comparison",
            "Run compare_ring"
        );
    const auto& parity = *change.parity;
    findings.looked_at("comparison", parity.ring + " with " + parity.production, parity.at);
    look_at_rings(change, facts, parity, findings);
    if (parity.facts_compared == 0)
        findings.refuse(
            "parity", "no fact was compared", "the rings hold no facts",
            "Gather the facts of both rings (ring gather), then run compare_ring again"
        );
    look_at_scripts(parity, findings);
    if (parity.unlisted)
        findings.refuse(
            "parity", "the rings differ in more than can be listed",
            fmt::format("{} differences more", *parity.unlisted),
            "Mend the ring; what is left is listed by the next compare_ring"
        );
    if (facts.now - parity.at > facts.policy->parity_valid_for)
        findings.refuse(
            "parity", "the comparison is older than " + to_text(facts.policy->parity_valid_for),
            to_text(parity.at), "Run compare_ring again"
        );
    for (const auto& divergence : parity.divergences)
        if (divergence.accepted_by.empty())
            findings.refuse(
                "parity." + divergence.id, "the test ring differs from production",
                fmt::format(
                    "{}: {} has {}, {} has {}", divergence.id, parity.ring,
                    divergence.ring_value.empty() ? "nothing" : divergence.ring_value,
                    parity.production,
                    divergence.production_value.empty() ? "nothing" : divergence.production_value
                ),
                "Mend the ring, or accept the difference with a reason (accept_divergence)"
            );
        else
            findings.warn(fmt::format(
                "{} accepted that {} differs: {}", divergence.accepted_by.value, divergence.id,
                divergence.accepted_because
            ));
}

void ring_deployed(const Change& change, const Facts& facts, GateFindings& findings) {
    const auto* runbook = runbook_of(change, RunbookPurpose::deployment);
    if (runbook == nullptr)
        return findings.refuse(
            "deployment_runbook", "no deployment runbook is pinned", "no file",
            "Pin the deployment runbook"
        );
    look_at_run(
        change, RunPurpose::ring_deploy, *runbook, facts.policy->ring_deploy_valid_for, facts,
        findings
    );
}

void smoke_staging(const Change& change, const Facts& facts, GateFindings& findings) {
    const auto* runbook = runbook_of(change, RunbookPurpose::deployment);
    look_at_smoke(change, SmokeOccasion::staging, runbook, facts, findings);
}

void backup_restorable(const Change& change, const Facts& facts, GateFindings& findings) {
    if (!change.backup)
        return findings.refuse(
            "backup", "no backup has been checked", "no record",
            "Run verify_backup, or record the proof with record_backup"
        );
    const auto& backup = *change.backup;
    findings.looked_at("backup", std::string(to_text(backup.verdict)), backup.at);
    if (look_at_what_connectors_saw(change, backup, findings))
        return;
    if (backup.verdict == BackupVerdict::not_verified)
        return findings.refuse(
            "backup.verdict", "the backup is not verified", backup.reason,
            "Restore the latest point and record the proof"
        );
    if (backup.verdict == BackupVerdict::not_applicable)
        return look_at_word_that_none_is_needed(change, backup, facts, findings);
    const auto databases = databases_of(change, *facts.records);
    for (const auto& scoped : change.scope ? change.scope->cis : std::vector<ScopedCi>{}) {
        const auto* proof = proof_of(backup, scoped.ci, findings);
        if (proof == nullptr) {
            findings.refuse(
                "backup." + scoped.ci.value, "no backup of " + scoped.ci.value + " is proven",
                "no proof", "Prove the backup of this configuration item"
            );
            continue;
        }
        look_at_proof(*proof, scoped, backup, facts, findings);
        if (databases.contains(scoped.ci))
            look_at_freshness(*proof, change, facts, findings);
    }
}

void rollback_rehearsed(const Change& change, const Facts& facts, GateFindings& findings) {
    const auto* runbook = runbook_of(change, RunbookPurpose::rollback);
    if (runbook == nullptr)
        return findings.refuse(
            "rollback_runbook", "no rollback runbook is pinned", "no file",
            "Pin the rollback runbook with pin_runbook --purpose rollback --file PATH"
        );
    if (!look_at_run(
            change, RunPurpose::rehearsal, *runbook, facts.policy->rehearsal_valid_for, facts,
            findings
        ))
        return;
    const auto* run = last_run(change, RunPurpose::rehearsal);
    findings.looked_at(
        "time of the rollback", fmt::format("{} took {}", run->id.value, spoken(time_taken(*run))),
        run->ended_at
    );
    for (auto& stale : staleness_of(change, *run, facts))
        findings.refuse(
            stale.field, std::move(stale.message), std::move(stale.evidence),
            std::move(stale.remedy)
        );
    const auto production = facts.records->rings.find(change.production_ring);
    if (production != facts.records->rings.end() && change.window)
        for (const auto& credential : production->second.credentials)
            if (credential.expires_at && *credential.expires_at < change.window->end)
                findings.refuse(
                    "credentials." + credential.name, "a credential ends before the window does",
                    "expires " + to_text(*credential.expires_at),
                    "Rotate it. " + how_to_run_again(change, RunPurpose::rehearsal)
                );
    look_at_smoke(change, SmokeOccasion::rehearsal, runbook, facts, findings);
}

void defects(const Change& change, const Facts& facts, GateFindings& findings) {
    for (const auto& defect : change.defects) {
        const auto& grave = facts.policy->defect_severities;
        const bool counts =
            std::find(grave.begin(), grave.end(), to_text(defect.severity)) != grave.end();
        if (defect.state == DefectState::open && counts)
            findings.refuse(
                "defects." + defect.id,
                fmt::format("{} defect is open: {}", to_text(defect.severity), defect.title),
                defect.link.empty() ? defect.id : defect.link,
                "Resolve it, or have its risk accepted with a reason (settle_defect)"
            );
        else if (defect.state == DefectState::accepted)
            findings.warn(fmt::format(
                "{} accepted the risk of {}: {}", defect.settled_by.value, defect.id,
                defect.settled_because
            ));
        else if (defect.state == DefectState::open)
            findings.warn(fmt::format("known issue {}: {}", defect.id, defect.title));
    }
}

} // namespace slipway::domain::gates
