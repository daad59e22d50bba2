// SPDX-License-Identifier: Apache-2.0
#include "runner/check.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/json.hpp"
#include "runner/transcript.hpp"

namespace slipway::runner {

namespace {

// Behind what was cut.
constexpr std::string_view cut_mark = "...";

} // namespace

CheckAnswer timed_out_answer(Span limit) {
    return {
        domain::RunOutcome::timed_out, 0, "no answer within its time limit of " + to_text(limit)};
}

Span limit_of(const domain::SmokeCheck& check) {
    return check.timeout > Span::zero() ? check.timeout : domain::smoke_timeout_default;
}

std::string clipped(std::string_view text) {
    const auto safe = safe_text(text.substr(0, limits::smoke_shown_max));
    const auto front = cut_text(safe, limits::smoke_shown_max);
    const bool cut = text.size() > limits::smoke_shown_max || front.size() < safe.size();
    return fmt::format("{}{}", front, cut ? cut_mark : "");
}

std::string shown(std::string_view seen) {
    return fmt::format("\"{}\"", clipped(seen));
}

std::string hide_in_message(const Mask& mask, std::string_view message) {
    const auto whole = mask.hide(message);
    // The mask takes the beginning of a secret for one where a text ends, so each cut is an end.
    std::string hidden;
    std::string_view rest = whole;
    for (auto end = rest.find(cut_mark); end != rest.npos; end = rest.find(cut_mark)) {
        hidden += mask.hide(rest.substr(0, end));
        hidden += cut_mark;
        rest.remove_prefix(end + cut_mark.size());
    }
    return hidden.append(rest);
}

std::optional<double> number_from(std::string_view text) {
    double number = 0;
    const auto* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    return read.ec == std::errc() && read.ptr == end ? std::optional(number) : std::nullopt;
}

std::string why_not_all_hold(const std::vector<Json>& values) {
    if (values.empty())
        return "it gives no value";
    const auto fails = std::find_if(values.begin(), values.end(), [](const Json& value) {
        return value.is_null() || (value.is_bool() && !value.get_bool());
    });
    if (fails == values.end())
        return {};
    const auto seen = fails->is_null() ? "null" : "false";
    if (values.size() == 1)
        return fmt::format("it gives {}", seen);
    return fmt::format("value {} of {} is {}", fails - values.begin() + 1, values.size(), seen);
}

std::string limit_of_jq(const Error& error) {
    const bool limit = error.code == ErrorCode::timeout || error.code == ErrorCode::limit_exceeded;
    return limit ? ": " + error.message : std::string();
}

std::string shown_url(std::string_view url) {
    url = url.substr(0, url.find_first_of("?#"));
    const auto scheme = url.find("://");
    const auto begin = scheme == std::string_view::npos ? 0 : scheme + 3;
    const auto authority = url.substr(begin, url.find('/', begin) - begin);
    const auto at = authority.rfind('@');
    if (at == std::string_view::npos)
        return safe_text(url);
    return safe_text(std::string(url.substr(0, begin)) + std::string(url.substr(begin + at + 1)));
}

} // namespace slipway::runner
