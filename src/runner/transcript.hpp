// SPDX-License-Identifier: Apache-2.0
// Turns the bytes that a process writes into lines that are safe to store and to show: valid UTF-8,
// no control character but the tab, at most transcript_line_max bytes each and transcript_max bytes
// in all. What is over a limit is left out and marked; nothing is left out silently. Secrets are
// masked in the bytes themselves, before they become lines. Internal to src/runner.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/hash.hpp"
#include "runner/mask.hpp"
#include "runner/step_context.hpp"

namespace slipway::runner {

class Transcript {
  public:
    explicit Transcript(TranscriptSink& sink, Mask mask = Mask())
        : sink_(sink), mask_(std::move(mask)) {}

    // Takes what was read at `at`. A line goes to the sink when its end is there.
    void take(std::string_view bytes, Time at);
    // The last line may have no end. What is taken after it begins a new line.
    void finish(Time at);

    Digest digest() { return hash_.finish(); }

    std::uint64_t size() const { return size_; }

    bool truncated() const { return truncated_; }

    // The lines so far, each with a line feed; what expectations are held against.
    const std::string& output() const { return output_; }

  private:
    void split(std::string_view bytes, Time at);
    void end_line(Time at);
    void add(domain::TranscriptLine line);

    TranscriptSink& sink_;
    Mask mask_;
    Sha256 hash_;
    std::string line_; // raw bytes of the line that has no end yet
    bool line_cut_ = false;
    std::string output_;
    std::uint64_t size_ = 0;
    bool truncated_ = false;
};

// Valid UTF-8 without control characters: a control character becomes \xNN, a malformed byte
// U+FFFD; a tab stays.
std::string safe_text(std::string_view bytes);

} // namespace slipway::runner
