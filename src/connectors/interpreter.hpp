// SPDX-License-Identifier: Apache-2.0
// Runs one operation of a manifest: renders each request, exchanges it, follows pages, polls, and
// maps what came back to our answer. It knows no vendor. What stands between a failure and its code
// is decided here once: see docs/reference/connectors.md, "Failures".
#pragma once

#include "base/clock.hpp"
#include "base/confinement.hpp"
#include "base/jq.hpp"
#include "connectors/capability_schemas.hpp"
#include "connectors/http_transport.hpp"
#include "connectors/manifest.hpp"
#include "connectors/secrets.hpp"

namespace slipway::connectors {

struct Surroundings {
    const Clock& clock;
    ExpressionCache& expressions;
    std::string scratch_folder = "/tmp";
    Result<Confinement> confinement = {};
};

struct CommandAnswer;

// Where the first whole character of a text begins whose front was cut off.
std::size_t text_begin(std::string_view text);

class Interpreter {
  public:
    // `settings` as resolved_settings gives them; `secrets` those it found. All are referred to,
    // and must outlive the interpreter, which serves one call.
    Interpreter(
        const Surroundings& surroundings, const Manifest& manifest, const Json& settings,
        const Secrets& secrets, const app::ConnectorCall& call, const CapabilitySchema& schema
    );

    // The answer before it is checked against the capability's schema.
    // A failure after a write that must not be repeated never says "try again".
    Result<Json> run(const Operation& operation);

  private:
    // What one exchange gave: a body as Json, with the status and headers for expressions.
    struct Exchange {
        Json body = {};
        int status = 0;
        JsonObject headers = {};
        std::string next_link = {};
    };

    Result<Json> run_operation(const Operation& operation);
    Result<void> run_requests(const std::vector<Request>& requests);
    Result<Json> finish(const Operation& operation, Result<void> done);
    Result<Json> run_request(const Request& request);
    Result<Json> all_pages(const Request& request);
    Result<Json> poll(const Request& request);
    Result<Exchange> exchange(const Request& request, const std::string& address = {});
    Result<Exchange> exchange_http(const Request& request, const std::string& address);
    Result<Exchange> exchange_command(const Request& request);
    Result<Exchange> exchange_mail(const Request& request);
    Result<Exchange> measure(const Request& request);

    Result<HttpRequest> http_request(const Request& request, const std::string& address);
    Result<void> add_auth(HttpRequest& request);
    Result<void> add_body(const Request& request, HttpRequest& out);
    Result<std::string> address_of(const Request& request);
    Result<std::string> query_of(const Request& request);
    Result<std::optional<std::string>> optional_text(const std::string& text);

    // The meaning of a status that is not good; the answer it stands for, or the failure.
    Result<Exchange> judge(const Request& request, Exchange exchange, std::int64_t retry_after_ms);
    Result<Json> read_body(const Request& request, const std::string& bytes);
    Result<void> refusal(const Request& request);
    tl::unexpected<Error> failed(const Request& request, Error error, bool may_have_acted);
    bool is_repeatable(const Request& request) const;
    Result<Span> time_left(const Request& request) const;

    Json last_words(const CommandAnswer& answer) const;
    std::string excerpt(const Json& body) const;
    Result<Json> evaluate(const std::string& program) const;
    Result<Json> default_input() const;
    void show(const Exchange& exchange);

    const Surroundings& around_;
    const Manifest& manifest_;
    const Secrets& secrets_;
    const app::ConnectorCall& call_;
    const CapabilitySchema& schema_;
    std::chrono::steady_clock::time_point end_;
    std::stop_token stop_;
    Json document_; // what expressions see
    std::string scratch_;
    bool acted_ = false; // a request that must not be repeated was or may have been carried out
};

} // namespace slipway::connectors
