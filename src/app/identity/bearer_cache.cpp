// SPDX-License-Identifier: Apache-2.0
#include "app/identity/bearer_cache.hpp"

#include <cstring>

#include "base/limits.hpp"

namespace slipway::app {

std::size_t BearerCache::Key::operator()(const Digest& digest) const noexcept {
    std::size_t value = 0;
    std::memcpy(&value, digest.bytes.data(), sizeof value);
    return value;
}

std::optional<Actor> BearerCache::find(const Digest& digest, Time now) const {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(digest);
    if (found == entries_.end() || now >= found->second.until)
        return std::nullopt;
    return found->second.actor;
}

std::uint64_t BearerCache::generation() const {
    const std::lock_guard lock(mutex_);
    return generation_;
}

void BearerCache::put(
    const Digest& digest, const Actor& actor, Time until, std::uint64_t generation
) {
    const std::lock_guard lock(mutex_);
    if (generation != generation_)
        return;
    if (entries_.size() >= limits::bearer_cache_max)
        entries_.clear();
    entries_.insert_or_assign(digest, Entry{actor, until});
}

void BearerCache::forget(const Digest& digest) {
    const std::lock_guard lock(mutex_);
    ++generation_;
    entries_.erase(digest);
}

void BearerCache::forget(const TenantId& tenant, const PersonId& person) {
    const std::lock_guard lock(mutex_);
    ++generation_;
    std::erase_if(entries_, [&](const auto& entry) {
        return entry.second.actor.tenant == tenant && entry.second.actor.person == person;
    });
}

} // namespace slipway::app
