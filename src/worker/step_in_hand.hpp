// SPDX-License-Identifier: Apache-2.0
// One step of a run while the worker carries it out, and several of one group: what they write is
// shown to who looks on, kept in a file beside the database, and attached when their end is told.
#pragma once

#include <list>
#include <optional>

#include "domain/change/commands.hpp"
#include "domain/runbook/run_result.hpp"
#include "worker/tasks.hpp"
#include "worker/transcript_file.hpp"

namespace slipway::worker {

// The step as it is carried out the n-th time.
app::RunningStep
running_step(const TaskContext& context, const RunId& run, const std::string& step, int attempt);

// The body of report_run.
Json step_reports(const RunId& run, JsonArray steps);

class StepInHand {
  public:
    // From now on there is something to look at. The step has what it may take of the time limit.
    StepInHand(
        const TaskContext& context, const RunId& run, domain::RunbookStep step,
        app::RingSetting setting, int attempt
    );
    StepInHand(const StepInHand&) = delete;
    StepInHand& operator=(const StepInHand&) = delete;
    ~StepInHand();

    const std::string& name() const { return step_.name; }

    JsonObject beginning() const; // what is told of it before it runs
    void carry_out();             // runs it to its end; in any thread
    void not_started(std::string why);

    bool passed() const { return result_.passed(); }

    // As the record has this very attempt; nothing when it has another one, or none yet.
    Result<std::optional<domain::RunStepState>> on_record() const;

    // How it ended is known only here, so it is told until it is heard: a disk that is full for a
    // while makes no end unknown. `begun` are the beginnings that are told with it; with `ends` it
    // ends the task. A refusal leaves the task and the file with its lines: the next attempt says
    // of the step that its end is unknown, and attaches them.
    Result<void> tell_end(const JsonArray& begun, bool ends);

  private:
    void end_without_result(domain::RunOutcome outcome, std::string why);
    std::string what_it_says() const;
    JsonObject ending() const;

    const TaskContext& context_;
    RunId run_;
    domain::RunbookStep step_;
    app::RingSetting setting_;
    app::RunningStep here_;
    std::optional<TranscriptFile> file_;
    domain::StepResult result_;
};

using StepsInHand = std::list<StepInHand>; // they stay where they are while threads work on them

JsonArray beginnings(const StepsInHand& steps);
// Until it is heard, or the steps are not to begin any more.
Result<void>
tell_beginnings(const TaskContext& context, const RunId& run, const StepsInHand& steps);

// All have ended, and of all but the last one that is told.
struct Ended {
    StepInHand& last;
    Result<void> told; // of the others
};

// Runs the steps at the same time, each in a thread of its own, and tells how they ended, each as
// it does. There is at least one. A step that fails leaves the others alone.
Ended carry_out_all(StepsInHand& steps);

} // namespace slipway::worker
