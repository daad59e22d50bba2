// SPDX-License-Identifier: Apache-2.0
// Against OpenID providers in processes of their own: one that people run (Django with
// django-oauth-toolkit), and one of ours, which does wrong what a real one does not.
#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.hpp"
#include "runner/check.hpp"
#include "runner/loopback_server.hpp"
#include "runner/oidc_provider.hpp"
#include "runner/smoke_runner.hpp"

namespace slipway::runner {
namespace {

using namespace std::chrono_literals;
using domain::RunOutcome;
using domain::SmokeCheck;
using domain::SsoGrant;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const SsoSecrets good{OidcProvider::client_secret, OidcProvider::user, OidcProvider::password};

SmokeCheck login_at(const std::string& issuer, SsoGrant grant = SsoGrant::code) {
    SmokeCheck check;
    check.name = "login";
    check.kind = domain::SmokeKind::sso;
    check.url = issuer;
    check.timeout = 30s;
    check.sso = domain::SsoDemands{"harbor-site", "", "", "env:U", "env:P", grant, ""};
    if (grant == SsoGrant::code)
        check.sso->redirect = OidcProvider::redirect;
    return check;
}

CheckAnswer sign_in(const SmokeCheck& check, const SsoSecrets& secrets = good) {
    return check_sso(check, secrets, SystemClock{}.now(), {});
}

TEST(SsoCheck, a_provider_that_does_something_wrong_is_found_out) {
    const struct {
        const char* fault;
        RunOutcome outcome;
        const char* message;
    } rows[] = {
        {"configuration", RunOutcome::unexpected_output, "calls itself \"https://elsewhere"},
        {"script", RunOutcome::failed, "no login form that can be filled in without a script"},
        {"foreign-form", RunOutcome::failed, "goes to http://127.0.0.2:9/collect"},
        {"consent", RunOutcome::failed, "after the login the provider shows a page"},
        {"loop", RunOutcome::failed, "not over after 10 redirects and forms"},
        {"state", RunOutcome::failed, "another state"},
        {"mix-up", RunOutcome::failed, "comes from the issuer \"https://elsewhere"},
        {"denied", RunOutcome::failed, "\"access_denied\" \"not on this device\""},
        {"no-code", RunOutcome::failed, "no code"},
        {"no-token", RunOutcome::unexpected_output, "no ID token"},
        {"garbage", RunOutcome::unexpected_output, "three parts"},
        {"none", RunOutcome::unexpected_output, "signed with \"none\", expected RS256"},
        {"hs256", RunOutcome::unexpected_output, "signed with \"HS256\", expected RS256"},
        {"unknown-key", RunOutcome::unexpected_output, "no RSA key \"key-9\""},
        {"signature", RunOutcome::unexpected_output, "signature is not by a key"},
        {"tampered", RunOutcome::unexpected_output, "signature is not by a key"},
        {"issuer", RunOutcome::unexpected_output, "its issuer is \"https://elsewhere"},
        {"audience", RunOutcome::unexpected_output, "not for this client (aud)"},
        {"party", RunOutcome::unexpected_output, "for another client (azp)"},
        {"nonce", RunOutcome::unexpected_output, "not for this login (nonce)"},
        {"expired", RunOutcome::unexpected_output, "it ended at "},
        {"future", RunOutcome::unexpected_output, "ahead of this machine's clock"},
        {"subject", RunOutcome::unexpected_output, "who signed in (sub)"},
    };

    for (const auto& row : rows) {
        const OidcProvider provider(row.fault);
        const auto told = sign_in(login_at(provider.issuer()));
        EXPECT_EQ(told.outcome, row.outcome) << row.fault << ": " << told.message;
        EXPECT_THAT(told.message, HasSubstr(row.message)) << row.fault;
    }
}

class SsoLogin : public testing::Test {
  protected:
    OidcProvider provider;
};

// At any provider.
void expect_refusals(const std::string& issuer) {
    auto wrong = good;
    wrong.password = "guess";
    EXPECT_THAT(
        sign_in(login_at(issuer), wrong).message, HasSubstr("does not accept user and password")
    );
    wrong = good;
    wrong.client_secret = "guess";
    EXPECT_THAT(sign_in(login_at(issuer), wrong).message, HasSubstr("\"invalid_client\""));
    auto check = login_at(issuer);
    check.sso->client = "nobody";
    EXPECT_THAT(sign_in(check).message, HasSubstr("answered 400, expected 200 or a redirect"));
    check = login_at(issuer);
    check.sso->redirect = "https://www.harbor.example/other";
    EXPECT_THAT(sign_in(check).message, HasSubstr("answered 400"));
}

TEST_F(SsoLogin, who_may_not_sign_in_does_not) {
    expect_refusals(provider.issuer());
    auto wrong = good;
    wrong.password = "guess";
    EXPECT_THAT(
        sign_in(login_at(provider.issuer(), SsoGrant::direct), wrong).message,
        HasSubstr("\"invalid_grant\"")
    );
}

TEST_F(SsoLogin, waits_no_longer_than_its_time_and_stops_when_asked) {
    const LoopbackServer silent({});
    auto check = login_at("http://" + silent.address());
    check.timeout = 200ms;
    const auto late = sign_in(check);
    EXPECT_EQ(late.outcome, RunOutcome::timed_out);
    EXPECT_THAT(late.message, HasSubstr("200ms"));
    std::stop_source stop;
    stop.request_stop();
    EXPECT_EQ(
        check_sso(login_at(provider.issuer()), good, SystemClock{}.now(), stop.get_token()).outcome,
        RunOutcome::stopped
    );
}

TEST_F(SsoLogin, signs_in_by_authorization_code_with_pkce) {
    auto check = login_at(provider.issuer());
    const auto told = sign_in(check);
    EXPECT_EQ(told.outcome, RunOutcome::passed) << told.message;
    EXPECT_EQ(told.message, "signed in by authorization code with PKCE, and the ID token is good");
    check.sso->json = ".email_verified and .sub == \"7\"";
    EXPECT_EQ(sign_in(check).outcome, RunOutcome::passed);
    check.sso->json = ".groups | index(\"staff\")";
    EXPECT_EQ(sign_in(check).outcome, RunOutcome::unexpected_output);
    check.sso->json = ".groups |";
    EXPECT_EQ(sign_in(check).outcome, RunOutcome::not_started);
    // A public client has no secret: PKCE is what binds the code to it.
    check = login_at(provider.issuer());
    check.sso->client = "public-site";
    auto open = good;
    open.client_secret.clear();
    EXPECT_EQ(sign_in(check, open).outcome, RunOutcome::passed);
}

TEST_F(SsoLogin, signs_in_by_direct_grant) {
    const auto told = sign_in(login_at(provider.issuer(), SsoGrant::direct));
    EXPECT_EQ(told.outcome, RunOutcome::passed) << told.message;
    EXPECT_THAT(told.message, HasSubstr("direct grant"));
}

TEST(SsoProvider, may_ask_for_user_and_password_one_after_the_other) {
    const OidcProvider provider("two-steps");
    const auto told = sign_in(login_at(provider.issuer()));
    EXPECT_EQ(told.outcome, RunOutcome::passed) << told.message;
}

TEST(SsoProvider, may_want_the_clients_secret_in_the_body) {
    const OidcProvider provider("post");
    EXPECT_EQ(sign_in(login_at(provider.issuer())).outcome, RunOutcome::passed);
}

TEST(SsoAtDjango, signs_in_by_authorization_code_with_pkce) {
    const auto provider = OidcProvider::django();
    auto check = login_at(provider.issuer());
    auto told = sign_in(check);
    EXPECT_EQ(told.outcome, RunOutcome::passed) << told.message;
    EXPECT_EQ(told.message, "signed in by authorization code with PKCE, and the ID token is good");
    check.sso->json = ".sub == \"1\" and .aud == \"harbor-site\"";
    told = sign_in(check);
    EXPECT_EQ(told.outcome, RunOutcome::passed) << told.message;
    check.sso->json = ".sub == \"2\"";
    EXPECT_EQ(sign_in(check).outcome, RunOutcome::unexpected_output);
    check = login_at(provider.issuer());
    check.sso->client = "public-site";
    auto open = good;
    open.client_secret.clear();
    told = sign_in(check, open);
    EXPECT_EQ(told.outcome, RunOutcome::passed) << told.message;
}

TEST(SsoAtDjango, who_may_not_sign_in_does_not) {
    const auto provider = OidcProvider::django();
    expect_refusals(provider.issuer());
    const auto check = login_at(provider.issuer() + "/");
    EXPECT_THAT(sign_in(check).message, HasSubstr("the provider calls itself"));
}

TEST_F(SsoLogin, secrets_come_by_reference_and_stand_in_no_message) {
    const SystemClock clock;
    std::map<std::string, std::string> vault{
        {"env:USER", OidcProvider::user},
        {"env:PASSWORD", "wr0ng p4ssword"},
        {"env:CLIENT", OidcProvider::client_secret}};
    const SmokeRunner runner(clock, {}, [&](std::string_view reference) -> Result<NamedSecret> {
        const auto found = vault.find(std::string(reference));
        if (found == vault.end())
            return fail(ErrorCode::unavailable, "there is no such secret");
        return NamedSecret{found->second, {found->second}};
    });
    auto check = login_at("${ISSUER}", SsoGrant::direct);
    check.sso->user = "${USER}";
    check.sso->password = "env:PASSWORD";
    check.sso->client_secret = "env:CLIENT";
    StepContext context;
    context.variables = {{"ISSUER", provider.issuer()}, {"USER", "env:USER"}};
    const auto run = [&] {
        return runner.run(check, [&] { return Result<StepContext>(context); }, {});
    };
    // This provider says the user back.
    auto result = run();
    EXPECT_EQ(result.outcome, RunOutcome::failed);
    EXPECT_THAT(
        result.message, AllOf(
                            HasSubstr("not the password of [secret]"),
                            Not(HasSubstr(OidcProvider::user)), Not(HasSubstr("p4ssword"))
                        )
    );
    vault["env:PASSWORD"] = OidcProvider::password;
    result = run();
    EXPECT_EQ(result.outcome, RunOutcome::passed) << result.message;
    vault.erase("env:USER");
    result = run();
    EXPECT_EQ(result.outcome, RunOutcome::not_started);
    EXPECT_THAT(result.message, HasSubstr("user: there is no such secret"));
}

} // namespace
} // namespace slipway::runner
