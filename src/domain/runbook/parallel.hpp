// SPDX-License-Identifier: Apache-2.0
// Parallel groups: neighbours in a list of steps that name the same group run at the same time. The
// same rules hold for the steps of a runbook, for their outlines and for the steps of a run.
#pragma once

#include <algorithm>
#include <vector>

#include "base/time.hpp"

namespace slipway::domain {

// In one group. Each is a process, and over SSH a connection, of its own.
inline constexpr std::size_t parallel_steps_max = 16;

template <class Step>
bool run_together(const Step& before, const Step& after) {
    return !before.parallel.empty() && before.parallel == after.parallel;
}

// How long the steps may take in all: of a group that is the longest one.
template <class Step>
Span time_allowed(const std::vector<Step>& steps) {
    Span all{};
    Span longest{}; // of the group so far
    for (std::size_t i = 0; i < steps.size(); ++i) {
        if (i == 0 || !run_together(steps[i - 1], steps[i]))
            longest = {};
        all += std::max(Span::zero(), steps[i].timeout - longest);
        longest = std::max(longest, steps[i].timeout);
    }
    return all;
}

} // namespace slipway::domain
