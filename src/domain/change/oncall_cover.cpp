// SPDX-License-Identifier: Apache-2.0
#include "domain/change/oncall_cover.hpp"

#include <algorithm>

#include "domain/calendar/zone.hpp"

namespace slipway::domain {

Result<OncallCover> oncall_cover(const RosterRecord& roster, const ChangeWindow& window) {
    const auto report = TRY(cover(roster.shifts, {window.start, window.end}));
    OncallCover found;
    for (const auto& gap : report.gaps)
        found.gaps.push_back(fmt::format(
            "nobody is {} from {} to {}", to_text(gap.role),
            to_spoken_text(gap.interval.start, window.zone),
            to_spoken_text(gap.interval.end, window.zone)
        ));
    const auto add = [&](OncallRole role, const PersonId& person) {
        const std::pair holder{role, person};
        if (std::find(found.holders.begin(), found.holders.end(), holder) == found.holders.end())
            found.holders.push_back(holder);
    };
    for (const auto& held : report.held)
        add(*from_text<OncallRole>(to_text(held.role)), held.person);
    if (!roster.client_contact.empty())
        add(OncallRole::client, PersonId(roster.client_contact));
    return found;
}

} // namespace slipway::domain
