// SPDX-License-Identifier: Apache-2.0
#include "store/committer.hpp"

#include <algorithm>
#include <future>
#include <iterator>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "store/file_check.hpp"

namespace slipway::store {

Committer::Committer(Target target, std::size_t queue_max)
    : target_(std::move(target)), queue_max_(queue_max) {
    connection_ = std::make_unique<Connection>(target_);
    if (const auto* file = std::get_if<SqliteFile>(&target_)) {
        auto copier = *file;
        copier.writer = false;
        wal_keeper_ = std::make_unique<WalKeeper>(copier, [this](const DatabaseError& error) {
            end_writing(error);
        });
    }
    writer_ = std::thread([this] { write(); });
    teller_ = std::thread([this] { tell(); });
}

Committer::~Committer() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    arrived_.notify_all();
    writer_.join();
    teller_.join();
    wal_keeper_.reset(); // its thread may still want to end the writing
}

void Committer::submit(Job job, Done done) {
    std::optional<Error> refused;
    {
        const std::lock_guard lock(mutex_);
        if (stopping_)
            refused = Error{ErrorCode::unavailable, "the server is stopping"};
        else if (ended_)
            refused = ended_;
        else if (queue_.size() >= queue_max_)
            refused = Error{ErrorCode::limit_exceeded, "too many commits are waiting"};
        else
            queue_.push_back({std::move(job), std::move(done)});
    }
    if (!refused)
        return arrived_.notify_one();
    if (refused->code == ErrorCode::limit_exceeded)
        refused->retry_after_ms = 100;
    done(tl::unexpected(*std::move(refused)));
}

Result<void> Committer::run(const Job& job) {
    // The teller may still be inside set_value() when the result is here already.
    const auto told = std::make_shared<std::promise<Result<void>>>();
    submit(std::ref(job), [told](Result<void> result) { told->set_value(std::move(result)); });
    return told->get_future().get();
}

void Committer::on_committed(std::function<void(std::uint64_t)> listener) {
    const std::lock_guard lock(listener_mutex_);
    listener_ = std::move(listener);
}

// Callers that were answered together come back within a moment of each other. The first to arrive
// would get a flush to itself and make the rest wait for it, so the writer waits a little while
// fewer are there than it served last time.
void Committer::gather(std::unique_lock<std::mutex>& lock) {
    constexpr auto patience = std::chrono::microseconds(400);
    const auto enough = std::min(last_batch_ * 3 / 4, limits::commit_batch_max);
    if (queue_.size() < enough)
        arrived_.wait_for(lock, patience, [&] { return stopping_ || queue_.size() >= enough; });
}

std::vector<Committer::Item> Committer::take() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    gather(lock);
    const auto count = std::min(queue_.size(), limits::commit_batch_max);
    const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(count);
    std::vector<Item> items(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
    queue_.erase(queue_.begin(), end);
    last_batch_ = items.size();
    return items;
}

void Committer::write() {
    for (auto items = take(); !items.empty(); items = take()) {
        run_all(items);
        hand_over({std::move(items), size_, std::exchange(has_tasks_, false)});
        if (wal_keeper_ && connection_ && !ended())
            wal_keeper_->after_commit(*connection_);
    }
    // Stopping, and nothing waits.
    const std::lock_guard lock(mutex_);
    all_written_ = true;
    handed_over_.notify_one();
}

void Committer::hand_over(Written written) {
    std::unique_lock lock(mutex_);
    taken_.wait(lock, [this] { return !written_; });
    written_ = std::move(written);
    handed_over_.notify_one();
}

void Committer::tell() {
    for (;;) {
        std::unique_lock lock(mutex_);
        handed_over_.wait(lock, [this] { return written_ || all_written_; });
        if (!written_)
            return;
        auto written = *std::exchange(written_, std::nullopt);
        taken_.notify_one();
        lock.unlock();
        // Who looks because of the announcement must find what the callers were told.
        for (auto& item : written.items)
            item.done(std::move(item.result));
        announce(written);
    }
}

Error Committer::end_writing(const DatabaseError& error) {
    const std::lock_guard lock(mutex_);
    if (!ended_)
        ended_ = Error{
            ErrorCode::unavailable,
            fmt::format(
                "{}, and nothing is written any more: {}",
                error.is_damage() ? "slipway.db is damaged"
                                  : "the disk failed beneath the database",
                error.is_damage() ? mend_of_damage : "look at the disk, then start the server again"
            ),
            error.what()};
    return *ended_;
}

std::optional<Error> Committer::ended() const {
    const std::lock_guard lock(mutex_);
    return ended_;
}

std::optional<Error> Committer::not_writing() const {
    // Where nobody writes, nothing tells that there is room again.
    constexpr auto memory = std::chrono::seconds(30);
    const std::lock_guard lock(mutex_);
    if (ended_ || !failure_ || std::chrono::steady_clock::now() - failed_at_ > memory)
        return ended_;
    return failure_;
}

void Committer::note(std::optional<Error> failure) {
    const std::lock_guard lock(mutex_);
    failure_ = std::move(failure);
    failed_at_ = std::chrono::steady_clock::now();
}

Connection& Committer::connection() {
    if (!connection_ || connection_->broken())
        connection_ = std::make_unique<Connection>(target_);
    return *connection_;
}

// A server that was restarted since the last batch shows only now; nothing was sent yet, so it is
// safe to try again on a new connection.
std::unique_ptr<Batch> Committer::begin() {
    auto* known = wal_keeper_ ? &known_versions_ : nullptr;
    try {
        return std::make_unique<Batch>(connection(), known);
    } catch (const DatabaseError& error) {
        if (!error.broken)
            throw;
    }
    return std::make_unique<Batch>(connection(), known);
}

// False when the database refused something before the commit, nothing of the batch remains, and
// each job by itself may fare better.
bool Committer::run_together(std::span<Item> items) {
    bool committing = false;
    std::uint64_t size = 0;
    bool has_tasks = false;
    const auto fail_all = [&](const Error& error) {
        for (auto& item : items)
            item.result = tl::unexpected(error);
    };
    if (const auto error = ended()) {
        fail_all(*error);
        return true;
    }
    try {
        const auto batch = begin();
        for (auto& item : items)
            item.result = item.job(*batch);
        committing = true;
        size = batch->ledger_size();
        has_tasks = batch->has_tasks();
        batch->finish();
    } catch (const DatabaseError& error) {
        const auto told = error.ends_writing() ? end_writing(error) : to_error(error);
        fail_all(told);
        if (error.code == ErrorCode::unavailable)
            note(told);
        return committing || error.ends_writing() ||
               (error.code == ErrorCode::unavailable && !error.is_full_disk());
    } catch (const std::exception& error) {
        fail_all(Error{ErrorCode::internal, "the commit failed", error.what()});
        return committing;
    }
    size_ = size;
    has_tasks_ = has_tasks_ || has_tasks;
    note(std::nullopt);
    return true;
}

void Committer::run_all(std::span<Item> items) {
    if (!run_together(items) && items.size() > 1)
        for (auto& item : items)
            run_together({&item, 1});
}

// Work may be asked for without an entry in the ledger, such as a smoke test.
void Committer::announce(const Written& written) {
    if (written.size == announced_ && !written.has_tasks)
        return;
    announced_ = written.size;
    const std::lock_guard lock(listener_mutex_);
    if (listener_)
        listener_(written.size);
}

} // namespace slipway::store
