// SPDX-License-Identifier: Apache-2.0
#include "cli/working.hpp"

#include <condition_variable>
#include <mutex>
#include <ostream>

namespace slipway::cli {

Working::Working(const Context& context, std::string name) {
    if (!context.around.err_is_terminal || context.quiet || context.json)
        return;
    thread_ =
        std::jthread([&err = context.around.err, name = std::move(name)](std::stop_token stop) {
            std::mutex mutex;
            std::unique_lock lock(mutex);
            std::condition_variable_any never; // only the stop ends the wait early
            std::string line;
            for (int seconds = 1;; ++seconds) {
                never.wait_for(lock, stop, std::chrono::seconds(1), [] { return false; });
                if (stop.stop_requested())
                    break;
                line = fmt::format("{}  {} s", name, seconds);
                err << '\r' << line << std::flush;
            }
            if (!line.empty())
                err << '\r' << std::string(line.size(), ' ') << '\r' << std::flush;
        });
}

Working::~Working() = default; // std::jthread asks its thread to stop and waits for it

} // namespace slipway::cli
