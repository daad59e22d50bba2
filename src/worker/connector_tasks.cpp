// SPDX-License-Identifier: Apache-2.0
// Tasks that ask an outside system: backups, snapshots, notices, pages. The idempotency key is the
// task's id, so a repeated attempt is recognised by systems that can.
#include "domain/change/reverts.hpp"
#include "domain/records/records.hpp"
#include "worker/tasks.hpp"

namespace slipway::worker {

namespace {

app::AskContext asking(const TaskContext& context, std::string connector, Span deadline) {
    return {
        context.task.tenant, std::move(connector), context.task.id.value, deadline, context.stop};
}

constexpr auto quick = std::chrono::seconds(60);
constexpr auto patient = std::chrono::minutes(30);
constexpr auto restoring = limits::connector_call_timeout_max; // takes as long as it takes

std::string why(const Error& error) {
    return cut_text(error.message, limits::text_max);
}

// A passing fault is tried again; what will not mend, or did not in the end, goes on the record.
// That the server stops is nobody's failure.
bool try_again(const TaskContext& context, const Error& error) {
    if (context.stop.stop_requested())
        return true;
    return !context.last_attempt && app::retry_of(error).retry != app::Retry::never;
}

const std::string& connector_of(const domain::BackupTask& task, const CiId& ci) {
    const auto own = task.connectors.find(ci);
    return own == task.connectors.end() ? task.connector : own->second;
}

// That it failed stays on the record of this very item, with the words of its connector.
domain::BackupProof
no_proof(const domain::BackupTask& task, const domain::ScopedCi& scoped, std::string problem) {
    domain::BackupProof proof;
    proof.ci = scoped.ci;
    proof.host = scoped.host;
    proof.source = connector_of(task, scoped.ci);
    proof.detail = std::move(problem);
    return proof;
}

Result<domain::BackupProof> prove_backup(
    const TaskContext& context, const domain::BackupTask& task, const domain::ScopedCi& scoped
) {
    const auto& connector = connector_of(task, scoped.ci);
    const auto ask = asking(context, connector, restoring);
    const auto status =
        TRY(app::ask(context.parts.connectors, ask, app::BackupCheck{scoped.ci, scoped.host}));
    domain::BackupProof proof;
    proof.ci = scoped.ci;
    proof.host = scoped.host;
    proof.source = connector + (status.job.empty() ? "" : " " + status.job);
    proof.point = status.point;
    proof.last_success = status.last_success;
    if (status.point.empty()) {
        proof.detail = "there is no restore point";
        return proof;
    }
    const auto proven = TRY(app::ask(
        context.parts.connectors, ask, app::BackupProve{scoped.ci, scoped.host, status.point}
    ));
    proof.restored = proven.restored;
    if (proven.restored)
        proof.restored_at = context.parts.door.clock().now();
    if (proven.content_digest)
        proof.content_digest = proven.content_digest->hex();
    proof.files = proven.files;
    proof.bytes = proven.bytes;
    proof.detail = proven.detail;
    proof.restored_point = proven.point;
    proof.point_ci = proven.ci;
    proof.point_host = proven.host;
    proof.point_at = proven.point_at;
    return proof;
}

// A passing fault of one item is waited out here, beside what was proven of the others: restores
// that took hours are not done again for it.
Result<std::vector<domain::BackupProof>>
prove_all(const TaskContext& context, const domain::BackupTask& task) {
    std::vector<std::optional<domain::BackupProof>> proofs(task.cis.size());
    for (int round = 1;; ++round) {
        Span pause{};
        for (std::size_t i = 0; i < proofs.size(); ++i) {
            if (proofs[i])
                continue;
            auto proof = prove_backup(context, task, task.cis[i]);
            if (context.stop.stop_requested())
                return fail(ErrorCode::unavailable, "the proof was cut short");
            if (proof)
                proofs[i] = *std::move(proof);
            else if (round < limits::task_attempts_max && try_again(context, proof.error()))
                pause = std::max(pause, pause_after(proof.error(), round));
            else
                proofs[i] = no_proof(task, task.cis[i], why(proof.error()));
        }
        if (pause == Span::zero())
            break;
        rest(context.stop, pause);
    }
    std::vector<domain::BackupProof> all;
    for (auto& proof : proofs)
        all.push_back(*std::move(proof));
    return all;
}

Json snapshot_report(const std::string& host, std::string_view state, std::string detail) {
    JsonObject body;
    body["host"] = host;
    body["state"] = state;
    body["detail"] = std::move(detail);
    return body;
}

// Asked past passing faults: a task that died for a database that was away would leave its snapshot
// "at work" for ever.
Result<bool> is_wanted(const TaskContext& context, const domain::SnapshotTask& task) {
    bool wanted = false;
    TRY(tell_past_faults(context, [&](bool) -> Result<void> {
        wanted = domain::is_to_be_reverted(TRY(context.change()), task);
        return {};
    }));
    return wanted;
}

} // namespace

Result<void> carry_out_backup(const TaskContext& context) {
    const auto task = TRY(restore<domain::BackupTask>(std::string_view(context.task.payload)));
    JsonArray proofs;
    std::string problem;
    for (auto& proof : TRY(prove_all(context, task))) {
        if (!proof.restored && proof.detail.empty())
            proof.detail = "the restore did not come out whole";
        if (!proof.restored)
            problem = cut_text(proof.ci.value + ": " + proof.detail, limits::text_max);
        proofs.push_back(to_json(proof));
    }
    JsonObject body;
    body["verdict"] = problem.empty() ? "verified" : "not_verified";
    body["reason"] = problem;
    body["proofs"] = std::move(proofs);
    return context.finish("record_backup", std::move(body));
}

// What is read back must be what was asked for: our tag, the host, and this very end. Without that
// it is somebody else's, or an older one of ours, and no way back.
std::string not_as_asked(const domain::SnapshotTask& task, const app::Snapshot& read) {
    if (read.tag != task.tag)
        return fmt::format("it carries the tag {}", read.tag.empty() ? "of nobody" : read.tag);
    if (!read.host.empty() && read.host != task.host)
        return "it is of the host " + read.host;
    if (!read.expires || *read.expires < task.expires_at - std::chrono::seconds(1) ||
        *read.expires > task.expires_at + std::chrono::seconds(1))
        return read.expires ? "its end is " + to_text(*read.expires) : "it has no end";
    return {};
}

Result<void> carry_out_snapshot(const TaskContext& context) {
    const auto task = TRY(restore<domain::SnapshotTask>(std::string_view(context.task.payload)));
    const auto ask = asking(context, task.connector, patient);
    const auto taken = app::ask(
        context.parts.connectors, ask, app::SnapshotTake{task.host, task.tag, task.expires_at}
    );
    if (!taken && try_again(context, taken.error()))
        return tl::unexpected(taken.error());
    if (!taken)
        return context.finish(
            "report_snapshot", snapshot_report(task.host, "failed", why(taken.error()))
        );
    const auto read = app::ask(context.parts.connectors, ask, app::SnapshotRead{taken->id});
    if (!read && try_again(context, read.error()))
        return tl::unexpected(read.error()); // taking it again gives the same one
    const auto wrong = read ? not_as_asked(task, *read) : std::string{};
    // What does not carry our tag was not made by us: it is not put on the record as ours.
    if ((read ? read->tag : taken->tag) != task.tag)
        return context.finish(
            "report_snapshot",
            snapshot_report(task.host, "failed", taken->id + " was not read back: " + wrong)
        );
    Json body = snapshot_report(
        task.host, "taken",
        !read           ? why(read.error())
        : wrong.empty() ? ""
                        : "read back: " + wrong
    );
    auto& object = body.get_object();
    object["id"] = taken->id;
    object["connector"] = task.connector;
    object["tag"] = task.tag;
    object["read_back"] = read.has_value() && wrong.empty();
    object["size_bytes"] = read ? read->size_bytes : taken->size_bytes;
    return context.finish("report_snapshot", std::move(body));
}

// How large it is by now, and whether it is there at all.
Result<void> carry_out_snapshot_look(const TaskContext& context) {
    const auto task = TRY(restore<domain::SnapshotTask>(std::string_view(context.task.payload)));
    const auto read = app::ask(
        context.parts.connectors, asking(context, task.connector, quick), app::SnapshotRead{task.id}
    );
    if (!read && try_again(context, read.error()))
        return tl::unexpected(read.error());
    const auto code = read ? ErrorCode::internal : read.error().code;
    Json body = snapshot_report(task.host, "taken", "");
    if (code == ErrorCode::not_found)
        body = snapshot_report(task.host, "removed", "it is not at its provider any more");
    else if (code == ErrorCode::conflict)
        body = snapshot_report(task.host, "failed", why(read.error()));
    else if (!read)
        return context.drop(); // nobody knows; it is looked for again in a while
    else if (read->tag != task.tag)
        body = snapshot_report(task.host, "failed", "it carries the tag " + read->tag);
    body.get_object()["id"] = task.id;
    if (read && read->tag == task.tag) {
        body.get_object()["measured"] = true;
        body.get_object()["size_bytes"] = read->size_bytes;
    }
    return context.finish("report_snapshot", std::move(body));
}

Result<void> carry_out_snapshot_revert(const TaskContext& context) {
    const auto task = TRY(restore<domain::SnapshotTask>(std::string_view(context.task.payload)));
    if (!TRY(is_wanted(context, task)))
        return context.drop(); // its owner goes back with the runbook, say
    const auto reverted = app::ask(
        context.parts.connectors, asking(context, task.connector, patient),
        app::SnapshotRevert{task.id, task.tag}
    );
    if (!reverted && try_again(context, reverted.error()))
        return tl::unexpected(reverted.error());
    const bool done = reverted && reverted->done;
    // Of the failure of what nobody wants any more the record makes nothing.
    if (!done && !TRY(is_wanted(context, task)))
        return context.drop();
    Json body = snapshot_report(
        task.host, done ? "reverted" : "failed",
        done       ? reverted->detail
        : reverted ? "the revert failed: " + reverted->detail
                   : "the revert failed: " + why(reverted.error())
    );
    body.get_object()["id"] = task.id;
    return context.finish("report_snapshot", std::move(body));
}

Result<void> carry_out_snapshot_remove(const TaskContext& context) {
    const auto task = TRY(restore<domain::SnapshotTask>(std::string_view(context.task.payload)));
    const auto removed = app::ask(
        context.parts.connectors, asking(context, task.connector, patient),
        app::SnapshotRemove{task.id, task.tag}
    );
    if (!removed && try_again(context, removed.error()))
        return tl::unexpected(removed.error());
    const bool done = removed && removed->done;
    Json body = snapshot_report(
        task.host, done ? "removed" : "failed",
        done      ? removed->detail
        : removed ? "the removal failed: " + removed->detail
                  : "the removal failed: " + why(removed.error())
    );
    body.get_object()["id"] = task.id;
    return context.finish("report_snapshot", std::move(body));
}

Result<void> carry_out_notice(const TaskContext& context) {
    const auto task = TRY(restore<domain::NoticeTask>(std::string_view(context.task.payload)));
    const auto change = TRY(context.change());
    const domain::Notice* notice = nullptr;
    for (const auto& known : change.notices)
        if (known.id == task.notice)
            notice = &known;
    if (notice == nullptr ||
        (domain::is_over(change) && notice->kind != domain::NoticeKind::cancelled))
        return context.drop();
    const auto shown = context.parts.door.show_record(context.actor(), "channel", task.channel);
    Result<app::DeliveryReceipt> sent = fail(ErrorCode::not_found, "the channel is gone");
    if (shown) {
        const auto channel = TRY(restore<domain::ChannelRecord>(std::string_view(shown->body)));
        app::NoticeSend request{
            task.channel,
            notice->subject,
            notice->body,
            channel.recipients,
            {{"X-Slipway-Change", change.id.value}}};
        sent =
            app::ask(context.parts.connectors, asking(context, channel.connector, quick), request);
    }
    if (!sent && try_again(context, sent.error()))
        return tl::unexpected(sent.error());
    JsonObject body;
    body["notice"] = task.notice;
    body["channel"] = task.channel;
    body["state"] = sent && sent->delivered ? "delivered" : "failed";
    body["receipt"] = sent ? sent->message_id + " " + sent->detail : why(sent.error());
    return context.finish("report_delivery", std::move(body));
}

namespace {

// Who has to decide at once is called by then as well, while the first one is still being tried.
constexpr int attempts_before_next = 2;

JsonObject not_reached(const domain::PageTask& task, std::string_view why) {
    JsonObject body;
    body["person"] = task.person.value;
    body["subject"] = cut_text(task.subject, limits::text_max);
    body["body"] = cut_text(task.body, limits::text_max);
    body["detail"] = why;
    body["tried"] = to_json(task.tried);
    body["urgent"] = task.urgent;
    return body;
}

} // namespace

Result<void> carry_out_page(const TaskContext& context) {
    const auto task = TRY(restore<domain::PageTask>(std::string_view(context.task.payload)));
    if (task.window_start) {
        const auto change = TRY(context.change());
        if (!change.window || change.window->start != *task.window_start)
            return context.drop(); // it was moved, and reminds of its own dates
    }
    const auto shown = context.parts.door.show_record(context.actor(), "person", task.person.value);
    Result<app::DeliveryReceipt> sent = fail(ErrorCode::not_found, "there is no such person");
    if (shown) {
        const auto person = TRY(restore<domain::PersonRecord>(std::string_view(shown->body)));
        // The mailbox of somebody who has left takes what nobody reads.
        sent = person.inactive
                   ? fail(ErrorCode::not_found, "has left")
                   : app::ask(
                         context.parts.connectors, asking(context, task.connector, quick),
                         app::OncallPage{
                             task.person.value, person.email.empty() ? person.phone : person.email,
                             task.subject, task.body}
                     );
    }
    const bool again = !sent && try_again(context, sent.error());
    if (again && task.urgent && context.task.attempts == attempts_before_next)
        TRY(context.tell("report_call", not_reached(task, why(sent.error())), false));
    if (again)
        return tl::unexpected(sent.error());
    const bool reached = sent && sent->delivered;
    if (task.reminder && reached)
        return context.drop();
    // Once more when it was told already: that may have been lost with the server.
    if (task.reminder)
        return context.finish(
            "report_call", not_reached(task, sent ? sent->detail : why(sent.error()))
        );
    JsonObject body;
    body["person"] = task.person.value;
    body["state"] = reached ? "delivered" : "failed";
    body["receipt"] = sent ? sent->message_id : why(sent.error());
    return context.finish("report_page", std::move(body));
}

} // namespace slipway::worker
