// SPDX-License-Identifier: Apache-2.0
#include "base/private_folder.hpp"

#include <filesystem>

#include <fmt/format.h>

namespace slipway {

Result<void> make_private(const std::string& folder) {
    namespace fs = std::filesystem;
    std::error_code failed;
    fs::permissions(folder, fs::perms::owner_all, failed);
    if (!failed)
        return {};
    std::error_code unknown;
    const auto rights = fs::status(folder, unknown).permissions();
    if (!unknown && (rights & fs::perms::others_all) == fs::perms::none)
        return {};
    return fail(
        ErrorCode::forbidden,
        fmt::format(
            "{} belongs to another user and is open to everybody ({}): give it to this user, or "
            "chmod o= it",
            folder, failed.message()
        )
    );
}

} // namespace slipway
