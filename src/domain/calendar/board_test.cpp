// SPDX-License-Identifier: Apache-2.0
#include "domain/calendar/board.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "domain/calendar/test_times.hpp"

namespace slipway::domain {

namespace {

using namespace std::chrono_literals;

// Every Wednesday at 14:00; 25 November 2026 is one.
BoardSchedule wednesdays() {
    BoardSchedule schedule;
    schedule.meetings.from = "2026-01-07T14:00";
    schedule.meetings.duration = 1h;
    schedule.meetings.zone = berlin;
    schedule.meetings.rule = "FREQ=WEEKLY;BYDAY=WE";
    return schedule;
}

TEST(board, refuses_malformed_schedules) {
    const auto field = [](auto change) {
        auto schedule = wednesdays();
        change(schedule);
        return check_board_schedule(schedule).error().fields.front().field;
    };
    EXPECT_EQ(field([](auto& s) { s.lead_time = 91 * 24h; }), "lead_time");
    EXPECT_EQ(field([](auto& s) { s.lead_time = -1h; }), "lead_time");
    EXPECT_EQ(field([](auto& s) { s.lead_kind = LeadKind::business; }), "business_hours");
    EXPECT_EQ(field([](auto& s) { s.meetings.rule = "weekly"; }), "meetings.rule");
    EXPECT_EQ(
        field([](auto& s) {
            s.lead_kind = LeadKind::business;
            s.business_hours = BusinessHours{{}, "09:00", "17:00", "UTC", {}};
        }),
        "business_hours.days"
    );
}

TEST(board, has_no_meeting_left) {
    auto schedule = wednesdays();
    schedule.meetings.until = "2026-11-24";
    const auto choice = choose_meeting(schedule, in_berlin("2026-11-20T10:00"));
    ASSERT_FALSE(choice);
    EXPECT_EQ(choice.error().code, ErrorCode::not_found);
}

TEST(board, a_late_submission_goes_to_the_next_cycle) {
    const auto choice = *choose_meeting(wednesdays(), in_berlin("2026-11-23T17:00"));
    EXPECT_EQ(choice.meeting.start, in_berlin("2026-12-02T14:00"));
    ASSERT_EQ(choice.missed.size(), 1U);
    EXPECT_EQ(choice.missed[0].meeting.start, in_berlin("2026-11-25T14:00"));
    EXPECT_EQ(choice.missed[0].deadline, in_berlin("2026-11-23T14:00"));
    EXPECT_EQ(choice.missed[0].late_by, 3h);
    EXPECT_EQ(
        choice.explanation,
        "Too late for Wed 2026-11-25 14:00 Europe/Berlin: the lead time is 2d, the deadline was "
        "Mon "
        "2026-11-23 14:00 Europe/Berlin, missed by 3h. Moved to the next cycle, Wed 2026-12-02 "
        "14:00 Europe/Berlin."
    );
}

TEST(board, says_how_late_it_was_as_people_say_it) {
    const auto late = in_berlin("2026-11-23T14:00") + 96962905ms;
    const auto choice = *choose_meeting(wednesdays(), late);
    EXPECT_NE(choice.explanation.find("missed by 26h56m. Moved"), std::string::npos)
        << choice.explanation;
}

TEST(board, exactly_at_the_deadline_is_in_time) {
    const auto deadline = in_berlin("2026-11-23T14:00");
    EXPECT_EQ(choose_meeting(wednesdays(), deadline)->meeting.start, in_berlin("2026-11-25T14:00"));
    EXPECT_TRUE(choose_meeting(wednesdays(), deadline)->missed.empty());
    EXPECT_EQ(
        choose_meeting(wednesdays(), deadline + 1ms)->meeting.start, in_berlin("2026-12-02T14:00")
    );
}

TEST(board, lead_in_business_time) {
    auto schedule = wednesdays();
    schedule.lead_kind = LeadKind::business;
    schedule.lead_time = 17h; // two days of 8.5 hours
    schedule.business_hours = BusinessHours{};
    schedule.business_hours->zone = berlin;
    const auto choice = *choose_meeting(schedule, in_berlin("2026-11-20T12:00"));
    EXPECT_EQ(choice.meeting.start, in_berlin("2026-11-25T14:00"));
    EXPECT_EQ(choice.deadline, in_berlin("2026-11-23T14:00"));
    // A holiday on Monday moves the deadline to Friday.
    schedule.business_hours->holidays = {"2026-11-23"};
    EXPECT_EQ(
        choose_meeting(schedule, in_berlin("2026-11-20T12:00"))->deadline,
        in_berlin("2026-11-20T14:00")
    );
}

TEST(board, several_meetings_can_be_too_close) {
    auto schedule = wednesdays();
    schedule.lead_time = 15 * 24h;
    const auto choice = *choose_meeting(schedule, in_berlin("2026-11-23T17:00"));
    EXPECT_EQ(choice.missed.size(), 2U);
    EXPECT_EQ(choice.meeting.start, in_berlin("2026-12-09T14:00"));
}

RC_GTEST_PROP(board, never_chooses_inside_the_lead_time_nor_later_than_needed, ()) {
    auto schedule = wednesdays();
    schedule.lead_time = std::chrono::hours(*rc::gen::inRange(0, 500));
    const auto submitted =
        in_berlin("2026-02-01T00:00") + std::chrono::minutes(*rc::gen::inRange(0, 500000));
    const auto choice = *choose_meeting(schedule, submitted);
    RC_ASSERT(submitted <= choice.deadline);
    RC_ASSERT(choice.deadline == choice.meeting.start - schedule.lead_time);
    RC_ASSERT(choice.deadline - submitted < 7 * 24h + 1h + 1ms);
    for (const auto& missed : choice.missed)
        RC_ASSERT(missed.late_by > 0ms && missed.meeting.start > submitted);
}

} // namespace

} // namespace slipway::domain
