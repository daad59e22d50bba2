// SPDX-License-Identifier: Apache-2.0
// What a smoke test is about: the last run of its occasion, on the ring where that run went, from
// the moment on when it had ended. A report speaks for it only if it looked at that run, at that
// ring and not earlier, whoever reports: what was seen before a deployment says nothing of it.
#pragma once

#include "domain/change/change.hpp"

namespace slipway::domain {

struct SmokeSubject {
    RunId run;        // empty: no runbook ran, the hosts went back to their snapshots
    const Run* where; // the run whose ring is looked at
    std::optional<Time>
        since; // when there was something to look at; absent until the run has ended
};

// Nothing when there was no such run. It points into the change.
std::optional<SmokeSubject> smoke_subject(const Change& change, SmokeOccasion occasion);

// Whether another run has taken the place of the one that was to be tested. What names no run is
// judged by its time alone.
bool is_superseded(const Change& change, SmokeOccasion occasion, const RunId& run);

// Why a report says nothing of the subject.
struct SmokeMismatch {
    std::string message;
    std::string evidence;
    std::string remedy = "Run the list again";
};

std::optional<SmokeMismatch> mismatch_of(const Change& change, const SmokeReport& report);

// A check failed, an agent is silent or an alert is new.
bool found_fault(const SmokeReport& report);

} // namespace slipway::domain
