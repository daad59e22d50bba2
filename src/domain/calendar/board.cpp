// SPDX-License-Identifier: Apache-2.0
#include "domain/calendar/board.hpp"

#include <fmt/format.h>

#include "domain/calendar/spoken.hpp"
#include "domain/calendar/zone.hpp"

namespace slipway::domain {

namespace {

// Everything but the recurrence, which occurrences() reads anyway.
Result<void> check_lead(const BoardSchedule& schedule) {
    if (schedule.lead_time < Span::zero() || schedule.lead_time > limits::board_lead_max)
        return fail_field(
            "lead_time", fmt::format("must be from 0 to {}", to_text(Span(limits::board_lead_max)))
        );
    if (schedule.lead_kind == LeadKind::calendar)
        return {};
    if (!schedule.business_hours)
        return fail_field("business_hours", "is required for a lead in business time");
    return check_business_hours(*schedule.business_hours, "business_hours");
}

Result<Time> deadline_of(const BoardSchedule& schedule, Time meeting) {
    if (schedule.lead_kind == LeadKind::calendar)
        return meeting - schedule.lead_time;
    return subtract_business(meeting, schedule.lead_time, *schedule.business_hours);
}

std::string explain(const BoardSchedule& schedule, const MeetingChoice& choice) {
    const auto& zone = schedule.meetings.zone;
    const auto chosen = to_spoken_text(choice.meeting.start, zone);
    if (choice.missed.empty())
        return fmt::format(
            "On the agenda of {}; the deadline is {}.", chosen,
            to_spoken_text(choice.deadline, zone)
        );
    const auto& first = choice.missed.front();
    return fmt::format(
        "Too late for {}: the lead time is {}{}, the deadline was {}, missed by {}. Moved to the "
        "next cycle, {}.",
        to_spoken_text(first.meeting.start, zone), to_text(schedule.lead_time),
        schedule.lead_kind == LeadKind::business ? " of business time" : "",
        to_spoken_text(first.deadline, zone), spoken(first.late_by), chosen
    );
}

} // namespace

Result<void> check_board_schedule(const BoardSchedule& schedule) {
    TRY(check_lead(schedule));
    return check_recurrence(schedule.meetings, "meetings");
}

Result<MeetingChoice> choose_meeting(const BoardSchedule& schedule, Time submitted) {
    TRY(check_lead(schedule));
    const Interval ahead{submitted, submitted + limits::board_horizon};
    MeetingChoice choice;
    for (const auto& meeting : TRY(occurrences(schedule.meetings, ahead))) {
        if (meeting.start <= submitted)
            continue;
        const auto deadline = TRY(deadline_of(schedule, meeting.start));
        if (submitted > deadline) {
            choice.missed.push_back({meeting, deadline, submitted - deadline});
            continue;
        }
        choice.meeting = meeting;
        choice.deadline = deadline;
        choice.explanation = explain(schedule, choice);
        return choice;
    }
    return fail(
        ErrorCode::not_found, fmt::format(
                                  "the board has no meeting that can still be reached within {}",
                                  to_text(Span(limits::board_horizon))
                              )
    );
}

} // namespace slipway::domain
