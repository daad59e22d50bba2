// SPDX-License-Identifier: Apache-2.0
#include "connectors/manifest_connectors.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "connectors/interpreter.hpp"
#include "connectors/settings.hpp"

namespace slipway::connectors {

namespace fs = std::filesystem;

namespace {

Result<std::string> read_manifest_file(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::string bytes(limits::yaml_file_max + 1, '\0');
    file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!file.eof())
        return fail(
            ErrorCode::invalid_input, fmt::format(
                                          "{}: cannot be read or is larger than {} bytes",
                                          path.string(), limits::yaml_file_max
                                      )
        );
    bytes.resize(static_cast<std::size_t>(file.gcount()));
    return bytes;
}

// What is said about a failure is searched for secrets, wherever it came from.
Error redacted(Error error, const Secrets& secrets) {
    error.message = secrets.redact(std::move(error.message));
    error.detail = secrets.redact(std::move(error.detail));
    for (auto& field : error.fields) {
        field.field = secrets.redact(std::move(field.field));
        field.message = secrets.redact(std::move(field.message));
    }
    return error;
}

Result<Json>
checked_answer(const CapabilitySchema& schema, const Manifest& manifest, const Json& answer) {
    auto checked = schema.check_answer(answer);
    if (!checked)
        return fail(
            ErrorCode::internal,
            fmt::format(
                "the answer of {} does not fit {}.{}: {}", manifest.title,
                to_text(schema.capability), schema.operation, checked.error().message
            )
        );
    return checked;
}

} // namespace

Result<void> add_manifest(ManifestSet& set, std::string_view text, const std::string& file_name) {
    auto manifest = std::make_shared<const Manifest>(TRY(parse_manifest(text, file_name)));
    const auto stem = fs::path(file_name).stem().string();
    if (stem != manifest->system)
        return fail(
            ErrorCode::invalid_input, file_name + ": the file of the system '" + manifest->system +
                                          "' must be called " + manifest->system + ".yaml"
        );
    if (set.size() >= limits::connector_manifests_max && !set.contains(stem))
        return fail(
            ErrorCode::limit_exceeded,
            fmt::format("more than {} manifests", limits::connector_manifests_max)
        );
    set[stem] = std::move(manifest);
    return {};
}

Result<ManifestSet> load_manifests(const std::vector<std::string>& folders) {
    ManifestSet set;
    for (const auto& folder : folders) {
        std::error_code failed;
        std::vector<fs::path> files;
        for (fs::directory_iterator walk(folder, failed), end; !failed && walk != end;
             walk.increment(failed))
            if (walk->path().extension() == ".yaml")
                files.push_back(walk->path());
        if (failed)
            return fail(ErrorCode::not_found, "the folder " + folder + " cannot be read");
        std::sort(files.begin(), files.end());
        for (const auto& file : files)
            TRY(add_manifest(set, TRY(read_manifest_file(file)), file.string()));
    }
    return set;
}

ManifestConnectors::ManifestConnectors(
    ManifestSet manifests, app::ConnectorInstances& instances, const Clock& clock, Random& random,
    ConnectorOptions options
)
    : manifests_(std::move(manifests)), instances_(instances), clock_(clock), random_(random),
      options_(std::move(options)) {}

ManifestConnectors::~ManifestConnectors() = default;

Result<std::shared_ptr<const Manifest>> ManifestConnectors::find_manifest(const std::string& system
) const {
    const auto found = manifests_.find(system);
    if (found != manifests_.end())
        return found->second;
    std::vector<std::string_view> known;
    for (const auto& [name, manifest] : manifests_)
        known.push_back(name);
    return fail_field(
        "manifest", fmt::format(
                        "there is no manifest '{}': expected one of {}", system.substr(0, 64),
                        fmt::join(known, ", ")
                    )
    );
}

Result<app::ConnectorInstance> ManifestConnectors::find_instance(const app::ConnectorCall& call) {
    for (auto& instance : TRY(instances_.of(call.tenant)))
        if (instance.name == call.connector)
            return std::move(instance);
    return fail(
        ErrorCode::not_found, "there is no connector '" + call.connector.substr(0, 64) + "'"
    );
}

Result<Json> ManifestConnectors::call(const app::ConnectorCall& call) {
    const auto instance = TRY(find_instance(call));
    const auto manifest = TRY(find_manifest(instance.system));
    const auto* schema = find_schema(call.capability, call.operation);
    const auto* operation = manifest->find(call.capability, call.operation);
    if (schema == nullptr || operation == nullptr)
        return fail(
            ErrorCode::not_found,
            fmt::format(
                "the connector '{}' ({}) does not offer {}.{}", instance.name, manifest->title,
                to_text(call.capability), call.operation.substr(0, 64)
            )
        );
    auto checked_call = call;
    checked_call.input = TRY(schema->check_input(call.input));
    const auto checked = TRY(checked_settings(*manifest, instance.settings, options_.policy));
    auto secrets = [&] {
        const std::scoped_lock lock(random_mutex_);
        return Secrets(random_);
    }();
    auto answer = [&]() -> Result<Json> {
        const auto settings =
            TRY(resolved_settings(*manifest, checked, options_.policy, call.stop, secrets));
        const Surroundings around{
            clock_, expressions_, options_.scratch_folder, options_.confinement};
        Interpreter interpreter(around, *manifest, settings, secrets, checked_call, *schema);
        return checked_answer(*schema, *manifest, secrets.redact(TRY(interpreter.run(*operation))));
    }();
    if (!answer)
        return tl::unexpected(redacted(std::move(answer).error(), secrets));
    return answer;
}

Result<std::vector<app::ConnectorInfo>> ManifestConnectors::list(const TenantId& tenant) {
    std::vector<app::ConnectorInfo> infos;
    for (const auto& instance : TRY(instances_.of(tenant))) {
        app::ConnectorInfo info{instance.name, instance.system, {}, {}, {}};
        if (const auto manifest = find_manifest(instance.system)) {
            info.title = (*manifest)->title;
            info.capabilities = (*manifest)->operations();
        }
        if (const auto checked = check(instance); !checked)
            info.problem = checked.error().message;
        infos.push_back(std::move(info));
    }
    return infos;
}

std::vector<app::SystemInfo> ManifestConnectors::systems() {
    std::vector<app::SystemInfo> infos;
    for (const auto& [name, manifest] : manifests_)
        infos.push_back(manifest->info());
    return infos;
}

Result<void> ManifestConnectors::check(const app::ConnectorInstance& instance) {
    if (!is_slug(instance.name))
        return fail_field("name", "must be an id: letters, digits, '.', '_' and '-'");
    const auto manifest = TRY(find_manifest(instance.system));
    TRY(checked_settings(*manifest, instance.settings, options_.policy));
    return {};
}

void FixedInstances::put(const TenantId& tenant, app::ConnectorInstance instance) {
    const std::scoped_lock lock(mutex_);
    by_tenant_[tenant][instance.name] = std::move(instance);
}

Result<std::vector<app::ConnectorInstance>> FixedInstances::of(const TenantId& tenant) {
    const std::scoped_lock lock(mutex_);
    std::vector<app::ConnectorInstance> found;
    if (const auto group = by_tenant_.find(tenant); group != by_tenant_.end())
        for (const auto& [name, instance] : group->second)
            found.push_back(instance);
    return found;
}

} // namespace slipway::connectors
