// SPDX-License-Identifier: Apache-2.0
// Starts a program that inherits nothing of ours: its signals have their defaults and none is
// blocked, it leads a process group of its own, no file is open in it but its input, output and
// errors, and it has the variables that it is given. Like posix_spawn(3), with a confinement, which
// that does not know. Linux 5.9 or later (close_range).
#pragma once

#include <array>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/confinement.hpp"
#include "base/file_descriptor.hpp"
#include "base/result.hpp"

namespace slipway {

struct Spawn {
    std::vector<std::string> arguments = {};   // the first is the program's absolute path
    std::vector<std::string> environment = {}; // "NAME=value"
    std::array<int, 3> files{-1, -1, -1};      // input, output, errors; -1: /dev/null
    std::string folder = {};                   // where it starts; empty: where we are
    bool session = false;                      // of its own: it cannot reach our terminal either
    int told = -1;                // a pipe that gets a line with its process id before it begins
    Confinement confinement = {}; // a folder that is hidden is no place to start in
};

struct Started {
    pid_t pid;
    FileDescriptor ended; // a pidfd: readable once it has ended
};

// The program once it runs; whoever may leave it behind uses Program (program.hpp). Errors:
// unavailable with what failed and why; then it did not begin.
Result<Started> start_program(const Spawn& spawn);

} // namespace slipway
