// SPDX-License-Identifier: Apache-2.0
// An HTTP request, judged by status, redirects, headers, body, JSON and time, in this order: the
// first that is not as expected is the answer.
#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/ascii.hpp"
#include "base/jq.hpp"
#include "runner/http_fetch.hpp"

namespace slipway::runner {

using domain::HttpDemands;
using domain::RunOutcome;
using domain::SmokeCheck;

namespace {

constexpr std::size_t members_shown_max = 10;

using Fault = std::optional<CheckAnswer>;

CheckAnswer unexpected(std::string message) {
    return {RunOutcome::unexpected_output, 0, std::move(message)};
}

// Whether the value of such a header opens a door.
bool is_secret_header(std::string_view name) {
    constexpr std::string_view words[] = {"cookie", "auth", "token", "secret", "key", "session"};
    return std::any_of(std::begin(words), std::end(words), [&](std::string_view word) {
        return name.find(word) != std::string_view::npos;
    });
}

std::string shown_value(std::string_view name, const std::string& value) {
    if (is_secret_header(name))
        return "another (it is not shown)";
    // The query of a redirect is where tokens travel.
    return shown(name.ends_with("location") ? shown_url(value) : value);
}

Fault look_at_redirects(const HttpDemands& demands, const HttpAnswer& answer) {
    // Asked for none, the first answer was taken as it came.
    if (demands.redirects.value_or(0) != 0 && answer.redirects != *demands.redirects)
        return CheckAnswer{
            RunOutcome::failed, 0,
            fmt::format(
                "{} redirects, expected {}; they led to {}", answer.redirects, *demands.redirects,
                shown_url(answer.url)
            )};
    const auto& wanted = demands.final_url;
    if (wanted.empty() || wanted == answer.url)
        return {};
    const bool expression = wanted.size() > 2 && wanted.front() == '/' && wanted.back() == '/';
    const auto matches = domain::output_matches(wanted, answer.url);
    if (!matches)
        return unexpected(matches.error().message);
    if (expression && *matches)
        return {};
    return CheckAnswer{
        RunOutcome::failed, 0,
        fmt::format("it led to {}, expected {}", shown_url(answer.url), shown(wanted))};
}

Fault look_at_header(const std::string& name, const std::string& expect, const HttpAnswer& answer) {
    const auto wanted = ascii_lower(name);
    std::string seen;
    for (const auto& [known, value] : answer.headers) {
        if (known != wanted)
            continue;
        const auto matches = domain::output_matches(expect, value);
        if (!matches)
            return unexpected(matches.error().message);
        if (*matches)
            return {};
        if (seen.size() < limits::smoke_shown_max)
            seen += fmt::format("{}{}", seen.empty() ? "" : ", ", value);
    }
    const auto asked = expect.empty() ? std::string() : fmt::format(" with \"{}\"", expect);
    if (seen.empty())
        return unexpected(fmt::format(
            "there is no header {}{}{}", name, asked,
            answer.headers_cut ? " in the part that was read" : ""
        ));
    return unexpected(
        fmt::format("the header {} is {}, expected \"{}\"", name, shown_value(wanted, seen), expect)
    );
}

Fault look_at_body(const SmokeCheck& check, const HttpAnswer& answer) {
    const auto matches = domain::output_matches(check.expect_body, answer.body);
    if (!matches)
        return unexpected(matches.error().message);
    if (*matches)
        return {};
    return unexpected(fmt::format(
        "the body does not have \"{}\"{} ({} bytes)", check.expect_body,
        answer.body_cut ? " in the part that was read" : "", answer.body.size()
    ));
}

// What kind of JSON it is, without a value of it.
std::string outline(const Json& json) {
    if (const auto* list = json.if_array())
        return fmt::format("a list of {}", list->size());
    const auto* object = json.if_object();
    if (object == nullptr)
        return "a single value";
    std::string names;
    std::size_t count = 0;
    for (const auto& member : *object) {
        if (++count > members_shown_max)
            return fmt::format("an object with {} and others", names);
        names += fmt::format(
            "{}{}", names.empty() ? "" : ", ",
            shown({member.key().data(), std::min<std::size_t>(member.key().size(), 64)})
        );
    }
    return names.empty() ? "an empty object" : "an object with " + names;
}

Fault look_at_json(const std::string& text, const HttpAnswer& answer) {
    // Its status was judged already.
    const auto json = json_of(answer, "the body", answer.status);
    if (!json)
        return json.error();
    const auto program = JqProgram::compile(text);
    if (!program)
        return CheckAnswer{RunOutcome::not_started, 0, "json: " + program.error().message};
    const auto values = program->run_all(*json);
    if (!values)
        return unexpected(fmt::format(
            "{} cannot be told of the body, which is {}{}", clipped(text), outline(*json),
            limit_of_jq(values.error())
        ));
    const auto fault = why_not_all_hold(*values);
    if (fault.empty())
        return {};
    return unexpected(fmt::format(
        "{} does not hold of the body, which is {}: {}", clipped(text), outline(*json), fault
    ));
}

Fault look_at_demands(const HttpDemands& demands, const HttpAnswer& answer) {
    for (const auto& [name, expect] : demands.headers)
        if (auto fault = look_at_header(name, expect, answer))
            return fault;
    if (!demands.json.empty())
        if (auto fault = look_at_json(demands.json, answer))
            return fault;
    if (demands.within && answer.took > *demands.within)
        return CheckAnswer{
            RunOutcome::timed_out, 0,
            fmt::format(
                "it took {}, expected at most {}", to_text(answer.took), to_text(*demands.within)
            )};
    return {};
}

Fault judge(const SmokeCheck& check, const HttpAnswer& answer) {
    if (answer.status != check.expect_status)
        return CheckAnswer{
            RunOutcome::failed, 0,
            fmt::format("the answer was {}, expected {}", answer.status, check.expect_status)};
    if (check.http)
        if (auto fault = look_at_redirects(*check.http, answer))
            return fault;
    if (auto fault = look_at_body(check, answer))
        return fault;
    return check.http ? look_at_demands(*check.http, answer) : Fault{};
}

} // namespace

CheckAnswer judge_http(const SmokeCheck& check, const HttpAnswer& answer) {
    auto told = judge(check, answer).value_or(CheckAnswer{RunOutcome::passed, 0, {}});
    if (told.outcome == RunOutcome::passed)
        told.message =
            fmt::format("the answer was {}, after {}", answer.status, to_text(answer.took));
    told.status = answer.status;
    return told;
}

CheckAnswer check_http(const SmokeCheck& check, const std::stop_token& stop) {
    const int redirects = check.http && check.http->redirects
                              ? *check.http->redirects
                              : static_cast<int>(limits::smoke_redirects_max);
    const auto answer = fetch(check.url, redirects, limit_of(check), stop);
    if (!answer)
        return answer.error();
    return judge_http(check, *answer);
}

} // namespace slipway::runner
