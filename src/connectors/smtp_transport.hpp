// SPDX-License-Identifier: Apache-2.0
// Hands one mail to an SMTP server through libcurl (RFC 5321), which does dot stuffing. With
// `starttls` the mail is not sent unless TLS was agreed; smtps:// is TLS from the start. A refused
// recipient refuses the whole mail, so that "delivered" means everybody. Never logs or returns the
// password.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "connectors/mail_message.hpp"

namespace slipway::connectors {

struct SmtpRequest {
    std::string url = {}; // smtp://host:port or smtps://host:port
    bool starttls = true; // required on smtp://; false only for a relay on the same machine
    std::optional<std::pair<std::string, std::string>> login = {};
    std::string ca_file = {};
    Span timeout{};
    std::stop_token stop = {}; // breaks it off: unavailable
    Mail mail = {};
};

struct SmtpAnswer {
    int status = 0;
    std::string line = {}; // the server's last answer, such as "250 2.0.0 queued as 4Fx"
};

// Errors: unavailable (no connection, a 4xx answer), timeout, invalid_input (a 5xx answer, a bad
// address, refused credentials).
Result<SmtpAnswer> smtp_send(const SmtpRequest& request);

} // namespace slipway::connectors
