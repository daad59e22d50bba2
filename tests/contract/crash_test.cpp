// SPDX-License-Identifier: Apache-2.0
// Failure: a server killed under load, a full disk, a database that goes away. What was
// acknowledged is there, and what is there is whole.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <thread>

#include <fmt/format.h>

#include "contract/contract.hpp"

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
}

TEST_P(CrashContract, two_servers_cannot_open_one_directory) {
    if (!is_sqlite())
        GTEST_SKIP() << "any number of servers may share a PostgreSQL database";
    const auto second = store::open_sqlite(std::get<store::SqliteOptions>(place()));
    ASSERT_EQ(code_of(second), ErrorCode::conflict);
    EXPECT_THAT(second.error().message, testing::HasSubstr(directory_));
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
