// SPDX-License-Identifier: Apache-2.0
// Token buckets by key: a burst, then so many a second. Bounded: when limits::login_buckets_max
// keys are known, full buckets are forgotten first, then all of them, which only ever forgives.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/time.hpp"

namespace slipway::app {

// Whom to count an address as: an IPv6 address as its /64, which is what one subscriber has at
// least; an IPv4 address, also one mapped into IPv6, as itself. What is no address stays as it is.
std::string network_of(std::string_view address);

class RateLimit {
  public:
    RateLimit(double burst, double per_second) : burst_(burst), per_second_(per_second) {}

    // Zero when one more is allowed now (and counted), otherwise how long to wait.
    Span take(std::string_view key, Time now);

  private:
    struct Bucket {
        double tokens = 0;
        Time at{};
    };

    void forget_some(Time now);
    double filled(const Bucket& bucket, Time now) const;

    const double burst_;
    const double per_second_;
    std::mutex mutex_;
    std::unordered_map<std::string, Bucket> buckets_;
};

} // namespace slipway::app
