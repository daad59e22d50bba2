// SPDX-License-Identifier: Apache-2.0
// People in the registers: somebody stays who administers and can sign in.
#include <algorithm>

#include "app/door_inside.hpp"

namespace slipway::app {

namespace {

// A password is never taken away, so whoever has one when we look has one when we commit. Who was
// only given a code has none: the code may be lost.
Result<Administers> standing_of(
    Store& store, const TenantId& tenant, const PersonId& id, const domain::PersonRecord& person
) {
    if (!domain::administers(person))
        return Administers::no;
    const auto credential = TRY(store.find_credential(tenant, id));
    return credential && !credential->password_hash.empty() ? Administers::signs_in
                                                            : Administers::without_password;
}

// `without` is another administrator who has no password, or empty.
tl::unexpected<Error> refuse_last(const std::string& leaving, const std::string& without) {
    if (without.empty()) {
        const auto message = fmt::format("{} is the last active administrator", leaving);
        return fail_blocked(
            message,
            {{"last-administrator", "roles", message,
              "nobody else has the role administrator and is active",
              "Make another first: slipway person put ID --name NAME --roles administrator, then "
              "slipway password set ID, and he types slipway password redeem"}}
        );
    }
    const auto message =
        fmt::format("{} is the last active administrator who can sign in", leaving);
    return fail_blocked(
        message, {{"last-administrator", "roles", message,
                   fmt::format("{} is an administrator and has never had a password", without),
                   fmt::format(
                       "Let {0} have one first: slipway password set {0}, and {0} types slipway "
                       "password redeem",
                       without
                   )}}
    );
}

} // namespace

Result<Administers> Door::Inside::administering(
    const TenantId& tenant, const std::string& id, const std::string* document
) const {
    if (document == nullptr)
        return Administers::no;
    const auto person = TRY(restore<domain::PersonRecord>(std::string_view(*document)));
    return standing_of(parts.store, tenant, PersonId(id), person);
}

Result<RecordsHeld> Door::Inside::keep_an_administrator(
    const TenantId& tenant, const std::map<std::string, PersonPut>& people
) {
    std::string leaving;
    auto needed = Administers::no;
    auto stays = Administers::no;
    for (const auto& [id, person] : people) {
        stays = std::max(stays, person.after);
        if (person.before > person.after && person.before > needed) {
            needed = person.before;
            leaving = id;
        }
    }
    if (stays >= needed)
        return RecordsHeld{};
    records.forget(tenant);
    const auto registered = TRY(records.of(tenant));
    std::string without;
    for (const auto& [id, person] : registered->people) {
        if (people.contains(id.value))
            continue;
        const auto standing = TRY(standing_of(parts.store, tenant, id, person));
        if (standing >= needed)
            return RecordsHeld{registered->ledger_size, {{tenant, "person", {}}}};
        if (standing == Administers::without_password)
            without = id.value;
    }
    // Who takes the role in the same commit, and has no password.
    for (const auto& [id, person] : people)
        if (person.after == Administers::without_password)
            without = id;
    return refuse_last(leaving, without);
}

} // namespace slipway::app
