// SPDX-License-Identifier: Apache-2.0
#include "connectors/manifest.hpp"

#include <set>

#include <fmt/format.h>

#include "base/yaml.hpp"
#include "connectors/capability_schemas.hpp"
#include "connectors/http_transport.hpp"
#include "connectors/text_template.hpp"

namespace slipway::connectors {

namespace {

// Collects what is wrong beyond types, each with the path of its node.
struct Review {
    const Manifest& manifest;
    std::vector<FieldError> errors = {};

    void add(std::string field, std::string message) {
        errors.push_back({std::move(field), std::move(message)});
    }

    void check_template(const std::string& field, const std::string& text) {
        if (auto parsed = parse_template(text); !parsed)
            add(field, parsed.error().message);
    }

    void check_templates(
        const std::string& field, const std::map<std::string, std::string>& texts, bool headers
    ) {
        for (const auto& [name, text] : texts) {
            check_template(field + "." + name, text);
            if (headers && !is_header_name(name))
                add(field + "." + name, "is not a header name (RFC 9110)");
        }
    }

    void settings() {
        std::set<std::string> names;
        for (std::size_t i = 0; i < manifest.settings.size(); ++i) {
            const auto& setting = manifest.settings[i];
            const auto field = fmt::format("settings[{}]", i);
            if (!is_slug(setting.name) || !names.insert(setting.name).second)
                add(field + ".name", "must be an id that no other setting has");
            if ((setting.type == SettingType::choice) == setting.choices.empty())
                add(field + ".choices", "a choice has choices, other types have none");
            if (setting.secret && !setting.default_value.is_null())
                add(field + ".default", "a secret has no default");
        }
    }

    void transport() {
        if (manifest.transport != Transport::command && manifest.base.empty())
            add("base", "is required: the base address");
        for (const auto& [name, text] :
             {std::pair{"base", &manifest.base},
              {"ca_file", &manifest.ca_file},
              {"starttls", &manifest.starttls},
              {"auth.user", &manifest.auth.user},
              {"auth.password", &manifest.auth.password},
              {"auth.token", &manifest.auth.token},
              {"auth.value", &manifest.auth.value}})
            check_template(name, *text);
        check_templates("headers", manifest.headers, true);
        check_templates("environment", manifest.environment, false);
        if (!manifest.idempotency_header.empty() && !is_header_name(manifest.idempotency_header))
            add("idempotency_header", "is not a header name (RFC 9110)");
        const auto scheme = manifest.auth.scheme;
        const auto needs = [&](bool wrong, const char* field) {
            if (wrong)
                add(field, fmt::format("is required for the scheme {}", to_text(scheme)));
        };
        needs(scheme == AuthScheme::basic && manifest.auth.user.empty(), "auth.user");
        needs(scheme == AuthScheme::bearer && manifest.auth.token.empty(), "auth.token");
        const bool named = scheme == AuthScheme::header || scheme == AuthScheme::api_key_query;
        needs(named && manifest.auth.name.empty(), "auth.name");
        needs(named && manifest.auth.value.empty(), "auth.value");
    }

    void request(const std::string& field, const Request& request, bool scratch) {
        const int kinds = int(request.path.has_value()) + int(!request.run.empty()) +
                          int(request.mail.has_value()) + int(!request.measure.empty());
        const bool fits = !request.measure.empty()                   ? scratch
                          : manifest.transport == Transport::http    ? request.path.has_value()
                          : manifest.transport == Transport::command ? !request.run.empty()
                                                                     : request.mail.has_value();
        if (kinds != 1 || !fits)
            add(field, "needs exactly one of path (http), run (command), mail (smtp) and "
                       "measure (with scratch: true)");
        if (request.measure.empty() && !request.demand.empty())
            add(field + ".demand", "belongs to measure");
        static const std::set<std::string> methods{"GET",   "HEAD",   "POST",   "PUT",
                                                   "PATCH", "DELETE", "OPTIONS"};
        if (!methods.contains(request.method))
            add(field + ".method", "expected GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS");
        if (request.path && !request.path->empty() && request.path->front() != '/')
            add(field + ".path", "must be empty or begin with a slash");
        check_template(field + ".path", request.path.value_or(""));
        check_template(field + ".measure", request.measure);
        check_templates(field + ".query", request.query, false);
        check_templates(field + ".headers", request.headers, true);
        check_templates(field + ".environment", request.environment, false);
        for (std::size_t i = 0; i < request.run.size(); ++i)
            check_template(fmt::format("{}.run[{}]", field, i), request.run[i]);
        if (request.page && request.page->by == PageBy::cursor && request.page->next.empty())
            add(field + ".page.next", "is required: the next cursor");
        if ((request.page || request.poll) && !request.read_as.empty())
            add(field + ".read_as", "cannot stand beside page or poll");
        if (request.page && request.poll)
            add(field + ".poll", "cannot stand beside page");
        if (request.poll && request.poll->interval < limits::connector_poll_interval_min)
            add(field + ".poll.interval",
                "is shorter than " + to_text(Span(limits::connector_poll_interval_min)));
        for (const auto& [status, rule] : request.when_status) {
            if (status.empty() || status.size() > 3 ||
                status.find_first_not_of("0123456789") != std::string::npos)
                add(field + ".when_status", "a status is a number such as 404");
            if (rule.fail.has_value() == !rule.answer.empty())
                add(field + ".when_status." + status, "needs either fail or answer");
            check_template(field + ".when_status." + status + ".message", rule.message);
        }
    }

    void operation(const std::string& field, const Operation& operation) {
        std::set<std::string> ids;
        const auto list = [&](const char* name, const std::vector<Request>& requests) {
            for (std::size_t i = 0; i < requests.size(); ++i) {
                const auto here = fmt::format("{}.{}[{}]", field, name, i);
                request(here, requests[i], operation.scratch);
                if (!requests[i].id.empty() && !ids.insert(requests[i].id).second)
                    add(here + ".id", "is used twice");
            }
        };
        list("requests", operation.requests);
        list("finally", operation.finally);
    }

    void capabilities() {
        if (manifest.capabilities.empty() && !manifest.every_operation)
            add("capabilities", "is required: what the system can do");
        for (const auto& [name, operations] : manifest.capabilities) {
            const auto capability = from_text<app::Capability>(name);
            if (!capability)
                add("capabilities." + name, "is no capability");
            for (const auto& [word, one] : operations) {
                const auto field = "capabilities." + name + "." + word;
                if (capability && find_schema(*capability, word) == nullptr)
                    add(field, "is no operation of " + name);
                operation(field, one);
            }
        }
        if (manifest.every_operation)
            operation("every_operation", *manifest.every_operation);
    }
};

void add_template(std::vector<std::string>& programs, const std::string& text) {
    if (const auto parts = parse_template(text))
        for (const auto& part : *parts)
            if (part.expression)
                programs.push_back(part.text);
}

void add_request(std::vector<std::string>& programs, const Request& request) {
    for (const auto* jq :
         {&request.when, &request.body, &request.input, &request.demand, &request.read_as,
          &request.refuse})
        if (!jq->empty())
            programs.push_back(*jq);
    add_template(programs, request.path.value_or(""));
    add_template(programs, request.measure);
    for (const auto* group : {&request.query, &request.headers, &request.environment})
        for (const auto& [name, text] : *group)
            add_template(programs, text);
    for (const auto& text : request.run)
        add_template(programs, text);
    for (const auto& [status, rule] : request.when_status) {
        add_template(programs, rule.message);
        if (!rule.answer.empty())
            programs.push_back(rule.answer);
    }
    if (request.mail) {
        add_template(programs, request.mail->from);
        for (const auto* jq :
             {&request.mail->to, &request.mail->subject, &request.mail->body,
              &request.mail->headers})
            if (!jq->empty())
                programs.push_back(*jq);
    }
    if (request.page)
        for (const auto* jq : {&request.page->items, &request.page->next})
            if (!jq->empty())
                programs.push_back(*jq);
    if (request.poll)
        programs.push_back(request.poll->until);
}

} // namespace

const Operation* Manifest::find(app::Capability capability, const std::string& operation) const {
    const auto group = capabilities.find(std::string(to_text(capability)));
    if (group != capabilities.end())
        if (const auto found = group->second.find(operation); found != group->second.end())
            return &found->second;
    const bool known = find_schema(capability, operation) != nullptr;
    return known && every_operation ? &*every_operation : nullptr;
}

std::map<std::string, std::vector<std::string>> Manifest::operations() const {
    std::map<std::string, std::vector<std::string>> found;
    for (const auto& schema : capability_schemas())
        if (find(schema.capability, std::string(schema.operation)) != nullptr)
            found[std::string(to_text(schema.capability))].emplace_back(schema.operation);
    return found;
}

app::SystemInfo Manifest::info() const {
    app::SystemInfo info{system, title, {}, operations()};
    for (const auto& setting : settings)
        info.settings.push_back(
            {setting.name, std::string(to_text(setting.type)), setting.help, setting.required,
             setting.secret, setting.default_value, setting.choices}
        );
    return info;
}

Result<Manifest> parse_manifest(std::string_view text, std::string_view file_name) {
    const auto document = TRY(parse_yaml(text, file_name));
    auto manifest = TRY(decode_yaml<Manifest>(document));
    Review review{manifest};
    if (!is_slug(manifest.system))
        review.add("system", "must be an id: letters, digits, '.', '_' and '-'");
    review.settings();
    review.transport();
    review.capabilities();
    if (!review.errors.empty())
        return tl::unexpected(place_errors(document, codec::invalid(std::move(review.errors))));
    return manifest;
}

std::vector<std::string> expressions_of(const Manifest& manifest) {
    std::vector<std::string> programs;
    for (const auto* text :
         {&manifest.base, &manifest.ca_file, &manifest.starttls, &manifest.auth.user,
          &manifest.auth.password, &manifest.auth.token, &manifest.auth.value})
        add_template(programs, *text);
    for (const auto* group : {&manifest.headers, &manifest.environment})
        for (const auto& [name, text] : *group)
            add_template(programs, text);
    const auto add_operation = [&](const Operation& operation) {
        programs.push_back(operation.result);
        for (const auto* requests : {&operation.requests, &operation.finally})
            for (const auto& request : *requests)
                add_request(programs, request);
    };
    for (const auto& [name, operations] : manifest.capabilities)
        for (const auto& [word, operation] : operations)
            add_operation(operation);
    if (manifest.every_operation)
        add_operation(*manifest.every_operation);
    return programs;
}

} // namespace slipway::connectors
