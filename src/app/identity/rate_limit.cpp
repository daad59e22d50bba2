// SPDX-License-Identifier: Apache-2.0
#include "app/identity/rate_limit.hpp"

#include <algorithm>
#include <cmath>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/limits.hpp"

namespace slipway::app {

std::string network_of(std::string_view address) {
    const std::string text(address.substr(0, address.find('%'))); // without the interface
    in6_addr bytes{};
    if (::inet_pton(AF_INET6, text.c_str(), &bytes) != 1)
        return text;
    char out[INET6_ADDRSTRLEN] = {};
    if (IN6_IS_ADDR_V4MAPPED(&bytes))
        return ::inet_ntop(AF_INET, &bytes.s6_addr[12], out, sizeof out);
    std::fill(std::begin(bytes.s6_addr) + 8, std::end(bytes.s6_addr), std::uint8_t{0});
    return std::string(::inet_ntop(AF_INET6, &bytes, out, sizeof out)) + "/64";
}

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
