// SPDX-License-Identifier: Apache-2.0
// The scratch folder and the digest of a tree; declared in command_transport.hpp.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>

#include <fmt/format.h>

#include "base/limits.hpp"
#include "connectors/command_transport.hpp"

namespace slipway::connectors {

namespace fs = std::filesystem;

namespace {

Result<std::string> file_digest(const fs::path& path, std::int64_t& bytes) {
    std::ifstream file(path, std::ios::binary);
    Sha256 hash;
    std::string buffer(limits::blob_chunk, '\0');
    while (file) {
        file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
        const auto count = static_cast<std::size_t>(file.gcount());
        hash.update(std::string_view(buffer).substr(0, count));
        bytes += static_cast<std::int64_t>(count);
    }
    if (!file.eof())
        return fail(ErrorCode::unavailable, "a restored file cannot be read", path.string());
    return hash.finish().hex();
}

} // namespace

Result<TreeDigest> digest_tree(const std::string& folder, std::size_t files_max) {
    std::error_code failed;
    std::vector<std::string> paths;
    fs::recursive_directory_iterator walk(folder, failed);
    if (failed)
        return fail(ErrorCode::not_found, "the folder to measure cannot be read", folder);
    for (; walk != fs::recursive_directory_iterator(); walk.increment(failed)) {
        if (failed)
            return fail(ErrorCode::unavailable, "the folder cannot be read whole", folder);
        if (!fs::is_regular_file(walk->symlink_status(failed)))
            continue;
        if (paths.size() == files_max)
            return fail(
                ErrorCode::limit_exceeded,
                "the folder has more than " + std::to_string(files_max) + " files"
            );
        paths.push_back(walk->path().lexically_relative(folder).string());
    }
    if (failed)
        return fail(ErrorCode::unavailable, "the folder cannot be read whole", folder);
    std::sort(paths.begin(), paths.end());
    TreeDigest tree;
    Sha256 lines;
    for (const auto& path : paths) {
        const auto before = tree.bytes;
        const auto digest = TRY(file_digest(fs::path(folder) / path, tree.bytes));
        if (tree.bytes > before)
            tree.filled.push_back(path);
        lines.update(digest + "  ./" + path + "\n");
    }
    tree.digest = lines.finish();
    tree.files = static_cast<std::int64_t>(paths.size());
    return tree;
}

std::string lacking(const TreeDigest& tree, const ContentDemand& demand) {
    const auto least_files = std::max<std::int64_t>(demand.least_files, 1);
    const auto least_bytes = std::max<std::int64_t>(demand.least_bytes, 1);
    if (tree.files < least_files)
        return fmt::format("{} files were restored, at least {} are due", tree.files, least_files);
    if (tree.bytes < least_bytes)
        return fmt::format("{} bytes were restored, at least {} are due", tree.bytes, least_bytes);
    for (const auto& wanted : demand.must_contain) {
        const auto path = fs::path("/" + wanted).lexically_normal().relative_path().string();
        const auto is_it = [&](const std::string& file) {
            return file == path || file.starts_with(path.ends_with('/') ? path : path + "/");
        };
        if (std::none_of(tree.filled.begin(), tree.filled.end(), is_it))
            return wanted + " was not restored, or is empty";
    }
    return {};
}

Result<ScratchFolder> ScratchFolder::make(const std::string& below) {
    auto path = below + "/slipway-XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) // mode 0700
        return fail(ErrorCode::unavailable, "no scratch folder can be made", below);
    return ScratchFolder(std::move(path));
}

ScratchFolder::ScratchFolder(ScratchFolder&& other) noexcept : path_(std::move(other.path_)) {
    other.path_.clear();
}

ScratchFolder::~ScratchFolder() {
    if (path_.empty())
        return;
    std::error_code failed; // a restored tree can hold folders that cannot be written to
    for (fs::recursive_directory_iterator walk(path_, failed), end; !failed && walk != end;
         walk.increment(failed))
        if (std::error_code ignored; walk->is_directory(ignored) && !walk->is_symlink(ignored))
            fs::permissions(walk->path(), fs::perms::owner_all, fs::perm_options::add, ignored);
    fs::remove_all(path_, failed);
}

} // namespace slipway::connectors
