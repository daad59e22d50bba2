// SPDX-License-Identifier: Apache-2.0
// One connection to a database, with its prepared statements. Values go in as text, whole numbers,
// times or null and come out as text or numbers; both databases convert. This is the only header
// between the store's SQL and SOCI, which stays in connection.cpp. A Connection is used by one
// thread at a time. Inside this room a failing database throws DatabaseError, so that no result can
// be overlooked inside a transaction; the store's public functions turn it into an Error (guarded).
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "store/dialect.hpp"

namespace slipway::store {

struct DatabaseError : std::runtime_error {
    DatabaseError(
        ErrorCode error_code, const std::string& what, bool is_broken, int extended_result = 0
    )
        : std::runtime_error(what), code(error_code), broken(is_broken),
          sqlite_result(extended_result) {}

    // The file is not, or no longer, a sound SQLite database.
    bool is_damage() const;
    // There is no room for this statement. For a smaller one, or one that makes room, there may be.
    bool is_full_disk() const;
    // The system could not read, write or flush the file. Errors of locks and of memory, which a
    // passing shortage causes, are none.
    bool is_disk_fault() const;

    // Damage or a disk fault: whoever writes on may only make it worse.
    bool ends_writing() const { return is_damage() || is_disk_fault(); }

    ErrorCode code;
    bool broken;       // the connection is of no more use
    int sqlite_result; // SQLite's extended result code; 0 when somebody else refused
};

// internal for a damaged file, with the mend in its reason.
Error to_error(const DatabaseError& error);

class Param {
  public:
    Param(std::string_view text) : value_(text) {}

    Param(const std::string& text) : value_(std::string_view(text)) {}

    Param(const char* text) : value_(std::string_view(text)) {}

    template <std::integral T>
    Param(T number) : value_(static_cast<long long>(number)) {}

    Param(Time time) : Param(time.time_since_epoch().count()) {}

    // A null still has to know what it stands for: here always a time.
    Param(const std::optional<Time>& time)
        : value_(time ? static_cast<long long>(time->time_since_epoch().count()) : 0),
          null_(!time.has_value()) {}

  private:
    friend class Connection;
    std::variant<std::string_view, long long> value_;
    bool null_ = false;
};

using Params = std::span<const Param>;

// The columns of one row, valid during the visit.
class Row {
  public:
    explicit Row(const std::vector<std::string>& cells, const std::vector<bool>& nulls)
        : cells_(cells), nulls_(nulls) {}

    const std::string& text(std::size_t column) const { return cells_[column]; }

    std::uint64_t number(std::size_t column) const;
    Time time(std::size_t column) const;
    std::optional<Time> optional_time(std::size_t column) const;

  private:
    const std::vector<std::string>& cells_;
    const std::vector<bool>& nulls_;
};

// An event row, valid during the visit.
struct ScannedEvent {
    std::uint64_t seq = 0;
    std::string_view tenant;
    std::string_view kind;
    std::string_view stream;
    std::uint64_t version = 0;
    std::string_view type;
    Time at{};
    std::string_view body;
    std::string_view leaf; // 32 bytes; what stands there when it is no digest
};

struct SqliteFile {
    std::string path;
    bool read_only = false;
    bool writer = false; // tunes the connection for the one that writes
    std::size_t max_page_count = 0;
};

struct PostgresServer {
    std::string conninfo;
    bool read_only = false;
};

using Target = std::variant<SqliteFile, PostgresServer>;

// The two files of SQLite that hold pages.
enum class FilePart : std::uint8_t { database, log };

class Connection {
  public:
    // Throws DatabaseError.
    explicit Connection(const Target& target);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    const Dialect& dialect() const { return dialect_; }

    // Runs a statement; the number of rows that it changed.
    std::uint64_t run(std::string_view sql, std::initializer_list<Param> params = {}) {
        return run(sql, Params(params.begin(), params.size()));
    }

    std::uint64_t run(std::string_view sql, Params params);

    using Visit = std::function<void(const Row&)>;

    // Visits every row. `columns` is how many the statement selects. The visit must not use this
    // connection.
    void query(
        std::string_view sql, std::initializer_list<Param> params, std::size_t columns,
        const Visit& visit
    ) {
        query(sql, Params(params.begin(), params.size()), columns, visit);
    }

    void query(std::string_view sql, Params params, std::size_t columns, const Visit& visit);

    // The first column of the first row as a number, if there is a row.
    std::optional<std::uint64_t>
    number(std::string_view sql, std::initializer_list<Param> params = {});
    std::optional<std::string> text(std::string_view sql, std::initializer_list<Param> params = {});

    // Runs statements without parameters, each ended by ";" at the end of a line.
    void script(std::string_view statements);

    void begin();
    // A transaction that reads: until rollback() every statement sees the same state.
    void begin_reading();
    void commit();
    // Never throws: after a failure there may be nothing left to roll back.
    void rollback() noexcept;

    bool broken() const { return broken_; }

    // What lies in a file of SQLite, beneath its pages; a log that is not there has no bytes. Read
    // through the handle that SQLite has open: to open and close the file beside it would give back
    // SQLite's locks (sqlite.org/howtocorrupt.html, section 2.2). read_file() gives less than was
    // asked for at the end of the file. Not for PostgreSQL.
    std::uint64_t file_size(FilePart part);
    std::string read_file(FilePart part, std::uint64_t position, std::size_t size);

    // Pages in the write-ahead log after the last commit of this connection; 0 for PostgreSQL.
    std::uint64_t wal_pages() const;

    using ScanVisit = std::function<bool(const ScannedEvent&)>;

    // Reads every event from this one on, in order, until the visit gives false. See connection.cpp
    // for why it goes beneath SOCI. The visit must not use this connection.
    void scan_events(std::uint64_t from_seq, const ScanVisit& visit);

  private:
    struct Prepared;
    struct Backend;

    Prepared& prepared(std::string_view sql, Params params, std::size_t columns);
    void forget(std::string_view sql);
    void check_file_result(int result);
    [[noreturn]] void rethrow();
    void scan_sqlite(std::uint64_t from_seq, const ScanVisit& visit);
    void scan_pages(std::uint64_t from_seq, const ScanVisit& visit);

    const Dialect& dialect_;
    std::unique_ptr<Backend> backend_;
    bool broken_ = false;
};

// What `work` reads is of one moment.
template <class Work>
auto at_one_moment(Connection& db, const Work& work) {
    db.begin_reading();
    try {
        auto answer = work();
        db.rollback();
        return answer;
    } catch (const std::exception&) {
        db.rollback();
        throw;
    }
}

} // namespace slipway::store
