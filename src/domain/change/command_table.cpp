// SPDX-License-Identifier: Apache-2.0
#include "domain/change/command_table.hpp"

#include <array>

#include "base/schema.hpp"
#include "domain/change/decide.hpp"

namespace slipway::domain {

namespace {

enum class Reach { everyone, internal };

template <class Body, decide::Decides<Body> Function>
Result<Decision> read_and_decide(const Change& change, const Json& json, const Facts& facts) {
    // What the worker brings was said by connectors and programs: it is kept as it came.
    return Function(change, TRY(decode<Body>(json, !facts.system)), facts);
}

template <class Body, decide::Decides<Body> Function>
CommandRow
row(std::string_view name, std::string_view summary, Permission permission,
    Reach reach = Reach::everyone) {
    return {
        name,
        summary,
        permission,
        reach == Reach::internal,
        schema_of<Body>,
        read_and_decide<Body, Function>};
}

using enum Permission;

const std::array command_rows{
    row<OpenChange, decide::open>("open", "Open a change", change_write),
    row<DescribeScope, decide::describe>(
        "describe", "Describe the scope: what, why, where, and what customers will see",
        change_write
    ),
    row<Assign, decide::assign>("assign", "Name the people, rings and roster", change_write),
    row<Nothing, decide::trace_impact>(
        "trace_impact", "Trace what depends on the scope, over the CMDB", change_write
    ),
    row<AcknowledgeImpact, decide::acknowledge_impact>(
        "acknowledge_impact", "Answer for an impacted job or integration", change_write
    ),
    row<Attach, decide::attach>("attach", "Attach an uploaded file as evidence", change_write),
    row<PinRunbook, decide::pin_runbook>(
        "pin_runbook", "Pin an uploaded runbook: these bytes and no others", change_write
    ),
    row<Classify, decide::classify>(
        "classify", "Classify as standard, normal or emergency", change_write
    ),
    row<Schedule, decide::schedule>("schedule", "Schedule the maintenance window", change_write),
    row<Nothing, decide::compare_ring>(
        "compare_ring", "Compare the test ring with production", change_write
    ),
    row<AcceptDivergence, decide::accept_divergence>(
        "accept_divergence", "Accept a difference between the rings, with a reason", change_write
    ),
    row<Nothing, decide::preflight>(
        "preflight",
        "Look whether hosts, programs, disk and credentials of both runbooks are there now",
        change_run
    ),
    row<RecordPreflight, decide::record_preflight>(
        "record_preflight", "Record what a preflight found", change_run, Reach::internal
    ),
    row<StartRun, decide::start_run>(
        "start_run", "Start a runbook: on the ring, as a rehearsal, on production", change_run
    ),
    row<ReportRun, decide::report_run>(
        "report_run", "Report steps of a run with executor external", change_run
    ),
    row<ConfirmStep, decide::confirm_step>(
        "confirm_step", "Confirm a manual step or a decision point", change_run
    ),
    row<DecideRun, decide::decide_run>(
        "decide_run", "Decide on a stopped run: retry, skip, resume, abort or undo", change_run
    ),
    row<ExtendWindow, decide::extend_window>(
        "extend_window", "Give a deployment that is under way more time", change_manage
    ),
    row<RunSmoke, decide::run_smoke>("run_smoke", "Run the smoke list", change_run),
    row<RecordSmoke, decide::record_smoke>(
        "record_smoke", "Record smoke results, also from JUnit XML", change_run
    ),
    row<Nothing, decide::verify_backup>(
        "verify_backup", "Check and test-restore the backups", change_run
    ),
    row<RecordBackup, decide::record_backup>(
        "record_backup", "Record the backup verdict and its proofs", change_run
    ),
    row<LogDefect, decide::log_defect>("log_defect", "Log a defect or known issue", change_write),
    row<SettleDefect, decide::settle_defect>(
        "settle_defect", "Resolve a defect, or accept its risk", change_write
    ),
    row<Submit, decide::submit>("submit", "Put the change into the CAB's queue", change_write),
    row<CastVote, decide::vote>("vote", "Vote as a member of the board", change_approve),
    row<RecordDecision, decide::decide>("decide", "Record the CAB's decision", change_manage),
    row<MeetCondition, decide::meet_condition>(
        "meet_condition", "Record how a condition of the CAB was met", change_write
    ),
    row<SendNotice, decide::send_notice>(
        "send_notice", "Send a notice on every channel", change_write
    ),
    row<ReportDelivery, decide::report_delivery>(
        "report_delivery", "Record a channel's receipt for a notice", change_run
    ),
    row<Nothing, decide::check_oncall>(
        "check_oncall", "Check the on-call cover of the window and page everyone", change_write
    ),
    row<ReportPage, decide::report_page>("report_page", "Record what became of a page", change_run),
    row<ReportCall, decide::report_call>(
        "report_call", "Record that a call reached nobody", change_run, Reach::internal
    ),
    row<Nothing, decide::acknowledge_page>(
        "acknowledge_page", "Acknowledge that you are on call", change_read
    ),
    row<TakeSnapshot, decide::take_snapshot>(
        "take_snapshot", "Take snapshots of the production hosts", change_run
    ),
    row<ReportSnapshot, decide::report_snapshot>(
        "report_snapshot", "Record what became of a snapshot", change_run
    ),
    row<ExtendSnapshot, decide::extend_snapshot>(
        "extend_snapshot", "Let a snapshot live on, with a reason", change_run
    ),
    row<RevertSnapshot, decide::revert_snapshot>(
        "revert_snapshot", "Decide that the deployment failed and go back to the snapshots",
        change_run
    ),
    row<RollBack, decide::roll_back>(
        "roll_back", "Decide that the deployment failed and roll it back", change_run
    ),
    row<LogObservation, decide::log_observation>(
        "log_observation", "Log an alert, ticket or spike during stabilisation", change_write
    ),
    row<ResolveObservation, decide::resolve_observation>(
        "resolve_observation", "Resolve an observation", change_write
    ),
    row<HoldReview, decide::hold_review>(
        "hold_review", "Record the post-implementation review", change_write
    ),
    row<AddAction, decide::add_action>("add_action", "Add an action item", change_write),
    row<CompleteAction, decide::complete_action>(
        "complete_action", "Complete an action item", change_write
    ),
    row<UpdateCmdb, decide::update_cmdb>(
        "update_cmdb", "Write what runs now into the CMDB; its gate reads it back", change_write
    ),
    row<Close, decide::close>("close", "Close the change with its outcome", change_write),
    row<Cancel, decide::cancel>("cancel", "Cancel a change that touched nothing", change_write),
    row<FillStep, decide::fill_step>("fill_step", "Fill in the form of a step", change_write),
    row<CompleteStep, decide::complete_step>(
        "complete_step", "Complete a step: its gate decides", change_write
    ),
    row<ReopenStep, decide::reopen_step>("reopen_step", "Reopen a step", change_write),
    row<ReopenStep, decide::postpone_step>(
        "postpone_step", "Postpone a step of an emergency; it is owed afterwards", change_write
    ),
    row<AssignStep, decide::assign_step>("assign_step", "Assign a step to a person", change_write),
    row<SettleOwed, decide::settle_owed>(
        "settle_owed", "Settle the retrospective review of an emergency", change_approve
    ),
    row<RequestWaiver, decide::request_waiver>(
        "request_waiver", "Ask for a waiver of a gate", change_write
    ),
    row<WaiverId, decide::grant_waiver>(
        "grant_waiver", "Grant a waiver that somebody else asked for", change_manage
    ),
    row<RevokeWaiver, decide::revoke_waiver>("revoke_waiver", "Revoke a waiver", change_write),
    row<AddComment, decide::comment>("comment", "Add a comment", change_write),
    row<Nothing, decide::tick>("tick", "Do what is due", change_write, Reach::internal),
};

} // namespace

std::span<const CommandRow> command_table() {
    return command_rows;
}

const CommandRow* find_command(std::string_view name) {
    for (const auto& row : command_rows)
        if (row.name == name)
            return &row;
    return nullptr;
}

} // namespace slipway::domain
