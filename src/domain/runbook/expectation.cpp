// SPDX-License-Identifier: Apache-2.0
// What output is expected, and what stands in place of ${variables}.
#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <re2/re2.h>

#include "domain/runbook/runbook.hpp"

namespace slipway::domain {

namespace {

bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

} // namespace

bool is_expression(std::string_view expect) {
    return expect.size() >= 3 && expect.front() == '/' && expect.back() == '/';
}

Result<bool> output_matches(std::string_view expect, std::string_view output) {
    if (expect.empty())
        return true;
    if (!is_expression(expect))
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

Result<bool> holds_of_anything(std::string_view expect) {
    if (expect == "//")
        return true;
    if (!is_expression(expect))
        return false;
    // One that is found in nothing at all, and in what nobody would print, is found in everything.
    return TRY(output_matches(expect, "")) && TRY(output_matches(expect, "\x01"));
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

namespace {

// Fills texts until one cannot be filled.
class Filler {
  public:
    explicit Filler(const Variables& variables) : variables_(variables) {}

    void fill(std::string& text) {
        if (!failed_.has_value())
            return;
        auto filled = fill_variables(text, variables_);
        if (filled)
            text = *std::move(filled);
        else
            failed_ = tl::unexpected(std::move(filled).error());
    }

    // What is demanded of the answer: a variable that is empty would let anything pass.
    void fill_demand(std::string& text) {
        const bool given = !text.empty();
        const auto as_written = text;
        if (given && failed_.has_value())
            for (const auto& [name, value] : variables_)
                if (value.empty() && text.find(fmt::format("${{{}}}", name)) != std::string::npos)
                    failed_ = fail_field(
                        "variables",
                        fmt::format("${{{}}} is empty, and so is what \"{}\" demands", name, text)
                    );
        fill(text);
        if (text == as_written || !failed_.has_value())
            return;
        if (const auto any = holds_of_anything(text); any && *any)
            failed_ = fail_field("expect", fmt::format("\"{}\" holds of any answer", text));
    }

    void fill(std::vector<std::string>& texts) {
        for (auto& text : texts)
            fill(text);
    }

    Result<void> take() { return std::move(failed_); }

  private:
    const Variables& variables_;
    Result<void> failed_;
};

} // namespace

Result<SmokeCheck> fill_variables(const SmokeCheck& check, const Variables& variables) {
    SmokeCheck filled = check;
    Filler filler(variables);
    for (auto* text : {&filled.url, &filled.address, &filled.host})
        filler.fill(*text);
    filler.fill_demand(filled.expect_body);
    if (filled.http) {
        for (auto& header : filled.http->headers)
            filler.fill_demand(header.second);
        filler.fill_demand(filled.http->final_url);
    }
    if (filled.tls) {
        filler.fill(filled.tls->server_name);
        filler.fill(filled.tls->ca);
    }
    if (auto& dns = filled.dns) {
        filler.fill(dns->name);
        filler.fill(dns->server);
        for (auto* list : {&dns->has, &dns->exactly, &dns->one_of})
            filler.fill(*list);
    }
    if (filled.job) {
        filler.fill(filled.job->file);
        filler.fill(filled.job->each);
    }
    if (filled.metric)
        filler.fill(filled.metric->query);
    if (filled.sql)
        filler.fill(filled.sql->database);
    if (auto& sso = filled.sso)
        for (auto* text :
             {&sso->client, &sso->redirect, &sso->client_secret, &sso->user, &sso->password})
            filler.fill(*text);
    TRY(filler.take());
    return filled;
}

bool Comparison::holds(double value) const {
    if (std::isnan(value))
        return false;
    switch (relation) {
    case Relation::less:
        return value < number;
    case Relation::less_or_equal:
        return value <= number;
    case Relation::greater:
        return value > number;
    case Relation::greater_or_equal:
        return value >= number;
    case Relation::equal:
        return value == number;
    case Relation::not_equal:
        return value != number;
    }
    return false;
}

Result<Comparison> comparison_from_text(std::string_view text) {
    constexpr std::pair<std::string_view, Relation> operators[] = {
        {"<=", Relation::less_or_equal}, {">=", Relation::greater_or_equal},
        {"==", Relation::equal},         {"!=", Relation::not_equal},
        {"<", Relation::less},           {">", Relation::greater},
    };
    for (const auto& [word, relation] : operators) {
        if (!text.starts_with(word))
            continue;
        text.remove_prefix(word.size());
        while (text.starts_with(' '))
            text.remove_prefix(1);
        double number = 0;
        const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
        if (read.ec != std::errc() || read.ptr != text.data() + text.size() ||
            !std::isfinite(number))
            return fail_field("value", fmt::format("\"{}\" is not a number", text));
        return Comparison{relation, number};
    }
    return fail_field("value", "begin with <, <=, >, >=, == or !=, then write a number");
}

} // namespace slipway::domain
