// SPDX-License-Identifier: Apache-2.0
#include "app/live/live_lines.hpp"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "base/limits.hpp"

namespace slipway::app {

namespace {

const TenantId acme("acme");

LiveLine line(std::size_t number) {
    return {"run-1", "drain", Time{}, fmt::format("line {}", number)};
}

TEST(LiveLines, a_newcomer_sees_the_running_step_from_its_beginning) {
    LiveLines live;
    live.begin(acme, "CHG-1");
    live.add(acme, "CHG-1", line(1));
    live.begin(acme, "CHG-1");
    live.add(acme, "CHG-1", line(2));
    live.add(acme, "CHG-2", line(3));
    const auto page = live.after(acme, "CHG-1", live.start(acme, "CHG-1"));
    ASSERT_EQ(page.lines.size(), 1);
    EXPECT_EQ(page.lines.front().text, "line 2");
    EXPECT_TRUE(live.after(acme, "CHG-1", page.next).lines.empty());
    EXPECT_TRUE(live.after(TenantId("zeta"), "CHG-1", 0).lines.empty());
}

TEST(LiveLines, a_slow_reader_is_told_what_he_missed) {
    LiveLines live;
    live.begin(acme, "CHG-1");
    for (std::size_t i = 0; i < limits::live_lines_max + 7; ++i)
        live.add(acme, "CHG-1", line(i));
    const auto page = live.after(acme, "CHG-1", 0);
    EXPECT_EQ(page.lines.size(), limits::live_lines_max);
    EXPECT_EQ(page.left_out, 7);
    EXPECT_EQ(page.lines.front().text, "line 7");
}

TEST(LiveLines, the_change_that_rested_longest_makes_room) {
    LiveLines live;
    live.add(acme, "first", line(0));
    live.add(acme, "second", line(0));
    live.add(acme, "first", line(1));
    for (std::size_t i = 2; i <= limits::live_changes_max; ++i)
        live.add(acme, fmt::format("CHG-{}", i), line(i));
    EXPECT_EQ(live.after(acme, "first", 0).lines.size(), 2);
    EXPECT_TRUE(live.after(acme, "second", 0).lines.empty());
}

TEST(LiveLines, each_line_is_told_of) {
    LiveLines live;
    int told = 0;
    live.on_added([&] { ++told; });
    live.add(acme, "CHG-1", line(0));
    live.add(acme, "CHG-1", line(1));
    EXPECT_EQ(told, 2);
}

} // namespace

} // namespace slipway::app
