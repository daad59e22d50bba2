// SPDX-License-Identifier: Apache-2.0
// Whom a request speaks for. The ways are tried in the order of one list: a bearer secret, then the
// session cookie. A way that finds nothing of its own in the request passes; one that finds
// something wrong refuses. Single sign-on becomes further rows. A cookie is sent by browsers
// without asking, so for anything but reading it counts only when the request comes from our own
// pages (Origin, or Sec-Fetch-Site when there is no Origin).
#pragma once

#include "app/identity/identity.hpp"
#include "http/message.hpp"

namespace slipway::http {

inline constexpr std::string_view session_cookie = "slipway_session";

// Errors: unauthenticated, forbidden (a cookie from a foreign page), those of Identity.
Result<app::Actor> authenticate(const Request& request, app::Identity& identity);

// Whom a long answer is for, after its request has gone: asked again each time, because a token is
// revoked, a person loses a role, a password is reset. What Identity remembers for
// limits::bearer_cache_life makes asking cheap.
class Reader {
  public:
    Reader(app::Identity& identity, const Request& request, domain::Permission permission);

    // Errors: unauthenticated, forbidden.
    Result<app::Actor> actor() const;

  private:
    app::Identity& identity_;
    std::string secret_;
    domain::Permission permission_;
};

// The secret that the request brought, or empty.
std::string_view presented_secret(const Request& request);

// Errors: forbidden when a browser says that the request comes from another site.
Result<void> require_own_page(const Request& request);

} // namespace slipway::http
