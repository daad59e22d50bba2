// SPDX-License-Identifier: Apache-2.0
#include "runner/http_fetch.hpp"

#include <algorithm>
#include <memory>
#include <new>

#include <fmt/format.h>

#include "base/ascii.hpp"
#include "runner/curl_transfer.hpp"

namespace slipway::runner {

using domain::RunOutcome;

namespace {

struct Taken {
    HttpAnswer answer;
    std::size_t header_bytes = 0;
};

// Returning less than was given makes libcurl end the transfer.
std::size_t take_body(char* bytes, std::size_t, std::size_t size, void* user) {
    auto& answer = static_cast<Taken*>(user)->answer;
    const auto room = limits::smoke_body_max - answer.body.size();
    try {
        answer.body.append(bytes, std::min(size, room));
    } catch (const std::bad_alloc&) {
        return 0;
    }
    answer.body_cut = size > room;
    return answer.body_cut ? 0 : size;
}

std::string_view trim(std::string_view text) {
    const auto begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos)
        return {};
    return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

void add_header(Taken& taken, std::string_view line) {
    auto& answer = taken.answer;
    if (line.starts_with("HTTP/")) { // the answer before this one was a redirect
        answer.headers.clear();
        taken.header_bytes = 0;
        return;
    }
    const auto colon = line.find(':');
    if (colon == std::string_view::npos)
        return;
    taken.header_bytes += line.size();
    answer.headers_cut = taken.header_bytes > limits::smoke_answer_header_max;
    if (answer.headers_cut)
        return;
    answer.headers.emplace_back(ascii_lower(line.substr(0, colon)), trim(line.substr(colon + 1)));
}

std::size_t take_header(char* bytes, std::size_t, std::size_t size, void* user) {
    try {
        add_header(*static_cast<Taken*>(user), {bytes, size});
    } catch (const std::bad_alloc&) {
        return 0;
    }
    return size;
}

} // namespace

Cookies::Cookies() : share_(curl_share_init()) {
    if (share_ != nullptr)
        curl_share_setopt(share_, CURLSHOPT_SHARE, CURL_LOCK_DATA_COOKIE);
}

Cookies::~Cookies() {
    curl_share_cleanup(share_);
}

std::string url_encoded(const std::string& text) {
    const std::unique_ptr<char, void (*)(void*)> encoded(
        curl_easy_escape(nullptr, text.data(), static_cast<int>(text.size())), curl_free
    );
    return encoded ? encoded.get() : std::string();
}

Seen<HttpAnswer>
fetch(const std::string& url, int redirects_max, Span limit, const std::stop_token& stop) {
    HttpAsk ask{url};
    ask.redirects_max = redirects_max;
    return fetch(ask, limit, stop);
}

Seen<HttpAnswer> fetch(const HttpAsk& ask, Span limit, const std::stop_token& stop) {
    CurlTransfer transfer(limit, stop);
    Taken taken;
    transfer.set(CURLOPT_URL, ask.url.c_str());
    transfer.set(CURLOPT_USERAGENT, "slipway-smoke");
    transfer.set(CURLOPT_ACCEPT_ENCODING, "");
    transfer.set(CURLOPT_FOLLOWLOCATION, ask.redirects_max > 0 ? 1L : 0L);
    transfer.set(CURLOPT_MAXREDIRS, static_cast<long>(ask.redirects_max));
    if (ask.cookies != nullptr) {
        transfer.set(CURLOPT_SHARE, ask.cookies->get());
        transfer.set(CURLOPT_COOKIEFILE, "");
    }
    if (ask.form) {
        transfer.set(CURLOPT_POSTFIELDSIZE, static_cast<long>(ask.form->size()));
        transfer.set(CURLOPT_POSTFIELDS, ask.form->c_str());
    }
    if (!ask.user.empty()) {
        transfer.set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
        transfer.set(CURLOPT_USERNAME, ask.user.c_str());
        transfer.set(CURLOPT_PASSWORD, ask.password.c_str());
    }
    transfer.set(CURLOPT_WRITEFUNCTION, take_body);
    transfer.set(CURLOPT_WRITEDATA, &taken);
    transfer.set(CURLOPT_HEADERFUNCTION, take_header);
    transfer.set(CURLOPT_HEADERDATA, &taken);
    // A body over the limit is judged by its beginning.
    if (auto failed = transfer.run(&taken.answer.body_cut))
        return tl::unexpected(*std::move(failed));
    auto& answer = taken.answer;
    long status = 0;
    long redirects = 0;
    curl_off_t microseconds = 0;
    const char* last = nullptr;
    curl_easy_getinfo(transfer.handle(), CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(transfer.handle(), CURLINFO_REDIRECT_COUNT, &redirects);
    curl_easy_getinfo(transfer.handle(), CURLINFO_TOTAL_TIME_T, &microseconds);
    curl_easy_getinfo(transfer.handle(), CURLINFO_EFFECTIVE_URL, &last);
    answer.status = static_cast<int>(status);
    answer.redirects = static_cast<int>(redirects);
    answer.took = std::chrono::ceil<Span>(std::chrono::microseconds(microseconds));
    answer.url = last != nullptr ? last : ask.url;
    return std::move(answer);
}

Seen<Json> json_of(const HttpAnswer& answer, std::string_view what, int status) {
    if (answer.status != status)
        return unseen(
            RunOutcome::failed,
            fmt::format("{} answered {}, expected {}", what, answer.status, status), answer.status
        );
    if (answer.body_cut)
        return unseen(
            RunOutcome::unexpected_output,
            fmt::format("{} is longer than {} bytes", what, limits::smoke_body_max), answer.status
        );
    auto json = parse_json(answer.body);
    if (!json)
        return unseen(
            RunOutcome::unexpected_output,
            fmt::format("{} ({} bytes) is not valid JSON", what, answer.body.size()), answer.status
        );
    return *std::move(json);
}

} // namespace slipway::runner
