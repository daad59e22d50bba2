// SPDX-License-Identifier: Apache-2.0
#include "cli/context.hpp"

#include <ostream>

namespace slipway::cli {

void Context::say(std::string_view text) const {
    if (!json && !quiet)
        around.out << text;
}

void Context::print_json(std::string_view text) const {
    around.out << text;
    if (!text.ends_with('\n'))
        around.out << '\n';
}

void Context::print(std::string_view text) const {
    if (!json)
        around.out << text;
}

std::function<void(std::uint64_t, std::uint64_t)> Context::progress_line(std::string name) const {
    if (!around.err_is_terminal || quiet || json)
        return {};
    return [&err = around.err, name = std::move(name),
            shown = std::uint64_t{101}](std::uint64_t done, std::uint64_t total) mutable {
        const auto percent = total == 0 ? 100 : done * 100 / total;
        if (percent == shown)
            return;
        shown = percent;
        err << fmt::format("\r{}  {} %{}", clean(name), percent, percent == 100 ? "\n" : "")
            << std::flush;
    };
}

std::string session_place(const Context& context) {
    const auto config = context.environment("XDG_CONFIG_HOME");
    if (!config.empty())
        return config + "/slipway/session.json";
    const auto home = context.environment("HOME");
    return home.empty() ? std::string{} : home + "/.config/slipway/session.json";
}

namespace {

std::string without_slash(std::string server) {
    while (server.ends_with('/'))
        server.pop_back();
    return server;
}

std::string first_line(std::string text) {
    return text.substr(0, text.find_first_of("\r\n"));
}

// A token goes into a header, so nothing may stand in it that could end the header.
Result<std::string> checked_token(std::string token, const std::string& from) {
    for (const char c : token)
        if (c <= 0x20 || c >= 0x7F)
            return fail(ErrorCode::invalid_input, from + ": is not a token");
    if (token.empty())
        return fail(ErrorCode::invalid_input, from + ": holds no token");
    return token;
}

} // namespace

Result<std::string> Context::server_address() const {
    std::string address = server.empty() ? environment("SLIPWAY_SERVER") : server;
    if (address.empty())
        if (const auto session = TRY(read_session(session_place(*this))))
            address = session->server;
    if (address.empty())
        address = server_default;
    const bool http = address.starts_with("http://") || address.starts_with("https://");
    if (!http || address.find_first_of(" \t\r\n@?#") != std::string::npos)
        return fail_option("server", "expected an address such as https://slipway.example.org");
    return without_slash(std::move(address));
}

Result<Span> Context::timeout() const {
    const auto text = environment("SLIPWAY_TIMEOUT");
    if (text.empty())
        return Span::zero();
    auto span = span_from_text(text);
    if (!span)
        return fail_field("SLIPWAY_TIMEOUT", span.error().message);
    return span;
}

Result<Client> Context::open_client() const {
    return Client(TRY(server_address()), "", "slipway/" + local.version, TRY(timeout()));
}

Result<Client> Context::client() const {
    return client(TRY(timeout()));
}

Result<Client> Context::client(Span most) const {
    const auto address = TRY(server_address());
    const std::string agent = "slipway/" + local.version;
    if (!token_file.empty()) {
        const auto text = TRY(read_file(token_file, limits::text_max, around.in));
        return Client(address, TRY(checked_token(first_line(text), token_file)), agent, most);
    }
    if (const auto token = environment("SLIPWAY_TOKEN"); !token.empty())
        return Client(address, TRY(checked_token(token, "SLIPWAY_TOKEN")), agent, most);
    const auto session = TRY(read_session(session_place(*this)));
    if (session && without_slash(session->server) == address)
        return Client(
            address, TRY(checked_token(session->token, "the stored session")), agent, most
        );
    Error error{ErrorCode::unauthenticated, "not signed in at " + address};
    if (session)
        error.message += "; the stored session belongs to " + session->server;
    return tl::unexpected(std::move(error));
}

Result<Json> Context::get(std::string_view path, std::string* raw) const {
    HttpRequest request;
    request.path = path;
    auto answer = TRY(TRY(client()).send(request));
    auto out = TRY(json_of(answer));
    if (raw != nullptr)
        *raw = std::move(answer.body);
    return out;
}

std::string Context::fresh_key() const {
    return "cli-" + readable_token(around.random, 26);
}

Result<HttpAnswer> Context::change(
    std::string method, std::string path, const Json& body,
    const std::optional<std::string>& if_version
) const {
    HttpRequest request;
    request.method = std::move(method);
    request.path = std::move(path);
    request.body = body.is_null() ? std::string{} : to_text(body);
    request.headers.push_back("Idempotency-Key: " + fresh_key());
    request.repeatable = true;
    if (if_version) {
        if (if_version->empty() || if_version->find_first_not_of("0123456789") != std::string::npos)
            return fail_option("if_version", "expected a whole number");
        request.headers.push_back(fmt::format("If-Match: \"v{}\"", *if_version));
    }
    return TRY(client()).send(request);
}

std::string url_encoded(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' || c == '~';
        if (plain)
            out += c;
        else
            out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

std::string query_of(const Arguments& arguments, const std::vector<std::string>& names) {
    std::string out;
    for (const auto& name : names)
        if (arguments.has(name)) {
            std::string value;
            for (const auto& one : arguments.all(name))
                value += (value.empty() ? "" : ",") + one;
            out += fmt::format("{}{}={}", out.empty() ? "?" : "&", name, url_encoded(value));
        }
    return out;
}

std::string server_time(const Context& context) {
    const auto version = context.get("/api/v1/version");
    return version ? std::string(text_or_empty(*version, "now")) : std::string{};
}

Result<Json> json_of(const HttpAnswer& answer) {
    if (answer.status == 204 || answer.body.empty())
        return Json{};
    auto json = parse_json(answer.body);
    if (!json)
        return fail(
            ErrorCode::internal, "the server's answer is not JSON: " + clean(json.error().message)
        );
    return json;
}

} // namespace slipway::cli
