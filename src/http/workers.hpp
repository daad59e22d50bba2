// SPDX-License-Identifier: Apache-2.0
// The threads on which use cases run: they block on the group commit, the threads that read the
// sockets never do. The queue is bounded; a full one is the caller's to answer with 503.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace slipway::http {

class Job {
  public:
    virtual ~Job() = default;
    virtual void run() = 0; // must not throw
};

class Workers {
  public:
    Workers(std::size_t threads, std::size_t queue_max);
    ~Workers();
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    // False, and the job stays the caller's, when the queue is full or after stop().
    bool submit(std::unique_ptr<Job>& job);
    // A job goes on after its thread has left it, until end_later(); stop() waits for that.
    void begin_later();
    void end_later();
    // Runs what is queued, then ends the threads.
    void stop();

  private:
    void work();

    const std::size_t queue_max_;
    std::mutex mutex_;
    std::condition_variable more_;
    std::deque<std::unique_ptr<Job>> queue_;
    bool stopping_ = false;
    std::size_t later_ = 0;
    std::condition_variable none_later_;
    std::vector<std::thread> threads_;
};

} // namespace slipway::http
