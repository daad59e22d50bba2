// SPDX-License-Identifier: Apache-2.0
#include "http/api.hpp"

#include <algorithm>
#include <exception>

#include <fmt/format.h>

#include "base/ascii.hpp"
#include "base/random.hpp"
#include "http/authentication.hpp"
#include "http/problem.hpp"
#include "http/resources.hpp"

namespace slipway::http {

namespace {

std::string_view path_of(const Request& request) {
    return request.target.substr(0, request.target.find('?'));
}

Error error_of(ErrorCode code, std::string message) {
    Error error;
    error.code = code;
    error.message = std::move(message);
    return error;
}

Result<void> check_query(const Prepared& prepared) {
    const auto& known = prepared.match.route->query;
    for (const auto& parameter : prepared.target.query) {
        if (std::any_of(known.begin(), known.end(), [&](const QueryParameter& row) {
                return row.name == parameter.first;
            }))
            continue;
        std::string names;
        for (const auto& row : known)
            names += fmt::format("{}{}", names.empty() ? "" : ", ", row.name);
        return fail_field(
            "query." + parameter.first, known.empty() ? "this operation takes no query parameters"
                                                      : "is not known; the known ones are " + names
        );
    }
    return {};
}

Result<void> check_headers(const Prepared& prepared) {
    const auto& route = *prepared.match.route;
    const auto& request = prepared.request;
    if (request.header(Header::idempotency_key) && !route.keyed)
        return fail_field("Idempotency-Key", "this operation does not take one");
    if (request.header(Header::if_match) && !route.conditional)
        return fail_field("If-Match", "this operation does not take it");
    // Reading takes it as a question for what is new (RFC 9110 section 13.1.2).
    if (request.header(Header::if_none_match) && route.method != Method::get &&
        !(route.method == Method::put && route.conditional))
        return fail_field("If-None-Match", "this operation does not take it");
    return {};
}

// Whether a conflict means that a condition of the request's header did not hold.
bool is_conditional(const Request& request) {
    const bool reading = request.method == Method::get || request.method == Method::head;
    return request.header(Header::if_match) || (request.header(Header::if_none_match) && !reading);
}

// A charset other than UTF-8 would be misread, so it is refused (RFC 8259 section 8.1).
bool is_foreign_charset(std::string_view content_type) {
    const auto text = ascii_lower(content_type);
    const auto at = text.find("charset=");
    return at != std::string::npos && text.find("utf-8", at) == std::string::npos;
}

std::optional<Response> check_media(const Prepared& prepared) {
    const auto& route = *prepared.match.route;
    const auto& request = prepared.request;
    const auto accept = request.header(Header::accept);
    if (accept && !accepts(*accept, route.response_type) &&
        !accepts(*accept, "application/problem+json"))
        return problem(
            error_of(
                ErrorCode::invalid_input,
                fmt::format("Accept: this operation answers with {}", route.response_type)
            ),
            406, path_of(request)
        );
    // Of packed bytes, neither the JSON nor the digest would be that of what was meant.
    const auto encoding = request.header(Header::content_encoding);
    if (encoding && ascii_lower(*encoding) != "identity")
        return problem(
            error_of(
                ErrorCode::invalid_input,
                "Content-Encoding: bodies are sent as they are; leave it away and do not compress"
            ),
            415, path_of(request)
        );
    if (route.body == Body::none || route.body == Body::stream)
        return std::nullopt;
    const auto type = request.header(Header::content_type);
    const bool empty = request.content_length.value_or(0) == 0 && request.body.empty();
    const auto& types = route.request_types;
    if ((!type && empty) ||
        (type && std::find(types.begin(), types.end(), media_type(*type)) != types.end() &&
         !is_foreign_charset(*type)))
        return std::nullopt;
    return problem(
        error_of(
            ErrorCode::invalid_input,
            fmt::format("Content-Type: expected {} in UTF-8", fmt::join(types, " or "))
        ),
        415, path_of(request)
    );
}

} // namespace

Api::Api(Services services)
    : services_(std::move(services)), router_(all_routes(services_, openapi_)),
      correlation_prefix_(to_hex(SystemRandom{}.bytes(6))) {
    openapi_ = openapi_document(router_.routes(), services_.version);
}

Prepared Api::prepare(Request request) const {
    Prepared prepared{std::move(request)};
    const auto instance = path_of(prepared.request);
    auto target = parse_target(prepared.request.target);
    if (!target) {
        const int status = target.error().code == ErrorCode::limit_exceeded ? 414 : 400;
        prepared.refusal = problem(target.error(), status, "");
        return prepared;
    }
    prepared.target = *std::move(target);
    const auto& segments = prepared.target.segments;
    prepared.match = router_.find(prepared.request.method, segments);
    if (prepared.match.route == nullptr && prepared.match.allow.empty()) {
        prepared.refusal = problem(
            error_of(ErrorCode::not_found, "there is no such address; see /api/v1/openapi.json"),
            instance
        );
    } else if (prepared.match.route == nullptr && prepared.request.method == Method::options) {
        prepared.refusal = Response{204, ""};
        prepared.refusal->with("Allow", prepared.match.allow);
    } else if (prepared.match.route == nullptr) {
        prepared.refusal = problem(
            error_of(ErrorCode::invalid_input, "the method is not one of " + prepared.match.allow),
            405, instance
        );
        prepared.refusal->with("Allow", prepared.match.allow);
    }
    return prepared;
}

Response Api::refuse(const Prepared& prepared, const Error& error) {
    const auto instance = path_of(prepared.request);
    if (error.code != ErrorCode::internal)
        return problem(error, instance, is_conditional(prepared.request));
    const std::string id = fmt::format("{}-{}", correlation_prefix_, ++correlation_);
    if (services_.report)
        services_.report(fmt::format(
            "internal error {} at {} {}: {} {}", id, method_name(prepared.request.method), instance,
            error.message, error.detail
        ));
    return problem(error, "urn:slipway:error:" + id);
}

// Who calls and whether he may, before anything of the request's content is looked at.
Result<Call> Api::enter(const Prepared& prepared) {
    const auto& route = *prepared.match.route;
    Call call{prepared.request, prepared.target, prepared.match.parameters};
    call.stop = stop_.get_token();
    if (route.access != Access::open)
        call.actor = TRY(authenticate(prepared.request, services_.identity));
    if (route.access == Access::permission)
        TRY(app::require_permission(call.actor, route.permission));
    for (const auto parameter : call.path)
        if (!is_slug(parameter))
            return fail_field(
                "path", "expected an id: 1 to 64 letters, digits, '.', '_' or '-', "
                        "beginning with a letter or digit"
            );
    TRY(check_query(prepared));
    TRY(check_headers(prepared));
    return call;
}

Result<std::optional<Response>> Api::read_body(const Prepared& prepared, Call& call) {
    if (auto refused = check_media(prepared))
        return refused;
    if (prepared.match.route->body == Body::json) {
        call.body = JsonObject{};
        if (!prepared.request.body.empty())
            call.body = TRY(parse_json(prepared.request.body));
        if (!call.body.is_object())
            return fail_field("body", "expected a JSON object");
    }
    return std::optional<Response>{};
}

Result<Response> Api::answer(const Prepared& prepared) {
    Call call = TRY(enter(prepared));
    if (auto refused = TRY(read_body(prepared, call)))
        return *std::move(refused);
    return prepared.match.route->handler(call);
}

void Api::run_later(const Prepared& prepared, std::function<void(std::optional<Response>)> done) {
    const auto answer_with = [this, &prepared, done](Result<Response> response) {
        done(response ? *std::move(response) : refuse(prepared, response.error()));
    };
    std::shared_ptr<Call> call;
    try {
        auto entered = enter(prepared);
        if (!entered)
            return answer_with(tl::unexpected(std::move(entered).error()));
        call = std::make_shared<Call>(*std::move(entered));
        auto refused = read_body(prepared, *call);
        if (!refused)
            return answer_with(tl::unexpected(std::move(refused).error()));
        if (*refused)
            return done(*std::move(*refused));
    } catch (const std::exception& thrown) {
        return answer_with(fail(ErrorCode::internal, "exception", thrown.what()));
    }
    // Who is told once cannot be told again: what is thrown from here on is told by `later` itself.
    prepared.match.route->later(call, [answer_with, done](auto response) {
        if (response)
            answer_with(*std::move(response));
        else
            done(std::nullopt);
    });
}

Response Api::run(const Prepared& prepared) {
    try {
        auto response = answer(prepared);
        return response ? *std::move(response) : refuse(prepared, response.error());
    } catch (const std::exception& thrown) {
        return refuse(prepared, Error{ErrorCode::internal, "exception", thrown.what()});
    }
}

std::optional<Response> Api::admit(const Prepared& prepared) {
    try {
        if (const auto call = enter(prepared); !call)
            return refuse(prepared, call.error());
        return check_media(prepared);
    } catch (const std::exception& thrown) {
        return refuse(prepared, Error{ErrorCode::internal, "exception", thrown.what()});
    }
}

Result<std::unique_ptr<BodySink>> Api::open_upload(const Prepared& prepared) {
    try {
        Call call = TRY(enter(prepared));
        return prepared.match.route->upload(call);
    } catch (const std::exception& thrown) {
        return fail(ErrorCode::internal, "exception", thrown.what());
    }
}

} // namespace slipway::http
