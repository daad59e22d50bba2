// SPDX-License-Identifier: Apache-2.0
// What people are told when a run stops: which step, why, the last lines that it printed, who
// decides, and the command to decide with. Without it a run that waits looks like one that works.
// Never decides anything, and never fails: what the server does not tell is left out.
// Limits: stop_lines_max lines, of the last stop_tail_max bytes of the step's transcript.
#pragma once

#include <string>

#include "cli/context.hpp"

namespace slipway::cli {

inline constexpr std::size_t stop_lines_max = 20;
inline constexpr std::size_t stop_tail_max = 64 * 1024;

struct StoppedRun {
    std::string change;
    std::string run;
    std::string step;
    std::string because;
};

// A block of lines, the command on a line of its own. Empty when somebody has decided meanwhile.
std::string explain_stop(const Context& context, const StoppedRun& stopped);

// A step of a parallel group did not end well while others run on: what the run waits for, until
// when, and what may be done at once. Empty when none runs.
std::string explain_failure_in_group(const Context& context, const StoppedRun& failed);

// How a run of this change begins, for somebody who follows one that is not there.
std::string explain_no_run(const std::string& change);

// Of the two people of a step one has proposed a choice: who has to agree, and with which command.
// Empty when nothing is proposed any more.
std::string explain_proposal(const Context& context, const StoppedRun& stopped);

// What can be done when abort-by is near or has passed.
std::string explain_alarm(const std::string& change);

struct AbortedRun {
    std::string change;
    std::string run;
    std::string purpose;
    std::string by; // who ended it
};

// What became of a change after this run, by its record: who goes back, why and how; or how one
// does, while nobody has. Empty when nothing is left to do.
std::string explain_abort(const Json& record, const AbortedRun& aborted, const Style& style);

} // namespace slipway::cli
