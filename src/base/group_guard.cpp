// SPDX-License-Identifier: Apache-2.0
#include "base/group_guard.hpp"

#include <array>
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

// In a group of its own, so that it outlives what ends ours. Its input is the pipe.
int spawn_guard(pid_t& guard, int input, const std::string& group) {
    Spawn spawn(Spawn::Apart::group);
    posix_spawn_file_actions_adddup2(spawn.files(), input, STDIN_FILENO);
    for (const int output : {STDOUT_FILENO, STDERR_FILENO})
        posix_spawn_file_actions_addopen(spawn.files(), output, "/dev/null", O_WRONLY, 0);
    const std::array<const char*, 6> arguments{
        "sh",          "-c",   "read -r nothing; kill -s KILL -- \"-$1\"", "slipway-guard",
        group.c_str(), nullptr};
    char* const environment[] = {nullptr};
    // The cast is for the POSIX signature, which promises to leave the texts alone.
    return spawn.start(guard, "/bin/sh", const_cast<char* const*>(arguments.data()), environment);
}

tl::unexpected<Error> cannot_watch(int number) {
    return fail(
        ErrorCode::unavailable,
        "nothing would end it if this process ended: " + std::generic_category().message(number)
    );
}

} // namespace

Result<GroupGuard> GroupGuard::watch(pid_t group) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return cannot_watch(errno);
    pid_t pid = 0;
    const int failed = spawn_guard(pid, ends[0], std::to_string(group));
    ::close(ends[0]);
    if (failed != 0) {
        ::close(ends[1]);
        return cannot_watch(failed);
    }
    return GroupGuard(pid, ends[1]);
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
