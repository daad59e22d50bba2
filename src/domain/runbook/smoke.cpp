// SPDX-License-Identifier: Apache-2.0
// The smoke list: a ```smoke block with a YAML list, one map for each check.
//
//     - name: front-page
//       http: ${SITE_URL}/          or  tcp: ${LB_HOST}:443      or  command: ./feed-age --max 10m
//       status: 200                                                  exit: 0
//       expect: Harbor 1.5
//       timeout: 10s
//       outside: true
#include <optional>

#include <fmt/format.h>

#include "base/yaml.hpp"
#include "domain/runbook/parsing.hpp"

namespace slipway::domain {

namespace {

constexpr std::string_view smoke_help =
    "write a list such as\n- name: front-page\n  http: https://www.example.com/\n  status: 200";

// One check as the YAML has it.
struct SmokeInput {
    std::string name;
    std::string http, tcp, command;
    std::optional<int> status, exit;
    std::string expect;
    std::string host;
    std::optional<Span> timeout;
    bool outside = false;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("name", self.name, required("name of the check, such as front-page"));
        visit("http", self.http, optional("URL to fetch", limits::url_max));
        visit("tcp", self.tcp, optional("host:port to connect to", limits::url_max));
        visit("command", self.command, optional("script to run", limits::paragraph_max));
        visit("status", self.status, optional("HTTP status"));
        visit("exit", self.exit, optional("exit status"));
        visit("expect", self.expect, optional("text or /expression/", limits::text_max));
        visit("host", self.host, optional("where the command runs"));
        visit("timeout", self.timeout, optional("time limit"));
        visit("outside", self.outside, optional("seen from the outside vantage point"));
    }
};

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

// What is wrong with the check, or nothing.
std::string find_fault(const SmokeInput& input) {
    if (!is_slug(input.name))
        return "name: use 1 to 64 letters, digits, '.', '_' or '-'";
    const int targets = !input.http.empty() + !input.tcp.empty() + !input.command.empty();
    if (targets != 1)
        return "a check has one of http, tcp and command";
    if (!input.http.empty() && !is_url(input.http))
        return "http: begin with http://, https:// or a ${VARIABLE}";
    if (!input.tcp.empty() && !is_address(input.tcp))
        return "tcp: write host:port, such as ${LB_HOST}:443";
    if (input.status && input.http.empty())
        return "status: belongs to an http check";
    if (input.status && (*input.status < 100 || *input.status > 599))
        return "status: must be 100 to 599";
    if (input.exit && input.command.empty())
        return "exit: belongs to a command check";
    if (input.exit && (*input.exit < 0 || *input.exit > 255))
        return "exit: must be 0 to 255";
    if (!input.host.empty() && input.command.empty())
        return "host: belongs to a command check";
    if (!input.host.empty() && input.host.find("${") == std::string::npos &&
        !is_host_name(input.host))
        return "host: write the name of a machine as OpenSSH knows it";
    if (!input.expect.empty() && !input.tcp.empty())
        return "expect: a tcp check gets no text";
    if (const auto matches = output_matches(input.expect, ""); !matches)
        return matches.error().message;
    return {};
}

void read_check(SmokeInput&& input, int line, Parsing& parsing) {
    auto& checks = parsing.runbook.smoke;
    auto fault = find_fault(input);
    if (!fault.empty())
        return parsing.refuse(line, "bad-check", std::move(fault), std::string(smoke_help));
    for (const auto& other : checks)
        if (other.name == input.name)
            return parsing.refuse(
                line, "duplicate-name",
                fmt::format("the check of line {} is called {} too", other.line, other.name),
                "give every check its own name"
            );
    if (checks.size() >= limits::smoke_checks_max)
        return parsing.refuse(
            line, "too-many-checks",
            fmt::format("more than {} smoke checks", limits::smoke_checks_max),
            "keep the list to what tells a broken release"
        );
    SmokeCheck check;
    check.timeout = smoke_timeout_default;
    if (input.timeout && !check_time(*input.timeout, "timeout", line, check.timeout, parsing))
        return;
    check.kind = !input.http.empty()  ? SmokeKind::http
                 : !input.tcp.empty() ? SmokeKind::tcp
                                      : SmokeKind::command;
    check.expect_status =
        check.kind == SmokeKind::http ? input.status.value_or(200) : input.exit.value_or(0);
    check.name = std::move(input.name);
    check.url = std::move(input.http);
    check.address = std::move(input.tcp);
    check.script = std::move(input.command);
    check.host = std::move(input.host);
    check.expect_body = std::move(input.expect);
    check.outside = input.outside;
    check.line = line;
    checks.push_back(std::move(check));
}

} // namespace

Digest smoke_list_digest(const std::vector<SmokeCheck>& checks) {
    auto list = checks;
    for (auto& check : list)
        check.line = 0;
    return sha256(encode(list));
}

void read_smoke_block(const FencedBlock& block, Parsing& parsing) {
    const int first_line = block.line + 1;
    if (block.body.size() > limits::runbook_smoke_max)
        return parsing.refuse(
            block.line, "bad-check",
            fmt::format("the smoke block is longer than {} bytes", limits::runbook_smoke_max), ""
        );
    const auto document = parse_yaml(block.body, "runbook");
    if (!document)
        return refuse_yaml(document.error(), first_line, "bad-check", smoke_help, parsing);
    auto list = decode_yaml<std::vector<SmokeInput>>(*document);
    if (!list)
        return refuse_yaml(list.error(), first_line, "bad-check", smoke_help, parsing);
    for (std::size_t i = 0; i < list->size(); ++i) {
        const auto line = document->line_of(fmt::format("[{}]", i));
        read_check(std::move((*list)[i]), first_line + static_cast<int>(line) - 1, parsing);
    }
}

} // namespace slipway::domain
