// SPDX-License-Identifier: Apache-2.0
#include "base/spawn.hpp"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <memory>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace slipway {

namespace {

// What the child looks at. It shares our memory until its program begins, and we wait so long
// (CLONE_VFORK), so it must neither allocate nor leave anything changed but this.
struct Child {
    const Spawn& spawn;
    Enclosure enclosure;
    std::vector<char*> arguments;
    std::vector<char*> environment;
    const char* failed = nullptr; // what
    int number = 0;               // errno
};

// execve(2) wants char* const[]; the texts outlive the call.
std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> list;
    for (const auto& text : texts)
        list.push_back(const_cast<char*>(text.c_str()));
    list.push_back(nullptr);
    return list;
}

void reset_signals() noexcept {
    struct sigaction normal {};

    normal.sa_handler = SIG_DFL;
    for (int signal = 1; signal < NSIG; ++signal)
        ::sigaction(signal, &normal, nullptr); // not permitted for some, whose default stands
}

// First away from the numbers that they shall get, as one may have another's.
bool take_files(const std::array<int, 3>& files) noexcept {
    std::array<int, 3> held{};
    for (std::size_t i = 0; i < files.size(); ++i) {
        held[i] = files[i] < 0 ? ::open("/dev/null", O_RDWR | O_CLOEXEC) : files[i];
        held[i] = held[i] < 0 ? -1 : ::fcntl(held[i], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        if (held[i] < 0)
            return false;
    }
    for (std::size_t i = 0; i < files.size(); ++i)
        if (::dup2(held[i], static_cast<int>(i)) < 0)
            return false;
    return true;
}

// In one write, so that its reader gets all of it or nothing.
bool tell_process_id(int pipe) noexcept {
    std::array<char, 16> line{};
    auto* end = std::to_chars(line.begin(), line.end() - 1, ::getpid()).ptr;
    *end++ = '\n';
    return ::write(pipe, line.data(), static_cast<std::size_t>(end - line.data())) ==
           end - line.data();
}

// What failed. Does not come back otherwise.
const char* become_program(Child& child) noexcept {
    const auto& spawn = child.spawn;
    reset_signals();
    if ((spawn.session ? ::setsid() : ::setpgid(0, 0)) < 0)
        return "no group of its own";
    if (spawn.told >= 0 && !tell_process_id(spawn.told))
        return "nothing would end it if this process ended";
    if (!take_files(spawn.files))
        return "no files for it";
    if (const auto* failed = child.enclosure.enter())
        return failed;
    if (::close_range(STDERR_FILENO + 1, ~0U, 0) != 0)
        return "our files stay open in it";
    if (!spawn.folder.empty() && ::chdir(spawn.folder.c_str()) != 0)
        return spawn.folder.c_str();
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::execve(child.arguments[0], child.arguments.data(), child.environment.data());
    return child.arguments[0];
}

// AddressSanitizer knows neither the stack that this runs on nor a function that does not return
// from it; _exit(2) would tell it.
__attribute__((no_sanitize("address"))) int run_child(void* argument) {
    auto& child = *static_cast<Child*>(argument);
    child.failed = become_program(child);
    child.number = errno;
    ::syscall(SYS_exit_group, 127);
    return 127;
}

tl::unexpected<Error> cannot_start(const char* what, int number) {
    return fail(
        ErrorCode::unavailable,
        fmt::format("cannot start it: {}: {}", what, std::generic_category().message(number))
    );
}

} // namespace

Result<Started> start_program(const Spawn& spawn) {
    Child child{
        spawn, Enclosure(spawn.confinement), pointers(spawn.arguments),
        pointers(spawn.environment)};
    constexpr std::size_t stack_size = 128 * 1024;
    const std::unique_ptr<char[]> stack(new char[stack_size]);
    // A handler of ours must not run in the child, which shares our memory.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    // The system gives what the program's end is seen by together with the process, or neither.
    const int flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD | child.enclosure.namespaces();
    int ended = -1;
    const pid_t pid = ::clone(run_child, stack.get() + stack_size, flags, &child, &ended);
    const int number = errno;
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (pid < 0)
        return cannot_start(
            child.enclosure.namespaces() == 0 ? "no process" : "no namespace", number
        );
    Started started{pid, FileDescriptor(ended)};
    if (child.failed == nullptr)
        return started;
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    return cannot_start(child.failed, child.number);
}

} // namespace slipway
