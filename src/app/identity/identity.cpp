// SPDX-License-Identifier: Apache-2.0
#include "app/identity/identity.hpp"

#include <algorithm>

#include <sodium.h>

#include "app/identity/access_events.hpp"
#include "app/unreadable.hpp"

namespace slipway::app {

namespace {

constexpr std::string_view setup_setting = "setup_code_digest";
constexpr std::string_view setup_over = "over";

// What of a person's record decides whether and as what he signs in.
struct SignInView {
    std::vector<domain::Role> roles;
    bool inactive = false;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("roles", self.roles);
        visit("inactive", self.inactive);
    }
};

// What helps is not to sign in: that is what was tried.
tl::unexpected<Error>
not_accepted(std::string message, std::string_view rule, std::string_view field, std::string mend) {
    Error error{ErrorCode::unauthenticated, std::move(message)};
    error.reasons.push_back(
        {std::string(rule),
         std::string(field),
         fmt::format("this {} is not accepted", field),
         {},
         std::move(mend)}
    );
    return tl::unexpected(std::move(error));
}

tl::unexpected<Error> refused() {
    return not_accepted(
        "the tenant, person or password is wrong, or the account is locked for a quarter of an "
        "hour after too many failures",
        "password", "password",
        "Try it again; whoever has lost his password asks an administrator for a one-time code: "
        "slipway password set ID"
    );
}

tl::unexpected<Error> unusable_code() {
    return not_accepted(
        "the code is wrong, was used, has ended, or a newer one was given", "one-time-code", "code",
        "Ask an administrator for a new one: slipway password set ID"
    );
}

tl::unexpected<Error> not_signed_in() {
    return fail(ErrorCode::unauthenticated, "the session or token is not valid or has ended");
}

bool same_bytes(std::string_view a, std::string_view b) {
    return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

BearerShown shown(const Bearer& bearer) {
    return {bearer.id,     bearer.kind,       bearer.person,    bearer.label,
            bearer.scopes, bearer.created_at, bearer.expires_at};
}

// Whether it is this session or token by which the actor came.
bool speaks_through(const Actor& actor, const Bearer& bearer) {
    return actor.via == bearer.kind + " " + bearer.id;
}

PasswordHeld held(const Credential& credential) {
    return {credential.tenant, credential.person, credential.password_hash};
}

std::string token_event(const Bearer& bearer) {
    JsonObject data;
    data["token"] = bearer.id;
    data["label"] = bearer.label;
    data["scopes"] = JsonArray(bearer.scopes.begin(), bearer.scopes.end());
    data["expires_at"] = to_text(bearer.expires_at);
    return to_text(Json(std::move(data)));
}

} // namespace

struct Identity::Account {
    TenantId tenant;
    PersonId person;
    bool known = false; // there is such a person and he is active
    std::vector<domain::Role> roles = {};
    std::optional<Credential> credential = {};
};

Identity::Identity(Parts parts)
    : parts_(std::move(parts)), passwords_(parts_.cost),
      per_person_(limits::logins_burst_per_person, limits::logins_per_second_per_person),
      per_address_(limits::logins_burst_per_address, limits::logins_per_second_per_address) {}

std::string Identity::new_secret(std::string_view prefix) {
    return std::string(prefix) + to_hex(parts_.random.bytes(32));
}

std::string Identity::new_id(std::string_view prefix) {
    return std::string(prefix) + to_hex(parts_.random.bytes(8));
}

Result<void> Identity::limit_logins(std::string_view who, std::string_view address) {
    const Time now = parts_.clock.now();
    // The person is asked only after the address: who floods from one place must not use up what
    // the person himself may try from another.
    Span wait = per_address_.take(network_of(address), now);
    if (wait == Span::zero())
        wait = per_person_.take(who, now);
    if (wait == Span::zero())
        return {};
    Error error{ErrorCode::limit_exceeded, "too many attempts to sign in; wait a little"};
    error.retry_after_ms = wait.count();
    return tl::unexpected(std::move(error));
}

Result<Identity::Account> Identity::account(const TenantId& tenant, const PersonId& person) {
    Account account{tenant, person};
    const auto stream = parts_.store.load({tenant, "person", person.value});
    if (!stream && stream.error().code != ErrorCode::not_found)
        return tl::unexpected(stream.error());
    if (stream && !stream->removed) {
        auto record = restore<SignInView>(stream->state);
        if (!record)
            return unreadable_state(stream->key, record.error());
        account.known = !record->inactive;
        account.roles = std::move(record->roles);
    }
    // Read in any case: an unknown person must cost what a known one does.
    account.credential = TRY(parts_.store.find_credential(tenant, person));
    return account;
}

Result<bool> Identity::check_account(const Account& account, std::string_view password) {
    const auto& credential = account.credential;
    const bool locked =
        credential && credential->locked_until && parts_.clock.now() < *credential->locked_until;
    const bool usable = account.known && credential && !credential->password_hash.empty();
    const bool right = TRY(passwords_.verify(usable ? credential->password_hash : "", password));
    if (!right && usable && !locked)
        TRY(count_failure(*credential));
    return right && !locked;
}

Result<void> Identity::count_failure(const Credential& tried) {
    const std::lock_guard lock(failures_);
    auto credential = TRY(parts_.store.find_credential(tried.tenant, tried.person));
    if (!credential || credential->password_hash != tried.password_hash)
        return {}; // it was another password that was tried
    const Time now = parts_.clock.now();
    if (credential->locked_until && now >= *credential->locked_until) {
        credential->locked_until.reset();
        credential->failures = 0;
    }
    credential->failures += 1;
    const bool locks =
        credential->failures >= limits::login_failures_max && !credential->locked_until;
    if (locks)
        credential->locked_until = now + limits::login_lock;
    Commit commit;
    commit.put_credentials.push_back(*credential);
    commit.password_held = held(*credential);
    Result<void> done;
    if (locks) {
        JsonObject data;
        data["failures"] = credential->failures;
        data["locked_until"] = to_text(*credential->locked_until);
        const Actor actor{tried.tenant, tried.person, {}, {}, "login"};
        done = commit_access_event(
            parts_.store, now, actor, tried.person, "login_locked", to_text(Json(std::move(data))),
            std::move(commit)
        );
    } else if (const auto receipt = parts_.store.commit(std::move(commit)); !receipt) {
        done = tl::unexpected(receipt.error());
    }
    // The password was changed meanwhile: then it was another one that was tried.
    return !done && done.error().code == ErrorCode::conflict ? Result<void>{} : done;
}

Result<Bearer> Identity::keep_bearer(
    const TenantId& tenant, const PersonId& person, std::string_view kind,
    const std::string& secret, Span life
) {
    const Time now = parts_.clock.now();
    const auto existing = TRY(parts_.store.list_bearers(tenant, person));
    // Those that have ended may stand there until they are swept away; they count no more.
    const auto alive = std::count_if(existing.begin(), existing.end(), [&](const Bearer& bearer) {
        return now < bearer.expires_at;
    });
    // A code takes the place of those before it, and whoever is let in again by one has no other
    // way.
    if (kind != "code" && static_cast<std::size_t>(alive) >= limits::bearers_per_person_max) {
        const auto message = fmt::format(
            "has {} sessions, tokens and codes, which is the limit; revoke some", alive
        );
        Error error{ErrorCode::limit_exceeded, "person: " + message};
        error.fields.push_back({"person", message});
        return tl::unexpected(std::move(error));
    }
    Bearer bearer;
    bearer.digest = sha256(secret);
    bearer.tenant = tenant;
    bearer.person = person;
    bearer.id = new_id(kind == "session" ? "ses-" : kind == "token" ? "tok-" : "cod-");
    bearer.kind = kind;
    bearer.created_at = now;
    bearer.expires_at = now + life;
    return bearer;
}

Result<SecretShown> Identity::login(const LoginRequest& request, std::string_view address) {
    const TenantId tenant = request.tenant.empty() ? parts_.home_tenant : request.tenant;
    TRY(limit_logins(tenant.value + "/" + request.person.value, address));
    const auto who = TRY(account(tenant, request.person));
    if (!TRY(check_account(who, request.password)))
        return refused();
    const std::string secret = new_secret("slps_");
    const Bearer bearer =
        TRY(keep_bearer(tenant, request.person, "session", secret, limits::session_life));
    Commit commit;
    commit.put_bearers.push_back(bearer);
    // A password that is changed at this moment gives no session any more.
    commit.password_held = held(*who.credential);
    if (who.credential->failures != 0 || who.credential->locked_until) {
        Credential credential = *who.credential;
        credential.failures = 0;
        credential.locked_until.reset();
        commit.put_credentials.push_back(std::move(credential));
    }
    const auto kept = parts_.store.commit(std::move(commit));
    if (!kept && kept.error().code == ErrorCode::conflict)
        return refused();
    if (!kept)
        return tl::unexpected(kept.error());
    return SecretShown{bearer.id, secret, tenant, request.person, bearer.expires_at};
}

// The end of a session is no more on the record than its beginning; that of a token is.
Result<void> Identity::logout(const Actor& actor, std::string_view secret) {
    const Digest digest = sha256(secret);
    const auto bearer = TRY(parts_.store.find_bearer(digest));
    if (bearer && bearer->kind == "token")
        return end_bearer(actor, *bearer);
    Commit commit;
    commit.drop_bearers.push_back(digest);
    TRY(parts_.store.commit(std::move(commit)));
    cache_.forget(digest);
    return {};
}

Result<void> Identity::end_bearer(const Actor& actor, const Bearer& bearer) {
    Commit commit;
    commit.drop_bearers.push_back(bearer.digest);
    TRY(commit_access_event(
        parts_.store, parts_.clock.now(), actor, bearer.person,
        bearer.kind == "token" ? "token_revoked" : "session_ended", token_event(bearer),
        std::move(commit)
    ));
    cache_.forget(bearer.digest);
    return {};
}

Result<Actor> Identity::authenticate(std::string_view secret) {
    if (secret.size() != 5 + 64 || !(secret.starts_with("slps_") || secret.starts_with("slpt_")))
        return not_signed_in();
    const Digest digest = sha256(secret);
    const Time now = parts_.clock.now();
    if (auto actor = cache_.find(digest, now))
        return *std::move(actor);
    return look_up(digest, now);
}

Result<Actor> Identity::look_up(const Digest& digest, Time now) {
    const auto generation = cache_.generation();
    const auto bearer = TRY(parts_.store.find_bearer(digest));
    if (!bearer || now >= bearer->expires_at ||
        (bearer->kind != "session" && bearer->kind != "token"))
        return not_signed_in();
    auto who = TRY(account(bearer->tenant, bearer->person));
    if (!who.known)
        return not_signed_in();
    Actor actor{bearer->tenant, bearer->person, std::move(who.roles), {}, {}};
    actor.via = bearer->kind + " " + bearer->id;
    if (bearer->kind == "token") {
        auto& scopes = actor.scopes.emplace();
        for (const auto& name : bearer->scopes)
            if (const auto scope = from_text<domain::Permission>(name))
                scopes.push_back(*scope);
    }
    const Time until = std::min<Time>(now + limits::bearer_cache_life, bearer->expires_at);
    cache_.put(digest, actor, until, generation);
    return actor;
}

Result<SecretShown> Identity::create_token(const Actor& actor, const TokenRequest& request) {
    if (actor.scopes)
        return fail(
            ErrorCode::forbidden, "a token cannot make tokens; sign in with a password first"
        );
    if (request.scopes.empty())
        return fail_field("scopes", "name at least one permission");
    for (const auto scope : request.scopes)
        if (!actor.may(scope))
            return fail(
                ErrorCode::forbidden,
                fmt::format("scopes: you do not have the permission {} yourself", to_text(scope))
            );
    if (request.expires_in < std::chrono::minutes(1) || request.expires_in > limits::token_life_max)
        return fail_field("expires_in", "expected one minute to 366 days");
    const std::string secret = new_secret("slpt_");
    Bearer bearer =
        TRY(keep_bearer(actor.tenant, actor.person, "token", secret, request.expires_in));
    bearer.label = request.label;
    for (const auto scope : request.scopes)
        bearer.scopes.emplace_back(to_text(scope));
    Commit commit;
    commit.put_bearers.push_back(bearer);
    TRY(commit_access_event(
        parts_.store, bearer.created_at, actor, actor.person, "token_created", token_event(bearer),
        std::move(commit)
    ));
    return SecretShown{bearer.id, secret, actor.tenant, actor.person, bearer.expires_at};
}

Result<std::vector<BearerShown>> Identity::list_tokens(const Actor& actor, const PersonId& person) {
    const bool any =
        actor.may(domain::Permission::people_manage) || actor.may(domain::Permission::audit_read);
    if (person != actor.person && !any)
        TRY(require_permission(actor, domain::Permission::audit_read));
    const Time now = parts_.clock.now();
    std::vector<BearerShown> out;
    for (const auto& bearer : TRY(parts_.store.list_bearers(actor.tenant, person)))
        if (now < bearer.expires_at && (any || !actor.scopes || speaks_through(actor, bearer)))
            out.push_back(shown(bearer));
    return out;
}

Result<void>
Identity::revoke_token(const Actor& actor, const PersonId& person, const std::string& token) {
    if (person != actor.person)
        TRY(require_permission(actor, domain::Permission::people_manage));
    for (const auto& bearer : TRY(parts_.store.list_bearers(actor.tenant, person))) {
        if (bearer.id != token)
            continue;
        // A token narrows what its person may do; it must not end the others that speak for him.
        if (actor.scopes && !speaks_through(actor, bearer))
            TRY(require_permission(actor, domain::Permission::people_manage));
        return end_bearer(actor, bearer);
    }
    return fail(ErrorCode::not_found, "there is no such token of this person");
}

// `commit` brings what the new password depends on. A session that a login with the old one made
// while we hashed is ended afterwards: once the new password stands, no more can come.
Result<void> Identity::store_password(
    const Actor& actor, const PersonId& person, std::string_view password,
    const std::function<bool(const Bearer&)>& ends, Commit commit
) {
    Credential credential;
    credential.tenant = actor.tenant;
    credential.person = person;
    credential.password_hash = TRY(passwords_.hash(password));
    commit.put_credentials.push_back(std::move(credential));
    for (const auto& bearer : TRY(parts_.store.list_bearers(actor.tenant, person)))
        if (ends(bearer))
            commit.drop_bearers.push_back(bearer.digest);
    JsonObject data;
    data["ended"] = commit.drop_bearers.size();
    TRY(commit_access_event(
        parts_.store, parts_.clock.now(), actor, person, "password_changed",
        to_text(Json(std::move(data))), std::move(commit)
    ));
    Commit late;
    for (const auto& bearer : TRY(parts_.store.list_bearers(actor.tenant, person)))
        if (ends(bearer))
            late.drop_bearers.push_back(bearer.digest);
    if (!late.drop_bearers.empty())
        TRY(parts_.store.commit(std::move(late)));
    cache_.forget(actor.tenant, person);
    return {};
}

Result<void> Identity::change_password(
    const Actor& actor, const PasswordChange& change, std::string_view address
) {
    if (actor.scopes)
        return fail(ErrorCode::forbidden, "a token cannot change a password; sign in first");
    TRY(limit_logins(actor.tenant.value + "/" + actor.person.value, address));
    const auto who = TRY(account(actor.tenant, actor.person));
    if (!TRY(check_account(who, change.old_password)))
        return refused();
    TRY(check_password("new_password", change.new_password, actor.person.value));
    Commit commit;
    commit.password_held = held(*who.credential);
    const auto ends = [&](const Bearer& bearer) {
        return bearer.kind != "token" && !speaks_through(actor, bearer);
    };
    auto done = store_password(actor, actor.person, change.new_password, ends, std::move(commit));
    if (!done && done.error().code == ErrorCode::conflict)
        return refused(); // another password was set meanwhile
    return done;
}

Result<std::optional<SecretShown>> Identity::set_password(
    const Actor& actor, const PersonId& person, const std::optional<std::string>& password
) {
    TRY(require_permission(actor, domain::Permission::people_manage));
    if (!TRY(account(actor.tenant, person)).known)
        return fail(ErrorCode::not_found, "there is no such active person");
    if (password) {
        TRY(check_password("password", *password, person.value));
        TRY(store_password(actor, person, *password, [](const Bearer&) { return true; }, {}));
        return std::optional<SecretShown>{};
    }
    return std::optional(TRY(give_code(actor, person)));
}

Result<SecretShown> Identity::give_code(const Actor& actor, const PersonId& person) {
    const std::string secret = new_secret("slpp_");
    const Bearer bearer =
        TRY(keep_bearer(actor.tenant, person, "code", secret, limits::password_code_life));
    JsonObject data;
    data["code"] = bearer.id;
    data["expires_at"] = to_text(bearer.expires_at);
    const std::function<Result<Commit>()> instead_of_others = [&]() -> Result<Commit> {
        Commit commit;
        commit.put_bearers.push_back(bearer);
        for (const auto& other : TRY(parts_.store.list_bearers(actor.tenant, person)))
            if (other.kind == "code")
                commit.drop_bearers.push_back(other.digest);
        return commit;
    };
    TRY(commit_access_event(
        parts_.store, bearer.created_at, actor, person, "password_code_given",
        to_text(Json(std::move(data))), instead_of_others
    ));
    return SecretShown{bearer.id, secret, actor.tenant, person, bearer.expires_at};
}

Result<void> Identity::redeem_code(const PasswordFromCode& request, std::string_view address) {
    TRY(limit_logins(fmt::format("code {}", network_of(address)), address));
    const auto bearer = TRY(parts_.store.find_bearer(sha256(request.code)));
    if (!bearer || bearer->kind != "code" || parts_.clock.now() >= bearer->expires_at)
        return unusable_code();
    TRY(check_password("password", request.password, bearer->person.value));
    const Actor actor{bearer->tenant, bearer->person, {}, {}, "code " + bearer->id};
    const auto ends = [](const Bearer& other) { return other.kind != "token"; };
    Commit commit;
    commit.bearer_held = bearer->digest; // of two at the same time, one finds it gone
    auto done = store_password(actor, bearer->person, request.password, ends, std::move(commit));
    if (!done && done.error().code == ErrorCode::conflict)
        return unusable_code();
    return done;
}

Result<std::optional<std::string>> Identity::begin_setup() {
    const auto kept = TRY(parts_.store.setting(std::string(setup_setting)));
    if (kept == setup_over)
        return std::optional<std::string>{};
    const std::string code = readable_token(parts_.random, 20);
    TRY(parts_.store.put_setting(std::string(setup_setting), sha256(code).hex()));
    return std::optional(code);
}

Result<void> Identity::setup_administrator(const SetupRequest& request, std::string_view address) {
    TRY(limit_logins(fmt::format("setup {}", network_of(address)), address));
    const std::lock_guard lock(setup_);
    const auto kept = TRY(parts_.store.setting(std::string(setup_setting)));
    if (!kept || *kept == setup_over || !same_bytes(*kept, sha256(request.code).hex()))
        return fail(ErrorCode::forbidden, "the set-up code is wrong, or the set-up is over");
    TRY(check_password("password", request.password, request.person.value));
    const Actor actor{
        parts_.home_tenant, request.person, {domain::Role::administrator}, {}, "setup"};
    JsonObject document;
    document["name"] = request.name;
    if (!request.email.empty())
        document["email"] = request.email;
    document["roles"] = JsonArray{"administrator"};
    TRY(parts_.put_person(actor, request.person, std::move(document)));
    const auto ends = [](const Bearer&) { return true; };
    TRY(store_password(actor, request.person, request.password, ends, {}));
    return parts_.store.put_setting(std::string(setup_setting), std::string(setup_over));
}

} // namespace slipway::app
