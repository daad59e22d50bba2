// SPDX-License-Identifier: Apache-2.0
// One pure function per command: the change, the command's body and the facts give a Decision or a
// refusal. They are called through the command table (command_table.hpp).
#pragma once

#include "domain/change/cmdb_versions.hpp"
#include "domain/change/commands.hpp"
#include "domain/change/decision.hpp"

namespace slipway::domain::decide {

template <class Body>
using Decides = Result<Decision>(const Change&, const Body&, const Facts&);

// planning.cpp
Decides<OpenChange> open;
Decides<DescribeScope> describe;
Decides<Assign> assign;
Decides<Nothing> trace_impact;
Decides<AcknowledgeImpact> acknowledge_impact;
Decides<Attach> attach;
Decides<PinRunbook> pin_runbook;
Decides<Classify> classify;
Decides<Schedule> schedule;
// preflight.cpp
Decides<Nothing> preflight;
Decides<RecordPreflight> record_preflight;
// validation.cpp
Decides<Nothing> compare_ring;
Decides<AcceptDivergence> accept_divergence;
Decides<RunSmoke> run_smoke;
Decides<RecordSmoke> record_smoke;
Decides<Nothing> verify_backup;
Decides<RecordBackup> record_backup;
Decides<LogDefect> log_defect;
Decides<SettleDefect> settle_defect;
// review.cpp
Decides<Submit> submit;
Decides<CastVote> vote;
Decides<RecordDecision> decide;
Decides<MeetCondition> meet_condition;
Decides<SendNotice> send_notice;
Decides<ReportDelivery> report_delivery;
Decides<Nothing> check_oncall;
Decides<ReportPage> report_page;
Decides<ReportCall> report_call; // paging.cpp
Decides<Nothing> acknowledge_page;
// runs.cpp
Decides<StartRun> start_run;
Decides<ReportRun> report_run;
Decides<ConfirmStep> confirm_step;
Decides<DecideRun> decide_run;
Decides<RollBack> roll_back;
Decides<ExtendWindow> extend_window; // decide_extension.cpp
Decides<TakeSnapshot> take_snapshot;
Decides<ReportSnapshot> report_snapshot;
Decides<ExtendSnapshot> extend_snapshot;
Decides<RevertSnapshot> revert_snapshot;
// closure.cpp
Decides<LogObservation> log_observation;
Decides<ResolveObservation> resolve_observation;
Decides<HoldReview> hold_review;
Decides<AddAction> add_action;
Decides<CompleteAction> complete_action;
Decides<UpdateCmdb> update_cmdb;
Decides<Close> close;
Decides<Cancel> cancel;
// steps.cpp
Decides<FillStep> fill_step;
Decides<CompleteStep> complete_step;
Decides<ReopenStep> reopen_step;
Decides<ReopenStep> postpone_step;
Decides<AssignStep> assign_step;
Decides<SettleOwed> settle_owed;
Decides<RequestWaiver> request_waiver;
Decides<WaiverId> grant_waiver;
Decides<RevokeWaiver> revoke_waiver;
Decides<AddComment> comment;
// timers.cpp
Decides<Nothing> tick;

} // namespace slipway::domain::decide
