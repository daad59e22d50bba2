// SPDX-License-Identifier: Apache-2.0
// Commands of phase 2: ring, smoke tests, backup, defects.
#include <algorithm>

#include <fmt/ranges.h>

#include "domain/calendar/zone.hpp"
#include "domain/change/abort_clock.hpp"
#include "domain/change/aborted_steps.hpp"
#include "domain/change/approved_ring.hpp"
#include "domain/change/decide.hpp"
#include "domain/change/duties.hpp"
#include "domain/change/paging.hpp"
#include "domain/change/production_hosts.hpp"
#include "domain/change/reverts.hpp"
#include "domain/change/ring_use.hpp"
#include "domain/change/run_hosts.hpp"
#include "domain/change/smoke_subject.hpp"
#include "domain/change/tasks.hpp"
#include "domain/change/way_back.hpp"

namespace slipway::domain::decide {

namespace {

// What does not fit is counted, so that nothing is passed over in silence.
void list_divergences(std::vector<RingDifference> differences, Parity& parity) {
    std::size_t bytes = 0;
    for (auto& found : differences) {
        Divergence divergence{
            std::move(found.id),
            std::move(found.ring_value),
            std::move(found.production_value),
            {},
            {},
            std::move(found.role),
            std::move(found.ring_host),
            std::move(found.production_host),
            std::move(found.kind),
            std::move(found.name)};
        bytes += encode(divergence).size();
        if (bytes > limits::divergences_bytes_max)
            parity.unlisted = parity.unlisted.value_or(0) + 1;
        else
            parity.divergences.push_back(std::move(divergence));
    }
}

void list_compared(const std::string& id, const RingRecord& ring, Parity& parity) {
    for (const auto& host : ring.hosts)
        if (host.found && host.found->fault.empty())
            parity.compared.push_back({id, host.host, host.found->transcript, host.found->script});
}

// A difference that was accepted stays accepted while it is the same difference of the same rings.
void keep_accepted(const Parity& before, Parity& parity) {
    if (before.ring != parity.ring || before.production != parity.production)
        return;
    std::map<std::string_view, const Divergence*> known;
    for (const auto& divergence : before.divergences)
        known.emplace(divergence.id, &divergence);
    for (auto& divergence : parity.divergences) {
        const auto same = known.find(divergence.id);
        if (same == known.end() || same->second->ring_value != divergence.ring_value ||
            same->second->production_value != divergence.production_value)
            continue;
        divergence.accepted_by = same->second->accepted_by;
        divergence.accepted_because = same->second->accepted_because;
    }
}

RunbookPurpose judged_by(SmokeOccasion occasion) {
    return occasion == SmokeOccasion::staging || occasion == SmokeOccasion::production
               ? RunbookPurpose::deployment
               : RunbookPurpose::rollback;
}

std::string ring_of(const Change& change, SmokeOccasion occasion) {
    return occasion == SmokeOccasion::staging || occasion == SmokeOccasion::rehearsal
               ? change.test_ring
               : change.production_ring;
}

std::string_view gate_of(SmokeOccasion occasion) {
    switch (occasion) {
    case SmokeOccasion::staging:
        return "smoke-staging";
    case SmokeOccasion::rehearsal:
        return "rollback-rehearsed";
    case SmokeOccasion::production:
        return "smoke-production";
    case SmokeOccasion::rollback:
        break;
    }
    return "rollback-done";
}

// What a run has left behind can be tested when no run is at it any more.
Result<void> require_no_run_on(
    const Change& change, const std::string& ring, SmokeOccasion occasion, const Facts& facts
) {
    if (auto reason = still_at_work(change, ring, gate_of(occasion), facts.now))
        return fail_blocked(
            "the ring is tested when nothing is at work there", {*std::move(reason)}
        );
    for (const auto& run : change.runs)
        if (is_active(run) && run.ring == ring)
            return fail_blocked(
                "the ring is tested when the run has ended",
                {{std::string(gate_of(occasion)), "runs",
                  fmt::format("{} has not ended", run.id.value),
                  fmt::format(
                      "{} on {}, {} since {}", to_text(run.purpose), ring, to_text(run.state),
                      to_text(run.started_at)
                  ),
                  fmt::format(
                      "Let it end (slipway run follow {}), or abort it with decide_run --run {} "
                      "--choice abort --reason WHY; then run the list",
                      change.id.value, run.id.value
                  )}}
            );
    return {};
}

// Nor while a provider is about to put another disk under what would be tested.
Result<void> require_no_revert_in_hand(const Change& change, SmokeOccasion occasion) {
    const auto hosts = hosts_going_back(change);
    if (hosts.empty() || !on_production(run_tested_on(occasion)))
        return {};
    return fail_blocked(
        "production is tested when its hosts have gone back",
        {{std::string(gate_of(occasion)), "snapshots",
          "hosts have not gone back to their snapshots yet",
          fmt::format("asked for: {}", fmt::join(hosts, ", ")),
          "Wait until the provider has answered (snapshot list), then run the list"}}
    );
}

// What may run on a ring is looked at for the ring that the change names: no other is tested.
Result<void>
require_named_ring(const Change& change, const SmokeSubject& subject, SmokeOccasion occasion) {
    const auto named = ring_of(change, occasion);
    const auto& where = *subject.where;
    if (where.ring == named)
        return {};
    return fail_blocked(
        "the run to be tested went to another ring",
        {{std::string(gate_of(occasion)),
          on_production(where.purpose) ? "production_ring" : "test_ring",
          fmt::format("{} went to {}", where.id.value, where.ring),
          "the change names " + (named.empty() ? "none" : named),
          "Start the run again on the ring that is named (start_run), or name the other one with "
          "assign"}}
    );
}

// A list is run once at a time, but whoever has deployed anew does not wait for what tests the
// version before.
Result<void> require_no_list_in_hand(const Facts& facts, const SmokeTask& wanted) {
    for (const auto& task : facts.tasks) {
        if (task.kind != "smoke")
            continue;
        const auto asked = restore<SmokeTask>(std::string_view(task.payload));
        if (asked && asked->occasion == wanted.occasion && asked->run == wanted.run)
            return fail_in_hand("the smoke list runs already", gate_of(wanted.occasion), task);
    }
    return {};
}

// What the report says of where it was looked, or else what must have been meant.
struct Looked {
    RunId run;
    std::string ring;
};

Result<Looked> looked_at(const Change& change, const RecordSmoke& body, const Facts& facts) {
    const auto subject = smoke_subject(change, body.occasion);
    Looked looked{body.run, body.ring};
    // The worker says what it was asked for, which may be a trial without a run.
    if (looked.run.empty() && subject && !facts.system)
        looked.run = subject->run;
    const auto* where = subject ? subject->where : nullptr;
    if (!looked.run.empty()) {
        where = find_run(change, looked.run);
        if (where == nullptr || where->purpose != run_tested_on(body.occasion))
            return fail_field("run", "is no run that is tested on this occasion");
    }
    if (looked.ring.empty())
        looked.ring = where ? where->ring : ring_of(change, body.occasion);
    return looked;
}

// No check can have begun later than so long ago as it took. Who knows better says so, but no
// report began later than by its own time, whoever hands it in: a file that an earlier build has
// left behind proves nothing.
Result<Time>
began_at(const RecordSmoke& body, const std::vector<SmokeResult>& results, const Facts& facts) {
    if (body.began && *body.began > facts.now + limits::facts_ahead_max)
        return fail_field("began", "lies in the future");
    std::uint32_t longest = 0;
    for (const auto& result : results)
        longest = std::max(longest, result.took_ms);
    const auto began = std::min(body.began.value_or(facts.now - Span(longest)), facts.now);
    const bool tells = !body.junit.empty() && facts.junit.began;
    return tells ? std::min(began, *facts.junit.began) : began;
}

Result<std::optional<Time>> ended_at(const RecordSmoke& body, Time began, const Facts& facts) {
    if (!body.ended)
        return std::nullopt;
    if (*body.ended > facts.now + limits::facts_ahead_max)
        return fail_field("ended", "lies in the future");
    const auto ended = std::min(*body.ended, facts.now);
    // The server's own clock may have been put back meanwhile; what it saw is no less true.
    if (facts.system)
        return std::max(ended, began);
    if (ended < began)
        return fail_field("ended", "lies before began, " + to_text(began));
    return ended;
}

// Which probe saw something is for the server to say, which saw the probe.
std::vector<SmokeResult> named_results(const RecordSmoke& body, const Facts& facts) {
    auto results = body.junit.empty() ? body.results : facts.junit.results;
    if (!facts.system)
        for (auto& result : results)
            result.seen_from.clear();
    return results;
}

// What Slipway has seen fail itself is not undone by what a person reports.
Result<void> require_no_failure_seen(
    const Change& change, const PinnedRunbook& runbook, SmokeOccasion occasion
) {
    const auto seen = std::find_if(
        change.smoke_reports.rbegin(), change.smoke_reports.rend(),
        [&](const SmokeReport& report) {
            return report.occasion == occasion && report.source == SmokeSource::runner &&
                   report.list == runbook.smoke_digest;
        }
    );
    if (seen == change.smoke_reports.rend())
        return {};
    for (const auto& result : seen->results)
        if (!result.passed)
            return fail_blocked(
                "Slipway's own smoke test has failed",
                {{std::string(gate_of(occasion)), "smoke." + result.name,
                  "what it saw fail is not undone by a report", seen->id + ": " + result.detail,
                  "Mend it and run the list again with run_smoke"}}
            );
    return {};
}

// A report of other checks would stand before one that says something of these. Who has seen
// anything fail is heard.
Result<void> require_listed_check(
    const RecordSmoke& body, const std::vector<SmokeResult>& results, const PinnedRunbook& runbook
) {
    const auto& list = runbook.smoke_checks;
    const auto tells = [&](const SmokeResult& result) {
        return !result.passed || std::find(list.begin(), list.end(), result.name) != list.end();
    };
    if (!body.silent_agents.empty() || !body.new_alerts.empty() ||
        std::any_of(results.begin(), results.end(), tells))
        return {};
    std::string reported;
    for (const auto& result : results)
        reported += (reported.empty() ? "" : ", ") + result.name;
    return fail_field(
        body.junit.empty() ? "results" : "junit",
        cut_text(
            fmt::format(
                "holds no check of the list; the list has {}; the report has {}",
                fmt::join(list, ", "), reported
            ),
            limits::text_max
        )
    );
}

// The gate would tell it later, when there may be no time to look again.
void say_what_is_wrong(Decider& decider, const PinnedRunbook& runbook) {
    const auto& report = decider.change().smoke_reports.back();
    if (const auto wrong = mismatch_of(decider.change(), report))
        decider.say(
            fmt::format("{} does not count: {} ({})", report.id, wrong->message, wrong->evidence)
        );
    const auto& list = runbook.smoke_checks;
    const auto is_listed = [&](const SmokeResult& result) {
        return std::find(list.begin(), list.end(), result.name) != list.end();
    };
    for (const auto& result : report.results)
        if (!result.passed && !is_listed(result))
            decider.say(fmt::format(
                "{} is not on the list, and failed all the same: {} does not pass", result.name,
                report.id
            ));
}

std::string faults_of(const SmokeReport& report) {
    std::string faults;
    for (const auto& result : report.results)
        if (!result.passed)
            faults += fmt::format(
                "{}{}{}\n", result.name, result.detail.empty() ? "" : ": ", result.detail
            );
    for (const auto& agent : report.silent_agents)
        faults += "silent agent: " + agent + "\n";
    for (const auto& alert : report.new_alerts)
        faults += "new alert: " + alert + "\n";
    return cut_text(faults, limits::text_max);
}

// What a run left on production does not work: its owner decides what becomes of it. Who reports it
// as the owner knows it.
void call_owner_of_failure(Decider& decider) {
    const auto& change = decider.change();
    const auto& facts = decider.facts();
    const auto& report = change.smoke_reports.back();
    const bool forth = report.occasion == SmokeOccasion::production;
    if (!on_production(run_tested_on(report.occasion)) || !found_fault(report) ||
        mismatch_of(change, report) || forth != change.failed_because.empty() ||
        facts.actor == change.change_owner)
        return;
    const auto& id = change.id.value;
    const auto clock = abort_clock(change, facts);
    const auto back = command_to_go_back(change);
    call(
        decider, change.change_owner,
        fmt::format("{}: the smoke test of {} failed", id, forth ? "production" : "the rollback"),
        fmt::format(
            "{}\n{}Mend it and test again: slipway change run_smoke {} --occasion {}\n"
            "{}{} decides{}.\n",
            change.title, faults_of(report), id, to_text(report.occasion),
            back.empty() ? "" : fmt::format("Go back{}: {}\n", forth ? "" : " once more", back),
            who_owns_runs(change),
            clock ? ", by " + to_spoken_text(clock->abort_by, change.window->zone) + " (abort-by)"
                  : ""
        )
    );
}

// The checks of a list are commands too, and get the secrets of the ring. Before the deployment
// nobody has approved these bytes for production, and since it began no others can be pinned. What
// tests the way back has nothing to look at before somebody has decided to go back.
Result<void>
require_approved_list(const Change& change, SmokeOccasion occasion, const Facts& facts) {
    if (!on_production(run_tested_on(occasion)))
        return require_no_production(change.test_ring, facts);
    if (smoke_subject(change, occasion))
        return {};
    const std::string gate(gate_of(occasion));
    if (deployment_begun(change))
        return fail_blocked(
            "there is no rollback to test",
            {{gate, "runs", "nothing was rolled back", std::string(to_text(change.state)),
              "Test the deployment (run_smoke --occasion production)" + or_go_back(change)}}
        );
    return fail_blocked(
        "production is not tested before the deployment",
        {{gate, "runs", "no deployment has begun, so nobody approved what would run there",
          fmt::format("{} runs, none of them a deployment", change.runs.size()),
          "Start the deployment (start_run), or test the list on the test ring with run_smoke "
          "--occasion staging"}}
    );
}

// What the list of the deployment is about does not run any more: it would fail, or pass for
// nothing.
Result<void> require_not_rolled_back(const Change& change, SmokeOccasion occasion) {
    const auto back = rolled_back_at(change);
    if (occasion != SmokeOccasion::production || change.failed_because.empty() || !back)
        return {};
    return fail_blocked(
        "what was deployed does not run any more",
        {{"rollback-done", "runs", "production was rolled back", "rolled back at " + to_text(*back),
          "Test what runs again with run_smoke --occasion rollback"}}
    );
}

} // namespace

Result<Decision> compare_ring(const Change& change, const Nothing&, const Facts& facts) {
    TRY(require_open(change));
    const auto& rings = facts.records->rings;
    const auto ring = rings.find(change.test_ring);
    const auto production = rings.find(change.production_ring);
    if (ring == rings.end() || production == rings.end())
        return fail_blocked(
            "there are no two rings to compare",
            {{"ring-parity", ring == rings.end() ? "test_ring" : "production_ring",
              "the change names no known ring", "rings of the tenant",
              "Name both rings with assign"}}
        );
    Parity parity{
        ring->first, production->first, facts.now, 0, {}, ring_contents_now(facts, ring->first)};
    auto comparison = compare_rings(ring->second, production->second, facts.gathered);
    parity.facts_compared = comparison.facts_compared;
    list_divergences(std::move(comparison.differences), parity);
    list_compared(ring->first, ring->second, parity);
    list_compared(production->first, production->second, parity);
    if (change.parity)
        keep_accepted(*change.parity, parity);
    Decider decider(change, facts);
    decider.emit(RingCompared{std::move(parity)});
    record_ring(decider);
    return decider.finish();
}

Result<Decision>
accept_divergence(const Change& change, const AcceptDivergence& body, const Facts& facts) {
    TRY(require_open(change));
    TRY(require_reason(body.reason));
    const auto divergences = change.parity ? change.parity->divergences : std::vector<Divergence>{};
    const auto known =
        std::find_if(divergences.begin(), divergences.end(), [&](const Divergence& divergence) {
            return divergence.id == body.id;
        });
    if (known == divergences.end())
        return fail_field("id", "is not a divergence of this change");
    if (!facts.has_role(Role::change_manager) && facts.actor != change.change_owner)
        return fail_blocked(
            "this difference is not yours to accept",
            {{"ring-parity", "parity." + body.id,
              "only the change owner or a change manager accepts it",
              "owner " + change.change_owner.value, "Ask one of them, or mend the ring"}}
        );
    // Somebody may have compared again since it was looked at.
    if (body.ring_value && *body.ring_value != known->ring_value)
        return fail_field("ring_value", "the test ring has " + known->ring_value);
    if (body.production_value && *body.production_value != known->production_value)
        return fail_field("production_value", "production has " + known->production_value);
    Decider decider(change, facts);
    decider.emit(DivergenceAccepted{
        body.id, body.reason, known->ring_value, known->production_value});
    return decider.finish();
}

Result<Decision> run_smoke(const Change& change, const RunSmoke& body, const Facts& facts) {
    TRY(require_open(change));
    if (!on_production(run_tested_on(body.occasion))) {
        TRY(require_test_ring(change, judged_by(body.occasion), facts));
        TRY(require_ring_free(facts, gate_of(body.occasion)));
    }
    const auto* runbook = runbook_of(change, judged_by(body.occasion));
    if (runbook == nullptr || runbook->smoke_checks.empty())
        return fail_blocked(
            "there is no smoke list to run",
            {{"smoke-staging", "smoke", "the pinned runbook has no smoke list", "no list",
              "Write the list into the runbook and pin it"}}
        );
    TRY(require_approved_list(change, body.occasion, facts));
    TRY(require_not_rolled_back(change, body.occasion));
    // It tests what a run has left behind, so it looks where that run went. Without one it is a
    // trial of the list, which no gate accepts.
    const auto subject = smoke_subject(change, body.occasion);
    const auto ring = subject ? subject->where->ring : ring_of(change, body.occasion);
    const SmokeTask task{change.id,       body.occasion, ring,
                         runbook->digest, facts.actor,   subject ? subject->run : RunId{}};
    if (subject)
        TRY(require_named_ring(change, *subject, body.occasion));
    TRY(require_no_run_on(change, ring, body.occasion, facts));
    TRY(require_no_revert_in_hand(change, body.occasion));
    if (subject && !kept_ring(change, *subject->where))
        TRY(require_ring_of(change, *subject->where, facts, gate_of(body.occasion)));
    TRY(require_no_list_in_hand(facts, task));
    Decider decider(change, facts);
    decider.ask("smoke", task);
    if (on_production(run_tested_on(body.occasion)))
        say_others(decider);
    decider.say("the smoke list runs; its report follows");
    return decider.finish();
}

Result<Decision> record_smoke(const Change& change, const RecordSmoke& body, const Facts& facts) {
    TRY(require_open(change));
    const auto* runbook = runbook_of(change, judged_by(body.occasion));
    if (runbook == nullptr)
        return fail_field("occasion", "no runbook with a smoke list is pinned for it");
    if (body.results.empty() == body.junit.empty())
        return fail_field("results", "give either results or junit");
    if (!facts.system)
        TRY(require_no_failure_seen(change, *runbook, body.occasion));
    // It would stand before the report about the run that counts.
    if (facts.system && is_superseded(change, body.occasion, body.run))
        return fail_blocked(
            "another run has begun since",
            {{std::string(gate_of(body.occasion)), "run", "the last run is another one",
              body.run.value, "Run the list again with run_smoke, when the last run has ended"}}
        );
    auto looked = TRY(looked_at(change, body, facts));
    auto results = named_results(body, facts);
    if (!facts.system)
        TRY(require_listed_check(body, results, *runbook));
    const auto began = TRY(began_at(body, results, facts));
    const auto ended = TRY(ended_at(body, began, facts));
    SmokeReport report{
        fmt::format("smoke-{}", change.smoke_reports.size() + 1),
        std::move(looked.ring),
        body.occasion,
        body.list == Digest{} ? runbook->smoke_digest : body.list,
        facts.now,
        facts.system         ? SmokeSource::runner
        : body.junit.empty() ? SmokeSource::person
                             : SmokeSource::junit,
        facts.actor,
        std::move(results),
        body.silent_agents,
        body.new_alerts,
        body.not_outside,
        std::move(looked.run),
        began,
        ended};
    if (!facts.ring_uses.empty() && facts.ring_uses.front().ring == report.ring)
        report.ring_turn = facts.ring_uses.front().turns;
    const bool production =
        body.occasion == SmokeOccasion::production || body.occasion == SmokeOccasion::rollback;
    if (const auto most = room_for_runs(production); change.smoke_reports.size() >= most)
        return fail_full("occasion", "smoke reports", most);
    Decider decider(change, facts);
    decider.emit(SmokeReported{std::move(report)});
    say_what_is_wrong(decider, *runbook);
    if (!body.junit.empty() && !facts.junit.zoned)
        decider.say(
            "the report's time stamps name no zone, so it may be up to 14 hours older than it was "
            "taken for: let the tool that wrote it add the offset, such as Z"
        );
    call_owner_of_failure(decider);
    return decider.finish();
}

Result<Decision> verify_backup(const Change& change, const Nothing&, const Facts& facts) {
    TRY(require_open(change));
    const auto& records = *facts.records;
    const auto ring = records.rings.find(change.production_ring);
    BackupTask task;
    task.change = change.id;
    task.asked_by = facts.actor;
    if (ring != records.rings.end())
        task.connector = ring->second.backup_connector;
    std::vector<Reason> reasons;
    for (auto scoped : change.scope ? change.scope->cis : std::vector<ScopedCi>{}) {
        const auto known = records.cis.find(scoped.ci);
        if (known != records.cis.end() && !known->second.backup_connector.empty())
            task.connectors[scoped.ci] = known->second.backup_connector;
        else if (task.connector.empty())
            reasons.push_back(
                {"backup-restorable", "backup." + scoped.ci.value,
                 "neither the item nor the production ring has a backup connector",
                 change.production_ring.empty() ? "no production ring" : change.production_ring,
                 "Name one in the record of the item or the ring, or record the proof yourself"}
            );
        scoped.host = host_of(scoped, records);
        task.cis.push_back(std::move(scoped));
    }
    if (!reasons.empty())
        return fail_blocked("nobody can verify the backup", std::move(reasons));
    if (task.cis.empty())
        return fail_field("scope.cis", "name the configuration items first");
    for (const auto& known : facts.tasks)
        if (known.kind == "backup")
            return fail_in_hand(
                "the backups are checked and test-restored already", "backup-restorable", known
            );
    Decider decider(change, facts);
    decider.ask("backup", task);
    decider.say("the backups are checked and test-restored; the proof follows");
    return decider.finish();
}

Result<Decision> record_backup(const Change& change, const RecordBackup& body, const Facts& facts) {
    TRY(require_open(change));
    if (body.verdict == BackupVerdict::not_applicable)
        TRY(require_reason(body.reason));
    if (body.verdict == BackupVerdict::verified && body.proofs.empty())
        return fail_field("proofs", "verified needs a proof for each configuration item");
    std::set<CiId> proven;
    for (std::size_t i = 0; i < body.proofs.size(); ++i) {
        const auto& proof = body.proofs[i];
        if (!proven.insert(proof.ci).second)
            return fail_field(fmt::format("proofs[{}].ci", i), "is named twice");
        if (!proof.content_digest.empty() && !digest_from_hex(proof.content_digest))
            return fail_field(
                fmt::format("proofs[{}].content_digest", i),
                "expected the SHA-256 of what was restored, 64 lower-case hexadecimal digits"
            );
    }
    Decider decider(change, facts);
    decider.emit(BackupRecorded{
        {body.verdict, body.reason, facts.actor, facts.now, body.proofs, facts.system}});
    return decider.finish();
}

Result<Decision> log_defect(const Change& change, const LogDefect& body, const Facts& facts) {
    TRY(require_open(change));
    if (change.defects.size() >= limits::list_max)
        return fail_full("title", "defects", limits::list_max);
    if (!body.link.empty() && !body.link.starts_with("https://") &&
        !body.link.starts_with("http://"))
        return fail_field("link", "expected an http or https address");
    Decider decider(change, facts);
    decider.emit(DefectLogged{
        {fmt::format("D-{}", change.defects.size() + 1),
         body.title,
         body.severity,
         body.link,
         DefectState::open,
         facts.actor,
         {},
         {}}});
    return decider.finish();
}

Result<Decision> settle_defect(const Change& change, const SettleDefect& body, const Facts& facts) {
    TRY(require_open(change));
    TRY(require_reason(body.reason));
    const auto known =
        std::find_if(change.defects.begin(), change.defects.end(), [&](const Defect& defect) {
            return defect.id == body.id;
        });
    if (known == change.defects.end())
        return fail_field("id", "is not a defect of this change");
    const bool accepting = body.state == DefectState::accepted;
    if (accepting && !facts.has_role(Role::change_manager) && facts.actor != change.change_owner)
        return fail_blocked(
            "this risk is not yours to accept",
            {{"defects", body.id, "only the change owner or a change manager accepts it",
              "owner " + change.change_owner.value, "Ask one of them"}}
        );
    Decider decider(change, facts);
    decider.emit(DefectSettled{body.id, body.state, body.reason});
    return decider.finish();
}

} // namespace slipway::domain::decide
