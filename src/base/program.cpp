// SPDX-License-Identifier: Apache-2.0
#include "base/program.hpp"

#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace slipway {

std::string find_program(std::string_view name) {
    if (name.empty() || name.find('/') != std::string_view::npos)
        return {};
    for (auto rest = search_path; !rest.empty();) {
        const auto colon = rest.find(':');
        auto path = std::string(rest.substr(0, colon)) + "/" + std::string(name);
        if (::access(path.c_str(), X_OK) == 0)
            return path;
        rest.remove_prefix(colon == std::string_view::npos ? rest.size() : colon + 1);
    }
    return {};
}

Result<Pipe> make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return fail(ErrorCode::unavailable, "no pipe: " + std::generic_category().message(errno));
    Pipe pipe{FileDescriptor(ends[0]), FileDescriptor(ends[1])};
    ::fcntl(pipe.ours.get(), F_SETFL, O_NONBLOCK);
    return pipe;
}

Result<Program> Program::start(Spawn spawn) {
    auto guard = TRY(GroupGuard::start());
    spawn.told = guard.pipe();
    auto started = TRY(start_program(spawn));
    return Program(std::move(started), std::move(guard));
}

Program::Program(Program&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), ended_(std::move(other.ended_)),
      guard_(std::move(other.guard_)) {}

Program::~Program() {
    if (pid_ > 0)
        (void)wait();
}

void Program::signal_group(int signal) const {
    if (pid_ > 0)
        ::kill(-pid_, signal);
}

Ending Program::wait() {
    // Whatever is left of the group goes first: as long as its leader is not waited for, the
    // number of the group cannot belong to anybody else.
    signal_group(SIGKILL);
    guard_.end();
    int status = 0;
    pid_t waited = 0;
    while ((waited = ::waitpid(pid_, &status, 0)) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    // Where SIGCHLD is ignored, the system forgets how a child ended.
    if (waited < 0)
        return {-1, 0, false};
    if (WIFEXITED(status))
        return {WEXITSTATUS(status), 0, true};
    return {-1, WIFSIGNALED(status) ? WTERMSIG(status) : 0, true};
}

} // namespace slipway
