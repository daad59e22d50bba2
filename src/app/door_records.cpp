// SPDX-License-Identifier: Apache-2.0
// The registers through the door: one path for all kinds.
#include "app/door_inside.hpp"
#include "domain/records/register_table.hpp"

namespace slipway::app {

namespace {

Result<const domain::RegisterRow*> known_register(const std::string& kind) {
    const auto* row = domain::find_register(kind);
    if (row == nullptr)
        return fail(ErrorCode::not_found, "there is no register " + kind.substr(0, 64));
    return row;
}

Result<void> check_id(const std::string& id) {
    if (is_slug(id))
        return {};
    return fail_field(
        "id", "expected 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit"
    );
}

// What a reading shows may be sent back: id and record_version are the address's and the header's.
Result<std::string> document_of(const domain::RegisterRow& row, const std::string& id, Json body) {
    if (auto* object = body.if_object()) {
        object->erase("record_version");
        if (row.name != "blackout" && text_or_empty(body, "id") == id)
            object->erase("id");
    }
    return row.normalise(id, body);
}

Result<void> check_conditions(const RecordRequest& request, std::uint64_t version, bool exists) {
    if (request.must_exist && *request.must_exist != exists)
        return fail(
            ErrorCode::conflict, exists ? "it is there already" : "there is no such record"
        );
    if (request.if_version && *request.if_version != version)
        return fail(
            ErrorCode::conflict,
            fmt::format(
                "it has changed: you named version {}, it is at {}", *request.if_version, version
            )
        );
    return {};
}

// Whether this person may make this of what is stored: a catalogue entry needs somebody else.
Result<void> check_writer(
    const domain::RegisterRow& row, const Result<StoredStream>& stored, const std::string& document,
    const Actor& actor
) {
    if (!row.check_writer)
        return {};
    return row.check_writer(
        stored && !stored->removed ? &stored->state : nullptr, document, actor.person
    );
}

// The document with its id and record version, as lists and single answers show it. (A
// configuration item has a version of its own.)
std::string shown(const std::string& id, std::uint64_t version, std::string_view document) {
    std::string body = "{\"id\":";
    append_quoted(body, id);
    body += fmt::format(",\"record_version\":{}", version);
    const auto members = document.substr(1);
    // A document that names itself (a blackout) is not named twice.
    constexpr std::string_view own_id = "\"id\":\"";
    if (members.starts_with(own_id)) {
        const auto rest = members.substr(members.find('"', own_id.size()) + 1);
        return body.append(rest);
    }
    if (members != "}")
        body += ',';
    return body.append(members);
}

} // namespace

Result<Answer> Door::put_record(const Actor& actor, const RecordRequest& request) {
    const auto* row = TRY(known_register(request.kind));
    TRY(require_permission(actor, row->write));
    TRY(check_id(request.id));
    auto& store = inside_->parts.store;
    if (auto kept = TRY(kept_answer(store, actor, request.idempotency)))
        return *std::move(kept);
    const auto document = TRY(document_of(*row, request.id, request.body));
    const StreamKey key{actor.tenant, request.kind, request.id};
    for (int attempt = 1;; ++attempt) {
        const auto stored = store.load(key);
        if (!stored && stored.error().code != ErrorCode::not_found)
            return tl::unexpected(stored.error());
        const std::uint64_t version = stored ? stored->version : 0;
        TRY(check_conditions(request, version, stored && !stored->removed));
        TRY(check_writer(*row, stored, document, actor));
        Answer answer{request.id, version + 1, shown(request.id, version + 1, document),
                      0,          false,       !stored || stored->removed};
        Commit commit;
        commit.writes.push_back(
            TRY(inside_->record_write(actor, key, version, "put", document, false))
        );
        keep_answer(commit, actor, request.idempotency, answer, clock().now());
        const auto receipt = store.commit(std::move(commit));
        if (receipt) {
            inside_->records.forget({key}, receipt->next_seq);
            answer.ledger_size = receipt->next_seq;
            return answer;
        }
        if (receipt.error().code != ErrorCode::conflict || attempt >= limits::decide_retries_max)
            return tl::unexpected(receipt.error());
        // Another request may just have used this key.
        if (auto kept = TRY(kept_answer(store, actor, request.idempotency)))
            return *std::move(kept);
    }
}

Result<std::size_t> Door::put_records(
    const Actor& actor, const std::string& kind, const std::vector<RecordDraft>& records
) {
    const auto* row = TRY(known_register(kind));
    TRY(require_permission(actor, row->write));
    if (records.size() > limits::import_commit_max)
        return fail(
            ErrorCode::limit_exceeded,
            fmt::format("at most {} records are written together", limits::import_commit_max)
        );
    std::vector<std::string> documents;
    for (const auto& record : records) {
        TRY(check_id(record.id));
        documents.push_back(TRY(document_of(*row, record.id, record.body)));
    }
    auto& store = inside_->parts.store;
    for (int attempt = 1;; ++attempt) {
        std::size_t created = 0;
        std::vector<StreamKey> keys;
        Commit commit;
        for (std::size_t i = 0; i < records.size(); ++i) {
            const StreamKey key{actor.tenant, kind, records[i].id};
            const auto stored = store.load(key);
            if (!stored && stored.error().code != ErrorCode::not_found)
                return tl::unexpected(stored.error());
            TRY(check_writer(*row, stored, documents[i], actor));
            created += !stored || stored->removed ? 1 : 0;
            commit.writes.push_back(TRY(inside_->record_write(
                actor, key, stored ? stored->version : 0, "put", documents[i], false
            )));
            keys.push_back(key);
        }
        const auto receipt = store.commit(std::move(commit));
        if (receipt) {
            inside_->records.forget(keys, receipt->next_seq);
            return created;
        }
        if (receipt.error().code != ErrorCode::conflict || attempt >= limits::decide_retries_max)
            return tl::unexpected(receipt.error());
    }
}

Result<Answer> Door::remove_record(const Actor& actor, const RecordRequest& request) {
    const auto* row = TRY(known_register(request.kind));
    TRY(require_permission(actor, row->write));
    auto& store = inside_->parts.store;
    const StreamKey key{actor.tenant, request.kind, request.id};
    for (int attempt = 1;; ++attempt) {
        if (auto kept = TRY(kept_answer(store, actor, request.idempotency)))
            return *std::move(kept);
        const auto stored = TRY(store.load(key));
        if (stored.removed)
            return fail(ErrorCode::not_found, "there is no such record");
        TRY(check_conditions(request, stored.version, true));
        Answer answer{request.id, stored.version + 1, "{}", 0, false, false};
        Commit commit;
        commit.writes.push_back(
            TRY(inside_->record_write(actor, key, stored.version, "removed", stored.state, true))
        );
        keep_answer(commit, actor, request.idempotency, answer, clock().now());
        const auto receipt = store.commit(std::move(commit));
        if (receipt) {
            inside_->records.forget({key}, receipt->next_seq);
            answer.ledger_size = receipt->next_seq;
            return answer;
        }
        if (receipt.error().code != ErrorCode::conflict || attempt >= limits::decide_retries_max)
            return tl::unexpected(receipt.error());
    }
}

Result<Answer>
Door::show_record(const Actor& actor, const std::string& kind, const std::string& id) {
    const auto* row = TRY(known_register(kind));
    TRY(require_permission(actor, row->read));
    const auto stored = inside_->parts.store.load({actor.tenant, kind, id});
    if ((!stored && stored.error().code == ErrorCode::not_found) || (stored && stored->removed))
        return fail(
            ErrorCode::not_found, fmt::format("there is no {} {}", row->title, id.substr(0, 64))
        );
    if (!stored)
        return tl::unexpected(stored.error());
    return Answer{id, stored->version, shown(id, stored->version, stored->state), 0, false, false};
}

Result<RecordPage> Door::list_records(
    const Actor& actor, const std::string& kind, const std::string& after, std::size_t limit
) {
    const auto* row = TRY(known_register(kind));
    TRY(require_permission(actor, row->read));
    const auto stored = TRY(inside_->parts.store.list(actor.tenant, kind, after, limit));
    RecordPage page;
    for (const auto& stream : stored)
        page.rows.emplace_back(stream.version, shown(stream.key.id, stream.version, stream.state));
    if (stored.size() == limit && !stored.empty())
        page.next = stored.back().key.id;
    return page;
}

} // namespace slipway::app
