// SPDX-License-Identifier: Apache-2.0
// The states of changes as they were last loaded or committed. Who alone writes takes them for the
// truth, so an old state must never come in after a newer one was there.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "app/library.hpp"
#include "app/ports/store.hpp"
#include "base/limits.hpp"
#include "domain/change/change.hpp"

namespace slipway::app {

struct LoadedChange {
    std::uint64_t version = 0;
    std::shared_ptr<const domain::Change> change;
    std::uint64_t stored_version = 0; // of the document in the store, which may lag behind
    std::size_t size = 0;             // of the document, about
    ApplicableSteps applicable = {};
    std::shared_ptr<const ChangeSummary> summary = {}; // as it was last written, if by this server
};

// Holds at most limits::cached_changes_max of them, of limits::cached_changes_bytes_max together;
// the one that nobody has used for longest goes first. May be called from any thread.
class ChangeCache {
  public:
    explicit ChangeCache(std::size_t bytes_max = limits::cached_changes_bytes_max)
        : bytes_max_(bytes_max) {}

    std::optional<LoadedChange> find(const StreamKey& key);

    // What was committed.
    void put(const StreamKey& key, LoadedChange loaded);

    // What was read. A reader asks for the moment before it reads; when states have left the cache
    // since, a newer one of this change may have been among them, and what was read is not kept.
    std::uint64_t moment() const;
    void put_read(const StreamKey& key, LoadedChange loaded, std::uint64_t moment);

  private:
    using Uses = std::list<std::pair<StreamKey, LoadedChange>>;

    void keep(const StreamKey& key, LoadedChange loaded);

    std::size_t bytes_max_;
    mutable std::mutex mutex_;
    Uses uses_; // newest use last
    std::map<StreamKey, Uses::iterator> changes_;
    std::size_t bytes_ = 0;
    std::uint64_t dropped_ = 0; // how many have left
};

} // namespace slipway::app
