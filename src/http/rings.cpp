// SPDX-License-Identifier: Apache-2.0
// What is known of the hosts of a ring: having it gathered, importing it, reading it.
#include "base/schema.hpp"
#include "domain/change/commands.hpp"
#include "http/answers.hpp"
#include "http/resources.hpp"

namespace slipway::http {

namespace {

using domain::Permission;

struct ImportFacts {
    std::string host;
    Json document;

    SLIPWAY_FIELDS {
        visit("host", self.host, required("the host's name in the ring", limits::name_max));
        visit("document", self.document, required("what the facts script printed on it"));
    }
};

Route route_of(Method method, std::string_view path, std::string_view id) {
    Route route;
    route.method = method;
    route.path = "/api/v1/rings/{id}/" + std::string(path);
    route.operation_id = id;
    route.tag = "rings";
    return route;
}

Route writing_route(std::string_view path, std::string_view id, Json schema) {
    auto route = route_of(Method::post, path, id);
    route.body = Body::json;
    route.body_limit = limits::request_body_max;
    route.request_schema = std::move(schema);
    route.keyed = true;
    return route;
}

Result<Response> gather(app::Door& door, Call& call) {
    TRY(decode<domain::Nothing>(call.body));
    const auto key = TRY(idempotency_key(call));
    return door_answer(call, TRY(door.gather_ring(call.actor, call.id(), key)), "/api/v1/rings");
}

Result<Response> import(app::Door& door, Call& call) {
    const auto body = TRY(decode_plain<ImportFacts>(call.body));
    const auto key = TRY(idempotency_key(call));
    return door_answer(
        call, TRY(door.import_facts(call.actor, call.id(), body.host, body.document, key)),
        "/api/v1/rings"
    );
}

} // namespace

void add_rings(Routes& routes, Services& services) {
    app::Door& door = services.door;
    auto asking = writing_route("gather", "gather_ring", schema_of<domain::Nothing>());
    asking.summary = "Has the facts of every host of the ring gathered, here or over SSH.";
    asking.permission = Permission::change_run;
    asking.handler = [&door](Call& call) -> Result<Response> { return gather(door, call); };
    auto importing = writing_route("facts", "import_facts", schema_of<ImportFacts>());
    importing.summary = "Takes the facts of one host, gathered elsewhere with the facts script.";
    importing.permission = Permission::record_write;
    importing.handler = [&door](Call& call) -> Result<Response> { return import(door, call); };
    auto reading = route_of(Method::get, "facts", "show_facts");
    reading.summary = "What is known of every host of the ring, and where that comes from.";
    reading.permission = Permission::change_read;
    reading.response_schema = list_schema_of(JsonObject{{"type", "object"}});
    reading.handler = [&door](Call& call) -> Result<Response> {
        return json_answer(TRY(door.show_facts(call.actor, call.id())));
    };
    routes.push_back(std::move(asking));
    routes.push_back(std::move(importing));
    routes.push_back(std::move(reading));
}

} // namespace slipway::http
