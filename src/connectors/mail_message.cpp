// SPDX-License-Identifier: Apache-2.0
#include "connectors/mail_message.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>

#include "base/ascii.hpp"
#include "base/hash.hpp"
#include "base/json.hpp"
#include "base/limits.hpp"
#include "connectors/http_transport.hpp"

namespace slipway::connectors {

namespace {

constexpr std::size_t line_max = 76;           // RFC 2045 6.7: quoted-printable lines
constexpr std::size_t plain_line_max = 998;    // RFC 5322 2.1.1
constexpr std::size_t encoded_word_bytes = 45; // 60 base64 digits in a word of at most 75
constexpr std::size_t address_max = 254;

bool is_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c < 128; });
}

bool has_control(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](unsigned char c) {
        return c < ' ' || c == 127;
    });
}

// Headers that the message itself decides, or that would add recipients.
bool is_reserved(std::string_view header) {
    const auto name = ascii_lower(header);
    static constexpr std::array<std::string_view, 16> names{
        "from",      "to",         "cc",           "bcc",           "subject",  "date",
        "sender",    "message-id", "mime-version", "return-path",   "received", "resent-to",
        "resent-cc", "resent-bcc", "resent-from",  "dkim-signature"};
    return std::find(names.begin(), names.end(), name) != names.end() ||
           name.starts_with("content-");
}

// Folds at spaces so that no line passes 78 bytes where there is a space to fold at.
std::string folded(std::string_view name, std::string_view value) {
    std::string out = std::string(name) + ":";
    std::size_t column = out.size();
    while (!value.empty()) {
        const auto space = value.find(' ', 1);
        const auto word = value.substr(0, space);
        if (column > name.size() + 1 && column + word.size() + 1 > 78) {
            out += "\r\n";
            column = 0;
        }
        if (word.front() != ' ') {
            out += ' ';
            ++column;
        }
        out += word;
        column += word.size();
        value.remove_prefix(word.size());
    }
    return out + "\r\n";
}

Result<std::string> header(const std::string& name, std::string_view value) {
    if (!is_valid_text(value) || has_control(value))
        return fail_field(name, "must be UTF-8 without line breaks or control characters");
    if (value.size() > limits::mail_header_max)
        return fail_field(name, fmt::format("is longer than {} bytes", limits::mail_header_max));
    const bool long_word = [&] {
        std::size_t length = 0;
        for (const char c : value) {
            length = c == ' ' ? 0 : length + 1;
            if (length > line_max)
                return true;
        }
        return false;
    }();
    if (is_ascii(value) && !long_word && value.find("=?") == std::string_view::npos)
        return folded(name, value);
    return name + ": " + encoded_words(value) + "\r\n";
}

// Every line end becomes CRLF (RFC 5322 2.3).
std::string crlf(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n')
            continue;
        if (text[i] == '\n' || text[i] == '\r')
            out += "\r\n";
        else
            out += text[i];
    }
    if (!out.ends_with("\r\n"))
        out += "\r\n";
    return out;
}

bool needs_encoding(std::string_view text) {
    std::size_t length = 0;
    for (const unsigned char c : text) {
        length = c == '\n' || c == '\r' ? 0 : length + 1;
        if (c >= 128 || (c < ' ' && c != '\n' && c != '\r' && c != '\t') || length > plain_line_max)
            return true;
    }
    return false;
}

Result<void> check_mail(const Mail& mail) {
    if (!is_mail_address(mail.from))
        return fail_field("from", "expected a mail address such as release@example.org");
    if (mail.to.empty())
        return fail_field("recipients", "at least one is needed");
    if (mail.to.size() > limits::mail_recipients_max)
        return fail_field(
            "recipients", fmt::format("at most {} are allowed", limits::mail_recipients_max)
        );
    for (std::size_t i = 0; i < mail.to.size(); ++i)
        if (!is_mail_address(mail.to[i]))
            return fail_field(
                fmt::format("recipients[{}]", i), "expected a mail address such as ops@example.org"
            );
    if (!is_valid_text(mail.body) || mail.body.size() > limits::request_body_max)
        return fail_field(
            "body", fmt::format("must be UTF-8 of at most {} bytes", limits::request_body_max)
        );
    return {};
}

} // namespace

Result<std::string> mail_text(const Mail& mail) {
    TRY(check_mail(mail));
    std::string out = "Date: " + mail_date(mail.date) + "\r\n";
    out += "From: " + mail.from + "\r\nTo: ";
    for (std::size_t i = 0; i < mail.to.size(); ++i)
        out += (i == 0 ? "" : ",\r\n ") + mail.to[i];
    out += "\r\n";
    out += TRY(header("Subject", mail.subject));
    out += "Message-ID: <" + mail.message_id + ">\r\n";
    for (const auto& [name, value] : mail.headers) {
        if (!is_header_name(name) || is_reserved(name))
            return fail_field("headers", "a name is not allowed in a mail: use names like X-Note");
        out += TRY(header(name, value));
    }
    const bool encode = needs_encoding(mail.body);
    out += "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n";
    out += encode ? "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
                  : "Content-Transfer-Encoding: 7bit\r\n\r\n";
    out += encode ? quoted_printable(crlf(mail.body)) : crlf(mail.body);
    return out;
}

bool is_mail_address(std::string_view address) {
    const auto at = address.find('@');
    if (address.size() > address_max || at == 0 || at == std::string_view::npos || at > 64 ||
        at + 1 == address.size() || address.find('@', at + 1) != std::string_view::npos)
        return false;
    const auto plain = [](unsigned char c) {
        return std::isalnum(c) != 0 ||
               std::string_view("!#$%&'*+-/=?^_`{|}~.").find(static_cast<char>(c)) !=
                   std::string_view::npos;
    };
    const auto domain = [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '-' || c == '.';
    };
    const auto host = address.substr(at + 1);
    return is_ascii(address) && std::all_of(address.begin(), address.begin() + at, plain) &&
           std::all_of(host.begin(), host.end(), domain) && host.front() != '-' &&
           host.front() != '.' && host.find("..") == std::string_view::npos;
}

std::string message_id_of(std::string_view key, std::string_view from) {
    const auto at = from.find('@');
    const auto domain = at == std::string_view::npos ? "slipway.invalid" : from.substr(at + 1);
    return sha256(key).hex().substr(0, 32) + "@" + std::string(domain);
}

std::string mail_date(Time time) {
    using namespace std::chrono;
    static constexpr std::array<std::string_view, 7> days{"Sun", "Mon", "Tue", "Wed",
                                                          "Thu", "Fri", "Sat"};
    static constexpr std::array<std::string_view, 12> months{
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto day = floor<std::chrono::days>(time);
    const year_month_day date(day);
    const hh_mm_ss clock(floor<seconds>(time - day));
    return fmt::format(
        "{}, {:02} {} {} {:02}:{:02}:{:02} +0000", days[weekday(day).c_encoding()],
        static_cast<unsigned>(date.day()), months[static_cast<unsigned>(date.month()) - 1],
        static_cast<int>(date.year()), clock.hours().count(), clock.minutes().count(),
        clock.seconds().count()
    );
}

std::string encoded_words(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        auto cut = std::min(text.size(), encoded_word_bytes);
        // A word holds whole characters (RFC 2047 section 5).
        while (cut > 0 && cut < text.size() &&
               (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80)
            --cut;
        cut = cut == 0 ? std::min(text.size(), encoded_word_bytes) : cut;
        out += (out.empty() ? "=?utf-8?B?" : "\r\n =?utf-8?B?") + to_base64(text.substr(0, cut)) +
               "?=";
        text.remove_prefix(cut);
    }
    return out;
}

std::string quoted_printable(std::string_view text) {
    static constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    std::size_t column = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') {
            out += "\r\n";
            column = 0;
            ++i;
            continue;
        }
        const bool before_break = i + 1 == text.size() || text[i + 1] == '\r';
        const bool space = c == ' ' || c == '\t';
        const bool plain = (c > ' ' && c < 127 && c != '=') || (space && !before_break);
        const std::size_t width = plain ? 1 : 3;
        if (column + width > line_max - 1) {
            out += "=\r\n";
            column = 0;
        }
        if (plain) {
            out += static_cast<char>(c);
        } else {
            out += '=';
            out += digits[c >> 4];
            out += digits[c & 15];
        }
        column += width;
    }
    return out;
}

} // namespace slipway::connectors
