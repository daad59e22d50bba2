// SPDX-License-Identifier: Apache-2.0
// The head of an answer as it goes over the wire (RFC 9112), with the security headers that every
// answer has unless its handler set its own. A header value with a line break is a mistake of ours
// (ASSERT): it could begin a second answer.
#pragma once

#include <string>
#include <string_view>

#include "base/time.hpp"
#include "http/message.hpp"

namespace slipway::http {

// `date` is an HTTP-date. Without keep_alive the connection ends after this answer.
std::string write_head(const Response& response, std::string_view date, bool keep_alive);

// RFC 9110 section 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT".
std::string http_date(Time time);

} // namespace slipway::http
