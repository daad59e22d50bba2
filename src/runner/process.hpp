// SPDX-License-Identifier: Apache-2.0
// One child process in a process group of its own, with its standard output and error in one pipe
// or, where that is asked for, in two, and with an input that can be written to.
// Nothing of this process leaks into it: no file descriptor, no signal mask, no variable that was
// not given. The destructor leaves no process of the group behind, and neither does the end of this
// process (base/group_guard.hpp). Linux (pidfd_open, 5.3 or later). Internal to src/runner.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/confinement.hpp"
#include "base/group_guard.hpp"
#include "base/result.hpp"

namespace slipway::runner {

class FileDescriptor {
  public:
    explicit FileDescriptor(int fd = -1) : fd_(fd) {}

    FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.release()) {}

    FileDescriptor& operator=(FileDescriptor&& other) noexcept;
    ~FileDescriptor();

    int get() const { return fd_; }

    int release();

  private:
    int fd_;
};

// Where programs are looked for and what a script's PATH is.
inline constexpr std::string_view search_path =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// The absolute path of a program on search_path, or empty.
std::string find_program(std::string_view name);

struct Command {
    std::vector<std::string> arguments; // the first is an absolute path
    std::vector<std::string> environment;
    std::filesystem::path cwd;
    Confinement confinement = {};
    // A program that talks on behalf of the step: it gets an input to be written to, its errors
    // apart from its output, and no terminal to ask anybody at.
    bool conversing = false;
};

struct Ending {
    int exit_status = -1; // -1: ended by a signal, or nobody knows how
    int signal = 0;
    bool known = true; // false: the system kept no account of its end, which is no success
};

class Process {
  public:
    // Errors: unavailable with the system's reason.
    static Result<Process> start(const Command& command);
    Process(Process&&) noexcept;
    Process& operator=(Process&&) = delete;
    ~Process();

    int output() const { return output_.get(); } // not blocking

    // Of a conversing process, else -1; not blocking. The input is a socket, so that a write with
    // MSG_NOSIGNAL raises no SIGPIPE.
    int errors() const { return errors_.get(); }

    int input() const { return input_.get(); }

    void close_input() { input_ = FileDescriptor(); }

    int ended() const { return ended_.get(); } // readable once the process has ended

    // To the whole group. Safe until wait(), since the group keeps its number so long.
    void signal_group(int signal) const;
    // Waits for the end of the process itself; call it last.
    Ending wait();

  private:
    Process(pid_t pid, FileDescriptor output, FileDescriptor ended)
        : pid_(pid), output_(std::move(output)), ended_(std::move(ended)) {}

    pid_t pid_;
    FileDescriptor output_;
    FileDescriptor errors_;
    FileDescriptor input_;
    FileDescriptor ended_;
    std::optional<GroupGuard> guard_;
};

} // namespace slipway::runner
