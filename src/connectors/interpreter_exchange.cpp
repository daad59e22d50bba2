// SPDX-License-Identifier: Apache-2.0
// How a request of a manifest becomes bytes for a transport; declared in interpreter.hpp. Marks of
// secrets are exchanged here and only here.
#include <algorithm>

#include "base/ascii.hpp"
#include "connectors/command_transport.hpp"
#include "connectors/interpreter.hpp"
#include "connectors/smtp_transport.hpp"
#include "connectors/text_template.hpp"

namespace slipway::connectors {

namespace {

// A value inside a path is one segment: it can neither add segments nor climb out.
Result<std::string> as_segment(std::string value) {
    if (value.empty() || value == "." || value == "..")
        return fail(ErrorCode::invalid_input, "a part of the request's path is empty or dots");
    return percent_encode(value);
}

bool has_header(const HttpRequest& request, std::string_view name) {
    return std::any_of(request.headers.begin(), request.headers.end(), [&](const auto& header) {
        return same_ascii_folded(name, header.first);
    });
}

void add_query(std::string& query, std::string_view name, std::string_view encoded) {
    query += (query.empty() ? "" : "&") + percent_encode(name) + "=" + std::string(encoded);
}

std::string with_query(std::string address, const std::string& query) {
    if (query.empty())
        return address;
    address += address.find('?') == std::string::npos ? '?' : '&';
    return address + query;
}

constexpr std::size_t last_words_shown = 2000;

const char* content_type(BodyType type) {
    switch (type) {
    case BodyType::json:
        return "application/json";
    case BodyType::form:
        return "application/x-www-form-urlencoded";
    case BodyType::text:
        break;
    }
    return "text/plain; charset=utf-8";
}

} // namespace

std::size_t text_begin(std::string_view text) {
    std::size_t begin = 0;
    while (begin < text.size() && begin < 3 &&
           (static_cast<unsigned char>(text[begin]) & 0xc0) == 0x80)
        ++begin;
    return begin;
}

// Null is "none"; marks are exchanged.
Result<std::optional<std::string>> Interpreter::optional_text(const std::string& text) {
    if (text.empty())
        return std::optional<std::string>{};
    const auto value = TRY(render(text, document_, around_.expressions));
    if (value.is_null())
        return std::optional<std::string>{};
    return std::optional(secrets_.reveal(TRY(plain_text(value, text))));
}

Result<std::string> Interpreter::query_of(const Request& request) {
    std::string query;
    for (const auto& member : request.query) {
        const auto value = TRY(render(member.second, document_, around_.expressions));
        const auto add = [&](const Json& one) -> Result<void> {
            const auto plain = TRY(plain_text(one, member.second));
            const auto encoded = secrets_.reveal(percent_encode(plain), percent_encode);
            add_query(query, member.first, encoded);
            return {};
        };
        if (value.is_array()) {
            for (const auto& one : value.get_array())
                TRY(add(one));
        } else if (!value.is_null()) {
            TRY(add(value));
        }
    }
    return query;
}

Result<std::string> Interpreter::address_of(const Request& request) {
    auto address = TRY(optional_text(manifest_.base)).value_or("");
    const auto& path = request.path.value_or("");
    if (path.empty())
        return with_query(std::move(address), TRY(query_of(request)));
    if (address.find_first_of("?#") != std::string::npos)
        return fail(ErrorCode::invalid_input, "the base address must not hold '?' or '#'");
    while (address.ends_with('/'))
        address.pop_back();
    const auto rendered = TRY(render_text(path, document_, around_.expressions, as_segment));
    address += secrets_.reveal(rendered, percent_encode);
    return with_query(std::move(address), TRY(query_of(request)));
}

Result<void> Interpreter::add_auth(HttpRequest& request) {
    const auto& auth = manifest_.auth;
    switch (auth.scheme) {
    case AuthScheme::none:
        break;
    case AuthScheme::basic:
        if (auto user = TRY(optional_text(auth.user)))
            request.basic = {*user, TRY(optional_text(auth.password)).value_or("")};
        break;
    case AuthScheme::bearer:
        if (const auto token = TRY(optional_text(auth.token)))
            request.headers.emplace_back("Authorization", "Bearer " + *token);
        break;
    case AuthScheme::header:
        if (const auto value = TRY(optional_text(auth.value)))
            request.headers.emplace_back(auth.name, *value);
        break;
    case AuthScheme::api_key_query:
        if (const auto value = TRY(optional_text(auth.value))) {
            std::string query;
            add_query(query, auth.name, percent_encode(*value));
            request.url = with_query(std::move(request.url), query);
        }
        break;
    }
    return {};
}

Result<void> Interpreter::add_body(const Request& request, HttpRequest& out) {
    if (request.body.empty()) {
        if (request.method == "POST" || request.method == "PUT" || request.method == "PATCH")
            out.body = "";
        return {};
    }
    const auto value = secrets_.reveal(TRY(evaluate(request.body)));
    switch (request.body_type) {
    case BodyType::json:
        out.body = to_text(value);
        break;
    case BodyType::text:
        out.body = TRY(plain_text(value, "body"));
        break;
    case BodyType::form: {
        if (!value.is_object())
            return fail(ErrorCode::internal, "a form body must be an object");
        std::string form;
        for (const auto& member : value.get_object()) {
            if (member.value().is_null())
                continue;
            const auto plain = TRY(plain_text(member.value(), "body"));
            add_query(form, {member.key().data(), member.key().size()}, percent_encode(plain));
        }
        out.body = form;
        break;
    }
    }
    if (!has_header(out, "content-type"))
        out.headers.emplace_back("Content-Type", content_type(request.body_type));
    return {};
}

Result<HttpRequest> Interpreter::http_request(const Request& request, const std::string& address) {
    HttpRequest out;
    out.method = request.method;
    out.url = address.empty() ? TRY(address_of(request)) : address;
    out.timeout = TRY(time_left(request));
    out.stop = stop_;
    out.ca_file = TRY(optional_text(manifest_.ca_file)).value_or("");
    for (const auto& [name, text] : request.headers)
        if (const auto value = TRY(optional_text(text)))
            out.headers.emplace_back(name, *value);
    for (const auto& [name, text] : manifest_.headers)
        if (!has_header(out, name))
            if (const auto value = TRY(optional_text(text)))
                out.headers.emplace_back(name, *value);
    if (!has_header(out, "accept") && request.answer_type == AnswerType::json)
        out.headers.emplace_back("Accept", "application/json");
    if (!manifest_.idempotency_header.empty() && !call_.idempotency_key.empty() && !schema_.reads)
        out.headers.emplace_back(manifest_.idempotency_header, call_.idempotency_key);
    TRY(add_auth(out));
    TRY(add_body(request, out));
    return out;
}

Result<Interpreter::Exchange>
Interpreter::exchange_http(const Request& request, const std::string& address) {
    const auto out = TRY(http_request(request, address));
    auto answer = http_exchange(out);
    if (!answer)
        return failed(request, answer.error().error, answer.error().may_have_acted);
    Exchange exchange{{}, answer->status, {}, next_link(answer->headers["link"])};
    for (const auto& [name, value] : answer->headers)
        if (is_valid_text(value))
            exchange.headers[name] = value;
    const bool good = answer->status >= 200 && answer->status <= 299;
    if (good) {
        exchange.body = TRY(read_body(request, answer->body));
    } else if (auto parsed = parse_json(answer->body); parsed) {
        exchange.body = *std::move(parsed);
    } else if (is_valid_text(answer->body)) {
        exchange.body = answer->body;
    }
    return judge(request, std::move(exchange), answer->retry_after_ms);
}

Result<Interpreter::Exchange> Interpreter::exchange_command(const Request& request) {
    if (!around_.confinement)
        return tl::unexpected(around_.confinement.error());
    CommandRequest out;
    out.confinement = *around_.confinement;
    out.timeout = TRY(time_left(request));
    out.stop = stop_;
    if (!scratch_.empty())
        out.folder = scratch_;
    for (const auto& text : request.run) {
        const auto value = TRY(render(text, document_, around_.expressions));
        if (value.is_null())
            continue;
        auto argument = TRY(plain_text(value, text));
        // Anybody on the machine can read the argument list.
        if (secrets_.has_mark(argument))
            return fail(ErrorCode::internal, "a secret must not stand in a command's arguments");
        // What begins with a value must not become an option; "{{" is a brace of the manifest's.
        const bool value_first = text.starts_with('{') && !text.starts_with("{{");
        if (value_first && !out.arguments.empty() && argument.starts_with('-'))
            return fail(
                ErrorCode::invalid_input, "a value given to a command must not begin with '-'"
            );
        out.arguments.push_back(std::move(argument));
    }
    for (const auto* group : {&manifest_.environment, &request.environment})
        for (const auto& [name, text] : *group)
            if (const auto value = TRY(optional_text(text)))
                out.environment[name] = *value;
    out.input = request.input.empty() ? to_text(TRY(default_input()))
                                      : to_text(secrets_.reveal(TRY(evaluate(request.input))));
    auto answer = run_command(out);
    if (!answer)
        return failed(request, std::move(answer).error(), true);
    Exchange exchange{{}, answer->status, {}, {}};
    if (answer->status == 0) {
        exchange.body = TRY(read_body(request, answer->output));
    } else {
        exchange.body = last_words(*answer);
    }
    return judge(request, std::move(exchange), 0);
}

// The transport keeps more than is shown, so that no secret in what is shown has lost its
// beginning. What is no text in them is replaced.
Json Interpreter::last_words(const CommandAnswer& answer) const {
    std::string_view words = answer.last_words;
    if (answer.last_words_cut)
        words.remove_prefix(text_begin(words));
    const auto shown = as_valid_text(secrets_.redact(std::string(words)));
    if (shown.size() <= last_words_shown)
        return Json(shown);
    const auto tail = std::string_view(shown).substr(shown.size() - last_words_shown);
    return Json(tail.substr(text_begin(tail)));
}

// What a program reads unless the manifest says otherwise: the call, without any secret.
Result<Json> Interpreter::default_input() const {
    JsonObject settings;
    for (const auto& member : document_.at("settings").get_object())
        if (!secrets_.has_mark(to_text(member.value())))
            settings[member.key()] = member.value();
    return Json(JsonObject{
        {"capability", document_.at("capability")},
        {"operation", document_.at("operation")},
        {"key", document_.at("key")},
        {"input", document_.at("input")},
        {"settings", std::move(settings)},
    });
}

Result<Interpreter::Exchange> Interpreter::exchange_mail(const Request& request) {
    const auto& parts = *request.mail;
    SmtpRequest out;
    out.url = TRY(optional_text(manifest_.base)).value_or("");
    out.ca_file = TRY(optional_text(manifest_.ca_file)).value_or("");
    out.timeout = TRY(time_left(request));
    out.stop = stop_;
    if (!manifest_.starttls.empty())
        out.starttls =
            TRY(render(manifest_.starttls, document_, around_.expressions)) != Json(false);
    if (manifest_.auth.scheme == AuthScheme::basic)
        if (const auto user = TRY(optional_text(manifest_.auth.user)))
            out.login = {*user, TRY(optional_text(manifest_.auth.password)).value_or("")};
    auto& mail = out.mail;
    mail.from = TRY(render_text(parts.from, document_, around_.expressions));
    mail.to = TRY(decode<std::vector<std::string>>(TRY(evaluate(parts.to))));
    mail.subject = TRY(plain_text(TRY(evaluate(parts.subject)), "subject"));
    mail.body = TRY(plain_text(TRY(evaluate(parts.body)), "body"));
    if (!parts.headers.empty())
        if (const auto headers = TRY(evaluate(parts.headers)); !headers.is_null())
            mail.headers = TRY((decode<std::map<std::string, std::string>>(headers)));
    mail.date = around_.clock.now();
    const auto key = call_.idempotency_key.empty()
                         ? to_text(call_.input) + to_text(mail.date)
                         : call_.tenant.value + "/" + call_.idempotency_key;
    mail.message_id = message_id_of(key, mail.from);
    auto sent = smtp_send(out);
    if (!sent)
        return failed(request, std::move(sent).error(), true);
    return Exchange{
        JsonObject{{"message_id", mail.message_id}, {"detail", sent->line}}, sent->status, {}, {}};
}

Result<Interpreter::Exchange> Interpreter::measure(const Request& request) {
    const auto folder = TRY(render_text(request.measure, document_, around_.expressions));
    if (folder != scratch_ && !is_below(folder, {scratch_}))
        return fail(ErrorCode::internal, "only the scratch folder can be measured");
    ContentDemand demand;
    if (!request.demand.empty())
        if (const auto demanded = TRY(evaluate(request.demand)); !demanded.is_null())
            demand = TRY(decode<ContentDemand>(demanded));
    const auto tree = TRY(digest_tree(folder));
    if (auto missing = lacking(tree, demand); !missing.empty())
        return fail(ErrorCode::conflict, std::move(missing));
    return Exchange{
        JsonObject{
            {"content_digest", tree.digest.hex()}, {"files", tree.files}, {"bytes", tree.bytes}},
        0,
        {},
        {}};
}

} // namespace slipway::connectors
