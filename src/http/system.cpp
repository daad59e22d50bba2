// SPDX-License-Identifier: Apache-2.0
#include "base/schema.hpp"
#include "http/answers.hpp"
#include "http/resources.hpp"

namespace slipway::http {

namespace {

struct ClockAdvance {
    Span by{};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("by", self.by, required("how far the clock goes forward"));
    }
};

Result<Response> advance(const Services& services, Call& call) {
    const auto request = TRY(decode<ClockAdvance>(call.body));
    if (!services.advance_clock)
        return fail(ErrorCode::forbidden, "this is not a sandbox server: its clock is the world's");
    const Time now = TRY(services.advance_clock(call.actor, request.by));
    return json_answer(fmt::format(R"({{"now":"{}"}})", to_text(now)));
}

Route open_route(std::string path, std::string operation, std::string summary, Handler handler) {
    Route route;
    route.path = std::move(path);
    route.operation_id = std::move(operation);
    route.summary = std::move(summary);
    route.tag = "system";
    route.access = Access::open;
    route.handler = std::move(handler);
    return route;
}

} // namespace

void add_system(Routes& routes, Services& services, const std::string& openapi) {
    routes.push_back(open_route(
        "/api/v1/health", "show_health",
        "Says ok while the server serves and writes; 503 when it only reads.",
        [&services](Call&) -> Result<Response> {
            // The reason has paths in it, and anybody may ask.
            if (services.door.store().not_writing())
                return fail(
                    ErrorCode::unavailable,
                    "this server only reads: its disk is full, or its disk or database failed; its "
                    "log says which"
                );
            return Response{200, "text/plain; charset=utf-8", "ok"};
        }
    ));
    routes.back().response_type = "text/plain";
    routes.push_back(open_route(
        "/api/v1/openapi.json", "show_openapi", "This document.",
        [&openapi](Call&) -> Result<Response> { return json_answer(openapi); }
    ));
    routes.push_back(open_route(
        "/api/v1/version", "show_version", "The version of the program and the server's time.",
        [&services](Call&) -> Result<Response> {
            return json_answer(fmt::format(
                R"({{"version":"{}","now":"{}","sandbox":{}}})", services.version,
                to_text(services.door.clock().now()), services.advance_clock != nullptr
            ));
        }
    ));
    Route clock;
    clock.method = Method::post;
    clock.path = "/api/v1/sandbox/clock";
    clock.operation_id = "advance_clock";
    clock.summary = "Puts the clock of a sandbox server forward.";
    clock.tag = "system";
    clock.permission = domain::Permission::system_manage;
    clock.body = Body::json;
    clock.body_limit = limits::request_body_max;
    clock.request_schema = schema_of<ClockAdvance>();
    clock.handler = [&services](Call& call) -> Result<Response> { return advance(services, call); };
    routes.push_back(std::move(clock));
}

Routes all_routes(Services& services, const std::string& openapi) {
    Routes routes;
    add_changes(routes, services);
    add_records(routes, services);
    add_rings(routes, services);
    add_attachments(routes, services);
    add_ledger(routes, services);
    add_identity(routes, services);
    add_snapshots(routes, services);
    add_tasks(routes, services);
    add_probes(routes, services);
    add_stream(routes, services);
    add_system(routes, services, openapi);
    return routes;
}

} // namespace slipway::http
