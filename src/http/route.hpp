// SPDX-License-Identifier: Apache-2.0
// One row of the API: everything that routing, authorisation, limits and documentation need to know
// of an operation. The rows of a resource stand in its file; http/openapi.cpp makes the document of
// the same rows, so nothing is reachable that is not described.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "app/actor.hpp"
#include "base/json.hpp"
#include "http/message.hpp"
#include "http/target.hpp"

namespace slipway::http {

struct QueryParameter {
    std::string_view name;
    std::string_view summary;
};

// One request on its way through its handler.
struct Call {
    const Request& request;
    const Target& target;
    const std::vector<std::string_view>& path; // what stands for {id} and the like, in order
    app::Actor actor = {};                     // nobody on open routes
    Json body = {};                            // of routes with a JSON body; an object when empty
    std::stop_token stop = {};                 // the server ends: long work breaks off

    std::string id(std::size_t index = 0) const { return std::string(path[index]); }

    // The value of a query parameter, or nothing.
    std::optional<std::string_view> query(std::string_view name) const {
        for (const auto& [known, value] : target.query)
            if (known == name)
                return value;
        return std::nullopt;
    }
};

using Handler = std::function<Result<Response>(Call&)>;
// Gets nothing when the request must be run again, by the handler.
using Tell = std::function<void(std::optional<Result<Response>>)>;
// A handler that need not block until its answer is known. `tell` is called once, possibly on
// another thread; the call lives as long as somebody holds it.
using LaterHandler = std::function<void(std::shared_ptr<Call>, Tell)>;
using Upload = std::function<Result<std::unique_ptr<BodySink>>(Call&)>;

enum class Access : std::uint8_t { open, signed_in, permission };
enum class Body : std::uint8_t { none, json, text, stream };

struct Route {
    Method method = Method::get;
    std::string path; // "/api/v1/changes/{id}"
    std::string operation_id;
    std::string summary;
    std::string tag; // groups operations in the document
    Access access = Access::permission;
    domain::Permission permission{}; // for Access::permission
    Handler handler = {};
    LaterHandler later = {}; // the same as handler; empty: there is only that
    Upload upload = {};      // instead of handler, for Body::stream
    Body body = Body::none;
    std::size_t body_limit = 0;
    Json request_schema = {}; // null: none
    std::vector<std::string_view> request_types = {"application/json"};
    Json response_schema = {}; // null: any object
    std::string_view response_type = "application/json";
    int success = 200;
    std::vector<int> other_successes = {}; // such as 201 for what is new, 304, 204
    std::vector<QueryParameter> query = {};
    bool keyed = false;       // takes Idempotency-Key
    bool conditional = false; // takes If-Match; a PUT also If-None-Match: *
    bool download = false;    // a long answer: one of limits::downloads_max at a time
};

using Routes = std::vector<Route>;

} // namespace slipway::http
