// SPDX-License-Identifier: Apache-2.0
#include "runner/http_check.hpp"

#include <algorithm>
#include <memory>
#include <new>

#include <curl/curl.h>
#include <fmt/format.h>

namespace slipway::runner {

using domain::RunOutcome;
using domain::SmokeCheck;

namespace {

struct HandleDelete {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};

struct Transfer {
    std::string body;
    bool body_cut = false;
    std::stop_token stop;
};

// Returning less than was given makes libcurl end the transfer.
std::size_t take_body(char* bytes, std::size_t, std::size_t size, void* user) {
    auto& transfer = *static_cast<Transfer*>(user);
    const auto room = limits::smoke_body_max - transfer.body.size();
    try {
        transfer.body.append(bytes, std::min(size, room));
    } catch (const std::bad_alloc&) {
        return 0;
    }
    transfer.body_cut = size > room;
    return transfer.body_cut ? 0 : size;
}

int watch_stop(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Transfer*>(user)->stop.stop_requested() ? 1 : 0;
}

void set_common(CURL* handle, const SmokeCheck& check, Transfer& transfer) {
    const auto limit = check.timeout > Span::zero() ? check.timeout : domain::smoke_timeout_default;
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_PROXY, "");
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(limit.count()));
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limit.count()));
    curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, watch_stop);
    curl_easy_setopt(handle, CURLOPT_XFERINFODATA, &transfer);
}

CheckAnswer failed_transfer(CURLcode code, const SmokeCheck& check, const char* reason) {
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return {RunOutcome::stopped, 0, "stopped on request"};
    if (code == CURLE_OPERATION_TIMEDOUT)
        return {
            RunOutcome::timed_out, 0,
            "no answer within its time limit of " + to_text(check.timeout)};
    return {RunOutcome::failed, 0, *reason != '\0' ? reason : curl_easy_strerror(code)};
}

std::unique_ptr<CURL, HandleDelete> make_handle() {
    // The first use initialises the library; C++ makes that safe for threads.
    static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    return std::unique_ptr<CURL, HandleDelete>(ready == CURLE_OK ? curl_easy_init() : nullptr);
}

const CheckAnswer no_library{RunOutcome::not_started, 0, "libcurl cannot be initialised"};

} // namespace

CheckAnswer check_http(const SmokeCheck& check, const std::stop_token& stop) {
    const auto handle = make_handle();
    if (!handle)
        return no_library;
    Transfer transfer{{}, false, stop};
    char reason[CURL_ERROR_SIZE] = "";
    set_common(handle.get(), check, transfer);
    curl_easy_setopt(handle.get(), CURLOPT_URL, check.url.c_str());
    curl_easy_setopt(handle.get(), CURLOPT_USERAGENT, "slipway-smoke");
    curl_easy_setopt(handle.get(), CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(handle.get(), CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(handle.get(), CURLOPT_MAXREDIRS, limits::smoke_redirects_max);
    curl_easy_setopt(handle.get(), CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle.get(), CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(handle.get(), CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(handle.get(), CURLOPT_ERRORBUFFER, reason);
    const CURLcode code = curl_easy_perform(handle.get());
    // A body over the limit is judged by its beginning.
    if (code != CURLE_OK && !(code == CURLE_WRITE_ERROR && transfer.body_cut))
        return failed_transfer(code, check, reason);
    long status = 0;
    curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
    CheckAnswer answer{RunOutcome::passed, static_cast<int>(status), {}};
    if (answer.status != check.expect_status) {
        answer.outcome = RunOutcome::failed;
        answer.message =
            fmt::format("the answer was {}, expected {}", answer.status, check.expect_status);
        return answer;
    }
    const auto matches = domain::output_matches(check.expect_body, transfer.body);
    if (!matches || !*matches) {
        answer.outcome = RunOutcome::unexpected_output;
        answer.message = !matches ? matches.error().message
                                  : fmt::format(
                                        "the body does not have \"{}\"{}", check.expect_body,
                                        transfer.body_cut ? " in the part that was read" : ""
                                    );
        return answer;
    }
    answer.message = fmt::format("the answer was {}", answer.status);
    return answer;
}

CheckAnswer check_tcp(const SmokeCheck& check, const std::stop_token& stop) {
    // The address goes into a URL, so nothing that means something there may stand in it.
    constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                         "0123456789.-_:[]";
    const auto colon = check.address.rfind(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == check.address.size() ||
        check.address.find_first_not_of(allowed) != std::string::npos)
        return {RunOutcome::not_started, 0, fmt::format("\"{}\" is not host:port", check.address)};
    const auto handle = make_handle();
    if (!handle)
        return no_library;
    Transfer transfer{{}, false, stop};
    char reason[CURL_ERROR_SIZE] = "";
    set_common(handle.get(), check, transfer);
    curl_easy_setopt(handle.get(), CURLOPT_URL, ("http://" + check.address + "/").c_str());
    curl_easy_setopt(handle.get(), CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(handle.get(), CURLOPT_ERRORBUFFER, reason);
    const CURLcode code = curl_easy_perform(handle.get());
    if (code != CURLE_OK)
        return failed_transfer(code, check, reason);
    return {RunOutcome::passed, 0, "connected"};
}

} // namespace slipway::runner
