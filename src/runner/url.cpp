// SPDX-License-Identifier: Apache-2.0
#include "runner/url.hpp"

#include <algorithm>
#include <memory>

#include <curl/curl.h>
#include <fmt/format.h>

namespace slipway::runner {

namespace {

struct UrlFree {
    void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

using Url = std::unique_ptr<CURLU, UrlFree>;

Url parse(const std::string& text) {
    Url url(curl_url());
    if (!url || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK)
        return nullptr;
    return url;
}

std::string part_of(CURLU* url, CURLUPart part, unsigned flags = 0) {
    char* text = nullptr;
    if (curl_url_get(url, part, &text, flags) != CURLUE_OK)
        return {};
    const std::unique_ptr<char, void (*)(void*)> held(text, curl_free);
    return text;
}

} // namespace

std::optional<std::string> resolve_url(const std::string& base, const std::string& reference) {
    const auto url = parse(base);
    if (!url || (!reference.empty() &&
                 curl_url_set(url.get(), CURLUPART_URL, reference.c_str(), 0) != CURLUE_OK))
        return std::nullopt;
    const auto scheme = part_of(url.get(), CURLUPART_SCHEME);
    if (scheme != "http" && scheme != "https")
        return std::nullopt;
    auto text = part_of(url.get(), CURLUPART_URL);
    return text.empty() ? std::nullopt : std::optional(std::move(text));
}

std::string origin_of(const std::string& text) {
    const auto url = parse(text);
    if (!url)
        return {};
    return fmt::format(
        "{}://{}:{}", part_of(url.get(), CURLUPART_SCHEME), part_of(url.get(), CURLUPART_HOST),
        part_of(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT)
    );
}

std::optional<std::string> query_value(std::string_view url, std::string_view name) {
    const auto begin = url.find('?');
    auto query = begin == std::string_view::npos ? std::string_view() : url.substr(begin + 1);
    query = query.substr(0, query.find('#'));
    while (!query.empty()) {
        const auto pair = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(pair.size() + 1, query.size()));
        const auto equals = std::min(pair.find('='), pair.size());
        if (pair.substr(0, equals) != name)
            continue;
        std::string value(pair.substr(std::min(equals + 1, pair.size())));
        std::replace(value.begin(), value.end(), '+', ' ');
        int size = 0;
        const std::unique_ptr<char, void (*)(void*)> decoded(
            curl_easy_unescape(nullptr, value.data(), static_cast<int>(value.size()), &size),
            curl_free
        );
        return decoded ? std::optional(std::string(decoded.get(), static_cast<std::size_t>(size)))
                       : std::nullopt;
    }
    return std::nullopt;
}

} // namespace slipway::runner
