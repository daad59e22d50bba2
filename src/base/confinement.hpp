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

#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace slipway {

// A program to be started: its arguments, the first of which is its absolute path, and "NAME=value"
// for each variable.
struct Program {
    std::vector<std::string> arguments;
    std::vector<std::string> environment;
};

class Confinement {
  public:
    // Absolute paths without symbolic links.
    struct View {
        std::vector<std::string> hidden;   // a folder is empty, a file is /dev/null
        std::vector<std::string> readable; // within what is hidden
        std::vector<std::string> writable; // within what is hidden
    };

    // None: programs are started as they are.
    Confinement() = default;

    // Tries it once. `launcher` is a program whose main() begins with confined_main(). Errors:
    // unavailable with what the system does not permit.
    static Result<Confinement> make(std::string launcher, View view);

    // The same program, started so that it sees no more than the view and what is added to it. A
    // path that is added must exist.
    Program confine(
        Program program, const std::vector<std::string>& readable,
        const std::vector<std::string>& writable
    ) const;

  private:
    std::string launcher_;
    View view_;
};

// What the launcher does when it was started to confine something: does not return then, but for an
// exit status when that fails (what failed is on standard error). The process must have one thread.
std::optional<int> confined_main(int argc, char** argv);

} // namespace slipway
