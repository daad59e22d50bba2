// SPDX-License-Identifier: Apache-2.0
// A whole login at an OpenID provider, as a browser and an application make it together: discovery
// (OpenID Connect Discovery 1.0), the authorization code flow (OpenID Connect Core 1.0,
// section 3.1) with PKCE (RFC 7636), state and nonce, through the provider's own login form; then
// the code is exchanged and the ID token verified. The redirect URI is not fetched: the code is for
// us. What is secret goes where the issuer says and nowhere else, and over HTTPS when the issuer
// has it.
#include <map>

#include <fmt/format.h>

#include "base/hash.hpp"
#include "base/jq.hpp"
#include "base/random.hpp"
#include "runner/html_form.hpp"
#include "runner/http_fetch.hpp"
#include "runner/id_token.hpp"
#include "runner/url.hpp"

namespace slipway::runner {

using domain::RunOutcome;
using domain::SmokeCheck;
using domain::SsoDemands;
using domain::SsoGrant;

namespace {

constexpr std::size_t random_characters = 52; // of five bits each; RFC 7636 asks for 43 or more
constexpr std::string_view well_known = "/.well-known/openid-configuration";

tl::unexpected<CheckAnswer> failed(std::string message) {
    return unseen(RunOutcome::failed, std::move(message));
}

tl::unexpected<CheckAnswer> unexpected_end(std::string message) {
    return unseen(RunOutcome::unexpected_output, std::move(message));
}

std::string form_of(const std::vector<std::pair<std::string, std::string>>& values) {
    std::string body;
    for (const auto& [name, value] : values)
        body += (body.empty() ? "" : "&") + name + "=" + url_encoded(value);
    return body;
}

// S256 of RFC 7636, section 4.2.
std::string challenge_of(const std::string& verifier) {
    auto text = to_base64(sha256(verifier).view());
    for (char& c : text)
        c = c == '+' ? '-' : c == '/' ? '_' : c;
    return text.substr(0, text.find('='));
}

std::string location_of(const HttpAnswer& answer) {
    for (const auto& [name, value] : answer.headers)
        if (name == "location")
            return value;
    return {};
}

// What the provider publishes of itself.
struct Provider {
    std::string authorization;
    std::string token;
    std::string keys;
    bool secret_in_body = false; // client_secret_post, because it knows no other way
};

class Login {
  public:
    Login(const SmokeCheck& check, const SsoSecrets& secrets, Time now, const std::stop_token& stop)
        : check_(check), demands_(*check.sso), secrets_(secrets), now_(now), stop_(stop),
          end_(std::chrono::steady_clock::now() + limit_of(check)) {}

    CheckAnswer run();

  private:
    Seen<HttpAnswer> ask(HttpAsk ask) const;
    Seen<Json> ask_json(HttpAsk ask, std::string_view what) const;
    Seen<std::string> endpoint(const Json& configuration, const std::string& name) const;
    Seen<Provider> discover() const;

    Seen<std::string> code_of(const std::string& redirected) const;
    Seen<std::string> sign_in();
    Seen<HttpAsk> next_request(const HttpAnswer& answer, const std::string& url);
    Seen<HttpAsk> fill_form(const HttpAnswer& page, const std::string& url);
    bool is_redirect(const std::string& url) const;
    bool may_have_secrets(const std::string& url) const;

    Seen<Json> exchange(std::vector<std::pair<std::string, std::string>> form) const;
    Seen<Json> claims_of(const Json& tokens) const;
    CheckAnswer judge(const Json& claims) const;

    const SmokeCheck& check_;
    const SsoDemands& demands_;
    const SsoSecrets& secrets_;
    const Time now_;
    const std::stop_token stop_;
    const std::chrono::steady_clock::time_point end_;
    SystemRandom random_;
    Cookies cookies_;
    Provider provider_;
    std::string state_, nonce_, verifier_;
    bool user_given_ = false;
    bool password_given_ = false;
};

// All of the login has one time limit.
Seen<HttpAnswer> Login::ask(HttpAsk ask) const {
    const auto left = std::chrono::ceil<Span>(end_ - std::chrono::steady_clock::now());
    if (left <= Span::zero())
        return tl::unexpected(timed_out_answer(limit_of(check_)));
    ask.cookies = &cookies_;
    auto answer = fetch(ask, left, stop_);
    if (!answer && answer.error().outcome == RunOutcome::timed_out)
        return tl::unexpected(timed_out_answer(limit_of(check_)));
    return answer;
}

Seen<Json> Login::ask_json(HttpAsk wanted, std::string_view what) const {
    const auto answer = ask(std::move(wanted));
    if (!answer)
        return tl::unexpected(answer.error());
    return json_of(*answer, what);
}

Seen<std::string> Login::endpoint(const Json& configuration, const std::string& name) const {
    const std::string url(text_or_empty(configuration, name));
    if (!resolve_url(url, {}))
        return unexpected_end(fmt::format("the provider's configuration has no {}", name));
    if (check_.url.starts_with("https:") && !url.starts_with("https:"))
        return unexpected_end(fmt::format("the provider's {} is not HTTPS, as its issuer is", name)
        );
    return url;
}

bool names(const Json& configuration, std::string_view key, std::string_view value) {
    const auto* list = find(configuration, key);
    if (list == nullptr || !list->is_array())
        return false;
    for (const auto& item : list->get_array())
        if (item.is_string() && view(item.get_string()) == value)
            return true;
    return false;
}

Seen<Provider> Login::discover() const {
    auto place = check_.url;
    if (place.ends_with('/'))
        place.pop_back();
    HttpAsk wanted{place.append(well_known)};
    wanted.redirects_max = static_cast<int>(limits::smoke_redirects_max);
    const auto configuration = ask_json(std::move(wanted), "the provider's configuration");
    if (!configuration)
        return tl::unexpected(configuration.error());
    if (const auto issuer = text_or_empty(*configuration, "issuer"); issuer != check_.url)
        return unexpected_end(fmt::format(
            "the provider calls itself {}, expected {}", shown(issuer), shown(check_.url)
        ));
    Provider provider;
    for (const auto& [name, url] :
         {std::pair{"authorization_endpoint", &provider.authorization},
          std::pair{"token_endpoint", &provider.token}, std::pair{"jwks_uri", &provider.keys}}) {
        auto found = endpoint(*configuration, name);
        if (!found)
            return tl::unexpected(found.error());
        *url = *std::move(found);
    }
    constexpr auto methods = "token_endpoint_auth_methods_supported";
    provider.secret_in_body = names(*configuration, methods, "client_secret_post") &&
                              !names(*configuration, methods, "client_secret_basic");
    return provider;
}

bool Login::is_redirect(const std::string& url) const {
    const auto wanted = resolve_url(demands_.redirect, {}).value_or(demands_.redirect);
    if (!url.starts_with(wanted))
        return false;
    const auto rest = std::string_view(url).substr(wanted.size());
    return rest.empty() || rest.front() == '#' ||
           rest.front() == (wanted.find('?') == std::string::npos ? '?' : '&');
}

bool Login::may_have_secrets(const std::string& url) const {
    const auto origin = origin_of(url);
    return !origin.empty() &&
           (origin == origin_of(check_.url) || origin == origin_of(provider_.authorization));
}

tl::unexpected<CheckAnswer> other_status(const HttpAnswer& answer, const std::string& url) {
    return unseen(
        RunOutcome::failed,
        fmt::format("{} answered {}, expected 200 or a redirect", shown_url(url), answer.status),
        answer.status
    );
}

// Fills in the login form of the page, or the first half of it when the password comes later.
Seen<HttpAsk> Login::fill_form(const HttpAnswer& page, const std::string& url) {
    auto forms = find_forms(page.body);
    HtmlForm* chosen = nullptr;
    LoginFields fields;
    for (auto& form : forms) {
        const auto seen = login_fields(form);
        if (seen.password == nullptr && (user_given_ || seen.user == nullptr || !form.post))
            continue;
        // A form with a password is preferred to one that might only search.
        if (chosen != nullptr && (fields.password != nullptr || seen.password == nullptr))
            continue;
        chosen = &form;
        fields = seen;
    }
    if (chosen == nullptr && page.status != 200)
        return other_status(page, url);
    if (chosen == nullptr)
        return failed(fmt::format(
            "{} at {}",
            password_given_ ? "after the login the provider shows a page, and does not go back to "
                              "the application"
                            : "there is no login form that can be filled in without a script",
            shown_url(url)
        ));
    if (password_given_)
        return failed(
            "the provider shows its login form again: it does not accept user and password"
        );
    const auto target = resolve_url(url, chosen->action);
    if (!target || !may_have_secrets(*target))
        return failed(fmt::format(
            "the login form at {} goes to {}, which is neither the issuer nor its authorization "
            "endpoint",
            shown_url(url), target ? shown_url(*target) : "no address"
        ));
    if (!chosen->post)
        return failed(
            fmt::format("the login form at {} would put the password into a URL", shown_url(url))
        );
    if (fields.user != nullptr)
        fields.user->value = secrets_.user;
    if (fields.password != nullptr)
        fields.password->value = secrets_.password;
    user_given_ = true;
    password_given_ = fields.password != nullptr;
    return HttpAsk{*target, form_body(*chosen)};
}

Seen<HttpAsk> Login::next_request(const HttpAnswer& answer, const std::string& url) {
    if (answer.status >= 300 && answer.status < 400) {
        const auto target = resolve_url(url, location_of(answer));
        if (!target || location_of(answer).empty())
            return failed(fmt::format("{} redirects to no address", shown_url(url)));
        return HttpAsk{*target};
    }
    // Some show the form again with a status of its own.
    if (answer.status != 200 &&
        !(password_given_ && (answer.status == 400 || answer.status == 401)))
        return other_status(answer, url);
    return fill_form(answer, url);
}

// The URL to which the provider sends the browser back.
Seen<std::string> Login::sign_in() {
    state_ = readable_token(random_, random_characters);
    nonce_ = readable_token(random_, random_characters);
    verifier_ = readable_token(random_, random_characters);
    const bool has_query = provider_.authorization.find('?') != std::string::npos;
    HttpAsk next{
        provider_.authorization + (has_query ? "&" : "?") +
        form_of(
            {{"response_type", "code"},
             {"client_id", demands_.client},
             {"redirect_uri", demands_.redirect},
             {"scope", "openid"},
             {"state", state_},
             {"nonce", nonce_},
             {"code_challenge", challenge_of(verifier_)},
             {"code_challenge_method", "S256"}}
        )};
    for (int pages = 0; pages < limits::sso_pages_max; ++pages) {
        const auto url = next.url;
        if (check_.url.starts_with("https:") && !url.starts_with("https:"))
            return failed(fmt::format("the login leads to {}, which is not HTTPS", shown_url(url)));
        const auto answer = ask(std::move(next));
        if (!answer)
            return tl::unexpected(answer.error());
        auto following = next_request(*answer, url);
        if (!following)
            return tl::unexpected(following.error());
        if (is_redirect(following->url))
            return following->url;
        next = *std::move(following);
    }
    return failed(
        fmt::format("the login is not over after {} redirects and forms", limits::sso_pages_max)
    );
}

Seen<std::string> Login::code_of(const std::string& redirected) const {
    if (query_value(redirected, "state") != state_)
        return failed("the provider sent back another state than it was given");
    if (const auto issuer = query_value(redirected, "iss"); issuer && *issuer != check_.url)
        return failed(fmt::format("the answer comes from the issuer {}", shown(*issuer)));
    if (const auto error = query_value(redirected, "error"))
        return failed(fmt::format(
            "the provider refuses: {} {}", shown(*error),
            shown(query_value(redirected, "error_description").value_or(""))
        ));
    auto code = query_value(redirected, "code");
    if (!code || code->empty())
        return failed("the provider sent no code back");
    return *std::move(code);
}

Seen<Json> Login::exchange(std::vector<std::pair<std::string, std::string>> form) const {
    HttpAsk wanted{provider_.token};
    const bool basic = !secrets_.client_secret.empty() && !provider_.secret_in_body;
    if (basic) {
        // Encoded as in a form first: RFC 6749, section 2.3.1.
        wanted.user = url_encoded(demands_.client);
        wanted.password = url_encoded(secrets_.client_secret);
    } else {
        form.emplace_back("client_id", demands_.client);
        if (!secrets_.client_secret.empty())
            form.emplace_back("client_secret", secrets_.client_secret);
    }
    wanted.form = form_of(form);
    const auto answer = ask(std::move(wanted));
    if (!answer)
        return tl::unexpected(answer.error());
    if (answer->status == 400 || answer->status == 401) {
        const auto why = parse_json(answer->body);
        return unseen(
            RunOutcome::failed,
            fmt::format(
                "the provider gives no token: {} {}",
                shown(why ? text_or_empty(*why, "error") : ""),
                shown(why ? text_or_empty(*why, "error_description") : "")
            ),
            answer->status
        );
    }
    return json_of(*answer, "the token endpoint");
}

Seen<Json> Login::claims_of(const Json& tokens) const {
    const auto token = text_or_empty(tokens, "id_token");
    if (token.empty())
        return unexpected_end("the provider gives no ID token");
    const auto keys = ask_json({provider_.keys}, "the provider's key set");
    if (!keys)
        return tl::unexpected(keys.error());
    auto claims = verify_id_token(token, *keys, {check_.url, demands_.client, nonce_}, now_);
    if (!claims)
        return unexpected_end("the ID token is not good: " + claims.error().message);
    return *std::move(claims);
}

CheckAnswer Login::judge(const Json& claims) const {
    if (!demands_.json.empty()) {
        const auto program = JqProgram::compile(demands_.json);
        if (!program)
            return {RunOutcome::not_started, 0, "json: " + program.error().message};
        const auto values = program->run_all(claims);
        const auto fault = values ? why_not_all_hold(*values)
                                  : "it cannot be told of them" + limit_of_jq(values.error());
        if (!fault.empty())
            return {
                RunOutcome::unexpected_output, 0,
                fmt::format(
                    "signed in, but {} does not hold of the claims: {}", clipped(demands_.json),
                    fault
                )};
    }
    return {
        RunOutcome::passed, 0,
        fmt::format(
            "signed in by {}, and the ID token is good",
            demands_.grant == SsoGrant::code ? "authorization code with PKCE" : "direct grant"
        )};
}

CheckAnswer Login::run() {
    auto provider = discover();
    if (!provider)
        return provider.error();
    provider_ = *std::move(provider);
    std::vector<std::pair<std::string, std::string>> form;
    if (demands_.grant == SsoGrant::direct) {
        form = {
            {"grant_type", "password"},
            {"scope", "openid"},
            {"username", secrets_.user},
            {"password", secrets_.password}};
    } else {
        const auto redirected = sign_in();
        if (!redirected)
            return redirected.error();
        const auto code = code_of(*redirected);
        if (!code)
            return code.error();
        form = {
            {"grant_type", "authorization_code"},
            {"code", *code},
            {"redirect_uri", demands_.redirect},
            {"code_verifier", verifier_}};
    }
    const auto tokens = exchange(std::move(form));
    if (!tokens)
        return tokens.error();
    const auto claims = claims_of(*tokens);
    return claims ? judge(*claims) : claims.error();
}

} // namespace

CheckAnswer check_sso(
    const SmokeCheck& check, const SsoSecrets& secrets, Time now, const std::stop_token& stop
) {
    if (!check.sso)
        return {RunOutcome::not_started, 0, "the check does not say who signs in"};
    return Login(check, secrets, now, stop).run();
}

} // namespace slipway::runner
