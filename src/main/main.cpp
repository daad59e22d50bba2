// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "cli/cli.hpp"
#include "main/admin.hpp"
#include "main/probe.hpp"
#include "main/resources.hpp"
#include "main/version.hpp"

// How jemalloc keeps memory, where it is linked; it reads this name before main begins. Few arenas,
// and what is free goes back to the system within seconds even when nothing happens any more: a
// server is idle for most of the day (jemalloc(3), TUNING).
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "background_thread:true,narenas:4,dirty_decay_ms:2000,muzzy_decay_ms:0";
}

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
    local.admin_password_code = slipway::password_code_command();
    local.verify_data_directory = slipway::verify_data_directory;
    local.verify_postgres = slipway::verify_postgres;
    local.facts_script = slipway::probe("facts.sh");
    local.verify_bundle = slipway::verify_exported_change;
    local.check_runner = slipway::make_check_runner;
    return slipway::cli::run_cli(argc, argv, local);
}
