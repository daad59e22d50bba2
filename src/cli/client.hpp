// SPDX-License-Identifier: Apache-2.0
// HTTP to the server through libcurl. Answers are bounded (limits::cli_answer_max) unless they go
// to a sink. A request whose connection is lost is sent once more when it may be: reads, and
// changes with an Idempotency-Key. Redirects are not followed, since a token must not travel.
// Errors of the server keep its problem document in Error::detail, for --json.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace slipway::cli {

struct HttpRequest {
    std::string method = "GET";
    std::string path; // with the query
    std::string body = {};
    std::string content_type = "application/json";
    std::vector<std::string> headers = {};
    bool repeatable = false; // sending it twice does what sending it once does
    std::string upload = {}; // a file whose bytes are the body
    // Takes the body of a successful answer instead of HttpAnswer::body; false ends the exchange.
    std::function<bool(std::string_view)> sink = {};
    std::function<void(std::uint64_t done, std::uint64_t total)> progress = {};
    bool endless = false; // a stream of events: only silence ends it
};

struct HttpAnswer {
    int status = 0;
    std::string etag;
    std::string body;
};

class Client {
  public:
    // `timeout` is for one plain request; 0: limits::cli_request_timeout.
    Client(std::string server, std::string token, std::string agent, Span timeout = Span::zero());

    const std::string& server() const { return server_; }

    // Errors: what the server's problem document says; unavailable when there is no connection,
    // timeout, limit_exceeded for an answer too large, internal for an answer that makes no sense.
    Result<HttpAnswer> send(const HttpRequest& request) const;

  private:
    std::string server_; // without a slash at the end
    std::string token_;
    std::string agent_;
    Span timeout_;
};

// True when the address is a loopback address or "localhost".
bool is_this_machine(std::string_view server);

// What an answer with a status of 400 and more means.
Error error_of(int status, std::string_view body);

} // namespace slipway::cli
