// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "cli/cli.hpp"
#include "main/admin.hpp"
#include "main/version.hpp"

int main(int argc, char** argv) {
    slipway::cli::LocalCommands local;
    local.version = slipway::version;
    local.environment = [](const std::string& name) {
        const char* value = std::getenv(name.c_str());
        return std::string(value ? value : "");
    };
    local.serve = slipway::serve_command();
    local.admin_backup = slipway::backup_command();
    local.admin_restore = slipway::restore_command();
    local.admin_rebuild = slipway::rebuild_command();
    local.admin_doctor = slipway::doctor_command();
    local.verify_data_directory = slipway::verify_data_directory;
    local.verify_postgres = slipway::verify_postgres;
    local.verify_bundle = slipway::verify_exported_change;
    return slipway::cli::run_cli(argc, argv, local);
}
