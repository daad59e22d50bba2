// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iterator>
#include <map>

#include "base/schema.hpp"
#include "domain/records/register_table.hpp"
#include "http/answers.hpp"
#include "http/resources.hpp"

namespace slipway::http {

namespace {

using domain::RegisterRow;

using Drafts = std::vector<app::RecordDraft>;

std::string collection_path(const RegisterRow& row) {
    return fmt::format("/api/v1/{}", row.plural);
}

Result<app::RecordRequest> record_request(const RegisterRow& row, Call& call) {
    app::RecordRequest request;
    request.kind = row.name;
    request.id = call.id();
    request.if_version = TRY(if_match(call));
    request.must_exist = TRY(must_exist(call));
    request.idempotency = TRY(idempotency_key(call));
    request.body = std::move(call.body);
    return request;
}

// A person's roles decide what his sessions may do, so what is remembered of him must go.
void forget(Services& services, const RegisterRow& row, const Call& call) {
    if (row.name == "person")
        services.identity.forget(call.actor.tenant, PersonId(call.id()));
}

Result<Response> list(app::Door& door, const RegisterRow& row, Call& call) {
    const auto limit = TRY(page_limit(call));
    const std::string after(call.query("cursor").value_or(""));
    const auto page = TRY(door.list_records(call.actor, std::string(row.name), after, limit));
    std::string items;
    for (const auto& [version, document] : page.rows) {
        items += items.empty() ? "" : ",";
        items += document;
    }
    return list_answer(items, page.next);
}

Result<Response> put(Services& services, const RegisterRow& row, Call& call) {
    const auto request = TRY(record_request(row, call));
    const auto answer = TRY(services.door.put_record(call.actor, request));
    forget(services, row, call);
    return door_answer(call, answer, collection_path(row));
}

Result<Response> remove(Services& services, const RegisterRow& row, Call& call) {
    const auto request = TRY(record_request(row, call));
    const auto answer = TRY(services.door.remove_record(call.actor, request));
    forget(services, row, call);
    return door_answer(call, answer, collection_path(row));
}

Result<app::RecordDraft> import_record(Json json, std::size_t index) {
    auto* object = json.if_object();
    const std::string id(text_or_empty(json, "id"));
    if (object == nullptr || !is_slug(id))
        return fail_field(fmt::format("[{}].id", index), "expected an object with an id");
    object->erase("id");
    return app::RecordDraft{id, std::move(json)};
}

Result<void> too_many_records(std::size_t count) {
    if (count <= limits::import_records_max)
        return {};
    return fail(
        ErrorCode::limit_exceeded,
        fmt::format("an import has at most {} records", limits::import_records_max)
    );
}

// One JSON document a line, or one JSON array.
Result<Drafts> parse_import(std::string_view body, bool lines) {
    Drafts records;
    if (!lines) {
        Json json = TRY(parse_json(body));
        auto* array = json.if_array();
        if (array == nullptr)
            return fail_field("body", "expected a JSON array, or application/x-ndjson");
        TRY(too_many_records(array->size()));
        for (std::size_t i = 0; i < array->size(); ++i)
            records.push_back(TRY(import_record(std::move((*array)[i]), i)));
        return records;
    }
    while (!body.empty()) {
        const auto end = body.find('\n');
        const auto line = body.substr(0, end);
        body.remove_prefix(end == std::string_view::npos ? body.size() : end + 1);
        if (line.find_first_not_of(" \t\r") == std::string_view::npos)
            continue;
        TRY(too_many_records(records.size() + 1));
        auto json = parse_json(line);
        if (!json)
            return fail_field(fmt::format("[{}]", records.size()), json.error().message);
        records.push_back(TRY(import_record(*std::move(json), records.size())));
    }
    return records;
}

Result<void> check_record(const RegisterRow& row, const app::RecordDraft& record) {
    const auto document = TRY(row.normalise(record.id, record.body));
    constexpr std::size_t around = 13; // of {"document":...}
    if (document.size() + around > limits::event_body_max)
        return fail(
            ErrorCode::limit_exceeded,
            fmt::format("a record is at most {} bytes long", limits::event_body_max)
        );
    return {};
}

// Every record is checked before the first is written, so that a malformed file changes nothing.
Result<void> check_import(const RegisterRow& row, const Drafts& records) {
    Error error;
    error.code = ErrorCode::invalid_input;
    std::map<std::string_view, std::size_t> seen;
    for (std::size_t i = 0; i < records.size(); ++i) {
        if (const auto [first, fresh] = seen.emplace(records[i].id, i); !fresh)
            error.fields.push_back(
                {fmt::format("[{}].id", i), fmt::format("stands at [{}] too", first->second)}
            );
        const auto checked = check_record(row, records[i]);
        if (checked)
            continue;
        if (checked.error().fields.empty())
            error.fields.push_back({fmt::format("[{}]", i), checked.error().message});
        for (const auto& field : checked.error().fields)
            error.fields.push_back({fmt::format("[{}].{}", i, field.field), field.message});
        if (error.fields.size() >= limits::import_errors_shown_max)
            break;
    }
    if (error.fields.empty())
        return {};
    error.message = fmt::format(
        "nothing was imported: {} of {} records are not valid; the first: {}: {}",
        error.fields.size(), records.size(), error.fields.front().field,
        error.fields.front().message
    );
    return tl::unexpected(std::move(error));
}

// More records than one commit carries are written piece by piece, so an error can come between.
tl::unexpected<Error> broken_off(Error error, std::size_t written, std::size_t all) {
    error.message = fmt::format(
        "{} of {} records were written before this; the import may be sent again: {}", written, all,
        error.message
    );
    return tl::unexpected(std::move(error));
}

Result<Response> import(app::Door& door, const RegisterRow& row, Call& call) {
    const auto type = media_type(call.request.header(Header::content_type).value_or(""));
    auto records = TRY(parse_import(call.request.body, type == "application/x-ndjson"));
    TRY(check_import(row, records));
    TRY(door.check_references(call.actor, std::string(row.name), records));
    std::size_t created = 0;
    app::ImportRest rest;
    for (const auto& record : records)
        rest.after.insert(record.id);
    for (std::size_t written = 0; written < records.size();) {
        const auto count = std::min(limits::import_commit_max, records.size() - written);
        const auto from = std::make_move_iterator(records.begin()) + written;
        const Drafts together(from, from + count);
        for (const auto& record : together)
            rest.after.erase(record.id);
        rest.before = written;
        const auto done = call.stop.stop_requested()
                              ? Result<std::size_t>(fail(ErrorCode::unavailable, "the server ends"))
                              : door.put_records(call.actor, std::string(row.name), together, rest);
        if (!done)
            return broken_off(done.error(), written, records.size());
        created += *done;
        written += count;
    }
    return json_answer(fmt::format(R"({{"imported":{},"created":{}}})", records.size(), created));
}

// What a reading gives beside the document: what addresses it, and what follows from it.
struct Addressed {
    std::string id;
    std::uint64_t record_version = 0;

    SLIPWAY_FIELDS {
        visit("id", self.id, required("of the record; the last part of its address"));
        visit("record_version", self.record_version, required("what If-Match names"));
    }
};

struct OfBoard {
    std::uint32_t quorum_applies = 0;

    SLIPWAY_FIELDS {
        visit(
            "quorum_applies", self.quorum_applies,
            required("votes needed: the policy's number, or the board's if that is more")
        );
    }
};

struct OfRing {
    Digest contents;

    SLIPWAY_FIELDS {
        visit(
            "contents", self.contents, required("of what is approved; catalogue entries name it")
        );
    }
};

struct Written {
    std::vector<std::string> said;

    SLIPWAY_FIELDS {
        visit("said", self.said, optional("what people should know of it as it is now"));
    }
};

void add_members(JsonObject& schema, const Json& more) {
    for (const auto& member : more.at("properties").as_object())
        schema["properties"].as_object()[member.key()] = member.value();
    const auto* more_required = find(more, "required");
    if (more_required == nullptr)
        return;
    auto& required_names = schema["required"];
    if (!required_names.is_array())
        required_names = JsonArray{};
    for (const auto& name : more_required->as_array())
        if (auto& names = required_names.as_array();
            std::find(names.begin(), names.end(), name) == names.end())
            names.push_back(name);
}

Json shown_schema(const RegisterRow& row) {
    auto schema = row.schema().as_object();
    add_members(schema, schema_of<Addressed>());
    if (row.name == "board")
        add_members(schema, schema_of<OfBoard>());
    if (row.name == "ring")
        add_members(schema, schema_of<OfRing>());
    return schema;
}

Json written_schema(const RegisterRow& row) {
    auto schema = shown_schema(row).as_object();
    add_members(schema, schema_of<Written>());
    return schema;
}

Route base_route(const RegisterRow& row, Method method, std::string_view verb) {
    Route route;
    route.method = method;
    route.path = collection_path(row) + "/{id}";
    route.operation_id = fmt::format("{}_{}", verb, row.name);
    route.tag = row.plural;
    route.permission = method == Method::get ? row.read : row.write;
    return route;
}

void add_reading(Routes& routes, app::Door& door, const RegisterRow& row) {
    Route one = base_route(row, Method::get, "show");
    one.summary = fmt::format("One {}.", row.title);
    one.response_schema = shown_schema(row);
    one.other_successes = {304};
    one.handler = [&door, &row](Call& call) -> Result<Response> {
        const auto answer = TRY(door.show_record(call.actor, std::string(row.name), call.id()));
        return door_answer(call, answer, collection_path(row));
    };
    Route all = base_route(row, Method::get, "list");
    all.path = collection_path(row);
    all.summary = fmt::format("Every {}, by id.", row.title);
    all.query = {limit_parameter, cursor_parameter};
    all.response_schema = list_schema_of(shown_schema(row));
    all.handler = [&door, &row](Call& call) -> Result<Response> { return list(door, row, call); };
    routes.push_back(std::move(all));
    routes.push_back(std::move(one));
}

void add_writing(Routes& routes, Services& services, const RegisterRow& row) {
    Route write = base_route(row, Method::put, "put");
    write.summary = fmt::format("Writes one {}, new or instead of what was there.", row.title);
    write.body = Body::json;
    write.body_limit = limits::request_body_max;
    write.request_schema = row.schema();
    write.response_schema = written_schema(row);
    write.keyed = write.conditional = true;
    write.other_successes = {201};
    write.handler = [&services, &row](Call& call) -> Result<Response> {
        return put(services, row, call);
    };
    Route away = base_route(row, Method::remove, "remove");
    away.summary = fmt::format("Removes one {}; its history stays in the ledger.", row.title);
    away.keyed = away.conditional = true;
    away.handler = [&services, &row](Call& call) -> Result<Response> {
        return remove(services, row, call);
    };
    routes.push_back(std::move(write));
    routes.push_back(std::move(away));
}

void add_import(Routes& routes, app::Door& door, const RegisterRow& row) {
    Route route = base_route(row, Method::post, "import");
    route.path = collection_path(row) + "/import";
    route.operation_id = fmt::format("import_{}", row.plural);
    route.summary = fmt::format(
        "Many records at once; nothing is written unless all are valid. Up to {} are written all "
        "or none; of more, the answer to a failure says how many were.",
        limits::import_commit_max
    );
    route.body = Body::text;
    route.body_limit = limits::import_body_max;
    route.request_types = {"application/json", "application/x-ndjson"};
    route.request_schema = JsonObject{{"type", "array"}, {"items", JsonObject{{"type", "object"}}}};
    route.handler = [&door, &row](Call& call) -> Result<Response> {
        return import(door, row, call);
    };
    routes.push_back(std::move(route));
}

} // namespace

void add_records(Routes& routes, Services& services) {
    for (const auto& row : domain::register_table()) {
        add_reading(routes, services.door, row);
        add_writing(routes, services, row);
        if (row.name == "ci")
            add_import(routes, services.door, row);
    }
}

} // namespace slipway::http
