// SPDX-License-Identifier: Apache-2.0
// Failure: a server killed under load, a full disk, a database that goes away. What was
// acknowledged is there, and what is there is whole.
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <thread>

#include <fmt/format.h>

#include "contract/contract.hpp"
#include "store/lock_file.hpp"

namespace slipway::contract {

using CrashContract = StoreContract;

namespace {

constexpr int kills = 20;
constexpr int writers = 8;
constexpr std::uint32_t acknowledged_before_kill = 60;

struct Acknowledged {
    std::uint32_t writer;
    std::uint32_t version;
};

std::string stream_of(int round, std::uint32_t writer) {
    return fmt::format("round-{}-{}", round, writer);
}

// The process that is going to be killed: commits without end and tells of each that was answered.
// A record fits into one atomic write of the pipe.
[[noreturn]] void commit_for_ever(app::Store& store, int round, int pipe) {
    std::vector<std::thread> threads;
    for (std::uint32_t w = 0; w < writers; ++w)
        threads.emplace_back([&, w] {
            const auto key = key_of(stream_of(round, w));
            for (std::uint32_t version = 1;; ++version) {
                auto write = write_of(key, version - 1);
                write.state += std::string(4000, ' ');
                if (!store.commit(commit_of(std::move(write))))
                    ::_exit(3);
                const Acknowledged told{w, version};
                if (::write(pipe, &told, sizeof told) != sizeof told)
                    ::_exit(4);
            }
        });
    for (auto& thread : threads)
        thread.join();
    ::_exit(5);
}

// The newest version that was acknowledged for each writer.
std::map<std::uint32_t, std::uint32_t> kill_under_load(pid_t pid, int pipe) {
    std::map<std::uint32_t, std::uint32_t> newest;
    Acknowledged told{};
    std::uint32_t count = 0;
    while (::read(pipe, &told, sizeof told) == sizeof told) {
        newest[told.writer] = std::max(newest[told.writer], told.version);
        if (++count == acknowledged_before_kill)
            ::kill(pid, SIGKILL);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself: " << WEXITSTATUS(status);
    return newest;
}

} // namespace

TEST_P(CrashContract, nothing_acknowledged_is_lost_when_a_server_is_killed) {
    begin_ledger();
    sign();
    close();
    for (int round = 0; round < kills; ++round) {
        int ends[2];
        ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        const pid_t pid = ::fork();
        ASSERT_GE(pid, 0);
        if (pid == 0) {
            ::close(ends[0]);
            const auto own = open();
            commit_for_ever(*own, round, ends[1]);
        }
        ::close(ends[1]);
        const auto newest = kill_under_load(pid, ends[0]);
        ::close(ends[0]);
        for (const auto& [writer, version] : newest)
            EXPECT_GE(must(store().load(key_of(stream_of(round, writer)))).version, version);
        expect_sound_ledger();
        close();
    }
    EXPECT_THAT(must(store::doctor(place())), testing::IsEmpty());
}

TEST_P(CrashContract, a_full_disk_refuses_cleanly) {
    if (!is_sqlite())
        GTEST_SKIP() << "the disk of a PostgreSQL server is its operator's";
    close();
    auto options = std::get<store::SqliteOptions>(place());
    options.max_page_count = 120;
    const auto small = must(store::open_sqlite(options));
    std::atomic<std::uint64_t> written = 0;
    std::atomic<int> refused = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t)
        threads.emplace_back([&, t] {
            for (std::uint64_t i = 0; i < 40; ++i) {
                auto write = write_of(key_of(fmt::format("{}-{}", t, i)), 0);
                write.state = std::string(20'000, 'x');
                const auto result = small->commit(commit_of(std::move(write)));
                if (result)
                    ++written;
                else if (result.error().code == ErrorCode::unavailable)
                    ++refused;
            }
        });
    for (auto& thread : threads)
        thread.join();
    EXPECT_GT(refused, 0);
    EXPECT_EQ(written + static_cast<std::uint64_t>(refused), 320U);
    EXPECT_EQ(must(small->ledger_size()), written);
    auto large = write_of(key_of("large"), 0);
    large.state = std::string(2'000'000, 'x');
    const auto full = small->commit(commit_of(std::move(large)));
    ASSERT_EQ(code_of(full), ErrorCode::unavailable);
    EXPECT_THAT(full.error().message, testing::HasSubstr("the disk of the data directory is full"));
    EXPECT_TRUE(small->not_writing());
}

TEST_P(CrashContract, a_disk_that_is_full_at_the_start_is_named_in_the_last_words) {
    if (!is_sqlite())
        GTEST_SKIP() << "the disk of a PostgreSQL server is its operator's";
    auto options = std::get<store::SqliteOptions>(place());
    options.directory += "/new";
    options.max_page_count = 5;
    const auto opened = store::open_sqlite(options);
    ASSERT_EQ(code_of(opened), ErrorCode::unavailable);
    EXPECT_EQ(
        opened.error().message,
        "the database cannot be opened: the disk of the data directory is full"
    );
}

namespace {

// While it lives, SQLite reaches files through it; what `failing` names cannot be flushed: the
// database, so that only copying the log into it does not succeed, or the log itself.
class FailingDisk {
  public:
    FailingDisk() {
        system = ::sqlite3_vfs_find(nullptr);
        disk_ = *system;
        disk_.zName = "failing-disk";
        disk_.xOpen = open;
        ::sqlite3_vfs_register(&disk_, 1);
    }

    ~FailingDisk() {
        failing = 0;
        ::sqlite3_vfs_unregister(&disk_);
        ::sqlite3_vfs_register(system, 1);
    }

    // One of SQLite's flags for opening; 0: all is well.
    static inline std::atomic<int> failing = 0;

  private:
    // Every file of a kind has the same functions.
    template <int Kind>
    static void wrap(::sqlite3_file* file) {
        static const auto of_system = file->pMethods;
        static const auto ours = [] {
            auto methods = *of_system;
            methods.xSync = [](::sqlite3_file* synced, int how) {
                return failing == Kind ? SQLITE_IOERR_FSYNC : of_system->xSync(synced, how);
            };
            return methods;
        }();
        file->pMethods = &ours;
    }

    static int
    open(::sqlite3_vfs*, const char* name, ::sqlite3_file* file, int flags, int* out_flags) {
        const int result = system->xOpen(system, name, file, flags, out_flags);
        if (result == SQLITE_OK && (flags & SQLITE_OPEN_MAIN_DB) != 0)
            wrap<SQLITE_OPEN_MAIN_DB>(file);
        else if (result == SQLITE_OK && (flags & SQLITE_OPEN_WAL) != 0)
            wrap<SQLITE_OPEN_WAL>(file);
        return result;
    }

    static inline ::sqlite3_vfs* system = nullptr;
    static inline ::sqlite3_vfs disk_{}; // longer than the connections that a failed test leaves
};

} // namespace

TEST_P(CrashContract, a_flush_that_fails_beside_the_commits_ends_the_writing) {
    if (!is_sqlite())
        GTEST_SKIP() << "PostgreSQL ends itself when a flush fails";
    close();
    FailingDisk disk;
    must(store().commit(commit_of(write_of(key_of("before"), 0))));
    // As much as the log may hold before it is copied.
    damage("insert into setting (name, value) values ('filler', hex(zeroblob(35000000)))");
    FailingDisk::failing = SQLITE_OPEN_MAIN_DB;
    Result<app::Receipt> last;
    for (int i = 0; i < 1000 && last; ++i) {
        last = store().commit(commit_of(write_of(key_of(fmt::format("item-{}", i)), 0)));
        std::this_thread::sleep_for(std::chrono::milliseconds(10)); // house: bounded poll
    }
    ASSERT_FALSE(last) << "commits go on though the database could not be flushed";
    EXPECT_EQ(last.error().code, ErrorCode::unavailable);
    EXPECT_THAT(last.error().message, testing::HasSubstr("the disk failed"));
    FailingDisk::failing = 0;
    EXPECT_TRUE(store().not_writing());
    EXPECT_FALSE(store().commit(commit_of(write_of(key_of("after"), 0)))) << "until a new start";
    EXPECT_EQ(must(store().load(key_of("before"))).version, 1U);
    close();
    EXPECT_FALSE(store().not_writing());
    must(store().commit(commit_of(write_of(key_of("after"), 0))));
    expect_sound_ledger();
    close();
}

TEST_P(CrashContract, a_commit_whose_flush_fails_is_not_acknowledged_and_ends_the_writing) {
    if (!is_sqlite())
        GTEST_SKIP() << "PostgreSQL ends itself when a flush fails";
    close();
    FailingDisk disk;
    must(store().commit(commit_of(write_of(key_of("before"), 0))));
    FailingDisk::failing = SQLITE_OPEN_WAL;
    const auto failed = store().commit(commit_of(write_of(key_of("lost"), 0)));
    EXPECT_EQ(code_of(failed), ErrorCode::unavailable);
    EXPECT_THAT(failed.error().message, testing::HasSubstr("the disk failed"));
    FailingDisk::failing = 0;
    EXPECT_TRUE(store().not_writing());
    EXPECT_FALSE(store().commit(commit_of(write_of(key_of("after"), 0)))) << "until a new start";
    EXPECT_EQ(must(store().load(key_of("before"))).version, 1U);
    close();
    must(store().commit(commit_of(write_of(key_of("after"), 0))));
    expect_sound_ledger();
    close();
}

TEST_P(CrashContract, two_servers_cannot_open_one_directory) {
    if (!is_sqlite())
        GTEST_SKIP() << "any number of servers may share a PostgreSQL database";
    const auto second = store::open_sqlite(std::get<store::SqliteOptions>(place()));
    ASSERT_EQ(code_of(second), ErrorCode::conflict);
    EXPECT_THAT(second.error().message, testing::HasSubstr(directory_));
}

TEST_P(CrashContract, a_look_at_the_lock_keeps_no_server_from_starting) {
    if (!is_sqlite())
        GTEST_SKIP() << "there is no lock on a PostgreSQL database";
    close();
    const auto directory = std::get<store::SqliteOptions>(place()).directory;
    EXPECT_FALSE(store::is_locked(directory));
    // What is_locked() does for a moment lasts longer here.
    const int looking = ::open((directory + "/lock").c_str(), O_RDWR | O_CLOEXEC);
    ASSERT_EQ(::flock(looking, LOCK_SH), 0);
    EXPECT_FALSE(store::is_locked(directory)) << "another look is no server";
    std::thread end([looking] {
        std::this_thread::sleep_for(std::chrono::milliseconds(50)); // house: bounded poll
        ::close(looking);
    });
    const auto lock = store::LockFile::take(directory);
    end.join();
    ASSERT_TRUE(lock) << lock.error().message;
    EXPECT_TRUE(store::is_locked(directory));
}

TEST_P(CrashContract, a_reader_beside_the_server_sees_what_is_committed_and_writes_nothing) {
    must(store().commit(commit_of(write_of(key_of("web"), 0))));
    auto where = place();
    std::unique_ptr<app::Store> reader;
    if (auto* sqlite = std::get_if<store::SqliteOptions>(&where)) {
        sqlite->read_only = true;
        reader = must(store::open_sqlite(*sqlite));
    } else {
        std::get<store::PostgresOptions>(where).read_only = true;
        reader = must(store::open_postgres(std::get<store::PostgresOptions>(where)));
    }
    EXPECT_EQ(must(reader->load(key_of("web"))).version, 1U);
    EXPECT_EQ(code_of(reader->commit(commit_of(write_of(key_of("x"), 0)))), ErrorCode::unavailable);
    EXPECT_EQ(code_of(reader->put_setting("a", "b")), ErrorCode::unavailable);
    EXPECT_EQ(code_of(reader->new_blob(acme)), ErrorCode::unavailable);
    EXPECT_EQ(code_of(reader->sweep(at(0), at(0))), ErrorCode::unavailable);
}

TEST_P(CrashContract, a_database_that_cannot_be_reached_is_unavailable) {
    EXPECT_EQ(
        code_of(store::open_postgres({.conninfo = "host=/nonexistent dbname=x"})),
        ErrorCode::unavailable
    );
    EXPECT_EQ(
        code_of(store::open_sqlite({.directory = "/proc/nonexistent"})), ErrorCode::unavailable
    );
    EXPECT_EQ(
        code_of(store::open_sqlite({.directory = directory_, .read_only = true})),
        ErrorCode::unavailable
    );
}

TEST_P(CrashContract, one_commit_that_the_database_refuses_harms_no_other) {
    // A text with a NUL or bytes that are not UTF-8: PostgreSQL refuses it, SQLite takes it.
    std::atomic<int> others = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t)
        threads.emplace_back([&, t] {
            for (std::uint64_t i = 0; i < 10; ++i) {
                auto write = write_of(key_of(fmt::format("{}-{}", t, i)), 0);
                if (t == 0)
                    write.state = "broken \xFF\xFE";
                if (store().commit(commit_of(std::move(write))) && t != 0)
                    ++others;
            }
        });
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(others, 70);
    expect_sound_ledger();
}

CONTRACT(CrashContract);

} // namespace slipway::contract
