// SPDX-License-Identifier: Apache-2.0
#include "base/schema.hpp"
#include "http/answers.hpp"
#include "http/authentication.hpp"
#include "http/resources.hpp"

namespace slipway::http {

namespace {

using domain::Permission;

struct PasswordSetting {
    std::optional<std::string> password;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit(
            "password", self.password,
            optional("the new password; without it a one-time code is given", limits::password_max)
        );
    }
};

struct Me {
    TenantId tenant;
    PersonId person;
    std::vector<domain::Role> roles;
    std::vector<domain::Permission> permissions;
    std::string via;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("tenant", self.tenant, required("the tenant"));
        visit("person", self.person, required("who you are"));
        visit("roles", self.roles);
        visit("permissions", self.permissions);
        visit("via", self.via, required("the session or token"));
    }
};

Response no_content() {
    return Response{204, ""};
}

std::string cookie(const Request& request, std::string_view secret) {
    const auto age =
        secret.empty() ? std::chrono::seconds(0) : std::chrono::seconds(limits::session_life);
    return fmt::format(
        "{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict{}", session_cookie, secret,
        age.count(), request.secure ? "; Secure" : ""
    );
}

Result<Response> login(const Services& services, Call& call) {
    TRY(require_own_page(call.request));
    const auto request = TRY(decode<app::LoginRequest>(call.body));
    const auto session = TRY(services.identity.login(request, call.request.address));
    Response response = json_answer(encode_answer(session), 201);
    response.with("Set-Cookie", cookie(call.request, session.secret));
    return response;
}

Result<Response> logout(const Services& services, Call& call) {
    TRY(services.identity.logout(call.actor, presented_secret(call.request)));
    Response response = no_content();
    response.with("Set-Cookie", cookie(call.request, ""));
    return response;
}

Result<Response> me(Call& call) {
    Me out{call.actor.tenant, call.actor.person, call.actor.roles, {}, call.actor.via};
    for (std::size_t i = 0; i < enum_names(Permission{}).size(); ++i)
        if (call.actor.may(static_cast<Permission>(i)))
            out.permissions.push_back(static_cast<Permission>(i));
    return json_answer(encode_answer(out));
}

Result<Response> list_tokens(const Services& services, Call& call) {
    const PersonId person(std::string(call.query("person").value_or(call.actor.person.value)));
    std::string items;
    for (const auto& bearer : TRY(services.identity.list_tokens(call.actor, person))) {
        items += items.empty() ? "" : ",";
        codec::write<codec::Form::answer>(items, bearer);
    }
    return list_answer(items, "");
}

Result<Response> set_password(const Services& services, Call& call) {
    const auto request = TRY(decode<PasswordSetting>(call.body));
    const auto code =
        TRY(services.identity.set_password(call.actor, PersonId(call.id()), request.password));
    return code ? json_answer(encode_answer(*code), 201) : no_content();
}

Route base_route(Method method, std::string path, std::string operation, std::string summary) {
    Route route;
    route.method = method;
    route.path = std::move(path);
    route.operation_id = std::move(operation);
    route.summary = std::move(summary);
    route.tag = "identity";
    route.access = Access::signed_in;
    return route;
}

template <class Document>
Route post(std::string path, std::string operation, std::string summary, Handler handler) {
    Route route =
        base_route(Method::post, std::move(path), std::move(operation), std::move(summary));
    route.body = Body::json;
    route.body_limit = limits::request_body_max;
    route.request_schema = schema_of<Document>();
    route.handler = std::move(handler);
    return route;
}

void open_to_all(Route& route) {
    route.access = Access::open;
    route.body_limit = limits::open_body_max;
}

void add_sessions(Routes& routes, Services& services) {
    routes.push_back(post<app::LoginRequest>(
        "/api/v1/login", "login", "Signs in with a password; also sets the session cookie.",
        [&](Call& call) -> Result<Response> { return login(services, call); }
    ));
    open_to_all(routes.back());
    routes.back().success = 201;
    routes.back().response_schema = schema_of<app::SecretShown>();
    routes.push_back(base_route(
        Method::post, "/api/v1/logout", "logout", "Ends the session or token that is used."
    ));
    routes.back().success = 204;
    routes.back().handler = [&](Call& call) -> Result<Response> { return logout(services, call); };
    routes.push_back(
        base_route(Method::get, "/api/v1/me", "show_me", "Who you are and what you may do.")
    );
    routes.back().response_schema = schema_of<Me>();
    routes.back().handler = me;
}

void add_passwords(Routes& routes, Services& services) {
    routes.push_back(post<app::PasswordChange>(
        "/api/v1/me/password", "change_password", "Changes your password; ends other sessions.",
        [&](Call& call) -> Result<Response> {
            const auto request = TRY(decode<app::PasswordChange>(call.body));
            TRY(services.identity.change_password(call.actor, request, call.request.address));
            return no_content();
        }
    ));
    routes.back().success = 204;
    routes.push_back(post<PasswordSetting>(
        "/api/v1/people/{id}/password", "set_password",
        "Sets a person's password (204), or gives a one-time code for it (201).",
        [&](Call& call) -> Result<Response> { return set_password(services, call); }
    ));
    routes.back().access = Access::permission;
    routes.back().permission = Permission::people_manage;
    routes.back().success = 201;
    routes.back().other_successes = {204};
    routes.back().response_schema = schema_of<app::SecretShown>();
    routes.push_back(post<app::PasswordFromCode>(
        "/api/v1/password", "redeem_password_code", "Sets the first password with a one-time code.",
        [&](Call& call) -> Result<Response> {
            const auto request = TRY(decode<app::PasswordFromCode>(call.body));
            TRY(services.identity.redeem_code(request, call.request.address));
            return no_content();
        }
    ));
    open_to_all(routes.back());
    routes.back().success = 204;
    routes.push_back(post<app::SetupRequest>(
        "/api/v1/setup", "set_up", "Makes the first administrator, with the printed code.",
        [&](Call& call) -> Result<Response> {
            const auto request = TRY(decode<app::SetupRequest>(call.body));
            TRY(services.identity.setup_administrator(request, call.request.address));
            return no_content();
        }
    ));
    open_to_all(routes.back());
    routes.back().success = 204;
}

void add_tokens(Routes& routes, Services& services) {
    routes.push_back(post<app::TokenRequest>(
        "/api/v1/tokens", "create_token", "Makes an API token; its secret is shown this once.",
        [&](Call& call) -> Result<Response> {
            const auto request = TRY(decode_plain<app::TokenRequest>(call.body));
            const auto token = TRY(services.identity.create_token(call.actor, request));
            return json_answer(encode_answer(token), 201);
        }
    ));
    routes.back().success = 201;
    routes.back().response_schema = schema_of<app::SecretShown>();
    routes.push_back(base_route(
        Method::get, "/api/v1/tokens", "list_tokens", "Sessions and tokens, without secrets."
    ));
    routes.back().query = {{"person", "another person's, with audit_read or people_manage"}};
    routes.back().response_schema = list_schema_of(schema_of<app::BearerShown>());
    routes.back().handler = [&](Call& call) -> Result<Response> {
        return list_tokens(services, call);
    };
    routes.push_back(base_route(
        Method::remove, "/api/v1/tokens/{id}", "revoke_token", "Ends a session or token at once."
    ));
    routes.back().query = {{"person", "another person's, with people_manage"}};
    routes.back().success = 204;
    routes.back().handler = [&](Call& call) -> Result<Response> {
        const PersonId person(std::string(call.query("person").value_or(call.actor.person.value)));
        TRY(services.identity.revoke_token(call.actor, person, call.id()));
        return no_content();
    };
}

} // namespace

void add_identity(Routes& routes, Services& services) {
    add_sessions(routes, services);
    add_passwords(routes, services);
    add_tokens(routes, services);
}

} // namespace slipway::http
