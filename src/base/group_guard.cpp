// SPDX-License-Identifier: Apache-2.0
#include "base/group_guard.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace slipway {

namespace {

// In a group of its own, so that it outlives what ends ours. Its input is the pipe.
int spawn_guard(pid_t* guard, int input, const std::string& group) {
    posix_spawn_file_actions_t files{};
    posix_spawnattr_t attributes{};
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
    );
    const std::array<const char*, 6> arguments{
        "sh",          "-c",   "read -r nothing; kill -s KILL -- \"-$1\"", "slipway-guard",
        group.c_str(), nullptr};
    char* const environment[] = {nullptr};
    const int failed = ::posix_spawn(
        guard, "/bin/sh", &files, &attributes, const_cast<char* const*>(arguments.data()),
        environment
    ); // the POSIX signature
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return failed;
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
    const int failed = spawn_guard(&pid, ends[0], std::to_string(group));
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
