// SPDX-License-Identifier: Apache-2.0
#include "http/workers.hpp"

namespace slipway::http {

Workers::Workers(std::size_t threads, std::size_t queue_max) : queue_max_(queue_max) {
    threads_.reserve(threads);
    for (std::size_t i = 0; i < threads; ++i)
        threads_.emplace_back([this] { work(); });
}

Workers::~Workers() {
    stop();
}

bool Workers::submit(std::unique_ptr<Job>& job) {
    {
        const std::lock_guard lock(mutex_);
        if (stopping_ || queue_.size() >= queue_max_)
            return false;
        queue_.push_back(std::move(job));
    }
    more_.notify_one();
    return true;
}

void Workers::begin_later() {
    const std::lock_guard lock(mutex_);
    ++later_;
}

void Workers::end_later() {
    const std::lock_guard lock(mutex_);
    if (--later_ == 0)
        none_later_.notify_all();
}

void Workers::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    more_.notify_all();
    for (auto& thread : threads_)
        if (thread.joinable())
            thread.join();
    std::unique_lock lock(mutex_);
    none_later_.wait(lock, [this] { return later_ == 0; });
}

void Workers::work() {
    std::unique_lock lock(mutex_);
    while (true) {
        more_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
        if (queue_.empty())
            return;
        auto job = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        job->run();
        job.reset();
        lock.lock();
    }
}

} // namespace slipway::http
