// SPDX-License-Identifier: Apache-2.0
// What came of one step or one smoke check: plain values, made by src/runner or read from a JUnit
// report, judged by gates, stored as evidence. A result never says "passed" unless the exit status,
// the output and the time limit were all as the runbook has them.
#pragma once

#include <string>
#include <vector>

#include "base/codec.hpp"
#include "domain/runbook/runbook.hpp"

namespace slipway::domain {

// failed: another exit status. not_started: the interpreter or the place to run was not there.
// stopped: somebody asked for it. skipped appears in imported reports only. unknown: it began, and
// how it ended, or whether it has, is not known.
SLIPWAY_ENUM(
    RunOutcome, passed, failed, unexpected_output, timed_out, signalled, stopped, not_started,
    skipped, unknown
)

struct StepResult {
    std::string name;
    Digest step_digest; // RunbookStep::digest of what ran
    RunOutcome outcome{};
    int exit_status = -1; // -1 when the process did not exit by itself
    int signal = 0;       // that ended it, or 0
    std::string message;  // one sentence for people
    Time started{};
    Time ended{};
    Digest transcript; // SHA-256 of the transcript: each line as transcript_text() gives it
    std::uint64_t transcript_bytes = 0;
    bool transcript_truncated = false;
    bool operator==(const StepResult&) const = default;

    bool passed() const { return outcome == RunOutcome::passed; }

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("name", self.name, required("name of the step"));
        visit("step_digest", self.step_digest, required("SHA-256 of the step that ran"));
        visit("outcome", self.outcome, required("what came of it"));
        visit("exit_status", self.exit_status, optional("-1: it did not exit by itself"));
        visit("signal", self.signal, optional("signal that ended it, or 0"));
        visit("message", self.message, optional("in one sentence", limits::text_max));
        visit("started", self.started, required("when it began"));
        visit("ended", self.ended, required("when it ended"));
        visit("transcript", self.transcript, optional("SHA-256 of the transcript"));
        visit("transcript_bytes", self.transcript_bytes, optional("length of the transcript"));
        visit("transcript_truncated", self.transcript_truncated, optional("lines are missing"));
    }
};

struct CheckResult {
    std::string name;
    RunOutcome outcome{};
    int status = 0;      // HTTP status or exit status; 0 when there was none
    std::string message; // one sentence for people
    Time started{};      // settling included; the epoch when an imported report does not tell
    Time ended{};
    bool outside = false;
    int tries = 0; // that were made; 0 when none was, or the report does not tell
    bool operator==(const CheckResult&) const = default;

    bool passed() const { return outcome == RunOutcome::passed; }

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("name", self.name, required("name of the check"));
        visit("outcome", self.outcome, required("what came of it"));
        visit("status", self.status, optional("HTTP status or exit status"));
        visit("message", self.message, optional("in one sentence", limits::text_max));
        visit("started", self.started, optional("when it began"));
        visit("ended", self.ended, optional("when it ended"));
        visit("outside", self.outside, optional("seen from the outside vantage point"));
        visit("tries", self.tries, optional("tries that were made; 0: not known"));
    }
};

// One line of output. `text` is valid UTF-8 without control characters.
struct TranscriptLine {
    Time at{};
    std::string text;
    bool operator==(const TranscriptLine&) const = default;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("at", self.at, required("when it was written"));
        visit("text", self.text, optional("what was written", limits::transcript_line_max + 64));
    }
};

// "2026-11-22T19:53:12.123Z text\n": how a transcript is stored, shown and hashed.
inline std::string transcript_text(const TranscriptLine& line) {
    return slipway::to_text(line.at) + " " + line.text + "\n";
}

} // namespace slipway::domain
