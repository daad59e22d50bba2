// SPDX-License-Identifier: Apache-2.0
// What the outside world is asked to do, as the payload of a task: committed with the events that
// ask for it, carried out by the worker, answered by a command through the same door.
#pragma once

#include "domain/change/change.hpp"

namespace slipway::domain {

// kind "run": carries out the pinned runbook from the first step that is not done.
struct RunTask {
    ChangeId change;
    RunId run;
    Digest runbook;
    std::string ring;

    SLIPWAY_FIELDS {
        visit("change", self.change);
        visit("run", self.run);
        visit("runbook", self.runbook);
        visit("ring", self.ring);
    }
};

// kind "smoke": runs the smoke list of the runbook against the ring.
struct SmokeTask {
    ChangeId change;
    SmokeOccasion occasion{};
    std::string ring;
    Digest runbook;
    PersonId asked_by;
    RunId run = {}; // whose result is tested; empty where there is none, and in old tasks

    SLIPWAY_FIELDS {
        visit("change", self.change);
        visit("occasion", self.occasion);
        visit("ring", self.ring);
        visit("runbook", self.runbook);
        visit("asked_by", self.asked_by);
        visit("run", self.run);
    }
};

// kind "gather": gathers the facts of every host of a ring. It belongs to no change.
struct GatherTask {
    std::string ring;
    PersonId asked_by;

    SLIPWAY_FIELDS {
        visit("ring", self.ring);
        visit("asked_by", self.asked_by);
    }
};

// kind "preflight": looks whether all that both runbooks need is there; changes nothing.
struct PreflightTask {
    ChangeId change;
    std::string ring;
    Digest ring_contents;
    Digest deployment; // all zero: none is pinned
    Digest rollback;
    Time needed_until{}; // until when credentials must be good
    PersonId asked_by;

    SLIPWAY_FIELDS {
        visit("change", self.change);
        visit("ring", self.ring);
        visit("ring_contents", self.ring_contents);
        visit("deployment", self.deployment);
        visit("rollback", self.rollback);
        visit("needed_until", self.needed_until);
        visit("asked_by", self.asked_by);
    }
};

// kind "backup": checks and test-restores the backup of each item.
struct BackupTask {
    ChangeId change;
    std::string connector;
    std::vector<ScopedCi> cis;
    PersonId asked_by;
    std::map<CiId, std::string> connectors; // of items that have one of their own

    SLIPWAY_FIELDS {
        visit("change", self.change);
        visit("connector", self.connector);
        visit("cis", self.cis);
        visit("asked_by", self.asked_by);
        visit("connectors", self.connectors);
    }
};

// kinds "snapshot", "snapshot_look", "snapshot_revert" and "snapshot_remove".
struct SnapshotTask {
    ChangeId change;
    std::string connector;
    std::string host;
    std::string tag;
    Time expires_at{};
    std::string id;                    // of all but "snapshot"
    std::optional<Time> asked_at = {}; // of "snapshot_revert"; not in old tasks

    SLIPWAY_FIELDS {
        visit("change", self.change);
        visit("connector", self.connector);
        visit("host", self.host);
        visit("tag", self.tag);
        visit("expires_at", self.expires_at);
        visit("id", self.id);
        visit("asked_at", self.asked_at);
    }
};

// kind "notice": one channel of one notice.
struct NoticeTask {
    ChangeId change;
    std::string notice;
    std::string channel;

    SLIPWAY_FIELDS {
        visit("change", self.change);
        visit("notice", self.notice);
        visit("channel", self.channel);
    }
};

// kind "page": calls one person.
struct PageTask {
    ChangeId change;
    PersonId person;
    std::string connector;
    std::string subject;
    std::string body;
    bool reminder = false;            // a reminder needs no receipt on the record
    std::vector<PersonId> tried = {}; // whom the same call has not reached
    // The start of the window that a reminder is about, and of nothing else: once it was moved
    // there is nothing to be reminded of. Not in old tasks.
    std::optional<Time> window_start = {};
    // Somebody has to decide at once: who is next does not wait until the provider was tried to the
    // end. Not in old tasks.
    bool urgent = false;

    SLIPWAY_FIELDS {
        visit("change", self.change);
        visit("person", self.person);
        visit("connector", self.connector);
        visit("subject", self.subject);
        visit("body", self.body);
        visit("reminder", self.reminder);
        visit("tried", self.tried);
        visit("window_start", self.window_start);
        visit("urgent", self.urgent);
    }
};

} // namespace slipway::domain
