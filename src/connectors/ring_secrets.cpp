// SPDX-License-Identifier: Apache-2.0
#include "connectors/ring_secrets.hpp"

#include <algorithm>
#include <filesystem>

#include "base/ascii.hpp"
#include "base/id.hpp"

namespace slipway::connectors {

namespace {

namespace fs = std::filesystem;

std::string for_environment(std::string_view text) {
    std::string out;
    for (const char c : text)
        out += c == '-' ? '_' : ascii_upper(c);
    return out;
}

// Names of environment variables have only capital letters, digits and '_'. No two of these ids
// come out alike there, and none has the "__" that ends it.
bool fits_environment(std::string_view ring) {
    return !ring.empty() && !ring.ends_with('-') && ring.find("--") == ring.npos &&
           std::all_of(ring.begin(), ring.end(), [](char c) {
               return c == '-' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
           });
}

} // namespace

SecretPolicy
policy_of_ring(const SecretPolicy& server, domain::RingKind kind, const std::string& ring) {
    SecretPolicy policy{{}, {}, {}, server.withheld, server.confinement};
    if (!is_slug(ring)) // it could name another place
        return policy;
    const auto place = fs::path(to_text(kind)) / ring;
    for (const auto& folder : server.secret_folders)
        policy.secret_folders.push_back((folder / place).string());
    for (const auto& folder : server.program_folders)
        policy.program_folders.push_back((folder / place).string());
    if (fits_environment(ring) && !server.environment_prefix.empty())
        policy.environment_prefix = server.environment_prefix + for_environment(to_text(kind)) +
                                    "_" + for_environment(ring) + "__";
    return policy;
}

} // namespace slipway::connectors
