// SPDX-License-Identifier: Apache-2.0
#include "http/answers.hpp"

#include <charconv>

namespace slipway::http {

Result<std::uint64_t> whole_number(const std::string& field, std::string_view text) {
    std::uint64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, failed] = std::from_chars(text.data(), end, number);
    const bool too_large = failed == std::errc::result_out_of_range ||
                           (failed == std::errc{} && number > limits::query_number_max);
    if (stop != end || text.empty() || (failed != std::errc{} && !too_large))
        return fail_field(field, "expected a whole number");
    if (too_large)
        return fail_field(field, fmt::format("is larger than {}", limits::query_number_max));
    return number;
}

Result<std::uint64_t> query_number(const Call& call, std::string_view name, std::uint64_t absent) {
    const auto text = call.query(name);
    if (!text)
        return absent;
    return whole_number(fmt::format("query.{}", name), *text);
}

Result<std::size_t> page_limit(const Call& call) {
    const auto limit = TRY(query_number(call, "limit", limits::page_size_default));
    if (limit == 0 || limit > limits::page_size_max)
        return fail_field("query.limit", fmt::format("expected 1 to {}", limits::page_size_max));
    return static_cast<std::size_t>(limit);
}

Result<std::optional<Time>> query_time(const Call& call, std::string_view name) {
    const auto text = call.query(name);
    if (!text)
        return std::optional<Time>{};
    const auto time = time_from_text(*text);
    if (!time)
        return fail_field(fmt::format("query.{}", name), time.error().message);
    return std::optional(*time);
}

Result<std::optional<std::uint64_t>> if_match(const Call& call) {
    const auto text = call.request.header(Header::if_match);
    if (!text || *text == "*")
        return std::optional<std::uint64_t>{};
    return std::optional(TRY(parse_etag("If-Match", *text)));
}

Result<std::optional<bool>> must_exist(const Call& call) {
    const auto match = call.request.header(Header::if_match);
    const auto none = call.request.header(Header::if_none_match);
    if (match && none)
        return fail_field("If-None-Match", "not together with If-Match");
    if (none && *none != "*")
        return fail_field("If-None-Match", "expected *, which writes only what is new");
    if (none)
        return std::optional(false);
    return match && *match == "*" ? std::optional(true) : std::nullopt;
}

Result<std::optional<app::IdempotencyKey>> idempotency_key(const Call& call) {
    const auto key = call.request.header(Header::idempotency_key);
    if (!key)
        return std::optional<app::IdempotencyKey>{};
    if (key->empty() || key->size() > limits::idempotency_key_max)
        return fail_field(
            "Idempotency-Key",
            fmt::format("expected 1 to {} characters", limits::idempotency_key_max)
        );
    for (const char c : *key)
        if (c <= 0x20 || c >= 0x7F)
            return fail_field("Idempotency-Key", "expected visible ASCII characters");
    Sha256 hash;
    hash.update(method_name(call.request.method)).update("\n").update(call.request.target);
    hash.update("\n").update(call.request.header(Header::if_match).value_or(""));
    if (const auto none = call.request.header(Header::if_none_match))
        hash.update("\nnone ").update(*none);
    hash.update("\n").update(call.request.body);
    return std::optional(app::IdempotencyKey{std::string(*key), hash.finish()});
}

Response json_answer(std::string body, int status) {
    Response response;
    response.status = status;
    response.body = std::move(body);
    return response;
}

Response list_answer(const std::string& items, std::string_view next) {
    std::string body = "{\"items\":[" + items + "]";
    if (!next.empty()) {
        body += ",\"next\":";
        append_quoted(body, next);
    }
    body += '}';
    return json_answer(std::move(body));
}

Response door_answer(const Call& call, const app::Answer& answer, std::string_view location) {
    const std::string etag =
        fmt::format("\"v{}{}{}\"", answer.version, answer.rules.empty() ? "" : "-", answer.rules);
    Response response;
    const bool reading = call.request.method == Method::get || call.request.method == Method::head;
    const auto known = call.request.header(Header::if_none_match);
    if (reading && known && etag_matches(*known, etag)) {
        response.status = 304;
        response.content_type.clear();
    } else {
        response.status = answer.created ? 201 : 200;
        response.body = answer.body;
    }
    response.with("ETag", etag);
    if (answer.ledger_size != 0)
        response.with("Ledger-Size", std::to_string(answer.ledger_size));
    if (answer.replayed)
        response.with("Idempotency-Replayed", "true");
    if (answer.created)
        response.with("Location", fmt::format("{}/{}", location, answer.id));
    return response;
}

Json list_schema_of(Json item) {
    JsonObject items;
    items["type"] = "array";
    items["items"] = item.is_null() ? Json(JsonObject{{"type", "object"}}) : std::move(item);
    JsonObject next;
    next["type"] = "string";
    next["description"] = "the cursor of the next page; absent at the end";
    JsonObject properties;
    properties["items"] = std::move(items);
    properties["next"] = std::move(next);
    JsonObject schema;
    schema["type"] = "object";
    schema["properties"] = std::move(properties);
    schema["required"] = JsonArray{"items"};
    return schema;
}

} // namespace slipway::http
