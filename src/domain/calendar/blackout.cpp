// SPDX-License-Identifier: Apache-2.0
#include "domain/calendar/blackout.hpp"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

namespace slipway::domain {

namespace {

bool share_one(const std::vector<std::string>& list, std::span<const std::string> touched) {
    return std::any_of(list.begin(), list.end(), [&](const std::string& name) {
        return std::find(touched.begin(), touched.end(), name) != touched.end();
    });
}

} // namespace

Result<void> check_blackout(const Blackout& blackout) {
    if (!is_slug(blackout.id))
        return fail_field("id", "expected 1 to 64 letters, digits, '.', '_' or '-'");
    if (blackout.name.empty())
        return fail_field("name", "must not be empty");
    if (blackout.reason.empty())
        return fail_field("reason", "must not be empty: people are told why changes stop");
    return check_recurrence(blackout.recurrence, "recurrence");
}

bool holds_for(const Blackout& blackout, const BlackoutScope& touched) {
    if (blackout.cis.empty() && blackout.services.empty())
        return true;
    return share_one(blackout.cis, touched.cis) || share_one(blackout.services, touched.services);
}

Result<std::vector<BlackoutHit>> blackout_hits(
    std::span<const Blackout> blackouts, const Interval& window, const BlackoutScope& touched
) {
    if (blackouts.size() > limits::blackouts_max)
        return fail(
            ErrorCode::limit_exceeded,
            fmt::format("{} blackouts, the limit is {}", blackouts.size(), limits::blackouts_max)
        );
    if (window.empty())
        return fail_field("window", "must end after its start");
    std::vector<BlackoutHit> hits;
    for (const auto& blackout : blackouts) {
        if (!holds_for(blackout, touched))
            continue;
        auto found = occurrences(blackout.recurrence, window);
        if (!found) {
            auto error = std::move(found).error();
            error.message = fmt::format("blackout '{}': {}", blackout.id, error.message);
            return tl::unexpected(std::move(error));
        }
        for (const auto& occurrence : *found)
            if (const auto shared = overlap_of(occurrence, window))
                hits.push_back(
                    {blackout.id, blackout.name, blackout.kind, blackout.reason, occurrence,
                     *shared}
                );
    }
    std::sort(hits.begin(), hits.end(), [](const BlackoutHit& a, const BlackoutHit& b) {
        return std::tie(a.occurrence, a.blackout) < std::tie(b.occurrence, b.blackout);
    });
    return hits;
}

} // namespace slipway::domain
