// SPDX-License-Identifier: Apache-2.0
// What the steps that run on this server have written so far, for those who look on. It is the
// transcript of the step, byte for byte, so a place in it is a number of bytes, before the step's
// end and after it: then the same bytes are an attachment. In memory, and no larger than a
// transcript may be (limits::transcript_max) for each step that runs. Functions may be called from
// any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "base/id.hpp"

namespace slipway::app {

// One carrying out of one step.
struct RunningStep {
    TenantId tenant;
    std::string change;
    std::string run;
    std::string step;
    int attempt = 0; // 1, 2, 3 ... as the entry of its beginning has it
    auto operator<=>(const RunningStep&) const = default;
};

class LiveTranscripts {
  public:
    struct Part {
        std::string text;  // whole lines
        bool more = false; // there is more behind it
    };

    // `told` hears of each addition and must be quick; nothing: nobody is told.
    void on_added(std::function<void()> told);

    void begin(const RunningStep& step);
    void add(const RunningStep& step, std::string_view lines);
    void end(const RunningStep& step);

    // All of it, as long as it runs.
    std::string text(const RunningStep& step) const;
    // What follows the first `seen` bytes, at most `most`. Nothing when it does not run here.
    Part after(const RunningStep& step, std::uint64_t seen, std::size_t most) const;

  private:
    mutable std::mutex mutex_;
    std::map<RunningStep, std::string> steps_;
    std::function<void()> told_;
};

// The part of a transcript behind `seen`, cut after its last whole line that fits.
LiveTranscripts::Part part_of(std::string_view transcript, std::uint64_t seen, std::size_t most);

} // namespace slipway::app
