// SPDX-License-Identifier: Apache-2.0
// Who is reminded of what, when and in which words: of what he can do, of each thing once, and of
// several in one mail.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/tasks.hpp"
#include "domain/change/testing/scenario.hpp"
#include "domain/change/timers.hpp"

namespace slipway::domain::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// The mails that this moment brings.
std::vector<PageTask> ticked(Scenario& s, std::string_view time) {
    s.now = at(time);
    s.tasks.clear();
    s.does("system", "tick");
    std::vector<PageTask> mails;
    for (const auto& task : s.tasks)
        if (task.kind == "page")
            mails.push_back(*restore<PageTask>(std::string_view(task.payload)));
    return mails;
}

std::vector<std::string> subjects_of(const std::vector<PageTask>& mails) {
    std::vector<std::string> subjects;
    for (const auto& mail : mails)
        subjects.push_back(mail.subject);
    return subjects;
}

void schedule(Scenario& s, std::string_view day) {
    s.does(
        "rosa", "schedule",
        fmt::format(R"({{"start":"{0}T10:00","end":"{0}T12:00","zone":"Europe/Berlin"}})", day)
    );
}

// Approved for the window of this day.
Scenario approved_for(std::string_view day) {
    Scenario s;
    open(s);
    plan(s);
    schedule(s, day);
    s.complete("rosa", "window");
    validate(s);
    take_to_cab(s);
    return s;
}

TEST(Reminders, name_the_step_its_time_where_the_window_is_and_the_command) {
    auto s = approved_for("2026-12-10");
    const auto mails = ticked(s, "2026-12-09T05:30Z");
    ASSERT_THAT(
        subjects_of(mails), ElementsAre("CHG-12: due soon: Announce the maintenance, and 1 more")
    );
    EXPECT_EQ(mails[0].person, PersonId("otto"));
    EXPECT_THAT(
        mails[0].body,
        HasSubstr("Confirm who is on call is due by Thu 2026-12-10 06:00 Europe/Berlin: slipway "
                  "change complete_step CHG-12 --step oncall\n")
    );
    EXPECT_EQ(mails[0].window_start, at("2026-12-10T09:00Z"));
}

TEST(Reminders, do_not_say_of_one_step_that_it_is_due_soon_and_overdue) {
    auto s = approved_for("2026-12-10");
    const auto mails = ticked(s, "2026-12-10T06:00Z");
    ASSERT_EQ(mails.size(), 1u);
    EXPECT_THAT(mails[0].body, HasSubstr("Confirm who is on call was due by"));
    EXPECT_THAT(mails[0].body, Not(HasSubstr("Confirm who is on call is due by")));
    EXPECT_THAT(ticked(s, "2026-12-10T06:05Z"), IsEmpty());
}

TEST(Reminders, are_of_no_window_that_has_passed_or_was_not_accepted) {
    auto s = approved_for("2026-12-10");
    schedule(s, "2026-12-11");
    EXPECT_THAT(
        subjects_of(ticked(s, "2026-12-11T08:55Z")),
        ElementsAre(
            "CHG-12 is on the agenda of CAB at Wed 2026-12-16 10:00 UTC now",
            "CHG-12: overdue: Present the change and record the decision"
        )
    ) << "the step window is open again";
    s = approved();
    const auto mails = ticked(s, "2026-11-27T08:00Z"); // nobody used the window
    EXPECT_THAT(mails, IsEmpty());
    const auto wake = wake_at(s.change, s.facts("system"));
    EXPECT_TRUE(!wake || *wake > s.now);
}

TEST(Reminders, wait_until_the_step_can_be_done) {
    Scenario s;
    open(s);
    plan(s);
    validate(s);
    s.now = at(window_start) - 1h;
    s.does("system", "tick");
    s.tasks.clear();
    const auto early = ticked(s, "2026-11-26T11:30Z");
    EXPECT_THAT(early, IsEmpty()) << "nothing is deployed that no board has approved";

    s = ready();
    s.does("ina", "reopen_step", R"({"step":"snapshot","reason":"another host"})");
    const auto mails = ticked(s, "2026-11-26T11:01Z");
    EXPECT_THAT(subjects_of(mails), ElementsAre("CHG-12: overdue: Take snapshots of production"))
        << "execute comes after it";
    s.complete("ina", "snapshot");
    EXPECT_THAT(
        subjects_of(ticked(s, "2026-11-26T11:02Z")),
        ElementsAre("CHG-12: overdue: Execute the deployment runbook")
    );
}

TEST(Reminders, of_what_is_owed_say_what_settles_it) {
    auto s = ready();
    auto owed = owed_review(s.now);
    owed.due_at = s.now + 1h;
    s.change.owed.push_back(owed);
    s.replayed = s.change;
    const auto mails = ticked(s, "2026-11-26T11:01Z");
    ASSERT_EQ(mails.size(), 1u);
    EXPECT_THAT(
        mails[0].body,
        HasSubstr("slipway change settle_owed CHG-12 --id retrospective_review --note NOTE")
    );
    EXPECT_EQ(mails[0].window_start, std::nullopt) << "it stays owed wherever the window moves";
}

TEST(Reminders, of_an_action_end_with_one_for_who_owns_the_change) {
    auto s = settled();
    s.does(
        "otto", "add_action", R"({"title":"Mend","owner":"ina","due_at":"2026-12-20T10:00:00Z"})"
    );
    s.does("otto", "close", R"({"outcome":"successful","summary":"it runs"})");
    for (int day = 19; day <= 27; ++day) {
        const auto mails = ticked(s, fmt::format("2026-12-{}T10:00Z", day));
        ASSERT_EQ(mails.size(), 1u) << day;
        EXPECT_EQ(mails[0].person, PersonId("ina")) << day;
    }
    EXPECT_EQ(wake_at(s.change, s.facts("system")), at("2026-12-28T10:00Z"));
    const auto last = ticked(s, "2026-12-28T10:00Z");
    ASSERT_EQ(last.size(), 1u);
    EXPECT_EQ(last[0].person, PersonId("otto"));
    EXPECT_EQ(last[0].subject, "CHG-12: action A-1 is still open");
    EXPECT_THAT(
        last[0].body,
        HasSubstr("and ina is not reminded any more. He or a change manager completes it: slipway "
                  "change complete_action CHG-12 --id A-1")
    );
    EXPECT_THAT(ticked(s, "2027-01-28T10:00Z"), IsEmpty());
}

} // namespace
} // namespace slipway::domain::testing
