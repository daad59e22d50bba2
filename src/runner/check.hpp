// SPDX-License-Identifier: Apache-2.0
// What every kind of smoke check has in common: what it is given, and what it answers. One file
// looks at one kind (http_check.cpp, tls_check.cpp ...). A check must see the server itself, so no
// proxy is used, whatever the environment says. It ends within its time limit, and soon after a
// stop is asked for. A message says what was expected and what was seen; of what a server said it
// shows only what it was asked to judge, short and safe to show, and never a body. Internal to
// src/runner.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "base/time.hpp"
#include "domain/runbook/run_result.hpp"
#include "runner/mask.hpp"

namespace slipway::runner {

struct CheckAnswer {
    domain::RunOutcome outcome{};
    int status = 0; // of HTTP; 0 for other kinds
    std::string message;
};

// What was asked for, or the answer that says why it is not there.
template <class T>
using Seen = tl::expected<T, CheckAnswer>;

inline tl::unexpected<CheckAnswer>
unseen(domain::RunOutcome outcome, std::string message, int status = 0) {
    return tl::unexpected(CheckAnswer{outcome, status, std::move(message)});
}

inline CheckAnswer stopped_answer() {
    return {domain::RunOutcome::stopped, 0, "stopped on request"};
}

CheckAnswer timed_out_answer(Span limit);

// The time limit of one try.
Span limit_of(const domain::SmokeCheck& check);

// What the list says or what was seen: safe to show, and at most smoke_shown_max bytes of it.
std::string clipped(std::string_view text);
// The same in quotes, for what would not be told from the words around it otherwise.
std::string shown(std::string_view seen);

// A message without secrets, also without the beginning of one that `clipped` has cut.
std::string hide_in_message(const Mask& mask, std::string_view message);

// The number that the text is, from its first character to its last; nothing for any other text.
std::optional<double> number_from(std::string_view text);

// What is wrong with the values that a jq program gives; empty when nothing is. A program that
// looks at many things (.servers[].healthy) gives a value for each, and all of them must hold. One
// that gives none looked at nothing.
std::string why_not_all_hold(const std::vector<Json>& values);

// Which limit a jq program ran into, as the end of a sentence; nothing for what jq says itself,
// which may quote the document.
std::string limit_of_jq(const Error& error);

// A URL without what may be secret in it: user, password, query and fragment.
std::string shown_url(std::string_view url);

// Each looks once at what the check names; variables are filled in.
CheckAnswer check_http(const domain::SmokeCheck& check, const std::stop_token& stop);
CheckAnswer check_tcp(const domain::SmokeCheck& check, const std::stop_token& stop);
CheckAnswer check_tls(const domain::SmokeCheck& check, Time now, const std::stop_token& stop);
CheckAnswer check_dns(const domain::SmokeCheck& check, const std::stop_token& stop);
// A job of a file or a URL.
CheckAnswer check_job(const domain::SmokeCheck& check, Time now, const std::stop_token& stop);
// A job whose command has printed this.
CheckAnswer judge_job_output(const domain::SmokeCheck& check, std::string_view output, Time now);
CheckAnswer check_metric(const domain::SmokeCheck& check, const std::stop_token& stop);
// `connection` is a connection string of libpq.
CheckAnswer check_sql(
    const domain::SmokeCheck& check, const std::string& connection, const std::stop_token& stop
);

struct SsoSecrets {
    std::string client_secret; // empty: a public client
    std::string user;
    std::string password;
};

// Signs in for real, and looks at what comes of it.
CheckAnswer check_sso(
    const domain::SmokeCheck& check, const SsoSecrets& secrets, Time now,
    const std::stop_token& stop
);

} // namespace slipway::runner
