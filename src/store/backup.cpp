// SPDX-License-Identifier: Apache-2.0
// Backup and restore of the SQLite data directory. VACUUM INTO writes a consistent copy beside a
// running server; it is flushed, opened and verified before it counts as a backup. The folders that
// an administrator edits go with it as files.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "base/private_folder.hpp"
#include "store/admin.hpp"
#include "store/file_check.hpp"
#include "store/migrate.hpp"
#include "store/place.hpp"

namespace slipway::store {

namespace {

namespace fs = std::filesystem;

constexpr const char* report_file = "backup.json";

Result<void> take_empty_directory(const std::string& directory) {
    std::error_code failed;
    fs::create_directories(directory, failed);
    if (directory.empty() || failed == std::errc::not_a_directory)
        return fail(
            ErrorCode::invalid_input,
            fmt::format("\"{}\" is no directory: give a new or an empty one", directory)
        );
    if (failed)
        return fail(
            ErrorCode::unavailable, fmt::format("cannot create {}: {}", directory, failed.message())
        );
    if (!fs::is_empty(directory, failed) || failed)
        return fail(
            ErrorCode::invalid_input,
            fmt::format("{} is not empty: nothing is overwritten, give another one", directory)
        );
    return make_private(directory);
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

// Empties the directory that was empty when we came, unless the work is done.
class Emptying {
  public:
    explicit Emptying(std::string directory) : directory_(std::move(directory)) {}

    Emptying(const Emptying&) = delete;
    Emptying& operator=(const Emptying&) = delete;

    ~Emptying() {
        std::error_code ignored;
        if (!done_)
            for (const auto& entry : fs::directory_iterator(directory_, ignored))
                fs::remove_all(entry.path(), ignored);
    }

    void done() { done_ = true; }

  private:
    std::string directory_;
    bool done_ = false;
};

tl::unexpected<Error> cannot(const char* what, const fs::path& path, const std::error_code& why) {
    return fail(
        ErrorCode::unavailable, fmt::format("cannot {} {}: {}", what, path.string(), why.message())
    );
}

// What an administrator keeps beside the database. Secrets are left where they are: a backup goes
// to places that they must not go to.
constexpr std::array<std::string_view, 4> copied_folders{
    "workflows", "policies", "connectors", "programs"};
constexpr std::string_view secrets_folder = "secrets";

Result<void> list_folder(const fs::path& base, std::string_view folder, BackupReport& report) {
    std::error_code failed;
    if (!fs::is_directory(base / folder, failed))
        return {};
    fs::recursive_directory_iterator entry(base / folder, failed);
    for (; !failed && entry != fs::recursive_directory_iterator(); entry.increment(failed)) {
        const auto status = entry->symlink_status(failed);
        if (failed || fs::is_directory(status))
            continue;
        auto path = entry->path().lexically_relative(base).string();
        if (!is_valid_text(path))
            return fail(
                ErrorCode::invalid_input,
                fmt::format("a file in {} has a name that is no UTF-8 text", folder)
            );
        if (report.files.size() + report.left_out.size() >= limits::backup_files_max)
            return fail(
                ErrorCode::limit_exceeded,
                fmt::format("a backup has at most {} files", limits::backup_files_max)
            );
        if (fs::is_regular_file(status))
            report.files.push_back({std::move(path), {}});
        else
            report.left_out.push_back(std::move(path));
    }
    if (failed)
        return cannot("read", base / folder, failed);
    return {};
}

// The files in the order of their names, so that the same directory gives the same report.
Result<void> list_files(const std::string& directory, BackupReport& report) {
    for (const auto folder : copied_folders)
        TRY(list_folder(directory, folder, report));
    std::sort(report.files.begin(), report.files.end(), [](const auto& a, const auto& b) {
        return a.path < b.path;
    });
    std::error_code failed;
    if (fs::is_directory(fs::path(directory) / secrets_folder, failed))
        report.left_out.emplace_back(secrets_folder);
    return {};
}

// Only what list_files() gives: a path in a report must not lead anywhere else.
bool is_copied_path(const std::string& text) {
    const fs::path path(text);
    return path.lexically_normal() == path && path.has_filename() &&
           std::any_of(copied_folders.begin(), copied_folders.end(), [&](const auto folder) {
               return text.starts_with(std::string(folder) + "/");
           });
}

Result<void> copy_to(const fs::path& from, const fs::path& to) {
    std::error_code failed;
    fs::create_directories(to.parent_path(), failed);
    if (!failed)
        fs::copy_file(from, to, failed); // with its permissions
    if (failed)
        return cannot("write", to, failed);
    return flush(to.string());
}

Result<void> check_file(const fs::path& path, const Digest& expected) {
    if (TRY(digest_of_file(path.string())) != expected)
        return fail(
            ErrorCode::invalid_input, fmt::format(
                                          "{} is not the file that was backed up: its SHA-256 "
                                          "differs; restore another backup",
                                          path.string()
                                      )
        );
    return {};
}

// What verify() finds is what a backup must not have.
Result<void> check_ledger(Connection& db, ErrorCode code) {
    const auto report = verify_all(db, std::nullopt);
    if (report.intact())
        return {};
    const auto& first = report.findings.front();
    return fail(
        code, fmt::format(
                  "the copy does not verify: {}{}{}; run slipway verify on the data directory "
                  "that it was taken of",
                  first.file, first.file.empty() ? "" : ": ", first.message
              )
    );
}

// `code` is what to call a copy that is not sound: a refusal when it was just taken, bad input when
// it is somebody's backup.
Result<void> check_copy(const std::string& directory, BackupReport& report, ErrorCode code) {
    const auto path = fmt::format("{}/{}", directory, database_file);
    try {
        SqliteFile file{path};
        file.read_only = true;
        Connection db(file);
        TRY(check_schema(db, migrations_of(db.dialect().name)));
        if (const auto findings = file_findings(db, FileCheck::indexes); !findings.empty())
            return fail(code, "the copy is damaged: " + findings.front());
        TRY(check_ledger(db, code));
        const auto facts = read_ledger_facts(db);
        report.events = facts.size;
        report.root = facts.root;
    } catch (const DatabaseError& error) {
        // What SQLite itself cannot make sense of is the copy's fault too.
        if (error.code != ErrorCode::internal)
            throw;
        return fail(code, "the copy is damaged: the database cannot be read", error.what());
    }
    std::error_code failed;
    report.bytes = fs::file_size(path, failed);
    report.digest = TRY(digest_of_file(path));
    return {};
}

Result<void> write_report(const std::string& directory, const BackupReport& report) {
    const auto path = fmt::format("{}/{}", directory, report_file);
    std::ofstream out(path, std::ios::binary);
    out << encode(report) << '\n';
    out.close();
    if (!out)
        return fail(ErrorCode::unavailable, fmt::format("cannot write {}", path));
    TRY(flush(path));
    return flush(directory);
}

Result<BackupReport> read_report(const std::string& directory) {
    std::ifstream in(fmt::format("{}/{}", directory, report_file), std::ios::binary);
    std::string text(limits::backup_report_max, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
    auto report = slipway::restore<BackupReport>(text);
    if (!report)
        return fail(
            ErrorCode::invalid_input,
            fmt::format("{} holds no backup: {} cannot be read", directory, report_file)
        );
    for (const auto& file : report->files)
        if (!is_copied_path(file.path))
            return fail_field("files", fmt::format("{} is no path of a backup", file.path));
    return report;
}

} // namespace

Result<BackupReport> backup(const SqliteOptions& source, const std::string& target) {
    return guarded([&]() -> Result<BackupReport> {
        TRY(require_database(source));
        Connection db(target_of(source, true));
        // Copied row by row, a lost page would only be harder to find.
        TRY(require_sound_file(db, FileCheck::pages));
        TRY(take_empty_directory(target));
        Emptying emptying(target);
        const auto path = fmt::format("{}/{}", target, database_file);
        db.run("vacuum into :path", {path});
        TRY(flush(path));
        BackupReport report;
        TRY(list_files(source.directory, report));
        for (auto& file : report.files) {
            TRY(copy_to(fs::path(source.directory) / file.path, fs::path(target) / file.path));
            file.sha256 = TRY(digest_of_file((fs::path(target) / file.path).string()));
        }
        TRY(check_copy(target, report, ErrorCode::blocked));
        TRY(write_report(target, report));
        emptying.done();
        return report;
    });
}

Result<BackupReport> restore(const std::string& source, const SqliteOptions& target) {
    return guarded([&]() -> Result<BackupReport> {
        auto report = TRY(read_report(source));
        const auto from = fs::path(source);
        TRY(check_file(from / database_file, report.digest));
        for (const auto& file : report.files)
            TRY(check_file(from / file.path, file.sha256));
        TRY(take_empty_directory(target.directory));
        Emptying emptying(target.directory);
        const auto to = fs::path(target.directory);
        for (const auto& file : report.files)
            TRY(copy_to(from / file.path, to / file.path));
        // The database comes last, under another name: without it nothing starts here.
        const auto part = to / fmt::format("{}.part", database_file);
        TRY(copy_to(from / database_file, part));
        std::error_code failed;
        fs::rename(part, to / database_file, failed);
        if (failed)
            return cannot("write", to / database_file, failed);
        TRY(flush(target.directory));
        TRY(check_copy(target.directory, report, ErrorCode::invalid_input));
        emptying.done();
        return report;
    });
}

} // namespace slipway::store
