// SPDX-License-Identifier: Apache-2.0
// What the entries of one stream add up to, by the same functions as the door uses: for
// store::rebuild(). Errors: internal for an entry without its head.
#pragma once

#include <span>

#include "app/ports/store.hpp"

namespace slipway {

Result<app::StreamWrite>
replay_stream(const app::StreamKey& key, std::span<const app::StoredEvent> events);

} // namespace slipway
