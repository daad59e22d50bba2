// SPDX-License-Identifier: Apache-2.0
// A half-open stretch of time, start <= t < end, and the set operations that windows, blackouts
// and rosters need. An interval whose end is not after its start is empty and overlaps nothing.
// Touching intervals do not overlap, but merge() joins them.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/codec.hpp"
#include "base/time.hpp"

namespace slipway::domain {

struct Interval {
    Time start{};
    Time end{};
    auto operator<=>(const Interval&) const = default;

    bool empty() const { return end <= start; }

    Span length() const { return empty() ? Span::zero() : end - start; }

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("start", self.start, required("first instant"));
        visit("end", self.end, required("first instant after it"));
    }
};

bool overlaps(const Interval& a, const Interval& b);
// What two intervals share, if anything.
std::optional<Interval> overlap_of(const Interval& a, const Interval& b);
bool contains(const Interval& outer, Time instant);
// An empty inner interval is contained nowhere.
bool contains(const Interval& outer, const Interval& inner);
// Sorted, disjoint, without empty ones; touching intervals become one.
std::vector<Interval> merge(std::vector<Interval> intervals);
// What is left of `from`, sorted and disjoint.
std::vector<Interval> subtract(const Interval& from, std::vector<Interval> removed);

} // namespace slipway::domain
