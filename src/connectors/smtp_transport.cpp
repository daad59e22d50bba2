// SPDX-License-Identifier: Apache-2.0
#include "connectors/smtp_transport.hpp"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "base/limits.hpp"
#include "connectors/curl_session.hpp"
#include "connectors/http_transport.hpp"

namespace slipway::connectors {

namespace {

std::size_t send_piece(char* buffer, std::size_t size, std::size_t count, void* user) {
    auto& rest = *static_cast<std::string_view*>(user);
    const auto piece = std::min(size * count, rest.size());
    std::memcpy(buffer, rest.data(), piece);
    rest.remove_prefix(piece);
    return piece;
}

// Keeps the last line that the server sent before its farewell (221), printable characters only.
std::size_t receive_line(char* data, std::size_t, std::size_t count, void* user) {
    auto& line = *static_cast<std::string*>(user);
    if (std::string_view(data, count).starts_with("221"))
        return count;
    line.clear();
    for (const unsigned char c : std::string_view(data, std::min<std::size_t>(count, 500)))
        if (c >= ' ' && c < 127)
            line += static_cast<char>(c);
    return count;
}

std::size_t ignore(char*, std::size_t size, std::size_t count, void*) {
    return size * count;
}

tl::unexpected<Error>
smtp_failure(CURLcode code, long status, const std::string& where, const std::string& line) {
    if (status >= 400 && status < 500)
        return fail(ErrorCode::unavailable, where + " put the mail off: " + line);
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        return fail(ErrorCode::timeout, where + " did not answer in time");
    case CURLE_LOGIN_DENIED:
        return fail(ErrorCode::invalid_input, where + " refused the user or password");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        return fail(
            ErrorCode::invalid_input, "the certificate of " + where + " could not be verified"
        );
    case CURLE_USE_SSL_FAILED:
        return fail(
            ErrorCode::invalid_input,
            where + " does not offer STARTTLS; the mail was not sent in the clear"
        );
    default:
        break;
    }
    if (status >= 500)
        return fail(ErrorCode::invalid_input, where + " refused the mail: " + line);
    return fail(
        ErrorCode::unavailable,
        fmt::format("cannot hand the mail to {}: {}", where, curl_easy_strerror(code))
    );
}

} // namespace

Result<SmtpAnswer> smtp_send(const SmtpRequest& request) {
    TRY(check_address(request.url, {"smtp", "smtps"}));
    const auto text = TRY(mail_text(request.mail));
    auto* curl = fresh_curl(request.ca_file, request.timeout, request.stop);
    const auto where = address_for_people(request.url);
    const auto from = "<" + request.mail.from + ">";
    CurlList recipients;
    for (const auto& address : request.mail.to)
        recipients.add("<" + address + ">");
    std::string_view rest = text;
    std::string line;
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
    const long tls = request.starttls ? CURLUSESSL_ALL : CURLUSESSL_NONE;
    curl_easy_setopt(curl, CURLOPT_USE_SSL, tls);
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, from.c_str());
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, recipients.get());
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, send_piece);
    curl_easy_setopt(curl, CURLOPT_READDATA, &rest);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, receive_line);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &line);
    // A reused connection may have been closed by the server long ago; mail is rare.
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
    if (request.login) {
        curl_easy_setopt(curl, CURLOPT_USERNAME, request.login->first.c_str());
        curl_easy_setopt(curl, CURLOPT_PASSWORD, request.login->second.c_str());
    }
    const auto code = curl_easy_perform(curl);
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK)
        return smtp_failure(code, status, where, line);
    return SmtpAnswer{static_cast<int>(status), line};
}

} // namespace slipway::connectors
