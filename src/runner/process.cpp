// SPDX-License-Identifier: Apache-2.0
#include "runner/process.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/spawn.hpp"

namespace slipway::runner {

namespace {

tl::unexpected<Error> fail_system(const char* what, int number) {
    return fail(
        ErrorCode::unavailable, std::string(what) + ": " + std::generic_category().message(number)
    );
}

// Two ends that belong together; ours does not block.
struct Pair {
    FileDescriptor ours;
    FileDescriptor theirs;
};

Result<Pair> make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return fail_system("no pipe", errno);
    Pair pair{FileDescriptor(ends[0]), FileDescriptor(ends[1])};
    ::fcntl(pair.ours.get(), F_SETFL, O_NONBLOCK);
    return pair;
}

Result<Pair> make_input() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return fail_system("no socket", errno);
    Pair pair{FileDescriptor(ends[0]), FileDescriptor(ends[1])};
    ::fcntl(pair.ours.get(), F_SETFL, O_NONBLOCK);
    return pair;
}

} // namespace

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
    if (this != &other) {
        if (fd_ >= 0)
            ::close(fd_);
        fd_ = other.release();
    }
    return *this;
}

FileDescriptor::~FileDescriptor() {
    if (fd_ >= 0)
        ::close(fd_);
}

int FileDescriptor::release() {
    return std::exchange(fd_, -1);
}

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

Result<Process> Process::start(const Command& command) {
    auto output = TRY(make_pipe());
    Pair errors;
    Pair input;
    if (command.conversing) {
        errors = TRY(make_pipe());
        input = TRY(make_input());
    }
    Spawn program;
    program.arguments = command.arguments;
    program.environment = command.environment;
    program.folder = command.cwd;
    program.session = command.conversing;
    program.confinement = command.confinement;
    program.files = {
        input.theirs.get(), output.theirs.get(),
        command.conversing ? errors.theirs.get() : output.theirs.get()};
    const auto pid = TRY(start_program(program));
    FileDescriptor ended(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    const int number = errno;
    Process process(pid, std::move(output.ours), std::move(ended));
    process.errors_ = std::move(errors.ours);
    process.input_ = std::move(input.ours);
    if (process.ended() < 0)
        return fail_system("it cannot be watched", number);
    process.guard_.emplace(TRY(GroupGuard::watch(pid)));
    return process;
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), output_(std::move(other.output_)),
      errors_(std::move(other.errors_)), input_(std::move(other.input_)),
      ended_(std::move(other.ended_)), guard_(std::move(other.guard_)) {}

Process::~Process() {
    if (pid_ > 0)
        (void)wait();
}

void Process::signal_group(int signal) const {
    if (pid_ > 0)
        ::kill(-pid_, signal);
}

Ending Process::wait() {
    // Whatever is left of the group goes first: as long as its leader is not waited for, the
    // number of the group cannot belong to anybody else.
    signal_group(SIGKILL);
    if (guard_)
        guard_->end();
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

} // namespace slipway::runner
