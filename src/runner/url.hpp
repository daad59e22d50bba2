// SPDX-License-Identifier: Apache-2.0
// What is asked of URLs here (RFC 3986), by libcurl, which is also who fetches them. Internal to
// src/runner.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace slipway::runner {

// The reference as it is meant on the page at `base`; nothing when it is no http or https URL.
std::optional<std::string> resolve_url(const std::string& base, const std::string& reference);

// "https://login.example.com:443": scheme, host and port. Empty when it is no URL.
std::string origin_of(const std::string& url);

// The value of the first parameter of this name in the query, decoded; nothing when there is none.
std::optional<std::string> query_value(std::string_view url, std::string_view name);

} // namespace slipway::runner
