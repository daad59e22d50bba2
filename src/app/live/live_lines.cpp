// SPDX-License-Identifier: Apache-2.0
#include "app/live/live_lines.hpp"

#include <algorithm>

#include "base/limits.hpp"

namespace slipway::app {

void LiveLines::on_added(std::function<void()> told) {
    const std::lock_guard lock(mutex_);
    told_ = std::move(told);
}

// The change that nobody has written to for longest makes room.
LiveLines::Lines& LiveLines::lines_of(const Key& key) {
    if (!changes_.contains(key) && changes_.size() >= limits::live_changes_max)
        changes_.erase(std::min_element(
            changes_.begin(), changes_.end(),
            [](const auto& a, const auto& b) { return a.second.used < b.second.used; }
        ));
    auto& lines = changes_[key];
    lines.used = ++uses_;
    return lines;
}

void LiveLines::begin(const TenantId& tenant, const std::string& change) {
    const std::lock_guard lock(mutex_);
    auto& lines = lines_of({tenant, change});
    lines.start = lines.next;
}

void LiveLines::add(const TenantId& tenant, const std::string& change, LiveLine line) {
    const std::lock_guard lock(mutex_);
    auto& lines = lines_of({tenant, change});
    lines.kept.push_back(std::move(line));
    ++lines.next;
    if (lines.kept.size() > limits::live_lines_max)
        lines.kept.pop_front();
    if (told_)
        told_();
}

std::uint64_t LiveLines::start(const TenantId& tenant, const std::string& change) const {
    const std::lock_guard lock(mutex_);
    const auto found = changes_.find({tenant, change});
    return found == changes_.end() ? 0 : found->second.start;
}

LiveLines::Page
LiveLines::after(const TenantId& tenant, const std::string& change, std::uint64_t position) const {
    const std::lock_guard lock(mutex_);
    const auto found = changes_.find({tenant, change});
    if (found == changes_.end())
        return {{}, 0, 0};
    const auto& [kept, next, start, used] = found->second;
    // A position from before the lines of this change made room for others says nothing.
    const auto from = position > next ? 0 : position;
    const auto first = next - kept.size();
    Page page{{}, next, first > from ? first - from : 0};
    page.lines.assign(
        kept.begin() + static_cast<std::ptrdiff_t>(from > first ? from - first : 0), kept.end()
    );
    return page;
}

} // namespace slipway::app
