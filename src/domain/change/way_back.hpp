// SPDX-License-Identifier: Apache-2.0
// After a failure: whether somebody goes back, and how one does. Whoever waits for that asks here,
// and every refusal names the same commands: those that are not refused in their turn.
#pragma once

#include <string>
#include <vector>

#include "domain/change/change.hpp"
#include "domain/change/facts.hpp"

namespace slipway::domain {

enum class WayBack {
    not_failed,
    open,      // nobody has gone back, and nobody has said that nobody will
    under_way, // a run on production has not ended, or a host has not gone back to its snapshot yet
    back,
    given_up // mended where it is: that was waived, or the checklist does not ask for going back
};
WayBack way_back_of(const Change& change, const Facts& facts);

// The run that takes production back now: the rollback to its end, also while it waits for
// somebody, and the undoing of a deployment while it does not wait. nullptr: there is none.
const Run* run_going_back(const Change& change);

// The record does not tell what runs on production now.
bool failed_and_not_back(const Change& change);

// The snapshots that lead back to before the deployment: of each host the newest one. A host that
// is back already goes back once more when it is named, or when all are back and do not work. Empty
// before the deployment began.
std::vector<Snapshot> snapshots_back(const Change& change, const std::string& host = {});

// The better way: with the runbook where one is pinned, else to the snapshots. Empty: neither is
// there. Refused while a run goes back already; the sentences below name that run instead.
std::string command_to_go_back(const Change& change);
// Refused where there is none (snapshots_back).
std::string command_to_snapshots(const Change& change);
// ", or go back: COMMAND", to stand behind what else can be done; empty where nothing leads back.
std::string or_go_back(const Change& change);
// All ways as a sentence without its full stop. Where there is none, what else is left. For a
// deployment that has begun.
std::string how_to_go_back(const Change& change);
// The same, and what else is left in any case.
std::string how_to_go_back_or_stay(const Change& change);
// The command that asks for somebody's word that nobody has to go back.
std::string waiver_of_going_back(const Change& change);

} // namespace slipway::domain
