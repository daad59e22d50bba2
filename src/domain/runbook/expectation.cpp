// SPDX-License-Identifier: Apache-2.0
// What output is expected, and what stands in place of ${variables}.
#include <algorithm>

#include <fmt/format.h>
#include <re2/re2.h>

#include "domain/runbook/runbook.hpp"

namespace slipway::domain {

namespace {

bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

} // namespace

Result<bool> output_matches(std::string_view expect, std::string_view output) {
    if (expect.empty())
        return true;
    if (expect.size() < 3 || expect.front() != '/' || expect.back() != '/')
        return output.find(expect) != std::string_view::npos;
    re2::RE2::Options options(re2::RE2::Quiet);
    options.set_max_mem(limits::expectation_memory_max);
    const re2::StringPiece pattern(expect.data() + 1, expect.size() - 2);
    const re2::RE2 expression("(?m)" + std::string(pattern), options);
    if (!expression.ok())
        return fail_field(
            "expect",
            fmt::format("{} is not a valid RE2 expression: {}", expect, expression.error())
        );
    return re2::RE2::PartialMatch(re2::StringPiece(output.data(), output.size()), expression);
}

bool is_host_name(std::string_view host) {
    const auto is_word = [](std::string_view word, std::string_view marks) {
        return !word.empty() && word.front() != '-' && word.front() != '.' &&
               std::all_of(word.begin(), word.end(), [&](char c) {
                   return is_name_character(c) || marks.find(c) != std::string_view::npos;
               });
    };
    if (host.size() > limits::name_max)
        return false;
    const auto at = host.find('@');
    if (at != std::string_view::npos && !is_word(host.substr(0, at), ".-"))
        return false;
    return is_word(at == std::string_view::npos ? host : host.substr(at + 1), ".-:");
}

Result<std::string> fill_variables(std::string_view text, const Variables& variables) {
    std::string filled;
    while (!text.empty()) {
        const auto dollar = std::min(text.find('$'), text.size());
        filled += text.substr(0, dollar);
        text.remove_prefix(dollar);
        if (text.starts_with("$${")) {
            filled += "${";
            text.remove_prefix(3);
        } else if (text.starts_with("${")) {
            std::size_t end = 2;
            while (end < text.size() && is_name_character(text[end]))
                ++end;
            if (end == 2 || end >= text.size() || text[end] != '}')
                return fail_field("variables", "expected ${name}, or $${ for a plain ${");
            const auto name = std::string(text.substr(2, end - 2));
            const auto value = variables.find(name);
            if (value == variables.end())
                return fail_field("variables", fmt::format("${{{}}} has no value", name));
            filled += value->second;
            text.remove_prefix(end + 1);
        } else if (!text.empty()) {
            filled += '$';
            text.remove_prefix(1);
        }
        if (filled.size() > limits::paragraph_max)
            return fail(
                ErrorCode::limit_exceeded,
                fmt::format("with its variables it is longer than {} bytes", limits::paragraph_max)
            );
    }
    return filled;
}

Result<SmokeCheck> fill_variables(const SmokeCheck& check, const Variables& variables) {
    SmokeCheck filled = check;
    filled.url = TRY(fill_variables(check.url, variables));
    filled.address = TRY(fill_variables(check.address, variables));
    filled.host = TRY(fill_variables(check.host, variables));
    filled.expect_body = TRY(fill_variables(check.expect_body, variables));
    return filled;
}

} // namespace slipway::domain
