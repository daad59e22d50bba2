// SPDX-License-Identifier: Apache-2.0
#include "app/change_cache.hpp"

namespace slipway::app {

std::optional<LoadedChange> ChangeCache::find(const StreamKey& key) {
    const std::lock_guard lock(mutex_);
    const auto found = changes_.find(key);
    if (found == changes_.end())
        return std::nullopt;
    uses_.splice(uses_.end(), uses_, found->second);
    return found->second->second;
}

void ChangeCache::put(const StreamKey& key, LoadedChange loaded) {
    const std::lock_guard lock(mutex_);
    keep(key, std::move(loaded));
}

std::uint64_t ChangeCache::moment() const {
    const std::lock_guard lock(mutex_);
    return dropped_;
}

void ChangeCache::put_read(const StreamKey& key, LoadedChange loaded, std::uint64_t moment) {
    const std::lock_guard lock(mutex_);
    if (moment == dropped_ || changes_.contains(key))
        keep(key, std::move(loaded));
}

void ChangeCache::keep(const StreamKey& key, LoadedChange loaded) {
    const auto found = changes_.find(key);
    if (found == changes_.end()) {
        bytes_ += loaded.size;
        changes_[key] = uses_.emplace(uses_.end(), key, std::move(loaded));
    } else {
        auto& known = found->second->second;
        if (known.version < loaded.version) {
            bytes_ += loaded.size - known.size;
            known = std::move(loaded);
        }
        uses_.splice(uses_.end(), uses_, found->second);
    }
    while (changes_.size() > limits::cached_changes_max || bytes_ > bytes_max_) {
        bytes_ -= uses_.front().second.size;
        changes_.erase(uses_.front().first);
        uses_.pop_front();
        ++dropped_;
    }
}

} // namespace slipway::app
