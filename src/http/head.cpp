// SPDX-License-Identifier: Apache-2.0
#include "http/head.hpp"

#include <algorithm>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "base/assert.hpp"

namespace slipway::http {

namespace {

struct DefaultHeader {
    std::string_view name;
    std::string_view value;
};

constexpr DefaultHeader defaults[] = {
    {"Cache-Control", "no-store"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
};

std::string_view reason_of(int status) {
    switch (status) {
    case 200:
        return "OK";
    case 201:
        return "Created";
    case 204:
        return "No Content";
    case 304:
        return "Not Modified";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 409:
        return "Conflict";
    case 412:
        return "Precondition Failed";
    case 413:
        return "Content Too Large";
    case 415:
        return "Unsupported Media Type";
    case 429:
        return "Too Many Requests";
    case 431:
        return "Request Header Fields Too Large";
    case 503:
        return "Service Unavailable";
    default:
        return status < 400 ? "OK" : "Error";
    }
}

void add(std::string& out, std::string_view name, std::string_view value) {
    ASSERT(value.find_first_of("\r\n") == std::string_view::npos);
    out += name;
    out += ": ";
    out += value;
    out += "\r\n";
}

} // namespace

std::string write_head(const Response& response, std::string_view date, bool keep_alive) {
    std::string out;
    out.reserve(512);
    fmt::format_to(
        std::back_inserter(out), "HTTP/1.1 {} {}\r\n", response.status, reason_of(response.status)
    );
    add(out, "Date", date);
    if (!response.content_type.empty())
        add(out, "Content-Type", response.content_type);
    const std::uint64_t size = response.stream ? response.stream->size : response.body.size();
    // RFC 9110 section 8.6: no length with 204; with 304 it would be that of what is not sent.
    if (!response.events && !response.unsized && response.status != 204 && response.status != 304)
        fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n", size);
    for (const auto& [name, value] : response.headers)
        add(out, name, value);
    for (const auto& row : defaults)
        if (std::none_of(response.headers.begin(), response.headers.end(), [&](const auto& own) {
                return own.first == row.name;
            }))
            add(out, row.name, row.value);
    if (!keep_alive)
        add(out, "Connection", "close");
    out += "\r\n";
    return out;
}

std::string http_date(Time time) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    const std::time_t stamp = seconds.time_since_epoch().count();
    return fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(stamp));
}

} // namespace slipway::http
