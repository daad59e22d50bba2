// SPDX-License-Identifier: Apache-2.0
// A request and its answer as handlers see them: plain values without any HTTP library. A Request
// holds views into the connection's buffers, which live until the answer is written; a handler
// copies what must outlive it. Nothing here reads or writes a socket.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/enums.hpp"
#include "base/hash.hpp"
#include "base/result.hpp"

namespace slipway::http {

// `get` also answers HEAD.
SLIPWAY_ENUM(Method, get, put, post, remove, head, options, other)

std::string_view method_name(Method method); // "GET"
Method method_from_name(std::string_view name);

// The header fields that anything here looks at. All of them may stand once in a request.
SLIPWAY_ENUM(
    Header, host, origin, authorization, cookie, content_type, content_encoding, accept, if_match,
    if_none_match, idempotency_key, last_event_id, expect, sec_fetch_site
)

std::string_view header_name(Header header); // "If-Match"
// The known field with this name in any case, or nothing.
std::optional<Header> header_from_name(std::string_view name);

struct Request {
    Method method = Method::other;
    std::string_view target; // path and query as sent
    std::array<std::optional<std::string_view>, enum_names(Header{}).size()> headers{};
    std::string_view body;
    std::string_view address; // of the client: rate limits
    bool secure = false;      // came over TLS, to us or to a proxy that we trust
    std::optional<std::uint64_t> content_length = {};

    std::optional<std::string_view> header(Header name) const {
        return headers[static_cast<std::size_t>(name)];
    }

    void set(Header name, std::string_view value) {
        headers[static_cast<std::size_t>(name)] = value;
    }
};

// Takes one piece of a long answer; fails when the client has gone or is too slow.
using ChunkSink = std::function<Result<void>(std::string_view)>;

// A long answer: called on a worker thread, writes exactly `size` bytes.
struct BodyStream {
    std::uint64_t size = 0;
    std::function<Result<void>(const ChunkSink&)> write;
};

// Server-sent events: next() is called on a worker thread whenever something may be new and gives
// the bytes to send, empty for nothing.
class EventSource {
  public:
    virtual ~EventSource() = default;
    virtual Result<std::string> next() = 0;
    // True when next() stopped at its batch limit and should be called again at once.
    virtual bool more() const = 0;
};

struct Response {
    int status = 200;
    std::string content_type = "application/json"; // empty: no body at all
    std::string body = {};
    std::vector<std::pair<std::string, std::string>> headers = {};
    std::optional<BodyStream> stream = {};
    std::shared_ptr<EventSource> events = {};
    bool unsized = false; // of HEAD, where the length is known only when all is made

    Response& with(std::string name, std::string value) {
        headers.emplace_back(std::move(name), std::move(value));
        return *this;
    }
};

// A request body that is taken in pieces as it arrives; destroyed early when the client goes.
class BodySink {
  public:
    virtual ~BodySink() = default;
    virtual Result<void> write(std::string_view bytes) = 0;
    virtual Result<Response> finish() = 0;
};

} // namespace slipway::http
