// SPDX-License-Identifier: Apache-2.0
// The port to outside systems: one call names a tenant, a configured connector, a capability and an
// operation, and carries typed input as JSON. Calls block up to their deadline and may be made from
// any thread; they never stand inside a database transaction. A failure tells by its code whether
// trying again can help (retry_of), and no error ever holds a secret. What a call returns has
// passed the capability's schema; an answer that nobody could read is an error, not an empty
// answer.
#pragma once

#include <map>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "app/ports/capabilities.hpp"
#include "base/codec.hpp"
#include "base/result.hpp"

namespace slipway::app {

struct ConnectorCall {
    TenantId tenant = {};
    std::string connector = {}; // the name of a configured instance
    Capability capability{};
    std::string operation = {};
    Json input = {};
    std::string idempotency_key = {}; // the same for every attempt at the same piece of work
    Span deadline = std::chrono::seconds(60); // for the whole call, paging and polling included
    std::stop_token stop = {};                // then the call ends soon, with unavailable
};

// One member of a manifest's settings: what it is for, and whether it is a secret.
struct SettingInfo {
    std::string name = {};
    std::string type = {}; // text, url, number, boolean, choice, list, path or program
    std::string help = {};
    bool required = false;
    bool secret = false; // given as a reference: file:/path, env:NAME or command:/program args
    Json default_value = {};
    std::vector<std::string> choices = {};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("name", self.name);
        visit("type", self.type);
        visit("help", self.help);
        visit("required", self.required);
        visit("secret", self.secret);
        visit("default", self.default_value);
        visit("choices", self.choices);
    }
};

// A system that a manifest describes and a tenant could configure.
struct SystemInfo {
    std::string system = {};
    std::string title = {};
    std::vector<SettingInfo> settings = {};
    std::map<std::string, std::vector<std::string>> capabilities = {}; // with their operations

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("system", self.system);
        visit("title", self.title);
        visit("settings", self.settings);
        visit("capabilities", self.capabilities);
    }
};

// One configured connection of a tenant to a system. Settings hold references to secrets, never
// secrets, so the value can be stored, exported and shown.
struct ConnectorInstance {
    std::string name = {};
    std::string system = {};
    Json settings = {};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("name", self.name, required("its name, as calls give it", 64));
        visit("system", self.system, required("the manifest it uses", 64));
        visit("settings", self.settings, optional("the settings of the manifest"));
    }
};

struct ConnectorInfo {
    std::string name = {};
    std::string system = {};
    std::string title = {};
    std::map<std::string, std::vector<std::string>> capabilities = {};
    std::string problem = {}; // why it cannot be used, or empty

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("name", self.name);
        visit("system", self.system);
        visit("title", self.title);
        visit("capabilities", self.capabilities);
        visit("problem", self.problem);
    }
};

// Where configured instances come from; the store or a file implements it.
class ConnectorInstances {
  public:
    virtual ~ConnectorInstances() = default;
    virtual Result<std::vector<ConnectorInstance>> of(const TenantId& tenant) = 0;
};

// Errors of call(): invalid_input (the request, the settings, the credentials or a refusal by the
// system), not_found (no such connector, operation or record there), conflict (refused by the state
// of things, or a write whose answer was lost: look there before trying again), limit_exceeded (an
// answer too large), unavailable and timeout (try again), internal (an answer that does not fit
// the manifest's mapping).
class Connectors {
  public:
    virtual ~Connectors() = default;
    virtual Result<Json> call(const ConnectorCall& call) = 0;
    virtual Result<std::vector<ConnectorInfo>> list(const TenantId& tenant) = 0;
    virtual std::vector<SystemInfo> systems() = 0;
    // Whether an instance could be used as it is configured; resolves no secret, calls nobody.
    virtual Result<void> check(const ConnectorInstance& instance) = 0;
};

SLIPWAY_ENUM(Retry, never, later, after)

struct RetryAdvice {
    Retry retry = Retry::never;
    Span wait{}; // for `after`
};

// What a failed call says about trying again. `later` leaves the wait to the caller.
inline RetryAdvice retry_of(const Error& error) {
    if (error.code != ErrorCode::unavailable && error.code != ErrorCode::timeout)
        return {};
    if (error.retry_after_ms > 0)
        return {Retry::after, Span(error.retry_after_ms)};
    return {Retry::later, {}};
}

// Which connector to ask, and on whose behalf.
struct AskContext {
    TenantId tenant = {};
    std::string connector = {};
    std::string idempotency_key = {};
    Span deadline = std::chrono::seconds(60);
    std::stop_token stop = {};
};

// The typed way: `ask(connectors, {tenant, "vm-backup"}, BackupCheck{ci, host})`.
template <class Request>
Result<typename Request::Answer>
ask(Connectors& connectors, const AskContext& context, const Request& request) {
    const ConnectorCall call{context.tenant,      context.connector,
                             Request::capability, std::string(Request::operation),
                             to_json(request),    context.idempotency_key,
                             context.deadline,    context.stop};
    return decode<typename Request::Answer>(TRY(connectors.call(call)));
}

} // namespace slipway::app
