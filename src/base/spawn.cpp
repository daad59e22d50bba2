// SPDX-License-Identifier: Apache-2.0
#include "base/spawn.hpp"

#include <csignal>

#include <unistd.h>

namespace slipway {

Spawn::Spawn(Apart apart) {
    posix_spawn_file_actions_init(&files_);
    posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(
        &attributes_, static_cast<short>(
                          static_cast<short>(apart) | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
                      )
    );
}

Spawn::~Spawn() {
    posix_spawn_file_actions_destroy(&files_);
    posix_spawnattr_destroy(&attributes_);
}

int Spawn::start(
    pid_t& child, const char* program, char* const* arguments, char* const* environment
) {
    // Last, as what the program is given is made of files that close here.
    posix_spawn_file_actions_addclosefrom_np(&files_, STDERR_FILENO + 1);
    return ::posix_spawn(&child, program, &files_, &attributes_, arguments, environment);
}

} // namespace slipway
