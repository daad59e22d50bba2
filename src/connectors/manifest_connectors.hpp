// SPDX-License-Identifier: Apache-2.0
// The port app::Connectors over manifests. Manifests are read once from folders, a later folder
// replacing a system of an earlier one, so an organisation keeps its own mapping beside the shipped
// ones. Safe from any thread. Every message that leaves here has been searched for the call's
// secrets. Nothing here stores or logs.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "app/ports/connectors.hpp"
#include "base/clock.hpp"
#include "base/confinement.hpp"
#include "base/jq.hpp"
#include "base/random.hpp"
#include "connectors/secrets.hpp"

namespace slipway::connectors {

struct Manifest;

using ManifestSet = std::map<std::string, std::shared_ptr<const Manifest>>;

// Every *.yaml of the folders. Errors: not_found for a missing folder, invalid_input as
// `file:line: reason`, also when a file's name is not its system's.
Result<ManifestSet> load_manifests(const std::vector<std::string>& folders);

// One manifest from memory, for embedded files and tests.
Result<void> add_manifest(ManifestSet& set, std::string_view text, const std::string& file_name);

struct ConnectorOptions {
    SecretPolicy policy = {};
    std::string scratch_folder = "/tmp"; // restore tests need room for what they restore
    // Programs are confined; where that cannot be, its reason is what a call says.
    Result<Confinement> confinement = {};
};

class ManifestConnectors final : public app::Connectors {
  public:
    ManifestConnectors(
        ManifestSet manifests, app::ConnectorInstances& instances, const Clock& clock,
        Random& random, ConnectorOptions options
    );
    ~ManifestConnectors() override;

    Result<Json> call(const app::ConnectorCall& call) override;
    Result<std::vector<app::ConnectorInfo>> list(const TenantId& tenant) override;
    std::vector<app::SystemInfo> systems() override;
    Result<void> check(const app::ConnectorInstance& instance) override;

  private:
    Result<app::ConnectorInstance> find_instance(const app::ConnectorCall& call);
    Result<std::shared_ptr<const Manifest>> find_manifest(const std::string& system) const;

    ManifestSet manifests_;
    app::ConnectorInstances& instances_;
    const Clock& clock_;
    Random& random_;
    std::mutex random_mutex_;
    ConnectorOptions options_;
    ExpressionCache expressions_;
};

// Instances kept in memory: set at start from a file, or by a test.
class FixedInstances final : public app::ConnectorInstances {
  public:
    void put(const TenantId& tenant, app::ConnectorInstance instance);
    Result<std::vector<app::ConnectorInstance>> of(const TenantId& tenant) override;

  private:
    std::mutex mutex_;
    std::map<TenantId, std::map<std::string, app::ConnectorInstance>> by_tenant_;
};

} // namespace slipway::connectors
