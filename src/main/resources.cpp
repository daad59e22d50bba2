// SPDX-License-Identifier: Apache-2.0
#include "main/resources.hpp"

#include <filesystem>
#include <fstream>

namespace slipway {

namespace {

constexpr std::string_view probes = "probes/";

} // namespace

std::string_view probe(std::string_view name) {
    for (const auto& resource : embedded_resources())
        if (resource.path.starts_with(probes) && resource.path.substr(probes.size()) == name)
            return resource.bytes;
    return {};
}

Result<void> lay_out_resources(const std::string& directory) {
    namespace fs = std::filesystem;
    for (const auto& resource : embedded_resources()) {
        if (resource.path.starts_with(probes))
            continue;
        const auto path = fs::path(directory) / resource.path;
        std::error_code failed;
        if (fs::exists(path, failed))
            continue;
        fs::create_directories(path.parent_path(), failed);
        // Beside it first: half a file would be the one that counts from then on.
        const auto beside = path.string() + ".new";
        std::ofstream file(beside, std::ios::binary | std::ios::trunc);
        file << resource.bytes;
        file.close();
        if (file)
            fs::rename(beside, path, failed);
        if (!file || failed)
            return fail(ErrorCode::unavailable, "cannot write " + path.string());
    }
    return {};
}

} // namespace slipway
