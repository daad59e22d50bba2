// SPDX-License-Identifier: Apache-2.0
// Fetches a URL, for every check that looks at an answer. Limits: smoke_body_max and
// smoke_answer_header_max; what is longer is cut, and the answer says so. Internal to src/runner.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include <curl/curl.h>

#include "base/json.hpp"
#include "runner/check.hpp"

namespace slipway::runner {

struct HttpAnswer {
    int status = 0;
    std::string body;
    bool body_cut = false;
    std::vector<std::pair<std::string, std::string>>
        headers; // of the last answer; lower-case names
    bool headers_cut = false;
    std::string url; // of the last answer
    int redirects = 0;
    Span took{}; // all of it, redirects included
};

// The cookies of several exchanges, as a browser keeps them; in memory only.
class Cookies {
  public:
    Cookies();
    ~Cookies();
    Cookies(const Cookies&) = delete;
    Cookies& operator=(const Cookies&) = delete;

    CURLSH* get() const { return share_; }

  private:
    CURLSH* share_ = nullptr;
};

struct HttpAsk {
    std::string url;
    std::optional<std::string> form = {}; // given: sent with POST, as HTML forms are
    std::string user = {};                // with a password, for HTTP Basic
    std::string password = {};
    int redirects_max = 0; // followed; with 0 the first answer is the answer
    const Cookies* cookies = nullptr;
};

Seen<HttpAnswer> fetch(const HttpAsk& ask, Span limit, const std::stop_token& stop);

// As one value in a query or a form (RFC 3986, unreserved characters stay).
std::string url_encoded(const std::string& text);

// Redirects are followed, at most `redirects_max` of them; with 0 the first answer is the answer.
Seen<HttpAnswer>
fetch(const std::string& url, int redirects_max, Span limit, const std::stop_token& stop);

// What check_http says of it.
CheckAnswer judge_http(const domain::SmokeCheck& check, const HttpAnswer& answer);

// The body of an answer with that status as JSON. `what` names it in messages.
Seen<Json> json_of(const HttpAnswer& answer, std::string_view what, int status = 200);

} // namespace slipway::runner
