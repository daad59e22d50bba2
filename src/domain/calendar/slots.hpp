// SPDX-License-Identifier: Apache-2.0
// Proposes maintenance windows. A window is the deployment followed by room for the rollback, so
// it is `duration + rollback_duration` long; its last part is where the rollback runs at the
// latest. Candidates start every `step`. A candidate is removed because it has begun already,
// begins before it can be approved or announced in time, by a hard blackout, by something busy, by
// a rollback outside the team's day (unless that is only preferred), or by a start or end in the
// hour that the clock shows twice; it is counted once, under the first rule in that order. Score,
// at most 100: 100, less 50 for a rollback outside the team's day where that is preferred only,
// less 40 for any part on a Friday evening, less 30 for a soft blackout, less 1 for each day after
// `from`, at most 9. Best first, then soonest; proposals do not overlap one another.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "domain/calendar/blackout.hpp"
#include "domain/calendar/day_hours.hpp"
#include "domain/calendar/interval.hpp"

namespace slipway::domain {

struct SlotRequest {
    Span duration{};
    Span rollback_duration{};
    std::string from;
    std::string until;
    std::string zone;
    Span step = std::chrono::minutes(30);
    std::uint32_t count = 5;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("duration", self.duration, required("time for the deployment, such as 2h"));
        visit("rollback_duration", self.rollback_duration, required("time for the rollback"));
        visit("from", self.from, required("earliest local start", 32));
        visit("until", self.until, required("latest local end", 32));
        visit("zone", self.zone, required("IANA time zone", 64));
        visit("step", self.step, optional("distance of the starts that are tried"));
        visit("count", self.count, optional("how many proposals, at most 20"));
    }
};

struct BusyInterval {
    Interval interval;
    std::string label; // such as "CHG-12 on db-1"

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("interval", self.interval, required("when it is busy"));
        visit("label", self.label, required("by what"));
    }
};

SLIPWAY_ENUM(DaylightRule, require, prefer)

// When those who must approve the window first meet; a window begins later than that.
struct SlotMeeting {
    Time at{};
    std::string label; // "CAB meets at Wed 2026-12-16 10:00"
};

// Those who are affected are told some time ahead; a window begins no earlier.
struct SlotNotice {
    Time earliest{};
    std::string label; // "no time is left to announce them 1d ahead"
};

struct SlotRules {
    std::optional<Time> now = {}; // nothing is proposed that begins earlier
    std::optional<SlotMeeting> meeting = {};
    std::optional<SlotNotice> notice = {};
    std::span<const BusyInterval> busy = {};
    std::span<const Blackout> blackouts = {};
    BlackoutScope touched = {};
    std::optional<DayHours> day_hours = {};
    DaylightRule daylight = DaylightRule::require;
    // In the zone of the request; empty: Friday evenings are like any other.
    std::string friday_from = "16:00";
};

struct SlotProposal {
    Interval window;
    Interval rollback; // the last part of the window
    int score = 0;
    std::vector<std::string> reasons;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("window", self.window, required("the window"));
        visit("rollback", self.rollback, required("when the rollback runs at the latest"));
        visit("score", self.score, required("100 is best"));
        visit("reasons", self.reasons, required("why it stands where it stands"));
    }
};

// How many candidates one rule removed: "past", "board", "notice", "blackout", "busy", "daylight"
// or "clock", and which.
struct SlotRemoval {
    std::string rule;
    std::string label;
    std::uint32_t count = 0;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("rule", self.rule, required("which rule"));
        visit("label", self.label, optional("which meeting, blackout, change or team"));
        visit("count", self.count, required("how many candidates"));
    }
};

struct SlotAnswer {
    std::vector<SlotProposal> proposals;
    std::uint32_t considered = 0;
    std::vector<SlotRemoval> removed; // most first

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("proposals", self.proposals, required("best first"));
        visit("considered", self.considered, required("how many starts were tried"));
        visit("removed", self.removed, required("what removed the others"));
    }
};

// Errors: invalid_input naming the field; limit_exceeded above limits::slot_candidates_max starts.
Result<SlotAnswer> propose_slots(const SlotRequest& request, const SlotRules& rules);

} // namespace slipway::domain
