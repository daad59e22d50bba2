// SPDX-License-Identifier: Apache-2.0
#include "domain/change/duties.hpp"

#include <algorithm>

#include <fmt/ranges.h>

namespace slipway::domain {

namespace {

// The part of somebody who wrote the RFC or a piece of it; empty: he did not.
std::string part_in_writing(const Change& change, const PersonId& person) {
    if (change.described_by.contains(person))
        return "who described the scope";
    for (const auto& [purpose, runbook] : change.runbooks)
        if (person == runbook.author)
            return "the author of the " + purpose + " runbook";
    // Pinning a colleague's bytes again does not make them somebody else's.
    for (const auto& attachment : change.attachments)
        for (const auto& [purpose, runbook] : change.runbooks)
            if (person == attachment.by && attachment.digest == runbook.digest)
                return "who brought the " + purpose + " runbook";
    return {};
}

// It may have let the change come as far as it is: also when it has ended, or was revoked once the
// deployment had begun.
bool has_counted(const Waiver& waiver, const Change& change) {
    if (waiver.state != WaiverState::revoked)
        return waiver.state == WaiverState::granted;
    return std::any_of(change.runs.begin(), change.runs.end(), [&](const Run& run) {
        return run.purpose == RunPurpose::deployment && waiver.revoked_at &&
               run.started_at <= *waiver.revoked_at;
    });
}

// What he answers for: his vote, his word in an emergency, his name behind a catalogue entry.
std::optional<PartInApproval>
part_in_deciding(const Change& change, const Facts& facts, const PersonId& person) {
    const auto is_his = [&](const Vote& vote) { return vote.person == person; };
    if (std::any_of(change.votes.begin(), change.votes.end(), is_his))
        return PartInApproval{"voted on it", "a vote that waits for the decision"};
    if (change.decision && is_approving(*change.decision) && has_voted(change, person))
        return PartInApproval{"voted on it", "decision of " + to_text(change.decision->at)};
    // An edit takes the approval away, and not that he gave it.
    const auto& past = change.past_approvals;
    if (past && past->voters.contains(person))
        return PartInApproval{"voted on it", "an approval that does not stand any more"};
    if (type_of(change) == ChangeType::emergency && person == change.classification->authoriser)
        return PartInApproval{
            "authorised the emergency", "classified at " + to_text(change.classification->at)};
    if (past && past->authorisers.contains(person))
        return PartInApproval{
            "authorised the emergency", "a classification that does not stand any more"};
    if (type_of(change) != ChangeType::standard)
        return {};
    const auto& id = change.classification->catalogue_entry;
    const auto entry = facts.records->catalogue.find(id);
    if (entry == facts.records->catalogue.end())
        return {};
    const auto& names = entry->second.approved_by;
    if (std::find(names.begin(), names.end(), person) == names.end())
        return {};
    return PartInApproval{"pre-approved the catalogue entry " + id, "its approved_by"};
}

std::optional<PartInApproval> part_in_helping(const Change& change, const PersonId& person) {
    if (change.decision && is_approving(*change.decision) && person == change.decision->recorded_by)
        return PartInApproval{
            "recorded its approval", "decision of " + to_text(change.decision->at), true};
    if (change.past_approvals && change.past_approvals->recorders.contains(person))
        return PartInApproval{
            "recorded its approval", "an approval that does not stand any more", true};
    for (const auto& waiver : change.waivers)
        if (person == waiver.granted_by && has_counted(waiver, change))
            return PartInApproval{"waived " + waiver.gate, waiver.id, true};
    return {};
}

} // namespace

bool owns_run(const Change& change, const Facts& facts) {
    return facts.actor == change.change_owner || facts.actor == change.rollback_owner ||
           facts.actor == change.rollback_backup || facts.has_role(Role::change_manager);
}

std::string who_owns_runs(const Change& change) {
    std::vector<std::string> names;
    for (const auto& person : {change.change_owner, change.rollback_owner, change.rollback_backup})
        if (!person.empty() && std::find(names.begin(), names.end(), person.value) == names.end())
            names.push_back(person.value);
    return fmt::format("{}{}a change manager", fmt::join(names, ", "), names.empty() ? "" : " or ");
}

std::set<PersonId> who_carried_out(const Run& run) {
    std::set<PersonId> people{run.started_by};
    for (const auto* steps : {&run.steps, &run.undo})
        for (const auto& step : *steps) {
            people.insert({step.confirmed_by, step.seconded_by});
            people.insert(step.reported_by.begin(), step.reported_by.end());
        }
    people.erase(PersonId{});
    return people;
}

std::string conflict_of_duty(const Change& change, const Facts& facts, const PersonId& person) {
    if (person == change.requester)
        return "the requester never approves his own change";
    if (person == change.implementer)
        return "the implementer never approves what he will carry out";
    if (const auto part = part_in_writing(change, person); !part.empty())
        return part + " never approves it";
    for (const auto& run : change.runs)
        if (run.purpose == RunPurpose::deployment && who_carried_out(run).contains(person))
            return "who carried out the deployment never approves it";
    const auto record = facts.records->people.find(person);
    if (record == facts.records->people.end() || record->second.inactive)
        return "this person is not an active person of the tenant";
    const auto& roles = record->second.roles;
    if (std::find(roles.begin(), roles.end(), Role::administrator) != roles.end())
        return "an administrator never approves";
    return {};
}

std::optional<PartInApproval>
part_in_approval(const Change& change, const Facts& facts, const PersonId& person) {
    if (facts.system && person == facts.actor)
        return {}; // it approves nothing, whoever had its id once
    auto part = part_in_deciding(change, facts, person);
    return part ? part : part_in_helping(change, person);
}

bool reviews_emergencies(const std::vector<Role>& roles) {
    return std::any_of(roles.begin(), roles.end(), [](Role role) {
        return role == Role::cab_chair || role == Role::cab_member || role == Role::change_manager;
    });
}

std::string how_to_review(const Change& change, const Facts& facts) {
    constexpr std::size_t named_max = 3;
    std::vector<std::string_view> names;
    for (const auto& [id, person] : facts.records->people)
        if (names.size() < named_max && reviews_emergencies(person.roles) &&
            !part_in_approval(change, facts, id) && conflict_of_duty(change, facts, id).empty())
            names.emplace_back(id.value);
    if (!names.empty())
        return fmt::format(
            "{} can review it: settle_owed --id retrospective_review --note TEXT",
            fmt::join(names, " or ")
        );
    return "Everybody of the CAB had a part in it. Ask an administrator to make somebody who had "
           "none a member: slipway person edit PERSON --roles cab_member; he settles it with "
           "settle_owed --id retrospective_review --note TEXT";
}

bool may_waive(const Facts& facts) {
    return std::any_of(
        facts.policy->waiver_roles.begin(), facts.policy->waiver_roles.end(),
        [&](Role role) { return facts.has_role(role); }
    );
}

std::string why_not_counted(
    const Change& change, const Facts& facts, const BoardRecord* board, const PersonId& voter
) {
    if (auto why = conflict_of_duty(change, facts, voter); !why.empty())
        return why;
    if (board == nullptr)
        return "the board is gone";
    if (!is_member(*board, voter))
        return "who is not on the board does not vote";
    if (!grants(facts.records->people.at(voter).roles, Permission::change_approve))
        return "none of his roles votes any more";
    return {};
}

std::optional<Reason>
composed_by_its_own(const Change& change, const Facts& facts, const std::string& board) {
    const auto writer = facts.records->board_writes.find(board);
    if (writer == facts.records->board_writes.end())
        return {};
    const auto& person = writer->second.by;
    const auto part = person == change.requester      ? "its requester"
                      : person == change.change_owner ? "its owner"
                      : person == change.implementer  ? "its implementer"
                                                      : part_in_writing(change, person);
    if (part.empty())
        return {};
    return Reason{
        "cab-decision", "board", "nobody composes the board that decides on his own change",
        fmt::format("{}, {}, was the last to write the board {}", person.value, part, board),
        "Have a change manager or a chair who has no part in the change write the board's record "
        "(board put), or take another board"};
}

std::uint32_t quorum_of(const BoardRecord* board, const Policy& policy, bool emergency) {
    const auto usual = emergency ? policy.emergency_quorum : policy.quorum;
    return board ? std::max(board->quorum, usual) : usual;
}

} // namespace slipway::domain
