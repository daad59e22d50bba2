// SPDX-License-Identifier: Apache-2.0
// The API between the socket and the handlers. prepare() is quick and runs where the socket is
// read: it finds the row and says how much body may come. Everything else may block and runs on a
// worker: admit() authorises before a large body is read, run() does the whole request. No
// exception leaves these functions; an internal error is an answer with a correlation id.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "http/router.hpp"
#include "http/services.hpp"

namespace slipway::http {

struct Prepared {
    Request request;
    Target target = {};
    Match match = {};
    // The answer is already known: no body is read, no worker is asked.
    std::optional<Response> refusal = {};

    std::size_t body_limit() const { return match.route ? match.route->body_limit : 0; }

    bool streamed() const { return match.route && match.route->body == Body::stream; }

    bool later() const { return match.route && match.route->later; }

    // Imports and uploads: few at the same time.
    bool large() const { return body_limit() > limits::request_body_max; }

    // More than a little is read only from people who may send it.
    bool needs_admission(std::uint64_t announced) const {
        return match.route && match.route->access != Access::open &&
               (streamed() || announced > limits::unasked_body_max);
    }
};

class Api {
  public:
    explicit Api(Services services);
    Api(const Api&) = delete;
    Api& operator=(const Api&) = delete;

    // `request` lacks its body still. The views in it must outlive the result.
    Prepared prepare(Request request) const;
    std::optional<Response> admit(const Prepared& prepared);
    // For streamed() routes, after admit().
    Result<std::unique_ptr<BodySink>> open_upload(const Prepared& prepared);
    Response run(const Prepared& prepared);
    // The same without blocking, for later() routes. `done` is called once, possibly on another
    // thread, and must not throw; it gets nothing when run() must be asked.
    void run_later(const Prepared& prepared, std::function<void(std::optional<Response>)> done);
    // An error as the answer to this request.
    Response refuse(const Prepared& prepared, const Error& error);

    // The server ends: what takes long breaks off. From any thread.
    void stop() { stop_.request_stop(); }

    const Routes& routes() const { return router_.routes(); }

    const std::string& openapi() const { return openapi_; }

  private:
    Result<Call> enter(const Prepared& prepared);
    // The call with its body, or the answer that refuses it.
    Result<std::optional<Response>> read_body(const Prepared& prepared, Call& call);
    Result<Response> answer(const Prepared& prepared);

    Services services_;
    std::string openapi_; // before the router: a handler refers to it
    Router router_;
    std::string correlation_prefix_;
    std::atomic<std::uint64_t> correlation_{0};
    std::stop_source stop_;
};

} // namespace slipway::http
