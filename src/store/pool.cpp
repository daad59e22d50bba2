// SPDX-License-Identifier: Apache-2.0
#include "store/pool.hpp"

namespace slipway::store {

std::unique_ptr<Connection> Pool::take() {
    {
        std::unique_lock lock(mutex_);
        returned_.wait(lock, [this] { return free_ > 0; });
        --free_;
        if (!idle_.empty()) {
            auto connection = std::move(idle_.back());
            idle_.pop_back();
            return connection;
        }
    }
    try {
        return std::make_unique<Connection>(target_);
    } catch (const std::exception&) {
        give_back(nullptr);
        throw;
    }
}

void Pool::give_back(std::unique_ptr<Connection> connection) {
    std::vector<std::unique_ptr<Connection>> closed;
    {
        const std::lock_guard lock(mutex_);
        ++free_;
        if (connection && !connection->broken())
            idle_.push_back(std::move(connection));
        else if (connection)
            closed.swap(idle_);
    }
    returned_.notify_one();
}

} // namespace slipway::store
