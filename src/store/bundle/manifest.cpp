// SPDX-License-Identifier: Apache-2.0
#include "store/bundle/manifest.hpp"

#include <fmt/format.h>

namespace slipway::store {

std::string entry_file(std::size_t position) {
    return fmt::format("entries/{:04}.json", position + 1);
}

std::string attachment_file(const Digest& digest) {
    return "attachments/" + digest.hex();
}

std::string readme_text(const TenantId& tenant, const ChangeId& change) {
    return fmt::format(
        "Evidence of change {} (tenant {}), exported from a Slipway ledger.\n"
        "\"slipway verify <this file> --key <trusted key>\" does all of this; by hand:\n"
        "1. Compare key.txt with a copy of the ledger's key from a source that you trust.\n"
        "2. seal.txt and checkpoint.txt are signed notes (c2sp.org/signed-note); check their\n"
        "   Ed25519 signatures with that key. Line 5 of seal.txt is the base64 of the SHA-256 of\n"
        "   manifest.json, line 4 the number of entries.\n"
        "3. The SHA-256 of every file must be what manifest.json says; an attachment's is its "
        "name.\n"
        "4. The leaf hash of an entry is the SHA-256 of a zero byte and the file's bytes. With "
        "its\n"
        "   \"proof\" and \"seq\" it must lead to the root in line 3 of checkpoint.txt (RFC 9162,\n"
        "   section 2.1.3.2). The members \"version\" of the change's entries count 1, 2, 3...\n"
        "5. The entry with \"seq\" 0 opened the ledger and names its key. Its \"mode\" is\n"
        "   \"sandbox\" when it is of a training server, whose clock people put forward.\n",
        change.value, tenant.value
    );
}

std::string seal_text(const BundleManifest& manifest, std::string_view manifest_bytes) {
    return fmt::format(
        "slipway-bundle/v1\n{}\n{}\n{}\n{}\n", manifest.tenant.value, manifest.change.value,
        manifest.entries.size(), to_base64(sha256(manifest_bytes).view())
    );
}

Result<BundleManifest> parse_manifest(std::string_view bytes) {
    auto manifest = TRY(decode<BundleManifest>(TRY(parse_json(bytes))));
    if (manifest.format != bundle_format)
        return fail_field("format", fmt::format("expected {}", bundle_format));
    for (std::size_t i = 0; i < manifest.entries.size(); ++i)
        if (manifest.entries[i].file != entry_file(i))
            return fail_field(
                fmt::format("entries[{}].file", i), fmt::format("expected {}", entry_file(i))
            );
    return manifest;
}

} // namespace slipway::store
