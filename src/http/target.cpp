// SPDX-License-Identifier: Apache-2.0
#include "http/target.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include <fmt/format.h>

#include "base/ascii.hpp"
#include "base/json.hpp"
#include "base/limits.hpp"

namespace slipway::http {

namespace {

int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool is_control(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
}

// Percent-decoding; in a query '+' is a space. Errors name `where`.
Result<std::string> percent_decoded(std::string_view text, bool query, const std::string& where) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%') {
            const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
            const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return fail_field(where, "a '%' must be followed by two hexadecimal digits");
            out += static_cast<char>(high << 4 | low);
            i += 2;
        } else {
            out += query && text[i] == '+' ? ' ' : text[i];
        }
    }
    if (!is_valid_text(out))
        return fail_field(where, "must be UTF-8 text without NUL");
    return out;
}

Result<void> check_segment(std::string_view segment) {
    if (segment.empty())
        return fail_field("path", "has an empty segment");
    if (segment == "." || segment == "..")
        return fail_field("path", "must not have '.' or '..' segments");
    for (const char c : segment)
        if (c == '/' || c == '\\' || is_control(c))
            return fail_field("path", "must not have encoded slashes or control characters");
    return {};
}

Result<void> parse_path(std::string_view path, Target& out) {
    if (path.empty() || path.front() != '/')
        return fail_field("path", "must begin with '/'");
    path.remove_prefix(1);
    while (!path.empty()) {
        const auto slash = path.find('/');
        auto segment = TRY(percent_decoded(path.substr(0, slash), false, "path"));
        TRY(check_segment(segment));
        if (out.segments.size() == limits::path_segments_max)
            return fail_field(
                "path", fmt::format("has more than {} segments", limits::path_segments_max)
            );
        out.segments.push_back(std::move(segment));
        path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    }
    return {};
}

Result<void> parse_query(std::string_view query, Target& out) {
    while (!query.empty()) {
        const auto end = query.find('&');
        const auto pair = query.substr(0, end);
        query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
        if (pair.empty())
            continue;
        if (out.query.size() == limits::query_parameters_max)
            return fail_field(
                "query", fmt::format("has more than {} parameters", limits::query_parameters_max)
            );
        const auto equals = pair.find('=');
        auto name = TRY(percent_decoded(pair.substr(0, equals), true, "query"));
        const auto text =
            equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
        auto value = TRY(percent_decoded(text, true, "query." + name));
        for (const auto& known : out.query)
            if (known.first == name)
                return fail_field("query." + name, "stands twice");
        out.query.emplace_back(std::move(name), std::move(value));
    }
    return {};
}

// The next element of a list with this separator, taken off its front.
std::string_view take_element(std::string_view& list, char separator) {
    const auto end = list.find(separator);
    const auto element = trimmed(list.substr(0, end));
    list.remove_prefix(end == std::string_view::npos ? list.size() : end + 1);
    return element;
}

} // namespace

Result<Target> parse_target(std::string_view target) {
    if (target.size() > limits::target_max)
        return fail(
            ErrorCode::limit_exceeded,
            fmt::format("the path and query are longer than {} bytes", limits::target_max)
        );
    Target out;
    const auto question = target.find('?');
    TRY(parse_path(target.substr(0, question), out));
    if (question != std::string_view::npos)
        TRY(parse_query(target.substr(question + 1), out));
    return out;
}

std::string_view cookie_value(std::string_view header, std::string_view name) {
    while (!header.empty()) {
        const auto pair = take_element(header, ';');
        if (const auto equals = pair.find('='); equals != std::string_view::npos)
            if (pair.substr(0, equals) == name)
                return pair.substr(equals + 1);
    }
    return {};
}

namespace {

bool is_hexadecimal(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return hex_value(c) >= 0; });
}

} // namespace

Result<std::uint64_t> parse_etag(std::string_view header, std::string_view text) {
    std::uint64_t version = 0;
    if (text.size() > 3 && text.starts_with("\"v") && text.back() == '"') {
        const char* const end = text.data() + text.size() - 1;
        const auto [stop, failed] = std::from_chars(text.data() + 2, end, version);
        // What a reading showed follows from the policy too; what is written only from the version.
        if (failed == std::errc{} &&
            (stop == end || (*stop == '-' && is_hexadecimal({stop + 1, end}))))
            return version;
    }
    return fail_field(std::string(header), "expected one entity tag such as \"v7\"");
}

bool etag_matches(std::string_view list, std::string_view etag) {
    while (!list.empty()) {
        auto element = take_element(list, ',');
        if (element.starts_with("W/"))
            element.remove_prefix(2);
        if (element == "*" || element == etag)
            return true;
    }
    return false;
}

bool accepts(std::string_view header, std::string_view media_type) {
    const auto family = media_type.substr(0, media_type.find('/') + 1);
    while (!header.empty()) {
        auto range = take_element(header, ',');
        const auto type = take_element(range, ';');
        const bool refused = trimmed(range).starts_with("q=0") &&
                             trimmed(range).find_first_not_of("q=0.") == std::string_view::npos;
        const bool matches = type == "*/*" || same_ascii_folded(type, media_type) ||
                             (type.size() > 2 && type.ends_with("/*") &&
                              same_ascii_folded(type.substr(0, type.size() - 1), family));
        if (matches && !refused)
            return true;
    }
    return false;
}

std::string media_type(std::string_view content_type) {
    return ascii_lower(take_element(content_type, ';'));
}

} // namespace slipway::http
