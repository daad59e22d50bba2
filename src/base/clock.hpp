// SPDX-License-Identifier: Apache-2.0
// Time is injected. The production clock is the system's; a sandbox clock adds an offset that can
// only grow, so that lead times and stabilisation can be lived through in a demonstration or a
// test.
#pragma once

#include <atomic>

#include "base/time.hpp"

namespace slipway {

class Clock {
  public:
    virtual ~Clock() = default;
    virtual Time now() const = 0;
};

class SystemClock final : public Clock {
  public:
    Time now() const override {
        return std::chrono::floor<Span>(std::chrono::system_clock::now()); // house: the only call
    }
};

// A clock that can be advanced, never turned back.
class SandboxClock final : public Clock {
  public:
    explicit SandboxClock(const Clock& base, Span offset = Span::zero())
        : base_(base), offset_ms_(offset.count()) {}

    Time now() const override { return base_.now() + offset(); }

    Span offset() const { return Span(offset_ms_.load()); }

    void advance(Span by) { offset_ms_ += by.count(); }

  private:
    const Clock& base_;
    std::atomic<Span::rep> offset_ms_;
};

// A clock that stands still until it is told otherwise. For tests.
class FixedClock final : public Clock {
  public:
    explicit FixedClock(Time time) : now_(time) {}

    Time now() const override { return now_.load(); }

    void set(Time time) { now_ = time; }

    void advance(Span by) { now_ = now_.load() + by; }

  private:
    std::atomic<Time> now_;
};

} // namespace slipway
