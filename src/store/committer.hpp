// SPDX-License-Identifier: Apache-2.0
// The one writer of this process. Callers queue a job; the writer takes all that wait, runs each
// inside one transaction and makes it durable with one flush (group commit); the teller tells the
// callers while the writer is at the next transaction. A job first checks and then writes: when it
// returns an error it has written nothing, so the others of its batch are not harmed. Limits:
// limits::commit_queue_max waiting jobs (limit_exceeded), limits::commit_batch_max jobs in a
// transaction. When the disk fails beneath SQLite, in a commit, a copy of its log or a read,
// writing ends until a new start (unavailable): the system tells a lost page once, and then calls
// it written. So it does when SQLite meets damage in its file, which writing on would only spread.
// Reading goes on, since only what was flushed can be read.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "base/limits.hpp"
#include "base/result.hpp"
#include "store/batch.hpp"
#include "store/wal_keeper.hpp"

namespace slipway::store {

class Committer {
  public:
    // A job may run more than once: when another job of its batch fails in the database, the
    // transaction is undone and each is tried by itself. It must not keep what it did the first
    // time.
    using Job = std::function<Result<void>(Batch&)>;
    // Called once, when the job is durable or refused, on the teller's thread: it must be quick and
    // must not throw.
    using Done = std::function<void(Result<void>)>;

    explicit Committer(Target target, std::size_t queue_max = limits::commit_queue_max);
    ~Committer(); // finishes what waits
    Committer(const Committer&) = delete;
    Committer& operator=(const Committer&) = delete;

    // unavailable: the database failed. When the connection is lost during the commit itself, the
    // outcome cannot be known; then it is unavailable too, and the caller finds out by reading.
    // What cannot be queued is told at once, on the caller's thread.
    void submit(Job job, Done done);
    // The same, and blocks until it is done.
    Result<void> run(const Job& job);

    // Why nothing is written: until a new start, or since a commit failed in the last half minute
    // and none has come through since.
    std::optional<Error> not_writing() const;
    // Until a new start, for what this error says of the disk or the file; gives what every caller
    // is told from now on.
    Error end_writing(const DatabaseError& error);

    void on_committed(std::function<void(std::uint64_t size)> listener);

  private:
    struct Item {
        Job job;
        Done done;
        Result<void> result = {};
    };

    // A transaction that is durable or refused, on its way to its callers.
    struct Written {
        std::vector<Item> items;
        std::uint64_t size = 0; // of the ledger after it
        bool has_tasks = false;
    };

    void write();
    void hand_over(Written written);
    void tell();
    std::vector<Item> take();
    void gather(std::unique_lock<std::mutex>& lock);
    void run_all(std::span<Item> items);
    bool run_together(std::span<Item> items);
    std::optional<Error> ended() const;
    void note(std::optional<Error> failure);
    Connection& connection();
    std::unique_ptr<Batch> begin();
    void announce(const Written& written);

    Target target_;
    std::size_t queue_max_;
    // The writer's.
    std::unique_ptr<Connection> connection_;
    std::unique_ptr<WalKeeper> wal_keeper_; // SQLite only
    KnownVersions known_versions_;          // SQLite only, whose lock file keeps others away
    std::size_t last_batch_ = 0;
    std::uint64_t size_ = 0; // of the ledger after the last batch
    bool has_tasks_ = false; // what was written since the last announcement asks for work

    mutable std::mutex mutex_;
    std::condition_variable arrived_;
    std::deque<Item> queue_;
    bool stopping_ = false;
    std::optional<Error> ended_;   // why nothing is written any more
    std::optional<Error> failure_; // of the newest commit
    std::chrono::steady_clock::time_point failed_at_;
    std::optional<Written> written_; // waits for the teller
    bool all_written_ = false;
    std::condition_variable handed_over_;
    std::condition_variable taken_;

    std::mutex listener_mutex_;
    std::function<void(std::uint64_t)> listener_;
    std::uint64_t announced_ = 0; // the teller's

    std::thread writer_;
    std::thread teller_;
};

} // namespace slipway::store
