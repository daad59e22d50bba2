// SPDX-License-Identifier: Apache-2.0
// What happened to a change, in words of a change manager: one line for an entry of its ledger,
// with the values that tell most. Some entries name only an id (a granted waiver, an ended run); an
// EntryWords remembers what earlier entries said of it, so entries are given oldest first.
// Never throws and never fails: an event or value it does not know is shown by its wire name.
// Limits: phrase_max characters of each free text, unless it is wanted whole; values_max values of
// a list.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/json.hpp"

namespace slipway::cli {

inline constexpr std::size_t phrase_max = 80;
inline constexpr std::size_t values_max = 8;

class EntryWords {
  public:
    // `text_max` characters of each free text; 0: all of it.
    explicit EntryWords(std::size_t text_max = phrase_max) : text_max_(text_max) {}

    // `type` is the event's wire name, `data` what the entry holds. Clean text without line breaks.
    std::string of(std::string_view type, const Json& data);

  private:
    // What the last entry said of a snapshot, for the next one that tells its whole state again.
    struct SnapshotSeen {
        std::string size;
        bool asked_size = false; // and nobody has answered
        bool asked_revert = false;
        bool read_back = false;
    };

    std::string_view told_of_snapshot(const Json& data);

    std::size_t text_max_;
    std::map<std::string, std::string, std::less<>> purposes_;   // of runs, by id
    std::map<std::string, std::string, std::less<>> waivers_;    // "snapshot (no room)", by id
    std::map<std::string, SnapshotSeen, std::less<>> snapshots_; // by host and id
};

} // namespace slipway::cli
