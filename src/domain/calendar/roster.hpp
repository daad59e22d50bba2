// SPDX-License-Identifier: Apache-2.0
// Who is on call. Shifts come from the built-in roster or from a connector; cover() says for a
// window who holds each role when, where nobody does, and who would stand in two roles at once,
// which is one person who can answer only one telephone.
#pragma once

#include <set>
#include <span>
#include <string>
#include <vector>

#include "domain/calendar/interval.hpp"
#include "domain/calendar/recurrence.hpp"

namespace slipway::domain {

SLIPWAY_ENUM(RosterRole, primary, secondary, escalation)

struct RosterShift {
    PersonId person;
    RosterRole role = RosterRole::primary;
    Recurrence when; // once, or with a rule such as FREQ=WEEKLY;INTERVAL=2
    bool operator==(const RosterShift&) const = default;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("person", self.person, required("who"));
        visit("role", self.role, required("primary, secondary or escalation"));
        visit("when", self.when, required("the shift, once or recurring"));
    }
};

struct RoleHold {
    RosterRole role = RosterRole::primary;
    PersonId person;
    Interval interval;
    auto operator<=>(const RoleHold&) const = default;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("role", self.role, required("the role"));
        visit("person", self.person, required("who holds it"));
        visit("interval", self.interval, required("when, inside the window"));
    }
};

struct RoleGap {
    RosterRole role = RosterRole::primary;
    Interval interval;
    auto operator<=>(const RoleGap&) const = default;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("role", self.role, required("the role nobody holds"));
        visit("interval", self.interval, required("when, inside the window"));
    }
};

struct DoubleRole {
    PersonId person;
    RosterRole first = RosterRole::primary;
    RosterRole second = RosterRole::secondary;
    Interval interval;
    auto operator<=>(const DoubleRole&) const = default;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("person", self.person, required("who stands in two roles"));
        visit("first", self.first, required("one role"));
        visit("second", self.second, required("the other role"));
        visit("interval", self.interval, required("when, inside the window"));
    }
};

struct CoverReport {
    std::vector<RoleHold> held; // by role, then start; one line per person and unbroken stretch
    std::vector<RoleGap> gaps;
    std::vector<DoubleRole> doubled;

    bool complete() const { return gaps.empty() && doubled.empty(); }

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("held", self.held, required("who holds each role when"));
        visit("gaps", self.gaps, required("where nobody holds a role"));
        visit("doubled", self.doubled, required("one person in two roles"));
    }
};

// `roles` are those that must be held; a role outside them is reported where held, never as a gap.
// Errors: invalid_input naming the shift ("shifts[3].when.zone") or an empty window.
Result<CoverReport> cover(
    std::span<const RosterShift> shifts, const Interval& window,
    const std::set<RosterRole>& roles =
        {RosterRole::primary, RosterRole::secondary, RosterRole::escalation}
);

} // namespace slipway::domain
