// SPDX-License-Identifier: Apache-2.0
// One HTTP request to an outside system through libcurl. TLS is always verified, against the
// system's authorities or a CA file of the connection's own. Redirects are not followed, save for
// a GET that stays at the same scheme, host and port, since a redirect elsewhere would carry
// credentials to a stranger. No error holds an address's query, a header's value or a body, because
// any of them can be a secret. Sources: RFC 9110, libcurl's documentation.
#pragma once

#include <initializer_list>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace slipway::connectors {

struct HttpRequest {
    std::string method = "GET";
    std::string url = {};
    std::vector<std::pair<std::string, std::string>> headers = {};
    std::optional<std::string> body = {};
    std::optional<std::pair<std::string, std::string>> basic = {}; // user and password
    std::string ca_file = {};                                      // empty: the system's
    Span timeout{};
    std::size_t answer_max = 0; // bytes of the body; 0: limits::connector_answer_max
    std::stop_token stop = {};  // breaks the exchange off: unavailable
};

struct HttpAnswer {
    int status = 0;
    std::map<std::string, std::string> headers = {}; // names in lower case
    std::string body = {};
    std::int64_t retry_after_ms = 0;
};

// What a failed exchange leaves open: whether the other side may have acted on the request.
struct HttpFailure {
    Error error;
    bool may_have_acted = true;
};

// An answer of any status, or why there is none: unavailable (no connection), timeout,
// limit_exceeded (a body over the limit), invalid_input (a bad address or header, TLS refused).
tl::expected<HttpAnswer, HttpFailure> http_exchange(const HttpRequest& request);

// Whether the address is a well-formed one of `schemes` with a host and without a user part.
Result<void> check_address(const std::string& url, std::initializer_list<const char*> schemes);

// RFC 9110 section 5.1 and 5.5: a token as the name, no control characters in the value.
bool is_header_name(std::string_view name);
bool is_header_value(std::string_view value);

// Percent-encodes everything but the unreserved characters of RFC 3986.
std::string percent_encode(std::string_view text);

// "https://host:port" of an address, with the default port written out, or empty.
std::string origin_of(const std::string& url);

// The address that `reference` means beside `base` (RFC 3986 section 5), or empty.
std::string resolve_address(const std::string& base, const std::string& reference);

// The target of rel="next" in a Link header (RFC 8288), or empty.
std::string next_link(std::string_view link_header);

// Scheme, host and port for messages; a path can be a secret too (chat webhooks).
std::string address_for_people(const std::string& url);

} // namespace slipway::connectors
