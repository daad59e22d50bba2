// SPDX-License-Identifier: Apache-2.0
// Runs one step of a runbook on another machine, through the OpenSSH client program and as the
// user's ssh_config says: aliases, users, keys, agent, jump hosts, known_hosts. Nobody is ever
// asked for anything (BatchMode, no terminal), and no check of a host's key is made weaker than it
// is configured. Each step has a connection of its own.
//
// Script, variables and secrets go over the connection's input, so nothing of them stands in a
// command line or in a file on either side; the far side needs sshd, sh, sleep, /dev/fd and the
// interpreter. When the connection ends, for whatever reason, the far side ends the step's process
// group: SIGTERM, two seconds later SIGKILL. That is also how a time limit and a stop work.
//
// A step whose script was not sent yet is `not_started`: it certainly did nothing. A step whose
// connection was lost after that is `failed` with exit status -1, and the message says that its end
// is unknown. The script's own exit status, 255 included, comes back over the connection behind a
// random mark and is never confused with that of ssh.
//
// The time limit of the step counts from the begin of the connection. Limits: transcript_max,
// transcript_line_max, ssh_words_max. Sources: ssh(1), ssh_config(5) of OpenSSH 9.2.
#pragma once

#include <filesystem>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "runner/step_context.hpp"

namespace slipway::runner {

struct SshOptions {
    // Instead of the user's and the system's ssh_config; empty: those.
    std::filesystem::path config_file = {};
    // For the network connection, in whole seconds. Twice as long may pass until the far side has
    // let us in, since a host can accept a connection and never say a word.
    Span connect_limit = std::chrono::seconds(15);
    // A connection on which nothing came back for alive_count times this long is lost.
    Span alive_interval = std::chrono::seconds(5);
    int alive_count = 3;
};

// Safe to use from several threads at once when `random` is.
class SshRunner {
  public:
    SshRunner(const Clock& clock, Random& random, SshOptions options = {});

    // Runs a command or a verify step whose `host` is another machine; with its variables put in it
    // must be a domain::is_host_name. Whatever goes wrong is in the result.
    domain::StepResult run_step(
        const domain::RunbookStep& step, const StepContext& context, TranscriptSink& sink
    ) const;

  private:
    const Clock& clock_;
    Random& random_;
    SshOptions options_;
};

} // namespace slipway::runner
