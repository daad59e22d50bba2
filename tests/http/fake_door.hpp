// SPDX-License-Identifier: Apache-2.0
// Stands where the door, the command table and the register table stand in the product. Commands:
// "open", "rename" (body {"title"}), "block" (a gate refuses), "explode" (an internal error),
// "wait" (holds its worker until the turnstile opens), and "tick", which is internal.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>

#include "app/door.hpp"

namespace slipway::test {

struct Turnstile {
    std::mutex mutex;
    std::condition_variable changed;
    bool open = false;
    int waiting = 0;

    void pass() {
        std::unique_lock lock(mutex);
        ++waiting;
        changed.notify_all();
        changed.wait(lock, [&] { return open; });
        --waiting;
    }

    void wait_for(int count) {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return waiting >= count; });
    }

    void release() {
        const std::lock_guard lock(mutex);
        open = true;
        changed.notify_all();
    }
};

Turnstile& turnstile();

} // namespace slipway::test
