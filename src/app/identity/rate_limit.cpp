// SPDX-License-Identifier: Apache-2.0
#include "app/identity/rate_limit.hpp"

#include <algorithm>
#include <cmath>

#include "base/limits.hpp"

namespace slipway::app {

double RateLimit::filled(const Bucket& bucket, Time now) const {
    const double seconds = std::max(0.0, std::chrono::duration<double>(now - bucket.at).count());
    return std::min(burst_, bucket.tokens + seconds * per_second_);
}

void RateLimit::forget_some(Time now) {
    std::erase_if(buckets_, [&](const auto& entry) { return filled(entry.second, now) >= burst_; });
    if (buckets_.size() >= limits::login_buckets_max)
        buckets_.clear();
}

Span RateLimit::take(std::string_view key, Time now) {
    const std::lock_guard lock(mutex_);
    if (buckets_.size() >= limits::login_buckets_max)
        forget_some(now);
    auto& bucket = buckets_.try_emplace(std::string(key), Bucket{burst_, now}).first->second;
    bucket.tokens = filled(bucket, now);
    bucket.at = now;
    if (bucket.tokens >= 1) {
        bucket.tokens -= 1;
        return Span::zero();
    }
    const double wait_ms = (1 - bucket.tokens) / per_second_ * 1000;
    return Span(static_cast<Span::rep>(std::ceil(wait_ms)));
}

} // namespace slipway::app
