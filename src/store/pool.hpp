// SPDX-License-Identifier: Apache-2.0
// Connections for reading: opened when first needed, at most `size`, used by one caller at a time.
// A caller waits for a free one. A connection that broke is closed, and so are the idle ones, since
// what broke it (a restarted server) broke them too.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "store/connection.hpp"

namespace slipway::store {

class Pool {
  public:
    Pool(Target target, std::size_t size) : target_(std::move(target)), free_(size) {}

    // Returns the connection to the pool when it goes out of scope.
    class Lease {
      public:
        explicit Lease(Pool& pool) : pool_(pool), connection_(pool.take()) {}

        ~Lease() { pool_.give_back(std::move(connection_)); }

        Lease(const Lease&) = delete;
        Lease& operator=(const Lease&) = delete;

        Connection& operator*() { return *connection_; }

      private:
        Pool& pool_;
        std::unique_ptr<Connection> connection_;
    };

  private:
    std::unique_ptr<Connection> take();
    void give_back(std::unique_ptr<Connection> connection);

    Target target_;
    std::mutex mutex_;
    std::condition_variable returned_;
    std::size_t free_; // connections that may still be taken, open or not
    std::vector<std::unique_ptr<Connection>> idle_;
};

} // namespace slipway::store
