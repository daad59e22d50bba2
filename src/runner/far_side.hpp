// SPDX-License-Identifier: Apache-2.0
// The conversation with the far side of an SSH connection: what is sent, and what comes back. The
// far side is a POSIX shell that is given its program over the connection:
//
//     here                                    there
//     MARK                              ->
//                                       <-    MARK ready
//     program, interpreter, variables,
//     script, each ended by MARK        ->
//                                       <-    the step's output and errors, in their order
//                                       <-    MARK exit STATUS   or   MARK missing
//     the end of the input, to end it   ->
//                                       <-    MARK exit STATUS   or   MARK ended
//
// Whoever asks for an end knows of it only by one of these words, for ssh ends of a dead connection
// too. They are said of what the far side may end: what left the step's group, or runs as somebody
// else (sudo), is not reached. As long as that holds the output, ssh does not end.
// MARK is an unguessable line made for this one connection. Nothing is sent before the far side is
// ready, so that a step either did nothing or has to be asked about; and the script starts only
// when all of it is there. What login scripts print before that is no output of the step. Internal
// to src/runner.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "domain/runbook/runbook.hpp"
#include "runner/transcript.hpp"
#include "runner/watch.hpp"

namespace slipway::runner {

// The command that the far side's login shell is given. It is the same for every step.
extern const std::string_view far_side_command;

// Whether the text may stand for an interpreter in the conversation: a bare name.
bool is_program_name(std::string_view name);

class FarSide final : public Attendant {
  public:
    enum class Phase : std::uint8_t { connecting, running, done };

    // `connecting` is how long it may take until the far side is ready.
    FarSide(
        std::string mark, const domain::RunbookStep& step, const domain::Variables& environment,
        Span connecting, Transcript& transcript
    );

    void take_output(std::string_view bytes, Time at) override;
    void take_errors(std::string_view bytes) override;
    std::string_view input() override;
    void written(std::size_t count) override;
    MonotonicTime deadline(MonotonicTime planned) const override;
    void ask_to_end(Process& process) override;
    Span grace() const override;
    void finish(Time at) override;

    // Whether the script was sent, in whole or in part.
    bool began() const { return began_; }

    // Of the script, once it has ended by itself.
    std::optional<int> status() const { return status_; }

    bool interpreter_missing() const { return missing_; }

    // The far side has said that it ended the step, as far as it may.
    bool ended_there() const { return status_ || killed_; }

    // The script had ended before the process was asked to end.
    bool done_by_itself() const { return done_by_itself_; }

    // What ssh said, in at most ssh_words_max bytes: the last of it.
    const std::string& words() const { return words_; }

  private:
    void take_greeting(Time at);
    void take_running(Time at);
    bool take_ending(std::string_view line);
    void be_done();

    std::string mark_;
    std::string to_send_;
    std::size_t sent_ = 0;
    std::string program_; // sent once the far side is ready
    Transcript& transcript_;
    Phase phase_ = Phase::connecting;
    MonotonicTime ready_by_;
    MonotonicTime gone_by_{};
    std::string held_; // output that may be the beginning of something of ours
    std::string words_;
    std::optional<int> status_;
    bool began_ = false;
    bool missing_ = false;
    bool killed_ = false; // the step did not go when it was asked to
    bool asked_to_end_ = false;
    bool done_by_itself_ = false;
};

} // namespace slipway::runner
