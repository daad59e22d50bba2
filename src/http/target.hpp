// SPDX-License-Identifier: Apache-2.0
// The target of a request (RFC 3986 path and query; the query as HTML forms write it). Pure. Splits
// at slashes before it decodes, so that an encoded slash can never make a second segment, and
// refuses what has no business in a path: empty and dot segments, NUL and control characters, bytes
// that are not UTF-8. Limits: limits::target_max, path_segments_max, query_parameters_max.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace slipway::http {

struct Target {
    std::vector<std::string> segments;                      // decoded; none for "/"
    std::vector<std::pair<std::string, std::string>> query; // decoded, in order, names distinct
};

// Errors: invalid_input naming "path" or the query parameter; limit_exceeded.
Result<Target> parse_target(std::string_view target);

// The value of a cookie, or empty (RFC 6265 section 5.4 as browsers write it).
std::string_view cookie_value(std::string_view header, std::string_view name);

// The version in `"v7"`. Errors: invalid_input naming the header.
Result<std::uint64_t> parse_etag(std::string_view header, std::string_view text);

// Whether `If-None-Match` names this entity tag (weak comparison, RFC 9110 section 8.8.3.2).
bool etag_matches(std::string_view list, std::string_view etag);

// Whether an Accept header takes this media type, such as "application/json". Quality values
// other than 0 do not matter here: there is never a choice.
bool accepts(std::string_view header, std::string_view media_type);

// The media type of a Content-Type without its parameters, in lower case.
std::string media_type(std::string_view content_type);

} // namespace slipway::http
