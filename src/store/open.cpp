// SPDX-License-Identifier: Apache-2.0
#include "store/open.hpp"

#include <filesystem>

#include <fmt/format.h>

#include "store/file_check.hpp"
#include "store/migrate.hpp"
#include "store/sql_store.hpp"
#include "store/tasks.hpp"

namespace slipway::store {

namespace {

namespace fs = std::filesystem;

// Holds records and the digests of secrets, so only its owner may look.
Result<void> make_directory(const std::string& directory) {
    std::error_code failed;
    if (fs::is_directory(directory, failed))
        return {};
    fs::create_directories(directory, failed);
    if (!failed)
        fs::permissions(directory, fs::perms::owner_all, failed);
    if (failed)
        return fail(
            ErrorCode::unavailable,
            fmt::format("cannot create the data directory {}: {}", directory, failed.message())
        );
    return {};
}

Result<void> prepare(const Target& target, bool read_only) {
    try {
        Connection connection(target);
        const auto migrations = migrations_of(connection.dialect().name);
        if (read_only)
            return check_schema(connection, migrations);
        TRY(migrate(connection, migrations));
        if (connection.dialect().single_server)
            free_tasks(connection);
        return {};
    } catch (const DatabaseError& error) {
        auto told = to_error(error);
        if (const auto* file = std::get_if<SqliteFile>(&target); file && error.is_damage())
            told.message = fmt::format(
                "{} is damaged: {}; slipway verify says where it is", file->path, mend_of_damage
            );
        else
            told.message = "the database cannot be opened";
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
