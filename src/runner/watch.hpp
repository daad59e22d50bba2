// SPDX-License-Identifier: Apache-2.0
// Watches one process until it has ended: hands on what it writes, gives it what it is to read, and
// ends it when its time is over or a stop is asked for. How it is asked to end, and what its output
// means, is the attendant's. Internal to src/runner.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "base/clock.hpp"
#include "runner/process.hpp"
#include "runner/stop_signal.hpp"

namespace slipway::runner {

using MonotonicTime = std::chrono::steady_clock::time_point;

enum class Cut : std::uint8_t { none, timed_out, stopped };

// All of it is called in the thread of Watch::run.
class Attendant {
  public:
    virtual ~Attendant() = default;
    virtual void take_output(std::string_view bytes, Time at) = 0;

    virtual void take_errors(std::string_view) {}

    // What is to be written next, or nothing; and how much of it was written.
    virtual std::string_view input() { return {}; }

    virtual void written(std::size_t) {}

    // The moment at which the process is to be ended, when the time limit says `planned`.
    virtual MonotonicTime deadline(MonotonicTime planned) const { return planned; }

    // Asks the process to end. Unless it has after `grace`, its group is killed.
    virtual void ask_to_end(Process& process) = 0;
    virtual Span grace() const = 0;
    // It has ended, and nothing more will come.
    virtual void finish(Time at) = 0;
};

class Watch {
  public:
    Watch(
        Process& process, Attendant& attendant, const Clock& clock, Span limit,
        const StopSignal& stop
    );

    // Returns when the process has ended. Why it was ended, if it was.
    Cut run();

    // It did not go when it was asked to.
    bool killed() const { return killed_; }

  private:
    bool wait_for_end();
    bool is_time() const;
    int milliseconds_left() const;
    MonotonicTime deadline() const;
    void read_output();
    void read_errors();
    void write_input();
    void drain(Cut cut);

    Process& process_;
    Attendant& attendant_;
    const Clock& clock_;
    MonotonicTime limit_; // of the part at hand: the step, its grace
    const StopSignal& stop_;
    bool listening_ = true; // until the process is being ended
    bool open_ = true;      // somebody can still write to its output
    bool errors_open_ = true;
    bool killed_ = false;
    std::array<char, 64 * 1024> buffer_;
};

} // namespace slipway::runner
