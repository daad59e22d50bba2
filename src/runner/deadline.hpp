// SPDX-License-Identifier: Apache-2.0
// Waits for a file descriptor until it is ready, the time is over, or a stop is asked for,
// whichever comes first. For checks that speak a protocol of their own. Internal to src/runner.
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <optional>
#include <stop_token>

#include <poll.h>

#include "runner/check.hpp"
#include "runner/stop_signal.hpp"

namespace slipway::runner {

class Deadline {
  public:
    Deadline(Span limit, std::stop_token stop)
        : limit_(limit), end_(std::chrono::steady_clock::now() + limit), stop_(std::move(stop)) {}

    // True when one of `events` (of poll) or an error is there to be found out; false when
    // `at_most` or the time is over, or a stop was asked for.
    bool wait(int descriptor, short events, std::optional<Span> at_most = {}) const {
        const auto begin = std::chrono::steady_clock::now();
        const auto end = at_most ? std::min(end_, begin + *at_most) : end_;
        while (!stop_.requested()) {
            const auto left =
                std::chrono::ceil<Span>(end - std::chrono::steady_clock::now()).count();
            if (left <= 0)
                return false;
            std::array<pollfd, 2> watched{{{descriptor, events, 0}, {stop_.get(), POLLIN, 0}}};
            const auto most = static_cast<int>(std::min<Span::rep>(left, 3'600'000));
            const int ready = ::poll(watched.data(), watched.size(), most);
            if (ready < 0 && errno != EINTR)
                return false;
            if (ready > 0 && watched[0].revents != 0)
                return true;
        }
        return false;
    }

    bool over() const { return stop_.requested() || std::chrono::steady_clock::now() >= end_; }

    // Why nothing more is waited for, once it is over.
    CheckAnswer answer() const {
        return stop_.requested() ? stopped_answer() : timed_out_answer(limit_);
    }

  private:
    Span limit_;
    std::chrono::steady_clock::time_point end_;
    StopSignal stop_;
};

} // namespace slipway::runner
