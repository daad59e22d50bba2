// SPDX-License-Identifier: Apache-2.0
// The meetings of a change advisory board and the rule of lead time: an RFC submitted later than
// the lead time before a meeting goes to the next one, and is told so at once. Submitting exactly
// at the deadline is in time.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "domain/calendar/business_time.hpp"
#include "domain/calendar/interval.hpp"
#include "domain/calendar/recurrence.hpp"

namespace slipway::domain {

SLIPWAY_ENUM(LeadKind, calendar, business)

struct BoardSchedule {
    Recurrence meetings;
    Span lead_time = std::chrono::hours(48);
    LeadKind lead_kind = LeadKind::calendar;
    std::optional<BusinessHours> business_hours; // required when the lead is in business time
    bool operator==(const BoardSchedule&) const = default;

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("meetings", self.meetings, required("when the board meets"));
        visit("lead_time", self.lead_time, optional("how long before a meeting, such as 48h"));
        visit("lead_kind", self.lead_kind, optional("calendar or business time"));
        visit("business_hours", self.business_hours, optional("for a lead in business time"));
    }
};

struct MissedMeeting {
    Interval meeting;
    Time deadline{};
    Span late_by{};

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("meeting", self.meeting, required("the meeting that was missed"));
        visit("deadline", self.deadline, required("when it had to be submitted"));
        visit("late_by", self.late_by, required("by how much it was missed"));
    }
};

struct MeetingChoice {
    Interval meeting;
    Time deadline{};
    std::vector<MissedMeeting> missed; // still to come when submitted, but inside the lead time
    std::string explanation;           // one sentence for people

    template <class Self, class Visitor>
    static void fields(Self& self, Visitor&& visit) {
        visit("meeting", self.meeting, required("the meeting"));
        visit("deadline", self.deadline, required("when it had to be submitted"));
        visit("missed", self.missed, optional("earlier meetings that are too close"));
        visit("explanation", self.explanation, optional("in words", limits::text_max));
    }
};

Result<void> check_board_schedule(const BoardSchedule& schedule);

// Errors: invalid_input for a malformed schedule; not_found when the board does not meet within
// limits::board_horizon.
Result<MeetingChoice> choose_meeting(const BoardSchedule& schedule, Time submitted);

} // namespace slipway::domain
