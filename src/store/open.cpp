// SPDX-License-Identifier: Apache-2.0
#include "store/open.hpp"

#include <filesystem>

#include <fmt/format.h>

#include "base/private_folder.hpp"
#include "store/file_check.hpp"
#include "store/lost_pages.hpp"
#include "store/migrate.hpp"
#include "store/sql_store.hpp"
#include "store/tasks.hpp"

namespace slipway::store {

namespace {

namespace fs = std::filesystem;

// What SQLite needs beside the file to open it: the index of its log.
constexpr std::uintmax_t least_space = 64 * 1024;

// Holds records and the digests of secrets, so only its owner may look.
Result<void> make_directory(const std::string& directory) {
    std::error_code failed;
    if (fs::is_directory(directory, failed))
        return {};
    fs::create_directories(directory, failed);
    if (failed)
        return fail(
            ErrorCode::unavailable,
            fmt::format("cannot create the data directory {}: {}", directory, failed.message())
        );
    return make_private(directory);
}

Error damaged_file(const std::string& path, std::string what) {
    auto error = damaged(std::move(what));
    error.message = fmt::format("{} is damaged; slipway verify looks through all of it", path);
    return error;
}

// What begins to work in a directory makes these folders there, and SQLite the log. An empty
// database beside them has lost what it held, and SQLite would throw the log away.
bool was_used(const std::string& directory) {
    std::error_code failed;
    const auto log = fs::file_size(directory + "/slipway.db-wal", failed);
    if (!failed && log != 0)
        return true;
    return fs::exists(directory + "/work", failed) || fs::exists(directory + "/scratch", failed);
}

Result<void> require_lost_nothing(const std::string& directory, const std::string& path) {
    std::error_code failed;
    const auto size = fs::file_size(path, failed);
    if (failed || size != 0 || !was_used(directory))
        return {}; // a new file, or for the pages to tell
    return tl::unexpected(damaged_file(
        path, "the file is empty, and a server has worked in this directory before (work, scratch "
              "or slipway.db-wal is there). For a new server use a new directory"
    ));
}

// A row that is gone from the middle of the ledger. SQLite counts rows without reading them: twelve
// milliseconds for a million entries.
Result<void> require_no_hole(Connection& db, const std::string& path) {
    const auto count = db.number("select count(*) from event").value_or(0);
    const auto last = db.number("select max(seq) from event").value_or(0);
    const auto end = count == 0 ? 0 : last + 1;
    if (count == end)
        return {};
    const auto first_missing = db.number(
        "select min(seq) from (select 0 as seq union all select seq + 1 from event) as wanted "
        "where not exists (select 1 from event e where e.seq = wanted.seq)"
    );
    return tl::unexpected(damaged_file(
        path, fmt::format(
                  "the ledger has {} entries, and the last is number {}: entry {} is missing",
                  count, last, first_missing.value_or(0)
              )
    ));
}

Result<void> require_whole_file(Connection& db, const std::string& path) {
    auto lines = cut_pages(db);
    if (lines.empty())
        lines = zeroed_last_page(db);
    if (lines.empty())
        return {};
    return tl::unexpected(damaged_file(path, fmt::format("{}", fmt::join(lines, "; "))));
}

// The last words of a server that does not start. SQLite calls a full disk by several names, since
// it also makes files beside the database. What PostgreSQL says may name who connects.
std::string why_not_opened(const Target& target, const DatabaseError& error) {
    constexpr std::string_view failed = "the database cannot be opened";
    const auto* file = std::get_if<SqliteFile>(&target);
    if (file == nullptr)
        return std::string(failed);
    std::error_code unknown;
    const auto disk = fs::space(fs::path(file->path).parent_path(), unknown);
    const bool none_left = !unknown && disk.available < least_space;
    if (none_left || error.is_full_disk())
        return fmt::format("{}: the disk of the data directory is full", failed);
    return fmt::format("{}: {}", failed, error.what());
}

Result<void> prepare(const Target& target, bool read_only) {
    try {
        // Kept until the end: whoever opens the file first after a kill reads its whole log.
        std::unique_ptr<Connection> look;
        std::error_code failed;
        if (const auto* file = std::get_if<SqliteFile>(&target);
            file && fs::exists(file->path, failed)) {
            look = std::make_unique<Connection>(SqliteFile{file->path, true});
            TRY(require_whole_file(*look, file->path));
        }
        Connection connection(target);
        const auto migrations = migrations_of(connection.dialect().name);
        if (read_only)
            return check_schema(connection, migrations);
        TRY(migrate(connection, migrations));
        if (const auto* file = std::get_if<SqliteFile>(&target)) {
            TRY(require_no_hole(connection, file->path));
            free_tasks(connection);
        }
        return {};
    } catch (const DatabaseError& error) {
        if (const auto* file = std::get_if<SqliteFile>(&target); file && error.is_damage())
            return tl::unexpected(damaged_file(file->path, file_finding(error)));
        auto told = to_error(error);
        told.message = why_not_opened(target, error);
        return tl::unexpected(std::move(told));
    }
}

Result<std::unique_ptr<app::Store>>
make_store(LockFile lock, const Target& read, std::optional<Target> write, std::size_t readers) {
    try {
        return std::make_unique<SqlStore>(std::move(lock), read, std::move(write), readers);
    } catch (const DatabaseError& error) {
        return tl::unexpected(to_error(error));
    }
}

} // namespace

Result<std::unique_ptr<app::Store>> open_sqlite(const SqliteOptions& options) {
    SqliteFile file{options.directory + "/slipway.db"};
    file.max_page_count = options.max_page_count;
    file.read_only = options.read_only;
    if (options.read_only) {
        std::error_code failed;
        if (!fs::exists(file.path, failed))
            return fail(
                ErrorCode::unavailable,
                fmt::format("there is no slipway.db in {}", options.directory)
            );
        TRY(prepare(file, true));
        return make_store({}, file, std::nullopt, options.readers);
    }
    TRY(make_directory(options.directory));
    auto lock = TRY(LockFile::take(options.directory));
    TRY(require_lost_nothing(options.directory, file.path));
    TRY(prepare(file, false));
    auto writer = file;
    writer.writer = true;
    return make_store(std::move(lock), file, writer, options.readers);
}

Result<std::unique_ptr<app::Store>> open_postgres(const PostgresOptions& options) {
    const PostgresServer server{options.conninfo, options.read_only};
    TRY(prepare(server, options.read_only));
    return make_store(
        {}, server, options.read_only ? std::nullopt : std::optional<Target>(server),
        options.readers
    );
}

} // namespace slipway::store
