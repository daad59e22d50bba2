// SPDX-License-Identifier: Apache-2.0
#include "runner/watch.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace slipway::runner {

namespace {

using SteadyClock = std::chrono::steady_clock;

// A child left in the group that holds the output open is given this long after its parent's end.
constexpr Span grace_after_end = std::chrono::milliseconds(500);
constexpr int rest_after_fault_ms = 50;

} // namespace

Watch::Watch(
    Process& process, Attendant& attendant, const Clock& clock, Span limit, const StopSignal& stop
)
    : process_(process), attendant_(attendant), clock_(clock), limit_(SteadyClock::now() + limit),
      stop_(stop) {}

Cut Watch::run() {
    Cut cut = Cut::none;
    while (!wait_for_end()) {
        if (cut == Cut::none) {
            cut = stop_.requested() ? Cut::stopped : Cut::timed_out;
            attendant_.ask_to_end(process_);
            listening_ = false; // the signal stays readable
            limit_ = SteadyClock::now() + attendant_.grace();
        } else if (!killed_) {
            killed_ = true;
            process_.signal_group(SIGKILL);
            limit_ = MonotonicTime::max();
        }
    }
    drain(cut);
    return cut;
}

// True when the process has ended; false when the deadline came or a stop was asked for.
bool Watch::wait_for_end() {
    while (true) {
        const bool writing = process_.input() >= 0 && !attendant_.input().empty();
        std::array<pollfd, 5> watched{{
            {process_.ended(), POLLIN, 0},
            {open_ ? process_.output() : -1, POLLIN, 0},
            {errors_open_ ? process_.errors() : -1, POLLIN, 0},
            {writing ? process_.input() : -1, POLLOUT, 0},
            {listening_ ? stop_.get() : -1, POLLIN, 0},
        }};
        const int ready = ::poll(watched.data(), watched.size(), milliseconds_left());
        // Such as a kernel that is short of memory: the step goes on, and so do its time and we.
        if (ready < 0 && errno != EINTR)
            ::poll(nullptr, 0, rest_after_fault_ms);
        if (ready > 0 && watched[1].revents != 0)
            read_output();
        if (ready > 0 && watched[2].revents != 0)
            read_errors();
        if (ready > 0 && watched[3].revents != 0)
            write_input();
        if (ready > 0 && watched[0].revents != 0)
            return true;
        if ((listening_ && stop_.requested()) || is_time())
            return false;
    }
}

MonotonicTime Watch::deadline() const {
    // Once it is being ended, the grace counts and nothing else.
    return listening_ ? attendant_.deadline(limit_) : limit_;
}

bool Watch::is_time() const {
    return milliseconds_left() == 0;
}

int Watch::milliseconds_left() const {
    const auto end = deadline();
    if (end == MonotonicTime::max())
        return -1;
    const auto left = std::chrono::ceil<Span>(end - SteadyClock::now());
    return static_cast<int>(std::clamp<Span::rep>(left.count(), 0, 3'600'000));
}

// Reads what is there, at most one buffer.
void Watch::read_output() {
    const auto count = ::read(process_.output(), buffer_.data(), buffer_.size());
    if (count > 0)
        attendant_.take_output({buffer_.data(), static_cast<std::size_t>(count)}, clock_.now());
    else if (count == 0)
        open_ = false;
}

void Watch::read_errors() {
    const auto count = ::read(process_.errors(), buffer_.data(), buffer_.size());
    if (count > 0)
        attendant_.take_errors({buffer_.data(), static_cast<std::size_t>(count)});
    else if (count == 0)
        errors_open_ = false;
}

void Watch::write_input() {
    const auto bytes = attendant_.input();
    const auto count = ::send(process_.input(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count >= 0)
        attendant_.written(static_cast<std::size_t>(count));
    else if (errno != EAGAIN && errno != EINTR)
        process_.close_input(); // it reads no more, and is about to end
}

// The process has ended: its last words, and those of children that it left in its group. They are
// ended first, since one that writes without end would never let us finish reading.
void Watch::drain(Cut cut) {
    process_.signal_group(cut == Cut::none ? SIGTERM : SIGKILL);
    listening_ = false;
    limit_ = SteadyClock::now() + grace_after_end;
    errors_open_ = errors_open_ && process_.errors() >= 0;
    while ((open_ || errors_open_) && milliseconds_left() > 0) {
        std::array<pollfd, 2> watched{{
            {open_ ? process_.output() : -1, POLLIN, 0},
            {errors_open_ ? process_.errors() : -1, POLLIN, 0},
        }};
        if (::poll(watched.data(), watched.size(), milliseconds_left()) <= 0)
            continue;
        if (watched[0].revents != 0)
            read_output();
        if (watched[1].revents != 0)
            read_errors();
    }
    process_.signal_group(SIGKILL);
    attendant_.finish(clock_.now());
}

} // namespace slipway::runner
