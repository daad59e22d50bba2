// SPDX-License-Identifier: Apache-2.0
// One transfer of libcurl as every check makes it: without a proxy, over HTTP and HTTPS only, with
// a time limit, and ended soon after a stop is asked for. Internal to src/runner.
#pragma once

#include <memory>
#include <optional>

#include <curl/curl.h>

#include "runner/check.hpp"

namespace slipway::runner {

class CurlTransfer {
  public:
    CurlTransfer(Span limit, std::stop_token stop);
    CurlTransfer(const CurlTransfer&) = delete;
    CurlTransfer& operator=(const CurlTransfer&) = delete;

    template <class Value>
    void set(CURLoption option, Value value) {
        if (handle_)
            curl_easy_setopt(handle_.get(), option, value);
    }

    // Makes the transfer. An end that the caller's own functions brought about with
    // CURLE_WRITE_ERROR is none of its failures when `may_end` says so afterwards.
    std::optional<CheckAnswer> run(const bool* may_end = nullptr);

    // Once it has run.
    CURL* handle() const { return handle_.get(); }

  private:
    struct HandleDelete {
        void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
    };

    CheckAnswer failure(CURLcode code) const;
    static int watch(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t);

    std::unique_ptr<CURL, HandleDelete> handle_;
    Span limit_;
    std::stop_token stop_;
    char reason_[CURL_ERROR_SIZE] = "";
};

} // namespace slipway::runner
