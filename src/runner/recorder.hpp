// SPDX-License-Identifier: Apache-2.0
// What the tests of this room share: a sink that remembers, and a look at whether a process is
// over. For the tests only.
#pragma once

#include <cerrno>
#include <functional>
#include <string>
#include <vector>

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runner/process.hpp"
#include "runner/step_context.hpp"

namespace slipway::runner {

class Recorder final : public TranscriptSink {
  public:
    void add(const domain::TranscriptLine& line) override {
        lines.push_back(line.text);
        bytes += transcript_text(line);
        if (on_line)
            on_line(line.text);
    }

    std::vector<std::string> lines;
    std::string bytes;
    std::function<void(const std::string&)> on_line;
};

// True when the process has ended; waits for what has been killed and is on its way.
inline bool is_dead(const std::string& pid) {
    const FileDescriptor ended(static_cast<int>(::syscall(SYS_pidfd_open, std::stoi(pid), 0)));
    if (ended.get() < 0)
        return errno == ESRCH;
    pollfd watched{ended.get(), POLLIN, 0};
    return ::poll(&watched, 1, 10'000) == 1;
}

} // namespace slipway::runner
