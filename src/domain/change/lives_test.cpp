// SPDX-License-Identifier: Apache-2.0
// Whole lives, from the RFC to closure, command by command as people would send them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/jq.hpp"
#include "domain/change/steps.hpp"
#include "domain/change/testing/scenario.hpp"
#include "domain/gates/gate.hpp"

namespace slipway::domain::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;

TEST(Lives, a_normal_change_goes_all_the_way) {
    Scenario s;
    open(s);
    EXPECT_EQ(s.change.state, ChangeState::planning);
    plan(s);
    EXPECT_EQ(s.change.state, ChangeState::validating);
    validate(s);
    take_to_cab(s);
    EXPECT_EQ(s.change.state, ChangeState::approved);
    announce(s);
    make_ready(s);
    deploy(s);
    EXPECT_EQ(s.change.state, ChangeState::implemented);
    stabilise(s);
    EXPECT_EQ(s.change.state, ChangeState::stabilising);
    wind_up(s);
    s.does("otto", "close", R"({"outcome":"successful","summary":"1.5 runs."})");
    EXPECT_EQ(s.change.state, ChangeState::closed);
    EXPECT_EQ(s.records.cis.at(CiId("harbor-site")).version, "1.5");
    EXPECT_TRUE(s.change.deviations.empty());
    EXPECT_FALSE(s.change.closure->evidence.empty());
}

} // namespace
} // namespace slipway::domain::testing
