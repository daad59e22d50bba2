// SPDX-License-Identifier: Apache-2.0
// Times in which changes must not (hard) or should not (soft) run: month-end close, retail freeze,
// fiscal cutover. A blackout with neither CIs nor services holds for everything; otherwise it
// holds for a change that touches any one of them. A blackout that cannot be read is an error that
// names it, never a blackout that is passed over.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "domain/calendar/interval.hpp"
#include "domain/calendar/recurrence.hpp"

namespace slipway::domain {

SLIPWAY_ENUM(BlackoutKind, hard, soft)

struct Blackout {
    std::string id;
    std::string name;
    BlackoutKind kind = BlackoutKind::hard;
    Recurrence recurrence;
    std::string reason;
    std::vector<std::string> cis;
    std::vector<std::string> services;
    bool operator==(const Blackout&) const = default;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("id", self.id, required("short id, such as month-end-close", 64));
        visit("name", self.name, required("what people call it"));
        visit("kind", self.kind, optional("hard refuses, soft warns"));
        visit("recurrence", self.recurrence, required("when it holds"));
        visit("reason", self.reason, required("why changes stop", limits::text_max));
        visit("cis", self.cis, optional("configuration items it holds for"));
        visit("services", self.services, optional("services it holds for"));
    }
};

struct BlackoutHit {
    std::string blackout; // the id
    std::string name;
    BlackoutKind kind = BlackoutKind::hard;
    std::string reason;
    Interval occurrence; // the whole blackout, which may begin before the window
    Interval overlap;    // the part that lies in the window

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("blackout", self.blackout, required("id of the blackout"));
        visit("name", self.name, required("what people call it"));
        visit("kind", self.kind, required("hard or soft"));
        visit("reason", self.reason, optional("why changes stop", limits::text_max));
        visit("occurrence", self.occurrence, required("this time of the blackout"));
        visit("overlap", self.overlap, required("the part inside the window"));
    }
};

// What a change touches.
struct BlackoutScope {
    std::span<const std::string> cis;
    std::span<const std::string> services = {};
};

Result<void> check_blackout(const Blackout& blackout);
bool holds_for(const Blackout& blackout, const BlackoutScope& touched);

// Sorted by occurrence, then id. At most limits::blackouts_max blackouts.
Result<std::vector<BlackoutHit>> blackout_hits(
    std::span<const Blackout> blackouts, const Interval& window, const BlackoutScope& touched
);

} // namespace slipway::domain
