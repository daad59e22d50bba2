// SPDX-License-Identifier: Apache-2.0
#include "domain/change/board_meeting.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/testing/scenario.hpp"

namespace slipway::domain::testing {
namespace {

using ::testing::HasSubstr;

std::optional<SlotMeeting> first_meeting_of(const Scenario& s) {
    return first_meeting(s.change, s.records, s.now);
}

TEST(BoardMeeting, a_normal_change_waits_for_the_first_one_that_its_lead_time_allows) {
    Scenario s;
    open(s);
    EXPECT_FALSE(first_meeting_of(s)) << "nobody knows yet whether a board decides";
    plan(s);
    const auto first = first_meeting_of(s);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->at, at(meeting));
    EXPECT_THAT(first->label, HasSubstr("meets at Wed 2026-11-25"));
    s.now = at(meeting) - std::chrono::minutes(1);
    ASSERT_TRUE(first_meeting_of(s));
    EXPECT_GT(first_meeting_of(s)->at, at(meeting));
}

TEST(BoardMeeting, a_change_on_the_agenda_waits_for_that_one_and_an_approved_one_for_none) {
    auto s = approved();
    EXPECT_FALSE(first_meeting_of(s));
    s.change.decision.reset();
    ASSERT_TRUE(first_meeting_of(s));
    EXPECT_EQ(first_meeting_of(s)->at, at(meeting));
}

TEST(BoardMeeting, is_none_where_no_board_meets_and_for_an_emergency) {
    Scenario s;
    open(s);
    plan(s);
    s.records.boards.erase("cab");
    EXPECT_FALSE(first_meeting_of(s));
    Scenario urgent;
    open(urgent);
    plan(urgent, "emergency");
    EXPECT_FALSE(first_meeting_of(urgent));
}

} // namespace
} // namespace slipway::domain::testing
