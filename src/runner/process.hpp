// SPDX-License-Identifier: Apache-2.0
// One child process in a process group of its own, with its standard output and error in one pipe
// or, where that is asked for, in two, and with an input that can be written to.
// Nothing of this process leaks into it: no file descriptor, no signal mask, no variable that was
// not given; and no process of the group is left behind (base/program.hpp). Internal to src/runner.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/confinement.hpp"
#include "base/file_descriptor.hpp"
#include "base/program.hpp"
#include "base/result.hpp"

namespace slipway::runner {

struct Command {
    std::vector<std::string> arguments; // the first is an absolute path
    std::vector<std::string> environment;
    std::filesystem::path cwd;
    Confinement confinement = {};
    // A program that talks on behalf of the step: it gets an input to be written to, its errors
    // apart from its output, and no terminal to ask anybody at.
    bool conversing = false;
};

class Process {
  public:
    // Errors: unavailable with the system's reason; then nothing of the command ran.
    static Result<Process> start(const Command& command);

    int output() const { return output_.get(); } // not blocking

    // Of a conversing process, else -1; not blocking. The input is a socket, so that a write with
    // MSG_NOSIGNAL raises no SIGPIPE.
    int errors() const { return errors_.get(); }

    int input() const { return input_.get(); }

    void close_input() { input_.close(); }

    // Of Program.
    int ended() const { return program_.ended(); }

    void signal_group(int signal) const { program_.signal_group(signal); }

    Ending wait() { return program_.wait(); }

  private:
    Process(
        Program program, FileDescriptor output, FileDescriptor errors, FileDescriptor input
    ) noexcept
        : program_(std::move(program)), output_(std::move(output)), errors_(std::move(errors)),
          input_(std::move(input)) {}

    Program program_;
    FileDescriptor output_;
    FileDescriptor errors_;
    FileDescriptor input_;
};

} // namespace slipway::runner
