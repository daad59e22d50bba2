// SPDX-License-Identifier: Apache-2.0
// Waivers end, and whoever rests on one hears of it before the window does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/testing/scenario.hpp"
#include "domain/change/timers.hpp"

namespace slipway::domain::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

// Approved a day before its window, with a waiver in place of the notice.
Scenario with_waived_notice(std::string_view valid_for) {
    auto s = approved();
    s.said.clear();
    s.does(
        "rosa", "request_waiver",
        fmt::format(R"({{"gate":"notice","reason":"nobody uses it","valid_for":"{}"}})", valid_for)
    );
    s.does("petra", "grant_waiver", R"({"id":"W-1"})");
    s.complete("rosa", "notice");
    return s;
}

Time end_of_waiver(const Scenario& s) {
    return s.change.waivers.at(0).expires_at;
}

StepState state_of_notice(const Scenario& s) {
    return s.change.steps.at(StepId("notice")).state;
}

void tick_at(Scenario& s, Time time) {
    s.tasks.clear();
    s.now = time;
    s.does("system", "tick");
}

std::size_t told_of_it(const Scenario& s) {
    return static_cast<std::size_t>(std::count_if(
        s.tasks.begin(), s.tasks.end(),
        [](const TaskDraft& task) {
            return task.kind == "page" && task.payload.find("W-1 has ended") != std::string::npos;
        }
    ));
}

TEST(Waivers, say_that_they_end_before_the_window_begins) {
    const auto s = with_waived_notice("20h");
    ASSERT_LT(end_of_waiver(s), s.change.window->start);
    EXPECT_TRUE(s.has_said("before the window begins: the gate is asked again when the deployment "
                           "starts, and then needs one that lasts until 2026-11-26T12:00:00.000Z"));
    EXPECT_FALSE(with_waived_notice("20d").has_said("before the window"));
}

TEST(Waivers, of_whose_end_the_owner_is_told_once_and_the_step_is_open_again) {
    auto s = with_waived_notice("20h");
    EXPECT_LE(wake_at(s.change, s.facts("system")).value_or(Time::max()), end_of_waiver(s));
    tick_at(s, end_of_waiver(s) - 1s);
    EXPECT_EQ(state_of_notice(s), StepState::completed);
    tick_at(s, end_of_waiver(s));
    EXPECT_EQ(state_of_notice(s), StepState::open);
    EXPECT_EQ(told_of_it(s), 1U);
    tick_at(s, end_of_waiver(s) + 1h);
    EXPECT_EQ(told_of_it(s), 0U);
}

TEST(Waivers, that_end_when_the_gate_passes_by_itself_bother_nobody) {
    auto s = with_waived_notice("20h");
    s.does("otto", "send_notice", R"({"kind":"maintenance","services":["harbor-site"]})");
    for (const auto* channel : {"mail", "status"})
        s.does(
            "system", "report_delivery",
            fmt::format(R"({{"notice":"N-1","channel":"{}","state":"delivered"}})", channel)
        );
    tick_at(s, end_of_waiver(s));
    EXPECT_EQ(state_of_notice(s), StepState::completed);
    EXPECT_EQ(told_of_it(s), 0U);
}

TEST(Waivers, that_are_revoked_open_their_step_again_too) {
    auto s = with_waived_notice("20h");
    s.said.clear();
    s.does("rosa", "revoke_waiver", R"({"id":"W-1","reason":"they want to know"})");
    EXPECT_EQ(state_of_notice(s), StepState::open);
    EXPECT_TRUE(s.has_said("without it the gate notice says no"));
    const auto told = [&s] {
        return std::count_if(s.tasks.begin(), s.tasks.end(), [](const TaskDraft& task) {
            return task.kind == "page" && task.payload.find("\"otto\"") != std::string::npos &&
                   task.payload.find("W-1 was revoked by rosa (they want to know), and the gate "
                                     "notice says no") != std::string::npos;
        });
    };
    EXPECT_EQ(told(), 1); // otto owns the change, and has not revoked it himself
    tick_at(s, end_of_waiver(s));
    EXPECT_EQ(told_of_it(s), 0U);
}

// Two weeks after the server was switched off its backup was asked for again.
TEST(Waivers, that_end_after_the_window_of_a_checklist_without_a_deployment_reopen_nothing) {
    Scenario s(decommission_workflow());
    open(s);
    s.does(
        "rosa", "schedule", R"({"start":"2026-11-26T10:00","end":"2026-11-26T12:00","zone":"UTC"})"
    );
    const Change planned = s.change;
    const auto state_after = [&](Time end) {
        s.change = planned;
        StepRecord backup;
        backup.state = StepState::completed;
        s.change.steps[StepId("last_backup")] = backup;
        s.change.steps[StepId("retention")].values =
            *parse_json(R"({"obligations":["tax"],"agreed":true})");
        Waiver waiver;
        waiver.id = "W-1";
        waiver.gate = "backup-restorable";
        waiver.state = WaiverState::granted;
        waiver.expires_at = end;
        s.change.waivers.push_back(waiver);
        s.replayed = s.change;
        tick_at(s, end);
        return s.change.steps.at(StepId("last_backup")).state;
    };
    EXPECT_EQ(state_after(at("2026-11-26T09:00Z")), StepState::open);
    EXPECT_EQ(state_after(at("2026-12-10T09:00Z")), StepState::completed);
}

// What the gate asks for was asked when the deployment began.
TEST(Waivers, that_end_after_the_deployment_reopen_nothing) {
    auto s = ready();
    s.does(
        "rosa", "request_waiver", R"({"gate":"oncall","reason":"etta is ill","valid_for":"3h"})"
    );
    s.does("petra", "grant_waiver", R"({"id":"W-1"})");
    s.change.oncall.reset();
    s.replayed = s.change;
    deploy(s);
    tick_at(s, end_of_waiver(s));
    EXPECT_EQ(s.change.steps.at(StepId("oncall")).state, StepState::completed);
    EXPECT_EQ(told_of_it(s), 0U);
    EXPECT_TRUE(s.change.waivers.at(0).end_noted);
}

} // namespace
} // namespace slipway::domain::testing
