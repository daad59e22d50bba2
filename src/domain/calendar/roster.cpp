// SPDX-License-Identifier: Apache-2.0
#include "domain/calendar/roster.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <tuple>

#include <fmt/format.h>

namespace slipway::domain {

namespace {

using ByPerson = std::map<PersonId, std::vector<Interval>>;
using ByRole = std::map<RosterRole, ByPerson>;

tl::unexpected<Error> in_shift(Error error, std::size_t index) {
    for (auto& wrong : error.fields)
        wrong.field = fmt::format("shifts[{}].when.{}", index, wrong.field);
    error.message = fmt::format("shifts[{}].when.{}", index, error.message);
    return tl::unexpected(std::move(error));
}

Result<ByRole> holders(std::span<const RosterShift> shifts, const Interval& window) {
    ByRole roles;
    for (std::size_t i = 0; i < shifts.size(); ++i) {
        auto found = occurrences(shifts[i].when, window);
        if (!found)
            return in_shift(std::move(found).error(), i);
        for (const auto& occurrence : *found)
            if (const auto shared = overlap_of(occurrence, window))
                roles[shifts[i].role][shifts[i].person].push_back(*shared);
    }
    for (auto& [role, people] : roles)
        for (auto& [person, intervals] : people)
            intervals = merge(std::move(intervals));
    return roles;
}

std::vector<DoubleRole> doubled_roles(const ByRole& roles) {
    std::vector<DoubleRole> doubled;
    for (auto first = roles.begin(); first != roles.end(); ++first)
        for (auto second = std::next(first); second != roles.end(); ++second)
            for (const auto& [person, intervals] : first->second) {
                const auto other = second->second.find(person);
                if (other == second->second.end())
                    continue;
                for (const auto& a : intervals)
                    for (const auto& b : other->second)
                        if (const auto shared = overlap_of(a, b))
                            doubled.push_back({person, first->first, second->first, *shared});
            }
    std::sort(doubled.begin(), doubled.end());
    return doubled;
}

} // namespace

Result<CoverReport> cover(
    std::span<const RosterShift> shifts, const Interval& window, const std::set<RosterRole>& roles
) {
    if (shifts.size() > limits::roster_shifts_max)
        return fail_field(
            "shifts",
            fmt::format(
                "has {} elements, the limit is {}", shifts.size(), limits::roster_shifts_max
            )
        );
    if (window.empty())
        return fail_field("window", "must end after its start");
    if (window.length() > limits::occurrence_length_max)
        return fail_field(
            "window", fmt::format("the limit is {}", to_text(Span(limits::occurrence_length_max)))
        );
    const auto held = TRY(holders(shifts, window));
    CoverReport report;
    for (const auto& [role, people] : held)
        for (const auto& [person, intervals] : people)
            for (const auto& interval : intervals)
                report.held.push_back({role, person, interval});
    std::sort(report.held.begin(), report.held.end(), [](const RoleHold& a, const RoleHold& b) {
        return std::tie(a.role, a.interval, a.person) < std::tie(b.role, b.interval, b.person);
    });
    for (const auto role : roles) {
        std::vector<Interval> covered;
        if (const auto people = held.find(role); people != held.end())
            for (const auto& [person, intervals] : people->second)
                covered.insert(covered.end(), intervals.begin(), intervals.end());
        for (const auto& gap : subtract(window, std::move(covered)))
            report.gaps.push_back({role, gap});
    }
    report.doubled = doubled_roles(held);
    return report;
}

} // namespace slipway::domain
