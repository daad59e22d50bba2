// SPDX-License-Identifier: Apache-2.0
// Remembers for limits::bearer_cache_life whom a bearer secret speaks for, so that a busy client
// costs one look-up a second. Keys are the digests of the secrets, never the secrets. What this
// process revokes is forgotten at once; what another server revokes, within that second.
#pragma once

#include <mutex>
#include <optional>
#include <unordered_map>

#include "app/actor.hpp"
#include "base/hash.hpp"
#include "base/time.hpp"

namespace slipway::app {

class BearerCache {
  public:
    std::optional<Actor> find(const Digest& digest, Time now) const;
    // `generation` as it was before the look-up: an answer that a revocation overtook is not kept.
    void put(const Digest& digest, const Actor& actor, Time until, std::uint64_t generation);
    std::uint64_t generation() const;
    void forget(const Digest& digest);
    void forget(const TenantId& tenant, const PersonId& person);

  private:
    struct Key {
        std::size_t operator()(const Digest& digest) const noexcept;
    };

    struct Entry {
        Actor actor;
        Time until;
    };

    mutable std::mutex mutex_;
    std::uint64_t generation_ = 0;
    std::unordered_map<Digest, Entry, Key> entries_;
};

} // namespace slipway::app
