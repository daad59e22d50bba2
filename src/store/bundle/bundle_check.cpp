// SPDX-License-Identifier: Apache-2.0
#include "store/bundle/bundle.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/json.hpp"
#include "domain/ledger/checkpoint.hpp"
#include "domain/ledger/envelope.hpp"
#include "domain/ledger/merkle.hpp"
#include "domain/ledger/named_attachments.hpp"
#include "store/bundle/manifest.hpp"

namespace slipway::store {

namespace {

using Kind = BundleFindingKind;

class Check {
  public:
    explicit Check(const Bundle& bundle) : bundle_(bundle) {
        report_.tenant = bundle.tenant;
        report_.change = bundle.change;
        report_.entries = bundle.entries.size();
        report_.attachments = bundle.attachments.size();
    }

    BundleReport run(const std::optional<domain::VerifierKey>& trusted) {
        choose_key(trusted);
        const auto manifest = parse_manifest(bundle_.manifest);
        if (!manifest) {
            find(manifest_file, Kind::altered, manifest.error().message);
            return std::move(report_);
        }
        for (const auto& name : bundle_.strangers)
            find(name, Kind::unlisted, "is no part of the bundle");
        check_seal(*manifest);
        check_texts(*manifest);
        check_checkpoint();
        check_files(*manifest);
        check_order();
        for (std::size_t i = 0; i < bundle_.entries.size(); ++i)
            check_entry(i);
        if (version_ == 0)
            find(manifest_file, Kind::missing, "no entry of the change itself is there");
        check_attachments(*manifest);
        return std::move(report_);
    }

  private:
    void find(std::string_view file, Kind kind, std::string message) {
        if (report_.findings.size() < limits::bundle_files_max)
            report_.findings.push_back(
                {as_valid_text(std::string(file)), kind, as_valid_text(std::move(message))}
            );
    }

    void choose_key(const std::optional<domain::VerifierKey>& trusted) {
        std::string_view text = bundle_.key;
        if (text.ends_with('\n'))
            text.remove_suffix(1);
        const auto brought = domain::verifier_key_from_text(text);
        if (!brought)
            find(key_file, Kind::untrusted_key, brought.error().message);
        else
            key_ = *brought;
        if (trusted) {
            if (brought && *brought != *trusted)
                find(
                    key_file, Kind::untrusted_key,
                    fmt::format("is not the trusted key {}", domain::key_text(*trusted))
                );
            key_ = *trusted;
            report_.key_trusted = brought && *brought == *trusted;
        }
        if (key_)
            report_.key = domain::key_text(*key_);
    }

    void check_seal(const BundleManifest& manifest) {
        if (!key_)
            return;
        const auto text = domain::verify_note(bundle_.seal, *key_);
        if (!text)
            return find(seal_file, Kind::bad_seal, text.error().message);
        if (*text != seal_text(manifest, bundle_.manifest))
            find(seal_file, Kind::bad_seal, "the key has sealed another manifest than this one");
    }

    void check_texts(const BundleManifest& manifest) {
        const std::map<std::string_view, std::string_view> texts = {
            {checkpoint_file, bundle_.checkpoint},
            {key_file, bundle_.key},
            {readme_file, bundle_.readme},
        };
        std::set<std::string_view> listed;
        for (const auto& file : manifest.files) {
            const auto text = texts.find(file.file);
            if (text == texts.end()) {
                find(manifest_file, Kind::altered, "lists a text that a bundle does not have");
                continue;
            }
            listed.insert(text->first);
            if (text->second.empty())
                find(file.file, Kind::missing, "is not there");
            else if (sha256(text->second) != file.sha256)
                find(file.file, Kind::altered, "does not have the digest of the manifest");
        }
        for (const auto& [name, text] : texts)
            if (!listed.contains(name))
                find(name, Kind::altered, "is not in the manifest");
    }

    void check_checkpoint() {
        if (!key_)
            return;
        auto opened = domain::open_checkpoint(bundle_.checkpoint, *key_);
        if (!opened)
            return find(checkpoint_file, Kind::bad_checkpoint, opened.error().message);
        checkpoint_ = *std::move(opened);
        report_.checkpoint_size = checkpoint_->size;
    }

    // Every entry of the manifest must be there with its digest, and no other.
    void check_files(const BundleManifest& manifest) {
        std::map<std::uint64_t, const BundleEntry*> by_seq;
        for (const auto& entry : bundle_.entries)
            by_seq.emplace(entry.seq, &entry);
        std::map<Digest, std::string> by_digest;
        std::set<std::uint64_t> listed;
        for (const auto& entry : manifest.entries) {
            by_digest.emplace(entry.sha256, entry.file);
            listed.insert(entry.seq);
        }
        for (const auto& entry : manifest.entries) {
            const auto found = by_seq.find(entry.seq);
            if (found == by_seq.end() || found->second->bytes.empty()) {
                find(entry.file, Kind::missing, fmt::format("entry {} is not there", entry.seq));
                continue;
            }
            const Digest digest = sha256(found->second->bytes);
            if (digest == entry.sha256)
                continue;
            if (const auto other = by_digest.find(digest); other != by_digest.end())
                find(
                    entry.file, Kind::reordered,
                    fmt::format("entry {}: its place holds {}", entry.seq, other->second)
                );
            else
                find(entry.file, Kind::altered, fmt::format("entry {} was altered", entry.seq));
        }
        for (std::size_t i = 0; i < bundle_.entries.size(); ++i)
            if (!listed.contains(bundle_.entries[i].seq))
                find(entry_file(i), Kind::altered, "is not in the manifest");
    }

    void check_order() {
        for (std::size_t i = 1; i < bundle_.entries.size(); ++i) {
            const auto before = bundle_.entries[i - 1].seq;
            const auto seq = bundle_.entries[i].seq;
            if (seq == before)
                find(entry_file(i), Kind::duplicated, fmt::format("entry {} came before", seq));
            else if (seq < before)
                find(
                    entry_file(i), Kind::reordered,
                    fmt::format("entry {} stands behind entry {}", seq, before)
                );
        }
    }

    void check_entry(std::size_t position) {
        const auto& entry = bundle_.entries[position];
        const auto file = entry_file(position);
        if (entry.bytes.empty())
            return;
        const bool proved =
            checkpoint_ && domain::verify_inclusion(
                               entry.seq, checkpoint_->size, domain::leaf_hash(entry.bytes),
                               entry.proof, checkpoint_->root
                           );
        if (checkpoint_ && !proved)
            find(
                file, Kind::bad_proof,
                fmt::format("entry {}: the checkpoint's tree does not hold these bytes", entry.seq)
            );
        const auto json = parse_json(entry.bytes);
        const auto head = domain::scan_envelope(entry.bytes);
        if (!json || !head)
            return find(file, Kind::altered, fmt::format("entry {} is no entry", entry.seq));
        // The opening is of the installation, whoever's the change is.
        if (entry.seq == 0 || head->type == domain::opening_type)
            return check_opening(file, entry, proved);
        if (head->tenant != bundle_.tenant.value)
            find(file, Kind::foreign, fmt::format("is of tenant {}", head->tenant));
        if (head->kind == "change" && head->stream == bundle_.change.value) {
            check_version(file, head->version);
            const auto* data = slipway::find(*json, "data");
            if (auto wrong = data ? runs_.take(head->type, *data) : std::string(); !wrong.empty())
                find(file, Kind::not_approved, std::move(wrong));
        }
        for (const auto& digest : domain::named_attachments(*json))
            named_.emplace(digest, file);
    }

    void check_opening(std::string_view file, const BundleEntry& entry, bool proved) {
        const auto opening = domain::read_opening(entry.bytes);
        if (!opening)
            return find(file, Kind::altered, opening.error().message);
        if (entry.seq != 0 || (key_ && opening->key != domain::key_text(*key_)))
            return find(file, Kind::foreign, "opens another ledger than the one of the checkpoint");
        if (proved)
            report_.mode = opening->mode;
    }

    void check_version(std::string_view file, std::uint64_t version) {
        const std::uint64_t expected = version_ + 1;
        if (version > expected)
            find(
                file, Kind::missing,
                fmt::format("versions {} to {} of the change are missing", expected, version - 1)
            );
        else if (version < expected)
            find(
                file, version == version_ ? Kind::duplicated : Kind::reordered,
                fmt::format("version {} of the change comes after version {}", version, version_)
            );
        version_ = std::max(version_, version);
    }

    void check_attachments(const BundleManifest& manifest) {
        std::map<Digest, const BundleAttachment*> there;
        for (const auto& attachment : bundle_.attachments)
            there.emplace(attachment.sha256, &attachment);
        for (const auto& listed : manifest.attachments)
            if (!there.contains(listed.sha256))
                find(attachment_file(listed.sha256), Kind::attachment_missing, "is not there");
        for (const auto& [digest, attachment] : there) {
            const auto file = attachment_file(digest);
            if (!attachment->found)
                find(file, Kind::attachment_missing, fmt::format("{}: gone", attachment->name));
            else if (*attachment->found != digest)
                find(
                    file, Kind::attachment_altered,
                    fmt::format("{} does not have its digest", attachment->name)
                );
        }
        for (const auto& [digest, file] : named_)
            if (!there.contains(digest))
                find(
                    attachment_file(digest), Kind::attachment_missing,
                    fmt::format("{} names it, and it is not there", file)
                );
    }

    const Bundle& bundle_;
    BundleReport report_;
    std::optional<domain::VerifierKey> key_;
    std::optional<domain::Checkpoint> checkpoint_;
    std::uint64_t version_ = 0;           // the highest of the change so far
    std::map<Digest, std::string> named_; // by the file that names it first
    ApprovedRuns runs_{bundle_.runbooks};
};

} // namespace

BundleReport
verify_bundle(const Bundle& bundle, const std::optional<domain::VerifierKey>& trusted) {
    return Check(bundle).run(trusted);
}

} // namespace slipway::store
