// SPDX-License-Identifier: Apache-2.0
#include "connectors/http_transport.hpp"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <memory>

#include "base/ascii.hpp"
#include "base/limits.hpp"
#include "connectors/curl_session.hpp"

namespace slipway::connectors {

namespace {

using SteadyClock = std::chrono::steady_clock;

struct Receiver {
    HttpAnswer& answer;
    std::size_t max;
    std::size_t header_bytes = 0;
    bool too_large = false;
};

std::size_t receive_body(char* data, std::size_t, std::size_t count, void* user) {
    auto& receiver = *static_cast<Receiver*>(user);
    if (receiver.answer.body.size() + count > receiver.max) {
        receiver.too_large = true;
        return 0;
    }
    receiver.answer.body.append(data, count);
    return count;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0)
        text.remove_prefix(1);
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0)
        text.remove_suffix(1);
    return text;
}

std::size_t receive_header(char* data, std::size_t, std::size_t count, void* user) {
    auto& receiver = *static_cast<Receiver*>(user);
    receiver.header_bytes += count;
    if (receiver.header_bytes > limits::request_header_max * 4) {
        receiver.too_large = true;
        return 0;
    }
    const std::string_view line(data, count);
    if (line.starts_with("HTTP/")) { // an interim answer came before this one
        receiver.answer.headers.clear();
        return count;
    }
    const auto colon = line.find(':');
    if (colon == std::string_view::npos)
        return count;
    receiver.answer.headers[ascii_lower(trimmed(line.substr(0, colon)))] =
        trimmed(line.substr(colon + 1));
    return count;
}

HttpFailure refused(std::string message) {
    return {Error{ErrorCode::invalid_input, std::move(message)}, false};
}

HttpFailure
failure_of(CURL* curl, CURLcode code, const HttpRequest& request, const Receiver& receiver) {
    const auto where = address_for_people(request.url);
    if (receiver.too_large)
        return {Error{
            ErrorCode::limit_exceeded, "the answer of " + where + " is larger than " +
                                           std::to_string(receiver.max) + " bytes"}};
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT: {
        curl_off_t sending = 0; // microseconds until the request could be sent; 0 when it was not
        curl_easy_getinfo(curl, CURLINFO_PRETRANSFER_TIME_T, &sending);
        return {Error{ErrorCode::timeout, where + " did not answer in time"}, sending > 0};
    }
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
        return {Error{ErrorCode::unavailable, "cannot connect to " + where}, false};
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        return refused("the certificate of " + where + " could not be verified");
    case CURLE_SSL_CONNECT_ERROR:
        return {Error{ErrorCode::unavailable, "TLS with " + where + " failed"}, false};
    default:
        return {Error{
            ErrorCode::unavailable, "the exchange with " + where + " broke off",
            curl_easy_strerror(code)}};
    }
}

void set_method(CURL* curl, const HttpRequest& request) {
    if (request.body) {
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body->size()));
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body->data());
    } else if (request.method == "HEAD") {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    }
    if (request.method != "HEAD")
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
}

tl::expected<HttpAnswer, HttpFailure>
exchange_once(const HttpRequest& request, Span left, std::string& redirect) {
    if (auto checked = check_address(request.url, {"http", "https"}); !checked)
        return tl::unexpected(HttpFailure{checked.error(), false});
    auto* curl = fresh_curl(request.ca_file, left, request.stop);
    CurlList headers;
    headers.add("Expect:"); // no 100-continue round trip
    for (const auto& [name, value] : request.headers) {
        if (!is_header_name(name) || !is_header_value(value))
            return tl::unexpected(refused(
                "the header '" + (is_header_name(name) ? name : std::string("?")) +
                "' is refused: a name is a token, a value has no control characters"
            ));
        headers.add(value.empty() ? name + ";" : name + ": " + value);
    }
    HttpAnswer answer;
    const auto max = request.answer_max > 0 ? request.answer_max : limits::connector_answer_max;
    Receiver receiver{answer, max};
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "slipway");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &receiver);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, receive_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &receiver);
    if (request.basic) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
        curl_easy_setopt(curl, CURLOPT_USERNAME, request.basic->first.c_str());
        curl_easy_setopt(curl, CURLOPT_PASSWORD, request.basic->second.c_str());
    }
    set_method(curl, request);
    const auto code = curl_easy_perform(curl);
    if (code != CURLE_OK)
        return tl::unexpected(failure_of(curl, code, request, receiver));
    long status = 0;
    curl_off_t retry_after = 0;
    char* location = nullptr;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after); // seconds, or from a date
    curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &location);
    redirect = location == nullptr ? "" : location;
    answer.status = static_cast<int>(status);
    answer.retry_after_ms =
        std::min<std::int64_t>(retry_after, limits::connector_retry_after_max.count()) * 1000;
    return answer;
}

} // namespace

tl::expected<HttpAnswer, HttpFailure> http_exchange(const HttpRequest& request) {
    const auto end = SteadyClock::now() + request.timeout;
    auto current = request;
    for (int hops = 0;; ++hops) {
        const auto left = std::chrono::duration_cast<Span>(end - SteadyClock::now());
        if (left.count() <= 0)
            return tl::unexpected(HttpFailure{
                Error{ErrorCode::timeout, address_for_people(request.url) + ": no time is left"},
                hops > 0});
        std::string redirect;
        auto answer = exchange_once(current, left, redirect);
        if (!answer || redirect.empty() || answer->status == 304)
            return answer;
        const auto where = address_for_people(request.url);
        if (request.method != "GET" || origin_of(redirect).empty() ||
            origin_of(redirect) != origin_of(request.url))
            return tl::unexpected(HttpFailure{
                Error{
                    ErrorCode::invalid_input,
                    where + " redirects elsewhere, which is not followed; set the address it "
                            "redirects to"},
                false});
        if (hops == limits::connector_redirects_max)
            return tl::unexpected(refused(
                where + " redirects more than " + std::to_string(limits::connector_redirects_max) +
                " times"
            ));
        current.url = redirect;
    }
}

bool is_header_name(std::string_view name) {
    const auto token = [](unsigned char c) {
        return std::isalnum(c) != 0 ||
               std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) !=
                   std::string_view::npos;
    };
    return !name.empty() && name.size() <= limits::name_max &&
           std::all_of(name.begin(), name.end(), token);
}

bool is_header_value(std::string_view value) {
    return value.size() <= limits::request_header_max &&
           std::none_of(value.begin(), value.end(), [](unsigned char c) {
               return (c < ' ' && c != '\t') || c == 127;
           });
}

std::string percent_encode(std::string_view text) {
    static constexpr std::string_view digits = "0123456789ABCDEF";
    std::string encoded;
    for (const unsigned char c : text) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (letter || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~') {
            encoded += static_cast<char>(c);
        } else {
            encoded += '%';
            encoded += digits[c >> 4];
            encoded += digits[c & 15];
        }
    }
    return encoded;
}

namespace {

struct UrlParts {
    std::string scheme, host, port, path;
};

UrlParts parts_of(const std::string& url) {
    const std::unique_ptr<CURLU, void (*)(CURLU*)> parsed(curl_url(), curl_url_cleanup);
    if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), CURLU_NON_SUPPORT_SCHEME) !=
        CURLUE_OK)
        return {};
    const auto part = [&](CURLUPart which) {
        char* text = nullptr;
        std::string value;
        if (curl_url_get(parsed.get(), which, &text, CURLU_DEFAULT_PORT) == CURLUE_OK)
            value = text;
        curl_free(text);
        return value;
    };
    return {
        part(CURLUPART_SCHEME), part(CURLUPART_HOST), part(CURLUPART_PORT), part(CURLUPART_PATH)};
}

} // namespace

std::string origin_of(const std::string& url) {
    const auto parts = parts_of(url);
    if (parts.scheme.empty() || parts.host.empty())
        return {};
    return parts.scheme + "://" + parts.host + ":" + parts.port;
}

std::string resolve_address(const std::string& base, const std::string& reference) {
    const std::unique_ptr<CURLU, void (*)(CURLU*)> parsed(curl_url(), curl_url_cleanup);
    char* text = nullptr;
    if (curl_url_set(parsed.get(), CURLUPART_URL, base.c_str(), 0) != CURLUE_OK ||
        curl_url_set(parsed.get(), CURLUPART_URL, reference.c_str(), 0) != CURLUE_OK ||
        curl_url_get(parsed.get(), CURLUPART_URL, &text, 0) != CURLUE_OK)
        return {};
    std::string address(text);
    curl_free(text);
    return address;
}

std::string next_link(std::string_view header) {
    while (!header.empty()) {
        const auto open = header.find('<');
        const auto close = header.find('>', open == std::string_view::npos ? 0 : open);
        if (open == std::string_view::npos || close == std::string_view::npos)
            return {};
        const auto end = header.find('<', close);
        const auto parameters = header.substr(
            close + 1, end == std::string_view::npos ? std::string_view::npos : end - close - 1
        );
        if (parameters.find("rel=\"next\"") != std::string_view::npos ||
            parameters.find("rel=next") != std::string_view::npos)
            return std::string(header.substr(open + 1, close - open - 1));
        header.remove_prefix(end == std::string_view::npos ? header.size() : end);
    }
    return {};
}

std::string address_for_people(const std::string& url) {
    const auto origin = origin_of(url);
    return origin.empty() ? "the address" : origin;
}

} // namespace slipway::connectors
