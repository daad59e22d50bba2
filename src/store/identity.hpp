// SPDX-License-Identifier: Apache-2.0
// Rows of bearers, credentials and kept answers. None of them is part of the ledger.
#pragma once

#include <optional>
#include <vector>

#include "app/ports/store.hpp"
#include "store/connection.hpp"

namespace slipway::store {

void put_bearer(Connection& db, const app::Bearer& bearer);
std::optional<app::Bearer> find_bearer(Connection& db, const Digest& digest);
std::vector<app::Bearer>
list_bearers(Connection& db, const TenantId& tenant, const PersonId& person);

void write_credential(Connection& db, const app::Credential& credential);
std::optional<app::Credential>
find_credential(Connection& db, const TenantId& tenant, const PersonId& person);

void put_answer(Connection& db, const app::KeptAnswer& answer);
std::optional<app::KeptAnswer>
find_answer(Connection& db, const TenantId& tenant, const PersonId& person, const std::string& key);

void sweep_identity(Connection& db, Time now, Time answers_before);

} // namespace slipway::store
