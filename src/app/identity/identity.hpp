// SPDX-License-Identifier: Apache-2.0
// Who somebody is: local accounts with passwords, sessions, API tokens, and the set-up of the first
// administrator. A bearer secret is 256 random bits as text ("slps_" a session, "slpt_" an API
// token, "slpp_" a one-time code to set a password); only its SHA-256 is stored. A wrong password,
// an unknown person, an inactive one and a locked one get the same answer after the same work.
// Nothing here decides what a person may do: that is domain/identity/roles.hpp. All functions may
// be called from any thread. Errors besides those named: unavailable and internal of the store.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/actor.hpp"
#include "app/identity/bearer_cache.hpp"
#include "app/identity/passwords.hpp"
#include "app/identity/rate_limit.hpp"
#include "app/ports/store.hpp"
#include "base/clock.hpp"
#include "base/codec.hpp"
#include "base/random.hpp"

namespace slipway::app {

struct LoginRequest {
    TenantId tenant; // empty: the installation's own
    PersonId person;
    std::string password;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("tenant", self.tenant, optional("the tenant; by default the installation's own"));
        visit("person", self.person, required("the person's id"));
        visit("password", self.password, required("the password", limits::password_max));
    }
};

// A secret that was just made; shown once.
struct SecretShown {
    std::string id; // "ses-...", "tok-..." or "cod-..."
    std::string secret;
    TenantId tenant;
    PersonId person;
    Time expires_at{};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("id", self.id, required("its public name"));
        visit("secret", self.secret, required("the bearer secret; shown this once"));
        visit("tenant", self.tenant, required("the tenant"));
        visit("person", self.person, required("whom it speaks for"));
        visit("expires_at", self.expires_at, required("when it ends"));
    }
};

struct TokenRequest {
    std::string label;
    std::vector<domain::Permission> scopes;
    Span expires_in{};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("label", self.label, required("what the token is for"));
        visit("scopes", self.scopes, required("the permissions it may use", 20));
        visit("expires_in", self.expires_in, required("its life, at most 366d"));
    }
};

// A session or token as lists show it: without its secret.
struct BearerShown {
    std::string id;
    std::string kind;
    PersonId person;
    std::string label;
    std::vector<std::string> scopes;
    Time created_at{};
    Time expires_at{};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("id", self.id, required("its public name"));
        visit("kind", self.kind, required("session or token"));
        visit("person", self.person, required("whom it speaks for"));
        visit("label", self.label);
        visit("scopes", self.scopes);
        visit("created_at", self.created_at, required("when it was made"));
        visit("expires_at", self.expires_at, required("when it ends"));
    }
};

struct PasswordChange {
    std::string old_password;
    std::string new_password;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("old_password", self.old_password, required("the one in use", limits::password_max));
        visit("new_password", self.new_password, required("the new one", limits::password_max));
    }
};

struct PasswordFromCode {
    std::string code;
    std::string password;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("code", self.code, required("the one-time code"));
        visit("password", self.password, required("the new password", limits::password_max));
    }
};

struct SetupRequest {
    std::string code;
    PersonId person;
    std::string name;
    std::string email;
    std::string password;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("code", self.code, required("the code that the server printed at its start"));
        visit("person", self.person, required("the administrator's id"));
        visit("name", self.name, required("the administrator's name"));
        visit("email", self.email, optional("mail address", limits::name_max));
        visit("password", self.password, required("the password", limits::password_max));
    }
};

class Identity {
  public:
    struct Parts {
        Store& store;
        const Clock& clock;
        Random& random;
        TenantId home_tenant; // of a stand-alone installation
        // Writes a record of the register "person" through the door.
        std::function<Result<void>(const Actor&, const PersonId&, const Json& document)> put_person;
        PasswordCost cost = {};
    };

    explicit Identity(Parts parts);

    // Errors: unauthenticated; limit_exceeded with retry_after_ms, per person and per address.
    Result<SecretShown> login(const LoginRequest& request, std::string_view address);
    // Ends the session or token that this secret is, by which the actor came.
    Result<void> logout(const Actor& actor, std::string_view secret);
    // Whom a session or token speaks for. Errors: unauthenticated.
    Result<Actor> authenticate(std::string_view secret);

    // Errors: forbidden for a scope the person does not have or when a token asks.
    Result<SecretShown> create_token(const Actor& actor, const TokenRequest& request);
    // Sessions and tokens that have not ended. Another person's need audit_read or people_manage;
    // a token without these sees itself only.
    Result<std::vector<BearerShown>> list_tokens(const Actor& actor, const PersonId& person);
    // Another person's needs people_manage, as does any but itself for a token. Errors: not_found.
    Result<void> revoke_token(const Actor& actor, const PersonId& person, const std::string& token);

    // Ends every session of the person but this one. Errors: unauthenticated for the old password.
    Result<void>
    change_password(const Actor& actor, const PasswordChange& change, std::string_view address);
    // Needs people_manage. With a password, sets it and ends all sessions and tokens; without one,
    // gives a code as give_code() does.
    Result<std::optional<SecretShown>> set_password(
        const Actor& actor, const PersonId& person, const std::optional<std::string>& password
    );
    // A code that redeem_code() takes once within limits::password_code_life; it ends those that
    // were given before. Whoever calls this has made sure that the actor may and that there is such
    // a person.
    Result<SecretShown> give_code(const Actor& actor, const PersonId& person);
    Result<void> redeem_code(const PasswordFromCode& request, std::string_view address);

    // While no administrator was set up: a new code, to be printed by the server and nowhere else.
    Result<std::optional<std::string>> begin_setup();
    // Errors: forbidden when the code is wrong or set-up is over; limit_exceeded.
    Result<void> setup_administrator(const SetupRequest& request, std::string_view address);

    // A person's record has changed: what is remembered of him is forgotten.
    void forget(const TenantId& tenant, const PersonId& person) { cache_.forget(tenant, person); }

  private:
    struct Account;

    std::string new_secret(std::string_view prefix);
    std::string new_id(std::string_view prefix);
    Result<void> limit_logins(std::string_view who, std::string_view address);
    Result<Account> account(const TenantId& tenant, const PersonId& person);
    Result<bool> check_account(const Account& account, std::string_view password);
    Result<void> count_failure(const Credential& tried);
    Result<Actor> look_up(const Digest& digest, Time now);
    Result<Bearer> keep_bearer(
        const TenantId& tenant, const PersonId& person, std::string_view kind,
        const std::string& secret, Span life
    );
    Result<void> end_bearer(const Actor& actor, const Bearer& bearer);
    Result<void> store_password(
        const Actor& actor, const PersonId& person, std::string_view password,
        const std::function<bool(const Bearer&)>& ends, Commit commit
    );

    Parts parts_;
    Passwords passwords_;
    RateLimit per_person_;
    RateLimit per_address_;
    BearerCache cache_;
    std::mutex failures_; // a failure is read, counted and written by one thread at a time
    std::mutex setup_;
};

} // namespace slipway::app
