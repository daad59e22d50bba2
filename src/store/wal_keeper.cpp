// SPDX-License-Identifier: Apache-2.0
#include "store/wal_keeper.hpp"

namespace slipway::store {

namespace {

// A longer log saves copying pages that change often; a shorter one makes opening after a crash
// faster, since it is read once then.
constexpr std::uint64_t bytes_before_copy = 64ULL * 1024 * 1024;

} // namespace

WalKeeper::WalKeeper(Target target, DiskFault on_disk_fault)
    : target_(std::move(target)), on_disk_fault_(std::move(on_disk_fault)),
      thread_([this] { work(); }) {}

WalKeeper::~WalKeeper() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void WalKeeper::copy(Connection& db) {
    try {
        db.query("pragma wal_checkpoint(passive)", {}, 3, [](const Row&) {});
    } catch (const DatabaseError& error) {
        if (error.ends_writing())
            on_disk_fault_(error);
        throw;
    }
}

void WalKeeper::after_commit(Connection& writer) {
    try {
        if (pages_before_copy_ == 0)
            pages_before_copy_ =
                bytes_before_copy / writer.number("pragma page_size").value_or(4096);
    } catch (const DatabaseError&) {
        return; // asked again after the next commit
    }
    const auto pages = writer.wal_pages();
    if (pages < pages_before_copy_)
        quiet_until_ = 0;
    {
        const std::lock_guard lock(mutex_);
        if (phase_ == Phase::wanted || pages < pages_before_copy_ || pages < quiet_until_)
            return;
        if (phase_ == Phase::idle) {
            phase_ = Phase::wanted;
            changed_.notify_all();
            return;
        }
        phase_ = Phase::idle;
    }
    try {
        copy(writer);
    } catch (const DatabaseError&) {
        // The log stays as it is and is tried again. Unless the disk has failed, commits go on,
        // since they only append to it.
    }
    // If a long read keeps the log from starting again, do not try at each commit.
    quiet_until_ = pages + pages_before_copy_ / 4;
}

void WalKeeper::work() {
    std::unique_ptr<Connection> connection;
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return stopping_ || phase_ == Phase::wanted; });
        if (stopping_)
            return;
        lock.unlock();
        try {
            if (!connection)
                connection = std::make_unique<Connection>(target_);
            copy(*connection);
        } catch (const DatabaseError&) {
            connection.reset();
        }
        lock.lock();
        phase_ = Phase::copied;
    }
}

} // namespace slipway::store
