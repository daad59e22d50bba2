// SPDX-License-Identifier: Apache-2.0
#include "cli/client.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <memory>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fmt/format.h>

#include "base/json.hpp"
#include "base/limits.hpp"
#include "cli/exit_codes.hpp"
#include "cli/text.hpp"

namespace slipway::cli {

namespace {

struct Exchange {
    CURL* curl = nullptr;
    const HttpRequest& request;
    HttpAnswer answer = {};
    bool too_large = false;
    bool ended_by_sink = false;

    long status() const {
        long code = 0;
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
        return code;
    }
};

std::size_t take_body(char* data, std::size_t, std::size_t size, void* user) {
    auto& exchange = *static_cast<Exchange*>(user);
    if (exchange.request.sink && exchange.status() / 100 == 2) {
        exchange.ended_by_sink = !exchange.request.sink({data, size});
        return exchange.ended_by_sink ? 0 : size;
    }
    exchange.too_large = exchange.answer.body.size() + size > limits::cli_answer_max;
    if (exchange.too_large)
        return 0;
    exchange.answer.body.append(data, size);
    return size;
}

std::size_t take_header(char* data, std::size_t, std::size_t size, void* user) {
    auto& exchange = *static_cast<Exchange*>(user);
    const std::string_view line(data, size);
    const auto colon = line.find(':');
    if (colon != 4 || curl_strnequal(data, "etag", 4) == 0)
        return size;
    const auto from = line.find_first_not_of(" \t", colon + 1);
    const auto to = line.find_last_not_of(" \t\r\n");
    if (from != std::string_view::npos && to >= from)
        exchange.answer.etag = line.substr(from, to - from + 1).substr(0, 100);
    return size;
}

std::size_t read_upload(char* buffer, std::size_t, std::size_t size, void* file) {
    const auto count = std::fread(buffer, 1, size, static_cast<std::FILE*>(file));
    return count == 0 && std::ferror(static_cast<std::FILE*>(file)) != 0 ? CURL_READFUNC_ABORT
                                                                         : count;
}

int show_progress(
    void* user, curl_off_t to_receive, curl_off_t received, curl_off_t to_send, curl_off_t sent
) {
    const auto& request = *static_cast<const HttpRequest*>(user);
    const auto total = request.sink ? to_receive : to_send;
    const auto done = request.sink ? received : sent;
    if (total > 0)
        request.progress(static_cast<std::uint64_t>(done), static_cast<std::uint64_t>(total));
    return 0;
}

// Options take only certain types; these are the ones used.
void set(CURL* curl, CURLoption option, const std::string& text) {
    curl_easy_setopt(curl, option, text.c_str());
}

void set(CURL* curl, CURLoption option, long number) {
    curl_easy_setopt(curl, option, number);
}

template <class Unit>
long milliseconds(Unit span) {
    return static_cast<long>(std::chrono::duration_cast<Span>(span).count());
}

class Headers {
  public:
    Headers() = default;
    Headers(const Headers&) = delete;
    Headers& operator=(const Headers&) = delete;

    ~Headers() { curl_slist_free_all(list_); }

    void add(const std::string& line) {
        if (auto* longer = curl_slist_append(list_, line.c_str()))
            list_ = longer;
    }

    curl_slist* get() const { return list_; }

  private:
    curl_slist* list_ = nullptr;
};

struct CloseUpload {
    void operator()(std::FILE* file) const { std::fclose(file); }
};

using File = std::unique_ptr<std::FILE, CloseUpload>;

Result<File> open_upload(CURL* curl, const HttpRequest& request) {
    std::error_code failed;
    const auto size = std::filesystem::file_size(request.upload, failed);
    File file(failed ? nullptr : std::fopen(request.upload.c_str(), "rb"));
    if (!file)
        return fail(
            failed == std::errc::no_such_file_or_directory ? ErrorCode::not_found
                                                           : ErrorCode::invalid_input,
            fmt::format("{}: cannot be read as a file", request.upload)
        );
    if (size > limits::attachment_max)
        return fail(
            ErrorCode::limit_exceeded, fmt::format(
                                           "{}: has {} bytes, an attachment has at most {}",
                                           request.upload, size, limits::attachment_max
                                       )
        );
    set(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, read_upload);
    curl_easy_setopt(curl, CURLOPT_READDATA, file.get());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(size));
    return file;
}

void set_body(CURL* curl, const HttpRequest& request) {
    set(curl, CURLOPT_CUSTOMREQUEST, request.method);
    if (request.method == "GET" || !request.upload.empty())
        return;
    curl_easy_setopt(
        curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size())
    );
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.c_str());
}

void set_limits(CURL* curl, const HttpRequest& request, Span timeout) {
    set(curl, CURLOPT_NOSIGNAL, 1L);
    set(curl, CURLOPT_FOLLOWLOCATION, 0L);
    set(curl, CURLOPT_PATH_AS_IS, 1L); // an id such as ".." is for the server to refuse
    set(curl, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(limits::cli_connect_timeout));
    const bool transfer = !request.upload.empty() || request.sink != nullptr ||
                          request.body.size() > limits::request_body_max;
    if (request.endless) {
        set(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
        set(curl, CURLOPT_LOW_SPEED_TIME, milliseconds(limits::cli_silence_max) / 1000);
    } else {
        set(curl, CURLOPT_TIMEOUT_MS,
            transfer ? milliseconds(limits::cli_transfer_timeout) : milliseconds(timeout));
    }
}

bool connection_lost(CURLcode code) {
    return code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR ||
           code == CURLE_PARTIAL_FILE;
}

Error error_of_exchange(CURLcode code, const Exchange& exchange, const std::string& server) {
    if (exchange.too_large)
        return Error{
            ErrorCode::limit_exceeded,
            fmt::format("{}: the answer is larger than {} bytes", server, limits::cli_answer_max)};
    if (code == CURLE_OPERATION_TIMEDOUT)
        return Error{ErrorCode::timeout, server + ": no answer in time"};
    if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
        return Error{
            ErrorCode::invalid_input,
            server + ": is not an address of a server; expected such as https://host:port"};
    return Error{ErrorCode::unavailable, fmt::format("{}: {}", server, curl_easy_strerror(code))};
}

} // namespace

bool is_this_machine(std::string_view server) {
    auto host = server.substr(std::min(server.size(), server.find("://") + 3));
    host = host.substr(0, host.find('/'));
    const auto colon = host.rfind(':');
    if (colon != std::string_view::npos &&
        host.find_first_not_of("0123456789", colon + 1) == std::string_view::npos)
        host = host.substr(0, colon);
    // "127.0.0.1.example.org" is a name, and anybody's.
    in_addr address{};
    const bool loopback =
        host.starts_with("127.") && ::inet_pton(AF_INET, std::string(host).c_str(), &address) == 1;
    return loopback || host == "[::1]" || host == "localhost";
}

Client::Client(std::string server, std::string token, std::string agent, Span timeout)
    : server_(std::move(server)), token_(std::move(token)), agent_(std::move(agent)),
      timeout_(timeout > Span::zero() ? timeout : Span(limits::cli_request_timeout)) {
    while (server_.ends_with('/'))
        server_.pop_back();
}

Result<HttpAnswer> Client::send(const HttpRequest& request) const {
    static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    const std::unique_ptr<CURL, void (*)(CURL*)> handle(curl_easy_init(), curl_easy_cleanup);
    if (!ready || !handle)
        return fail(ErrorCode::internal, "libcurl cannot be started");
    CURL* curl = handle.get();
    set(curl, CURLOPT_URL, server_ + request.path);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    if (is_this_machine(server_))
        set(curl, CURLOPT_PROXY, std::string()); // the environment's proxy is for other machines
    curl_easy_setopt(curl, CURLOPT_USERAGENT, agent_.c_str());
    Headers headers;
    headers.add("Accept: application/json, application/problem+json, */*");
    headers.add("Expect:");
    if (!token_.empty())
        headers.add("Authorization: Bearer " + token_);
    if (request.method != "GET" && request.method != "DELETE")
        headers.add("Content-Type: " + request.content_type);
    for (const auto& header : request.headers)
        headers.add(header);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
    set_limits(curl, request, timeout_);
    File file;
    if (!request.upload.empty())
        file = TRY(open_upload(curl, request));
    set_body(curl, request);
    if (request.progress) {
        set(curl, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, show_progress);
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &request);
    }
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    for (int attempt = 0;; ++attempt) {
        Exchange exchange{curl, request};
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, &exchange);
        curl_easy_setopt(curl, CURLOPT_HEADERDATA, &exchange);
        const auto code = curl_easy_perform(curl);
        exchange.answer.status = static_cast<int>(exchange.status());
        const bool again = attempt == 0 && connection_lost(code) && !request.sink &&
                           (request.repeatable || request.method == "GET");
        if (again) {
            if (file)
                std::rewind(file.get());
            continue;
        }
        if (code != CURLE_OK && !exchange.ended_by_sink)
            return tl::unexpected(error_of_exchange(code, exchange, server_));
        if (exchange.answer.status >= 400)
            return tl::unexpected(error_of(exchange.answer.status, exchange.answer.body));
        if (exchange.answer.status / 100 != 2)
            return fail(
                ErrorCode::internal,
                fmt::format(
                    "{}: answered with status {}, which is not the API of Slipway", server_,
                    exchange.answer.status
                )
            );
        return std::move(exchange.answer);
    }
}

namespace {

ErrorCode code_of_status(int status) {
    switch (status) {
    case 401:
        return ErrorCode::unauthenticated;
    case 403:
        return ErrorCode::forbidden;
    case 404:
        return ErrorCode::not_found;
    case 409:
    case 412:
        return ErrorCode::conflict;
    case 413:
    case 429:
        return ErrorCode::limit_exceeded;
    case 502:
    case 503:
        return ErrorCode::unavailable;
    case 408:
    case 504:
        return ErrorCode::timeout;
    default:
        return status < 500 ? ErrorCode::invalid_input : ErrorCode::internal;
    }
}

} // namespace

Error error_of(int status, std::string_view body) {
    Error error;
    error.code = code_of_status(status);
    const auto json = parse_json(body);
    if (!json || !json->is_object() || text_or_empty(*json, "code").empty()) {
        error.message = fmt::format("the server answered with status {}", status);
        return error;
    }
    if (const auto known = code_from_name(text_or_empty(*json, "code")))
        error.code = *known;
    error.message = text_or_empty(*json, "detail");
    if (error.message.empty())
        error.message = text_or_empty(*json, "title");
    if (error.code == ErrorCode::internal)
        error.message += fmt::format(" ({})", text_or_empty(*json, "instance"));
    error.detail = body;
    if (const auto* fields = find(*json, "fields"); fields && fields->is_array())
        for (const auto& field : fields->get_array())
            error.fields.push_back(
                {std::string(text_or_empty(field, "field")),
                 std::string(text_or_empty(field, "message"))}
            );
    if (const auto* reasons = find(*json, "reasons"))
        error.reasons = reasons_of(*reasons);
    if (const auto* seconds = find(*json, "retry_after"); seconds && seconds->is_int64())
        error.retry_after_ms = std::clamp<std::int64_t>(seconds->get_int64(), 0, 86400) * 1000;
    return error;
}

} // namespace slipway::cli
