// SPDX-License-Identifier: Apache-2.0
// The lines of a change's steps between the entries of its ledger, so that nothing is left out and
// nothing comes twice, whatever breaks meanwhile. The lines of a step follow the entry of its
// beginning and come before the entry of its end; those of several that run at the same time come
// between one another, each named after its step. While it runs on this server they come from
// memory, and once it has ended, from the transcript that the entry of its end names; both are the
// same bytes. So a place is the entry of the beginning and a number of bytes, for each step in
// hand, and it holds across lost connections and restarts of the server.
#pragma once

#include <vector>

#include "app/live/live_transcripts.hpp"
#include "app/ports/store.hpp"

namespace slipway::http {

struct TranscriptPlace {
    std::uint64_t began = 0; // the entry of the step's beginning
    std::uint64_t seen = 0;  // bytes of its transcript
};

using TranscriptPlaces = std::vector<TranscriptPlace>;

// The id of an event: the last entry, and the place in the transcript of each step in hand. "57",
// "60.57.1200", or "60.57.1200.58.310".
struct EventPlace {
    std::uint64_t entry = 0;
    TranscriptPlaces transcripts = {};
};

// Errors: invalid_input, naming the field.
Result<EventPlace> event_place(const std::string& field, std::string_view text);
std::string to_text(const EventPlace& place);

class TranscriptFeed {
  public:
    TranscriptFeed(
        app::Store& store, const app::LiveTranscripts& live, TenantId tenant, std::string change
    )
        : store_(store), live_(live), tenant_(std::move(tenant)), change_(std::move(change)) {}

    // Begins in front of this entry: where the places say, or at the start of the steps that run
    // there. A place that is none of this change begins like no place.
    Result<void> begin(std::uint64_t entry, const TranscriptPlaces& places);

    // To be called with each entry of the change. The lines that belong in front of it; `last_id`
    // is the entry before. It is called again while more() says so, and the entry comes then.
    Result<std::string> before(const app::StoredEvent& event, std::uint64_t last_id);
    // After it: it may be the beginning of a step.
    void note(const app::StoredEvent& event);
    // What the steps in hand have written since, as far as one batch of each goes.
    std::string lines(std::uint64_t last_id);

    bool more() const { return more_; }

    TranscriptPlaces places() const;

  private:
    struct InHand {
        std::uint64_t began = 0;
        app::RunningStep step;
        std::uint64_t seen = 0;
    };

    std::vector<InHand>::iterator find_in_hand(const app::RunningStep& step);
    void take_in_hand(InHand begun);
    std::string write(InHand& from, const app::LiveTranscripts::Part& part, std::uint64_t last_id);
    Result<app::LiveTranscripts::Part> kept(const Digest& transcript, std::uint64_t first) const;

    app::Store& store_;
    const app::LiveTranscripts& live_;
    TenantId tenant_;
    std::string change_;
    std::vector<InHand> in_hand_; // those of one run, in the order in which they began
    bool more_ = false;
};

} // namespace slipway::http
