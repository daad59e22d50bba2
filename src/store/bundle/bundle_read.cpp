// SPDX-License-Identifier: Apache-2.0
#include "store/bundle/bundle.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <set>

#include <fmt/format.h>
#include <zip.h>

#include "domain/ledger/envelope.hpp"
#include "store/bundle/manifest.hpp"

namespace slipway::store {

namespace {

namespace fs = std::filesystem;

struct CloseZip {
    void operator()(zip_t* zip) const { zip_discard(zip); }
};

struct CloseMember {
    void operator()(zip_file_t* file) const { zip_fclose(file); }
};

using Zip = std::unique_ptr<zip_t, CloseZip>;

tl::unexpected<Error> bad_zip(std::string_view what) {
    return fail(ErrorCode::invalid_input, fmt::format("bundle: {}", what));
}

// The largest size that a file of this name may have, 0 for names that a bundle does not have:
// those are told and never read.
std::size_t size_limit(std::string_view name) {
    if (name == manifest_file)
        return limits::bundle_manifest_max;
    if (name == seal_file || name == checkpoint_file || name == key_file || name == readme_file)
        return limits::note_max;
    constexpr std::string_view entries = "entries/";
    if (name.starts_with(entries)) {
        std::size_t number = 0;
        std::from_chars(name.data() + entries.size(), name.data() + name.size(), number);
        if (number > 0 && number <= limits::bundle_entries_max && name == entry_file(number - 1))
            return limits::bundle_entry_max;
        return 0;
    }
    constexpr std::string_view attachments = "attachments/";
    if (name.starts_with(attachments) && digest_from_hex(name.substr(attachments.size())))
        return limits::attachment_max;
    return 0;
}

struct Member {
    zip_uint64_t index = 0;
    std::uint64_t size = 0;
    std::size_t limit = 0;
};

using Members = std::map<std::string, Member, std::less<>>;

// How a file of any name is called in a report.
std::string shown_name(const std::string& name, zip_uint64_t index) {
    return is_valid_text(name) ? cut_text(name, limits::name_max)
                               : fmt::format("file {}", index + 1);
}

bool has_comment(zip_t* zip) {
    int length = 0;
    return zip_get_archive_comment(zip, &length, ZIP_FL_ENC_RAW) != nullptr && length > 0;
}

bool has_comment(zip_t* zip, zip_uint64_t index) {
    zip_uint32_t length = 0;
    return zip_file_get_comment(zip, index, &length, ZIP_FL_ENC_RAW) != nullptr && length > 0;
}

// Files whose names a bundle does not have go to `strangers`, as do comments: a ZIP program shows
// them, and nothing signs them.
Result<Members> list_members(zip_t* zip, std::vector<std::string>& strangers) {
    const auto count = zip_get_num_entries(zip, 0);
    if (count < 0 || static_cast<std::size_t>(count) > limits::bundle_files_max)
        return fail(
            ErrorCode::limit_exceeded,
            fmt::format("bundle: more than {} files", limits::bundle_files_max)
        );
    if (has_comment(zip))
        strangers.emplace_back("the comment of the ZIP");
    Members members;
    std::uint64_t entries_total = 0;
    for (zip_uint64_t i = 0; i < static_cast<zip_uint64_t>(count); ++i) {
        zip_stat_t stat;
        zip_stat_init(&stat);
        constexpr zip_uint64_t needed =
            ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
        if (zip_stat_index(zip, i, ZIP_FL_ENC_RAW, &stat) != 0 || (stat.valid & needed) != needed)
            return bad_zip(fmt::format("file {} cannot be read", i + 1));
        const std::string name = stat.name;
        if (has_comment(zip, i))
            strangers.push_back("the comment of " + shown_name(name, i));
        const std::size_t limit = size_limit(name);
        if (limit == 0) {
            strangers.push_back(shown_name(name, i));
            continue;
        }
        if (stat.encryption_method != ZIP_EM_NONE ||
            (stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE))
            return bad_zip(fmt::format("{}: expected stored or deflated, not encrypted", name));
        entries_total += name.starts_with("entries/") ? stat.size : 0;
        if (stat.size > limit || entries_total > limits::bundle_entries_total_max)
            return fail(
                ErrorCode::limit_exceeded, fmt::format("bundle: {} is longer than the limit", name)
            );
        if (!members.emplace(name, Member{i, stat.size, limit}).second)
            return bad_zip(fmt::format("{} is there twice", name));
    }
    return members;
}

// Gives the bytes to the sink. The size that the directory states is not believed: reading stops at
// the limit. A wrong CRC is passed over, since the SHA-256 will say which file was altered.
Result<void> read_member(
    zip_t* zip, std::string_view name, const Member& member,
    const std::function<void(std::string_view)>& sink
) {
    const std::unique_ptr<zip_file_t, CloseMember> file(zip_fopen_index(zip, member.index, 0));
    if (!file)
        return bad_zip(fmt::format("{}: {}", name, zip_strerror(zip)));
    std::string buffer(std::min(limits::blob_chunk, member.limit + 1), '\0');
    for (std::uint64_t total = 0;;) {
        const auto read = zip_fread(file.get(), buffer.data(), buffer.size());
        if (read < 0 && zip_error_code_zip(zip_file_get_error(file.get())) == ZIP_ER_CRC)
            return {};
        if (read < 0)
            return bad_zip(fmt::format("{}: {}", name, zip_file_strerror(file.get())));
        if (read == 0)
            return {};
        total += static_cast<std::uint64_t>(read);
        if (total > member.limit)
            return fail(
                ErrorCode::limit_exceeded,
                fmt::format("bundle: {} is longer than {} bytes", name, member.limit)
            );
        sink({buffer.data(), static_cast<std::size_t>(read)});
    }
}

// Empty when there is no such file.
Result<std::string> read_text(zip_t* zip, const Members& members, std::string_view name) {
    std::string text;
    if (const auto found = members.find(name); found != members.end())
        TRY(read_member(zip, name, found->second, [&](std::string_view bytes) { text += bytes; }));
    return text;
}

// A file that the manifest does not list would look like evidence and be none.
void add_strangers(
    const Members& members, const BundleManifest& manifest, std::vector<std::string>& strangers
) {
    std::set<std::string, std::less<>> listed;
    for (const auto& entry : manifest.entries)
        listed.insert(entry.file);
    for (const auto& attachment : manifest.attachments)
        listed.insert(attachment_file(attachment.sha256));
    for (const auto& [name, member] : members)
        if (name.find('/') != name.npos && !listed.contains(name))
            strangers.push_back(name);
}

std::set<Digest> pinned_runbooks(const std::vector<BundleEntry>& entries) {
    std::set<Digest> digests;
    for (const auto& entry : entries) {
        const auto head = domain::scan_envelope(entry.bytes);
        if (!head || head->type != "runbook_pinned")
            continue;
        const auto json = parse_json(entry.bytes);
        const auto* data = json ? find(*json, "data") : nullptr;
        const auto* runbook = data ? find(*data, "runbook") : nullptr;
        if (runbook == nullptr)
            continue;
        if (const auto digest = digest_from_hex(text_or_empty(*runbook, "digest")))
            digests.insert(*digest);
    }
    return digests;
}

Result<Bundle> read_zip(zip_t* zip) {
    Bundle bundle;
    const Members members = TRY(list_members(zip, bundle.strangers));
    bundle.manifest = TRY(read_text(zip, members, manifest_file));
    if (bundle.manifest.empty())
        return bad_zip("has no manifest.json");
    const BundleManifest manifest = TRY(parse_manifest(bundle.manifest));
    add_strangers(members, manifest, bundle.strangers);
    bundle.tenant = manifest.tenant;
    bundle.change = manifest.change;
    bundle.seal = TRY(read_text(zip, members, seal_file));
    bundle.checkpoint = TRY(read_text(zip, members, checkpoint_file));
    bundle.key = TRY(read_text(zip, members, key_file));
    bundle.readme = TRY(read_text(zip, members, readme_file));
    for (const auto& entry : manifest.entries)
        bundle.entries.push_back({entry.seq, TRY(read_text(zip, members, entry.file)), entry.proof}
        );
    const auto runbooks = pinned_runbooks(bundle.entries);
    for (const auto& listed : manifest.attachments) {
        BundleAttachment attachment{listed.sha256, listed.name, listed.size};
        const auto name = attachment_file(listed.sha256);
        if (const auto found = members.find(name); found != members.end()) {
            Sha256 hasher;
            std::string runbook;
            const bool pinned =
                runbooks.contains(listed.sha256) && found->second.size <= limits::runbook_file_max;
            TRY(read_member(zip, name, found->second, [&](std::string_view bytes) {
                hasher.update(bytes);
                if (pinned)
                    runbook += bytes;
            }));
            attachment.found = hasher.finish();
            if (auto steps = pinned && attachment.found == listed.sha256 ? step_digests(runbook)
                                                                         : std::nullopt)
                bundle.runbooks.emplace(listed.sha256, *std::move(steps));
        }
        bundle.attachments.push_back(std::move(attachment));
    }
    return bundle;
}

} // namespace

Result<Bundle> read_bundle(const fs::path& path) {
    int failed = 0;
    const Zip zip(zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &failed));
    if (!zip && failed == ZIP_ER_NOENT)
        return fail(ErrorCode::not_found, fmt::format("no such file: {}", path.string()));
    if (!zip)
        return bad_zip(fmt::format("{} is not a whole ZIP file", path.string()));
    return read_zip(zip.get());
}

Result<Bundle> read_bundle_bytes(std::string_view bytes) {
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t* source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
    if (source == nullptr)
        return bad_zip("cannot be opened");
    const Zip zip(zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &error));
    if (!zip) {
        zip_source_free(source);
        return bad_zip("is not a whole ZIP file");
    }
    return read_zip(zip.get());
}

} // namespace slipway::store
