// SPDX-License-Identifier: Apache-2.0
// Runs a local program for a connector: an argument list, never a shell; bytes on standard input,
// bytes on standard output. The program gets its own session, a minimal environment, no file of
// ours but the three standard ones, a time limit and an output limit; when it ends or is ended, so
// is everything it started in its session's group; so too when this process ends. Linux only
// (pidfd, memfd_create).
#pragma once

#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "base/confinement.hpp"
#include "base/hash.hpp"
#include "base/limits.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace slipway::connectors {

struct CommandRequest {
    std::vector<std::string> arguments = {}; // the first is the program, found in the fixed path
    std::map<std::string, std::string> environment = {};
    std::string input = {};
    std::string folder = "/";
    Confinement confinement = {}; // in which the folder, where it is another, can be written to
    Span timeout{};
    std::size_t output_max = 0; // bytes; 0: limits::connector_output_max
    std::stop_token stop = {};  // ends the program: unavailable
};

struct CommandAnswer {
    int status = 0; // the exit status, or 128 + the signal that ended it
    std::string output = {};
    // The end of standard error, or where a program that failed wrote nothing there, of standard
    // output: 2000 bytes, and before them as much as a secret may have, so that one which reaches
    // into them is there as a whole.
    std::string last_words = {};
    bool last_words_cut = false;
};

// Errors: invalid_input (no such program, a NUL byte), timeout, limit_exceeded (output),
// unavailable (it could not be started and did nothing; or nobody knows how it ended).
Result<CommandAnswer> run_command(const CommandRequest& request);

// A private folder that is removed with everything in it when the object goes.
class ScratchFolder {
  public:
    static Result<ScratchFolder> make(const std::string& below);
    ScratchFolder(ScratchFolder&& other) noexcept;
    ScratchFolder& operator=(ScratchFolder&&) = delete;
    ~ScratchFolder();

    const std::string& path() const { return path_; }

  private:
    explicit ScratchFolder(std::string path) : path_(std::move(path)) {}

    std::string path_;
};

struct TreeDigest {
    Digest digest{};
    std::int64_t files = 0;
    std::int64_t bytes = 0;
    std::vector<std::string> filled = {}; // the paths of files that are not empty, in byte order
};

// The digest of every regular file below a folder, as app::BackupProof defines it; symbolic links
// are not followed. Errors: not_found, limit_exceeded (files_max), unavailable.
Result<TreeDigest>
digest_tree(const std::string& folder, std::size_t files_max = limits::tree_files_max);

// What a restored folder has to hold. When nobody demands anything: a file with a byte in it.
struct ContentDemand {
    std::vector<std::string> must_contain = {}; // files, or folders that hold one; none empty
    std::int64_t least_files = 1;
    std::int64_t least_bytes = 1;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("must_contain", self.must_contain, optional("paths in it", limits::list_max));
        visit("least_files", self.least_files, optional("how many files at least"));
        visit("least_bytes", self.least_bytes, optional("how many bytes at least"));
    }
};

// What the tree lacks of it; empty when it lacks nothing.
std::string lacking(const TreeDigest& tree, const ContentDemand& demand);

} // namespace slipway::connectors
