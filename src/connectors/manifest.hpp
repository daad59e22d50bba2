// SPDX-License-Identifier: Apache-2.0
// A manifest: an outside system as data (connectors/<system>.yaml). Two kinds of text stand in it.
// A *template* is text with jq in braces, "{.settings.url}"; addresses, names, headers, query
// members and command arguments are templates. A *jq* member is a whole expression; bodies,
// conditions and mappings are jq. Both see one document: input, settings, key, now, started,
// capability, operation, answers (by request id), answer, status, headers, page, scratch.
// docs/reference/connectors.md explains every member; parse_manifest refuses everything else.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "app/ports/connectors.hpp"
#include "base/codec.hpp"

namespace slipway::connectors {

SLIPWAY_ENUM(Transport, http, smtp, command)
SLIPWAY_ENUM(AuthScheme, none, basic, bearer, header, api_key_query)
SLIPWAY_ENUM(BodyType, json, form, text)
SLIPWAY_ENUM(AnswerType, json, text, nothing)
SLIPWAY_ENUM(PageBy, link, cursor, number)
SLIPWAY_ENUM(FailCode, invalid_input, not_found, conflict, unavailable)
SLIPWAY_ENUM(SettingType, text, url, number, boolean, choice, list, map, path, program)

struct Setting {
    std::string name = {};
    SettingType type{};
    std::string help = {};
    bool required = false;
    bool secret = false;
    Json default_value = {};
    std::vector<std::string> choices = {};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("name", self.name, slipway::required("its name", 64));
        visit("type", self.type, slipway::required("its type"));
        visit("help", self.help, slipway::required("what it is for", limits::text_max));
        visit("required", self.required, optional("whether it must be given"));
        visit("secret", self.secret, optional("whether it is given as a reference"));
        visit("default", self.default_value, optional("its value when not given"));
        visit("choices", self.choices, optional("the values of a choice"));
    }
};

struct Auth {
    AuthScheme scheme{};
    std::string user = {};
    std::string password = {};
    std::string token = {};
    std::string name = {}; // of the header or the query member
    std::string value = {};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("scheme", self.scheme, required("how to authenticate"));
        visit("user", self.user, optional("basic: template", limits::text_max));
        visit("password", self.password, optional("basic: template", limits::text_max));
        visit("token", self.token, optional("bearer: template", limits::text_max));
        visit("name", self.name, optional("header, api_key_query: its name"));
        visit("value", self.value, optional("header, api_key_query: template", limits::text_max));
    }
};

struct Paging {
    PageBy by{};
    std::string items = {};
    std::string next = {};
    std::int64_t start = 1;
    std::int64_t step = 1;
    std::int64_t size = 0;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("by", self.by, required("link, cursor or number"));
        visit("items", self.items, required("jq: the list in an answer", limits::text_max));
        visit("next", self.next, optional("jq: the next cursor or address", limits::text_max));
        visit("start", self.start, optional("number: the first page"));
        visit("step", self.step, optional("number: what a page adds; its size for offsets"));
        visit("size", self.size, optional("number: a page with fewer items is the last"));
    }
};

struct Polling {
    std::string until = {};
    Span interval = std::chrono::seconds(2);
    Span limit = std::chrono::minutes(10);

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("until", self.until, required("jq: when to stop asking", limits::text_max));
        visit("interval", self.interval, optional("time between two requests"));
        visit("limit", self.limit, optional("when to give up"));
    }
};

struct StatusRule {
    std::optional<FailCode> fail = {};
    std::string message = {};
    std::string answer = {};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("fail", self.fail, optional("the failure that this status is"));
        visit("message", self.message, optional("template: what to say", limits::text_max));
        visit("answer", self.answer, optional("jq: the answer it stands for", limits::text_max));
    }
};

struct MailParts {
    std::string from = {};
    std::string to = {};
    std::string subject = {};
    std::string body = {};
    std::string headers = {};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("from", self.from, required("template: the sender", limits::text_max));
        visit("to", self.to, required("jq: the list of recipients", limits::text_max));
        visit("subject", self.subject, required("jq: the subject", limits::text_max));
        visit("body", self.body, required("jq: the text", limits::text_max));
        visit("headers", self.headers, optional("jq: further headers", limits::text_max));
    }
};

// One exchange: an HTTP request, a mail, a command, or the measuring of a scratch folder.
struct Request {
    std::string id = {};
    std::string when = {};
    std::string method = "GET";
    std::optional<std::string> path = {};
    std::map<std::string, std::string> query = {};
    std::map<std::string, std::string> headers = {};
    std::string body = {};
    BodyType body_type{};
    std::vector<std::string> run = {};
    std::map<std::string, std::string> environment = {};
    std::string input = {};
    std::optional<MailParts> mail = {};
    std::string measure = {};
    std::string demand = {};
    AnswerType answer_type{};
    std::optional<Span> time_limit = {};
    bool repeatable = false;
    std::vector<int> ok = {};
    std::map<std::string, StatusRule> when_status = {};
    std::string read_as = {};
    std::string refuse = {};
    std::optional<Paging> page = {};
    std::optional<Polling> poll = {};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("id", self.id, optional("its name in .answers", 64));
        visit("when", self.when, optional("jq: only then", limits::text_max));
        visit("method", self.method, optional("HTTP method", 16));
        visit("path", self.path, optional("template, after the base", limits::url_max));
        visit("query", self.query, optional("templates; null leaves one out"));
        visit("headers", self.headers, optional("templates; null leaves one out"));
        visit("body", self.body, optional("jq: the body", limits::text_max));
        visit("body_type", self.body_type, optional("json, form or text"));
        visit("run", self.run, optional("templates: program and arguments", 100));
        visit("environment", self.environment, optional("templates; null leaves one out"));
        visit("stdin", self.input, optional("jq: what the program reads", limits::text_max));
        visit("mail", self.mail, optional("the mail to send"));
        visit("measure", self.measure, optional("template: the folder to measure", 4000));
        visit("demand", self.demand, optional("jq: what it has to hold", limits::text_max));
        visit("answer_type", self.answer_type, optional("json, text or nothing"));
        visit("time_limit", self.time_limit, optional("of one exchange; 30s"));
        visit("repeatable", self.repeatable, optional("whether a second time does no harm"));
        visit("ok", self.ok, optional("the good statuses; 200 to 299, or 0"));
        visit("when_status", self.when_status, optional("what another status means"));
        visit("read_as", self.read_as, optional("jq: what its answer says", limits::text_max));
        visit("refuse", self.refuse, optional("jq: why a good status is none", limits::text_max));
        visit("page", self.page, optional("how to get all pages"));
        visit("poll", self.poll, optional("ask again until"));
    }
};

struct Operation {
    bool scratch = false;
    std::vector<Request> requests = {};
    std::vector<Request> finally = {}; // also after a failure: takes down what was put up
    std::string result = ".answer";

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("scratch", self.scratch, optional("make a folder for it, .scratch"));
        visit(
            "requests", self.requests,
            required("what to send, in order", limits::connector_requests_max)
        );
        visit(
            "finally", self.finally,
            optional("what to send at the end, however it went", limits::connector_requests_max)
        );
        visit("result", self.result, optional("jq: our answer", limits::text_max));
    }
};

struct Manifest {
    std::string system = {};
    std::string title = {};
    Transport transport{};
    std::vector<Setting> settings = {};
    std::string base = {};
    std::string ca_file = {};
    std::string starttls = {};
    Auth auth = {};
    std::map<std::string, std::string> headers = {};
    std::map<std::string, std::string> environment = {};
    std::string idempotency_header = {};
    std::map<std::string, std::map<std::string, Operation>> capabilities = {};
    std::optional<Operation> every_operation = {};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("system", self.system, required("its name, as the file's", 64));
        visit("title", self.title, required("its name for people"));
        visit("transport", self.transport, required("http, smtp or command"));
        visit("settings", self.settings, optional("what a connector sets", 50));
        visit("base", self.base, optional("template: the base address", limits::url_max));
        visit("ca_file", self.ca_file, optional("template: its own authorities", 4000));
        visit("starttls", self.starttls, optional("smtp: template, true or false"));
        visit("auth", self.auth, optional("authentication"));
        visit("headers", self.headers, optional("templates, for each request"));
        visit("environment", self.environment, optional("templates, for each command"));
        visit("idempotency_header", self.idempotency_header, optional("carries the key"));
        visit("capabilities", self.capabilities, optional("what it can do"));
        visit("every_operation", self.every_operation, optional("for all the others"));
    }

    // The operation, or nullptr.
    const Operation* find(app::Capability capability, const std::string& operation) const;
    std::map<std::string, std::vector<std::string>> operations() const;
    app::SystemInfo info() const;
};

// Errors: invalid_input, `file:line: field: message`. Expressions are not compiled here, since that
// takes 30 ms each; expressions_of() lists them for a check.
Result<Manifest> parse_manifest(std::string_view text, std::string_view file_name);

// Every jq program of a manifest, those inside templates included.
std::vector<std::string> expressions_of(const Manifest& manifest);

} // namespace slipway::connectors
