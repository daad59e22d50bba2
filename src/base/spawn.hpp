// SPDX-License-Identifier: Apache-2.0
// Starts a program that inherits nothing of ours: its signals have their defaults and none is
// blocked, it is the leader of a process group of its own, and no file is open in it but those that
// it was given as input, output and errors.
#pragma once

#include <spawn.h>
#include <sys/types.h>

namespace slipway {

class Spawn {
  public:
    // A group of its own, or a session of its own, which cannot reach our terminal either.
    enum class Apart : short { group = POSIX_SPAWN_SETPGROUP, session = POSIX_SPAWN_SETSID };

    explicit Spawn(Apart apart);
    ~Spawn();
    Spawn(const Spawn&) = delete;
    Spawn& operator=(const Spawn&) = delete;

    // What the program is given, and where it starts: added before start().
    posix_spawn_file_actions_t* files() { return &files_; }

    // Once. Both lists end with a null. Gives 0, or the system's number of the error.
    int start(pid_t& child, const char* program, char* const* arguments, char* const* environment);

  private:
    posix_spawn_file_actions_t files_{};
    posix_spawnattr_t attributes_{};
};

} // namespace slipway
