// SPDX-License-Identifier: Apache-2.0
#include "domain/identity/roles.hpp"

#include "cli/commands.hpp"

namespace slipway::cli {

namespace {

Result<ExitCode> create(Context& context, const Arguments& arguments) {
    JsonArray scopes;
    for (const auto& scope : arguments.all("scope"))
        scopes.emplace_back(scope);
    HttpRequest request;
    request.method = "POST";
    request.path = "/api/v1/tokens";
    // Not sent again when the connection is lost: a second token would be left behind.
    request.body = to_text(Json(JsonObject{
        {"label", arguments.text("label")},
        {"scopes", std::move(scopes)},
        {"expires_in", arguments.text("expires_in", "90d")}}));
    const auto answer = TRY(TRY(context.client()).send(request));
    const auto json = TRY(json_of(answer));
    if (context.json)
        context.print_json(answer.body);
    // Only the secret on standard output, so that it can go straight into a file.
    context.print(clean(text_or_empty(json, "secret")) + "\n");
    return ExitCode::ok;
}

Result<ExitCode> revoke(Context& context, const Arguments& arguments) {
    HttpRequest request;
    request.method = "DELETE";
    request.path = fmt::format(
        "/api/v1/tokens/{}{}", url_encoded(arguments.text("id")), query_of(arguments, {"person"})
    );
    TRY(TRY(context.client()).send(request));
    context.say(fmt::format("{} revoked\n", clean(arguments.text("id"))));
    return ExitCode::ok;
}

} // namespace

void add_token_commands(Commands& commands) {
    Option label = valued("label", "TEXT", "what the token is for");
    Option scope = valued("scope", "NAME", "a permission it may use");
    label.required = scope.required = scope.repeated = true;
    for (const auto name : enum_names(domain::Permission{}))
        scope.choices.emplace_back(name);
    commands.push_back(
        {{"token", "create"},
         "Make an API token; prints its secret, this once",
         {label, scope, valued("expires_in", "SPAN", "its life, at most 366d; 90d by default")},
         create,
         "slipway token create --label ci --scope change_read > token"}
    );
    commands.push_back(
        {{"token", "list"},
         "Sessions and tokens, without secrets",
         {valued("person", "ID", "another person's")},
         [](Context& context, const Arguments& arguments) {
             return show_list(
                 context, arguments, "/api/v1/tokens", query_of(arguments, {"person"}),
                 {{"ID", "id"},
                  {"KIND", "kind"},
                  {"PERSON", "person"},
                  {"LABEL", "label"},
                  {"EXPIRES", "expires_at"},
                  {"SCOPES", "scopes"}}
             );
         },
         "slipway token list"}
    );
    commands.push_back(
        {{"token", "revoke"},
         "End a session or token at once",
         {positional("id", "its public name, such as tok-..."),
          valued("person", "ID", "another person's")},
         revoke,
         "slipway token revoke tok-7kq2"}
    );
}

} // namespace slipway::cli
