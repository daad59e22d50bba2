// SPDX-License-Identifier: Apache-2.0
// The deployment day in the record of a change: snapshots, decisions on runs, the clock, and how
// long runs took beside their rehearsals. Include domain/change/change.hpp, which includes this
// file.
#pragma once

#include "domain/change/change.hpp"

namespace slipway::domain {

// --- 4 deployment ------------------------------------------------------------------------------

SLIPWAY_ENUM(SnapshotState, requested, taken, failed, reverted, removed)

// Somebody let a snapshot live on.
struct SnapshotExtension {
    Time until{};
    std::string reason;
    PersonId by;
    Time at{};

    SLIPWAY_FIELDS {
        visit("until", self.until);
        visit("reason", self.reason);
        visit("by", self.by);
        visit("at", self.at);
    }
};

struct Snapshot {
    std::string id; // the provider's id
    std::string host;
    std::string connector;
    std::string tag; // the change's number
    SnapshotState state{};
    std::optional<Time> taken_at;
    Time expires_at{};
    std::uint64_t size_bytes = 0;
    bool read_back = false;
    std::string detail;
    std::optional<std::uint64_t> first_size_bytes; // when it was taken: what it grew by since
    std::optional<Time> measured_at;               // when the provider was last asked for its size
    std::optional<Time> reminded_for;              // of which deadline its owner was reminded
    std::optional<Time> removal_asked_at;
    std::optional<Time> removal_failed_at;
    std::optional<std::uint32_t> removals_failed;
    std::optional<Time> revert_asked_at;
    std::optional<Time> reverted_at;
    std::vector<SnapshotExtension> extensions;

    SLIPWAY_FIELDS {
        visit("id", self.id);
        visit("host", self.host);
        visit("connector", self.connector);
        visit("tag", self.tag);
        visit("state", self.state);
        visit("taken_at", self.taken_at);
        visit("expires_at", self.expires_at);
        visit("size_bytes", self.size_bytes);
        visit("read_back", self.read_back);
        visit("detail", self.detail);
        visit("first_size_bytes", self.first_size_bytes);
        visit("measured_at", self.measured_at);
        visit("reminded_for", self.reminded_for);
        visit("removal_asked_at", self.removal_asked_at);
        visit("removal_failed_at", self.removal_failed_at);
        visit("removals_failed", self.removals_failed);
        visit("revert_asked_at", self.revert_asked_at);
        visit("reverted_at", self.reverted_at);
        visit("extensions", self.extensions);
    }
};

// Taken and not removed: it is at its provider and takes room there.
bool is_there(const Snapshot& snapshot);
// A connector made it and removes it; people see to those that they took.
bool is_automatic(const Snapshot& snapshot);

// Something that did not go as the runbook says, and what the owner decided.
struct Deviation {
    RunId run;
    std::string step;
    std::string what;
    DeviationChoice choice{}; // in older entries more time stands as resume
    std::string reason;
    PersonId by;
    Time at{};
    PersonId second = {}; // who decided the same, of a two-person step

    SLIPWAY_FIELDS {
        visit("run", self.run);
        visit("step", self.step);
        visit("what", self.what);
        visit("choice", self.choice);
        visit("reason", self.reason);
        visit("by", self.by);
        visit("at", self.at);
        visit("second", self.second);
    }
};

// More time for a deployment that is under way. The window stays what was approved.
struct Extension {
    Time from{}; // the end until then
    Time until{};
    std::string reason;
    PersonId by;
    Time at{};

    SLIPWAY_FIELDS {
        visit("from", self.from);
        visit("until", self.until);
        visit("reason", self.reason);
        visit("by", self.by);
        visit("at", self.at);
    }
};

// Who was called about the time by which a deployment is to turn round.
struct AbortAlarm {
    Time at{};                     // while there was time
    std::optional<Time> passed_at; // when there was none left

    SLIPWAY_FIELDS {
        visit("at", self.at);
        visit("passed_at", self.passed_at);
    }
};

// How long a step took on production, beside how long it took when it was rehearsed.
struct StepComparison {
    std::string step;
    std::optional<Span> rehearsed; // absent: it was not done there
    std::optional<Span> live;

    SLIPWAY_FIELDS {
        visit("step", self.step);
        visit("rehearsed", self.rehearsed);
        visit("live", self.live);
    }
};

struct RunComparison {
    RunId run;
    RunPurpose purpose{};
    RunId rehearsal; // the run of the same bytes on the test ring
    std::string ring;
    Span rehearsed{};
    Span live{};
    std::vector<StepComparison> steps;

    SLIPWAY_FIELDS {
        visit("run", self.run);
        visit("purpose", self.purpose);
        visit("rehearsal", self.rehearsal);
        visit("ring", self.ring);
        visit("rehearsed", self.rehearsed);
        visit("live", self.live);
        visit("steps", self.steps);
    }
};

} // namespace slipway::domain
