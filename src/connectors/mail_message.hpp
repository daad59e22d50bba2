// SPDX-License-Identifier: Apache-2.0
// A mail message as bytes (RFC 5322, RFC 2045, RFC 2047): text/plain in UTF-8, CRLF lines, encoded
// words where a header is not ASCII, quoted-printable where the body needs it. Pure: the date and
// the message id come from the caller. No value may hold a line break, so nobody can add a header
// or a recipient through a subject; an address is refused rather than repaired.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace slipway::connectors {

struct Mail {
    std::string from = {};
    std::vector<std::string> to = {};
    std::string subject = {};
    std::string body = {};
    std::map<std::string, std::string> headers = {};
    std::string message_id = {}; // without angle brackets
    Time date{};
};

// Errors: invalid_input that names the field and the limit.
Result<std::string> mail_text(const Mail& mail);

// A plain addr-spec (local@domain) of printable ASCII, at most 254 bytes (RFC 5321 4.5.3.1).
bool is_mail_address(std::string_view address);

// "<digest of the key>@<domain of the sender>": the same key gives the same id, so a receiver can
// recognise a second copy.
std::string message_id_of(std::string_view key, std::string_view from);

// RFC 5322 3.3: "Sun, 22 Nov 2026 20:15:48 +0000".
std::string mail_date(Time time);

// One or more RFC 2047 encoded words, each at most 75 bytes, folded with CRLF and a space.
std::string encoded_words(std::string_view text);

std::string quoted_printable(std::string_view text);

} // namespace slipway::connectors
