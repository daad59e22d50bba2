// SPDX-License-Identifier: Apache-2.0
#include "domain/calendar/zone.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "domain/calendar/test_times.hpp"
#include "domain/calendar/window.hpp"

namespace slipway::domain {

namespace {

using namespace std::chrono_literals;

TEST(local_time, refuses_what_is_no_local_time) {
    for (const auto* text :
         {"", "2026-11-22", "2026-11-22 18:00", "2026-11-22T18", "2026-11-22T24:00",
          "2026-11-22T18:60", "2026-02-30T10:00", "1969-12-31T10:00", "2038-01-01T00:00",
          "2026-11-22T18:00Z", "2026-11-22T18:00+01:00", "2026-11-22T18:00:00.5"}) {
        const auto local = local_from_text(text, "start");
        ASSERT_FALSE(local) << text;
        EXPECT_EQ(local.error().fields.front().field, "start");
    }
}

TEST(local_time, refuses_what_is_no_clock_or_date) {
    for (const auto* text : {"", "9:00", "25:00", "24:01", "12:60", "12:00:00"})
        EXPECT_FALSE(clock_from_text(text, "from")) << text;
    EXPECT_EQ(*clock_from_text("24:00", "to"), 24h);
    for (const auto* text : {"", "2026-13-01", "2027-02-29", "2026-1-01", "2026-01-01T"})
        EXPECT_FALSE(date_from_text(text)) << text;
}

TEST(zone, refuses_unknown_zones_and_path_tricks) {
    for (const auto* zone :
         {"", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "europe/berlin", "Europe/"}) {
        EXPECT_FALSE(is_known_zone(zone)) << zone;
        EXPECT_EQ(require_zone(zone, "zone").error().fields.front().field, "zone");
        EXPECT_FALSE(to_instant("2026-11-22T18:00", zone));
    }
    EXPECT_FALSE(is_known_zone(std::string(10000, 'a')));
    EXPECT_TRUE(is_known_zone("UTC"));
    EXPECT_TRUE(is_known_zone("Australia/Lord_Howe"));
}

TEST(zone, refuses_a_skipped_time_and_names_the_gap) {
    const auto skipped = to_instant("2027-03-28T02:30", "Europe/Berlin", "start");
    ASSERT_FALSE(skipped);
    EXPECT_EQ(skipped.error().fields.front().field, "start");
    EXPECT_EQ(
        skipped.error().fields.front().message,
        "2027-03-28T02:30 does not exist in Europe/Berlin: the clock goes from 2027-03-28T02:00 to "
        "2027-03-28T03:00 there"
    );
    EXPECT_FALSE(to_instant("2027-03-14T02:59:59", "America/New_York"));
    // Lord Howe Island moves by half an hour.
    EXPECT_FALSE(to_instant("2026-10-04T02:15", "Australia/Lord_Howe"));
    EXPECT_EQ(*to_instant("2026-10-04T02:30", "Australia/Lord_Howe"), at("2026-10-03T15:30:00Z"));
}

TEST(zone, a_skipped_time_of_a_rule_takes_the_offset_before_the_gap) {
    const auto local = *local_from_text("2027-03-28T02:30");
    const auto instant = *to_instant_past_gap(local, "Europe/Berlin");
    EXPECT_EQ(instant, at("2027-03-28T01:30:00Z"));
    EXPECT_EQ(to_local_text(instant, "Europe/Berlin"), "2027-03-28T03:30");
}

TEST(zone, takes_the_earlier_of_two_instants_and_tells) {
    const auto local = *local_from_text("2026-10-25T02:30");
    EXPECT_EQ(*to_instant(local, "Europe/Berlin"), at("2026-10-25T00:30:00Z"));
    EXPECT_EQ(*second_reading(local, "Europe/Berlin"), at("2026-10-25T01:30:00Z"));
    EXPECT_FALSE(*second_reading(local, "America/New_York"));
    EXPECT_EQ(*to_instant("2026-11-01T01:30", "America/New_York"), at("2026-11-01T05:30:00Z"));
    EXPECT_TRUE(*second_reading(*local_from_text("2026-04-05T01:45"), "Australia/Lord_Howe"));
    EXPECT_FALSE(*second_reading(*local_from_text("2026-04-05T01:15"), "Australia/Lord_Howe"));
}

TEST(zone, writes_local_texts) {
    EXPECT_EQ(to_local_text(at("2026-11-22T17:00:00Z"), "Europe/Berlin"), "2026-11-22T18:00");
    EXPECT_EQ(to_local_text(at("2026-11-22T17:00:05Z"), "Europe/Berlin"), "2026-11-22T18:00:05");
    EXPECT_EQ(to_local_text(at("2026-11-22T17:00:00Z"), "Nowhere"), "2026-11-22T17:00:00.000Z");
    EXPECT_EQ(
        to_spoken_text(at("2026-11-27T17:00:00Z"), "Europe/Berlin"),
        "Fri 2026-11-27 18:00 Europe/Berlin"
    );
    EXPECT_FALSE(to_local(at("2038-01-01T00:00:00Z"), "UTC"));
}

TEST(zone, lists_clock_changes) {
    const Interval year{at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z")};
    const auto changes = *clock_changes(year, "Europe/Berlin");
    ASSERT_EQ(changes.size(), 2U);
    EXPECT_EQ(changes[0].at, at("2026-03-29T01:00:00Z"));
    EXPECT_EQ(changes[0].after - changes[0].before, 1h);
    EXPECT_EQ(changes[1].at, at("2026-10-25T01:00:00Z"));
    EXPECT_TRUE(clock_changes(year, "UTC")->empty());
}

// Instant to local to instant gives the instant back, or, in the hour that the clock shows twice,
// the earlier one with the same local time; around every change of the clock, in steps of 5
// minutes.
TEST(zone, round_trip_over_all_changes_of_the_clock) {
    const Interval decade{at("2024-01-01T00:00:00Z"), at("2035-01-01T00:00:00Z")};
    for (const auto* zone :
         {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca",
          "America/Santiago", "Pacific/Chatham", "Asia/Gaza", "Pacific/Apia"}) {
        std::size_t looked_at = 0;
        const auto changes = *clock_changes(decade, zone);
        for (const auto& change : changes)
            for (auto time = change.at - 3h; time < change.at + 3h; time += 5min, ++looked_at) {
                const auto local = *to_local(time, zone);
                const auto back = to_instant(local, zone);
                ASSERT_TRUE(back) << zone << ' ' << to_text(time);
                const auto second = *second_reading(local, zone);
                EXPECT_TRUE(*back == time || second == time)
                    << zone << " " << to_text(time) << " " << to_text(*back);
                EXPECT_LE(*back, time);
                EXPECT_EQ(*to_local(*back, zone), local);
            }
        if (std::string_view(zone) == "Europe/Berlin") {
            EXPECT_EQ(looked_at, 22U * 72U);
        }
    }
}

RC_GTEST_PROP(zone, a_local_time_that_exists_comes_back, ()) {
    const auto zone = *rc::gen::element<std::string>(
        "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC", "Asia/Kolkata"
    );
    const auto local =
        *local_from_text("2024-01-01T00:00") + std::chrono::minutes(*rc::gen::inRange(0, 5785920));
    const auto instant = to_instant(local, zone);
    if (!instant)
        RC_DISCARD("in a gap");
    RC_ASSERT(*to_local(*instant, zone) == local);
    RC_ASSERT(*local_from_text(local_text(local)) == local);
}

TEST(zone, can_be_read_from_many_threads) {
    std::vector<std::jthread> threads;
    std::atomic<int> right = 0;
    for (int i = 0; i < 8; ++i)
        threads.emplace_back([&] {
            for (const auto* zone : {"Asia/Tokyo", "America/Lima", "Europe/Paris", "Asia/Dhaka"})
                right += to_instant("2026-11-22T18:00", zone) ? 1 : 0;
        });
    threads.clear();
    EXPECT_EQ(right, 32);
}

TEST(window, refuses_and_names_the_field) {
    const auto field = [](const WindowSpec& spec) {
        return resolve_window(spec).error().fields.front().field;
    };
    EXPECT_EQ(field({"2026-11-22T18:00", "2026-11-22T20:00", "Moon"}), "zone");
    EXPECT_EQ(field({"soon", "2026-11-22T20:00", "UTC"}), "start");
    EXPECT_EQ(field({"2026-11-22T18:00", "later", "UTC"}), "end");
    EXPECT_EQ(field({"2026-11-22T18:00", "2026-11-22T18:00", "UTC"}), "end");
    EXPECT_EQ(field({"2026-11-22T18:00", "2026-11-29T18:00:01", "UTC"}), "end");
    EXPECT_EQ(field({"2027-03-28T02:30", "2027-03-28T05:00", "Europe/Berlin"}), "start");
    EXPECT_EQ(resolve_window({"soon", "later", "UTC"}).error().fields.size(), 2U);
}

TEST(window, refuses_a_time_that_the_clock_shows_twice_and_names_both_readings) {
    for (const auto& [start, end, field] :
         {std::tuple{"2026-10-25T02:30", "2026-10-25T06:00", "start"},
          std::tuple{"2026-10-24T22:00", "2026-10-25T02:00", "end"}}) {
        const auto window = resolve_window({start, end, "Europe/Berlin"});
        ASSERT_FALSE(window) << start;
        EXPECT_EQ(window.error().fields.at(0).field, field);
    }
    const auto message =
        resolve_window({"2026-10-25T02:30", "2026-10-25T06:00", "Europe/Berlin"}).error().message;
    EXPECT_NE(message.find("2026-10-25T00:30:00"), std::string::npos) << message;
    EXPECT_NE(message.find("2026-10-25T01:30:00"), std::string::npos) << message;
}

TEST(window, resolves_across_a_change_of_the_clock) {
    EXPECT_TRUE(resolve_window({"2026-11-22T18:00", "2026-11-29T18:00", "UTC"}));
    const auto night = *resolve_window({"2026-10-24T22:00", "2026-10-25T06:00", "Europe/Berlin"});
    EXPECT_EQ(night.length(), 9h);
    EXPECT_EQ(night.start, at("2026-10-24T20:00:00Z"));
}

TEST(interval, set_operations) {
    const auto t = [](int minute) { return Time{std::chrono::minutes(minute)}; };
    EXPECT_FALSE(overlaps({t(0), t(5)}, {t(5), t(9)}));
    EXPECT_FALSE(overlaps({t(5), t(5)}, {t(0), t(9)}));
    EXPECT_EQ(overlap_of({t(0), t(6)}, {t(5), t(9)}), (Interval{t(5), t(6)}));
    EXPECT_TRUE(contains(Interval{t(0), t(5)}, t(0)));
    EXPECT_FALSE(contains(Interval{t(0), t(5)}, t(5)));
    EXPECT_EQ(
        merge({{t(7), t(9)}, {t(0), t(5)}, {t(5), t(6)}, {t(6), t(6)}}),
        (std::vector<Interval>{{t(0), t(6)}, {t(7), t(9)}})
    );
    EXPECT_EQ(
        subtract({t(0), t(9)}, {{t(2), t(3)}, {t(8), t(20)}, {t(3), t(4)}}),
        (std::vector<Interval>{{t(0), t(2)}, {t(4), t(8)}})
    );
}

RC_GTEST_PROP(interval, subtract_leaves_exactly_what_was_not_removed, ()) {
    const auto bounds = *rc::gen::container<std::vector<std::pair<int, int>>>(
        rc::gen::pair(rc::gen::inRange(-10, 60), rc::gen::inRange(-10, 60))
    );
    std::vector<Interval> removed;
    for (const auto& [a, b] : bounds)
        removed.push_back({Time{Span(a)}, Time{Span(b)}});
    const auto left = subtract({Time{Span(0)}, Time{Span(50)}}, removed);
    for (int i = -10; i < 60; ++i) {
        const Time time{Span(i)};
        const auto holds = [&](const auto& list) {
            return std::any_of(list.begin(), list.end(), [&](const Interval& one) {
                return contains(one, time);
            });
        };
        RC_ASSERT(holds(left) == (i >= 0 && i < 50 && !holds(removed)));
    }
}

} // namespace

} // namespace slipway::domain
