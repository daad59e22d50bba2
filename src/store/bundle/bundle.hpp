// SPDX-License-Identifier: Apache-2.0
// The offline evidence of one change: one ZIP with the ledger entries byte for byte, an inclusion
// proof of each to one signed checkpoint, the attachments, and a manifest that the ledger's key has
// sealed, so that leaving out the last entries shows as well. Beside the change's own entries
// stands the one that opened the ledger and says whether it is a sandbox's. Equal bundles are equal
// bytes: files are stored in a fixed order with a fixed time. Reading trusts nothing: names outside
// the expected set, too many files and too large files are refused (limits::bundle_*). Attachments
// are streamed; no more than limits::blob_chunk of one is in memory.
//
//     manifest.json        BundleManifest: what belongs to the bundle, with the SHA-256 of each
//     seal.txt             signed note over the manifest's digest
//     checkpoint.txt       signed note (C2SP tlog-checkpoint)
//     key.txt              the verifier key of both
//     entries/0001.json    one file an entry, in the order of the ledger
//     attachments/<sha256>
//     README.txt           how to check all this by hand
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/codec.hpp"
#include "base/enums.hpp"
#include "base/hash.hpp"
#include "base/limits.hpp"
#include "domain/ledger/note.hpp"
#include "domain/ledger/opening.hpp"
#include "domain/ledger/proof.hpp"
#include "store/bundle/approved_runs.hpp"

namespace slipway::store {

struct BundleEntry {
    std::uint64_t seq = 0; // position in the ledger, from 0
    std::string bytes;
    domain::Proof proof; // to the bundle's checkpoint
    bool operator==(const BundleEntry&) const = default;
};

struct BundleAttachment {
    Digest sha256;
    std::string name; // the file name that people gave it; never used as a path
    std::uint64_t size = 0;
    // What read_bundle() found under this digest; absent when there is no such file.
    std::optional<Digest> found = std::nullopt;
    bool operator==(const BundleAttachment&) const = default;
};

struct Bundle {
    TenantId tenant;
    ChangeId change;
    std::vector<BundleEntry> entries; // ascending by seq
    std::string checkpoint;           // signed note
    std::vector<BundleAttachment> attachments;

    // Filled by read_bundle() only, as the files stand in the ZIP; empty when one is not there.
    std::string manifest = {};
    std::string seal = {};
    std::string key = {};
    std::string readme = {};
    // Files and comments that are no part of it; they are not read.
    std::vector<std::string> strangers = {};
    // What the bytes of the pinned runbooks say, as far as they are there and can be read.
    std::map<Digest, StepDigests> runbooks = {};
    bool operator==(const Bundle&) const = default;
};

// Gives the bytes of an attachment to the sink, chunk by chunk.
using ByteSink = std::function<Result<void>(std::string_view chunk)>;
using ReadAttachment = std::function<Result<void>(const Digest&, const ByteSink&)>;

// Writes to files beside `path` and renames at the end, so that a failure leaves nothing. The
// manifest is sealed with `key`, which must be the key of the checkpoint. Errors: limit_exceeded;
// invalid_input when an attachment does not have its digest or size; unavailable when the disk
// refuses.
Result<void> write_bundle(
    const std::filesystem::path& path, const Bundle& bundle, const domain::SigningKey& key,
    const ReadAttachment& read
);

// Errors: invalid_input, limit_exceeded, not_found. Says nothing about truth: see verify_bundle().
Result<Bundle> read_bundle(const std::filesystem::path& path);
// The same of a file in memory.
Result<Bundle> read_bundle_bytes(std::string_view zip);

// altered: an entry or file is not what the manifest or the proof says. missing: left out, or a
// version of the change's stream that is not there. reordered, duplicated: entries out of the order
// of the ledger or there twice. bad_proof: the entry is not in the checkpoint's tree.
// bad_checkpoint, bad_seal: not signed by the key. untrusted_key: not the key that the reader
// trusts. foreign: an entry of another tenant, or the opening of another ledger. unlisted: a file
// that the manifest does not list, or a comment: it looks like evidence and is none.
// attachment_altered, attachment_missing: one that the manifest or an entry names. An entry names
// an attachment by an object with the members "digest" and "size_bytes", or by a member
// "transcript" that is a digest. not_approved: what was carried out is not the runbook, or not the
// step of it, that was pinned and approved.
SLIPWAY_ENUM(
    BundleFindingKind, altered, missing, reordered, duplicated, bad_proof, bad_checkpoint, bad_seal,
    untrusted_key, foreign, attachment_altered, attachment_missing, unlisted, not_approved
)

struct BundleFinding {
    std::string file; // the name in the ZIP
    BundleFindingKind kind{};
    std::string message;
    bool operator==(const BundleFinding&) const = default;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("file", self.file);
        visit("kind", self.kind);
        visit("message", self.message);
    }
};

struct BundleReport {
    TenantId tenant;
    ChangeId change;
    std::uint64_t entries = 0;
    std::uint64_t attachments = 0;
    std::uint64_t checkpoint_size = 0;
    // Of the server, as the ledger's first entry says; absent when the bundle does not hold it, as
    // those of before, or does not prove it.
    std::optional<domain::LedgerMode> mode;
    std::string key;          // text of the key that signed; compare it when it is not trusted
    bool key_trusted = false; // the caller brought the key, and it is the one the bundle names
    std::vector<BundleFinding> findings;

    bool intact() const { return findings.empty(); }

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("tenant", self.tenant);
        visit("change", self.change);
        visit("entries", self.entries);
        visit("attachments", self.attachments);
        visit("checkpoint_size", self.checkpoint_size);
        visit("mode", self.mode, optional("of the server; absent when the bundle does not tell"));
        visit("key", self.key);
        visit("key_trusted", self.key_trusted);
        visit("findings", self.findings, optional("what is wrong", limits::bundle_files_max));
    }
};

// Checks a bundle as read_bundle() gave it. Without a trusted key the bundle is checked against the
// key that it brings, and the report says so.
BundleReport verify_bundle(const Bundle& bundle, const std::optional<domain::VerifierKey>& trusted);

} // namespace slipway::store
