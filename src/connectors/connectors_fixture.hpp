// SPDX-License-Identifier: Apache-2.0
// What tests of the interpreter share: a set of connectors with the shipped manifests and a fixed
// clock, secrets in a private folder, and short ways to configure and call. Only tests include
// this.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

#include "connectors/command_transport.hpp"
#include "connectors/manifest.hpp"
#include "connectors/manifest_connectors.hpp"
#include "connectors/test_servers.hpp"

namespace slipway::connectors::test {

inline const TenantId tenant("acme");

// Unlikely to stand anywhere by accident.
inline const std::string secret = "s3cr3t/Value+42";

class ConnectorsTest : public testing::Test {
  protected:
    ConnectorsTest() {
        auto name = (std::filesystem::temp_directory_path() / "connectors-XXXXXX").string();
        folder_ = ::mkdtemp(name.data());
        write("secret", secret + "\n");
        options_.policy.secret_folders = {folder_};
        options_.policy.program_folders = {folder_, SLIPWAY_ROOT "/src/connectors/testdata"};
        options_.scratch_folder = folder_;
        auto loaded = load_manifests({SLIPWAY_ROOT "/connectors"});
        EXPECT_TRUE(loaded) << loaded.error().message;
        if (loaded)
            manifests_ = *std::move(loaded);
    }

    ~ConnectorsTest() override { std::filesystem::remove_all(folder_); }

    std::string path(const std::string& name) const { return folder_ + "/" + name; }

    std::string write(const std::string& name, const std::string& text, bool program = false) {
        std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
        std::ofstream(path(name), std::ios::binary) << text;
        if (program)
            std::filesystem::permissions(path(name), std::filesystem::perms::owner_all);
        return path(name);
    }

    // A script in the folder of the test.
    Result<CommandAnswer> run_script(
        const std::string& script, const std::map<std::string, std::string>& environment = {},
        const std::string& input = {}
    ) {
        CommandRequest request;
        request.arguments = {"sh", "-ec", script};
        request.environment = environment;
        request.input = input;
        request.folder = folder_;
        request.timeout = std::chrono::seconds(60);
        return run_command(request);
    }

    // What it prints; nothing when it fails.
    std::optional<std::string>
    prints(const std::string& script, const std::map<std::string, std::string>& environment = {}) {
        const auto answer = run_script(script, environment);
        return answer && answer->status == 0 ? std::optional(answer->output) : std::nullopt;
    }

    std::string secret_reference() const { return "file:" + path("secret"); }

    // A manifest of the test's own, as connectors/<system>.yaml.
    void manifest(const std::string& system, const std::string& text) {
        const auto added = add_manifest(manifests_, text, system + ".yaml");
        EXPECT_TRUE(added) << added.error().message;
    }

    // A connector named as its system.
    void configure(const std::string& system, Json settings) {
        instances_.put(tenant, {system, system, std::move(settings)});
    }

    ManifestConnectors& connectors() {
        if (!connectors_)
            connectors_ = std::make_unique<ManifestConnectors>(
                manifests_, instances_, clock_, random_, options_
            );
        return *connectors_;
    }

    template <class Request>
    Result<typename Request::Answer>
    ask(const std::string& name, const Request& request, Span deadline = std::chrono::seconds(20)) {
        return app::ask(connectors(), {tenant, name, "key-1", deadline}, request);
    }

    std::string folder_;
    FixedClock clock_{Time(Span(1795378548000))};
    SystemRandom random_;
    ConnectorOptions options_;
    FixedInstances instances_;
    ManifestSet manifests_;
    std::unique_ptr<ManifestConnectors> connectors_;
};

inline std::string all_texts(const Error& error) {
    std::string text = error.message + "\n" + error.detail;
    for (const auto& field : error.fields)
        text += "\n" + field.field + ": " + field.message;
    return text;
}

} // namespace slipway::connectors::test
