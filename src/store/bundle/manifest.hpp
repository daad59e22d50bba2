// SPDX-License-Identifier: Apache-2.0
// The manifest of a bundle, the names of its files, and the texts that writing and checking must
// agree on. For this room only; others use bundle.hpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/codec.hpp"
#include "domain/ledger/proof.hpp"
#include "store/bundle/bundle.hpp"

namespace slipway::store {

inline constexpr std::uint64_t bundle_format = 1;
inline constexpr std::string_view manifest_file = "manifest.json";
inline constexpr std::string_view seal_file = "seal.txt";
inline constexpr std::string_view checkpoint_file = "checkpoint.txt";
inline constexpr std::string_view key_file = "key.txt";
inline constexpr std::string_view readme_file = "README.txt";

struct ManifestEntry {
    std::uint64_t seq = 0;
    std::string file;
    Digest sha256;
    domain::Proof proof;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("seq", self.seq, required("position in the ledger, from 0"));
        visit("file", self.file, required("name in the ZIP"));
        visit("sha256", self.sha256, required("of the file"));
        visit("proof", self.proof, optional("inclusion proof", limits::proof_hashes_max));
    }
};

struct ManifestAttachment {
    Digest sha256;
    std::string name;
    std::uint64_t size = 0;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("sha256", self.sha256, required("of the bytes, and the file's name"));
        visit("name", self.name, required("as people named it", limits::name_max));
        visit("size", self.size, required("bytes"));
    }
};

struct ManifestFile {
    std::string file;
    Digest sha256;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("file", self.file, required("name in the ZIP"));
        visit("sha256", self.sha256, required("of the file"));
    }
};

struct BundleManifest {
    std::uint64_t format = bundle_format;
    TenantId tenant;
    ChangeId change;
    std::vector<ManifestFile> files;
    std::vector<ManifestEntry> entries;
    std::vector<ManifestAttachment> attachments;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("format", self.format, required("version of this form"));
        visit("tenant", self.tenant, required("whose change"));
        visit("change", self.change, required("which change"));
        visit("files", self.files, required("the texts beside this one"));
        visit("entries", self.entries, optional("of the ledger", limits::bundle_entries_max));
        visit(
            "attachments", self.attachments,
            optional("of the change", limits::bundle_attachments_max)
        );
    }
};

// "entries/0001.json" for position 0.
std::string entry_file(std::size_t position);
std::string attachment_file(const Digest& digest);
std::string readme_text(const TenantId& tenant, const ChangeId& change);
// What the ledger's key signs: it binds the manifest, and with it how many entries there are.
std::string seal_text(const BundleManifest& manifest, std::string_view manifest_bytes);
// Errors: invalid_input that names the field.
Result<BundleManifest> parse_manifest(std::string_view bytes);

} // namespace slipway::store
