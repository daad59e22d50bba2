// SPDX-License-Identifier: Apache-2.0
// What several resources share of reading a call and writing its answer: paging, entity tags,
// idempotency keys.
#pragma once

#include "app/door.hpp"
#include "base/codec.hpp"
#include "http/route.hpp"

namespace slipway::http {

// The query parameters of every list.
inline constexpr QueryParameter limit_parameter{"limit", "how many, 1 to 200; 50 by default"};
inline constexpr QueryParameter cursor_parameter{"cursor", "the \"next\" of the page before"};

// Errors: invalid_input naming the parameter.
Result<std::size_t> page_limit(const Call& call);
Result<std::uint64_t> whole_number(const std::string& field, std::string_view text);
Result<std::uint64_t> query_number(const Call& call, std::string_view name, std::uint64_t absent);
Result<std::optional<Time>> query_time(const Call& call, std::string_view name);

// Errors: invalid_input naming the header.
Result<std::optional<std::uint64_t>> if_match(const Call& call);
// What "If-Match: *" (true) or "If-None-Match: *" (false) asks for.
Result<std::optional<bool>> must_exist(const Call& call);
Result<std::optional<app::IdempotencyKey>> idempotency_key(const Call& call);

Response json_answer(std::string body, int status = 200);
// {"items":[...],"next":"..."}; `items` are JSON documents joined with commas.
Response list_answer(const std::string& items, std::string_view next);

// The door's answer with ETag, Ledger-Size and, for something new, Location. 304 when a read names
// this version in If-None-Match.
Response door_answer(const Call& call, const app::Answer& answer, std::string_view location);

// {"items":[<item>],"next":text} as a schema.
Json list_schema_of(Json item);

} // namespace slipway::http
