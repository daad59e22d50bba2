// SPDX-License-Identifier: Apache-2.0
// The program as a whole against a scripted server: words in, exit code and both outputs out.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "cli/cli.hpp"
#include "cli/exit_codes.hpp"
#include "scripted_server.hpp"

namespace slipway::test {

class CliTest : public testing::Test {
  protected:
    CliTest() {
        ::setenv("TZ", "UTC", 1);
        std::string pattern = (std::filesystem::temp_directory_path() / "cli-XXXXXX").string();
        folder = ::mkdtemp(pattern.data());
        environment = {
            {"SLIPWAY_SERVER", server.address()},
            {"SLIPWAY_TOKEN", "secret"},
            {"HOME", folder.string()}};
        local.version = "1.2.3";
        local.environment = [this](const std::string& name) { return environment[name]; };
    }

    ~CliTest() override { std::filesystem::remove_all(folder); }

    int run(const std::vector<std::string>& words) {
        out.str("");
        err.str("");
        return cli::run_cli(
            words, local,
            cli::Surroundings{
                in, out, err, at_terminal, false, 80, clock, random,
                [this](Span span) {
                    waits.push_back(span);
                    clock.advance(span);
                    return waits.size() < 1000;
                },
                [this](std::string_view prompt) -> Result<std::string> {
                    prompts.emplace_back(prompt);
                    return prompt.find("again") == std::string_view::npos ? password : repeated;
                }}
        );
    }

    std::string write(const std::string& name, std::string_view bytes) {
        const auto path = folder / name;
        std::ofstream(path, std::ios::binary) << bytes;
        return path.string();
    }

    ScriptedServer server;
    std::filesystem::path folder;
    std::map<std::string, std::string> environment;
    cli::LocalCommands local;
    FixedClock clock{*time_from_text("2026-11-22T20:00:00.000Z")};
    SystemRandom random;
    std::istringstream in;
    std::ostringstream out;
    std::ostringstream err;
    std::vector<Span> waits;
    bool at_terminal = false; // lines are then 80 columns wide, and have colours without NO_COLOR
    std::string password = "harbour light 42";
    std::string repeated = password;
    std::vector<std::string> prompts;
};

} // namespace slipway::test
