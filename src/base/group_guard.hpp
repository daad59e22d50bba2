// SPDX-License-Identifier: Apache-2.0
// Ends a process group when this process is gone, however it ended: a killed server must not leave
// a deployment running that nobody watches, and that its restarted self would not know of. The
// system does the telling: a small process of its own waits for the end of a pipe that only this
// process holds open. (PR_SET_PDEATHSIG reaches a child, but not the child's children, and whoever
// leads a PID namespace, which takes them along, is deaf to SIGTERM and needs rights to be made.)
#pragma once

#include <sys/types.h>

#include "base/file_descriptor.hpp"
#include "base/result.hpp"

namespace slipway {

// It is there before the group is, so that no moment goes unwatched: the group's leader tells its
// process id before its program begins (Spawn::told). Of a leader that told none nothing is ended.
class GroupGuard {
  public:
    // Errors: unavailable with the system's reason.
    static Result<GroupGuard> start();
    GroupGuard(GroupGuard&& other) noexcept;
    GroupGuard& operator=(GroupGuard&&) = delete;
    ~GroupGuard();

    // Where the leader tells its process id.
    int pipe() const { return pipe_.get(); }

    // Before the group's leader is waited for: afterwards its number can belong to anybody.
    void end();

  private:
    GroupGuard(pid_t pid, FileDescriptor pipe) noexcept : pid_(pid), pipe_(std::move(pipe)) {}

    pid_t pid_;
    FileDescriptor pipe_;
};

} // namespace slipway
