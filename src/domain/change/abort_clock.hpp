// SPDX-License-Identifier: Apache-2.0
// The clock of a deployment day. Going back takes its time, so it must begin before the window
// ends: abort-by is the end of the window less the rollback and its smoke test, as they were
// rehearsed, and less the policy's margin. Whoever has not finished by then extends the window or
// rolls back. It follows from the record, the policy and the time: where production takes longer
// than the test ring did, abort-by moves ahead and the expected end moves back, and they do so
// while the step that is late still runs. What a person takes to confirm, decide or do by hand
// makes the end later, but says nothing of how slow the machines are that a rollback has to wait
// for.
#pragma once

#include <functional>

#include "domain/change/facts.hpp"

namespace slipway::domain {

struct AbortClock {
    RunId run; // the deployment that is under way; empty before it began
    Time abort_by{};
    Time window_end{};
    Span rollback{}; // what going back is reckoned to take ...
    Span smoke{};    // ... and its smoke test
    Span margin{};
    bool rehearsed = false; // the rollback was measured; otherwise its runbook's limits are taken
    // The rest is known while a deployment is under way. The expected end includes its smoke test.
    std::optional<Time> expected_end;
    // What is under way must have ended by then; otherwise the rest does not end before abort-by.
    std::optional<Time> point_of_no_return;
    // How much longer the steps took so far than on the test ring, what is in hand among them.
    std::optional<Span> slipped;
    std::vector<std::string> evidence; // what each figure rests on, in words

    SLIPWAY_FIELDS {
        visit("run", self.run);
        visit("abort_by", self.abort_by);
        visit("window_end", self.window_end);
        visit("rollback", self.rollback);
        visit("smoke", self.smoke);
        visit("margin", self.margin);
        visit("rehearsed", self.rehearsed);
        visit("expected_end", self.expected_end);
        visit("point_of_no_return", self.point_of_no_return);
        visit("slipped", self.slipped);
        visit("evidence", self.evidence);
    }
};

// The deployment that runs, waits, or has ended and is not yet tested: until then it may have to be
// rolled back. nullptr: there is none, it turns round already, or its failure is on the record.
const Run* deployment_under_way(const Change& change, const Facts& facts);

// Absent without a window or a rollback runbook, and once nothing can be aborted any more.
std::optional<AbortClock> abort_clock(const Change& change, const Facts& facts);

// When a mark of the clock (abort-by, or something before it) will have been reached if nothing is
// reported until then, to the second. Where that depends on a step that is not late yet, it is when
// that one will be: then ask again. Only where there is a clock now.
Time reached_at(
    const Change& change, const Facts& facts, const std::function<Time(const AbortClock&)>& mark
);

// Why the run must not begin a further step now: a deployment whose window is over, or that is past
// abort-by. A way back, of which undoing it is one, and a run on the test ring are never too late.
std::optional<Reason> too_late(const Change& change, const Run& run, const Facts& facts);

} // namespace slipway::domain
