// SPDX-License-Identifier: Apache-2.0
#include "main/probe.hpp"

#include <filesystem>
#include <memory>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "main/machine_runner.hpp"

namespace slipway {

namespace {

namespace fs = std::filesystem;

MachineRunnerOptions options_of(const std::string& data) {
    MachineRunnerOptions options;
    if (data.empty())
        return options;
    const auto folder = fs::absolute(data);
    options.secrets.program_folders = {(folder / "programs").string()};
    options.secrets.secret_folders.push_back((folder / "secrets").string());
    return options;
}

struct CheckMachine {
    explicit CheckMachine(const std::string& data) : runner(clock, random, options_of(data)) {}

    SystemClock clock;
    SystemRandom random;
    MachineRunner runner;
};

} // namespace

cli::RunCheck make_check_runner(const std::string& data) {
    return
        [machine = std::make_shared<CheckMachine>(data)](
            const domain::SmokeCheck& check, const app::RingSetting& setting, std::stop_token stop
        ) { return machine->runner.run_check(check, setting, std::move(stop)); };
}

} // namespace slipway
