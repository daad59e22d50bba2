// SPDX-License-Identifier: Apache-2.0
// A stop that poll can see: a descriptor that is readable once the stop was asked for. It is made
// before what it is to stop: what could not be stopped is not started. Internal to src/runner.
#pragma once

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <stop_token>
#include <string>

#include <sys/eventfd.h>
#include <unistd.h>

#include "runner/process.hpp"

namespace slipway::runner {

class StopSignal {
  public:
    explicit StopSignal(std::stop_token stop)
        : stop_(std::move(stop)), wake_(::eventfd(0, EFD_CLOEXEC)),
          fault_(wake_.get() < 0 ? std::strerror(errno) : ""), on_stop_(stop_, Wake{wake_.get()}) {}

    StopSignal(const StopSignal&) = delete;
    StopSignal& operator=(const StopSignal&) = delete;

    // Why poll could not see a stop, or nothing.
    std::string fault() const {
        return fault_.empty() ? fault_ : "nothing can be started that could be stopped: " + fault_;
    }

    bool requested() const { return stop_.stop_requested(); }

    int get() const { return wake_.get(); }

  private:
    struct Wake {
        int descriptor;

        void operator()() const {
            const std::uint64_t one = 1;
            [[maybe_unused]] const auto count = ::write(descriptor, &one, sizeof one);
        }
    };

    std::stop_token stop_;
    FileDescriptor wake_;
    std::string fault_;
    std::stop_callback<Wake> on_stop_;
};

} // namespace slipway::runner
