// SPDX-License-Identifier: Apache-2.0
// Makes the bytes of a ledger entry: the envelope (domain/ledger/envelope.hpp), how the actor came
// in, and the event's data. These bytes are what is hashed, stored and exported; nothing rewrites
// them. And back: what stored entries say of a change.
#pragma once

#include <span>
#include <string_view>

#include "app/actor.hpp"
#include "app/ports/store.hpp"
#include "domain/change/change.hpp"

namespace slipway::app {

struct EventHead {
    const StreamKey& key;
    std::uint64_t version = 0; // of the stream after this event
    Time at{};
    const Actor& actor;
};

NewEvent make_event(const EventHead& head, std::string_view type, std::string_view data_json);

// Adds stored events to the state of a change, in their order. Errors: internal for one that cannot
// be read.
Result<void> apply_events(domain::Change& change, std::span<const StoredEvent> events);
// The state of a change as it was loaded: its document and the events since.
Result<domain::Change> change_of(const StoredStream& stored);

} // namespace slipway::app
