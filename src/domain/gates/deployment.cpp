// SPDX-License-Identifier: Apache-2.0
// Gates of phase 4: snapshot, preflight, run-exact, smoke-production, rollback-done.
#include <algorithm>

#include "domain/calendar/zone.hpp"
#include "domain/change/abort_clock.hpp"
#include "domain/change/aborted_steps.hpp"
#include "domain/change/approved_ring.hpp"
#include "domain/change/duties.hpp"
#include "domain/change/production_hosts.hpp"
#include "domain/change/reverts.hpp"
#include "domain/change/way_back.hpp"
#include "domain/gates/deliveries.hpp"
#include "domain/gates/gate.hpp"
#include "domain/gates/smoke.hpp"

namespace slipway::domain::gates {

namespace {

// A snapshot that was asked for and not heard of: who takes it, a person or a connector, says so.
void look_at_request(const Change& change, const Snapshot& asked, GateFindings& findings) {
    const bool by_hand = asked.connector.empty() || asked.connector == "external";
    findings.refuse(
        "snapshot." + asked.host,
        fmt::format(
            "the snapshot of {} was asked for, and nobody says that it was taken", asked.host
        ),
        std::string(to_text(asked.state)),
        by_hand ? fmt::format(
                      "Take it, then say so with report_snapshot --host {} --id ID --tag {} "
                      "--state taken --read_back; ID is the provider's",
                      asked.host, change.id.value
                  )
                : fmt::format("Wait for {}; slipway task list shows what it does", asked.connector)
    );
}

void look_at_host(
    const Change& change, const Facts& facts, const std::string& host, GateFindings& findings
) {
    const auto* run = last_run(change, RunPurpose::deployment);
    const Time start = run ? run->started_at : facts.now;
    const auto taken = std::find_if(
        change.snapshots.rbegin(), change.snapshots.rend(),
        [&](const Snapshot& known) {
            return known.host == host && known.taken_at && *known.taken_at <= start;
        }
    );
    const std::string field = "snapshot." + host;
    const std::string again = "take_snapshot --host " + host;
    const auto asked = std::find_if(
        change.snapshots.rbegin(), change.snapshots.rend(),
        [&](const Snapshot& known) { return known.host == host; }
    );
    if (taken == change.snapshots.rend() && asked != change.snapshots.rend() &&
        asked->state == SnapshotState::requested)
        return look_at_request(change, *asked, findings);
    if (taken == change.snapshots.rend() || taken->state == SnapshotState::failed)
        return findings.refuse(
            field, "no snapshot of the production host " + host, "none", "Take it with " + again
        );
    if (run == nullptr && taken->state != SnapshotState::taken)
        findings.refuse(
            field, "the snapshot is not there any more", std::string(to_text(taken->state)),
            "Take a new one with " + again
        );
    findings.looked_at("snapshot " + taken->id, taken->connector, taken->taken_at);
    if (taken->tag != change.id.value || !taken->read_back)
        findings.refuse(
            field, "the snapshot was not read back with the change's number", "tag " + taken->tag,
            "Take it again with " + again
        );
    if (start - *taken->taken_at > facts.policy->snapshot_age_max)
        findings.refuse(
            field,
            "the snapshot is older than " + to_text(facts.policy->snapshot_age_max) +
                " when the deployment starts",
            to_text(*taken->taken_at), "Take a new one with " + again
        );
}

// What providers said of the snapshots, of a revert that failed above all; of one host, or of all.
std::string
said_of_snapshots(const Change& change, std::string_view otherwise, const std::string& host = {}) {
    std::string said;
    for (const auto& known : change.snapshots)
        if (!known.detail.empty() && (host.empty() || host == known.host))
            said += fmt::format("{}{}: {}", said.empty() ? "" : "; ", known.host, known.detail);
    return said.empty() ? std::string(otherwise) : cut_text(said, limits::text_max);
}

// Where no runbook went back, each host went back to its snapshot.
void look_at_reverted_hosts(const Change& change, const Facts& facts, GateFindings& findings) {
    for (const auto& host : production_hosts(change, *facts.records))
        if (const auto* snapshot = went_back_to(change, host))
            findings.looked_at(
                "snapshot " + snapshot->id, snapshot->connector, snapshot->reverted_at
            );
        else
            findings.refuse(
                "snapshot." + host, "this host did not go back to a snapshot",
                said_of_snapshots(change, "no revert", host), how_to_go_back(change)
            );
}

// How the last notice of the rollback is to reach the channel; a new one where none was on its way.
std::string how_to_tell(
    const Change& change, const std::string& channel, Time rolled_back_at, const Facts& facts
) {
    for (auto notice = change.notices.rbegin(); notice != change.notices.rend(); ++notice)
        if (notice->kind == NoticeKind::rolled_back && notice->sent_at >= rolled_back_at)
            for (const auto& delivery : notice->deliveries)
                if (delivery.channel == channel)
                    return how_to_deliver(*notice, delivery, facts);
    return "Tell it with send_notice --kind rolled_back; put the channel's record back if it is "
           "gone";
}

void look_at_who_was_told(
    const Change& change, Time rolled_back_at, const Facts& facts, GateFindings& findings
) {
    std::set<std::string> told;
    for (const auto& notice : change.notices)
        if (notice.kind == NoticeKind::rolled_back && notice.sent_at >= rolled_back_at)
            for (const auto& delivery : notice.deliveries)
                if (delivery.state == DeliveryState::delivered)
                    told.insert(delivery.channel);
    for (const auto& channel : announced_channels(change))
        if (!told.contains(channel))
            findings.refuse(
                "notice." + channel,
                "the channel of the maintenance notice was not told of the rollback",
                "rolled back at " + to_text(rolled_back_at),
                how_to_tell(change, channel, rolled_back_at, facts)
            );
}

// Nobody who approved it may start the run or confirm a step of it; what is on the record all the
// same does not end as a success. Who recorded the decision or waived a gate is refused when he
// begins; where he could begin, under an earlier version, nothing undoes that, and it is said.
void look_at_who_carried_out(
    const Change& change, const Run& run, const Facts& facts, GateFindings& findings
) {
    for (const auto& person : who_carried_out(run))
        if (const auto part = part_in_approval(change, facts, person)) {
            auto evidence = fmt::format("{}: {} {}", run.id.value, person.value, part->what);
            if (part->helped)
                findings.warn("who helped to approve the change carried it out: " + evidence);
            else
                findings.refuse(
                    "deployment", "who approved the change carried it out", std::move(evidence),
                    "Roll back; another engineer carries it out in a new change"
                );
        }
}

} // namespace

void snapshot(const Change& change, const Facts& facts, GateFindings& findings) {
    if (!facts.records->rings.contains(change.production_ring))
        return findings.refuse(
            "production_ring", "the production ring is unknown",
            change.production_ring.empty() ? "none is named" : change.production_ring,
            "Name the production ring of the change with assign"
        );
    const auto hosts = production_hosts(change, *facts.records);
    if (hosts.empty())
        findings.refuse(
            "snapshot", "no production host is named, so nothing could be snapshotted",
            "ring " + change.production_ring + " and the scope",
            "Name the hosts in the ring's record or in the scope"
        );
    for (const auto& host : hosts)
        look_at_host(change, facts, host, findings);
}

namespace {

bool is_preflight_of(const Preflight& preflight, const Change& change, const Facts& facts) {
    const auto digest_of = [&](RunbookPurpose purpose) {
        const auto* runbook = runbook_of(change, purpose);
        return runbook ? runbook->digest : Digest{};
    };
    return preflight.ring == change.production_ring &&
           preflight.ring_contents == ring_contents_now(facts, change.production_ring) &&
           preflight.deployment == digest_of(RunbookPurpose::deployment) &&
           preflight.rollback == digest_of(RunbookPurpose::rollback);
}

std::string subject_of(const PreflightCheck& check) {
    const auto place = check.host.empty() ? std::string("this machine") : check.host;
    switch (check.kind) {
    case PreflightKind::host:
        return "the host " + place + " cannot be used";
    case PreflightKind::tool:
        return fmt::format("{} lacks the program {}", place, check.name);
    case PreflightKind::disk:
        return fmt::format("{} lacks room at {}", place, check.name);
    case PreflightKind::credential:
        break;
    }
    return "the credential " + check.name + " is not good";
}

std::string preflight_field(const PreflightCheck& check) {
    std::string field = "preflight";
    for (const auto& part : {check.host, std::string(to_text(check.kind)), check.name})
        if (!part.empty())
            field += "." + part;
    return field;
}

} // namespace

// Nobody has to look ahead, but who did and saw that something is missing does not go on. What was
// looked at too long ago, or for other bytes or another ring, says nothing of tonight.
void preflight(const Change& change, const Facts& facts, GateFindings& findings) {
    if (deployment_begun(change))
        return;
    constexpr std::string_view remedy = "make one with change preflight";
    if (!change.preflight)
        return findings.warn(fmt::format("no preflight was made: {}", remedy));
    const auto& preflight = *change.preflight;
    findings.looked_at("preflight", "on " + preflight.ring, preflight.at);
    if (!is_preflight_of(preflight, change, facts))
        return findings.warn(fmt::format(
            "the preflight of {} was for other runbooks or another ring: {}", to_text(preflight.at),
            remedy
        ));
    if (facts.now - preflight.at > facts.policy->preflight_valid_for)
        findings.warn(fmt::format(
            "the preflight of {} is older than {}: {}", to_text(preflight.at),
            to_text(facts.policy->preflight_valid_for), remedy
        ));
    for (const auto& check : preflight.checks)
        if (!check.passed)
            findings.refuse(
                preflight_field(check), subject_of(check), check.detail,
                "Mend it, then run preflight again"
            );
}

void run_exact(const Change& change, const Facts& facts, GateFindings& findings) {
    const auto* runbook = runbook_of(change, RunbookPurpose::deployment);
    const auto* run = last_run(change, RunPurpose::deployment);
    if (run == nullptr) {
        for (auto& reason : not_ready(change, facts))
            findings.reasons.push_back(std::move(reason));
        return findings.refuse(
            "deployment", "the deployment runbook has not run", "no run",
            "Start it inside the window with start_run"
        );
    }
    findings.looked_at(run->id.value, "run on " + run->ring, run->ended_at);
    warn_of_steps_left(*run, findings);
    if (runbook == nullptr || run->runbook != runbook->digest)
        findings.refuse(
            "deployment", "other bytes ran than those that were approved",
            "ran " + run->runbook.hex(), "Roll back; the run was not the approved one"
        );
    // A run of an old entry does not say what its ring held.
    if (const auto approved = approved_ring_contents(change);
        run->ring_contents != Digest{} && run->ring_contents != approved)
        findings.refuse(
            "deployment", fmt::format("the ring {} was not as it was approved", run->ring),
            fmt::format("ran on {}, approved {}", run->ring_contents.hex(), approved.hex()),
            "Roll back; the run was not the approved one"
        );
    if (!change.window || run->started_at < change.window->start ||
        run->started_at >= change.window->end)
        findings.refuse(
            "deployment", "the run started outside the window", to_text(run->started_at),
            "Record it as a deviation in the review"
        );
    if (run->state != RunState::succeeded && change.failed_because.empty())
        findings.refuse(
            "deployment", "the deployment runbook did not run to the end",
            std::string(to_text(run->state)),
            fmt::format(
                "Its owner decides with decide_run --run {} --choice CHOICE --reason WHY; the "
                "choices "
                "are retry, skip, resume, abort and undo",
                run->id.value
            )
        );
    if (change.failed_because.empty())
        look_at_who_carried_out(change, *run, facts, findings);
}

namespace {

// Who decides on going back, and until when there is time for it.
std::string or_decide_to_go_back(const Change& change, const Facts& facts) {
    const auto back = or_go_back(change);
    if (back.empty())
        return back;
    const auto clock = abort_clock(change, facts);
    return fmt::format(
        "{}; {} decides{}", back, who_owns_runs(change),
        clock ? ", by " + to_spoken_text(clock->abort_by, change.window->zone) + " (abort-by)" : ""
    );
}

} // namespace

void smoke_production(const Change& change, const Facts& facts, GateFindings& findings) {
    const auto* runbook = runbook_of(change, RunbookPurpose::deployment);
    const auto* staging = last_smoke(change, SmokeOccasion::staging);
    const auto* report = last_smoke(change, SmokeOccasion::production);
    // The failure is on the record: the rollback gate takes over, and the version that was to be
    // tested does not run any more.
    if (!change.failed_because.empty())
        return;
    if (staging && report && staging->list != report->list)
        findings.refuse(
            "smoke.production", "another list ran than on staging",
            "staging " + staging->list.hex().substr(0, 12) + ", production " +
                report->list.hex().substr(0, 12),
            "Run the same list on both"
        );
    look_at_smoke(
        change, SmokeOccasion::production, runbook, facts, findings,
        or_decide_to_go_back(change, facts)
    );
}

void rollback_done(const Change& change, const Facts& facts, GateFindings& findings) {
    if (change.failed_because.empty())
        return;
    const auto* runbook = runbook_of(change, RunbookPurpose::rollback);
    const auto* run = last_run(change, RunPurpose::rollback);
    const bool ran = run != nullptr && run->state == RunState::succeeded;
    if (run != nullptr)
        warn_of_steps_left(*run, findings);
    const auto back = rolled_back_at(change);
    if (const auto hosts = hosts_going_back(change); !hosts.empty())
        return findings.refuse(
            "rollback", "hosts have not gone back to their snapshots yet",
            fmt::format("asked for: {}", fmt::join(hosts, ", ")),
            "Wait until the provider has answered (snapshot list), then run the smoke list"
        );
    if (!back)
        return findings.refuse(
            "rollback", "the rollback has not run to the end",
            run ? std::string(to_text(run->state)) : said_of_snapshots(change, "no run"),
            run && is_active(*run)
                ? fmt::format("Let it end; see where it is: slipway run follow {}", change.id.value)
                : how_to_go_back_or_stay(change)
        );
    if (auto reason = still_at_work(change, change.production_ring, "rollback-done", facts.now))
        findings.reasons.push_back(*std::move(reason));
    if (ran)
        findings.looked_at(run->id.value, "run on " + run->ring, run->ended_at);
    if (ran && !run->ring_edits.empty())
        findings.warn(fmt::format(
            "the ring {} was edited between the deployment and {}, which ran with what it held: {}",
            run->ring, run->id.value, run->ring_edits
        ));
    // Nobody saw these steps go back; the smoke list does.
    for (const auto& deviation : change.deviations)
        if (ran && deviation.run == run->id &&
            (deviation.choice == DeviationChoice::resume ||
             deviation.choice == DeviationChoice::skip))
            findings.warn(fmt::format(
                "{} decided {} at {} of {}: {}", deviation.by.value, to_text(deviation.choice),
                deviation.step, run->id.value, deviation.reason
            ));
    if (ran && (runbook == nullptr || run->runbook != runbook->digest))
        findings.refuse(
            "rollback", "other bytes ran than the approved rollback runbook",
            "ran " + run->runbook.hex(), "Run the approved rollback runbook"
        );
    if (!ran)
        look_at_reverted_hosts(change, facts, findings);
    // No list can be pinned any more that would tell it.
    if (runbook == nullptr)
        findings.refuse(
            "smoke.rollback", "nothing tells whether production works as before",
            "no rollback runbook with a smoke list was pinned",
            "See that it does, then have this waived: " + waiver_of_going_back(change)
        );
    else
        look_at_smoke(change, SmokeOccasion::rollback, runbook, facts, findings);
    look_at_who_was_told(change, *back, facts, findings);
}

} // namespace slipway::domain::gates
