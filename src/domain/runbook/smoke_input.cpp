// SPDX-License-Identifier: Apache-2.0
// What a smoke check must be before it may stand in a list that people rely on.
#include "domain/runbook/smoke_input.hpp"

#include <algorithm>

#include <arpa/inet.h>
#include <fmt/format.h>

#include "base/jq.hpp"
#include "base/secret_reference.hpp"
#include "domain/runbook/parsing.hpp"

namespace slipway::domain {

namespace {

using Fault = std::optional<SmokeFault>;

bool has_variable(std::string_view text) {
    return text.find("${") != std::string_view::npos;
}

bool is_url(std::string_view text) {
    const bool known =
        text.starts_with("http://") || text.starts_with("https://") || text.starts_with("${");
    return known && text.find_first_of(" \t\n") == std::string_view::npos;
}

bool is_address(std::string_view text) {
    const auto colon = text.rfind(':');
    const bool variable = text.starts_with("${") && text.ends_with("}");
    const bool parts = colon != std::string_view::npos && colon > 0 && colon + 1 < text.size();
    return (parts || variable) && text.find_first_of(" \t\n/") == std::string_view::npos;
}

bool is_domain_name(std::string_view text) {
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                         "0123456789-_.";
    return has_variable(text) ||
           (!text.empty() && text.find_first_not_of(allowed) == std::string_view::npos &&
            !text.starts_with('.') && text.find("..") == std::string_view::npos);
}

// As RFC 9110 has the name of a field.
bool is_header_name(std::string_view text) {
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                         "0123456789!#$%&'*+-.^_`|~";
    return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}

bool is_record(DnsType type, const std::string& text) {
    in6_addr address{};
    if (text.empty())
        return false;
    if (has_variable(text) || type == DnsType::TXT || type == DnsType::CNAME)
        return true;
    if (type == DnsType::A)
        return ::inet_pton(AF_INET, text.c_str(), &address) == 1;
    if (type == DnsType::AAAA)
        return ::inet_pton(AF_INET6, text.c_str(), &address) == 1;
    const auto blank = text.find(' '); // MX: "10 mail.example.com"
    return blank != std::string::npos && blank > 0 && blank + 1 < text.size() &&
           text.find_first_not_of("0123456789") == blank;
}

bool in_range(const std::optional<int>& number, int first, int last) {
    return !number || (*number >= first && *number <= last);
}

bool in_range(const std::optional<Span>& span, Span first, Span last) {
    return !span || (*span >= first && *span <= last);
}

// One key, whether the check has it, and the kinds that know what to do with it.
struct Key {
    std::string_view name;
    bool given;
    std::vector<SmokeKind> kinds;
};

Fault find_misplaced(const SmokeInput& input, SmokeKind kind) {
    using enum SmokeKind;
    const Key keys[] = {
        {"status", input.status.has_value(), {http}},
        {"exit", input.exit.has_value(), {command}},
        {"expect", !input.expect.empty(), {http, command, sql}},
        {"host", !input.host.empty(), {command, job}},
        {"headers", !input.headers.empty(), {http}},
        {"json", !input.json.empty(), {http, sso}},
        {"within", input.within.has_value(), {http}},
        {"redirects", input.redirects.has_value(), {http}},
        {"final_url", !input.final_url.empty(), {http}},
        {"days", input.days.has_value(), {tls}},
        {"server_name", !input.server_name.empty(), {tls}},
        {"ca", !input.ca.empty(), {tls}},
        {"type", input.type.has_value(), {dns}},
        {"server", !input.server.empty(), {dns}},
        {"has", !input.has.empty(), {dns}},
        {"exactly", !input.exactly.empty(), {dns}},
        {"one_of", !input.one_of.empty(), {dns}},
        {"at", !input.at.empty(), {job}},
        {"max_age", input.max_age.has_value(), {job}},
        {"each", !input.each.empty(), {job}},
        {"prometheus", !input.prometheus.empty(), {metric}},
        {"value", !input.value.empty(), {metric, sql}},
        {"database", !input.database.empty(), {sql}},
        {"client", !input.client.empty(), {sso}},
        {"client_secret", !input.client_secret.empty(), {sso}},
        {"redirect", !input.redirect.empty(), {sso}},
        {"user", !input.user.empty(), {sso}},
        {"password", !input.password.empty(), {sso}},
        {"grant", input.grant.has_value(), {sso}},
    };
    for (const auto& key : keys) {
        if (!key.given || std::find(key.kinds.begin(), key.kinds.end(), kind) != key.kinds.end())
            continue;
        std::string kinds;
        for (const auto known : key.kinds)
            kinds += fmt::format("{}{}", kinds.empty() ? "" : " or ", to_text(known));
        return SmokeFault{std::string(key.name), fmt::format("belongs to a check of {}", kinds)};
    }
    return {};
}

// Text or /expression/: that the expression can be used, and demands something.
Fault find_bad_expression(std::string_view key, const std::string& text) {
    const auto any = holds_of_anything(text);
    if (!any)
        return SmokeFault{std::string(key), any.error().fields.front().message};
    if (*any)
        return SmokeFault{std::string(key), fmt::format("\"{}\" holds of any answer", text), true};
    return {};
}

// libjq would take some 30 ms for each program, so here only the names are looked at; the linter
// compiles them.
Fault find_bad_program(std::string_view key, const std::string& program) {
    if (program.empty())
        return {};
    if (const auto good = check_jq_names(program); !good)
        return SmokeFault{std::string(key), good.error().message};
    return {};
}

Fault find_http_fault(const SmokeInput& input) {
    if (!is_url(input.http))
        return SmokeFault{"http", "begin with http://, https:// or a ${VARIABLE}"};
    if (!in_range(input.status, 100, 599))
        return SmokeFault{"status", "must be 100 to 599"};
    for (const auto& [name, text] : input.headers) {
        if (!is_header_name(name))
            return SmokeFault{"headers", fmt::format("\"{}\" is no name of a header", name)};
        if (auto fault = find_bad_expression("headers", text))
            return fault;
    }
    if (!in_range(input.within, Span(1), input.timeout.value_or(smoke_timeout_default)))
        return SmokeFault{"within", "must be 1ms to the timeout of the check"};
    if (!in_range(input.redirects, 0, static_cast<int>(limits::smoke_redirects_max)))
        return SmokeFault{"redirects", fmt::format("must be 0 to {}", limits::smoke_redirects_max)};
    if (auto fault = find_bad_expression("final_url", input.final_url))
        return fault;
    return find_bad_program("json", input.json);
}

Fault find_tls_fault(const SmokeInput& input) {
    if (!is_address(input.tls))
        return SmokeFault{"tls", "write host:port, such as ${SITE_HOST}:443"};
    if (!in_range(input.days, 0, limits::smoke_days_max))
        return SmokeFault{"days", fmt::format("must be 0 to {}", limits::smoke_days_max)};
    if (!input.server_name.empty() && !is_domain_name(input.server_name))
        return SmokeFault{"server_name", "is no name of a server"};
    return {};
}

Fault find_dns_fault(const SmokeInput& input) {
    if (!is_domain_name(input.dns))
        return SmokeFault{"dns", "is no name, such as www.example.com"};
    if (input.server.find_first_of(" \t\n/") != std::string::npos)
        return SmokeFault{"server", "write an address, such as 192.0.2.53 or 192.0.2.53:5353"};
    if (!input.has.empty() + !input.exactly.empty() + !input.one_of.empty() > 1)
        return SmokeFault{"dns", "has more than one of has, exactly and one_of"};
    const auto type = input.type.value_or(DnsType::A);
    for (const auto& [key, list] :
         {std::pair{"has", &input.has}, std::pair{"exactly", &input.exactly},
          std::pair{"one_of", &input.one_of}})
        for (const auto& text : *list)
            if (!is_record(type, text))
                return SmokeFault{
                    key, fmt::format("\"{}\" is no record of type {}", text, to_text(type))};
    return {};
}

Fault find_job_fault(const SmokeInput& input) {
    const auto& job = *input.job;
    if (!job.file.empty() + !job.url.empty() + !job.command.empty() != 1)
        return SmokeFault{"job", "has one of file, url and command"};
    if (!job.file.empty() && !job.file.starts_with('/') && !job.file.starts_with("${"))
        return SmokeFault{"job", "file: must be an absolute path"};
    if (!job.url.empty() && !is_url(job.url))
        return SmokeFault{"job", "url: begin with http://, https:// or a ${VARIABLE}"};
    if (job.url.empty() != input.at.empty())
        return SmokeFault{
            "at", "is a jq program that gives the time of a job's url, and belongs to no other"};
    if (!input.each.empty() && !job.file.empty())
        return SmokeFault{"each", "belongs to a job's url or command; a file has one time"};
    if (!input.each.empty() && input.each.find_first_not_of(" \t\n") == std::string::npos)
        return SmokeFault{"each", "names nobody; write names with blanks between them"};
    if (!input.host.empty() && job.command.empty())
        return SmokeFault{"host", "belongs to a job's command"};
    if (!input.max_age)
        return SmokeFault{"job", "needs max_age, such as max_age: 26h"};
    if (!in_range(input.max_age, Span(1), limits::smoke_age_max))
        return SmokeFault{
            "max_age", fmt::format("must be 1ms to {}", to_text(Span(limits::smoke_age_max)))};
    return find_bad_program("at", input.at);
}

Fault find_value_fault(const SmokeInput& input) {
    if (input.value.empty())
        return {};
    if (const auto comparison = comparison_from_text(input.value); !comparison)
        return SmokeFault{"value", comparison.error().fields.front().message};
    return {};
}

Fault find_metric_fault(const SmokeInput& input) {
    if (!is_url(input.prometheus))
        return SmokeFault{
            "metric", "needs prometheus, the URL of the server: prometheus: ${PROMETHEUS_URL}"};
    if (input.value.empty())
        return SmokeFault{"metric", "needs value, such as value: < 0.02"};
    return find_value_fault(input);
}

bool names_secret(std::string_view text) {
    return is_secret_reference(text) || text.starts_with("${");
}

Fault find_sql_fault(const SmokeInput& input) {
    if (!names_secret(input.database))
        return SmokeFault{
            "sql", "needs database, the reference to a connection string: database: "
                   "${ORDERS_DATABASE}, a secret variable of the ring"};
    if (input.value.empty() == input.expect.empty())
        return SmokeFault{"sql", "needs value, such as value: \"== 0\", or expect"};
    return find_value_fault(input);
}

Fault find_sso_fault(const SmokeInput& input) {
    if (!is_url(input.sso) || input.sso.find_first_of("?#") != std::string::npos)
        return SmokeFault{
            "sso",
            "write the issuer: an http:// or https:// URL, or a ${VARIABLE}, without a query"};
    if (input.client.empty())
        return SmokeFault{"sso", "needs client, the id of a client that the provider knows"};
    const bool direct = input.grant == SsoGrant::direct;
    if (!direct && !is_url(input.redirect))
        return SmokeFault{
            "sso", "needs redirect, a redirect URI of the client: redirect: ${SITE_URL}/callback"};
    if (direct && !input.redirect.empty())
        return SmokeFault{"redirect", "belongs to grant: code"};
    for (const auto& [key, text] :
         {std::pair{"user", &input.user}, std::pair{"password", &input.password}})
        if (!names_secret(*text))
            return SmokeFault{
                "sso",
                fmt::format(
                    "needs {0} by reference, never itself: {0}: ${{NAME}}, a secret variable "
                    "of the ring",
                    key
                )};
    if (!input.client_secret.empty() && !names_secret(input.client_secret))
        return SmokeFault{
            "client_secret", "write a reference: ${NAME}, a secret variable of the ring"};
    return find_bad_program("json", input.json);
}

Fault find_patience_fault(const SmokeInput& input) {
    if (!in_range(input.retries, 0, limits::smoke_retries_max))
        return SmokeFault{"retries", fmt::format("must be 0 to {}", limits::smoke_retries_max)};
    if (input.every && input.retries.value_or(0) == 0)
        return SmokeFault{"every", "needs retries"};
    if (!in_range(input.every, Span(1), limits::smoke_every_max))
        return SmokeFault{
            "every", fmt::format("must be 1ms to {}", to_text(Span(limits::smoke_every_max)))};
    if (!in_range(input.settle, Span(1), limits::smoke_settle_max))
        return SmokeFault{
            "settle", fmt::format("must be 1ms to {}", to_text(Span(limits::smoke_settle_max)))};
    return {};
}

Fault find_fault_of(const SmokeInput& input, SmokeKind kind) {
    switch (kind) {
    case SmokeKind::http:
        return find_http_fault(input);
    case SmokeKind::tcp:
        if (!is_address(input.tcp))
            return SmokeFault{"tcp", "write host:port, such as ${LB_HOST}:443"};
        return {};
    case SmokeKind::command:
        if (!in_range(input.exit, 0, 255))
            return SmokeFault{"exit", "must be 0 to 255"};
        return {};
    case SmokeKind::tls:
        return find_tls_fault(input);
    case SmokeKind::dns:
        return find_dns_fault(input);
    case SmokeKind::job:
        return find_job_fault(input);
    case SmokeKind::metric:
        return find_metric_fault(input);
    case SmokeKind::sql:
        return find_sql_fault(input);
    case SmokeKind::sso:
        return find_sso_fault(input);
    }
    return {};
}

} // namespace

std::vector<SmokeKind> kinds_of(const SmokeInput& input) {
    std::vector<SmokeKind> kinds;
    const std::pair<SmokeKind, bool> claims[] = {
        {SmokeKind::http, !input.http.empty()},       {SmokeKind::tcp, !input.tcp.empty()},
        {SmokeKind::command, !input.command.empty()}, {SmokeKind::tls, !input.tls.empty()},
        {SmokeKind::dns, !input.dns.empty()},         {SmokeKind::job, input.job.has_value()},
        {SmokeKind::metric, !input.metric.empty()},   {SmokeKind::sql, !input.sql.empty()},
        {SmokeKind::sso, !input.sso.empty()},
    };
    for (const auto& [kind, claimed] : claims)
        if (claimed)
            kinds.push_back(kind);
    return kinds;
}

std::optional<SmokeFault> find_fault(const SmokeInput& input) {
    if (!is_slug(input.name))
        return SmokeFault{"name", "use 1 to 64 letters, digits, '.', '_' or '-'"};
    const auto kinds = kinds_of(input);
    if (kinds.size() != 1)
        return SmokeFault{
            {}, "a check has one of http, tcp, command, tls, dns, job, metric, sql and sso"};
    if (auto fault = find_misplaced(input, kinds.front()))
        return fault;
    if (auto fault = find_fault_of(input, kinds.front()))
        return fault;
    if (!may_be_host(input.host))
        return SmokeFault{"host", "write the name of a machine as OpenSSH knows it"};
    if (auto fault = find_bad_expression("expect", input.expect))
        return fault;
    return find_patience_fault(input);
}

} // namespace slipway::domain
