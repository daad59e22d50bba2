// SPDX-License-Identifier: Apache-2.0
#include "cli/event_words.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "cli/text.hpp"
#include "domain/records/ring_contents.hpp"

namespace slipway::cli {

namespace {

struct Phrase {
    std::string_view type;
    // "{path}" is a value of the data; what stands in "[ ]" is left out when a value in it is
    // empty; "{known}" is what known_of() works out.
    std::string_view text;
};

// Beside the events' wire names those of what some of them may tell.
constexpr Phrase phrases[] = {
    {"change_opened", "opened: {title}[; owner {change_owner}][; implementer {implementer}]"
                      "[; risk {risk}][; workflow {workflow.name}]"},
    {"scope_described", "described the scope: {scope.summary}[; changes {scope.cis.ci}]"},
    {"participants_assigned",
     "assigned:[ change owner {change_owner},][ implementer {implementer},]"
     "[ rollback owner {rollback_owner},][ rollback backup {rollback_backup},][ risk {risk},]"
     "[ production ring {production_ring},][ test ring {test_ring},][ roster {roster},]"},
    {"impact_traced", "traced the impact: {impact.hits.ci}[; not in the CMDB: {impact.unknown}]"},
    {"impact_acknowledged", "answers for {ci}[: {note}]"},
    {"runbook_pinned",
     "pinned the {purpose} runbook {runbook.name}[, written by {runbook.author}]"},
    {"change_classified",
     "classified as {classification.type}[; incident {classification.incident}]"
     "[; authorised by {classification.authoriser}]"
     "[; catalogue entry {classification.catalogue_entry}]"
     "[; against the proposal: {classification.overridden}][; because {classification.reason}]"},
    {"window_scheduled",
     "scheduled the window: {window.start_local} to {window.end_local} {window.zone}"
     "[; because {window.reason}]"},
    {"ring_compared",
     "compared {parity.ring} with {parity.production}[; different: {parity.divergences.id}]"},
    {"ring_recorded", "recorded what the ring {ring} holds: {known}"},
    {"divergence_accepted",
     "accepted the difference {id}[, {ring_value} instead of {production_value}]: {reason}"},
    {"preflight_reported", "preflight on {preflight.ring}: {known}"},
    {"run_started", "started {run.id}: {run.purpose}[ on {run.ring}]"
                    "[, as it was approved; edited since: {run.ring_edits}]"},
    {"run_step_reported", "{run}: step {step.name} {step.state}[, confirmed by {step.confirmed_by}]"
                          "[ and {step.seconded_by}][: {step.detail}]"},
    {"run_stopped", "{run}[ ({known})] stopped at {step}: {because}"},
    {"run_resumed", "{run}[ ({known})] goes on"},
    {"run_decided", "decided on {deviation.run} at {deviation.step}: {deviation.choice}"
                    "[, with {deviation.second}][; because {deviation.reason}]"},
    {"run_choice_proposed", "wants {run} to go on at {step}: {proposed.choice}"
                            "[; because {proposed.reason}]; the other of the step's two people "
                            "must agree"},
    {"run_undo_begun", "{run}[ ({known})] is taken back[ by {steps.name}]"},
    {"window_extended", "extended the window from {extension.from} to {extension.until}"
                        "[; because {extension.reason}]"},
    {"run_ended", "{run}[ ({known})] ended: {state}"},
    {"smoke_reported", "smoke tests, {report.occasion} on {report.ring}: {known}"
                       "[; silent agents: {report.silent_agents}]"
                       "[; new alerts: {report.new_alerts}]"
                       "[; nobody looked from the outside: {report.not_outside}]"},
    {"backup_recorded", "backups {backup.verdict}[: {backup.proofs.ci}][: {backup.reason}]"},
    {"defect_logged", "logged defect {defect.id}, {defect.severity}: {defect.title}"},
    {"defect_settled", "defect {id} {state}[: {reason}]"},
    {"change_submitted", "submitted to {queue.board}[, meeting {queue.meeting_at}]"
                         "[; {queue.deferred_because}][; kept on it: {queue.kept_because}]"},
    {"vote_cast", "voted {vote.choice}[ for {vote.groups}][: {vote.comment}]"},
    {"cab_decided", "{decision.board} decided: {decision.outcome}"
                    "[; on condition: {decision.conditions.text}][; minutes: {decision.minutes}]"},
    {"condition_met", "met condition {id}: {evidence}"},
    {"approval_voided", "the edit of {sections} voided {known}"},
    {"approvers_kept", "keeps who had a part in what stood[; voted: {parts.voters}]"
                       "[; recorded: {parts.recorders}][; authorised: {parts.authorisers}]"},
    {"notice_sent", "sent {notice.kind} notice {notice.id}: {notice.subject}"
                    "[; to {notice.deliveries.channel}]"},
    {"notice_delivered",
     "notice {notice} on {delivery.channel}: {delivery.state}[, {delivery.receipt}]"},
    {"oncall_checked", "checked the on-call cover of {oncall.roster}[; gaps: {oncall.gaps}]"
                       "[; on call: {oncall.pages.person}]"},
    {"page_delivered", "page to {person}: {state}[, {receipt}]"},
    {"call_failed", "{known}: {subject}[; {detail}]"},
    {"page_acknowledged", "acknowledged the page to {person}"},
    {"snapshot_reported",
     "snapshot of {snapshot.host} {snapshot.state}[, {snapshot.id}][: {snapshot.detail}]"},
    {"snapshot_to_measure", "snapshot of {snapshot.host}: its size is asked for[, {snapshot.id}]"},
    {"snapshot_measured",
     "snapshot of {snapshot.host} measured, {snapshot.size_bytes} bytes[, {snapshot.id}]"},
    {"snapshot_to_remove", "snapshot of {snapshot.host}: its removal is asked for"
                           "[, {snapshot.id}]"},
    {"snapshot_not_removed",
     "snapshot of {snapshot.host} could not be removed[, {snapshot.id}][: {snapshot.detail}]"},
    {"snapshot_to_revert", "snapshot of {snapshot.host}: going back to it is asked for"
                           "[, {snapshot.id}]"},
    {"snapshot_not_reverted",
     "snapshot of {snapshot.host} could not be reverted to[, {snapshot.id}][: {snapshot.detail}]"},
    {"snapshot_no_way_back",
     "snapshot of {snapshot.host} is no way back any more[, {snapshot.id}][: {snapshot.detail}]"},
    {"snapshot_extended",
     "lets the snapshot of {host} live until {extension.until}: {extension.reason}"},
    {"deployment_failed", "the deployment failed: {because}"},
    {"stabilisation_started", "stabilisation began, until {until}"},
    {"observation_logged", "saw {observation.kind} {observation.id}: {observation.title}"
                           "[; source {observation.source}]"},
    {"observation_resolved", "resolved {id}: {resolution}"},
    {"review_held", "held the review[; to plan: {review.went_to_plan}]"
                    "[; deviations: {review.deviations}][; corrections: {review.corrections}]"},
    {"action_added", "added action {action.id}: {action.title}[; owner {action.owner}]"
                     "[; due {action.due_at}]"},
    {"action_done", "action {id} is done"},
    {"cmdb_updated", "wrote into the CMDB: {pushes.ci}[, version {pushes.pushed}]"},
    {"change_closed", "closed, {closure.outcome}[: {closure.summary}]"},
    {"change_cancelled", "cancelled: {reason}"},
    {"step_filled", "filled in step {step}[: {values}]"},
    {"step_completed", "completed step {step}[; gates {gates}][; warned: {warnings}]"},
    {"step_reopened", "reopened step {step}[: {reason}]"},
    {"step_assigned", "assigned step {step} to {person}"},
    {"step_postponed", "postponed step {step}, owed by {due_at}[: {reason}]"},
    {"review_owed", "a retrospective review is owed by {due_at}"},
    {"owed_settled", "{known} {id}, which was owed[: {note}]"},
    {"reminded", "reminder, {kind}: {about}[, due {due_at}]"},
    {"abort_by_near", "abort-by is near: {about} must turn round by {due_at}"},
    {"abort_by_passed", "{about} is past abort-by, {due_at}: no further step begins"},
    {"waiver_requested", "asked for waiver {waiver.id} of gate {waiver.gate}: {waiver.reason}"
                         "[; until {waiver.expires_at}]"},
    {"waiver_granted", "granted waiver {id}[ of gate {known}]"},
    {"waiver_revoked", "revoked waiver {id}[ of gate {known}][; because {reason}]"},
    {"attachment_added", "attached {attachment.name}[ to step {attachment.step}]"
                         "[ as {attachment.field}]"},
    {"commented", "said: {text}"},
};

// The values that the path leads to; the members of a list are followed each.
void collect(const Json& value, std::string_view path, std::vector<std::string>& out) {
    if (const auto* list = value.if_array()) {
        for (const auto& element : *list)
            collect(element, path, out);
        return;
    }
    if (path.empty()) {
        if (auto text = cell(value); !text.empty())
            out.push_back(std::move(text));
        return;
    }
    const auto dot = path.find('.');
    const auto* next = value.is_object() ? find(value, path.substr(0, dot)) : nullptr;
    if (next != nullptr)
        collect(*next, dot == std::string_view::npos ? "" : path.substr(dot + 1), out);
}

std::string values_text(const Json& data, std::string_view path, std::size_t text_max) {
    std::vector<std::string> values;
    collect(data, path, values);
    std::string out;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (i == values_max)
            return out + fmt::format(" and {} more", values.size() - i);
        out += (i == 0 ? "" : ", ") + clipped(values[i], text_max);
    }
    return out;
}

std::string
filled(std::string_view phrase, const Json& data, const std::string& known, std::size_t text_max) {
    std::string out;
    std::size_t optional_from = 0;
    bool is_missing = false;
    for (std::size_t i = 0; i < phrase.size(); ++i) {
        const char c = phrase[i];
        if (c == '[') {
            optional_from = out.size();
            is_missing = false;
        } else if (c == ']') {
            if (is_missing)
                out.resize(optional_from);
        } else if (c == '{') {
            const auto end = phrase.find('}', i);
            const auto path = phrase.substr(i + 1, end - i - 1);
            const auto text = path == "known" ? known : values_text(data, path, text_max);
            is_missing = is_missing || text.empty();
            out += text;
            i = end;
        } else {
            out += c;
        }
    }
    // A value that is not there leaves what led to it.
    const auto end = out.find_last_not_of(" ,:;");
    out.resize(end == std::string::npos ? 0 : end + 1);
    return out;
}

// What a check was of: its name, its host, or both.
std::string subject_of(const Json& check) {
    const auto name = clean(text_or_empty(check, "name"));
    const auto host = clean(text_or_empty(check, "host"));
    return name.empty() || host.empty() ? name + host : name + " on " + host;
}

// How many of the checks passed, and which did not.
std::string checks_text(const Json& data, std::string_view path) {
    const auto* results = at_path(data, path);
    if (results == nullptr || !results->is_array())
        return "no check ran";
    std::size_t passed = 0;
    std::string failed;
    for (const auto& result : results->get_array()) {
        const auto* good = find(result, "passed");
        if (good != nullptr && good->is_bool() && good->get_bool())
            ++passed;
        else
            failed += (failed.empty() ? "; failed: " : ", ") + subject_of(result);
    }
    return fmt::format(
        "{} of {} checks passed{}", passed, results->get_array().size(), clipped(failed, phrase_max)
    );
}

// Old entries hold the digest alone.
std::string ring_text(const Json& data) {
    const auto* record = find(data, "record");
    const auto ring = record ? restore<domain::RingRecord>(*record)
                             : Result<domain::RingRecord>(fail(ErrorCode::not_found, {}));
    return clean(ring ? domain::ring_in_words(*ring) : text_or_empty(data, "contents"));
}

std::string voided_text(const Json& data) {
    const auto* votes = find(data, "votes");
    const auto count = votes ? cell(*votes) : std::string("0");
    const bool decided = truth_at(data, "decision");
    const auto cast = count == "1" ? std::string("1 vote") : count + " votes";
    if (decided)
        return count == "0" ? "the decision" : "the decision and " + cast;
    return cast;
}

// Of an entry about a snapshot that is there, its newest time is that of what happened. Of a taking
// the others are not there yet.
std::string_view newest_of_snapshot(const Json& snapshot) {
    constexpr std::pair<std::string_view, std::string_view> times[] = {
        {"measured_at", "snapshot_measured"},
        {"removal_failed_at", "snapshot_not_removed"},
        {"removal_asked_at", "snapshot_to_remove"},
        {"revert_asked_at", "snapshot_to_revert"}};
    // It is kept of an earlier revert when a provider uses an id again.
    const bool reverted = text_or_empty(snapshot, "state") == "reverted";
    auto newest = reverted ? text_or_empty(snapshot, "reverted_at") : std::string_view{};
    std::string_view told = "snapshot_reported";
    for (const auto& [name, event] : times)
        if (const auto at = text_or_empty(snapshot, name); at > newest) { // RFC 3339 in UTC
            newest = at;
            told = event;
        }
    return told;
}

} // namespace

std::string_view EntryWords::told_of_snapshot(const Json& data) {
    const auto* snapshot = find(data, "snapshot");
    const auto state = snapshot ? text_or_empty(*snapshot, "state") : std::string_view{};
    if (state != "taken" && state != "reverted")
        return "snapshot_reported";
    const auto key =
        fmt::format("{} {}", text_or_empty(*snapshot, "host"), text_or_empty(*snapshot, "id"));
    const auto known = snapshots_.find(key);
    const auto before = known == snapshots_.end() ? SnapshotSeen{} : known->second;
    auto told = newest_of_snapshot(*snapshot);
    SnapshotSeen now;
    const auto* size = find(*snapshot, "size_bytes");
    now.size = size ? cell(*size) : std::string{};
    now.asked_revert = !text_or_empty(*snapshot, "revert_asked_at").empty();
    now.read_back = truth_at(*snapshot, "read_back");
    // The asking tells the old size, and the answer that follows it the new one.
    const bool only_asked =
        known != snapshots_.end() && !before.asked_size && before.size == now.size;
    // What failed leaves no time of its own.
    if (before.asked_revert && !now.asked_revert && state == "taken")
        told = "snapshot_not_reverted";
    else if (before.read_back && !now.read_back)
        told = "snapshot_no_way_back";
    else if (told == "snapshot_measured" && only_asked) {
        told = "snapshot_to_measure";
        now.asked_size = true;
    }
    snapshots_.insert_or_assign(key, now);
    return told;
}

std::string EntryWords::of(std::string_view type, const Json& data) {
    const auto remember = [&](auto& known, std::string_view id_path, std::string value) {
        if (const auto* id = at_path(data, id_path); id && id->is_string())
            known.insert_or_assign(std::string(view(id->get_string())), std::move(value));
    };
    const auto recall = [&](const auto& known, std::string_view id_name) {
        const auto found = known.find(text_or_empty(data, id_name));
        return found == known.end() ? std::string{} : found->second;
    };
    std::string known;
    auto told = type;
    if (type == "snapshot_reported")
        told = told_of_snapshot(data);
    else if (type == "reminded" && text_or_empty(data, "kind").starts_with("abort_by_"))
        told = text_or_empty(data, "kind");
    else if (type == "call_failed")
        known = text_or_empty(data, "person").empty()
                    ? "nobody was reached"
                    : values_text(data, "person", text_max_) + " was not reached";
    else if (type == "run_started")
        remember(purposes_, "run.id", values_text(data, "run.purpose", text_max_));
    else if (type == "waiver_requested")
        remember(
            waivers_, "waiver.id",
            fmt::format(
                "{} ({})", values_text(data, "waiver.gate", text_max_),
                values_text(data, "waiver.reason", text_max_)
            )
        );
    else if (type.starts_with("run_"))
        known = recall(purposes_, "run");
    else if (type.starts_with("waiver_"))
        known = recall(waivers_, "id");
    else if (type == "smoke_reported")
        known = checks_text(data, "report.results");
    else if (type == "preflight_reported")
        known = checks_text(data, "preflight.checks");
    else if (type == "ring_recorded")
        known = ring_text(data);
    else if (type == "approval_voided")
        known = voided_text(data);
    else if (type == "owed_settled")
        known = truth_at(data, "fell_away") ? "gave up" : "settled";
    const auto phrase =
        std::find_if(std::begin(phrases), std::end(phrases), [&](const Phrase& one) {
            return one.type == told;
        });
    return phrase == std::end(phrases) ? clean(type) : filled(phrase->text, data, known, text_max_);
}

} // namespace slipway::cli
