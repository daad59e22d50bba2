// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include "cli/commands.hpp"

namespace slipway::cli {

namespace {

// From the next line of standard input when the flag asks for it, else from the terminal without
// echo. Never from the command line, where everybody on the machine could read it.
Result<std::string> secret_of(
    const Context& context, const Arguments& arguments, std::string_view prompt,
    const std::string& from_input = "password_stdin"
) {
    if (!arguments.has(from_input)) {
        if (!context.around.read_password)
            return fail(ErrorCode::unavailable, "there is no terminal; use --" + from_input);
        return context.around.read_password(prompt);
    }
    std::string line;
    std::getline(context.around.in, line);
    if (line.ends_with('\r'))
        line.pop_back();
    if (line.size() > limits::password_max || line.empty())
        return fail_field(from_input, fmt::format("expected 1 to {} bytes", limits::password_max));
    return line;
}

// Typed without echo, so it is asked for twice: nobody sees a slip of the finger, and the first
// administrator could not be helped by another.
Result<std::string> new_password_of(const Context& context, const Arguments& arguments) {
    auto fresh = TRY(secret_of(context, arguments, "New password: "));
    if (!arguments.has("password_stdin"))
        if (TRY(secret_of(context, arguments, "New password again: ")) != fresh)
            return fail_field("password", "the two are not the same; nothing was sent");
    return fresh;
}

Option password_stdin() {
    return flag("password_stdin", "read the password from the first line of the input");
}

Option code_stdin() {
    return flag("code_stdin", "read the code from the first line of the input");
}

void warn_of_plain_http(const Context& context, const std::string& server) {
    if (server.starts_with("http://") && !is_this_machine(server) && !context.quiet)
        context.around.err << "slipway: warning: " << server
                           << " is not encrypted; the password can be read on the way\n";
}

Result<HttpAnswer>
post(const Client& client, std::string path, const JsonObject& body, bool repeatable = false) {
    HttpRequest request;
    request.method = "POST";
    request.path = std::move(path);
    if (!body.empty())
        request.body = to_text(Json(body));
    request.repeatable = repeatable;
    return client.send(request);
}

Result<ExitCode> login(Context& context, const Arguments& arguments) {
    const auto client = TRY(context.open_client());
    std::string person = arguments.text("person", context.environment("USER"));
    if (person.empty())
        return fail_option("person", "is required: the id you sign in with");
    warn_of_plain_http(context, client.server());
    JsonObject body{{"person", person}};
    if (arguments.has("tenant"))
        body["tenant"] = arguments.text("tenant");
    body["password"] =
        TRY(secret_of(context, arguments, fmt::format("Password of {}: ", clean(person))));
    const auto json = TRY(json_of(TRY(post(client, "/api/v1/login", body, true))));
    Session session;
    session.server = client.server();
    session.tenant = TenantId(std::string(text_or_empty(json, "tenant")));
    session.person = PersonId(std::string(text_or_empty(json, "person")));
    session.token = text_or_empty(json, "secret");
    if (const auto until = time_from_text(text_or_empty(json, "expires_at")))
        session.expires_at = *until;
    if (session.token.empty())
        return fail(ErrorCode::internal, client.server() + " gave no session");
    const auto place = session_place(context);
    TRY(write_session(place, session));
    // The secret stays in the file; a log of a pipeline is no place for it.
    if (context.json)
        context.print_json(to_text(Json(JsonObject{
            {"server", session.server},
            {"tenant", session.tenant.value},
            {"person", session.person.value},
            {"expires_at", std::string(text_or_empty(json, "expires_at"))}})));
    context.say(fmt::format(
        "signed in at {} as {} until {}\n", session.server, clean(session.person.value),
        clean(zoned_time(text_or_empty(json, "expires_at")))
    ));
    return ExitCode::ok;
}

Result<ExitCode> logout(Context& context, const Arguments&) {
    const auto place = session_place(context);
    const auto session = TRY(read_session(place));
    if (!session) {
        context.say("not signed in\n");
        return ExitCode::ok;
    }
    const Client client(session->server, session->token, "slipway/" + context.local.version);
    const auto ended = post(client, "/api/v1/logout", {}, true);
    // The file goes in any case: a session that only the server still knows runs out by itself.
    TRY(remove_session(place));
    if (!ended && ended.error().code != ErrorCode::unauthenticated)
        return tl::unexpected(ended.error());
    context.say(fmt::format("signed out at {}\n", session->server));
    return ExitCode::ok;
}

Result<ExitCode> change_password(Context& context, const Arguments& arguments) {
    const auto client = TRY(context.client());
    const auto old = TRY(secret_of(context, arguments, "Password now: "));
    const auto fresh = TRY(new_password_of(context, arguments));
    TRY(post(client, "/api/v1/me/password", {{"old_password", old}, {"new_password", fresh}}));
    context.say("password changed; your other sessions have ended\n");
    return ExitCode::ok;
}

Result<ExitCode> set_password(Context& context, const Arguments& arguments) {
    const auto client = TRY(context.client());
    const auto path =
        fmt::format("/api/v1/people/{}/password", url_encoded(arguments.text("person")));
    JsonObject body;
    if (arguments.has("password_stdin"))
        body["password"] = TRY(secret_of(context, arguments, ""));
    const auto answer = TRY(post(client, path, body));
    const auto json = TRY(json_of(answer));
    if (context.json && !answer.body.empty())
        context.print_json(answer.body);
    if (json.is_null())
        context.say("password set\n");
    else
        show_code(context, json, client.server());
    return ExitCode::ok;
}

// For `password redeem` and `setup`: a code that the server gave, and the first password.
Result<ExitCode>
redeem(Context& context, const Arguments& arguments, std::string path, JsonObject body) {
    const auto client = TRY(context.open_client());
    warn_of_plain_http(context, client.server());
    body["code"] = TRY(secret_of(context, arguments, "Code: ", "code_stdin"));
    body["password"] = TRY(new_password_of(context, arguments));
    TRY(post(client, std::move(path), body));
    const auto person = arguments.text("person", "ID");
    context.say(fmt::format("done; sign in with slipway login --person {}\n", clean(person)));
    return ExitCode::ok;
}

Option needed(Option option) {
    option.required = true;
    return option;
}

void add_passwords(Commands& commands) {
    commands.push_back(
        {{"password", "change"},
         "Change your password; with --password_stdin two lines: the old and the new one",
         {password_stdin()},
         change_password,
         "slipway password change"}
    );
    commands.push_back(
        {{"password", "set"},
         "Give a person a one-time code for a new password, or set the password",
         {positional("person", "the person's id"), password_stdin()},
         set_password,
         "slipway password set anna"}
    );
    commands.push_back(
        {{"password", "redeem"},
         "Set your first password with a one-time code",
         {code_stdin(), password_stdin()},
         [](Context& context, const Arguments& arguments) {
             return redeem(context, arguments, "/api/v1/password", {});
         },
         "slipway password redeem"}
    );
    commands.push_back(
        {{"setup"},
         "Make the first administrator, with the code the server printed",
         {needed(valued("person", "ID", "the administrator's id")),
          needed(valued("name", "TEXT", "the administrator's name")),
          valued("email", "TEXT", "mail address"), code_stdin(), password_stdin()},
         [](Context& context, const Arguments& arguments) {
             JsonObject body;
             for (const auto* name : {"person", "name", "email"})
                 if (arguments.has(name))
                     body[name] = arguments.text(name);
             return redeem(context, arguments, "/api/v1/setup", std::move(body));
         },
         "slipway setup --person anna --name \"Anna Berg\""}
    );
}

} // namespace

void show_code(const Context& context, const Json& code, const std::string& server) {
    context.print(fmt::format("{}\n", clean(text_or_empty(code, "secret"))));
    if (context.json || context.quiet)
        return;
    context.around.err << fmt::format(
        "the code holds once, until {}; those given before it have ended\n{} types it when asked "
        "by\n  slipway password redeem{}{}\n",
        clean(local_time(text_or_empty(code, "expires_at"))), clean(text_or_empty(code, "person")),
        server.empty() ? "" : " --server ", server
    );
}

void add_login_commands(Commands& commands) {
    commands.push_back(
        {{"login"},
         "Sign in and keep the session for the commands that follow",
         {valued("person", "ID", "who you are; your user name by default"),
          valued("tenant", "ID", "the tenant; the installation's own by default"),
          password_stdin()},
         login,
         "slipway login --server https://slipway.example.org --person anna"}
    );
    commands.push_back({{"logout"}, "End the stored session", {}, logout, "slipway logout"});
    commands.push_back(
        {{"whoami"},
         "Who you are and what you may do",
         {},
         [](Context& context, const Arguments&) { return show_document(context, "/api/v1/me"); },
         "slipway whoami"}
    );
    add_passwords(commands);
}

} // namespace slipway::cli
