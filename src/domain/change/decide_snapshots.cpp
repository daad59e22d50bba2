// SPDX-License-Identifier: Apache-2.0
// Commands about snapshots of production: the way back of last resort, and what becomes of it.
#include <algorithm>

#include "domain/change/approved_ring.hpp"
#include "domain/change/decide.hpp"
#include "domain/change/duties.hpp"
#include "domain/change/paging.hpp"
#include "domain/change/production_hosts.hpp"
#include "domain/change/reverts.hpp"
#include "domain/change/run_progress.hpp"
#include "domain/change/tasks.hpp"
#include "domain/change/way_back.hpp"

namespace slipway::domain::decide {

namespace {

// Who reports that one was taken answers what was asked for; every other report is about the
// snapshot that it names, and without a name about the newest of its host.
const Snapshot* reported_on(const Change& change, const ReportSnapshot& body) {
    const auto newest = [&](auto&& fits) -> const Snapshot* {
        const auto& all = change.snapshots;
        const auto found = std::find_if(all.rbegin(), all.rend(), [&](const Snapshot& known) {
            return known.host == body.host && fits(known);
        });
        return found == all.rend() ? nullptr : &*found;
    };
    const auto* waiting = newest([](const auto& known) { return known.id.empty(); });
    const auto* named = newest([&](const auto& known) { return known.id == body.id; });
    if (waiting && body.state == SnapshotState::taken && !body.measured)
        return waiting;
    if (!body.id.empty())
        return named ? named : waiting;
    return waiting ? waiting : newest([](const auto&) { return true; });
}

std::string ids_of(const std::vector<const Snapshot*>& snapshots) {
    std::vector<std::string> ids;
    for (const auto* snapshot : snapshots)
        ids.push_back(snapshot->id);
    return fmt::format("{}", fmt::join(ids, ", "));
}

void tell_owner(
    Decider& decider, const Snapshot& snapshot, std::string_view what, std::string_view then
) {
    const auto& change = decider.change();
    page(
        decider, change.change_owner,
        fmt::format("{}: the snapshot of {} {}", change.id.value, snapshot.host, what),
        fmt::format("{}\n{}: {}\n{}\n", change.title, snapshot.id, snapshot.detail, then)
    );
}

// The provider failed at a snapshot that is there: it stays on the record as what it is.
void note_failure(Decider& decider, Snapshot snapshot, const std::string& detail) {
    constexpr std::uint32_t pages_max = 9; // as of an action that is not done
    snapshot.detail = detail;
    if (snapshot.removal_asked_at) {
        snapshot.removal_asked_at.reset();
        snapshot.removal_failed_at = decider.facts().now;
        snapshot.removals_failed = snapshot.removals_failed.value_or(0) + 1;
        decider.emit(SnapshotReported{snapshot});
        if (*snapshot.removals_failed <= pages_max)
            tell_owner(decider, snapshot, "could not be removed", "It is tried again in a day.");
    } else if (snapshot.revert_asked_at) {
        snapshot.revert_asked_at.reset();
        decider.emit(SnapshotReported{snapshot});
        tell_owner(
            decider, snapshot, "could not be reverted to",
            "Mend it, then ask again. " + how_to_go_back(decider.change())
        );
    } else {
        snapshot.read_back = false; // its gate counts on it no longer
        decider.emit(SnapshotReported{snapshot});
        tell_owner(
            decider, snapshot, "is no way back any more",
            fmt::format("Take a new one (take_snapshot --host {}).", snapshot.host)
        );
    }
}

Result<void> require_owner(const Change& change, const Facts& facts, std::string field) {
    if (owns_run(change, facts))
        return {};
    return fail_blocked(
        "what becomes of a way back is its owner's decision",
        {{"snapshot", std::move(field), "this is the owner's decision",
          fmt::format(
              "owner {}, rollback {} or {}", change.change_owner.value, change.rollback_owner.value,
              change.rollback_backup.value
          ),
          "Call one of them, or a change manager"}}
    );
}

} // namespace

Result<Decision> take_snapshot(const Change& change, const TakeSnapshot& body, const Facts& facts) {
    TRY(require_open(change));
    const auto ring = facts.records->rings.find(change.production_ring);
    if (ring == facts.records->rings.end())
        return fail_field("production_ring", "the change names no known production ring");
    // The ring and the scope name so many hosts at most; there is room for all of them twice.
    constexpr std::size_t most = 2 * (limits::list_max + limits::list_max);
    // Which hosts and by which provider stands in the ring too.
    if (!deployment_begun(change) && change.ring_contents != Digest{})
        if (auto reason = ring_not_as_recorded(change, facts, "snapshot"))
            return fail_blocked("the ring was edited", {*std::move(reason)});
    for (const auto& task : facts.tasks)
        if (task.kind == "snapshot")
            return fail_in_hand("snapshots are being taken already", "snapshot", task);
    auto hosts = production_hosts(change, *facts.records);
    if (!body.host.empty() && !hosts.contains(body.host))
        return fail_field(
            "host", fmt::format(
                        "is no production host of this change: {}",
                        hosts.empty() ? "it has none" : fmt::format("{}", fmt::join(hosts, ", "))
                    )
        );
    if (!body.host.empty())
        hosts = {body.host};
    if (change.snapshots.size() + hosts.size() > most)
        return fail_full("snapshots", "snapshots", most);
    Decider decider(change, facts);
    // In whole seconds: some providers keep no others, and the end is compared when it is read
    // back.
    const Time expires =
        std::chrono::floor<std::chrono::seconds>(facts.now + facts.policy->snapshot_expires_after);
    for (const auto& host : hosts) {
        Snapshot wanted;
        wanted.host = host;
        wanted.connector = ring->second.snapshot_connector;
        wanted.tag = change.id.value;
        wanted.state = SnapshotState::requested;
        wanted.expires_at = expires;
        decider.emit(SnapshotReported{wanted});
        if (!wanted.connector.empty() && wanted.connector != "external")
            decider.ask(
                "snapshot",
                SnapshotTask{change.id, wanted.connector, host, change.id.value, expires, {}}
            );
    }
    return decider.finish();
}

Result<Decision>
report_snapshot(const Change& change, const ReportSnapshot& body, const Facts& facts) {
    // A snapshot expires after the change is over; its removal still belongs on the record.
    const auto* known = reported_on(change, body);
    if (known == nullptr)
        return fail_field("host", "no snapshot of this host was asked for");
    if (body.state == SnapshotState::requested)
        return fail_field("state", "expected taken, failed, reverted or removed");
    if (body.taken_at && *body.taken_at > facts.now + std::chrono::minutes(5))
        return fail_field("taken_at", "lies in the future");
    TRY(require_reporter(facts, known->connector, "snapshot", "snapshot." + body.host));
    TRY(require_reporter(facts, body.connector, "snapshot", "connector"));
    // A provider's late answer still lands, so that what it took is removed in the end.
    if (body.state == SnapshotState::taken && !facts.system)
        TRY(require_open(change));
    Decider decider(change, facts);
    Snapshot snapshot = *known;
    const bool there = is_there(snapshot) && !body.id.empty() && snapshot.id == body.id;
    if (there && facts.system && body.state == SnapshotState::failed) {
        note_failure(decider, std::move(snapshot), body.detail);
        return decider.finish();
    }
    if (body.measured) {
        if (!there)
            return fail_field("id", "there is no such snapshot any more");
        snapshot.size_bytes = body.size_bytes;
        snapshot.measured_at = facts.now;
        decider.emit(SnapshotReported{std::move(snapshot)});
        return decider.finish();
    }
    const bool gone =
        there && facts.system && body.state == SnapshotState::removed && !snapshot.removal_asked_at;
    snapshot.id = body.id.empty() ? snapshot.id : body.id;
    snapshot.connector = body.connector.empty() ? snapshot.connector : body.connector;
    snapshot.state = body.state;
    snapshot.detail = body.detail;
    if (body.state == SnapshotState::taken) {
        snapshot.tag = body.tag;
        snapshot.taken_at = body.taken_at ? body.taken_at : facts.now;
        // A connector wrote the end that it was asked for onto what it took.
        if (!facts.system)
            snapshot.expires_at = *snapshot.taken_at + facts.policy->snapshot_expires_after;
        snapshot.size_bytes = body.size_bytes;
        snapshot.first_size_bytes = body.size_bytes;
        snapshot.read_back = body.read_back;
        // A provider may use an id again: what became of the other one is not this one's.
        snapshot.measured_at.reset();
        snapshot.reminded_for.reset();
        snapshot.removal_asked_at.reset();
        snapshot.removal_failed_at.reset();
        snapshot.removals_failed.reset();
        snapshot.revert_asked_at.reset();
        snapshot.extensions.clear();
    }
    if (body.state == SnapshotState::reverted) {
        snapshot.reverted_at = facts.now;
        snapshot.revert_asked_at.reset();
    }
    decider.emit(SnapshotReported{snapshot});
    // What was deployed does not run there any more, whoever went back and why.
    if (body.state == SnapshotState::reverted && deployment_begun(change) && !is_over(change) &&
        change.failed_because.empty()) {
        give_up_deployment(decider, fmt::format("{} went back to its snapshot", body.host));
        decider.reopen(StepKind::rollback, "a host went back to its snapshot");
        decider.say(fmt::format(
            "{} runs what it ran before, so the deployment has failed. For hosts that still run "
            "the new version: {}",
            body.host, how_to_go_back(decider.change())
        ));
    }
    if (gone)
        tell_owner(decider, snapshot, "is gone", "Somebody else removed it.");
    return decider.finish();
}

Result<Decision>
extend_snapshot(const Change& change, const ExtendSnapshot& body, const Facts& facts) {
    const std::string field = "snapshot." + body.host;
    TRY(require_reason(body.reason));
    std::vector<const Snapshot*> there;
    for (const auto& known : change.snapshots)
        if (known.host == body.host && is_there(known) && (body.id.empty() || body.id == known.id))
            there.push_back(&known);
    if (there.empty())
        return fail_field("host", "there is no snapshot of this host");
    if (there.size() > 1)
        return fail_field("id", "the host has several snapshots, name one: " + ids_of(there));
    const auto* found = there.front();
    TRY(require_owner(change, facts, field));
    if (found->removal_asked_at)
        return fail_blocked(
            "it is too late for this snapshot",
            {{"snapshot", field, "its removal is under way",
              "asked for " + to_text(*found->removal_asked_at), "Take a new one if you need one"}}
        );
    if (body.until <= found->expires_at || body.until <= facts.now)
        return fail_field("until", "must lie behind its end, " + to_text(found->expires_at));
    const Time last = found->taken_at.value_or(facts.now) + facts.policy->snapshot_longest;
    if (body.until > last)
        return fail_blocked(
            "a snapshot does not live that long",
            {{"snapshot", field,
              "at most " + to_text(facts.policy->snapshot_longest) + ", with every extension",
              "until " + to_text(body.until),
              "Extend it to " + to_text(last) + " at most, or take a backup instead"}}
        );
    if (found->extensions.size() >= limits::list_max)
        return fail_full("until", "extensions", limits::list_max);
    Decider decider(change, facts);
    decider.emit(SnapshotExtended{
        found->host, found->id, {body.until, body.reason, facts.actor, facts.now}});
    return decider.finish();
}

Result<Decision>
revert_snapshot(const Change& change, const RevertSnapshot& body, const Facts& facts) {
    TRY(require_open(change));
    TRY(require_reason(body.reason));
    TRY(require_owner(change, facts, "rollback"));
    const auto* deployed = last_run(change, RunPurpose::deployment);
    if (deployed == nullptr)
        return fail_blocked(
            "production was never touched",
            {{"rollback-done", "runs", "there is nothing to go back from", "no run",
              "Cancel the change instead"}}
        );
    TRY(require_way_back_open(change, facts));
    TRY(require_none_goes_back(
        change, fmt::format(
                    "slipway change revert_snapshot {}{} --reason WHY", change.id.value,
                    body.host.empty() ? "" : " --host " + body.host
                )
    ));
    const auto back = snapshots_back(change, body.host);
    if (back.empty())
        return fail_blocked(
            "there is no snapshot to go back to",
            {{"snapshot", body.host.empty() ? "snapshots" : "snapshot." + body.host,
              "none that a connector took, was read back, and is of before the deployment",
              "deployed " + to_text(deployed->started_at), how_to_go_back(change)}}
        );
    Decider decider(change, facts);
    give_up_deployment(decider, body.reason);
    decider.reopen(StepKind::rollback, "a host goes back to its snapshot");
    for (auto snapshot : back) {
        if (is_to_be_reverted(change, snapshot) || snapshot.removal_asked_at) {
            decider.say("the provider is at work on the snapshot of " + snapshot.host);
            continue;
        }
        snapshot.revert_asked_at = facts.now;
        decider.emit(SnapshotReported{snapshot});
        decider.ask(
            "snapshot_revert",
            SnapshotTask{
                change.id, snapshot.connector, snapshot.host, change.id.value, snapshot.expires_at,
                snapshot.id, snapshot.revert_asked_at}
        );
    }
    return decider.finish();
}

} // namespace slipway::domain::decide
