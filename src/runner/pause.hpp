// SPDX-License-Identifier: Apache-2.0
// Waiting between two tries of a smoke check. It is injected as time is, so that a test of twenty
// tries takes no time; a stop ends it at once.
#pragma once

#include <stop_token>

#include "base/time.hpp"

namespace slipway::runner {

class Pause {
  public:
    virtual ~Pause() = default;
    // True when the whole time went by; false as soon as a stop is asked for.
    virtual bool wait(Span span, const std::stop_token& stop) const = 0;
};

// By the machine's monotonic clock.
class SystemPause final : public Pause {
  public:
    bool wait(Span span, const std::stop_token& stop) const override;
};

inline const SystemPause system_pause;

} // namespace slipway::runner
