// SPDX-License-Identifier: Apache-2.0
// What is heard, and said, of a step whose run is over.
#include "domain/change/aborted_steps.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/testing/scenario.hpp"

namespace slipway::domain::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

// Rolled back and closed, and nobody has told how the first step of the deployment ended.
Scenario closed_on_a_step_at_work() {
    auto s = ready();
    s.does("ina", "start_run", deployment_elsewhere());
    s.does("ina", "report_run", R"({"run":"run-3","steps":[{"name":"drain","state":"running"}]})");
    s.does("pia", "roll_back", R"({"reason":"it burns","executor":"external"})");
    report_rollback(s);
    s.now += 1h;
    s.smoke("ina", "rollback");
    tell_of_rollback(s);
    for (const auto* step : {"execute", "smoke_production", "rollback"})
        s.complete("ina", step);
    review_failure(s);
    s.said.clear();
    s.does("otto", "close", R"({"outcome":"rolled_back","summary":"1.4 runs again"})");
    return s;
}

std::string how_drain_ended(std::string_view state) {
    return fmt::format(R"({{"run":"run-3","steps":[{{"name":"drain","state":"{}"}}]}})", state);
}

TEST(AbortedSteps, that_nobody_has_told_the_end_of_are_named_when_a_change_is_closed) {
    const auto s = closed_on_a_step_at_work();
    EXPECT_TRUE(s.has_said("drain of run-3 on production may still be at work, nobody has told how "
                           "it ended: See on its machine"));
}

TEST(AbortedSteps, that_end_on_production_after_their_change_was_closed_are_told_to_its_owner) {
    for (const auto* state : {"succeeded", "failed"}) {
        auto s = closed_on_a_step_at_work();
        s.said.clear();
        s.tasks.clear();
        s.does("ina", "report_run", how_drain_ended(state));
        EXPECT_TRUE(s.has_said("CHG-12 was closed before that end was told"));
        ASSERT_EQ(s.tasks.size(), 1U);
        EXPECT_EQ(s.tasks[0].kind, "page");
        EXPECT_THAT(s.tasks[0].payload, HasSubstr(R"("person":"otto")"));
        EXPECT_THAT(
            s.tasks[0].payload, HasSubstr(fmt::format(
                                    "drain of run-3 on production: {}. The change was closed as "
                                    "rolled_back",
                                    state
                                ))
        );
    }
    auto s = closed_on_a_step_at_work();
    s.tasks.clear();
    s.does("ina", "report_run", how_drain_ended("unknown"));
    EXPECT_TRUE(s.tasks.empty()) << "that is known already";
}

} // namespace
} // namespace slipway::domain::testing
