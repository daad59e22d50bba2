// SPDX-License-Identifier: Apache-2.0
// Signing in, over the wire and against app::Identity itself.
#include <thread>

#include "server_fixture.hpp"

namespace slipway::test {

namespace {

using SigningIn = ServerTest;

std::string login_body(std::string_view person, std::string_view password) {
    return fmt::format(R"({{"person":"{}","password":"{}"}})", person, password);
}

std::string secret_of(const Reply& reply) {
    return std::string(text_or_empty(*parse_json(reply.body), "secret"));
}

TEST_F(SigningIn, wrong_unknown_and_inactive_look_the_same) {
    add_person("ada", "engineer");
    store.streams[{TenantId("main"), "person", "gone"}] = {
        {TenantId("main"), "person", "gone"}, 1, R"({"name":"x","inactive":true})"};
    auto c = client();
    const auto wrong = c->request("POST", "/api/v1/login", login_body("ada", "not it at all"));
    EXPECT_EQ(wrong.status, 401);
    for (const auto* person : {"nobody", "gone"})
        EXPECT_EQ(
            c->request("POST", "/api/v1/login", login_body(person, good_password)).body, wrong.body
        );
    EXPECT_EQ(
        c->request(
             "POST", "/api/v1/login",
             R"({"tenant":"other","person":"ada","password":"harbour light 42"})"
        )
            .body,
        wrong.body
    );
}

TEST_F(SigningIn, session_in_body_and_cookie) {
    add_person("ada", "engineer");
    auto c = client();
    const auto reply = c->request("POST", "/api/v1/login", login_body("ada", good_password));
    ASSERT_EQ(reply.status, 201) << reply.body;
    const auto secret = secret_of(reply);
    EXPECT_TRUE(secret.starts_with("slps_"));
    EXPECT_EQ(
        reply.headers.at("set-cookie"),
        "slipway_session=" + secret + "; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict"
    );
    EXPECT_EQ(
        c->request(
             "POST", "/api/v1/login", login_body("ada", good_password),
             "Origin: http://evil.example\r\n"
        )
            .status,
        403
    );
    c->bearer = secret;
    const auto me = c->request("GET", "/api/v1/me");
    EXPECT_NE(me.body.find(R"("person":"ada","roles":["engineer"])"), std::string::npos) << me.body;
    EXPECT_EQ(c->request("POST", "/api/v1/logout").status, 204);
    EXPECT_EQ(c->request("GET", "/api/v1/me").status, 401); // at once, in spite of the cache
}

TEST_F(SigningIn, sessions_end_after_twelve_hours) {
    const auto secret = session("engineer");
    clock.advance(limits::session_life - std::chrono::seconds(1));
    EXPECT_TRUE(identity.authenticate(secret).has_value());
    clock.advance(std::chrono::seconds(1));
    EXPECT_FALSE(identity.authenticate(secret).has_value());
}

TEST_F(SigningIn, ten_failures_lock_for_a_quarter_of_an_hour) {
    add_person("ada", "engineer");
    const auto try_password = [&](std::string_view password) {
        return identity.login({{}, PersonId("ada"), std::string(password)}, "192.0.2.1")
            .has_value();
    };
    for (int i = 0; i < limits::login_failures_max - 1; ++i)
        EXPECT_FALSE(try_password("wrong wrong wrong"));
    EXPECT_TRUE(try_password(good_password)); // a success forgives
    for (int i = 0; i < limits::login_failures_max; ++i) {
        clock.advance(std::chrono::seconds(5));
        EXPECT_FALSE(try_password("wrong wrong wrong"));
    }
    EXPECT_FALSE(try_password(good_password));
    EXPECT_EQ(store.ledger.back().type, "login_locked");
    EXPECT_EQ(store.ledger.back().key.kind, "person_access");
    EXPECT_EQ(store.ledger.back().leaf, domain::leaf_hash(store.ledger.back().body));
    clock.advance(limits::login_lock);
    EXPECT_TRUE(try_password(good_password));
}

TEST_F(SigningIn, too_many_attempts_are_429) {
    auto c = client();
    Reply last;
    for (int i = 0; i < 30 && last.status != 429; ++i)
        last = c->request("POST", "/api/v1/login", login_body("nobody", "wrong wrong"));
    EXPECT_EQ(last.status, 429);
    EXPECT_EQ(last.headers.at("retry-after"), "5");
}

TEST_F(SigningIn, tokens) {
    auto c = client("engineer");
    const auto make = [&](std::string_view scopes, std::string_view life) {
        return c->request(
            "POST", "/api/v1/tokens",
            fmt::format(R"({{"label":"ci","scopes":[{}],"expires_in":"{}"}})", scopes, life)
        );
    };
    EXPECT_EQ(make("\"change_approve\"", "1d").status, 403);
    EXPECT_EQ(make("\"everything\"", "1d").status, 400);
    EXPECT_EQ(make("", "1d").status, 400);
    EXPECT_EQ(make("\"change_read\"", "367d").status, 400);
    EXPECT_EQ(make("\"change_read\"", "1s").status, 400);
    const auto made = make("\"change_read\"", "30d");
    ASSERT_EQ(made.status, 201) << made.body;
    const auto id = std::string(text_or_empty(*parse_json(made.body), "id"));
    auto t = client();
    t->bearer = secret_of(made);
    EXPECT_TRUE(t->bearer.starts_with("slpt_"));
    EXPECT_EQ(t->request("GET", "/api/v1/changes").status, 200);
    EXPECT_EQ(t->request("POST", "/api/v1/changes", R"({"title":"x"})").status, 403);
    EXPECT_EQ(
        t->request(
             "POST", "/api/v1/tokens", R"({"label":"x","scopes":["change_read"],"expires_in":"1d"})"
        )
            .status,
        403
    );
    const auto list = c->request("GET", "/api/v1/tokens");
    EXPECT_NE(list.body.find(id), std::string::npos);
    EXPECT_EQ(list.body.find("slp"), std::string::npos);
    EXPECT_EQ(c->request("GET", "/api/v1/tokens?person=other").status, 403);
    EXPECT_EQ(c->request("DELETE", "/api/v1/tokens/tok-none").status, 404);
    EXPECT_EQ(c->request("DELETE", "/api/v1/tokens/" + id).status, 204);
    EXPECT_EQ(t->request("GET", "/api/v1/changes").status, 401);
    EXPECT_EQ(store.ledger.back().type, "token_revoked");
    for (const auto& event : store.ledger) {
        EXPECT_EQ(event.body.find("slpt_"), std::string::npos);
        EXPECT_EQ(event.body.find(sha256(t->bearer).hex()), std::string::npos);
    }
}

TEST_F(SigningIn, roles_that_change_count_at_once) {
    auto c = client("engineer");
    EXPECT_EQ(c->request("POST", "/api/v1/changes", R"({"title":"x"})").status, 201);
    auto admin = client("administrator");
    EXPECT_EQ(
        admin
            ->request("PUT", "/api/v1/people/person-engineer", R"({"name":"E","roles":["viewer"]})")
            .status,
        200
    );
    EXPECT_EQ(c->request("POST", "/api/v1/changes", R"({"title":"x"})").status, 403);
    EXPECT_EQ(
        admin->request("PUT", "/api/v1/people/person-engineer", R"({"name":"E","inactive":true})")
            .status,
        200
    );
    EXPECT_EQ(c->request("GET", "/api/v1/changes").status, 401);
}

TEST_F(SigningIn, passwords_that_are_refused) {
    for (const auto* bad :
         {"short", "elevenchars", "Password1234", "aaaaaaaaaaaaaaaa", "my-ada-lovelace-1"})
        EXPECT_FALSE(app::check_password("password", bad, "ada-lovelace").has_value()) << bad;
    EXPECT_FALSE(app::check_password("password", std::string(201, 'x') + "abcd", "a").has_value());
    EXPECT_FALSE(app::check_password("password", "not \xff utf-8 text", "a").has_value());
    EXPECT_TRUE(app::check_password("password", good_password, "ada").has_value());
}

TEST_F(SigningIn, changing_a_password_ends_other_sessions) {
    auto c = client("engineer");
    const auto other = session("engineer");
    EXPECT_EQ(
        c->request(
             "POST", "/api/v1/me/password",
             R"({"old_password":"wrong wrong 1","new_password":"another light 77"})"
        )
            .status,
        401
    );
    EXPECT_EQ(
        c->request(
             "POST", "/api/v1/me/password",
             R"({"old_password":"harbour light 42","new_password":"another light 77"})"
        )
            .status,
        204
    );
    EXPECT_EQ(c->request("GET", "/api/v1/me").status, 200);
    c->bearer = other;
    EXPECT_EQ(c->request("GET", "/api/v1/me").status, 401);
}

TEST_F(SigningIn, one_time_code_for_a_password) {
    add_person("ada", "engineer");
    auto admin = client("administrator");
    EXPECT_EQ(client("engineer")->request("POST", "/api/v1/people/ada/password", "{}").status, 403);
    const auto given = admin->request("POST", "/api/v1/people/ada/password", "{}");
    ASSERT_EQ(given.status, 201) << given.body;
    const auto code = secret_of(given);
    EXPECT_FALSE(identity.authenticate(code).has_value());
    auto c = client();
    const auto redeem = fmt::format(R"({{"code":"{}","password":"fresh harbour 9"}})", code);
    EXPECT_EQ(c->request("POST", "/api/v1/password", redeem).status, 204);
    const auto again = c->request("POST", "/api/v1/password", redeem);
    EXPECT_EQ(again.status, 401);
    EXPECT_NE(
        again.body.find("Ask an administrator for a new one: slipway password set ID"),
        std::string::npos
    ) << again.body;
    EXPECT_EQ(
        c->request("POST", "/api/v1/login", login_body("ada", "fresh harbour 9")).status, 201
    );
}

TEST_F(SigningIn, what_has_ended_does_not_count_towards_the_limit) {
    add_person("ada", "engineer");
    const auto fill = [&](Time expires_at) {
        for (std::size_t i = 0; i < limits::bearers_per_person_max; ++i) {
            app::Bearer bearer;
            bearer.digest = sha256(fmt::format("{} {}", i, to_text(expires_at)));
            bearer.tenant = TenantId("main");
            bearer.person = PersonId("ada");
            bearer.kind = "token";
            bearer.expires_at = expires_at;
            store.bearers[bearer.digest] = bearer;
        }
    };
    fill(clock.now());
    auto c = client();
    EXPECT_EQ(c->request("POST", "/api/v1/login", login_body("ada", good_password)).status, 201);
    fill(clock.now() + std::chrono::hours(1));
    const auto full = c->request("POST", "/api/v1/login", login_body("ada", good_password));
    EXPECT_EQ(full.status, 413);
    EXPECT_NE(full.body.find(R"("field":"person")"), std::string::npos) << full.body;
    EXPECT_NE(full.body.find("which is the limit"), std::string::npos) << full.body;
    const app::Actor admin{
        TenantId("main"), PersonId("root"), {domain::Role::administrator}, {}, "session s"};
    EXPECT_TRUE(identity.set_password(admin, PersonId("ada"), {})) << "the way back is a code";
}

TEST_F(SigningIn, a_reset_is_not_undone_by_a_login_that_began_before_it) {
    add_person("ada", "engineer");
    const auto key = std::pair(TenantId("main"), PersonId("ada"));
    const auto reset = [&] {
        const std::lock_guard lock(store.mutex);
        store.credentials[key].password_hash = *app::Passwords({1, 8192}).hash("fresh harbour 9");
    };
    const auto old_password = app::LoginRequest{{}, PersonId("ada"), std::string(good_password)};
    EXPECT_FALSE(identity.login({{}, PersonId("ada"), "wrong wrong 1"}, "192.0.2.1"));
    store.before_commit = reset;
    EXPECT_FALSE(identity.login(old_password, "192.0.2.1").has_value());
    EXPECT_FALSE(identity.login(old_password, "192.0.2.1").has_value());
    EXPECT_TRUE(identity.login({{}, PersonId("ada"), "fresh harbour 9"}, "192.0.2.1").has_value());
}

TEST_F(SigningIn, a_reset_is_not_undone_by_a_failure_that_began_before_it) {
    add_person("ada", "engineer");
    store.before_commit = [&] {
        const std::lock_guard lock(store.mutex);
        store.credentials[{TenantId("main"), PersonId("ada")}].password_hash =
            *app::Passwords({1, 8192}).hash("fresh harbour 9");
    };
    EXPECT_FALSE(identity.login({{}, PersonId("ada"), "wrong wrong 1"}, "192.0.2.1"));
    EXPECT_TRUE(identity.login({{}, PersonId("ada"), "fresh harbour 9"}, "192.0.2.1").has_value());
}

TEST_F(SigningIn, a_password_that_is_set_meanwhile_ends_the_session_of_the_old_one) {
    add_person("ada", "engineer");
    std::string late;
    store.before_commit = [&] {
        late =
            identity.login({{}, PersonId("ada"), std::string(good_password)}, "192.0.2.1")->secret;
    };
    const app::Actor admin{
        TenantId("main"), PersonId("root"), {domain::Role::administrator}, {}, "session s"};
    ASSERT_TRUE(identity.set_password(admin, PersonId("ada"), "fresh harbour 9").has_value());
    ASSERT_FALSE(late.empty());
    EXPECT_FALSE(identity.authenticate(late).has_value());
}

TEST_F(SigningIn, of_two_redemptions_of_a_code_one_succeeds) {
    add_person("ada", "engineer");
    const app::Actor admin{
        TenantId("main"), PersonId("root"), {domain::Role::administrator}, {}, "session s"};
    const auto code = (*identity.set_password(admin, PersonId("ada"), {}))->secret;
    store.before_commit = [&] {
        EXPECT_TRUE(identity.redeem_code({code, "fresh harbour 9"}, "192.0.2.1").has_value());
    };
    const auto second = identity.redeem_code({code, "other harbour 9"}, "192.0.2.1");
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().code, ErrorCode::unauthenticated);
    EXPECT_TRUE(identity.login({{}, PersonId("ada"), "fresh harbour 9"}, "192.0.2.1").has_value());
}

TEST_F(SigningIn, a_new_code_ends_those_before_it) {
    add_person("ada", "engineer");
    const app::Actor admin{
        TenantId("main"), PersonId("root"), {domain::Role::administrator}, {}, "session s"};
    const auto give = [&] { return (*identity.set_password(admin, PersonId("ada"), {}))->secret; };
    const auto redeems = [&](const std::string& code) {
        return identity.redeem_code({code, "fresh harbour 9"}, "192.0.2.1").has_value();
    };
    const auto first = give();
    std::string meanwhile;
    store.before_commit = [&] { meanwhile = give(); };
    const auto last = give();
    EXPECT_FALSE(redeems(first));
    EXPECT_FALSE(redeems(meanwhile)) << "two at the same moment";
    EXPECT_TRUE(redeems(last));
}

TEST_F(SigningIn, a_wrong_password_says_what_helps) {
    auto c = client();
    const auto reply = c->request("POST", "/api/v1/login", login_body("nobody", "wrong wrong 1"));
    EXPECT_EQ(reply.status, 401);
    EXPECT_NE(reply.body.find("asks an administrator for a one-time code"), std::string::npos)
        << reply.body;
}

TEST_F(SigningIn, a_token_sees_and_ends_itself_only) {
    auto c = client("engineer");
    const auto made = c->request(
        "POST", "/api/v1/tokens", R"({"label":"ci","scopes":["change_read"],"expires_in":"1d"})"
    );
    const auto id = std::string(text_or_empty(*parse_json(made.body), "id"));
    const auto all = *parse_json(c->request("GET", "/api/v1/tokens").body);
    ASSERT_EQ(all.at("items").as_array().size(), 2);
    auto t = client();
    t->bearer = secret_of(made);
    const auto seen = *parse_json(t->request("GET", "/api/v1/tokens").body);
    ASSERT_EQ(seen.at("items").as_array().size(), 1);
    EXPECT_EQ(text_or_empty(seen.at("items").at(0), "id"), id);
    for (const auto& item : all.at("items").as_array()) {
        const std::string other(text_or_empty(item, "id"));
        if (other != id) {
            EXPECT_EQ(t->request("DELETE", "/api/v1/tokens/" + other).status, 403);
        }
    }
    EXPECT_EQ(c->request("GET", "/api/v1/me").status, 200);
    EXPECT_EQ(t->request("DELETE", "/api/v1/tokens/" + id).status, 204);
    EXPECT_EQ(t->request("GET", "/api/v1/tokens").status, 401);
}

TEST_F(SigningIn, a_token_that_logs_out_is_on_the_record) {
    auto c = client("engineer");
    const auto made = c->request(
        "POST", "/api/v1/tokens", R"({"label":"ci","scopes":["change_read"],"expires_in":"1d"})"
    );
    c->bearer = secret_of(made);
    EXPECT_EQ(c->request("POST", "/api/v1/logout").status, 204);
    EXPECT_EQ(c->request("GET", "/api/v1/me").status, 401);
    EXPECT_EQ(store.ledger.back().type, "token_revoked");
}

TEST_F(SigningIn, a_flood_of_passwords_is_refused_at_once) {
    // Each hash takes long enough that those behind it wait.
    app::Passwords passwords({40, 32 * 1024 * 1024});
    std::atomic<int> hashed{0};
    std::atomic<int> refused{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 24; ++i)
        threads.emplace_back([&] {
            const auto done = passwords.hash(good_password);
            ++(done ? hashed : refused);
            if (!done) {
                EXPECT_EQ(done.error().code, ErrorCode::unavailable);
                EXPECT_GT(done.error().retry_after_ms, 0);
            }
        });
    for (auto& thread : threads)
        thread.join();
    EXPECT_GE(hashed, limits::password_hashes_at_once);
    EXPECT_GT(refused, 0);
}

TEST_F(SigningIn, who_floods_from_one_address_leaves_the_person_his_attempts) {
    add_person("ada", "engineer");
    for (int i = 0; i < 200; ++i)
        (void
        )identity.login({{}, PersonId(fmt::format("p{}", i)), "wrong wrong 1"}, "2001:db8:1:2::7");
    const app::LoginRequest ada{{}, PersonId("ada"), std::string(good_password)};
    for (int i = 0; i < 50; ++i)
        EXPECT_FALSE(identity.login(ada, fmt::format("2001:db8:1:2::{:x}", i + 8)).has_value());
    EXPECT_TRUE(identity.login(ada, "2001:db8:1:3::1").has_value());
}

TEST_F(SigningIn, an_address_counts_with_its_network) {
    EXPECT_EQ(app::network_of("192.0.2.7"), "192.0.2.7");
    EXPECT_EQ(app::network_of("::ffff:192.0.2.7"), "192.0.2.7");
    EXPECT_EQ(app::network_of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
    EXPECT_EQ(app::network_of("fe80::1%eth0"), "fe80::/64");
    EXPECT_EQ(app::network_of(""), "");
}

TEST_F(SigningIn, the_first_administrator) {
    const auto code = **identity.begin_setup();
    auto c = client();
    const auto body = [&](std::string_view with) {
        return fmt::format(
            R"({{"code":"{}","person":"root-admin","name":"A","password":"harbour light 42"}})",
            with
        );
    };
    EXPECT_EQ(c->request("POST", "/api/v1/setup", body("wrong")).status, 403);
    EXPECT_EQ(c->request("POST", "/api/v1/setup", body(code)).status, 204);
    EXPECT_EQ(c->request("POST", "/api/v1/setup", body(code)).status, 403);
    EXPECT_FALSE(identity.begin_setup()->has_value());
    const auto login = c->request("POST", "/api/v1/login", login_body("root-admin", good_password));
    ASSERT_EQ(login.status, 201) << login.body;
    c->bearer = secret_of(login);
    EXPECT_NE(c->request("GET", "/api/v1/me").body.find("people_manage"), std::string::npos);
}

} // namespace

} // namespace slipway::test
