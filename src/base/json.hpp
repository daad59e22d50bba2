// SPDX-License-Identifier: Apache-2.0
// JSON (RFC 8259). The one place that includes Boost.JSON. Parsing is strict: UTF-8 is checked, no
// comments, no trailing commas, duplicate keys refused, depth and size limited. Values keep the
// order of their keys, so writing what was read gives the same bytes.
#pragma once

#include <string>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

#include "base/result.hpp"

namespace slipway {

using Json = boost::json::value;
using JsonObject = boost::json::object;
using JsonArray = boost::json::array;

// Errors: invalid_input with what and where (the member, and the byte), limit_exceeded for depth.
Result<Json> parse_json(std::string_view text);

std::string to_text(const Json& value);
void append_text(std::string& out, const Json& value);
// Appends a JSON string with its quotes; control characters are escaped.
void append_quoted(std::string& out, std::string_view text);
// Two spaces of indentation, for people.
std::string to_pretty_text(const Json& value);

inline std::string_view view(const boost::json::string& text) {
    return {text.data(), text.size()};
}

// The member named `key` of an object, or nullptr.
const Json* find(const Json& value, std::string_view key);
// The text of a string member, or empty.
std::string_view text_or_empty(const Json& value, std::string_view key);
// Only a member that is there and true is.
bool truth_at(const Json& object, std::string_view key);

// True when the bytes are valid UTF-8 (RFC 3629) without NUL.
bool is_valid_text(std::string_view bytes);
// Why they are not, for people: "is not valid UTF-8 at byte 3", counted from 0; empty when they
// are.
std::string encoding_finding(std::string_view bytes);
// The same when it is valid text; otherwise with \xNN for each byte that is not ASCII, so that what
// is said of damaged bytes can be said.
std::string as_valid_text(std::string bytes);

// At most `size` bytes of the text, cut between two characters.
std::string cut_text(std::string_view text, std::size_t size);

} // namespace slipway
