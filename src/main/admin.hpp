// SPDX-License-Identifier: Apache-2.0
// The commands that work on an installation's data without its server: backup, restore, rebuild,
// doctor, a code for an administrator, and the verification of the ledger.
#pragma once

#include "app/identity/identity.hpp"
#include "cli/cli.hpp"

namespace slipway {

cli::LocalCommand serve_command();
cli::LocalCommand backup_command();
cli::LocalCommand restore_command();
cli::LocalCommand rebuild_command();
cli::LocalCommand doctor_command();
cli::LocalCommand password_code_command();

// A one-time code for an active administrator whom no other can give one any more: for who may
// write the store itself, which is more than any role. It is on the ledger, under a signed
// checkpoint. Errors: not_found, naming those there are; those of LedgerKeeper::open.
Result<app::SecretShown> code_for_administrator(app::Store& store, const PersonId& person);

// The whole ledger of an installation and what hangs on it: see store::verify().
Result<Json> verify_data_directory(const std::string& directory, const std::string& key);
Result<Json> verify_postgres(const std::string& conninfo, const std::string& key);
Result<Json> verify_exported_change(const std::string& file, const std::string& key);

} // namespace slipway
