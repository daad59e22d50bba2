// SPDX-License-Identifier: Apache-2.0
// Errors as RFC 9457 problem documents, and the one mapping of ErrorCode to an HTTP status. What is
// inside of an internal error never leaves the server: the answer has a correlation id, the log has
// the rest under the same id. Only of a fault that somebody can mend, which has a reason with its
// remedy, the answer says what it is and how.
#pragma once

#include <string_view>

#include "base/json.hpp"
#include "http/message.hpp"

namespace slipway::http {

// `conditional`: the request had If-Match, so that a conflict is a failed precondition (412).
int status_of(const Error& error, bool conditional);

std::string_view code_name(ErrorCode code); // "invalid_input"

// `instance` is the path of the request, or the correlation id of an internal error.
Response problem(const Error& error, int status, std::string_view instance);
Response problem(const Error& error, std::string_view instance, bool conditional = false);

// The JSON Schema of the document.
Json problem_schema();

} // namespace slipway::http
