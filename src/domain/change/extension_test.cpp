// SPDX-License-Identifier: Apache-2.0
// What is looked at of the time that a deployment gets on top of its window.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/steps.hpp"
#include "domain/change/testing/scenario.hpp"

namespace slipway::domain::testing {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view until_half_past =
    R"({"until":"2026-11-26T12:30:00Z","reason":"nearly done"})";

Scenario overrunning() {
    auto s = ready();
    s.does("ina", "start_run", deployment_elsewhere());
    return s;
}

void key_ends(Scenario& s, std::string_view time) {
    s.records.rings.at("production").credentials.at(0).expires_at = at(time);
    ++s.records.version;
}

TEST(AddedTime, is_refused_where_a_credential_of_the_ring_ends_in_it) {
    auto s = overrunning();
    key_ends(s, "2026-11-26T12:05:00Z");
    const auto error = s.refused("petra", "extend_window", until_half_past);
    EXPECT_EQ(first(error).field, "credentials.deploy-key");
    EXPECT_THAT(first(error).evidence, HasSubstr("deploy-key expires 2026-11-26T12:05:00"));
    EXPECT_THAT(first(error).remedy, HasSubstr("extend it to 2026-11-26T12:05:00.000Z at the"));
    EXPECT_THAT(first(error).remedy, HasSubstr("roll_back"));
    s.does("petra", "extend_window", R"({"until":"2026-11-26T12:05:00Z","reason":"nearly"})");
    key_ends(s, "2026-11-26T12:30:00Z"); // it was rotated
    s.does("petra", "extend_window", until_half_past);
}

TEST(AddedTime, of_a_credential_that_was_looked_at_with_the_window_is_given) {
    auto s = overrunning();
    key_ends(s, "2026-11-26T11:59:59Z");
    s.does("petra", "extend_window", until_half_past);
}

TEST(AddedTime, says_who_is_not_on_call_in_it) {
    auto s = overrunning();
    s.does("petra", "extend_window", R"({"until":"2026-11-26T12:10:00Z","reason":"nearly"})");
    EXPECT_FALSE(s.has_said("in the added time"));
    s.records.rosters.at("harbor").shifts.at(1).when.duration = std::chrono::hours(24);
    ++s.records.version;
    s.does("petra", "extend_window", until_half_past);
    EXPECT_TRUE(s.has_said("in the added time nobody is secondary from "));
}

TEST(AddedTime, is_told_by_the_update_that_its_answer_asks_for) {
    auto s = overrunning();
    s.does("petra", "extend_window", until_half_past);
    EXPECT_TRUE(s.has_said("slipway change send_notice CHG-12 --kind update"));
    for (int sent = 0; sent < 2; ++sent) {
        s.does("otto", "send_notice", R"({"kind":"update"})");
        EXPECT_THAT(
            s.change.notices.back().body, HasSubstr("Duration:  150 minutes, instead of 120\n")
        );
    }
}

TEST(AddedTime, is_there_for_the_steps_that_are_due_with_the_window) {
    auto s = overrunning();
    const auto* step = find_step(*s.workflow, "smoke_production");
    EXPECT_EQ(due_at(*step, s.change, s.facts("ina")), at("2026-11-26T12:00:00Z"));
    s.does("petra", "extend_window", until_half_past);
    EXPECT_EQ(due_at(*step, s.change, s.facts("ina")), at("2026-11-26T12:30:00Z"));
}

TEST(AddedTime, says_which_jobs_run_in_it) {
    auto s = overrunning();
    s.does("petra", "extend_window", R"({"until":"2026-11-26T12:10:00Z","reason":"nearly"})");
    EXPECT_FALSE(s.has_said("jobs run"));
    s.records.cis.at(CiId("nightly-report")).schedule->from = "2026-01-01T12:15";
    ++s.records.version;
    s.does("petra", "extend_window", until_half_past);
    EXPECT_TRUE(s.has_said("jobs run in the added time: nightly-report at "));
    EXPECT_TRUE(s.has_said("(lena)"));
}

} // namespace
} // namespace slipway::domain::testing
