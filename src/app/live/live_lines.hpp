// SPDX-License-Identifier: Apache-2.0
// What the steps that run on this server write, line by line, for those who look on. In memory and
// bounded: the durable transcript is the attachment that the worker keeps when a step has ended,
// and nothing may depend on these lines. Functions may be called from any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/id.hpp"
#include "base/time.hpp"

namespace slipway::app {

struct LiveLine {
    std::string run;
    std::string step;
    Time at{};
    std::string text;
};

class LiveLines {
  public:
    struct Page {
        std::vector<LiveLine> lines;
        std::uint64_t next = 0;     // the position behind the last of them
        std::uint64_t left_out = 0; // lines that are gone before the first of them
    };

    // `told` hears of each line and must be quick; nothing: nobody is told.
    void on_added(std::function<void()> told);

    // A step begins: who comes later sees it from here on.
    void begin(const TenantId& tenant, const std::string& change);
    void add(const TenantId& tenant, const std::string& change, LiveLine line);

    // Where a newcomer begins: at the start of the step that runs or ran last.
    std::uint64_t start(const TenantId& tenant, const std::string& change) const;
    // At most limits::live_lines_max.
    Page after(const TenantId& tenant, const std::string& change, std::uint64_t position) const;

  private:
    struct Lines {
        std::deque<LiveLine> kept;
        std::uint64_t next = 0;  // how many there have been
        std::uint64_t start = 0; // of the newest step
        std::uint64_t used = 0;  // when it was added to, by a count of all additions
    };

    using Key = std::pair<TenantId, std::string>;

    Lines& lines_of(const Key& key);

    mutable std::mutex mutex_;
    std::map<Key, Lines> changes_;
    std::uint64_t uses_ = 0;
    std::function<void()> told_;
};

} // namespace slipway::app
