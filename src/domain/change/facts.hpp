// SPDX-License-Identifier: Apache-2.0
// What a decision may look at besides the change itself: gathered before, never fetched while
// deciding. The records are one immutable snapshot of the tenant's registers; the rest is what the
// one command needs.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "domain/change/change.hpp"
#include "domain/identity/roles.hpp"
#include "domain/policy/policy.hpp"
#include "domain/records/ring_comparison.hpp"
#include "domain/runbook/runbook.hpp"
#include "domain/workflow/workflow.hpp"

namespace slipway::domain {

// Another change whose window may stand in the way of this one.
struct OtherChange {
    ChangeId id;
    std::string title;
    Interval window;
    std::vector<CiId> cis;
};

// A step that an aborted run left behind: stopped or not, it may still be at work on its machine.
struct StepLeft {
    std::string step;
    // When its own time limit is over. Absent: nobody knows whether it has ended, since nobody saw
    // how, or told it within that limit.
    std::optional<Time> ends_by;
    Executor executor{}; // who tells its end
};

// A run of another change that has not ended, or that was aborted and left a step behind.
struct OtherRun {
    ChangeId change;
    RunId run;
    std::string ring;
    Time began{};
    PersonId owner;
    // As touched_on_production() tells it; looked at where a run on production begins alone.
    std::set<std::string> touches;
    std::optional<StepLeft> left = {};
};

// What the runs of all changes make of one ring.
struct RingUse {
    std::string ring;
    std::uint64_t turns = 0; // how many runs began on its machines so far
    std::vector<OtherRun> under_way;
};

// A task of this change that is neither done nor given up.
struct TaskInHand {
    TaskId id;
    std::string kind;
    std::string payload;    // JSON
    std::string last_error; // of the attempt before
};

// What a report of another tool says.
struct ToolReport {
    std::vector<SmokeResult> results;
    std::optional<Time> began; // the latest moment at which its first test can have begun
    bool zoned = true;         // false when it names no zone for that, and 14 hours were added
};

// A pinned runbook that the store does not hold as it was pinned, and so cannot run here.
struct AlteredRunbook {
    Digest pinned;
    std::string stored; // the digest of what it holds, or why there is none
};

struct Facts {
    Time now{};
    PersonId actor;
    std::vector<Role> roles;            // of the actor
    bool system = false;                // the worker acts
    const Policy* policy = nullptr;     // never null when a command is decided
    const Workflow* workflow = nullptr; // the version that the change started with
    // Steps whose `when` holds; types are looked at by the domain. Never null.
    std::shared_ptr<const std::set<StepId>> applicable;
    std::shared_ptr<const Records> records;
    // Overlapping the window, not over. Nothing: nobody looked, and then no window is free.
    std::optional<std::vector<OtherChange>> others;
    // Commands that begin a run or test a ring: that ring first, then those that share a machine
    // with it. Nothing: nobody looked, and then nothing is known of other changes there.
    std::vector<RingUse> ring_uses;
    std::vector<AlteredRunbook> altered_runbooks; // of commands that begin a run here
    std::optional<LintReport> runbook;            // pin_runbook: what the attached bytes are
    std::string runbook_bytes_name;
    bool attachment_known = true; // attach: the named digest is stored
    std::uint64_t attachment_size = 0;
    std::vector<Digest> unknown_transcripts; // report_run: named by a person, and not stored
    ToolReport junit;                        // record_smoke: read from JUnit XML
    FactsByDocument gathered;                // compare_ring: the facts of both rings' hosts
    std::vector<TaskInHand> tasks;           // of commands that ask for what is done once at a time

    bool has_role(Role role) const {
        return std::find(roles.begin(), roles.end(), role) != roles.end();
    }
};

// Whether the step belongs to this change's checklist now: its types and its `when`.
bool applies(const Step& step, const Change& change, const Facts& facts);
// Whether the checklist has a step of this kind for this change at all.
bool has_step(const Change& change, const Facts& facts, StepKind kind);

} // namespace slipway::domain
