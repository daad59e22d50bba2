// SPDX-License-Identifier: Apache-2.0
#include "domain/change/oncall_cover.hpp"

#include <algorithm>
#include <set>

#include "domain/calendar/zone.hpp"

namespace slipway::domain {

namespace {

// Those of the roster in this role who have left: "; eva is inactive".
std::string who_has_left(const RosterRecord& roster, RosterRole role, const Records& records) {
    std::set<PersonId> people;
    for (const auto& shift : roster.shifts)
        if (shift.role == role && !is_active_person(records, shift.person))
            people.insert(shift.person);
    std::string said;
    for (const auto& person : people)
        said += fmt::format("; {} is inactive", person.value);
    return said;
}

} // namespace

std::vector<RosterShift> active_shifts(const RosterRecord& roster, const Records& records) {
    std::vector<RosterShift> shifts;
    for (const auto& shift : roster.shifts)
        if (is_active_person(records, shift.person))
            shifts.push_back(shift);
    return shifts;
}

Result<OncallCover>
oncall_cover(const RosterRecord& roster, const ChangeWindow& window, const Records& records) {
    const auto shifts = active_shifts(roster, records);
    const auto report = TRY(cover(shifts, {window.start, window.end}));
    OncallCover found;
    for (const auto& gap : report.gaps)
        found.gaps.push_back(fmt::format(
            "nobody is {} from {} to {}{}", to_text(gap.role),
            to_spoken_text(gap.interval.start, window.zone),
            to_spoken_text(gap.interval.end, window.zone), who_has_left(roster, gap.role, records)
        ));
    const auto add = [&](OncallRole role, const PersonId& person) {
        const std::pair holder{role, person};
        if (std::find(found.holders.begin(), found.holders.end(), holder) == found.holders.end())
            found.holders.push_back(holder);
    };
    for (const auto& held : report.held)
        add(*from_text<OncallRole>(to_text(held.role)), held.person);
    const PersonId contact(roster.client_contact);
    if (is_active_person(records, contact))
        add(OncallRole::client, contact);
    else if (!contact.empty())
        found.gaps.push_back(
            fmt::format("nobody is the client's contact; {} is inactive", contact.value)
        );
    return found;
}

} // namespace slipway::domain
