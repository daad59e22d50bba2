// SPDX-License-Identifier: Apache-2.0
// What a running step has written, in a file beside the database, so that a server that is killed
// does not take it along: the next one attaches it to the step whose end it does not know. Written
// line by line and not flushed: it outlives the process, and of a machine that loses its power the
// last lines. The file goes when the step's end is on the record.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "app/live/live_transcripts.hpp"
#include "base/time.hpp"

namespace slipway::worker {

class TranscriptFile {
  public:
    // In an empty folder's place nothing is kept.
    TranscriptFile(const std::filesystem::path& folder, const app::RunningStep& step);
    TranscriptFile(const TranscriptFile&) = delete;
    ~TranscriptFile(); // leaves the file

    // Whole lines. What the disk does not take is no reason to stop the step: its transcript is in
    // memory too, and attached at its end. Then the file keeps the lines up to there.
    void add(std::string_view lines);
    void remove();

  private:
    std::string path_;
    int file_ = -1;
    std::uint64_t size_ = 0; // of whole lines
};

// The lines that an earlier server left of this step, or nothing.
std::string left_transcript(const std::filesystem::path& folder, const app::RunningStep& step);
void remove_left_transcript(const std::filesystem::path& folder, const app::RunningStep& step);
// Removes what nobody asked for in so long a time that no step can still be running.
void sweep_transcripts(const std::filesystem::path& folder);

} // namespace slipway::worker
