// SPDX-License-Identifier: Apache-2.0
// The part of a server that acts on its own: it looks at changes whose time has come, carries out
// committed tasks (runs, smoke tests, preflights, facts of rings, backups, snapshots, notices,
// pages) and signs checkpoints. It
// changes nothing itself: what came of a task goes back as a command through the door, in one
// transaction with the end of the task. A task is leased, so several servers on one database do
// nothing twice: a lost lease refuses the result, and who cannot renew his lease stops what he
// holds before it is lost.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "app/door.hpp"
#include "app/live/live_transcripts.hpp"
#include "app/ports/connectors.hpp"
#include "app/ports/runner.hpp"
#include "app/probes/probes.hpp"

namespace slipway::worker {

struct WorkerParts {
    app::Door& door;
    app::Connectors& connectors;
    app::Runner& runner;
    std::string server;                    // names this server in leases
    app::LiveTranscripts& live;            // hears what a running step writes
    std::size_t threads = 4;               // short tasks at a time: notices, pages
    std::size_t runs = 256;                // at a time
    std::size_t long_tasks = 16;           // of each other kind that may take long, at a time
    Span lease = std::chrono::seconds(60); // renewed thrice in this time while the task is in hand
    Span poll = std::chrono::seconds(1);   // how long work from elsewhere may wait unseen
    // Where the lines of running steps outlive this process; empty: nowhere.
    std::filesystem::path transcripts = {};
    std::function<Result<void>()> publish = {}; // signs a checkpoint when the ledger has grown
    std::function<void(std::string_view line)> report = {}; // one line for the log
    std::string_view facts_script = {};     // probes/facts.sh, and the digest of what runs is kept
    std::string_view preflight_script = {}; // probes/preflight.sh
    app::Probes* probes = nullptr;          // look from the outside; nothing: nobody does
};

class Worker {
  public:
    explicit Worker(WorkerParts parts);
    ~Worker(); // stop()
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    // Something was committed, or the clock was advanced. Cheap, from any thread.
    void wake();
    // Ends running steps, waits for the threads.
    void stop();

    struct Inside;

  private:
    std::unique_ptr<Inside> inside_;
};

} // namespace slipway::worker
