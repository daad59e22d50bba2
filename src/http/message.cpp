// SPDX-License-Identifier: Apache-2.0
#include "http/message.hpp"

#include "base/ascii.hpp"

namespace slipway::http {

namespace {

constexpr std::array<std::string_view, 7> method_names{"GET",  "PUT",     "POST", "DELETE",
                                                       "HEAD", "OPTIONS", "OTHER"};

constexpr std::array<std::string_view, 13> header_names{
    "Host",          "Origin",           "Authorization", "Cookie",
    "Content-Type",  "Content-Encoding", "Accept",        "If-Match",
    "If-None-Match", "Idempotency-Key",  "Last-Event-ID", "Expect",
    "Sec-Fetch-Site"};

static_assert(method_names.size() == enum_names(Method{}).size());
static_assert(header_names.size() == enum_names(Header{}).size());

} // namespace

std::string_view method_name(Method method) {
    return method_names[static_cast<std::size_t>(method)];
}

Method method_from_name(std::string_view name) {
    for (std::size_t i = 0; i + 1 < method_names.size(); ++i)
        if (method_names[i] == name)
            return static_cast<Method>(i);
    return Method::other;
}

std::string_view header_name(Header header) {
    return header_names[static_cast<std::size_t>(header)];
}

std::optional<Header> header_from_name(std::string_view name) {
    for (std::size_t i = 0; i < header_names.size(); ++i)
        if (same_ascii_folded(header_names[i], name))
            return static_cast<Header>(i);
    return std::nullopt;
}

} // namespace slipway::http
