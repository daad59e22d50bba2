// SPDX-License-Identifier: Apache-2.0
#include "domain/calendar/interval.hpp"

#include <algorithm>

namespace slipway::domain {

bool overlaps(const Interval& a, const Interval& b) {
    return overlap_of(a, b).has_value();
}

std::optional<Interval> overlap_of(const Interval& a, const Interval& b) {
    const Interval shared{std::max(a.start, b.start), std::min(a.end, b.end)};
    if (shared.empty())
        return std::nullopt;
    return shared;
}

bool contains(const Interval& outer, Time instant) {
    return outer.start <= instant && instant < outer.end;
}

bool contains(const Interval& outer, const Interval& inner) {
    return !inner.empty() && outer.start <= inner.start && inner.end <= outer.end;
}

std::vector<Interval> merge(std::vector<Interval> intervals) {
    std::erase_if(intervals, [](const Interval& interval) { return interval.empty(); });
    std::sort(intervals.begin(), intervals.end());
    std::vector<Interval> merged;
    for (const auto& interval : intervals) {
        if (!merged.empty() && interval.start <= merged.back().end)
            merged.back().end = std::max(merged.back().end, interval.end);
        else
            merged.push_back(interval);
    }
    return merged;
}

std::vector<Interval> subtract(const Interval& from, std::vector<Interval> removed) {
    std::vector<Interval> left;
    Time begin = from.start;
    for (const auto& hole : merge(std::move(removed))) {
        if (hole.end <= begin)
            continue;
        if (hole.start >= from.end)
            break;
        if (begin < hole.start)
            left.push_back({begin, hole.start});
        begin = hole.end;
    }
    if (begin < from.end)
        left.push_back({begin, from.end});
    return left;
}

} // namespace slipway::domain
