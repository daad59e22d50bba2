// SPDX-License-Identifier: Apache-2.0
// Separation of duties: who must not approve this change, whatever his roles, and who decides what
// becomes of it on production. Controls: SOX ITGC, SOC 2 CC8.1, NIST 800-53 AC-5.
#pragma once

#include "domain/change/facts.hpp"

namespace slipway::domain {

// Who started the run, or put his name to a step of it or of taking it back: confirmed it, or told
// how it went where others than our own runner carry it out.
std::set<PersonId> who_carried_out(const Run& run);

// Why this person may not approve the change: requester, who described its scope, author of a
// pinned runbook, implementer, who carried the deployment out, administrator, inactive or unknown.
// Empty: he may.
std::string conflict_of_duty(const Change& change, const Facts& facts, const PersonId& person);

// What somebody had to do with the approval of the change. Whoever had anything to do with it does
// not carry the deployment out.
struct PartInApproval {
    std::string what; // "voted on it"
    std::string evidence;
    bool helped = false; // he recorded the decision or waived a gate, and decided nothing else
};

// He voted, recorded the decision or authorised the emergency, also where another decision or
// classification took its place since, granted a waiver, or stands behind the catalogue entry of a
// standard change.
std::optional<PartInApproval>
part_in_approval(const Change& change, const Facts& facts, const PersonId& person);

// Whether somebody with these roles reviews an emergency afterwards, if he had no part in it.
bool reviews_emergencies(const std::vector<Role>& roles);
// Who can review this one; when nobody of the tenant can, how somebody comes to be able to.
std::string how_to_review(const Change& change, const Facts& facts);

// Has a role that waives gates and extends windows.
bool may_waive(const Facts& facts);

// Why his vote does not count now, whatever it was when he gave it: he may not approve the change,
// is not on the board, or has no role any more that votes. `board` is null when its record is gone.
// Empty: it counts.
std::string why_not_counted(
    const Change& change, const Facts& facts, const BoardRecord* board, const PersonId& voter
);

// Why the board does not decide on the change at all: who asked for it, owns it, wrote it or
// carries it out was the last to write the board's record, and so chose his judges.
std::optional<Reason>
composed_by_its_own(const Change& change, const Facts& facts, const std::string& board);

// Going on, going back and what becomes of a way back is decided by the owner of the change, of the
// rollback decision or his backup, or by a change manager.
bool owns_run(const Change& change, const Facts& facts);
// Who that is, in words: "otto, pia, sven or a change manager".
std::string who_owns_runs(const Change& change);

// Approving votes that are needed; `board` may be null. A board's record only raises the policy's.
std::uint32_t quorum_of(const BoardRecord* board, const Policy& policy, bool emergency);

} // namespace slipway::domain
