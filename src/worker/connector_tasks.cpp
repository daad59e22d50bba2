// SPDX-License-Identifier: Apache-2.0
// Tasks that ask an outside system: backups, snapshots, notices, pages. The idempotency key is the
// task's id, so a repeated attempt is recognised by systems that can.
#include "domain/change/tasks.hpp"
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

Result<domain::BackupProof> prove_backup(
    const TaskContext& context, const domain::BackupTask& task, const domain::ScopedCi& scoped
) {
    const auto own = task.connectors.find(scoped.ci);
    const auto& connector = own == task.connectors.end() ? task.connector : own->second;
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
    proof.detail = proven.detail;
    proof.restored_point = proven.point;
    proof.point_ci = proven.ci;
    proof.point_host = proven.host;
    proof.point_at = proven.point_at;
    return proof;
}

Json snapshot_report(const std::string& host, std::string_view state, std::string detail) {
    JsonObject body;
    body["host"] = host;
    body["state"] = state;
    body["detail"] = std::move(detail);
    return body;
}

} // namespace

Result<void> carry_out_backup(const TaskContext& context) {
    const auto task = TRY(restore<domain::BackupTask>(std::string_view(context.task.payload)));
    JsonArray proofs;
    std::string problem;
    for (const auto& scoped : task.cis) {
        auto proof = prove_backup(context, task, scoped);
        if (!proof && try_again(context, proof.error()))
            return tl::unexpected(proof.error());
        if (!proof)
            problem = scoped.ci.value + ": " + why(proof.error());
        else if (!proof->restored)
            problem =
                scoped.ci.value + ": " +
                (proof->detail.empty() ? "the restore did not come out whole" : proof->detail);
        if (proof)
            proofs.push_back(to_json(*proof));
    }
    JsonObject body;
    body["verdict"] = problem.empty() ? "verified" : "not_verified";
    body["reason"] = problem;
    body["proofs"] = std::move(proofs);
    return context.tell("record_backup", std::move(body), true);
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
        return context.tell(
            "report_snapshot", snapshot_report(task.host, "failed", why(taken.error())), true
        );
    const auto read = app::ask(context.parts.connectors, ask, app::SnapshotRead{taken->id});
    Json body = snapshot_report(task.host, "taken", read ? "" : why(read.error()));
    auto& object = body.get_object();
    object["id"] = taken->id;
    object["connector"] = task.connector;
    object["tag"] = read ? read->tag : taken->tag;
    object["read_back"] = read.has_value();
    object["size_bytes"] = read ? read->size_bytes : taken->size_bytes;
    return context.tell("report_snapshot", std::move(body), true);
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
        task.host, done ? "removed" : "failed", removed ? removed->detail : why(removed.error())
    );
    body.get_object()["id"] = task.id;
    return context.tell("report_snapshot", std::move(body), true);
}

Result<void> carry_out_notice(const TaskContext& context) {
    const auto task = TRY(restore<domain::NoticeTask>(std::string_view(context.task.payload)));
    const auto change = TRY(context.change());
    const domain::Notice* notice = nullptr;
    for (const auto& known : change.notices)
        if (known.id == task.notice)
            notice = &known;
    if (notice == nullptr || domain::is_over(change))
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
    return context.tell("report_delivery", std::move(body), true);
}

Result<void> carry_out_page(const TaskContext& context) {
    const auto task = TRY(restore<domain::PageTask>(std::string_view(context.task.payload)));
    const auto shown = context.parts.door.show_record(context.actor(), "person", task.person.value);
    Result<app::DeliveryReceipt> sent = fail(ErrorCode::not_found, "there is no such person");
    if (shown) {
        const auto person = TRY(restore<domain::PersonRecord>(std::string_view(shown->body)));
        sent = app::ask(
            context.parts.connectors, asking(context, task.connector, quick),
            app::OncallPage{
                task.person.value, person.email.empty() ? person.phone : person.email, task.subject,
                task.body}
        );
    }
    if (!sent && try_again(context, sent.error()))
        return tl::unexpected(sent.error());
    if (task.reminder)
        return context.drop();
    JsonObject body;
    body["person"] = task.person.value;
    body["state"] = sent && sent->delivered ? "delivered" : "failed";
    body["receipt"] = sent ? sent->message_id : why(sent.error());
    return context.tell("report_page", std::move(body), true);
}

} // namespace slipway::worker
