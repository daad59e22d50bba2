// SPDX-License-Identifier: Apache-2.0
#include "store/identity.hpp"

namespace slipway::store {

namespace {

constexpr std::string_view bearer_columns =
    "digest, tenant, person, id, kind, scopes, label, created_at, expires_at";
constexpr std::size_t bearer_column_count = 9;

Digest digest_of(const std::string& hex) {
    const auto digest = digest_from_hex(hex);
    if (!digest)
        throw DatabaseError(ErrorCode::internal, "a stored digest is damaged: " + hex, false);
    return *digest;
}

app::Bearer bearer_of(const Row& row) {
    app::Bearer bearer;
    bearer.digest = digest_of(row.text(0));
    bearer.tenant = TenantId(row.text(1));
    bearer.person = PersonId(row.text(2));
    bearer.id = row.text(3);
    bearer.kind = row.text(4);
    if (auto scopes = slipway::restore<std::vector<std::string>>(row.text(5)))
        bearer.scopes = *std::move(scopes);
    else
        throw DatabaseError(ErrorCode::internal, "the scopes of a bearer are damaged", false);
    bearer.label = row.text(6);
    bearer.created_at = row.time(7);
    bearer.expires_at = row.time(8);
    return bearer;
}

} // namespace

void put_bearer(Connection& db, const app::Bearer& bearer) {
    db.run(
        "insert into bearer (digest, tenant, person, id, kind, scopes, label, created_at, "
        "expires_at) values (:digest, :tenant, :person, :id, :kind, :scopes, :label, :created_at, "
        ":expires_at) on conflict (digest) do update set scopes = excluded.scopes, "
        "label = excluded.label, expires_at = excluded.expires_at",
        {bearer.digest.hex(), bearer.tenant.value, bearer.person.value, bearer.id, bearer.kind,
         encode(bearer.scopes), bearer.label, bearer.created_at, bearer.expires_at}
    );
}

std::optional<app::Bearer> find_bearer(Connection& db, const Digest& digest) {
    std::optional<app::Bearer> found;
    db.query(
        "select " + std::string(bearer_columns) + " from bearer where digest = :digest",
        {digest.hex()}, bearer_column_count, [&](const Row& row) { found = bearer_of(row); }
    );
    return found;
}

std::vector<app::Bearer>
list_bearers(Connection& db, const TenantId& tenant, const PersonId& person) {
    std::vector<app::Bearer> bearers;
    db.query(
        "select " + std::string(bearer_columns) +
            " from bearer where tenant = :tenant and person = :person order by created_at, id",
        {tenant.value, person.value}, bearer_column_count,
        [&](const Row& row) { bearers.push_back(bearer_of(row)); }
    );
    return bearers;
}

void write_credential(Connection& db, const app::Credential& credential) {
    db.run(
        "insert into credential (tenant, person, password_hash, failures, locked_until) values "
        "(:tenant, :person, :password_hash, :failures, :locked_until) "
        "on conflict (tenant, person) do update set password_hash = excluded.password_hash, "
        "failures = excluded.failures, locked_until = excluded.locked_until",
        {credential.tenant.value, credential.person.value, credential.password_hash,
         credential.failures, credential.locked_until}
    );
}

std::optional<app::Credential>
find_credential(Connection& db, const TenantId& tenant, const PersonId& person) {
    std::optional<app::Credential> found;
    db.query(
        "select password_hash, failures, locked_until from credential "
        "where tenant = :tenant and person = :person",
        {tenant.value, person.value}, 3,
        [&](const Row& row) {
            found = app::Credential{
                tenant, person, row.text(0), static_cast<int>(row.number(1)), row.optional_time(2)};
        }
    );
    return found;
}

void put_answer(Connection& db, const app::KeptAnswer& answer) {
    db.run(
        "insert into answer (tenant, person, name, request, status, body, etag, at) values "
        "(:tenant, :person, :name, :request, :status, :body, :etag, :at)",
        {answer.tenant.value, answer.person.value, answer.key, answer.request.hex(), answer.status,
         answer.body, answer.etag, answer.at}
    );
}

std::optional<app::KeptAnswer> find_answer(
    Connection& db, const TenantId& tenant, const PersonId& person, const std::string& key
) {
    std::optional<app::KeptAnswer> found;
    db.query(
        "select request, status, body, etag, at from answer "
        "where tenant = :tenant and person = :person and name = :name",
        {tenant.value, person.value, key}, 5,
        [&](const Row& row) {
            found = app::KeptAnswer{tenant,
                                    person,
                                    key,
                                    digest_of(row.text(0)),
                                    static_cast<int>(row.number(1)),
                                    row.text(2),
                                    row.text(3),
                                    row.time(4)};
        }
    );
    return found;
}

void sweep_identity(Connection& db, Time now, Time answers_before) {
    db.run("delete from bearer where expires_at <= :now", {now});
    db.run("delete from answer where at < :before", {answers_before});
}

} // namespace slipway::store
