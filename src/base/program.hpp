// SPDX-License-Identifier: Apache-2.0
// A program that runs for us, and the process group that it leads. Whatever way we leave, the group
// is ended and the program waited for; so too when this process is gone (group_guard.hpp). Whatever
// is needed to watch it and to end it is there before it begins: a program that could not be
// started has certainly done nothing, and how one that was started ends is always heard.
#pragma once

#include <string>
#include <string_view>

#include <sys/types.h>

#include "base/file_descriptor.hpp"
#include "base/group_guard.hpp"
#include "base/result.hpp"
#include "base/spawn.hpp"

namespace slipway {

// Where programs are looked for, and the PATH of those that are started.
inline constexpr std::string_view search_path =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// The absolute path of a program on search_path. Empty when there is none, and for what is no bare
// name.
std::string find_program(std::string_view name);

// Two ends that belong together; ours does not block.
struct Pipe {
    FileDescriptor ours;
    FileDescriptor theirs;
};

// For what a program writes. Errors: unavailable with the system's reason.
Result<Pipe> make_pipe();

struct Ending {
    int exit_status = -1; // -1: ended by a signal, or nobody knows how
    int signal = 0;
    bool known = true; // false: the system kept no account of its end, which is no success
};

class Program {
  public:
    // Errors: unavailable with the system's reason; then it did not begin.
    static Result<Program> start(Spawn spawn);
    Program(Program&& other) noexcept;
    Program& operator=(Program&&) = delete;
    ~Program();

    int ended() const { return ended_.get(); } // readable once the program has ended

    // To the whole group. Safe until wait(), since the group keeps its number so long.
    void signal_group(int signal) const;
    // Ends what is left of the group, and waits for the program itself; call it last.
    Ending wait();

  private:
    Program(Started started, GroupGuard guard) noexcept
        : pid_(started.pid), ended_(std::move(started.ended)), guard_(std::move(guard)) {}

    pid_t pid_;
    FileDescriptor ended_;
    GroupGuard guard_;
};

} // namespace slipway
