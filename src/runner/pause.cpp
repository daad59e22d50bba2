// SPDX-License-Identifier: Apache-2.0
#include "runner/pause.hpp"

#include <condition_variable>
#include <mutex>

namespace slipway::runner {

bool SystemPause::wait(Span span, const std::stop_token& stop) const {
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock(mutex);
    // Nothing but the stop ends it early.
    (void)stopped.wait_for(lock, stop, span, [] { return false; });
    return !stop.stop_requested();
}

} // namespace slipway::runner
