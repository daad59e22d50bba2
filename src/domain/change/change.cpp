// SPDX-License-Identifier: Apache-2.0
#include "domain/change/change.hpp"

#include <algorithm>

#include "domain/change/production_hosts.hpp"
#include "domain/change/reverts.hpp"
#include "domain/runbook/parallel.hpp"

namespace slipway::domain {

namespace {

// When the last of the production hosts was back on its snapshot; nothing while one of them is not,
// also one of which there is no snapshot.
std::optional<Time> last_host_back_at(const Change& change) {
    const auto* deployed = last_run(change, RunPurpose::deployment);
    if (deployed == nullptr || change.failed_because.empty())
        return std::nullopt;
    auto hosts = hosts_on_record(change);
    for (const auto& snapshot : change.snapshots)
        if (snapshot.taken_at && *snapshot.taken_at <= deployed->started_at)
            hosts.insert(snapshot.host);
    std::optional<Time> last;
    for (const auto& host : hosts) {
        const auto* snapshot = went_back_to(change, host);
        if (snapshot == nullptr)
            return std::nullopt;
        last = std::max(last, snapshot->reverted_at);
    }
    return last;
}

} // namespace

ChangeType type_of(const Change& change) {
    return change.classification ? change.classification->type : ChangeType::unclassified;
}

const PinnedRunbook* runbook_of(const Change& change, RunbookPurpose purpose) {
    const auto found = change.runbooks.find(std::string(to_text(purpose)));
    return found == change.runbooks.end() ? nullptr : &found->second;
}

Span duration_of(const PinnedRunbook& runbook) {
    return std::max(runbook.time_limit, time_allowed(runbook.steps));
}

bool is_active(const Run& run) {
    return run.state == RunState::running || run.state == RunState::waiting;
}

const Run* find_run(const Change& change, const RunId& id) {
    for (const auto& run : change.runs)
        if (run.id == id)
            return &run;
    return nullptr;
}

const Run* last_run(const Change& change, RunPurpose purpose) {
    for (auto run = change.runs.rbegin(); run != change.runs.rend(); ++run)
        if (run->purpose == purpose)
            return &*run;
    return nullptr;
}

const SmokeReport* last_smoke(const Change& change, SmokeOccasion occasion) {
    for (auto report = change.smoke_reports.rbegin(); report != change.smoke_reports.rend();
         ++report)
        if (report->occasion == occasion)
            return &*report;
    return nullptr;
}

const BackupProof* seen_by_connector(const Backup& backup, const CiId& ci) {
    const auto is_of = [&](const BackupProof& proof) { return proof.ci == ci; };
    if (backup.tested)
        if (const auto own = std::find_if(backup.proofs.begin(), backup.proofs.end(), is_of);
            own != backup.proofs.end())
            return &*own;
    const auto seen = std::find_if(backup.seen.begin(), backup.seen.end(), is_of);
    return seen == backup.seen.end() ? nullptr : &*seen;
}

RunPurpose run_tested_on(SmokeOccasion occasion) {
    switch (occasion) {
    case SmokeOccasion::staging:
        return RunPurpose::ring_deploy;
    case SmokeOccasion::rehearsal:
        return RunPurpose::rehearsal;
    case SmokeOccasion::production:
        return RunPurpose::deployment;
    case SmokeOccasion::rollback:
        break;
    }
    return RunPurpose::rollback;
}

bool is_there(const Snapshot& snapshot) {
    return snapshot.state == SnapshotState::taken || snapshot.state == SnapshotState::reverted;
}

bool is_automatic(const Snapshot& snapshot) {
    return !snapshot.id.empty() && !snapshot.connector.empty() && snapshot.connector != "external";
}

std::optional<Time> rolled_back_at(const Change& change) {
    const auto* back = last_run(change, RunPurpose::rollback);
    // What is about to touch the hosts decides where they will be, wherever they are back now.
    if ((back != nullptr && is_active(*back)) || !hosts_going_back(change).empty())
        return std::nullopt;
    if (back == nullptr || back->state != RunState::succeeded)
        return last_host_back_at(change);
    // A host that went on to its snapshot since is not where the runbook had left it.
    auto last = back->ended_at;
    for (const auto& snapshot : change.snapshots)
        if (snapshot.reverted_at && *snapshot.reverted_at >= back->started_at)
            last = std::max(last, snapshot.reverted_at);
    return last;
}

bool deployment_begun(const Change& change) {
    return last_run(change, RunPurpose::deployment) != nullptr;
}

bool is_over(const Change& change) {
    return change.closure.has_value();
}

const Owed* retrospective_review(const Change& change) {
    for (const auto& owed : change.owed)
        if (owed.kind == OwedKind::retrospective_review)
            return &owed;
    return nullptr;
}

bool fell_away(const Change& change, const StepId& step) {
    return std::any_of(change.owed.begin(), change.owed.end(), [&](const Owed& owed) {
        return owed.id == step.value && owed.fell_away;
    });
}

bool is_approving(const Vote& vote) {
    return vote.choice == VoteChoice::approve || vote.choice == VoteChoice::approve_with_conditions;
}

bool is_approving(const CabDecision& decision) {
    return decision.outcome == CabOutcome::approved ||
           decision.outcome == CabOutcome::approved_with_conditions;
}

bool is_granted(const Waiver& waiver, Time now) {
    return waiver.state == WaiverState::granted && now < waiver.expires_at;
}

Scope without_ticket(Scope scope) {
    scope.external_ticket.clear();
    return scope;
}

bool is_stabilising(const Change& change) {
    return change.stabilisation && !change.stabilisation->broken_off;
}

bool on_production(RunPurpose purpose) {
    return purpose == RunPurpose::deployment || purpose == RunPurpose::rollback;
}

Time window_end(const Change& change) {
    return change.extensions.empty() ? change.window->end : change.extensions.back().until;
}

std::vector<Deviation> deviations_on_production(const Change& change) {
    std::vector<Deviation> deviations;
    for (const auto& deviation : change.deviations)
        if (const auto* run = find_run(change, deviation.run); run && on_production(run->purpose))
            deviations.push_back(deviation);
    return deviations;
}

std::set<std::string> announced_channels(const Change& change) {
    std::set<std::string> channels;
    for (const auto& notice : change.notices)
        if (notice.kind == NoticeKind::maintenance)
            for (const auto& delivery : notice.deliveries)
                channels.insert(delivery.channel);
    return channels;
}

namespace {

bool is_empty_form(const Json& values) {
    return !values.is_object() || values.get_object().empty();
}

// Who sends the same answers in another order has edited nothing.
std::string in_order(const Json& values) {
    std::map<std::string, Json> members;
    for (const auto& member : values.get_object())
        members.emplace(member.key(), member.value());
    return encode(members);
}

} // namespace

std::map<std::string, Digest> section_digests(const Change& change) {
    std::map<std::string, Digest> digests;
    const auto put = [&](Section section, const Digest& digest) {
        digests.emplace(to_text(section), digest);
    };
    if (change.scope)
        // Where it is changed belongs to what is changed: another ring is another approval.
        put(Section::scope, sha256(encode(without_ticket(*change.scope)) + change.production_ring));
    if (const auto* runbook = runbook_of(change, RunbookPurpose::deployment)) {
        put(Section::deployment_runbook, runbook->digest);
        put(Section::smoke_list, runbook->smoke_digest);
    }
    if (const auto* runbook = runbook_of(change, RunbookPurpose::rollback))
        put(Section::rollback_runbook, runbook->digest);
    if (change.window)
        put(Section::window,
            sha256(to_text(change.window->start) + ' ' + to_text(change.window->end)));
    if (change.ring_contents != Digest{})
        put(Section::ring, change.ring_contents);
    // Who approves goes without what is put off until afterwards. A step stays named here when it
    // is done early after all: that takes nothing from what was approved.
    std::set<std::string> postponed;
    for (const auto& owed : change.owed)
        if (owed.kind == OwedKind::step)
            postponed.insert(owed.id);
    if (!postponed.empty())
        put(Section::postponed_steps, sha256(encode(postponed)));
    // The form of a step that was put off is filled in afterwards, so nobody approves it.
    std::string forms;
    for (const auto& [id, record] : change.steps)
        if (record.read_by_board && !is_empty_form(record.values) && !postponed.contains(id.value))
            forms += fmt::format("{}\n{}\n", id.value, in_order(record.values));
    if (!forms.empty())
        put(Section::forms, sha256(forms));
    return digests;
}

std::map<std::string, Digest> sections_to_read(const Change& change) {
    auto sections = section_digests(change);
    sections.erase(std::string(to_text(Section::window)));
    return sections;
}

std::string edited_since_submission(const Change& change) {
    if (!change.queue || change.queue->sections.empty())
        return {};
    const auto& before = change.queue->sections;
    const auto now = sections_to_read(change);
    std::string edited;
    for (const auto name : enum_names(Section{})) {
        const auto was = before.find(std::string(name));
        const auto is = now.find(std::string(name));
        const bool same = (was == before.end()) == (is == now.end()) &&
                          (was == before.end() || was->second == is->second);
        if (!same)
            edited += fmt::format("{}{}", edited.empty() ? "" : ", ", name);
    }
    return edited;
}

Digest digest_of_sections(const std::map<std::string, Digest>& sections) {
    return sha256(encode(sections));
}

bool has_voted(const Change& change, const PersonId& person) {
    return change.decision && std::any_of(
                                  change.decision->votes.begin(), change.decision->votes.end(),
                                  [&](const Vote& vote) { return vote.person == person; }
                              );
}

bool is_approved(const Change& change) {
    return change.decision && is_approving(*change.decision) &&
           change.decision->sections == section_digests(change);
}

bool is_of_its_board(const Change& change, const CabDecision& decision) {
    return decision.emergency == (type_of(change) == ChangeType::emergency);
}

} // namespace slipway::domain
