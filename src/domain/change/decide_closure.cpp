// SPDX-License-Identifier: Apache-2.0
// Commands of phase 5: stabilisation, review, CMDB, closure; and cancelling.
#include <algorithm>

#include "domain/change/aborted_steps.hpp"
#include "domain/change/decide.hpp"
#include "domain/change/notices.hpp"
#include "domain/change/reverts.hpp"
#include "domain/change/run_times.hpp"
#include "domain/change/steps.hpp"
#include "domain/change/way_back.hpp"
#include "domain/gates/gate.hpp"

namespace slipway::domain::decide {

namespace {

std::string observations_of(const Change& change) {
    std::string text;
    const auto seen =
        change.stabilisation ? change.stabilisation->observations : std::vector<Observation>{};
    for (const auto& observation : seen)
        text += fmt::format(
            "{} of {}: {}{}\n", to_text(observation.kind), to_text(observation.seen_at),
            observation.title,
            observation.resolved_at ? "; " + observation.resolution : std::string(", not resolved")
        );
    return text;
}

std::string in_words(const Deviation& deviation) {
    const bool more_time = deviation.choice == DeviationChoice::more_time;
    return fmt::format(
        "{} {}: {}; {} {}: {}", deviation.run.value, deviation.step, deviation.what,
        deviation.by.value,
        more_time ? std::string("gave it more time")
                  : fmt::format("decided to {}", to_text(deviation.choice)),
        deviation.reason
    );
}

// "retry of look in run-3 by anna"
std::string choices_of(const std::vector<Deviation>& deviations) {
    std::string names;
    for (const auto& deviation : deviations) {
        const bool more_time = deviation.choice == DeviationChoice::more_time;
        names += fmt::format(
            "{}{} {} in {} by {}", names.empty() ? "" : ", ",
            more_time ? "more time for" : fmt::format("{} of", to_text(deviation.choice)),
            deviation.step, deviation.run.value, deviation.by.value
        );
    }
    return names;
}

// What the ledger already knows to have gone another way; the review starts from it.
std::string deviations_of(const Change& change) {
    std::string text;
    for (const auto& deviation : deviations_on_production(change))
        text += in_words(deviation) + "\n";
    if (!change.failed_because.empty())
        text += "The deployment failed: " + change.failed_because + "\n";
    text += cut_text(observations_of(change), limits::text_max);
    for (const auto& owed : change.owed)
        if (owed.fell_away && owed.kind == OwedKind::step)
            text += fmt::format("{} was postponed and never done: {}\n", owed.id, owed.note);
    for (const auto& waiver : change.waivers)
        if (waiver.state == WaiverState::granted)
            text += fmt::format("{} was waived: {}\n", waiver.gate, waiver.reason);
    return text;
}

std::map<std::string, Digest> evidence_of(const Change& change) {
    std::map<std::string, Digest> evidence;
    for (const auto& attachment : change.attachments)
        evidence[fmt::format(
            "attachment/{}/{}", attachment.digest.hex().substr(0, 12), attachment.name
        )] = attachment.digest;
    for (const auto& run : change.runs)
        for (const auto& step : run.steps)
            if (step.transcript != Digest{})
                evidence[fmt::format("{}/{}", run.id.value, step.name)] = step.transcript;
    return evidence;
}

void check_outcome(
    const Change& change, const Facts& facts, Outcome outcome, std::vector<Reason>& reasons
) {
    const auto refuse = [&](std::string message, std::string remedy, std::string evidence = {}) {
        if (evidence.empty())
            evidence = change.failed_because.empty() ? "no failure is on the record"
                                                     : change.failed_because;
        reasons.push_back(
            {"closure", "outcome", std::move(message), std::move(evidence), std::move(remedy)}
        );
    };
    const auto smoke = evaluate(*find_gate("smoke-production"), change, facts);
    const bool rolled_back = rolled_back_at(change).has_value();
    const bool well = outcome == Outcome::successful || outcome == Outcome::successful_with_issues;
    if (well && !change.failed_because.empty())
        refuse("a failed deployment was not successful", "Close it as rolled_back or failed");
    else if (outcome == Outcome::rolled_back && !rolled_back)
        refuse("nothing was rolled back", "Close it as what it was");
    else if (outcome == Outcome::failed && change.failed_because.empty())
        refuse(
            "no failure is on the record",
            deployment_begun(change) ? how_to_go_back(change) : "Close it as what it was"
        );
    else if (outcome == Outcome::successful && !deviations_on_production(change).empty())
        refuse(
            "something deviated from the runbook", "Close it as successful_with_issues",
            cut_text(choices_of(deviations_on_production(change)), limits::text_max)
        );
    else if (outcome == Outcome::successful && smoke.verdict == Verdict::waived)
        refuse(
            "the smoke tests of production did not pass, they were waived",
            "Close it as successful_with_issues, or mend it and run the list again",
            fmt::format("{}: {}", smoke.waiver, smoke.reasons.front().evidence)
        );
}

// A standard change carries its entry's record; a failure suspends the entry at once.
void note_trial(Decider& decider, const Change& change, Outcome outcome) {
    if (type_of(change) != ChangeType::standard)
        return;
    const auto& id = change.classification->catalogue_entry;
    const auto found = decider.facts().records->catalogue.find(id);
    if (found == decider.facts().records->catalogue.end())
        return;
    auto entry = found->second;
    const bool well = outcome == Outcome::successful;
    entry.last_trials.push_back(well ? Trial::succeeded : Trial::failed);
    if (entry.last_trials.size() > 10)
        entry.last_trials.erase(entry.last_trials.begin());
    if (!well && entry.suspended_because.empty()) {
        entry.suspended_because = fmt::format("{} closed as {}", change.id.value, to_text(outcome));
        decider.say("the catalogue entry " + id + " is suspended until it is approved anew");
    }
    decider.edit_record("catalogue_entry", id, entry);
}

// Who was told of a maintenance waits for it.
void say_who_was_told(Decider& decider) {
    const auto& change = decider.change();
    std::vector<std::string> sent;
    for (const auto& notice : change.notices)
        if (notice.kind == NoticeKind::maintenance)
            sent.push_back(notice.id);
    if (!sent.empty())
        decider.say(fmt::format(
            "the maintenance was announced with {}; say that it does not take place: slipway "
            "change send_notice {} --kind cancelled",
            fmt::join(sent, ", "), change.id.value
        ));
}

void say_who_waits(Decider& decider) {
    const auto& change = decider.change();
    const auto* announced = last_announcement(change);
    if (announced == nullptr)
        return;
    const bool told =
        std::any_of(change.notices.begin(), change.notices.end(), [&](const Notice& notice) {
            return notice.sent_at > announced->sent_at && tells_the_end(change, notice.kind);
        });
    if (!told)
        decider.say(fmt::format(
            "{} announced the maintenance, and nobody was told that it is over: slipway change "
            "send_notice {} --kind {}",
            announced->id, change.id.value,
            to_text(rolled_back_at(change) ? NoticeKind::rolled_back : NoticeKind::all_clear)
        ));
}

} // namespace

Result<Decision>
log_observation(const Change& change, const LogObservation& body, const Facts& facts) {
    TRY(require_open(change));
    if (!change.stabilisation)
        return fail_blocked(
            "the stabilisation period has not begun",
            {{"stabilised", "stabilisation", "nothing is being watched yet",
              std::string(to_text(change.state)), "Complete the production smoke tests first"}}
        );
    const auto count = change.stabilisation->observations.size();
    if (count >= limits::list_max)
        return fail_full("title", "observations", limits::list_max);
    Decider decider(change, facts);
    decider.emit(ObservationLogged{
        {fmt::format("O-{}", count + 1), body.kind, body.title, body.source, facts.now, {}, {}, {}}}
    );
    return decider.finish();
}

Result<Decision>
resolve_observation(const Change& change, const ResolveObservation& body, const Facts& facts) {
    TRY(require_open(change));
    TRY(require_reason(body.resolution, "resolution"));
    for (const auto& seen :
         change.stabilisation ? change.stabilisation->observations : std::vector<Observation>{})
        if (seen.id == body.id) {
            Decider decider(change, facts);
            decider.emit(ObservationResolved{body.id, body.resolution});
            return decider.finish();
        }
    return fail_field("id", "is not an observation of this change");
}

Result<Decision> hold_review(const Change& change, const HoldReview& body, const Facts& facts) {
    TRY(require_open(change));
    if (!deployment_begun(change))
        return fail_blocked(
            "there is nothing to review yet", {{"pir", "review", "production was not touched",
                                                std::string(to_text(change.state)), "Deploy first"}}
        );
    // What the review looks back on must have happened.
    std::vector<Reason> reasons;
    for (const auto* step : steps_of(*facts.workflow))
        if (step->kind == StepKind::review && applies(*step, change, facts))
            for (const auto* earlier : open_before(*step, change, facts))
                reasons.push_back(
                    {"pir", "review", "an earlier step is not complete: " + earlier->title, "open",
                     "Complete " + earlier->id.value + " first"}
                );
    if (!reasons.empty())
        return fail_blocked("it is too early to look back", std::move(reasons));
    const auto known = deviations_of(change);
    Decider decider(change, facts);
    decider.emit(ReviewHeld{
        {facts.now, facts.actor, body.went_to_plan, known + body.deviations, body.corrections,
         compare_with_rehearsals(change)}});
    return decider.finish();
}

Result<Decision> add_action(const Change& change, const AddAction& body, const Facts& facts) {
    TRY(require_open(change));
    const auto owner = facts.records->people.find(body.owner);
    if (owner == facts.records->people.end() || owner->second.inactive)
        return fail_field("owner", "there is no active person " + body.owner.value);
    if (body.due_at && *body.due_at <= facts.now)
        return fail_field("due_at", "lies in the past");
    if (change.actions.size() >= limits::list_max)
        return fail_full("title", "action items", limits::list_max);
    Decider decider(change, facts);
    decider.emit(ActionAdded{
        {fmt::format("A-{}", change.actions.size() + 1),
         body.title,
         body.owner,
         body.due_at,
         {},
         0}});
    const auto part = "owner of " + decider.change().actions.back().id;
    say_if_unable(decider, body.owner, part, {Permission::change_write});
    return decider.finish();
}

Result<Decision>
complete_action(const Change& change, const CompleteAction& body, const Facts& facts) {
    // Actions outlive the change: they are completed after it is closed, too.
    for (const auto& action : change.actions)
        if (action.id == body.id) {
            if (action.done_at)
                return fail_field("id", "is done already");
            if (action.owner != facts.actor && !facts.has_role(Role::change_manager))
                return fail_blocked(
                    "this action is somebody else's",
                    {{"pir", action.id, "only its owner completes it",
                      "owner " + action.owner.value, "Ask the owner or a change manager"}}
                );
            Decider decider(change, facts);
            decider.emit(ActionDone{body.id});
            return decider.finish();
        }
    return fail_field("id", "is not an action of this change");
}

namespace {

// Whatever is under way decides what will run.
Result<void> require_production_at_rest(const Change& change, const Facts& facts) {
    const std::string message = "the CMDB says what runs, and that is being changed";
    for (const auto& run : change.runs)
        if (on_production(run.purpose) && !run.ended_at)
            return fail_blocked(
                message, {{"cmdb-updated", "runs." + run.id.value, "the run has not ended",
                           std::string(to_text(run.state)), "Let it end, then update the CMDB"}}
            );
    if (auto reason = still_at_work(change, change.production_ring, "cmdb-updated", facts.now))
        return fail_blocked(message, {*std::move(reason)});
    for (const auto& host : hosts_going_back(change))
        return fail_blocked(
            message,
            {{"cmdb-updated", "snapshots." + host, "a host has not gone back to its snapshot yet",
              "asked for, and its provider has not answered",
              "Wait until it has (snapshot list), then update the CMDB"}}
        );
    return {};
}

// Whether a deployment stands decides the host; what was found decides the version before the
// record.
void bring_up_to_date(
    CiRecord& record, const Change& change, const ScopedCi& scoped, const FoundVersion* found
) {
    const bool stands = change.failed_because.empty();
    const auto& runs_now = found ? found->version : version_by_record(change, scoped);
    // A first version that was taken back leaves none behind.
    if (!runs_now.empty() || (!stands && record.version == scoped.version_to))
        record.version = runs_now;
    if (stands && !scoped.host.empty())
        record.host = scoped.host;
}

} // namespace

Result<Decision> update_cmdb(const Change& change, const UpdateCmdb& body, const Facts& facts) {
    TRY(require_open(change));
    const auto* step = find_step(*facts.workflow, StepKind::cmdb_update);
    if (step == nullptr)
        return fail_blocked(
            "this change does not write the CMDB",
            {{"cmdb-updated", "steps", "its workflow has no step that updates it",
              "workflow " + facts.workflow->name, "Put the record of the item (ci put)"}}
        );
    if (!deployment_begun(change) && has_step(change, facts, StepKind::execute))
        return fail_blocked(
            "the CMDB says what runs, not what is planned",
            {{"cmdb-updated", "runs", "production was not touched",
              std::string(to_text(change.state)), "Deploy first"}}
        );
    TRY(require_production_at_rest(change, facts));
    // What it writes is believed: it is written when the work is done, by who answers for that.
    TRY(may_do(*step, change, facts));
    TRY(check_found(change, body.found));
    CmdbUpdated event;
    Decider decider(change, facts);
    for (const auto& scoped : change.scope ? change.scope->cis : std::vector<ScopedCi>{}) {
        const auto known = facts.records->cis.find(scoped.ci);
        if (known == facts.records->cis.end())
            return fail_blocked(
                "an item is not in the CMDB",
                {{"cmdb-updated", "cmdb." + scoped.ci.value, "there is no record", "CMDB",
                  "Add the configuration item"}}
            );
        const auto found =
            std::find_if(body.found.begin(), body.found.end(), [&](const FoundVersion& said) {
                return said.ci == scoped.ci;
            });
        const bool seen = found != body.found.end();
        auto record = known->second;
        bring_up_to_date(record, change, scoped, seen ? &*found : nullptr);
        record.verified_at = facts.now;
        decider.edit_record("ci", scoped.ci.value, record);
        event.pushes.push_back({scoped.ci, record.version, record.host, {}, facts.now, seen});
    }
    decider.emit(event);
    return decider.finish();
}

Result<Decision> close(const Change& change, const Close& body, const Facts& facts) {
    TRY(require_open(change));
    TRY(require_reason(body.summary, "summary"));
    const auto* step = find_step(*facts.workflow, StepKind::closure);
    std::vector<Reason> reasons;
    if (step)
        TRY(may_complete(*step, change, facts));
    // A step that was complete vouches for its day; what is closed is judged by what is known now.
    for (const auto& gate : gate_table()) {
        if (!is_asked_at_closure(gate))
            continue;
        auto result = evaluate(gate, change, facts);
        if (result.verdict == Verdict::fail || result.verdict == Verdict::postponed)
            std::move(result.reasons.begin(), result.reasons.end(), std::back_inserter(reasons));
    }
    const auto outcome = *from_text<Outcome>(to_text(body.outcome));
    check_outcome(change, facts, outcome, reasons);
    if (!reasons.empty())
        return fail_blocked("the change cannot be closed yet", std::move(reasons));
    Decider decider(change, facts);
    if (step)
        decider.emit(StepCompleted{step->id, {"closure"}, {}, facts.policy->digest});
    decider.emit(ChangeClosed{{outcome, body.summary, facts.actor, facts.now, evidence_of(change)}}
    );
    note_trial(decider, change, outcome);
    say_not_ended(decider);
    say_who_waits(decider);
    return decider.finish();
}

Result<Decision> cancel(const Change& change, const Cancel& body, const Facts& facts) {
    TRY(require_open(change));
    TRY(require_reason(body.reason));
    if (deployment_begun(change))
        return fail_blocked(
            "production was touched: it cannot be cancelled",
            {{"closure", "runs", "the deployment has begun", std::string(to_text(change.state)),
              "Finish it, or roll it back"}}
        );
    if (!change.cmdb_pushes.empty())
        return fail_blocked(
            "it has written the CMDB: it cannot be cancelled",
            {{"closure", "cmdb_pushes", "the CMDB says that it was carried out",
              fmt::format(
                  "{} was written at {}", change.cmdb_pushes.front().ci.value,
                  to_text(change.cmdb_pushes.front().at)
              ),
              "Complete what is left and close it"}}
        );
    const bool own = facts.actor == change.requester || facts.actor == change.change_owner;
    if (!own && !facts.has_role(Role::change_manager))
        return fail_blocked(
            "this change is not yours to cancel",
            {{"closure", "requester", "only requester, owner or change manager cancel",
              "requester " + change.requester.value, "Ask one of them"}}
        );
    Decider decider(change, facts);
    for (const auto& run : change.runs)
        if (is_active(run))
            decider.emit(RunEnded{run.id, RunState::aborted});
    decider.emit(ChangeCancelled{body.reason});
    say_not_ended(decider);
    say_who_was_told(decider);
    return decider.finish();
}

} // namespace slipway::domain::decide
