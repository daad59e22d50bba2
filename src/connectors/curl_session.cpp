// SPDX-License-Identifier: Apache-2.0
#include "connectors/curl_session.hpp"

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "base/assert.hpp"
#include "base/limits.hpp"
#include "connectors/http_transport.hpp"

namespace slipway::connectors {

namespace {

struct CloseHandle {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};

using Handle = std::unique_ptr<CURL, CloseHandle>;

// libcurl asks about once a second.
int watch_stop(void* stop, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<const std::stop_token*>(stop)->stop_requested() ? 1 : 0;
}

// CURLOPT_NOPROXY replaces the environment's list, so the environment's is carried over.
std::string no_proxy() {
    std::string list = "localhost,127.0.0.0/8,::1";
    for (const auto* name : {"no_proxy", "NO_PROXY"})
        if (const auto* value = std::getenv(name); value != nullptr && *value != '\0')
            return list + "," + value;
    return list;
}

} // namespace

CURL* fresh_curl(const std::string& ca_file, Span timeout, const std::stop_token& stop) {
    static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    ASSERT(ready);
    static const std::string direct = no_proxy();
    thread_local const Handle handle(curl_easy_init());
    ASSERT(handle != nullptr);
    auto* curl = handle.get();
    curl_easy_reset(curl);
    const auto milliseconds = std::max<long>(1, static_cast<long>(timeout.count()));
    const long connect =
        std::min<long>(milliseconds, Span(limits::connector_connect_timeout).count());
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, milliseconds);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, connect);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, direct.c_str());
    if (stop.stop_possible()) {
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, watch_stop);
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &stop);
    }
    if (!ca_file.empty()) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file.c_str());
        curl_easy_setopt(curl, CURLOPT_CAPATH, nullptr);
    }
    return curl;
}

Result<void> check_address(const std::string& url, std::initializer_list<const char*> schemes) {
    std::string expected;
    for (const auto* scheme : schemes)
        expected += (expected.empty() ? "" : " or ") + std::string(scheme) + "://";
    const auto refuse = [&](std::string_view why) {
        return fail(
            ErrorCode::invalid_input, "the address is refused: " + std::string(why) +
                                          "; expected " + expected + "host[:port][/path]"
        );
    };
    if (url.size() > limits::url_max)
        return refuse("it is longer than " + std::to_string(limits::url_max) + " bytes");
    if (std::any_of(url.begin(), url.end(), [](unsigned char c) { return c <= ' ' || c >= 127; }))
        return refuse("it holds a space, a control character or something beyond ASCII");
    const std::unique_ptr<CURLU, void (*)(CURLU*)> parsed(curl_url(), curl_url_cleanup);
    if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), CURLU_NON_SUPPORT_SCHEME) !=
        CURLUE_OK)
        return refuse("it is not a URL");
    const auto part = [&](CURLUPart which) {
        char* text = nullptr;
        std::string value;
        if (curl_url_get(parsed.get(), which, &text, 0) == CURLUE_OK)
            value = text;
        curl_free(text);
        return value;
    };
    const auto scheme = part(CURLUPART_SCHEME);
    if (std::none_of(schemes.begin(), schemes.end(), [&](auto* known) { return scheme == known; }))
        return refuse("its scheme is not allowed");
    if (part(CURLUPART_HOST).empty())
        return refuse("it names no host");
    if (!part(CURLUPART_USER).empty() || !part(CURLUPART_PASSWORD).empty())
        return refuse("it holds a user or password; use the connector's settings");
    return {};
}

void CurlList::add(const std::string& text) {
    auto* longer = curl_slist_append(list_, text.c_str());
    ASSERT(longer != nullptr);
    list_ = longer;
}

} // namespace slipway::connectors
