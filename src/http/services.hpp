// SPDX-License-Identifier: Apache-2.0
// What the API stands on: the door, identity, and the few things that only the program's main can
// provide. An empty function means that this server does not offer the operation: it answers
// `unavailable`.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "app/door.hpp"
#include "app/identity/identity.hpp"
#include "app/live/live_transcripts.hpp"
#include "app/probes/probes.hpp"
#include "http/message.hpp"

namespace slipway::http {

struct Services {
    app::Door& door;
    app::Identity& identity;
    const app::LiveTranscripts& live; // what running steps of this server write
    std::string version;              // of the program
    // A sandbox server's clock goes forward by the span; returns the new time.
    std::function<Result<Time>(const app::Actor&, Span by)> advance_clock = {};
    // The signed note of the newest state of the ledger.
    std::function<Result<app::StoredCheckpoint>()> checkpoint = {};
    // The evidence bundle of one change as a ZIP.
    std::function<Result<BodyStream>(const app::Actor&, const std::string& change)> export_change =
        {};
    // Takes one line for the log: what went wrong inside, with its correlation id.
    std::function<void(std::string_view line)> report = {};
    app::Probes* probes = nullptr; // nothing: this server takes none
};

} // namespace slipway::http
