// SPDX-License-Identifier: Apache-2.0
// One libcurl handle per thread, reset between uses so that options never leak from one connector
// to the next while connections stay open. Only the transports' .cpp files include this.
#pragma once

#include <stop_token>
#include <string>

#include <curl/curl.h>

#include "base/result.hpp"
#include "base/time.hpp"

namespace slipway::connectors {

// The calling thread's handle with the settings that every transfer has: no signals, verified TLS,
// the given CA file, a time limit, no proxy for loopback. It breaks off, with a second's delay at
// most, when `stop` is requested, which must live until the transfer has ended. Lives until the
// thread ends.
CURL* fresh_curl(const std::string& ca_file, Span timeout, const std::stop_token& stop);

// An owned curl_slist.
class CurlList {
  public:
    CurlList() = default;
    CurlList(const CurlList&) = delete;
    CurlList& operator=(const CurlList&) = delete;

    ~CurlList() { curl_slist_free_all(list_); }

    void add(const std::string& text);

    curl_slist* get() const { return list_; }

  private:
    curl_slist* list_ = nullptr;
};

} // namespace slipway::connectors
