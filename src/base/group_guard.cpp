// SPDX-License-Identifier: Apache-2.0
#include "base/group_guard.hpp"

#include <cerrno>
#include <csignal>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/spawn.hpp"

namespace slipway {

namespace {

tl::unexpected<Error> cannot_watch(const std::string& why) {
    return fail(ErrorCode::unavailable, "nothing would end it if this process ended: " + why);
}

} // namespace

Result<GroupGuard> GroupGuard::watch(pid_t group) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return cannot_watch(std::generic_category().message(errno));
    // In a group of its own, so that it outlives what ends ours. Its input is the pipe.
    Spawn guard;
    guard.arguments = {
        "/bin/sh", "-c", "read -r nothing; kill -s KILL -- \"-$1\"", "slipway-guard",
        std::to_string(group)};
    guard.files[STDIN_FILENO] = ends[0];
    const auto pid = start_program(guard);
    ::close(ends[0]);
    if (!pid) {
        ::close(ends[1]);
        return cannot_watch(pid.error().message);
    }
    return GroupGuard(*pid, ends[1]);
}

GroupGuard::GroupGuard(GroupGuard&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pipe_(std::exchange(other.pipe_, -1)) {}

GroupGuard::~GroupGuard() {
    end();
}

void GroupGuard::end() {
    if (pid_ <= 0)
        return;
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    ::close(pipe_);
    pid_ = -1;
}

} // namespace slipway
