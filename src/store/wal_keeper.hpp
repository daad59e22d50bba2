// SPDX-License-Identifier: Apache-2.0
// Keeps SQLite's write-ahead log from growing without holding up commits. When the log is long, a
// thread with its own connection copies it into the database beside the commits (a passive
// checkpoint); the few pages that arrived meanwhile are copied by the writer between two
// transactions, after which the log starts again from its beginning.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

#include "store/connection.hpp"

namespace slipway::store {

class WalKeeper {
  public:
    // Told when the disk fails during a copy, on the thread that makes it: pages that the log was
    // to be freed of may not be where the system says they are, so trying again proves nothing.
    using DiskFault = std::function<void(const DatabaseError&)>;

    WalKeeper(Target target, DiskFault on_disk_fault);
    ~WalKeeper();
    WalKeeper(const WalKeeper&) = delete;
    WalKeeper& operator=(const WalKeeper&) = delete;

    // The writer calls this after a commit, outside of any transaction.
    void after_commit(Connection& writer);

  private:
    enum class Phase { idle, wanted, copied };

    void work();
    void copy(Connection& db);

    Target target_;
    DiskFault on_disk_fault_;
    std::mutex mutex_;
    std::condition_variable changed_;
    Phase phase_ = Phase::idle;
    std::uint64_t pages_before_copy_ = 0; // known after the first commit
    std::uint64_t quiet_until_ = 0;       // pages in the log before which nothing is tried again
    bool stopping_ = false;
    std::thread thread_;
};

} // namespace slipway::store
