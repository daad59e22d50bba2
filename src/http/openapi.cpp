// SPDX-License-Identifier: Apache-2.0
// The OpenAPI 3.1 document, from the same rows that route the requests.
#include <fmt/format.h>

#include "http/problem.hpp"
#include "http/resources.hpp"

namespace slipway::http {

namespace {

boost::json::string_view as_json(std::string_view text) {
    return {text.data(), text.size()};
}

JsonObject reference(std::string_view to) {
    JsonObject out;
    out["$ref"] = as_json(to);
    return out;
}

JsonObject content(std::string_view type, Json schema) {
    JsonObject media;
    if (!schema.is_null())
        media["schema"] = std::move(schema);
    JsonObject out;
    out[as_json(type)] = std::move(media);
    return out;
}

JsonObject
parameter(std::string_view name, std::string_view in, std::string_view summary, bool required) {
    JsonObject schema;
    schema["type"] = "string";
    JsonObject out;
    out["name"] = as_json(name);
    out["in"] = as_json(in);
    out["description"] = as_json(summary);
    if (required)
        out["required"] = true;
    out["schema"] = std::move(schema);
    return out;
}

JsonArray parameters_of(const Route& route) {
    JsonArray out;
    std::string_view rest = route.path;
    for (auto at = rest.find('{'); at != std::string_view::npos; at = rest.find('{')) {
        const auto end = rest.find('}', at);
        out.push_back(parameter(rest.substr(at + 1, end - at - 1), "path", "the id", true));
        rest.remove_prefix(end);
    }
    for (const auto& row : route.query)
        out.push_back(parameter(row.name, "query", row.summary, false));
    if (route.keyed)
        out.push_back(reference("#/components/parameters/idempotency_key"));
    if (route.conditional)
        out.push_back(reference("#/components/parameters/if_match"));
    if (route.conditional && route.method == Method::put)
        out.push_back(reference("#/components/parameters/if_none_match"));
    return out;
}

JsonObject request_body_of(const Route& route) {
    JsonObject types;
    for (const auto type : route.request_types) {
        JsonObject media;
        if (!route.request_schema.is_null() && type == "application/json")
            media["schema"] = route.request_schema;
        types[as_json(type)] = std::move(media);
    }
    JsonObject body;
    body["description"] = fmt::format("at most {} bytes", route.body_limit);
    body["content"] = std::move(types);
    return body;
}

JsonObject success_of(const Route& route, int status) {
    JsonObject success;
    success["description"] = status == 304
                                 ? boost::json::string_view("what If-None-Match names is current")
                                 : as_json(route.summary);
    if (status == 204 || status == 304)
        return success;
    Json schema = route.response_schema;
    if (schema.is_null() && route.response_type == "application/json")
        schema = JsonObject{{"type", "object"}};
    success["content"] = content(route.response_type, std::move(schema));
    return success;
}

JsonObject responses_of(const Route& route) {
    JsonObject out;
    out[std::to_string(route.success)] = success_of(route, route.success);
    for (const int status : route.other_successes)
        out[std::to_string(status)] = success_of(route, status);
    out["default"] = reference("#/components/responses/problem");
    return out;
}

JsonObject operation(const Route& route) {
    JsonObject out;
    out["operationId"] = route.operation_id;
    out["summary"] = route.summary;
    out["tags"] = JsonArray{Json(route.tag)};
    switch (route.access) {
    case Access::open:
        out["security"] = JsonArray{};
        out["x-permission"] = "none";
        break;
    case Access::signed_in:
        out["x-permission"] = "signed_in";
        break;
    case Access::permission:
        out["x-permission"] = as_json(to_text(route.permission));
        break;
    }
    if (auto parameters = parameters_of(route); !parameters.empty())
        out["parameters"] = std::move(parameters);
    if (route.body != Body::none)
        out["requestBody"] = request_body_of(route);
    out["responses"] = responses_of(route);
    return out;
}

JsonObject security_schemes() {
    JsonObject bearer;
    bearer["type"] = "http";
    bearer["scheme"] = "bearer";
    bearer["description"] = "a session or an API token";
    JsonObject cookie;
    cookie["type"] = "apiKey";
    cookie["in"] = "cookie";
    cookie["name"] = "slipway_session";
    JsonObject out;
    out["bearer"] = std::move(bearer);
    out["cookie"] = std::move(cookie);
    return out;
}

JsonObject components() {
    JsonObject problem;
    problem["description"] = "what went wrong (RFC 9457)";
    problem["content"] =
        content("application/problem+json", reference("#/components/schemas/problem"));
    JsonObject parameters;
    parameters["idempotency_key"] = parameter(
        "Idempotency-Key", "header",
        "1 to 200 visible characters; the same request with the same key is done once", false
    );
    parameters["if_match"] = parameter(
        "If-Match", "header",
        "the ETag that must still hold, such as \"v7\", or * for any; otherwise 412", false
    );
    parameters["if_none_match"] =
        parameter("If-None-Match", "header", "*: writes only what is new; otherwise 412", false);
    JsonObject out;
    out["schemas"] = JsonObject{{"problem", problem_schema()}};
    out["responses"] = JsonObject{{"problem", std::move(problem)}};
    out["parameters"] = std::move(parameters);
    out["securitySchemes"] = security_schemes();
    return out;
}

boost::json::string_view member_name(Method method) {
    switch (method) {
    case Method::get:
        return "get";
    case Method::put:
        return "put";
    case Method::post:
        return "post";
    case Method::remove:
        return "delete";
    default:
        return "x-other";
    }
}

} // namespace

std::string openapi_document(const Routes& routes, std::string_view version) {
    JsonObject info;
    info["title"] = "Slipway";
    info["version"] = as_json(version);
    info["description"] = "Takes a release from RFC through CAB approval, its window, deployment "
                          "and closure, and proves that it went that way.";
    info["license"] = JsonObject{{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}};
    JsonObject paths;
    for (const auto& route : routes) {
        auto& path = paths[route.path];
        if (!path.is_object())
            path = JsonObject{};
        path.get_object()[member_name(route.method)] = operation(route);
    }
    JsonObject document;
    document["openapi"] = "3.1.0";
    document["info"] = std::move(info);
    document["security"] =
        JsonArray{JsonObject{{"bearer", JsonArray{}}}, JsonObject{{"cookie", JsonArray{}}}};
    document["paths"] = std::move(paths);
    document["components"] = components();
    return to_pretty_text(Json(std::move(document)));
}

} // namespace slipway::http
