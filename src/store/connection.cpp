// SPDX-License-Identifier: Apache-2.0
#include "store/connection.hpp"

#include <charconv>
#include <deque>
#include <unordered_map>

#include <fmt/format.h>
#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include "base/assert.hpp"
#include "base/hash.hpp"
#include "store/conninfo.hpp"
#include "store/file_check.hpp"

namespace slipway::store {

namespace {

// A connection keeps this many statements. Searches are put together from their filters, so their
// number has to have a bound.
constexpr std::size_t statements_max = 160;

using soci::details::statement_impl;

struct TextHash {
    using is_transparent = void;

    std::size_t operator()(std::string_view text) const {
        return std::hash<std::string_view>{}(text);
    }
};

// SOCI exports no type information of its backends, so their names tell them apart.
sqlite_api::sqlite3* sqlite_handle(soci::session& session) {
    if (session.get_backend_name() != "sqlite3")
        return nullptr;
    return static_cast<soci::sqlite3_session_backend*>(session.get_backend())->conn_;
}

PGconn* postgres_handle(soci::session& session) {
    if (session.get_backend_name() != "postgresql")
        return nullptr;
    return static_cast<soci::postgresql_session_backend*>(session.get_backend())->conn_;
}

// What an operator can mend (a full disk, a lost server) is `unavailable`; the rest is `internal`.
ErrorCode sqlite_code(int result) {
    switch (result & 0xff) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_NOMEM:
    case SQLITE_PERM:
        return ErrorCode::unavailable;
    default:
        return ErrorCode::internal;
    }
}

// What passes when it is asked again, by SQLSTATE (PostgreSQL's manual, appendix A): another
// transaction came between, or held a lock for too long. The rest is for SOCI's categories.
std::optional<ErrorCode> postgres_code(const std::string& sqlstate) {
    constexpr std::string_view transaction_rollback = "40";
    constexpr std::string_view lock_not_available = "55P03";
    if (sqlstate.starts_with(transaction_rollback))
        return ErrorCode::conflict;
    if (sqlstate == lock_not_available)
        return ErrorCode::unavailable;
    return std::nullopt;
}

bool tells_damage(int result) {
    const int kind = result & 0xff;
    return kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB;
}

constexpr std::string_view sqlite_tuning =
    // A commit writes whole pages, mostly of rows much shorter than that; for a new file only.
    "pragma page_size = 4096;\n"
    "pragma journal_mode = wal;\n"
    "pragma synchronous = full;\n"
    "pragma foreign_keys = on;\n"
    "pragma temp_store = memory;\n"
    // Checkpoints are made by the committer, beside the commits.
    "pragma wal_autocheckpoint = 0;\n";

} // namespace

bool DatabaseError::is_damage() const {
    return tells_damage(sqlite_result);
}

bool DatabaseError::is_full_disk() const {
    return (sqlite_result & 0xff) == SQLITE_FULL;
}

bool DatabaseError::is_disk_fault() const {
    switch (sqlite_result) {
    case SQLITE_IOERR:
    case SQLITE_IOERR_READ:
    case SQLITE_IOERR_SHORT_READ:
    case SQLITE_IOERR_WRITE:
    case SQLITE_IOERR_FSYNC:
    case SQLITE_IOERR_DIR_FSYNC:
    case SQLITE_IOERR_TRUNCATE:
    case SQLITE_IOERR_FSTAT:
        return true;
    default:
        return false;
    }
}

Error to_error(const DatabaseError& error) {
    if (error.is_damage()) {
        auto told = damaged(file_finding(error));
        told.code = error.code;
        return told;
    }
    const auto* message = "the database refused a statement";
    if (error.is_full_disk())
        message = "nothing can be written: the disk of the data directory is full";
    else if (error.code == ErrorCode::unavailable)
        message = "the database cannot be used at the moment";
    return Error{error.code, message, error.what()};
}

std::uint64_t Row::number(std::size_t column) const {
    std::uint64_t value = 0;
    const auto& text = cells_[column];
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

Time Row::time(std::size_t column) const {
    std::int64_t value = 0;
    const auto& text = cells_[column];
    std::from_chars(text.data(), text.data() + text.size(), value);
    return Time(Span(value));
}

std::optional<Time> Row::optional_time(std::size_t column) const {
    if (nulls_[column])
        return std::nullopt;
    return time(column);
}

// A statement is bound once to these places; each use only assigns them.
struct Connection::Prepared {
    struct Slot {
        std::string text;
        long long number = 0;
        bool is_text = false;
        soci::indicator null = soci::i_ok;
    };

    explicit Prepared(soci::session& session) : statement(session) {}

    soci::statement statement;
    std::deque<Slot> params;
    std::vector<std::string> cells;
    std::vector<soci::indicator> null_marks;
    std::vector<bool> nulls;
};

struct Connection::Backend {
    soci::session session;
    std::unordered_map<std::string, std::unique_ptr<Prepared>, TextHash, std::equal_to<>>
        statements;
    std::uint64_t wal_pages = 0;
};

namespace {

// A connection belongs to one thread at a time, so SQLite need not lock at every call
// (sqlite.org/threadsafe.html, multi-thread). Before the first use in the process.
void configure_sqlite() {
    static const int result = sqlite_api::sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
    ASSERT(result == SQLITE_OK);
}

void open_sqlite_file(soci::session& session, const SqliteFile& file, std::uint64_t& wal_pages) {
    configure_sqlite();
    // A space would end the name in SOCI's option text, so it stands in quotes.
    session.open(
        soci::sqlite3,
        fmt::format("dbname=\"{}\" timeout=10{}", file.path, file.read_only ? " readonly=true" : "")
    );
    auto* handle = sqlite_handle(session);
    ASSERT(handle != nullptr);
    // What failed of the disk, and not only that it did, travels in every error.
    sqlite_api::sqlite3_extended_result_codes(handle, 1);
    const auto execute = [&](const std::string& sql) {
        char* message = nullptr;
        const int result =
            sqlite_api::sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, &message);
        const std::string text = message == nullptr ? "" : message;
        sqlite_api::sqlite3_free(message);
        // Who only reads may be about to examine a damaged file; others learn of it by what they
        // read first.
        if (result != SQLITE_OK && !(file.read_only && tells_damage(result)))
            throw soci::sqlite3_soci_error(sql + ": " + text, result);
    };
    if (!file.read_only)
        execute(std::string(sqlite_tuning));
    // Kibibytes, negative by SQLite's convention. Modest, since every reader has its own.
    execute(fmt::format("pragma cache_size = -{}", file.writer ? 16384 : 2048));
    if (file.max_page_count != 0)
        execute(fmt::format("pragma max_page_count = {}", file.max_page_count));
    if (file.writer)
        sqlite_api::sqlite3_wal_hook(
            handle,
            [](void* pages, sqlite_api::sqlite3*, const char*, int count) {
                *static_cast<std::uint64_t*>(pages) = static_cast<std::uint64_t>(count);
                return SQLITE_OK;
            },
            &wal_pages
        );
}

void open_postgres_session(soci::session& session, const PostgresServer& server) {
    session.open(soci::postgresql, with_time_limits(server.conninfo));
    session << "set client_encoding = 'UTF8'";
    session << "set client_min_messages = warning";
    // A commit that was answered is durable, whatever the server's default is.
    session << "set synchronous_commit = on";
    // A server that hangs inside a transaction must not hold up the others for long.
    session << "set idle_in_transaction_session_timeout = '30s'";
    session << "set lock_timeout = '40s'"; // longer: who waits for that one gets through
    if (server.read_only)
        session << "set default_transaction_read_only = on";
}

} // namespace

Connection::Connection(const Target& target)
    : dialect_(std::holds_alternative<SqliteFile>(target) ? sqlite_dialect : postgres_dialect),
      backend_(std::make_unique<Backend>()) {
    try {
        if (const auto* file = std::get_if<SqliteFile>(&target))
            open_sqlite_file(backend_->session, *file, backend_->wal_pages);
        else
            open_postgres_session(backend_->session, std::get<PostgresServer>(target));
    } catch (const soci::sqlite3_soci_error& error) {
        throw DatabaseError(sqlite_code(error.result()), error.what(), true, error.result());
    } catch (const std::exception& error) {
        throw DatabaseError(ErrorCode::unavailable, error.what(), true);
    }
}

Connection::~Connection() {
    try {
        backend_->statements.clear();
        backend_.reset();
    } catch (const std::exception&) {
        // Closing a connection that was lost has nothing more to lose.
        broken_ = true;
    }
}

void Connection::rethrow() {
    // Only the message: what() goes on with the values, and those may be secrets or personal data.
    try {
        throw;
    } catch (const soci::sqlite3_soci_error& error) {
        throw DatabaseError(
            sqlite_code(error.result()), error.get_error_message(), false, error.result()
        );
    } catch (const soci::soci_error& error) {
        auto* postgres = postgres_handle(backend_->session);
        if (postgres != nullptr && PQstatus(postgres) != CONNECTION_OK)
            broken_ = true;
        const auto category = error.get_error_category();
        const bool passing = broken_ || category == soci::soci_error::connection_error ||
                             category == soci::soci_error::system_error ||
                             category == soci::soci_error::unknown_transaction_state;
        // SOCI's SQLite backend throws its base error from a few places, such as prepare.
        auto code = passing ? ErrorCode::unavailable : ErrorCode::internal;
        int result = 0;
        if (auto* sqlite = sqlite_handle(backend_->session)) {
            result = sqlite_api::sqlite3_extended_errcode(sqlite);
            code = sqlite_code(result);
        }
        if (const auto* refusal = dynamic_cast<const soci::postgresql_soci_error*>(&error))
            code = postgres_code(refusal->sqlstate()).value_or(code);
        throw DatabaseError(code, error.get_error_message(), broken_, result);
    }
}

void Connection::forget(std::string_view sql) {
    const auto found = backend_->statements.find(sql);
    if (found != backend_->statements.end())
        backend_->statements.erase(found);
}

Connection::Prepared&
Connection::prepared(std::string_view sql, Params params, std::size_t columns) {
    auto& statements = backend_->statements;
    auto found = statements.find(sql);
    if (found == statements.end()) {
        if (statements.size() >= statements_max)
            statements.clear();
        auto made = std::make_unique<Prepared>(backend_->session);
        made->statement.alloc();
        made->statement.prepare(std::string(sql));
        for (const auto& param : params) {
            auto& slot = made->params.emplace_back();
            slot.is_text = std::holds_alternative<std::string_view>(param.value_);
            if (slot.is_text)
                made->statement.exchange(soci::use(slot.text, slot.null));
            else
                made->statement.exchange(soci::use(slot.number, slot.null));
        }
        made->cells.resize(columns);
        made->null_marks.resize(columns);
        made->nulls.resize(columns);
        for (std::size_t i = 0; i < columns; ++i)
            made->statement.exchange(soci::into(made->cells[i], made->null_marks[i]));
        made->statement.define_and_bind();
        found = statements.emplace(std::string(sql), std::move(made)).first;
    }
    auto& entry = *found->second;
    ASSERT(entry.params.size() == params.size() && entry.cells.size() == columns);
    for (std::size_t i = 0; i < params.size(); ++i) {
        auto& slot = entry.params[i];
        slot.null = params[i].null_ ? soci::i_null : soci::i_ok;
        ASSERT(slot.is_text == std::holds_alternative<std::string_view>(params[i].value_));
        if (slot.is_text)
            slot.text = std::get<std::string_view>(params[i].value_);
        else
            slot.number = std::get<long long>(params[i].value_);
    }
    return entry;
}

std::uint64_t Connection::run(std::string_view sql, Params params) {
    try {
        auto& entry = prepared(sql, params, 0);
        entry.statement.execute(true);
        return static_cast<std::uint64_t>(entry.statement.get_affected_rows());
    } catch (const soci::soci_error&) {
        forget(sql);
        rethrow();
    }
}

void Connection::query(
    std::string_view sql, Params params, std::size_t columns, const Visit& visit
) {
    try {
        auto& entry = prepared(sql, params, columns);
        const Row row(entry.cells, entry.nulls);
        // Always to the end: a SQLite statement that is left in the middle would keep its snapshot
        // and with it the write-ahead log.
        for (bool more = entry.statement.execute(true); more; more = entry.statement.fetch()) {
            for (std::size_t i = 0; i < columns; ++i) {
                entry.nulls[i] = entry.null_marks[i] == soci::i_null;
                if (entry.nulls[i])
                    entry.cells[i].clear();
            }
            visit(row);
        }
    } catch (const soci::soci_error&) {
        forget(sql);
        rethrow();
    } catch (...) {
        forget(sql);
        throw;
    }
}

std::optional<std::uint64_t>
Connection::number(std::string_view sql, std::initializer_list<Param> params) {
    std::optional<std::uint64_t> value;
    query(sql, params, 1, [&](const Row& row) {
        if (!value)
            value = row.number(0);
    });
    return value;
}

std::optional<std::string>
Connection::text(std::string_view sql, std::initializer_list<Param> params) {
    std::optional<std::string> value;
    query(sql, params, 1, [&](const Row& row) {
        if (!value)
            value = row.text(0);
    });
    return value;
}

void Connection::script(std::string_view statements) {
    while (!statements.empty()) {
        auto end = statements.find(";\n");
        if (end == std::string_view::npos)
            end = statements.size();
        std::string one(statements.substr(0, end));
        statements.remove_prefix(std::min(statements.size(), end + 2));
        // SOCI takes a colon for a parameter even in a comment.
        std::string bare;
        for (std::size_t at = 0; at < one.size();) {
            const auto line_end = std::min(one.find('\n', at), one.size());
            const auto line = std::string_view(one).substr(at, line_end - at);
            if (!line.starts_with("--") && !line.empty())
                bare.append(line).append("\n");
            at = line_end + 1;
        }
        if (bare.empty())
            continue;
        try {
            backend_->session << bare;
        } catch (const soci::soci_error&) {
            rethrow();
        }
    }
}

void Connection::begin() {
    run(dialect_.begin);
}

void Connection::begin_reading() {
    run(dialect_.begin_reading);
}

void Connection::commit() {
    run("commit");
}

void Connection::rollback() noexcept {
    try {
        run("rollback");
    } catch (const std::exception&) {
        // The database has rolled back by itself, or the connection is gone with its transaction.
    }
}

namespace {

sqlite_api::sqlite3_file* file_of(soci::session& session, FilePart part) {
    auto* handle = sqlite_handle(session);
    ASSERT(handle != nullptr);
    sqlite_api::sqlite3_file* file = nullptr;
    const int which =
        part == FilePart::database ? SQLITE_FCNTL_FILE_POINTER : SQLITE_FCNTL_JOURNAL_POINTER;
    sqlite_api::sqlite3_file_control(handle, "main", which, static_cast<void*>(&file));
    return file == nullptr || file->pMethods == nullptr ? nullptr : file; // not open
}

} // namespace

void Connection::check_file_result(int result) {
    if (result != SQLITE_OK)
        throw DatabaseError(sqlite_code(result), sqlite_api::sqlite3_errstr(result), false, result);
}

std::uint64_t Connection::file_size(FilePart part) {
    auto* file = file_of(backend_->session, part);
    sqlite_api::sqlite3_int64 size = 0;
    if (file != nullptr)
        check_file_result(file->pMethods->xFileSize(file, &size));
    return static_cast<std::uint64_t>(size);
}

std::string Connection::read_file(FilePart part, std::uint64_t position, std::size_t size) {
    const auto end = file_size(part);
    std::string bytes(position < end ? std::min<std::uint64_t>(size, end - position) : 0, '\0');
    if (auto* file = file_of(backend_->session, part); file != nullptr && !bytes.empty())
        check_file_result(file->pMethods->xRead(
            file, bytes.data(), static_cast<int>(bytes.size()),
            static_cast<sqlite_api::sqlite3_int64>(position)
        ));
    return bytes;
}

std::uint64_t Connection::wal_pages() const {
    return backend_->wal_pages;
}

void Connection::scan_events(std::uint64_t from_seq, const ScanVisit& visit) {
    if (dialect_.single_server)
        scan_sqlite(from_seq, visit);
    else
        scan_pages(from_seq, visit);
}

// Verification reads every event and has about two microseconds for each, hashing included. SOCI
// would copy each column into a string and check its bindings for each row; here the columns are
// handed on where SQLite has them.
void Connection::scan_sqlite(std::uint64_t from_seq, const ScanVisit& visit) {
    auto* handle = sqlite_handle(backend_->session);
    sqlite_api::sqlite3_stmt* statement = nullptr;
    const auto check = [&](int result) {
        if (result != SQLITE_OK)
            throw DatabaseError(
                sqlite_code(result), sqlite_api::sqlite3_errmsg(handle), false, result
            );
    };
    check(sqlite_api::sqlite3_prepare_v2(
        handle,
        "select seq, tenant, kind, stream, version, type, at, leaf, body from event "
        "where seq >= ? order by seq",
        -1, &statement, nullptr
    ));
    const std::unique_ptr<sqlite_api::sqlite3_stmt, int (*)(sqlite_api::sqlite3_stmt*)> owner(
        statement, sqlite_api::sqlite3_finalize
    );
    check(sqlite_api::sqlite3_bind_int64(
        statement, 1, static_cast<sqlite_api::sqlite3_int64>(from_seq)
    ));
    const auto text = [&](int column) {
        // As a blob it comes without a copy for the zero at its end.
        const auto* bytes =
            static_cast<const char*>(sqlite_api::sqlite3_column_blob(statement, column));
        const auto size = sqlite_api::sqlite3_column_bytes(statement, column);
        return std::string_view(bytes == nullptr ? "" : bytes, static_cast<std::size_t>(size));
    };
    for (;;) {
        const int result = sqlite_api::sqlite3_step(statement);
        if (result == SQLITE_DONE)
            return;
        if (result != SQLITE_ROW)
            check(result);
        const auto leaf = digest_from_hex(text(7));
        const ScannedEvent event{
            static_cast<std::uint64_t>(sqlite_api::sqlite3_column_int64(statement, 0)),
            text(1),
            text(2),
            text(3),
            static_cast<std::uint64_t>(sqlite_api::sqlite3_column_int64(statement, 4)),
            text(5),
            Time(Span(sqlite_api::sqlite3_column_int64(statement, 6))),
            text(8),
            leaf ? leaf->view() : text(7)};
        if (!visit(event))
            return;
    }
}

void Connection::scan_pages(std::uint64_t from_seq, const ScanVisit& visit) {
    // libpq holds a whole answer in memory, so it is asked in pages.
    constexpr std::uint64_t page = 2000;
    bool go_on = true;
    for (std::uint64_t rows = page; go_on && rows == page;) {
        rows = 0;
        query(
            "select seq, tenant, kind, stream, version, type, at, leaf, body from event "
            "where seq >= :seq order by seq limit :limit",
            {from_seq, page}, 9,
            [&](const Row& row) {
                ++rows;
                from_seq = row.number(0) + 1;
                if (!go_on)
                    return;
                const auto leaf = digest_from_hex(row.text(7));
                go_on = visit(
                    {row.number(0), row.text(1), row.text(2), row.text(3), row.number(4),
                     row.text(5), row.time(6), row.text(8),
                     leaf ? leaf->view() : std::string_view(row.text(7))}
                );
            }
        );
    }
}

} // namespace slipway::store
