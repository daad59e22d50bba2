// SPDX-License-Identifier: Apache-2.0
#include "connectors/interpreter.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include <fmt/format.h>

#include "connectors/command_transport.hpp"
#include "connectors/text_template.hpp"

namespace slipway::connectors {

namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr auto default_time_limit = std::chrono::seconds(30);
constexpr auto clearing_time = std::chrono::seconds(60); // for `finally`
constexpr int try_again_status = 75;                     // EX_TEMPFAIL of sysexits.h

constexpr std::size_t excerpt_max = 500;

// jq's truth: null and false do not hold, everything else does.
bool holds(const Json& value) {
    return !value.is_null() && !(value.is_bool() && !value.get_bool());
}

// The last lines that fit, or the end of the last one.
std::string_view end_of(std::string_view text) {
    while (text.ends_with('\n'))
        text.remove_suffix(1);
    if (text.size() <= excerpt_max)
        return text;
    text.remove_prefix(text.size() - excerpt_max);
    if (const auto line = text.find('\n'); line != std::string_view::npos)
        return text.substr(line + 1);
    return text.substr(text_begin(text));
}

// ": first line; second line"
std::string in_one_line(std::string_view words) {
    constexpr std::string_view ends = "\r\n";
    std::string said;
    while (!words.empty()) {
        const auto size = std::min(words.size(), words.find_first_of(ends));
        if (size > 0)
            said.append(said.empty() ? ": " : "; ").append(words.substr(0, size));
        words.remove_prefix(std::min(words.size(), size + 1));
    }
    return said;
}

ErrorCode code_of(FailCode code) {
    switch (code) {
    case FailCode::invalid_input:
        return ErrorCode::invalid_input;
    case FailCode::not_found:
        return ErrorCode::not_found;
    case FailCode::conflict:
        return ErrorCode::conflict;
    case FailCode::unavailable:
        return ErrorCode::unavailable;
    }
    return ErrorCode::internal;
}

// What a status means unless the manifest says otherwise. `may_have_acted`: a gateway's 502 or 504
// and a 500 leave open whether the request was carried out; 429 and 503 say that it was not.
struct Meaning {
    ErrorCode code;
    const char* text;
    bool may_have_acted = false;
};

Meaning http_meaning(int status) {
    switch (status) {
    case 401:
    case 403:
        return {ErrorCode::invalid_input, "refused the credentials"};
    case 404:
    case 410:
        return {ErrorCode::not_found, "does not know what was asked for"};
    case 409:
    case 412:
    case 423:
        return {ErrorCode::conflict, "says that its state does not allow it"};
    case 408:
    case 425:
    case 429:
    case 503:
        return {ErrorCode::unavailable, "asks to try again later"};
    case 501:
    case 505:
        return {ErrorCode::invalid_input, "does not offer this"};
    default:
        if (status >= 500)
            return {ErrorCode::unavailable, "failed", true};
        return {ErrorCode::invalid_input, "refused the request"};
    }
}

} // namespace

Interpreter::Interpreter(
    const Surroundings& surroundings, const Manifest& manifest, const Json& settings,
    const Secrets& secrets, const app::ConnectorCall& call, const CapabilitySchema& schema
)
    : around_(surroundings), manifest_(manifest), secrets_(secrets), call_(call), schema_(schema),
      end_(SteadyClock::now() + std::min<Span>(call.deadline, limits::connector_call_timeout_max)),
      stop_(call.stop) {
    document_ = JsonObject{
        {"input", call.input},
        {"settings", settings},
        {"key", call.idempotency_key},
        {"capability", to_text(call.capability)},
        {"operation", call.operation},
        {"started", to_text(around_.clock.now())},
        {"now", to_text(around_.clock.now())},
        {"answers", JsonObject{}},
        {"answer", nullptr},
        {"status", nullptr},
        {"headers", JsonObject{}},
        {"page", JsonObject{{"number", 1}, {"cursor", nullptr}}},
        {"scratch", nullptr},
    };
}

Result<Json> Interpreter::run(const Operation& operation) {
    auto answer = run_operation(operation);
    // When the server stops, the task is carried out again, as after a crash.
    if (!answer && call_.stop.stop_requested())
        return fail(ErrorCode::unavailable, "the server stops: " + answer.error().message);
    if (!answer && acted_ && app::retry_of(answer.error()).retry != app::Retry::never) {
        auto& error = answer.error();
        error.code = ErrorCode::conflict;
        error.retry_after_ms = 0;
        error.message += "; it may have been carried out all the same: look in " + manifest_.title +
                         " before trying again";
    }
    return answer;
}

Result<Json> Interpreter::run_operation(const Operation& operation) {
    std::optional<ScratchFolder> scratch;
    if (operation.scratch) {
        scratch.emplace(TRY(ScratchFolder::make(around_.scratch_folder)));
        scratch_ = scratch->path();
        document_.get_object()["scratch"] = scratch_;
    }
    return finish(operation, run_requests(operation.requests));
}

// What was put up is taken down again after a failure too, after a stop and after the deadline: it
// has a while of its own. A failure to take it down is one, unless something failed before.
Result<Json> Interpreter::finish(const Operation& operation, Result<void> done) {
    document_.get_object()["now"] = to_text(around_.clock.now());
    auto answer = done ? evaluate(operation.result) : tl::unexpected(std::move(done).error());
    if (operation.finally.empty())
        return answer;
    end_ = std::max(end_, SteadyClock::now() + clearing_time);
    stop_ = {};
    auto cleared = run_requests(operation.finally);
    if (answer && !cleared)
        return tl::unexpected(std::move(cleared).error());
    return answer;
}

Result<void> Interpreter::run_requests(const std::vector<Request>& requests) {
    for (const auto& request : requests) {
        auto& document = document_.get_object();
        document["now"] = to_text(around_.clock.now());
        if (!request.when.empty()) {
            if (!holds(TRY(evaluate(request.when))))
                continue;
        }
        auto body = TRY(run_request(request));
        if (!is_repeatable(request))
            acted_ = true;
        document["answer"] = body;
        if (!request.id.empty())
            document["answers"].get_object()[request.id] = std::move(body);
    }
    return {};
}

Result<Json> Interpreter::run_request(const Request& request) {
    if (request.page)
        return all_pages(request);
    if (request.poll)
        return poll(request);
    auto done = TRY(exchange(request));
    show(done);
    if (!request.read_as.empty()) {
        done.body = TRY(evaluate(request.read_as));
        show(done);
    }
    TRY(refusal(request));
    return std::move(done.body);
}

Result<Json> Interpreter::all_pages(const Request& request) {
    const auto& paging = *request.page;
    auto number = paging.start;
    JsonArray items;
    std::string address;
    document_.get_object()["page"] = JsonObject{{"number", number}, {"cursor", nullptr}};
    for (std::size_t count = 1;; ++count) {
        if (count > limits::connector_pages_max)
            return fail(
                ErrorCode::limit_exceeded,
                fmt::format(
                    "{} has more than {} pages", manifest_.title, limits::connector_pages_max
                )
            );
        const auto done = TRY(exchange(request, address));
        show(done);
        TRY(refusal(request));
        const auto found = TRY(evaluate(paging.items));
        if (!found.is_array())
            return fail(ErrorCode::internal, "page.items gave no list", excerpt(found));
        items.insert(items.end(), found.get_array().begin(), found.get_array().end());
        if (items.size() > limits::connector_items_max)
            return fail(
                ErrorCode::limit_exceeded,
                fmt::format(
                    "{} has more than {} items", manifest_.title, limits::connector_items_max
                )
            );
        Json next = done.next_link.empty() ? Json(nullptr) : Json(done.next_link);
        if (!paging.next.empty())
            next = TRY(evaluate(paging.next));
        if (paging.by == PageBy::number) {
            const auto size = static_cast<std::size_t>(std::max<std::int64_t>(paging.size, 1));
            if (found.get_array().size() < size)
                return Json(std::move(items));
            number += paging.step;
        } else if (next.is_null() || next == Json("") || next == Json(false)) {
            return Json(std::move(items));
        }
        if (paging.by == PageBy::link) {
            const auto here = address.empty() ? TRY(address_of(request)) : address;
            address = resolve_address(here, TRY(plain_text(next, "page.next")));
            if (address.empty() || origin_of(address) != origin_of(here))
                return fail(
                    ErrorCode::internal,
                    "the next page stands at another address, which is not followed"
                );
        }
        document_.get_object()["page"] = JsonObject{{"number", number}, {"cursor", next}};
    }
}

Result<Json> Interpreter::poll(const Request& request) {
    const auto& polling = *request.poll;
    const auto until = std::min(end_, SteadyClock::now() + polling.limit);
    for (;;) {
        auto done = TRY(exchange(request));
        show(done);
        TRY(refusal(request));
        if (holds(TRY(evaluate(polling.until))))
            return std::move(done.body);
        if (SteadyClock::now() + polling.interval >= until)
            return fail(ErrorCode::timeout, manifest_.title + " was not done in time");
        std::mutex mutex;
        std::unique_lock lock(mutex);
        std::condition_variable_any never; // a stop alone ends the wait early
        never.wait_for(lock, stop_, polling.interval, [] { return false; });
    }
}

Result<Interpreter::Exchange>
Interpreter::exchange(const Request& request, const std::string& address) {
    if (!request.measure.empty())
        return measure(request);
    switch (manifest_.transport) {
    case Transport::http:
        return exchange_http(request, address);
    case Transport::smtp:
        return exchange_mail(request);
    case Transport::command:
        return exchange_command(request);
    }
    return fail(ErrorCode::internal, "no such transport");
}

Result<Interpreter::Exchange>
Interpreter::judge(const Request& request, Exchange exchange, std::int64_t retry_after_ms) {
    const auto status = exchange.status;
    const bool http = manifest_.transport == Transport::http;
    if (const auto rule = request.when_status.find(std::to_string(status));
        rule != request.when_status.end()) {
        show(exchange);
        if (!rule->second.fail) {
            exchange.body = TRY(evaluate(rule->second.answer));
            return exchange;
        }
        auto message = rule->second.message.empty()
                           ? fmt::format("{} answered with status {}", manifest_.title, status)
                           : TRY(render_text(rule->second.message, document_, around_.expressions));
        return failed(
            request,
            {.code = code_of(*rule->second.fail),
             .message = std::move(message),
             .detail = excerpt(exchange.body),
             .retry_after_ms = retry_after_ms},
            false
        );
    }
    const bool usual = http ? status >= 200 && status <= 299 : status == 0;
    const auto& ok = request.ok;
    if (ok.empty() ? usual : std::find(ok.begin(), ok.end(), status) != ok.end())
        return exchange;
    auto meaning = http ? http_meaning(status)
                   : status == try_again_status
                       ? Meaning{ErrorCode::unavailable, "asks to try again later"}
                       : Meaning{ErrorCode::invalid_input, "refused"};
    Error error{meaning.code, {}};
    error.message = fmt::format("{} {} (status {})", manifest_.title, meaning.text, status);
    error.detail = excerpt(exchange.body);
    // A program's own words are the only ones that say what to mend, and the last ones say most.
    if (manifest_.transport == Transport::command && exchange.body.is_string())
        error.message += in_one_line(end_of(view(exchange.body.get_string())));
    error.retry_after_ms = meaning.code == ErrorCode::unavailable ? retry_after_ms : 0;
    return failed(request, std::move(error), meaning.may_have_acted);
}

Result<Json> Interpreter::read_body(const Request& request, const std::string& bytes) {
    if (request.answer_type == AnswerType::nothing || bytes.empty())
        return Json(nullptr);
    if (request.answer_type == AnswerType::text) {
        if (!is_valid_text(bytes))
            return failed(
                request, {ErrorCode::unavailable, manifest_.title + " answered with no UTF-8 text"},
                true
            );
        return Json(bytes);
    }
    auto parsed = parse_json(bytes);
    if (!parsed)
        return failed(
            request,
            {ErrorCode::unavailable, manifest_.title + " answered with something else than JSON",
             parsed.error().message},
            true
        );
    return parsed;
}

// Some systems answer 200 and say in the body that they did not.
Result<void> Interpreter::refusal(const Request& request) {
    if (request.refuse.empty())
        return {};
    const auto reason = TRY(evaluate(request.refuse));
    if (!holds(reason))
        return {};
    auto code = FailCode::conflict;
    std::string message = excerpt(reason);
    if (reason.is_object()) {
        message = text_or_empty(reason, "message");
        const auto named = from_text<FailCode>(text_or_empty(reason, "code"));
        if (!named || message.empty())
            return fail(
                ErrorCode::internal,
                "refuse gave an object without code (invalid_input, not_found, conflict, "
                "unavailable) and message"
            );
        code = *named;
    }
    return failed(request, {code_of(code), manifest_.title + ": " + message}, false);
}

tl::unexpected<Error>
Interpreter::failed(const Request& request, Error error, bool may_have_acted) {
    acted_ = acted_ || (may_have_acted && !is_repeatable(request));
    return tl::unexpected(std::move(error));
}

bool Interpreter::is_repeatable(const Request& request) const {
    if (schema_.reads || request.repeatable || !request.measure.empty())
        return true;
    if (manifest_.transport != Transport::http)
        return false;
    // RFC 9110 section 9.2.2: these are idempotent; POST and PATCH are not, unless a key makes
    // them.
    const bool keyed = !manifest_.idempotency_header.empty() && !call_.idempotency_key.empty();
    return keyed || (request.method != "POST" && request.method != "PATCH");
}

Result<Span> Interpreter::time_left(const Request& request) const {
    if (stop_.stop_requested())
        return fail(ErrorCode::unavailable, manifest_.title + " is not asked any more");
    const auto left = std::chrono::duration_cast<Span>(end_ - SteadyClock::now());
    if (left.count() <= 0)
        return fail(ErrorCode::timeout, manifest_.title + " was not done in time");
    return std::min(left, request.time_limit.value_or(default_time_limit));
}

// Secrets go before the cut: half of one would not be found any more.
std::string Interpreter::excerpt(const Json& body) const {
    auto text = body.is_string() ? std::string(view(body.get_string())) : to_text(body);
    return cut_text(secrets_.redact(std::move(text)), excerpt_max);
}

Result<Json> Interpreter::evaluate(const std::string& program) const {
    auto value = evaluate_program(program, document_, around_.expressions);
    if (!value)
        return fail(
            ErrorCode::internal,
            "a mapping of " + manifest_.system + " failed: " + value.error().message,
            "in: " + program
        );
    return value;
}

void Interpreter::show(const Exchange& exchange) {
    auto& document = document_.get_object();
    document["answer"] = exchange.body;
    document["status"] = exchange.status;
    document["headers"] = exchange.headers;
}

} // namespace slipway::connectors
