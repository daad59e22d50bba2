// SPDX-License-Identifier: Apache-2.0
// Makes the bytes of a ledger entry: the envelope (domain/ledger/envelope.hpp), how the actor came
// in, and the event's data. These bytes are what is hashed, stored and exported; nothing rewrites
// them.
#pragma once

#include <string_view>

#include "app/actor.hpp"
#include "app/ports/store.hpp"

namespace slipway::app {

struct EventHead {
    const StreamKey& key;
    std::uint64_t version = 0; // of the stream after this event
    Time at{};
    const Actor& actor;
};

NewEvent make_event(const EventHead& head, std::string_view type, std::string_view data_json);

} // namespace slipway::app
