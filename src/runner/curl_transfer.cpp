// SPDX-License-Identifier: Apache-2.0
#include "runner/curl_transfer.hpp"

namespace slipway::runner {

using domain::RunOutcome;

namespace {

// libcurl's own words, but where they speak of its build and of OpenSSL's sources.
std::string in_plain_words(CURLcode code, const std::string& reason) {
    if (code == CURLE_UNSUPPORTED_PROTOCOL)
        return "it leads to an address that is neither http nor https";
    if (code != CURLE_SSL_CONNECT_ERROR)
        return reason;
    if (reason.ends_with("wrong version number"))
        return "the server does not speak TLS there";
    // "OpenSSL/3.0.19: error:0A000410:SSL routines::sslv3 alert handshake failure"
    const auto routine = reason.rfind("::");
    return "no TLS connection: " +
           (routine == std::string::npos ? reason : reason.substr(routine + 2));
}

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
    const std::string reason = *reason_ != '\0' ? reason_ : curl_easy_strerror(code);
    return {RunOutcome::failed, 0, in_plain_words(code, reason)};
}

} // namespace slipway::runner
