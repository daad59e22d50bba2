// SPDX-License-Identifier: Apache-2.0
#include "http/authentication.hpp"

#include "http/target.hpp"

namespace slipway::http {

namespace {

using Found = std::optional<app::Actor>;
using Authenticator = Result<Found> (*)(const Request&, app::Identity&);

constexpr std::string_view bearer_scheme = "Bearer ";

std::string_view bearer_secret(const Request& request) {
    const auto text = request.header(Header::authorization).value_or("");
    return text.starts_with(bearer_scheme) ? text.substr(bearer_scheme.size()) : std::string_view{};
}

std::string_view cookie_secret(const Request& request) {
    return cookie_value(request.header(Header::cookie).value_or(""), session_cookie);
}

bool is_safe(Method method) {
    return method == Method::get || method == Method::head || method == Method::options;
}

Result<Found> by_bearer(const Request& request, app::Identity& identity) {
    if (!request.header(Header::authorization))
        return Found{};
    const auto secret = bearer_secret(request);
    if (secret.empty())
        return fail(ErrorCode::unauthenticated, "expected Authorization: Bearer and a token");
    return Found(TRY(identity.authenticate(secret)));
}

Result<Found> by_cookie(const Request& request, app::Identity& identity) {
    const auto secret = cookie_secret(request);
    if (secret.empty())
        return Found{};
    if (!is_safe(request.method)) {
        if (!request.header(Header::origin) && !request.header(Header::sec_fetch_site))
            return fail(ErrorCode::forbidden, "a request with a cookie needs an Origin header");
        TRY(require_own_page(request));
    }
    return Found(TRY(identity.authenticate(secret)));
}

constexpr Authenticator authenticators[] = {by_bearer, by_cookie};

} // namespace

Result<void> require_own_page(const Request& request) {
    if (const auto origin = request.header(Header::origin)) {
        const auto host = request.header(Header::host).value_or("");
        const auto scheme_end = origin->find("://");
        if (scheme_end == std::string_view::npos || origin->substr(scheme_end + 3) != host)
            return fail(ErrorCode::forbidden, "the request comes from a page of another site");
        return {};
    }
    const auto site = request.header(Header::sec_fetch_site);
    if (site && *site != "same-origin" && *site != "none")
        return fail(ErrorCode::forbidden, "the request comes from a page of another site");
    return {};
}

std::string_view presented_secret(const Request& request) {
    const auto bearer = bearer_secret(request);
    return bearer.empty() ? cookie_secret(request) : bearer;
}

Reader::Reader(app::Identity& identity, const Request& request, domain::Permission permission)
    : identity_(identity), secret_(presented_secret(request)), permission_(permission) {}

Result<app::Actor> Reader::actor() const {
    auto actor = TRY(identity_.authenticate(secret_));
    TRY(app::require_permission(actor, permission_));
    return actor;
}

Result<app::Actor> authenticate(const Request& request, app::Identity& identity) {
    for (const auto authenticator : authenticators)
        if (auto found = TRY(authenticator(request, identity)))
            return *std::move(found);
    return fail(ErrorCode::unauthenticated, "sign in, or send Authorization: Bearer and a token");
}

} // namespace slipway::http
