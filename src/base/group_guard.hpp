// SPDX-License-Identifier: Apache-2.0
// Ends a process group when this process is gone, however it ended: a killed server must not leave
// a deployment running that nobody watches, and that its restarted self would not know of. The
// system does the telling: a small process of its own waits for the end of a pipe that only this
// process holds open. (PR_SET_PDEATHSIG reaches a child, but not the child's children.)
#pragma once

#include <sys/types.h>

#include "base/result.hpp"

namespace slipway {

class GroupGuard {
  public:
    // Errors: unavailable with the system's reason.
    static Result<GroupGuard> watch(pid_t group);
    GroupGuard(GroupGuard&& other) noexcept;
    GroupGuard& operator=(GroupGuard&&) = delete;
    ~GroupGuard();

    // Before the group's leader is waited for: afterwards its number can belong to anybody.
    void end();

  private:
    GroupGuard(pid_t pid, int pipe) : pid_(pid), pipe_(pipe) {}

    pid_t pid_;
    int pipe_; // the end that nothing is ever written to
};

} // namespace slipway
