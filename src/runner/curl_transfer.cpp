// SPDX-License-Identifier: Apache-2.0
#include "runner/curl_transfer.hpp"

namespace slipway::runner {

using domain::RunOutcome;

namespace {

CURL* make_handle() {
    // The first use initialises the library; C++ makes that safe for threads.
    static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
    return ready == CURLE_OK ? curl_easy_init() : nullptr;
}

} // namespace

CurlTransfer::CurlTransfer(Span limit, std::stop_token stop)
    : handle_(make_handle()), limit_(limit), stop_(std::move(stop)) {
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_PROXY, "");
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(limit.count()));
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limit.count()));
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, &CurlTransfer::watch);
    set(CURLOPT_XFERINFODATA, this);
    set(CURLOPT_ERRORBUFFER, static_cast<char*>(reason_));
}

int CurlTransfer::watch(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<CurlTransfer*>(user)->stop_.stop_requested() ? 1 : 0;
}

std::optional<CheckAnswer> CurlTransfer::run(const bool* may_end) {
    if (!handle_)
        return CheckAnswer{RunOutcome::not_started, 0, "libcurl cannot be initialised"};
    const CURLcode code = curl_easy_perform(handle_.get());
    if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && may_end != nullptr && *may_end))
        return std::nullopt;
    return failure(code);
}

CheckAnswer CurlTransfer::failure(CURLcode code) const {
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return stopped_answer();
    if (code == CURLE_OPERATION_TIMEDOUT)
        return timed_out_answer(limit_);
    return {
        RunOutcome::failed, 0, *reason_ != '\0' ? std::string(reason_) : curl_easy_strerror(code)};
}

} // namespace slipway::runner
