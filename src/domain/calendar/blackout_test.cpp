// SPDX-License-Identifier: Apache-2.0
#include "domain/calendar/blackout.hpp"

#include <gtest/gtest.h>

#include "domain/calendar/test_times.hpp"

namespace slipway::domain {

namespace {

using namespace std::chrono_literals;

Blackout month_end() {
    Blackout blackout;
    blackout.id = "month-end-close";
    blackout.name = "Month-end close";
    blackout.reason = "The ledgers are closed";
    blackout.recurrence.from = "2020-01-01T00:00";
    blackout.recurrence.duration = 24h;
    blackout.recurrence.zone = berlin;
    blackout.recurrence.rule = "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-3,-2,-1";
    return blackout;
}

TEST(blackout, refuses_malformed_ones) {
    const auto field = [](auto change) {
        auto blackout = month_end();
        change(blackout);
        const auto checked = check_blackout(blackout);
        return checked ? "nothing" : checked.error().fields.front().field;
    };
    EXPECT_EQ(field([](auto&) {}), "nothing");
    EXPECT_EQ(field([](auto& b) { b.id = "../x"; }), "id");
    EXPECT_EQ(field([](auto& b) { b.name.clear(); }), "name");
    EXPECT_EQ(field([](auto& b) { b.reason.clear(); }), "reason");
    EXPECT_EQ(field([](auto& b) { b.recurrence.rule = "FREQ=OFTEN"; }), "recurrence.rule");
}

TEST(blackout, one_that_cannot_be_read_is_never_passed_over) {
    std::vector<Blackout> list{month_end(), month_end()};
    list[1].id = "broken";
    list[1].recurrence.zone = "Moon";
    const auto hits = blackout_hits(list, berlin_time("2026-11-10T10:00", "2026-11-10T12:00"), {});
    ASSERT_FALSE(hits);
    EXPECT_NE(hits.error().message.find("broken"), std::string::npos);
    EXPECT_FALSE(blackout_hits({}, {Time{}, Time{}}, {}));
    EXPECT_EQ(
        blackout_hits(
            std::vector<Blackout>(limits::blackouts_max + 1),
            berlin_time("2026-11-10T10:00", "2026-11-10T12:00"), {}
        )
            .error()
            .code,
        ErrorCode::limit_exceeded
    );
}

TEST(blackout, names_the_occurrence_and_the_overlap) {
    const std::vector list{month_end()};
    const auto hits = *blackout_hits(list, berlin_time("2026-11-26T22:00", "2026-11-27T02:00"), {});
    ASSERT_EQ(hits.size(), 2U);
    EXPECT_EQ(hits[0].blackout, "month-end-close");
    EXPECT_EQ(hits[0].reason, "The ledgers are closed");
    EXPECT_EQ(hits[0].occurrence, berlin_time("2026-11-26T00:00", "2026-11-27T00:00"));
    EXPECT_EQ(hits[0].overlap, berlin_time("2026-11-26T22:00", "2026-11-27T00:00"));
    EXPECT_EQ(hits[1].overlap, berlin_time("2026-11-27T00:00", "2026-11-27T02:00"));
    // Up to its first instant, and from its end on, the window is free.
    EXPECT_TRUE(
        blackout_hits(list, berlin_time("2026-11-25T20:00", "2026-11-26T00:00"), {})->empty()
    );
    EXPECT_TRUE(
        blackout_hits(list, berlin_time("2026-12-01T00:00", "2026-12-01T02:00"), {})->empty()
    );
}

TEST(blackout, holds_for_its_scope_only) {
    auto blackout = month_end();
    const std::vector<std::string> cis{"web-1", "db-1"};
    const std::vector<std::string> services{"shop"};
    EXPECT_TRUE(holds_for(blackout, {{}, {}}));
    blackout.cis = {"db-1"};
    EXPECT_FALSE(holds_for(blackout, {{}, {}}));
    EXPECT_TRUE(holds_for(blackout, {cis, {}}));
    EXPECT_FALSE(holds_for(blackout, {{}, services}));
    blackout.cis.clear();
    blackout.services = {"shop", "billing"};
    EXPECT_TRUE(holds_for(blackout, {cis, services}));
    EXPECT_FALSE(holds_for(blackout, {cis, {}}));
    const auto window = berlin_time("2026-11-26T22:00", "2026-11-27T02:00");
    EXPECT_TRUE(blackout_hits(std::vector{blackout}, window, {cis, {}})->empty());
    EXPECT_EQ(blackout_hits(std::vector{blackout}, window, {cis, services})->size(), 2U);
}

} // namespace

} // namespace slipway::domain
