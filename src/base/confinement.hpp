// SPDX-License-Identifier: Apache-2.0
// Keeps what the server starts for others away from what is the server's own. A step of a runbook
// and a connector's program run as the server's user, who owns the database and the key that signs
// the ledger, so file permissions cannot part them. They get a view of the file system in which the
// server's folders are empty but for what they need: a mount namespace, and a user namespace
// without capabilities, so that they cannot undo it, look into a process outside of it (ptrace(2))
// or gain rights (PR_SET_NO_NEW_PRIVS: sudo does not work). See mount_namespaces(7) and
// user_namespaces(7). Where the server is root no user namespace is made, only the capabilities go
// that would undo it: root has other ways, so a server should not be root.
// Not kept apart: whatever else this user may do outside of these folders, such as another host's
// keys in ~/.ssh, and signals to this user's processes.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"

namespace slipway {

// Absolute paths. Nothing hidden: programs are started as they are.
struct Confinement {
    // A folder is empty, a file is /dev/null. Where a symbolic link leads to is asked at the start
    // of each program, and what is not there is hidden already: a key that is rotated moves.
    std::vector<std::string> hidden = {};
    std::vector<std::string> readable = {}; // within what is hidden, without symbolic links
    std::vector<std::string> writable = {}; // the same
};

// Starts a program that does nothing. Errors: unavailable with what the system does not permit.
Result<void> try_confinement(const Confinement& confinement);

// How a child confines itself before its program begins. All is prepared beforehand: a child of a
// process with several threads may not even allocate memory.
class Enclosure {
  public:
    explicit Enclosure(const Confinement& confinement);

    // For clone(2).
    int namespaces() const;
    // In the child, once. Null, or what failed, with errno.
    const char* enter() noexcept;

  private:
    struct Hidden {
        std::string path;
        bool folder;
    };

    struct Shown {
        std::string path;
        bool folder;
        bool read_only;
        std::vector<std::string> made; // the folders that it needs, from the top
        int held;                      // while it is out of sight
    };

    const char* map_user() const noexcept;
    static const char* hide(const Hidden& hidden) noexcept;
    static const char* show(const Shown& shown) noexcept;

    bool confines_;
    std::vector<Hidden> hidden_;
    std::vector<Shown> shown_;
    std::string user_map_; // empty for root
    std::string group_map_;
};

} // namespace slipway
