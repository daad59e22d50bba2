// SPDX-License-Identifier: Apache-2.0
#include "domain/change/events.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace slipway::domain {

namespace {

template <class List, class Key>
auto* by_id(List& list, const Key& id) {
    const auto found =
        std::find_if(list.begin(), list.end(), [&](const auto& item) { return item.id == id; });
    return found == list.end() ? nullptr : &*found;
}

RunStep* step_of(Run& run, const std::string& name) {
    for (auto* list : {&run.steps, &run.undo})
        for (auto& step : *list)
            if (step.name == name)
                return &step;
    return nullptr;
}

// A step that is due on another day is reminded of anew.
StepRecord& about_date(StepRecord& record, const std::optional<Time>& due) {
    if (record.reminded_for && record.reminded_for != due) {
        record.reminders = 0;
        record.overdue_noted = false;
    }
    record.reminded_for = due;
    return record;
}

bool has_finished_run(const Change& change, RunPurpose purpose) {
    const auto* run = last_run(change, purpose);
    return run && run->state == RunState::succeeded;
}

bool has_running_run(const Change& change, RunPurpose purpose) {
    const auto* run = last_run(change, purpose);
    return run && (run->state == RunState::running || run->state == RunState::waiting);
}

bool any_completed(const Change& change) {
    return std::any_of(change.steps.begin(), change.steps.end(), [](const auto& step) {
        return step.second.state == StepState::completed;
    });
}

// The state follows from the record; there is no second truth to keep in step.
ChangeState state_of(const Change& change) {
    if (change.state == ChangeState::cancelled)
        return ChangeState::cancelled;
    if (change.closure)
        return ChangeState::closed;
    if (!change.failed_because.empty())
        return rolled_back_at(change) ? ChangeState::rolled_back : ChangeState::rolling_back;
    if (is_stabilising(change))
        return ChangeState::stabilising;
    if (has_finished_run(change, RunPurpose::deployment))
        return ChangeState::implemented;
    if (has_running_run(change, RunPurpose::deployment))
        return ChangeState::deploying;
    if (is_approved(change))
        return ChangeState::approved;
    if (type_of(change) == ChangeType::standard && change.classification->accepted)
        return ChangeState::approved; // pre-approved by its catalogue entry
    if (change.queue || !change.votes.empty())
        return ChangeState::in_review;
    if (change.classification && change.window && any_completed(change))
        return ChangeState::validating;
    return ChangeState::planning;
}

template <class Event>
Result<void> restore_and_apply(Change& change, const Json& data, const Stamp& stamp) {
    TRY(restore<Event>(data)).apply(change, stamp);
    return {};
}

struct EventRow {
    std::string_view type;
    Result<void> (*apply)(Change&, const Json&, const Stamp&);
};

template <class... Events>
constexpr std::array<EventRow, sizeof...(Events)> rows() {
    return {EventRow{Events::type, restore_and_apply<Events>}...};
}

constexpr auto table = rows<
    ChangeOpened, ScopeDescribed, ParticipantsAssigned, ImpactTraced, ImpactAcknowledged,
    RunbookPinned, ChangeClassified, WindowScheduled, RingCompared, RingRecorded,
    DivergenceAccepted, PreflightReported, RunStarted, RunStepReported, RunStopped, RunResumed,
    RunDecided, RunChoiceProposed, RunUndoBegun, WindowExtended, RunEnded, SmokeReported,
    BackupRecorded, DefectLogged, DefectSettled, ChangeSubmitted, VoteCast, CabDecided,
    ConditionMet, ApprovalVoided, ApproversKept, NoticeSent, NoticeDelivered, OncallChecked,
    PageDelivered, CallFailed, PageAcknowledged, SnapshotReported, SnapshotExtended,
    DeploymentFailed, StabilisationStarted, ObservationLogged, ObservationResolved, ReviewHeld,
    ActionAdded, ActionDone, CmdbUpdated, ChangeClosed, ChangeCancelled, StepFilled, StepCompleted,
    StepReopened, StepAssigned, StepPostponed, ReviewOwed, OwedSettled, Reminded, WaiverRequested,
    WaiverGranted, WaiverRevoked, AttachmentAdded, Commented>();

} // namespace

Result<void>
apply_event(Change& change, std::string_view type, const Json& data, const Stamp& stamp) {
    for (const auto& row : table)
        if (row.type == type) {
            TRY(row.apply(change, data, stamp));
            settle_state(change, stamp);
            return {};
        }
    return fail(
        ErrorCode::internal, "the ledger holds an event that this version does not know",
        std::string(type)
    );
}

void settle_state(Change& change, const Stamp& stamp) {
    change.updated_at = stamp.at;
    change.state = state_of(change);
}

std::vector<std::string_view> event_types() {
    std::vector<std::string_view> types;
    for (const auto& row : table)
        types.push_back(row.type);
    return types;
}

void ChangeOpened::apply(Change& change, const Stamp& stamp) const {
    change.id = id;
    change.tenant = tenant;
    change.title = title;
    change.workflow = workflow;
    change.opened_at = stamp.at;
    change.requester = stamp.by;
    change.change_owner = change_owner;
    change.implementer = implementer;
    change.risk = risk;
    change.production_ring = production_ring;
    change.test_ring = test_ring;
    change.roster = roster;
}

void ScopeDescribed::apply(Change& change, const Stamp& stamp) const {
    change.title = title;
    if (!change.scope || without_ticket(*std::as_const(change.scope)) != without_ticket(scope))
        change.described_by.insert(stamp.by);
    change.scope = scope;
}

void ParticipantsAssigned::apply(Change& change, const Stamp&) const {
    const auto set = [](auto& field, const auto& value) {
        if (value)
            field = *value;
    };
    set(change.change_owner, change_owner);
    set(change.implementer, implementer);
    set(change.rollback_owner, rollback_owner);
    set(change.rollback_backup, rollback_backup);
    set(change.risk, risk);
    set(change.production_ring, production_ring);
    set(change.test_ring, test_ring);
    set(change.roster, roster);
}

void ImpactTraced::apply(Change& change, const Stamp&) const {
    change.impact = impact;
}

void ImpactAcknowledged::apply(Change& change, const Stamp& stamp) const {
    if (change.impact)
        change.impact->acknowledged[ci] = {stamp.by, stamp.at, note};
}

void RunbookPinned::apply(Change& change, const Stamp&) const {
    change.runbooks[std::string(to_text(purpose))] = runbook;
}

void ChangeClassified::apply(Change& change, const Stamp&) const {
    change.classification = classification;
}

void WindowScheduled::apply(Change& change, const Stamp&) const {
    change.window = window;
}

void RingCompared::apply(Change& change, const Stamp&) const {
    change.parity = parity;
}

void RingRecorded::apply(Change& change, const Stamp&) const {
    change.ring_contents = contents;
    change.ring_record.reset();
    if (record)
        change.ring_record = *record;
}

void DivergenceAccepted::apply(Change& change, const Stamp& stamp) const {
    if (auto* divergence = change.parity ? by_id(change.parity->divergences, id) : nullptr) {
        divergence->accepted_by = stamp.by;
        divergence->accepted_because = reason;
    }
}

void PreflightReported::apply(Change& change, const Stamp&) const {
    change.preflight = preflight;
}

void RunStarted::apply(Change& change, const Stamp&) const {
    change.runs.push_back(run);
}

void RunStepReported::apply(Change& change, const Stamp&) const {
    auto* found = by_id(change.runs.edit(), run);
    auto* known = found ? step_of(*found, step.name) : nullptr;
    if (known == nullptr)
        return;
    // Whoever proposed something about the step has not seen what it is now.
    const bool moved = known->state != step.state || known->attempts != step.attempts;
    if (moved && found->proposed && found->proposed->step == step.name)
        found->proposed.reset();
    *known = step;
}

void RunStopped::apply(Change& change, const Stamp&) const {
    if (auto* found = by_id(change.runs.edit(), run))
        found->state = RunState::waiting;
}

void RunResumed::apply(Change& change, const Stamp&) const {
    if (auto* found = by_id(change.runs.edit(), run))
        found->state = RunState::running;
}

void RunDecided::apply(Change& change, const Stamp&) const {
    change.deviations.push_back(deviation);
    auto* run = by_id(change.runs.edit(), deviation.run);
    if (run == nullptr)
        return;
    run->proposed.reset();
    if (deviation.choice != DeviationChoice::abort)
        run->state = RunState::running;
    if (auto* step = step_of(*run, deviation.step)) {
        if (deviation.choice == DeviationChoice::retry)
            step->state = RunStepState::pending;
        else if (deviation.choice == DeviationChoice::skip)
            step->state = RunStepState::skipped;
        else if (deviation.choice == DeviationChoice::resume)
            step->state = RunStepState::succeeded;
    }
}

void RunChoiceProposed::apply(Change& change, const Stamp&) const {
    if (auto* found = by_id(change.runs.edit(), run)) {
        found->proposed = proposed;
    }
}

void RunUndoBegun::apply(Change& change, const Stamp&) const {
    if (auto* found = by_id(change.runs.edit(), run))
        found->undo = steps;
}

void WindowExtended::apply(Change& change, const Stamp&) const {
    change.extensions.push_back(extension);
    change.deviations.push_back(deviation);
    change.abort_alarm.reset(); // it was about the end until then
}

void RunEnded::apply(Change& change, const Stamp& stamp) const {
    if (auto* found = by_id(change.runs.edit(), run)) {
        found->state = state;
        found->ended_at = stamp.at;
    }
}

void SmokeReported::apply(Change& change, const Stamp&) const {
    change.smoke_reports.push_back(report);
}

void BackupRecorded::apply(Change& change, const Stamp&) const {
    // What connectors saw stays beside what is written by hand.
    Backup next = backup;
    if (const auto& before = std::as_const(change).backup; before)
        for (const auto* list : {&before->proofs, &before->seen})
            for (const auto& proof : *list)
                if (const auto* seen = seen_by_connector(*before, proof.ci);
                    seen != nullptr && seen_by_connector(next, proof.ci) == nullptr)
                    next.seen.push_back(*seen);
    change.backup = std::move(next);
}

void DefectLogged::apply(Change& change, const Stamp&) const {
    change.defects.push_back(defect);
}

void DefectSettled::apply(Change& change, const Stamp& stamp) const {
    if (auto* defect = by_id(change.defects, id)) {
        defect->state = state;
        defect->settled_by = state == DefectState::open ? PersonId{} : stamp.by;
        defect->settled_because = reason;
    }
}

void ChangeSubmitted::apply(Change& change, const Stamp&) const {
    change.queue = queue;
}

void VoteCast::apply(Change& change, const Stamp&) const {
    std::erase_if(change.votes, [&](const Vote& old) { return old.person == vote.person; });
    change.votes.push_back(vote);
}

void CabDecided::apply(Change& change, const Stamp&) const {
    change.decision = decision;
    change.votes.clear(); // they stand in the decision; a later round begins empty
}

void ConditionMet::apply(Change& change, const Stamp& stamp) const {
    if (auto* condition = change.decision ? by_id(change.decision->conditions, id) : nullptr) {
        condition->met_by = stamp.by;
        condition->met_at = stamp.at;
        condition->evidence = evidence;
    }
}

void ApprovalVoided::apply(Change& change, const Stamp& stamp) const {
    change.voided.push_back({stamp.at, stamp.by, sections, decision, votes});
    if (decision)
        change.decision.reset();
    change.votes.clear();
}

void ApproversKept::apply(Change& change, const Stamp&) const {
    auto& past = change.past_approvals ? *change.past_approvals : change.past_approvals.emplace();
    past.voters.insert(parts.voters.begin(), parts.voters.end());
    past.recorders.insert(parts.recorders.begin(), parts.recorders.end());
    past.authorisers.insert(parts.authorisers.begin(), parts.authorisers.end());
}

void NoticeSent::apply(Change& change, const Stamp&) const {
    change.notices.push_back(notice);
}

void NoticeDelivered::apply(Change& change, const Stamp&) const {
    if (auto* found = by_id(change.notices.edit(), notice))
        for (auto& known : found->deliveries)
            if (known.channel == delivery.channel)
                known = delivery;
}

void OncallChecked::apply(Change& change, const Stamp&) const {
    change.oncall = oncall;
}

void PageDelivered::apply(Change& change, const Stamp&) const {
    if (change.oncall)
        for (auto& page : change.oncall->pages)
            if (page.person == person) {
                page.state = state;
                page.receipt = receipt;
            }
}

// It changes nothing; it is known that it happened.
void CallFailed::apply(Change&, const Stamp&) const {}

void PageAcknowledged::apply(Change& change, const Stamp& stamp) const {
    if (change.oncall)
        for (auto& page : change.oncall->pages)
            if (page.person == person && !page.acknowledged_at)
                page.acknowledged_at = stamp.at;
}

void SnapshotReported::apply(Change& change, const Stamp&) const {
    for (auto& known : change.snapshots)
        if (known.host == snapshot.host && known.connector == snapshot.connector &&
            (known.id == snapshot.id || known.state == SnapshotState::requested ||
             known.state == SnapshotState::failed)) {
            known = snapshot;
            return;
        }
    change.snapshots.push_back(snapshot);
}

void SnapshotExtended::apply(Change& change, const Stamp&) const {
    for (auto& known : change.snapshots)
        if (known.host == host && known.id == id && is_there(known)) {
            known.expires_at = extension.until;
            known.extensions.push_back(extension);
        }
}

void DeploymentFailed::apply(Change& change, const Stamp&) const {
    change.failed_because = because;
    if (change.stabilisation)
        change.stabilisation->broken_off = true;
}

void StabilisationStarted::apply(Change& change, const Stamp& stamp) const {
    auto seen = change.stabilisation ? std::move(change.stabilisation->observations)
                                     : std::vector<Observation>{};
    change.stabilisation = Stabilisation{stamp.at, until, false, std::move(seen)};
}

void ObservationLogged::apply(Change& change, const Stamp&) const {
    if (change.stabilisation)
        change.stabilisation->observations.push_back(observation);
}

void ObservationResolved::apply(Change& change, const Stamp& stamp) const {
    if (auto* found =
            change.stabilisation ? by_id(change.stabilisation->observations, id) : nullptr) {
        found->resolved_by = stamp.by;
        found->resolved_at = stamp.at;
        found->resolution = resolution;
    }
}

void ReviewHeld::apply(Change& change, const Stamp&) const {
    change.review = review;
}

void ActionAdded::apply(Change& change, const Stamp&) const {
    change.actions.push_back(action);
}

void ActionDone::apply(Change& change, const Stamp& stamp) const {
    if (auto* action = by_id(change.actions, id))
        action->done_at = stamp.at;
}

void CmdbUpdated::apply(Change& change, const Stamp&) const {
    change.cmdb_pushes = pushes;
}

void ChangeClosed::apply(Change& change, const Stamp&) const {
    change.closure = closure;
}

void ChangeCancelled::apply(Change& change, const Stamp& stamp) const {
    change.closure = Closure{Outcome::cancelled, reason, stamp.by, stamp.at, {}};
    change.state = ChangeState::cancelled;
}

void StepFilled::apply(Change& change, const Stamp&) const {
    auto& record = change.steps[step];
    record.values = values;
    record.read_by_board = read_by_board;
}

void StepCompleted::apply(Change& change, const Stamp& stamp) const {
    auto& record = change.steps[step];
    record.state = StepState::completed;
    record.completed_by = stamp.by;
    record.completed_at = stamp.at;
    record.warnings = warnings;
    const bool classified = std::find(gates.begin(), gates.end(), "classification") != gates.end();
    if (change.classification && classified)
        change.classification->accepted = true;
}

void StepReopened::apply(Change& change, const Stamp&) const {
    auto& record = change.steps[step];
    record.state = StepState::open;
    record.completed_by = {};
    record.completed_at.reset();
    record.warnings.clear();
}

void StepAssigned::apply(Change& change, const Stamp&) const {
    change.steps[step].assignee = person;
}

void StepPostponed::apply(Change& change, const Stamp& stamp) const {
    change.steps[step].state = StepState::postponed;
    const Owed owed{step.value, OwedKind::step, reason, stamp.by, stamp.at, due_at, {}, {},
                    {},         false};
    auto* known = by_id(change.owed, step.value);
    if (known == nullptr)
        change.owed.push_back(owed);
    else if (known->settled_at)
        *known = owed;
}

void ReviewOwed::apply(Change& change, const Stamp& stamp) const {
    const Owed owed{
        "retrospective_review",
        OwedKind::retrospective_review,
        "an emergency is reviewed by the CAB afterwards",
        stamp.by,
        stamp.at,
        due_at,
        {},
        {},
        {},
        false};
    // One that fell away is owed anew when the ECAB approves again, and a settled one when what was
    // reviewed came to another end.
    if (auto* known = by_id(change.owed, owed.id))
        *known = owed;
    else
        change.owed.push_back(owed);
}

void OwedSettled::apply(Change& change, const Stamp& stamp) const {
    for (auto& owed : change.owed)
        if (owed.id == id && !owed.settled_at) {
            owed.settled_at = stamp.at;
            owed.settled_by = stamp.by;
            owed.note = note;
            owed.fell_away = fell_away;
        }
}

void Reminded::apply(Change& change, const Stamp& stamp) const {
    switch (kind) {
    case ReminderKind::step_due:
        ++about_date(change.steps[StepId(about)], due_at).reminders;
        break;
    case ReminderKind::step_overdue:
        about_date(change.steps[StepId(about)], due_at).overdue_noted = true;
        break;
    case ReminderKind::action_due:
        if (auto* action = by_id(change.actions, about))
            ++action->reminders;
        break;
    case ReminderKind::owed_overdue:
        for (auto& owed : change.owed)
            if (owed.id == about)
                owed.overdue_noted = true;
        break;
    case ReminderKind::abort_by_near:
        change.abort_alarm = AbortAlarm{stamp.at, {}};
        break;
    case ReminderKind::abort_by_passed:
        change.abort_alarm =
            AbortAlarm{change.abort_alarm ? change.abort_alarm->at : stamp.at, stamp.at};
        break;
    case ReminderKind::snapshot_due:
        for (auto& snapshot : change.snapshots)
            if (snapshot.host == about && is_there(snapshot) && due_at == snapshot.expires_at)
                snapshot.reminded_for = due_at;
        break;
    case ReminderKind::waiver_ended:
        if (auto* waiver = by_id(change.waivers, about))
            waiver->end_noted = true;
        break;
    }
}

void WaiverRequested::apply(Change& change, const Stamp&) const {
    change.waivers.push_back(waiver);
}

void WaiverGranted::apply(Change& change, const Stamp& stamp) const {
    if (auto* waiver = by_id(change.waivers, id)) {
        waiver->state = WaiverState::granted;
        waiver->granted_by = stamp.by;
    }
}

void WaiverRevoked::apply(Change& change, const Stamp& stamp) const {
    if (auto* waiver = by_id(change.waivers, id)) {
        waiver->state = WaiverState::revoked;
        waiver->revoked_at = stamp.at;
    }
}

void AttachmentAdded::apply(Change& change, const Stamp&) const {
    change.attachments.push_back(attachment);
}

void Commented::apply(Change& change, const Stamp& stamp) const {
    change.comments.push_back({text, stamp.by, stamp.at});
}

} // namespace slipway::domain
