// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "domain/calendar/slots.hpp"
#include "domain/change/change.hpp"
#include "domain/change/command_table.hpp"
#include "http/answers.hpp"
#include "http/resources.hpp"

namespace slipway::http {

namespace {

using domain::Permission;

constexpr std::string_view changes_path = "/api/v1/changes";

std::vector<std::string> split_list(std::optional<std::string_view> text) {
    std::vector<std::string> out;
    while (text && !text->empty()) {
        const auto comma = text->find(',');
        if (comma != 0)
            out.emplace_back(text->substr(0, comma));
        text->remove_prefix(comma == std::string_view::npos ? text->size() : comma + 1);
    }
    return out;
}

// Each once: the store looks for each of them on its own.
Result<std::vector<std::string>> query_list(const Call& call, std::string_view name) {
    auto values = split_list(call.query(name));
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
    if (values.size() > limits::list_max)
        return fail_field(
            fmt::format("query.{}", name), fmt::format("names more than {}", limits::list_max)
        );
    return values;
}

template <class Enum>
Result<std::vector<std::string>> query_words(const Call& call, std::string_view name) {
    auto words = TRY(query_list(call, name));
    for (const auto& word : words)
        if (!from_text<Enum>(word))
            return fail_field(
                fmt::format("query.{}", name),
                fmt::format("expected one or more of: {}", fmt::join(enum_names(Enum{}), ", "))
            );
    return words;
}

std::string text_of(const Call& call, std::string_view name) {
    return std::string(call.query(name).value_or(""));
}

Result<Response> find_changes(app::Door& door, Call& call) {
    app::ChangeQuery query;
    query.tenant = call.actor.tenant;
    query.text = text_of(call, "q");
    query.states = TRY(query_words<domain::ChangeState>(call, "state"));
    query.types = TRY(query_words<domain::ChangeType>(call, "type"));
    query.requester = text_of(call, "requester");
    query.change_owner = text_of(call, "owner");
    query.cis = TRY(query_list(call, "ci"));
    query.meeting = text_of(call, "meeting");
    if (const auto overridden = call.query("overridden")) {
        if (*overridden != "true")
            return fail_field("query.overridden", "expected true, or nothing at all");
        query.overridden = true;
    }
    query.window_from = TRY(query_time(call, "window_from"));
    query.window_until = TRY(query_time(call, "window_until"));
    query.before_number = TRY(query_number(call, "cursor", 0));
    query.limit = TRY(page_limit(call));
    const auto limit = query.limit;
    const auto found = TRY(door.find_changes(call.actor, std::move(query)));
    std::string items;
    for (const auto& summary : found) {
        items += items.empty() ? "" : ",";
        codec::write<codec::Form::answer>(items, summary);
    }
    return list_answer(items, found.size() < limit ? "" : std::to_string(found.back().number));
}

Result<Response> history(app::Door& door, Call& call) {
    const auto limit = TRY(page_limit(call));
    const auto cursor = TRY(query_number(call, "cursor", 0));
    const auto order = from_text<app::HistoryOrder>(call.query("order").value_or("oldest"));
    if (!order)
        return fail_field("query.order", "expected one of: oldest, newest");
    const auto events = TRY(door.history(call.actor, call.id(), *order, cursor, limit));
    std::string items;
    for (const auto& event : events) {
        items += fmt::format(
            R"({}{{"seq":{},"version":{},"type":"{}","at":"{}","leaf":"{}","entry":{}}})",
            items.empty() ? "" : ",", event.seq, event.version, event.type, to_text(event.at),
            event.leaf.hex(), event.body
        );
    }
    const bool more = events.size() == limit &&
                      (*order == app::HistoryOrder::oldest || events.back().version > 1);
    return list_answer(items, more ? std::to_string(events.back().version) : "");
}

Result<app::CommandRequest> command_request(Call& call, const domain::CommandRow& row) {
    app::CommandRequest request;
    request.change = call.path.empty() ? std::string{} : call.id();
    request.command = row.name;
    request.if_version = TRY(if_match(call));
    request.idempotency = TRY(idempotency_key(call));
    request.body = std::move(call.body);
    return request;
}

Result<Response> command(app::Door& door, Call& call, const domain::CommandRow& row) {
    const auto request = TRY(command_request(call, row));
    return door_answer(call, TRY(door.execute(call.actor, request)), changes_path);
}

void command_later(
    app::Door& door, const std::shared_ptr<Call>& call, const domain::CommandRow& row,
    const Tell& tell
) {
    try {
        const auto request = command_request(*call, row);
        if (!request)
            return tell(tl::unexpected(request.error()));
        door.execute_later(call->actor, *request, [call, tell](auto answer) {
            if (!answer)
                tell(std::nullopt);
            else if (!*answer)
                tell(tl::unexpected(std::move(*answer).error()));
            else
                tell(door_answer(*call, **answer, changes_path));
        });
    } catch (const std::exception& thrown) {
        tell(fail(ErrorCode::internal, "exception", thrown.what()));
    }
}

// The fields of what the door wants to know are the query's parameters, so neither can have one
// that the other lacks.
struct SlotParameters {
    std::vector<QueryParameter> all;
    std::vector<std::string_view> numbers;

    template <class T, class Field>
    void operator()(std::string_view name, const T&, const Field& field) {
        all.push_back({name, field.help});
        if constexpr (std::is_integral_v<T>)
            numbers.push_back(name);
    }
};

SlotParameters slot_parameters() {
    SlotParameters out;
    const domain::SlotRequest any;
    domain::SlotRequest::fields(any, out);
    return out;
}

Result<Response> propose(app::Door& door, Call& call) {
    JsonObject query;
    for (const auto& [name, value] : call.target.query)
        query[name] = value;
    for (const auto name : slot_parameters().numbers)
        if (call.query(name))
            query[std::string(name)] = TRY(query_number(call, name, 0));
    return json_answer(TRY(door.propose_windows(call.actor, call.id(), Json(std::move(query)))));
}

// GET /changes/{id}/... whose answer is a document that the door makes.
Route view(
    std::string_view name, std::string_view operation, std::string_view summary, Handler handler
) {
    Route route;
    route.path = fmt::format("{}/{{id}}{}", changes_path, name);
    route.operation_id = operation;
    route.summary = summary;
    route.tag = "changes";
    route.permission = Permission::change_read;
    route.handler = std::move(handler);
    return route;
}

void add_views(Routes& routes, app::Door& door) {
    routes.push_back(view(
        "", "show_change", "One change with its whole record.",
        [&](Call& call) -> Result<Response> {
            return door_answer(call, TRY(door.show_change(call.actor, call.id())), changes_path);
        }
    ));
    routes.back().other_successes = {304};
    routes.push_back(view(
        "/gates", "show_gates", "The verdict of every gate as of now.",
        [&](Call& call) -> Result<Response> {
            return json_answer(TRY(door.show_gates(call.actor, call.id())));
        }
    ));
    routes.push_back(view(
        "/steps", "show_steps", "The checklist: each step's state, due date and what it needs.",
        [&](Call& call) -> Result<Response> {
            return json_answer(TRY(door.show_steps(call.actor, call.id())));
        }
    ));
    routes.push_back(view(
        "/clearance", "show_clearance", "Whether a pipeline may go on now, and why not.",
        [&](Call& call) -> Result<Response> {
            return json_answer(TRY(door.show_clearance(call.actor, call.id())));
        }
    ));
    routes.push_back(view(
        "/window_proposals", "propose_windows", "Free windows, best first, with reasons.",
        [&](Call& call) -> Result<Response> { return propose(door, call); }
    ));
    routes.back().query = slot_parameters().all;
    routes.push_back(view(
        "/events", "list_change_events",
        "The ledger entries of one change, from the oldest or from the newest on.",
        [&](Call& call) -> Result<Response> { return history(door, call); }
    ));
    routes.back().query = {
        {"order", "which comes first: oldest, the default, or newest"},
        limit_parameter,
        cursor_parameter};
    routes.back().response_schema = list_schema_of({});
}

Route command_route(app::Door& door, const domain::CommandRow& row) {
    Route route;
    route.method = Method::post;
    const bool opens = row.name == "open";
    route.path =
        opens ? std::string(changes_path) : fmt::format("{}/{{id}}/{}", changes_path, row.name);
    route.operation_id = opens ? std::string("open_change") : std::string(row.name);
    route.summary = row.summary;
    route.tag = "changes";
    route.permission = row.permission;
    route.body = Body::json;
    route.body_limit = limits::request_body_max;
    route.request_schema = row.schema ? row.schema() : Json{};
    route.success = opens ? 201 : 200;
    route.keyed = true;
    route.conditional = !opens;
    route.handler = [&door, &row](Call& call) -> Result<Response> {
        return command(door, call, row);
    };
    // A number is taken inside the commit, and who opens waits for it.
    if (!opens)
        route.later = [&door, &row](const std::shared_ptr<Call>& call, const Tell& tell) {
            command_later(door, call, row, tell);
        };
    return route;
}

} // namespace

void add_changes(Routes& routes, Services& services) {
    app::Door& door = services.door;
    Route list;
    list.path = changes_path;
    list.operation_id = "find_changes";
    list.summary = "Changes, newest first, by filter and full-text search.";
    list.tag = "changes";
    list.permission = Permission::change_read;
    list.query = {
        {"q", "words to search for"},
        {"state", "one or more states, separated by commas"},
        {"type", "one or more types, separated by commas"},
        {"requester", "the person who asked for it"},
        {"owner", "the change owner"},
        {"ci", "one or more configuration items, separated by commas: any is in the scope"},
        {"meeting", "the CAB meeting on whose agenda it is"},
        {"overridden", "true: only those classified as another type than the rules proposed"},
        {"window_from", "the window ends after this time"},
        {"window_until", "the window starts before this time"},
        limit_parameter,
        cursor_parameter,
    };
    list.response_schema = list_schema_of({});
    list.handler = [&door](Call& call) -> Result<Response> { return find_changes(door, call); };
    routes.push_back(std::move(list));
    add_views(routes, door);
    for (const auto& row : domain::command_table())
        if (!row.internal)
            routes.push_back(command_route(door, row));
}

} // namespace slipway::http
