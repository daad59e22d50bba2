// SPDX-License-Identifier: Apache-2.0
// The smoke list: a ```smoke block with a YAML list, one map for each check. What a check may have
// stands in SmokeInput; which kind of check it belongs to, in find_misplaced.
//
//     - name: front-page
//       http: ${SITE_URL}/          or  tcp: ${LB_HOST}:443      or  command: ./feed-age --max 10m
//       status: 200                                                  exit: 0
//       expect: Harbor 1.5
//       timeout: 10s
//       outside: true
#include "domain/runbook/smoke_input.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/yaml.hpp"
#include "domain/runbook/parsing.hpp"

namespace slipway::domain {

namespace {

constexpr std::string_view smoke_help =
    "write a list such as\n- name: front-page\n  http: https://www.example.com/\n  status: 200";

std::optional<HttpDemands> http_demands(SmokeInput& input) {
    HttpDemands demands{
        std::move(input.headers), std::move(input.json), input.within, input.redirects,
        std::move(input.final_url)};
    // A list that asks for none of it keeps the digest that it always had.
    return demands == HttpDemands{} ? std::nullopt : std::optional(std::move(demands));
}

void take_demands(SmokeInput& input, SmokeCheck& check) {
    switch (check.kind) {
    case SmokeKind::http:
        check.url = std::move(input.http);
        check.http = http_demands(input);
        break;
    case SmokeKind::tcp:
        check.address = std::move(input.tcp);
        break;
    case SmokeKind::command:
        check.script = std::move(input.command);
        break;
    case SmokeKind::tls:
        check.address = std::move(input.tls);
        check.tls = TlsDemands{input.days, std::move(input.server_name), std::move(input.ca)};
        break;
    case SmokeKind::dns:
        check.dns = DnsDemands{std::move(input.dns),     input.type.value_or(DnsType::A),
                               std::move(input.server),  std::move(input.has),
                               std::move(input.exactly), std::move(input.one_of)};
        break;
    case SmokeKind::job:
        check.url = std::move(input.job->url);
        check.script = std::move(input.job->command);
        check.job = JobDemands{
            std::move(input.job->file), std::move(input.at), input.max_age.value_or(Span{}),
            std::move(input.each)};
        break;
    case SmokeKind::metric:
        check.url = std::move(input.prometheus);
        check.metric = MetricDemands{std::move(input.metric), std::move(input.value)};
        break;
    case SmokeKind::sql:
        check.sql =
            SqlDemands{std::move(input.database), std::move(input.sql), std::move(input.value)};
        break;
    case SmokeKind::sso:
        check.url = std::move(input.sso);
        check.sso = SsoDemands{std::move(input.client),   std::move(input.client_secret),
                               std::move(input.redirect), std::move(input.user),
                               std::move(input.password), input.grant.value_or(SsoGrant::code),
                               std::move(input.json)};
        break;
    }
}

std::optional<SmokePatience> patience_of(const SmokeInput& input) {
    if (!input.retries && !input.settle)
        return std::nullopt;
    const int retries = input.retries.value_or(0);
    const auto every = retries > 0 ? input.every.value_or(smoke_every_default) : Span{};
    return SmokePatience{retries, every, input.settle.value_or(Span{})};
}

std::size_t programs_of(const std::vector<SmokeCheck>& checks) {
    std::size_t count = 0;
    for (const auto& check : checks)
        count += (check.http && !check.http->json.empty()) ||
                 (check.job && !check.job->at.empty()) || (check.sso && !check.sso->json.empty());
    return count;
}

// Whether there is room for the check beside those that were read already.
bool fits(const SmokeCheck& check, Parsing& parsing) {
    auto& checks = parsing.runbook.smoke;
    for (const auto& other : checks)
        if (other.name == check.name) {
            parsing.refuse(
                check.line, "duplicate-name",
                fmt::format("the check of line {} is called {} too", other.line, other.name),
                "give every check its own name"
            );
            return false;
        }
    if (checks.size() >= limits::smoke_checks_max) {
        parsing.refuse(
            check.line, "too-many-checks",
            fmt::format("more than {} smoke checks", limits::smoke_checks_max),
            "keep the list to what tells a broken release"
        );
        return false;
    }
    if (programs_of({check}) + programs_of(checks) > limits::smoke_programs_max) {
        parsing.refuse(
            check.line, "too-many-checks",
            fmt::format("more than {} checks with a jq program", limits::smoke_programs_max),
            "use expect where a text or an /expression/ will do"
        );
        return false;
    }
    return true;
}

// A check on its way into the runbook: where it stands, and what it is called in messages.
struct CheckPlace {
    const YamlDocument& document;
    int first_line; // of the YAML in the file
    std::size_t index;
    std::string name;

    // In the YAML, of one of its keys, or of the check when there is none.
    std::size_t yaml_line(std::string_view key) const {
        const auto check = fmt::format("[{}]", index);
        return document.line_of(key.empty() ? check : fmt::format("{}.{}", check, key));
    }

    int line_of(std::string_view key) const {
        return first_line + static_cast<int>(yaml_line(key)) - 1;
    }

    std::string message(std::string_view key, std::string_view message) const {
        return fmt::format("{}: {}{}{}", name, key, key.empty() ? "" : ": ", message);
    }
};

// One that is not called anything yet is called by its place.
std::string name_of(const Json& check, std::size_t index) {
    const auto name = text_or_empty(check, "name");
    return is_slug(name) ? fmt::format("the check {}", name)
                         : fmt::format("check {} of the list", index + 1);
}

void refuse_fields(Error error, const CheckPlace& place, Parsing& parsing) {
    for (auto& field : error.fields) {
        field.message = place.message(field.field, field.message);
        field.field = fmt::format("runbook:{}", place.yaml_line(field.field));
    }
    refuse_yaml(error, place.first_line, "bad-check", smoke_help, parsing);
}

bool may_look_at(const SmokeInput& input, int line, Parsing& parsing) {
    bool all = parsing.may_look_at(input.expect, line);
    all = parsing.may_look_at(input.final_url, line) && all;
    for (const auto& [name, text] : input.headers)
        all = parsing.may_look_at(text, line) && all;
    return all;
}

// An empty text demands nothing, and would be taken for a key that was left out.
std::optional<std::string> find_empty_key(const Json& check) {
    if (const auto* keys = check.if_object())
        for (const auto& [key, value] : *keys)
            if (value.is_string() && value.get_string().empty())
                return std::string(view(key));
    return std::nullopt;
}

void read_check(SmokeInput&& input, const CheckPlace& place, Parsing& parsing) {
    const auto line_of = [&place](std::string_view key) { return place.line_of(key); };
    if (!may_look_at(input, line_of({}), parsing))
        return;
    if (const auto fault = find_fault(input); fault && !(fault->is_late_rule && parsing.pinned))
        return parsing.refuse(
            line_of(fault->key), "bad-check", place.message(fault->key, fault->message),
            std::string(smoke_help)
        );
    SmokeCheck check;
    check.line = line_of({});
    check.timeout = smoke_timeout_default;
    if (input.timeout &&
        !check_time(*input.timeout, "timeout", line_of("timeout"), check.timeout, parsing))
        return;
    check.kind = kinds_of(input).front();
    check.expect_status =
        check.kind == SmokeKind::http ? input.status.value_or(200) : input.exit.value_or(0);
    check.name = std::move(input.name);
    check.host = std::move(input.host);
    check.expect_body = std::move(input.expect);
    check.outside = input.outside;
    check.patience = patience_of(input);
    take_demands(input, check);
    if (fits(check, parsing))
        parsing.runbook.smoke.push_back(std::move(check));
}

void read_list(const FencedBlock& block, Parsing& parsing) {
    const int first_line = block.line + 1;
    if (block.body.size() > limits::runbook_smoke_max)
        return parsing.refuse(
            block.line, "bad-check",
            fmt::format("the smoke block is longer than {} bytes", limits::runbook_smoke_max), ""
        );
    const auto document = parse_yaml(block.body, "runbook");
    if (!document)
        return refuse_yaml(document.error(), first_line, "bad-check", smoke_help, parsing);
    const auto* list = document->value.if_array();
    if (list == nullptr)
        return parsing.refuse(
            first_line, "bad-check", "the smoke block is not a list", std::string(smoke_help)
        );
    for (std::size_t i = 0; i < list->size(); ++i) {
        const CheckPlace place{*document, first_line, i, name_of((*list)[i], i)};
        if (const auto key = find_empty_key((*list)[i]); key && !parsing.pinned)
            parsing.refuse(
                place.line_of(*key), "bad-check",
                place.message(*key, "is empty, which demands nothing"),
                "write what must be there, or take the key away"
            );
        else if (auto input = decode<SmokeInput>((*list)[i]))
            read_check(*std::move(input), place, parsing);
        else
            refuse_fields(std::move(input).error(), place, parsing);
    }
}

} // namespace

Digest smoke_list_digest(const std::vector<SmokeCheck>& checks) {
    auto list = checks;
    for (auto& check : list)
        check.line = 0;
    return sha256(encode(list));
}

std::string why_no_probe(const SmokeCheck& check) {
    if (!check.script.empty())
        return "a probe runs no script";
    if (check.job && !check.job->file.empty())
        return "a probe reads no file";
    return {};
}

void read_smoke_block(const FencedBlock& block, Parsing& parsing) {
    const auto before = parsing.errors.size();
    look_for_unseen(block, parsing);
    read_list(block, parsing);
    parsing.smoke_refused = parsing.smoke_refused || parsing.errors.size() > before;
}

} // namespace slipway::domain
