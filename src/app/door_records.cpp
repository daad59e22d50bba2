// SPDX-License-Identifier: Apache-2.0
// The registers through the door: one path for all kinds.
#include <set>
#include <utility>

#include "app/door_inside.hpp"
#include "app/record_users.hpp"
#include "app/shown_record.hpp"
#include "app/unreadable.hpp"
#include "base/secret_reference.hpp"
#include "domain/change/duties.hpp"
#include "domain/records/host_facts.hpp"
#include "domain/records/record_remarks.hpp"
#include "domain/records/register_table.hpp"

namespace slipway::app {

namespace {

Result<const domain::RegisterRow*> known_register(const std::string& kind) {
    const auto* row = domain::find_register(kind);
    if (row == nullptr)
        return fail(ErrorCode::not_found, "there is no register " + kind.substr(0, 64));
    return row;
}

tl::unexpected<Error> no_record(const domain::RegisterRow& row, const std::string& id) {
    return fail(
        ErrorCode::not_found, fmt::format("there is no {} {}", row.title, id.substr(0, 64))
    );
}

Result<void> check_id(const std::string& id) {
    if (is_slug(id))
        return {};
    return fail_field(
        "id", "expected 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit"
    );
}

// What a reading shows may be sent back: id and record_version are the address's and the header's,
// the quorum that applies is the policy's and the document's, the contents are the ring's digest,
// and what was said of it when it was written is no part of it.
Result<std::string> document_of(const domain::RegisterRow& row, const std::string& id, Json body) {
    if (auto* object = body.if_object()) {
        object->erase("record_version");
        object->erase("said");
        if (row.name == "board")
            object->erase("quorum_applies");
        if (row.name == "ring")
            object->erase("contents");
        if (row.name != "blackout" && text_or_empty(body, "id") == id)
            object->erase("id");
    }
    return row.normalise(id, body);
}

// Nobody says in the server's name what was found on a host, and who puts the record anew does not
// have to gather anew.
Result<std::string>
with_found(const domain::RegisterRow& row, std::string document, const StoredStream* before) {
    if (row.name != "ring")
        return document;
    auto ring = TRY(restore<domain::RingRecord>(std::string_view(document)));
    domain::RingRecord stored;
    if (before) {
        auto restored = restore<domain::RingRecord>(std::string_view(before->state));
        if (!restored)
            return unreadable_state(before->key, restored.error());
        stored = *std::move(restored);
    }
    domain::keep_found(ring, stored);
    return encode(ring);
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
    const domain::RegisterRow& row, const StoredStream* before, const std::string& document,
    const Actor& actor, Time now
) {
    if (!row.check_writer)
        return {};
    return row.check_writer(before ? &before->state : nullptr, document, actor.person, now);
}

const StoredStream* if_any(const Result<StoredStream>& stored) {
    return stored ? &*stored : nullptr;
}

const StoredStream* unless_removed(const StoredStream* stored) {
    return stored != nullptr && !stored->removed ? stored : nullptr;
}

// Who asks for a change, owns it or carries it out does not compose the board that decides on it.
Result<void> check_board(
    Door::Inside& inside, const domain::RegisterRow& row, const Actor& actor, const std::string& id
) {
    if (row.name != "board")
        return {};
    const auto registered = TRY(inside.records.of(actor.tenant));
    const auto board = registered->boards.find(id);
    if (board == registered->boards.end())
        return {};
    const StreamKey person{actor.tenant, "person", actor.person.value};
    for (auto query : queries_for_users(person)) {
        const auto part = field_of(query, person);
        if (part != "requester" && part != "change_owner" && part != "implementer")
            continue;
        query.limit = limits::page_size_max;
        for (const auto& change : TRY(inside.parts.store.find_changes(query)))
            if (change.meeting.starts_with(id + "@") ||
                (board->second.emergency && change.type == "emergency"))
                return fail_blocked(
                    fmt::format("the board {} decides on a change of yours", id),
                    {{"cab-decision", "board", "nobody composes the board of his own change",
                      fmt::format("{} ({}) is {}", change.id, change.title, change.state),
                      "Another change manager edits the board, or wait until it is closed"}}
                );
    }
    return {};
}

// A reference that is never allowed would be found out in the middle of a deployment. A secret that
// stands in a connector's settings itself would be in the ledger for good, for everybody to read.
Result<void> check_secrets(
    const Door::Inside& inside, const domain::RegisterRow& row, const std::string& id,
    const std::string& document
) {
    if (row.name == "connector" && inside.parts.check_connector)
        return inside.parts.check_connector(
            id, TRY(restore<domain::ConnectorRecord>(std::string_view(document)))
        );
    if (row.name != "ring" || !inside.parts.check_secret)
        return {};
    const auto ring = TRY(restore<domain::RingRecord>(document));
    for (const auto& [name, value] : ring.variables) {
        const auto reference = secret_of_variable(value);
        if (!reference)
            continue;
        if (const auto checked = inside.parts.check_secret(ring.kind, id, *reference); !checked)
            return fail_field("variables." + name, checked.error().message);
    }
    return {};
}

// Where somebody who has just left is still named.
Result<std::vector<std::string>>
places_of(Door::Inside& inside, const domain::RegisterRow& row, const StreamKey& person) {
    std::vector<std::string> said;
    for (const auto& use : row.named_by(*TRY(inside.records.newest(person.tenant)), person.id))
        said.push_back(
            fmt::format("{} {} still {}", domain::find_register(use.kind)->title, use.id, use.says)
        );
    for (const auto& reason : TRY(reasons_of_changes(inside.parts.store, row, person)))
        said.push_back(reason.message);
    return said;
}

// What the answer to a writing adds to the record that it shows.
Result<std::vector<std::string>> remarks_on(
    Door::Inside& inside, const domain::RegisterRow& row, const StreamKey& key,
    const StoredStream* before, std::string_view after
) {
    if (row.name == "board") {
        const auto board = TRY(restore<domain::BoardRecord>(after));
        const auto quorum = domain::quorum_of(&board, inside.library->policy(), board.emergency);
        return domain::remarks_on_board(board, quorum, *TRY(inside.records.newest(key.tenant)));
    }
    if (before == nullptr)
        return std::vector<std::string>{};
    if (row.name == "catalogue_entry")
        return domain::remarks_on_entry(
            TRY(restore<domain::CatalogueRecord>(std::string_view(before->state))),
            TRY(restore<domain::CatalogueRecord>(after))
        );
    if (row.name == "person" && TRY(restore<domain::PersonRecord>(after)).inactive &&
        !TRY(restore<domain::PersonRecord>(std::string_view(before->state))).inactive)
        return places_of(inside, row, key);
    return std::vector<std::string>{};
}

std::string with_said(std::string body, const std::vector<std::string>& said) {
    if (said.empty())
        return body;
    body.back() = ',';
    return body + fmt::format(R"("said":{}}})", encode(said));
}

// What a change or another record relies on stays until they do not. Gives what the commit has to
// hold, so that no record begins to rely on it meanwhile; of changes it asks itself.
Result<RecordsHeld>
check_unused(Door::Inside& inside, const domain::RegisterRow& row, const StreamKey& key) {
    std::vector<Reason> reasons;
    RecordsHeld held;
    if (row.named_by) {
        // All entries since this look are gone through while other commits wait: let them be few.
        inside.records.forget(key.tenant);
        const auto registered = TRY(inside.records.of(key.tenant));
        held.size = registered->ledger_size;
        for (const auto kind : row.named_in)
            held.keys.push_back({key.tenant, std::string(kind), {}});
        auto users = row.named_by(*registered, key.id);
        if (users.size() > limits::record_users_shown_max)
            users.resize(limits::record_users_shown_max);
        for (const auto& user : users)
            reasons.push_back(
                {std::string(in_use), user.field,
                 fmt::format(
                     "{} {} {}", domain::find_register(user.kind)->title, user.id, user.says
                 ),
                 user.id,
                 key.kind == "person"
                     ? fmt::format(
                           "slipway person edit {} --inactive, or put {} without him", key.id,
                           user.id
                       )
                     : fmt::format("Put {} without it, or remove {} first", user.id, user.id)}
            );
    }
    for (auto& reason : TRY(reasons_of_changes(inside.parts.store, row, key)))
        reasons.push_back(std::move(reason));
    if (reasons.empty())
        return held;
    const auto message = fmt::format(
        "{} {} is in use: {}; {}", row.title, key.id, reasons.front().message,
        reasons.front().remedy
    );
    return fail_blocked(message, std::move(reasons));
}

// How a person stands before a commit and after it, which writes `after` or removes him.
Result<PersonPut> person_put(
    const Door::Inside& inside, const TenantId& tenant, const std::string& id,
    const StoredStream* before, const std::string* after
) {
    return PersonPut{
        TRY(inside.administering(tenant, id, before == nullptr ? nullptr : &before->state)),
        TRY(inside.administering(tenant, id, after))};
}

bool is_inactive(const std::string* document) {
    const auto person = document ? restore<domain::PersonRecord>(std::string_view(*document))
                                 : fail(ErrorCode::not_found, "");
    return !person || person->inactive;
}

// The sessions, tokens and codes that end with a commit that makes a person inactive or removes
// him, and once more when he comes back, should one have been made at the same moment: they never
// live again.
Result<std::vector<Digest>> bearers_ended(
    const Door::Inside& inside, const domain::RegisterRow& row, const StreamKey& key,
    const StoredStream* before, const std::string* after
) {
    std::vector<Digest> ended;
    if (row.name != "person" || !(is_inactive(after) || (before && is_inactive(&before->state))))
        return ended;
    for (const auto& bearer : TRY(inside.parts.store.list_bearers(key.tenant, PersonId(key.id))))
        ended.push_back(bearer.digest);
    return ended;
}

// Votes, acknowledgements and entries name people by their ids: one of them is one person for good,
// and none is the server.
Result<void> check_new_person(
    const domain::RegisterRow& row, const StoredStream* stored, const std::string& id,
    const std::string& field
) {
    if (row.name != "person" || unless_removed(stored) != nullptr)
        return {};
    if (id == the_server)
        return fail_field(
            field, fmt::format("{} is the server itself: choose another id for a person", id)
        );
    if (stored == nullptr)
        return {};
    return fail_field(
        field, fmt::format("{} was somebody who was removed: choose another id for a person", id)
    );
}

// The records that a document names: they must be there when the commit is made, whatever the
// registers looked like before.
Result<std::set<StreamKey>>
keys_named(const domain::RegisterRow& row, const TenantId& tenant, const std::string& document) {
    std::set<StreamKey> keys;
    if (row.names)
        for (auto& id : TRY(row.names(document)))
            keys.insert({tenant, std::string(row.name), std::move(id)});
    return keys;
}

// The same of all records that are written together, but for those that the import brings along.
Result<std::set<StreamKey>> keys_named(
    const domain::RegisterRow& row, const TenantId& tenant, const std::vector<RecordDraft>& records,
    const std::vector<std::string>& documents, const ImportRest& rest
) {
    std::set<StreamKey> keys;
    for (const auto& document : documents)
        keys.merge(TRY(keys_named(row, tenant, document)));
    for (const auto& record : records)
        keys.erase({tenant, std::string(row.name), record.id});
    std::erase_if(keys, [&](const StreamKey& key) { return rest.after.contains(key.id); });
    return keys;
}

// Commits what `make` makes of the records as they are; again when somebody else was quicker. What
// `make` refuses, also for a version that the request names, is refused at once. Gives nothing when
// there was nothing to commit.
template <class Make>
Result<std::optional<Receipt>>
commit_records(Door::Inside& inside, const TenantId& tenant, const Make& make) {
    for (int attempt = 1;; ++attempt) {
        std::optional<Commit> commit = TRY(make());
        if (!commit)
            return std::optional<Receipt>{};
        const auto receipt = inside.parts.store.commit(*std::move(commit));
        // Also when nobody knows what became of it.
        inside.records.forget(tenant);
        if (receipt)
            return std::optional(*receipt);
        if (receipt.error().code != ErrorCode::conflict || attempt >= limits::decide_retries_max)
            return tl::unexpected(receipt.error());
    }
}

// What a request makes of a record, and what it answers.
struct RecordEdit {
    std::string document;
    bool removed = false;
    std::string body = "{}";
    bool created = false;
    RecordsHeld held = {};
    std::vector<ChangeQuery> users = {}; // must find nothing when it is committed
    std::vector<Digest> ended = {};      // sessions, tokens and codes
};

// Lets `decide` look at the record as it is stored (its version, 0 when there never was one, and
// the stream, null when there never was one) and commits what it says.
template <class Decide>
Result<Answer> write_record(
    Door::Inside& inside, const Actor& actor, const domain::RegisterRow& row,
    const RecordRequest& request, const Decide& decide
) {
    auto& store = inside.parts.store;
    const StreamKey key{actor.tenant, request.kind, request.id};
    Answer answer;
    const auto make = [&]() -> Result<std::optional<Commit>> {
        // Another request may just have used this key.
        if (auto kept = TRY(kept_answer(store, actor, request.idempotency))) {
            answer = *std::move(kept);
            return std::optional<Commit>{};
        }
        const auto stored = store.load(key);
        if (!stored && stored.error().code != ErrorCode::not_found)
            return tl::unexpected(stored.error());
        const std::uint64_t version = stored ? stored->version : 0;
        RecordEdit edit = TRY(decide(version, if_any(stored)));
        answer = {request.id, version + 1, std::move(edit.body), 0, false, edit.created};
        Commit commit;
        commit.records_held = std::move(edit.held);
        commit.changes_absent = std::move(edit.users);
        commit.drop_bearers = std::move(edit.ended);
        if (!edit.removed)
            commit.records_named = TRY(keys_named(row, actor.tenant, edit.document));
        commit.writes.push_back(TRY(inside.record_write(
            actor, key, version, edit.removed ? "removed" : "put", edit.document, edit.removed
        )));
        keep_answer(commit, actor, request.idempotency, answer, inside.parts.clock.now());
        return std::optional(std::move(commit));
    };
    if (const auto receipt = TRY(commit_records(inside, actor.tenant, make)))
        answer.ledger_size = receipt->next_seq;
    return answer;
}

// An error of one record of an import names its place.
Result<void> at_record(std::size_t index, Result<void> checked) {
    if (checked || checked.error().fields.empty())
        return checked;
    const auto& wrong = checked.error().fields.front();
    return fail_field(fmt::format("[{}].{}", index, wrong.field), wrong.message);
}

// Whether what the records name is registered or comes with the import. Errors name the place.
Result<void> check_names(
    const domain::RegisterRow& row, const std::vector<RecordDraft>& records,
    const domain::Records& registered, const ImportRest& rest
) {
    auto together = rest.after;
    for (const auto& record : records)
        together.insert(record.id);
    for (std::size_t i = 0; i < records.size(); ++i) {
        const auto document = TRY(document_of(row, records[i].id, records[i].body));
        TRY(at_record(rest.before + i, row.check_names(document, registered, together)));
    }
    return {};
}

} // namespace

Result<Answer> Door::put_record(const Actor& actor, const RecordRequest& request) {
    const auto* row = TRY(known_register(request.kind));
    TRY(require_permission(actor, row->write));
    TRY(check_id(request.id));
    const auto put = [&](std::uint64_t version, const StoredStream* stored) -> Result<RecordEdit> {
        const auto* before = unless_removed(stored);
        auto document =
            TRY(with_found(*row, TRY(document_of(*row, request.id, request.body)), before));
        TRY(check_conditions(request, version, before != nullptr));
        TRY(check_new_person(*row, stored, request.id, "id"));
        TRY(check_writer(*row, before, document, actor, clock().now()));
        TRY(check_production_ring(*row, stored, document, actor));
        TRY(check_secrets(*inside_, *row, request.id, document));
        TRY(check_board(*inside_, *row, actor, request.id));
        if (row->check_names)
            TRY(row->check_names(document, *TRY(inside_->records.newest(actor.tenant)), {}));
        const StreamKey key{actor.tenant, request.kind, request.id};
        const auto said = TRY(remarks_on(*inside_, *row, key, before, document));
        auto body =
            with_said(shown_record(key, version + 1, document, inside_->library->policy()), said);
        RecordEdit edit{std::move(document), false, std::move(body), before == nullptr};
        if (row->name == "person")
            edit.held = TRY(inside_->keep_an_administrator(
                actor.tenant,
                {{request.id,
                  TRY(person_put(*inside_, actor.tenant, request.id, before, &edit.document))}}
            ));
        if (row->name == "board")
            edit.held = TRY(inside_->keep_one_ecab(actor.tenant, {{request.id, edit.document}}));
        if (row->name == "ring")
            edit.held =
                TRY(inside_->keep_rings_apart(actor.tenant, {{request.id, edit.document, {}}}));
        edit.ended = TRY(bearers_ended(*inside_, *row, key, before, &edit.document));
        return edit;
    };
    return answer_or_kept(
        inside_->parts.store, actor, request.idempotency,
        write_record(*inside_, actor, *row, request, put)
    );
}

Result<void> Door::check_references(
    const Actor& actor, const std::string& kind, const std::vector<RecordDraft>& records
) {
    const auto* row = TRY(known_register(kind));
    TRY(require_permission(actor, row->write));
    if (!row->check_names)
        return {};
    return check_names(*row, records, *TRY(inside_->records.newest(actor.tenant)), {});
}

Result<std::size_t> Door::put_records(
    const Actor& actor, const std::string& kind, const std::vector<RecordDraft>& records,
    const ImportRest& rest
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
        TRY(check_board(*inside_, *row, actor, record.id));
        auto document = TRY(document_of(*row, record.id, record.body));
        TRY(at_record(
            rest.before + documents.size(), check_secrets(*inside_, *row, record.id, document)
        ));
        documents.push_back(std::move(document));
    }
    const auto named = TRY(keys_named(*row, actor.tenant, records, documents, rest));
    auto& store = inside_->parts.store;
    std::size_t created = 0;
    bool again = false;
    const auto make = [&]() -> Result<std::optional<Commit>> {
        // The commit asks for the names itself. Only when it was refused does somebody have to say
        // which is missing.
        if (std::exchange(again, true) && row->check_names)
            TRY(check_names(*row, records, *TRY(inside_->records.newest(actor.tenant)), rest));
        created = 0;
        Commit commit;
        commit.records_named = named;
        std::map<std::string, PersonPut> people;
        std::vector<Door::Inside::RingPut> rings;
        std::map<std::string, std::string> boards;
        for (std::size_t i = 0; i < records.size(); ++i) {
            const StreamKey key{actor.tenant, kind, records[i].id};
            const auto stored = store.load(key);
            if (!stored && stored.error().code != ErrorCode::not_found)
                return tl::unexpected(stored.error());
            const auto* before = unless_removed(if_any(stored));
            TRY(check_new_person(
                *row, if_any(stored), records[i].id, fmt::format("[{}].id", rest.before + i)
            ));
            TRY(check_writer(*row, before, documents[i], actor, clock().now()));
            TRY(check_production_ring(*row, if_any(stored), documents[i], actor));
            if (row->name == "person")
                people[records[i].id] =
                    TRY(person_put(*inside_, actor.tenant, records[i].id, before, &documents[i]));
            if (row->name == "board")
                boards[records[i].id] = documents[i];
            if (row->name == "ring")
                rings.push_back({records[i].id, documents[i], fmt::format("[{}].", rest.before + i)}
                );
            created += before == nullptr ? 1 : 0;
            for (const auto& ended : TRY(bearers_ended(*inside_, *row, key, before, &documents[i])))
                commit.drop_bearers.push_back(ended);
            commit.writes.push_back(TRY(inside_->record_write(
                actor, key, stored ? stored->version : 0, "put",
                TRY(with_found(*row, documents[i], before)), false
            )));
        }
        if (!people.empty())
            commit.records_held = TRY(inside_->keep_an_administrator(actor.tenant, people));
        if (!boards.empty())
            commit.records_held = TRY(inside_->keep_one_ecab(actor.tenant, boards));
        if (!rings.empty())
            commit.records_held = TRY(inside_->keep_rings_apart(actor.tenant, rings));
        return std::optional(std::move(commit));
    };
    TRY(commit_records(*inside_, actor.tenant, make));
    return created;
}

Result<Answer> Door::remove_record(const Actor& actor, const RecordRequest& request) {
    const auto* row = TRY(known_register(request.kind));
    TRY(require_permission(actor, row->write));
    const auto remove = [&](std::uint64_t version,
                            const StoredStream* stored) -> Result<RecordEdit> {
        const auto* before = unless_removed(stored);
        if (before == nullptr)
            return no_record(*row, request.id);
        TRY(check_conditions(request, version, true));
        TRY(check_board(*inside_, *row, actor, request.id));
        TRY(check_production_ring(*row, stored, {}, actor));
        RecordEdit edit{before->state, true};
        RecordsHeld administrators;
        if (row->name == "person")
            administrators = TRY(inside_->keep_an_administrator(
                actor.tenant,
                {{request.id, TRY(person_put(*inside_, actor.tenant, request.id, before, nullptr))}}
            ));
        // What both looks hold is held since the earlier of them.
        edit.held = TRY(check_unused(*inside_, *row, before->key));
        if (!administrators.keys.empty()) {
            edit.held.size = administrators.size;
            edit.held.keys.push_back(administrators.keys.front());
        }
        edit.users = queries_for_users(before->key);
        edit.ended = TRY(bearers_ended(*inside_, *row, before->key, before, nullptr));
        return edit;
    };
    return answer_or_kept(
        inside_->parts.store, actor, request.idempotency,
        write_record(*inside_, actor, *row, request, remove)
    );
}

Result<Answer>
Door::show_record(const Actor& actor, const std::string& kind, const std::string& id) {
    const auto* row = TRY(known_register(kind));
    TRY(require_permission(actor, row->read));
    const auto stored = inside_->parts.store.load({actor.tenant, kind, id});
    if ((!stored && stored.error().code == ErrorCode::not_found) || (stored && stored->removed))
        return no_record(*row, id);
    if (!stored)
        return tl::unexpected(stored.error());
    Answer answer;
    answer.id = id;
    answer.version = stored->version;
    answer.body = TRY(shown_record(*stored, inside_->library->policy()));
    if (row->name == "board")
        answer.rules = inside_->rules(); // the quorum that applies
    return answer;
}

Result<RecordPage> Door::list_records(
    const Actor& actor, const std::string& kind, const std::string& after, std::size_t limit
) {
    const auto* row = TRY(known_register(kind));
    TRY(require_permission(actor, row->read));
    const auto stored = TRY(inside_->parts.store.list(actor.tenant, kind, after, limit));
    RecordPage page;
    for (const auto& stream : stored)
        page.rows.emplace_back(
            stream.version, TRY(shown_record(stream, inside_->library->policy()))
        );
    if (stored.size() == limit && !stored.empty())
        page.next = stored.back().key.id;
    return page;
}

} // namespace slipway::app
