// SPDX-License-Identifier: Apache-2.0
// Backup and restore of the SQLite data directory. VACUUM INTO writes a consistent copy beside a
// running server; it is flushed, opened and checked before it counts as a backup.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "store/admin.hpp"
#include "store/migrate.hpp"
#include "store/place.hpp"

namespace slipway::store {

namespace {

namespace fs = std::filesystem;

constexpr const char* report_file = "backup.json";

Result<void> take_empty_directory(const std::string& directory) {
    std::error_code failed;
    fs::create_directories(directory, failed);
    if (failed)
        return fail(
            ErrorCode::unavailable, fmt::format("cannot create {}: {}", directory, failed.message())
        );
    if (!fs::is_empty(directory, failed) || failed)
        return fail(
            ErrorCode::invalid_input,
            fmt::format("{} is not empty: nothing is overwritten, give another one", directory)
        );
    fs::permissions(directory, fs::perms::owner_all, failed);
    return {};
}

// Of a file or of a directory's entries.
Result<void> flush(const std::string& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const bool flushed = descriptor >= 0 && ::fsync(descriptor) == 0;
    const int error = errno;
    if (descriptor >= 0)
        ::close(descriptor);
    if (!flushed)
        return fail(
            ErrorCode::unavailable, fmt::format("cannot flush {}: {}", path, std::strerror(error))
        );
    return {};
}

Result<Digest> digest_of_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::string buffer(1024 * 1024, '\0');
    Sha256 hash;
    while (in) {
        in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
        hash.update(std::string_view(buffer).substr(0, static_cast<std::size_t>(in.gcount())));
    }
    if (!in.eof())
        return fail(ErrorCode::unavailable, fmt::format("cannot read {}", path));
    return hash.finish();
}

Result<BackupReport> check_copy(const std::string& directory) {
    const auto path = fmt::format("{}/{}", directory, database_file);
    BackupReport report;
    {
        SqliteFile file{path};
        file.read_only = true;
        Connection db(file);
        TRY(check_schema(db, migrations_of(db.dialect().name)));
        if (const auto findings = integrity_findings(db); !findings.empty())
            return fail(ErrorCode::internal, "the copy is damaged: " + findings.front());
        TRY(verify_leaves(db));
        const auto facts = read_ledger_facts(db);
        report.events = facts.size;
        report.root = facts.root;
    }
    std::error_code failed;
    report.bytes = fs::file_size(path, failed);
    report.digest = TRY(digest_of_file(path));
    return report;
}

Result<BackupReport> read_report(const std::string& directory) {
    std::ifstream in(fmt::format("{}/{}", directory, report_file), std::ios::binary);
    std::string text(limits::text_max, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
    auto report = slipway::restore<BackupReport>(text);
    if (!report)
        return fail(
            ErrorCode::invalid_input,
            fmt::format("{} holds no backup: {} cannot be read", directory, report_file)
        );
    return report;
}

} // namespace

Result<BackupReport> backup(const SqliteOptions& source, const std::string& target) {
    return guarded([&]() -> Result<BackupReport> {
        Connection db(target_of(source, true));
        TRY(take_empty_directory(target));
        const auto path = fmt::format("{}/{}", target, database_file);
        db.run("vacuum into :path", {path});
        TRY(flush(path));
        const auto report = TRY(check_copy(target));
        const auto report_path = fmt::format("{}/{}", target, report_file);
        std::ofstream(report_path, std::ios::binary) << encode(report) << '\n';
        TRY(flush(report_path));
        TRY(flush(target));
        return report;
    });
}

Result<BackupReport> restore(const std::string& source, const SqliteOptions& target) {
    return guarded([&]() -> Result<BackupReport> {
        const auto expected = TRY(read_report(source));
        const auto from = fmt::format("{}/{}", source, database_file);
        if (TRY(digest_of_file(from)) != expected.digest)
            return fail(
                ErrorCode::internal,
                fmt::format("{} is not the file that was backed up: its SHA-256 differs", from)
            );
        TRY(take_empty_directory(target.directory));
        const auto path = fmt::format("{}/{}", target.directory, database_file);
        const auto part = path + ".part";
        std::error_code failed;
        fs::copy_file(from, part, failed);
        if (failed)
            return fail(
                ErrorCode::unavailable, fmt::format("cannot write {}: {}", part, failed.message())
            );
        TRY(flush(part));
        fs::rename(part, path, failed);
        TRY(flush(target.directory));
        return check_copy(target.directory);
    });
}

} // namespace slipway::store
