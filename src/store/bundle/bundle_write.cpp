// SPDX-License-Identifier: Apache-2.0
#include "store/bundle/bundle.hpp"

#include <cstdio>
#include <map>
#include <memory>

#include <fmt/format.h>
#include <zip.h>

#include "domain/ledger/checkpoint.hpp"
#include "store/bundle/manifest.hpp"

namespace slipway::store {

namespace {

namespace fs = std::filesystem;

constexpr zip_uint16_t dos_time = 0;
constexpr zip_uint16_t dos_date = 1 << 5 | 1; // 1980-01-01, the first day that ZIP knows
constexpr zip_uint32_t plain_file = 0100644U << 16;

tl::unexpected<Error> cannot_write(const fs::path& path, std::string detail) {
    return fail(
        ErrorCode::unavailable, fmt::format("the file {} cannot be written", path.string()),
        std::move(detail)
    );
}

Result<void> check_limits(const Bundle& bundle) {
    const auto too_many = [](std::string_view what, std::size_t limit) {
        return fail(ErrorCode::limit_exceeded, fmt::format("{}: the limit is {}", what, limit));
    };
    if (bundle.entries.size() > limits::bundle_entries_max)
        return too_many("entries", limits::bundle_entries_max);
    if (bundle.attachments.size() > limits::bundle_attachments_max)
        return too_many("attachments", limits::bundle_attachments_max);
    std::size_t total = 0;
    for (const auto& entry : bundle.entries) {
        if (entry.bytes.size() > limits::bundle_entry_max)
            return too_many("bytes of an entry", limits::bundle_entry_max);
        total += entry.bytes.size();
    }
    if (total > limits::bundle_entries_total_max)
        return too_many("bytes of all entries", limits::bundle_entries_total_max);
    for (const auto& attachment : bundle.attachments)
        if (attachment.size > limits::attachment_max)
            return too_many("bytes of an attachment", limits::attachment_max);
    return {};
}

// Attachments come as pushed chunks, and libzip pulls. So they are checked on their way into one
// file beside the ZIP, which is removed again.
class StagedAttachments {
  public:
    explicit StagedAttachments(fs::path path) : path_(std::move(path)) {}

    ~StagedAttachments() {
        close();
        std::error_code ignored;
        if (opened_)
            fs::remove(path_, ignored);
    }

    StagedAttachments(const StagedAttachments&) = delete;
    StagedAttachments& operator=(const StagedAttachments&) = delete;

    struct Place {
        std::uint64_t start = 0;
        std::uint64_t size = 0;
    };

    Result<void>
    stage(const std::vector<BundleAttachment>& attachments, const ReadAttachment& read) {
        for (const auto& attachment : attachments) {
            if (!places_.contains(attachment.sha256))
                TRY(stage_one(attachment, read));
            if (places_.at(attachment.sha256).size != attachment.size)
                return fail_field(attachment_file(attachment.sha256), "does not have its size");
        }
        if (file_ != nullptr && std::fflush(file_) != 0)
            return cannot_write(path_, "fflush");
        close();
        return {};
    }

    const std::map<Digest, Place>& places() const { return places_; }

    const fs::path& path() const { return path_; }

  private:
    Result<void> stage_one(const BundleAttachment& attachment, const ReadAttachment& read) {
        if (file_ == nullptr) {
            file_ = std::fopen(path_.c_str(), "wbx");
            if (file_ == nullptr)
                return cannot_write(path_, "fopen");
            opened_ = true;
        }
        Place place{end_, 0};
        Sha256 hasher;
        const ByteSink sink = [&](std::string_view chunk) -> Result<void> {
            place.size += chunk.size();
            if (place.size > attachment.size)
                return fail_field(attachment_file(attachment.sha256), "is longer than its size");
            hasher.update(chunk);
            if (std::fwrite(chunk.data(), 1, chunk.size(), file_) != chunk.size())
                return cannot_write(path_, "fwrite");
            return {};
        };
        TRY(read(attachment.sha256, sink));
        if (hasher.finish() != attachment.sha256)
            return fail_field(attachment_file(attachment.sha256), "does not have its digest");
        places_.emplace(attachment.sha256, place);
        end_ += place.size;
        return {};
    }

    void close() {
        if (file_ != nullptr)
            std::fclose(file_);
        file_ = nullptr;
    }

    fs::path path_;
    std::FILE* file_ = nullptr;
    bool opened_ = false;
    std::uint64_t end_ = 0;
    std::map<Digest, Place> places_;
};

// A ZIP in the making; destroyed before finish(), nothing remains. Texts must live until then.
class ZipWriter {
  public:
    static Result<std::unique_ptr<ZipWriter>> create(const fs::path& path) {
        int failed = 0;
        zip_t* zip = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &failed);
        if (zip == nullptr)
            return cannot_write(path, fmt::format("zip_open: {}", failed));
        return std::unique_ptr<ZipWriter>(new ZipWriter(path, zip));
    }

    ~ZipWriter() {
        if (zip_ != nullptr)
            zip_discard(zip_);
    }

    ZipWriter(const ZipWriter&) = delete;
    ZipWriter& operator=(const ZipWriter&) = delete;

    Result<void> add_text(std::string_view name, std::string_view text) {
        return add(name, zip_source_buffer(zip_, text.data(), text.size(), 0));
    }

    Result<void>
    add_part(std::string_view name, const fs::path& from, StagedAttachments::Place place) {
        // A length of 0 would mean the rest of the file.
        if (place.size == 0)
            return add_text(name, "");
        const auto size = static_cast<zip_int64_t>(place.size);
        return add(name, zip_source_file(zip_, from.c_str(), place.start, size));
    }

    Result<void> finish() {
        if (zip_close(zip_) != 0)
            return refused();
        zip_ = nullptr;
        return {};
    }

  private:
    ZipWriter(fs::path path, zip_t* zip) : path_(std::move(path)), zip_(zip) {}

    Result<void> add(std::string_view name, zip_source_t* source) {
        if (source == nullptr)
            return refused();
        const auto index = zip_file_add(zip_, std::string(name).c_str(), source, ZIP_FL_ENC_UTF_8);
        if (index < 0) {
            zip_source_free(source);
            return refused();
        }
        // Everything that libzip would take from the clock, the host or zlib's version is fixed.
        const auto at = static_cast<zip_uint64_t>(index);
        if (zip_set_file_compression(zip_, at, ZIP_CM_STORE, 0) != 0 ||
            zip_file_set_dostime(zip_, at, dos_time, dos_date, 0) != 0 ||
            zip_file_set_external_attributes(zip_, at, 0, ZIP_OPSYS_UNIX, plain_file) != 0)
            return refused();
        return {};
    }

    tl::unexpected<Error> refused() { return cannot_write(path_, zip_strerror(zip_)); }

    fs::path path_;
    zip_t* zip_;
};

BundleManifest make_manifest(const Bundle& bundle, std::string_view key, std::string_view readme) {
    BundleManifest manifest;
    manifest.tenant = bundle.tenant;
    manifest.change = bundle.change;
    manifest.files = {
        {std::string(checkpoint_file), sha256(bundle.checkpoint)},
        {std::string(key_file), sha256(key)},
        {std::string(readme_file), sha256(readme)},
    };
    for (std::size_t i = 0; i < bundle.entries.size(); ++i) {
        const auto& entry = bundle.entries[i];
        manifest.entries.push_back({entry.seq, entry_file(i), sha256(entry.bytes), entry.proof});
    }
    for (const auto& attachment : bundle.attachments)
        manifest.attachments.push_back({attachment.sha256, attachment.name, attachment.size});
    return manifest;
}

} // namespace

Result<void> write_bundle(
    const fs::path& path, const Bundle& bundle, const domain::SigningKey& key,
    const ReadAttachment& read
) {
    TRY(check_limits(bundle));
    TRY(domain::open_checkpoint(bundle.checkpoint, key.verifier));
    StagedAttachments staged(path.string() + ".attachments");
    TRY(staged.stage(bundle.attachments, read));

    const std::string key_line = domain::key_text(key.verifier) + '\n';
    const std::string readme = readme_text(bundle.tenant, bundle.change);
    const BundleManifest manifest = make_manifest(bundle, key_line, readme);
    const std::string manifest_bytes = to_pretty_text(to_json(manifest)) + '\n';
    // What would not be read again must not be written.
    if (manifest_bytes.size() > limits::bundle_manifest_max)
        return fail(
            ErrorCode::limit_exceeded,
            fmt::format("bytes of the manifest: the limit is {}", limits::bundle_manifest_max)
        );
    TRY(parse_manifest(manifest_bytes));
    const std::string seal = domain::sign_note(seal_text(manifest, manifest_bytes), key);

    const auto zip = TRY(ZipWriter::create(path));
    TRY(zip->add_text(readme_file, readme));
    TRY(zip->add_text(manifest_file, manifest_bytes));
    TRY(zip->add_text(seal_file, seal));
    TRY(zip->add_text(checkpoint_file, bundle.checkpoint));
    TRY(zip->add_text(key_file, key_line));
    for (std::size_t i = 0; i < bundle.entries.size(); ++i)
        TRY(zip->add_text(entry_file(i), bundle.entries[i].bytes));
    for (const auto& [digest, place] : staged.places())
        TRY(zip->add_part(attachment_file(digest), staged.path(), place));
    return zip->finish();
}

} // namespace slipway::store
