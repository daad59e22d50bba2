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

tl::unexpected<Error> cannot_guard(const std::string& why) {
    return fail(ErrorCode::unavailable, "nothing would end it if this process ended: " + why);
}

} // namespace

Result<GroupGuard> GroupGuard::start() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return cannot_guard(std::generic_category().message(errno));
    const FileDescriptor reading(ends[0]);
    FileDescriptor writing(ends[1]);
    // In a group of its own, so that it outlives what ends ours. Its input is the pipe.
    Spawn guard;
    guard.arguments = {
        "/bin/sh", "-c", "read -r group || exit; read -r nothing; kill -s KILL -- \"-$group\"",
        "slipway-guard"};
    guard.files[STDIN_FILENO] = reading.get();
    const auto started = start_program(guard);
    if (!started)
        return cannot_guard(started.error().message);
    return GroupGuard(started->pid, std::move(writing));
}

GroupGuard::GroupGuard(GroupGuard&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pipe_(std::move(other.pipe_)) {}

GroupGuard::~GroupGuard() {
    end();
}

void GroupGuard::end() {
    if (pid_ <= 0)
        return;
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    pipe_.close();
    pid_ = -1;
}

} // namespace slipway
