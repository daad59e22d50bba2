// SPDX-License-Identifier: Apache-2.0
#include "domain/calendar/recurrence.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <libical/ical.h>
#include <rapidcheck/gtest.h>

#include "domain/calendar/recurrence_rule.hpp"
#include "domain/calendar/test_times.hpp"

namespace slipway::domain {

namespace {

using namespace std::chrono_literals;

Interval range(std::string_view from, std::string_view to) {
    return {*to_instant(from, "UTC"), *to_instant(to, "UTC")};
}

Recurrence repeating(std::string from, Span duration, std::string zone, std::string rule) {
    Recurrence recurrence;
    recurrence.from = std::move(from);
    recurrence.duration = duration;
    recurrence.zone = std::move(zone);
    recurrence.rule = std::move(rule);
    return recurrence;
}

std::vector<std::string> starts(const Recurrence& recurrence, const Interval& within) {
    const auto found = occurrences(recurrence, within);
    EXPECT_TRUE(found) << found.error().message;
    std::vector<std::string> texts;
    for (const auto& interval : *found)
        texts.push_back(to_local_text(interval.start, recurrence.zone));
    return texts;
}

using Texts = std::vector<std::string>;

TEST(recurrence_rule, refuses_malformed_rules_and_names_the_part) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"", "NAME=value"},
        {"FREQ", "NAME=value"},
        {"FREQ=", "NAME=value"},
        {"INTERVAL=2", "FREQ: is missing"},
        {"FREQ=HOURLY", "FREQ: 'HOURLY'"},
        {"FREQ=DAILY;FREQ=DAILY", "FREQ: stands twice"},
        {"FREQ=DAILY;INTERVAL=0", "INTERVAL: expected"},
        {"FREQ=DAILY;INTERVAL=1001", "from 1 to 1000"},
        {"FREQ=DAILY;INTERVAL=-1", "INTERVAL: expected"},
        {"FREQ=DAILY;COUNT=2001", "COUNT: expected"},
        {"FREQ=DAILY;COUNT=99999999999999999999", "COUNT: expected"},
        {"FREQ=DAILY;COUNT=2;UNTIL=20270101", "COUNT: not together with UNTIL"},
        {"FREQ=WEEKLY;BYDAY=XX", "BYDAY: 'XX'"},
        {"FREQ=WEEKLY;BYDAY=MO,", "BYDAY: ''"},
        {"FREQ=WEEKLY;BYDAY=MO..FR", "BYDAY: 'MO..FR'"},
        {"FREQ=WEEKLY;BYDAY=1MO", "numbered weekdays only"},
        {"FREQ=MONTHLY;BYDAY=54MO", "BYDAY: '54MO'"},
        {"FREQ=MONTHLY;BYDAY=0MO", "BYDAY: '0MO'"},
        {"FREQ=YEARLY;BYWEEKNO=20;BYDAY=1MO", "not together with BYWEEKNO"},
        {"FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY: '0'"},
        {"FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY: '32'"},
        {"FREQ=WEEKLY;BYMONTHDAY=1", "not with FREQ=WEEKLY"},
        {"FREQ=MONTHLY;BYWEEKNO=1", "only with FREQ=YEARLY"},
        {"FREQ=MONTHLY;BYYEARDAY=1", "only with FREQ=YEARLY"},
        {"FREQ=YEARLY;BYMONTH=13", "BYMONTH: '13'"},
        {"FREQ=YEARLY;BYMONTH=-1", "BYMONTH: '-1'"},
        {"FREQ=MONTHLY;BYSETPOS=1", "needs another BY part"},
        {"FREQ=DAILY;BYHOUR=9", "BYHOUR: is not taken"},
        {"FREQ=DAILY;RSCALE=CHINESE", "RSCALE: is no part"},
        {"FREQ=DAILY;WKST=1", "WKST: expected"},
        {std::string(501, 'A'), "the limit is 500"},
    };
    for (const auto& [text, part] : cases) {
        const auto rule = rule_from_text(text, "recurrence.rule");
        ASSERT_FALSE(rule) << text;
        EXPECT_EQ(rule.error().fields.front().field, "recurrence.rule");
        EXPECT_NE(rule.error().message.find(part), std::string::npos)
            << text << ": " << rule.error().message;
    }
}

TEST(recurrence, refuses_malformed_fields_and_names_them) {
    const auto good = repeating("2026-01-05T18:00", 2h, "UTC", "FREQ=WEEKLY");
    ASSERT_TRUE(check_recurrence(good));
    const auto field = [&](auto change) {
        auto bad = good;
        change(bad);
        const auto checked = check_recurrence(bad, "when");
        return checked ? "nothing" : checked.error().fields.front().field;
    };
    EXPECT_EQ(field([](auto& r) { r.zone = "Moon"; }), "when.zone");
    EXPECT_EQ(field([](auto& r) { r.from = "monday"; }), "when.from");
    EXPECT_EQ(field([](auto& r) { r.duration.reset(); }), "when.duration");
    EXPECT_EQ(field([](auto& r) { r.to = "2026-01-05T20:00"; }), "when.duration");
    EXPECT_EQ(field([](auto& r) { r.duration = 0ms; }), "when.duration");
    EXPECT_EQ(field([](auto& r) { r.duration = 367 * 24h; }), "when.duration");
    EXPECT_EQ(field([](auto& r) { r.duration.reset(), r.to = "2026-01-05T17:00"; }), "when.to");
    EXPECT_EQ(field([](auto& r) { r.rule = "FREQ=NEVER"; }), "when.rule");
    EXPECT_EQ(field([](auto& r) { r.rule = "FREQ=DAILY;UNTIL=tomorrow"; }), "when.rule");
    EXPECT_EQ(field([](auto& r) { r.rule = "FREQ=DAILY;UNTIL=20261301"; }), "when.rule");
    EXPECT_EQ(field([](auto& r) { r.until = "2026"; }), "when.until");
    EXPECT_EQ(field([](auto& r) { r.rule += ";COUNT=2", r.until = "2026-12-31"; }), "when.until");
    EXPECT_EQ(field([](auto& r) { r.count = 0; }), "when.count");
    EXPECT_EQ(field([](auto& r) { r.count = 1, r.rule += ";COUNT=2"; }), "when.count");
    EXPECT_EQ(field([](auto& r) { r.except = {"2026-01-12", "x"}; }), "when.except[1]");
    EXPECT_EQ(field([](auto& r) { r.rule.clear(), r.count = 2; }), "when.count");
    EXPECT_EQ(field([](auto& r) { r.rule.clear(), r.until = "2027-01-01"; }), "when.until");
    // A rule that never occurs is a mistake that nobody would notice otherwise.
    EXPECT_EQ(field([](auto& r) { r.rule = "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"; }), "when.rule");
    // Once, at a time that the clock skips.
    const auto once = check_recurrence(repeating("2027-03-28T02:30", 1h, "Europe/Berlin", ""));
    EXPECT_EQ(once.error().fields.front().field, "from");
}

TEST(recurrence, refuses_ranges_it_cannot_answer) {
    const auto daily = repeating("2020-01-01T01:00", 1h, "UTC", "FREQ=DAILY");
    EXPECT_FALSE(occurrences(daily, range("2026-01-02T00:00", "2026-01-02T00:00")));
    EXPECT_FALSE(occurrences(daily, range("2037-01-02T00:00", "2037-12-31T10:00")));
    const auto many = occurrences(daily, range("2020-01-01T00:00", "2027-01-01T00:00"));
    EXPECT_EQ(many.error().code, ErrorCode::limit_exceeded);
    EXPECT_NE(many.error().message.find("2000"), std::string::npos);
    EXPECT_EQ(
        starts(daily, range("2037-12-01T00:00", "2037-12-02T00:00")), Texts{"2037-12-01T01:00"}
    );
}

TEST(recurrence, last_three_business_days_of_the_month) {
    const auto close = repeating(
        "2020-01-01T18:00", 12h, "Europe/Berlin",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-3,-2,-1"
    );
    EXPECT_EQ(
        starts(close, range("2026-11-20T00:00", "2027-01-10T00:00")),
        (Texts{
            "2026-11-26T18:00", "2026-11-27T18:00", "2026-11-30T18:00", "2026-12-29T18:00",
            "2026-12-30T18:00", "2026-12-31T18:00"})
    );
    // The window of a night in the middle of an occurrence finds it.
    EXPECT_EQ(
        starts(close, range("2026-12-01T01:00", "2026-12-01T02:00")), Texts{"2026-11-30T18:00"}
    );
}

TEST(recurrence, retail_freeze_across_new_year) {
    auto freeze = repeating("2020-11-15T00:00", {}, "America/New_York", "FREQ=YEARLY");
    freeze.duration.reset();
    freeze.to = "2021-01-07T00:00";
    const auto found = *occurrences(freeze, range("2027-01-02T00:00", "2027-01-03T00:00"));
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(to_local_text(found[0].start, freeze.zone), "2026-11-15T00:00");
    EXPECT_EQ(to_local_text(found[0].end, freeze.zone), "2027-01-07T00:00");
    EXPECT_TRUE(occurrences(freeze, range("2027-01-07T05:00", "2027-11-15T05:00"))->empty());
}

TEST(recurrence, fiscal_cutover_on_the_last_saturday_of_september) {
    const auto cutover =
        repeating("2024-01-01T20:00", 36h, "Europe/Berlin", "FREQ=YEARLY;BYMONTH=9;BYDAY=-1SA");
    EXPECT_EQ(
        starts(cutover, range("2025-01-01T00:00", "2028-01-01T00:00")),
        (Texts{"2025-09-27T20:00", "2026-09-26T20:00", "2027-09-25T20:00"})
    );
}

TEST(recurrence, month_ends) {
    const auto last = repeating("2024-01-31T23:00", 1h, "UTC", "FREQ=MONTHLY;BYMONTHDAY=-1");
    EXPECT_EQ(
        starts(last, range("2028-01-01T00:00", "2028-05-01T00:00")),
        (Texts{"2028-01-31T23:00", "2028-02-29T23:00", "2028-03-31T23:00", "2028-04-30T23:00"})
    );
    // Months without a 31st are left out (RFC 5545, 3.3.10), and so are years without a 29
    // February.
    const auto thirty_first = repeating("2026-01-31T23:00", 1h, "UTC", "FREQ=MONTHLY");
    EXPECT_EQ(
        starts(thirty_first, range("2026-01-01T00:00", "2026-06-01T00:00")),
        (Texts{"2026-01-31T23:00", "2026-03-31T23:00", "2026-05-31T23:00"})
    );
    const auto leap = repeating("2024-02-29T12:00", 1h, "UTC", "FREQ=YEARLY");
    EXPECT_EQ(
        starts(leap, range("2024-01-01T00:00", "2033-01-01T00:00")),
        (Texts{"2024-02-29T12:00", "2028-02-29T12:00", "2032-02-29T12:00"})
    );
}

TEST(recurrence, keeps_the_time_of_day_across_a_change_of_the_clock) {
    const auto nightly = repeating("2026-03-27T22:00", 4h, "Europe/Berlin", "FREQ=DAILY");
    const auto found = *occurrences(nightly, range("2026-03-28T12:00", "2026-03-30T12:00"));
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].start, at("2026-03-28T21:00:00Z"));
    EXPECT_EQ(found[0].end, at("2026-03-29T01:00:00Z"));
    EXPECT_EQ(found[1].start, at("2026-03-29T20:00:00Z"));
    // A whole day ends at midnight, also when it has 23 hours or 25; hours are elapsed time.
    const auto whole = repeating("2026-01-01T00:00", 24h, "Europe/Berlin", "FREQ=DAILY");
    const auto lengths = [&](std::string_view from, std::string_view to) {
        return occurrences(whole, range(from, to))->front().length();
    };
    EXPECT_EQ(lengths("2026-03-29T10:00", "2026-03-29T11:00"), 23h);
    EXPECT_EQ(lengths("2026-10-25T10:00", "2026-10-25T11:00"), 25h);
    // A time that the clock skips that night is read with the offset before the gap.
    const auto in_gap = repeating("2027-03-01T02:30", 1h, "Europe/Berlin", "FREQ=DAILY");
    EXPECT_EQ(
        starts(in_gap, range("2027-03-27T00:00", "2027-03-29T12:00")),
        (Texts{"2027-03-27T02:30", "2027-03-28T03:30", "2027-03-29T02:30"})
    );
}

TEST(recurrence, ends_by_count_until_and_exceptions) {
    auto weekly = repeating("2026-01-06T09:00", 1h, "Europe/Berlin", "RRULE:freq=weekly;count=3");
    const auto year = range("2026-01-01T00:00", "2027-01-01T00:00");
    const Texts three{"2026-01-06T09:00", "2026-01-13T09:00", "2026-01-20T09:00"};
    EXPECT_EQ(starts(weekly, year), three);
    EXPECT_TRUE(occurrences(weekly, range("2026-02-01T00:00", "2027-01-01T00:00"))->empty());
    // An exception counts (RFC 5545, 3.8.5.1).
    weekly.except = {"2026-01-13", "2026-01-20T08:00"};
    EXPECT_EQ(starts(weekly, year), (Texts{three[0], three[2]}));
    weekly.except.clear();
    for (const auto* until : {"20260120", "20260120T090000", "20260120T080000Z"}) {
        weekly.rule = std::string("FREQ=WEEKLY;UNTIL=") + until;
        EXPECT_EQ(starts(weekly, year), three) << until;
    }
    weekly.rule = "FREQ=WEEKLY;UNTIL=20260120T075959Z";
    EXPECT_EQ(starts(weekly, year).size(), 2U);
    weekly.rule = "FREQ=WEEKLY";
    weekly.until = "2026-01-20";
    EXPECT_EQ(starts(weekly, year), three);
    weekly.until.clear();
    weekly.count = 3;
    EXPECT_EQ(starts(weekly, year), three);
}

TEST(recurrence, happens_once_without_a_rule) {
    Recurrence once;
    once.from = "2026-12-24T00:00";
    once.to = "2027-01-02T00:00";
    once.zone = "UTC";
    EXPECT_TRUE(check_recurrence(once));
    EXPECT_EQ(
        *occurrences(once, range("2027-01-01T00:00", "2027-01-05T00:00")),
        std::vector<Interval>{range("2026-12-24T00:00", "2027-01-02T00:00")}
    );
    EXPECT_TRUE(occurrences(once, range("2027-01-02T00:00", "2027-01-05T00:00"))->empty());
}

TEST(recurrence, week_rules) {
    const auto year = range("2026-01-01T00:00", "2026-12-31T00:00");
    // The example of WKST in RFC 5545, 3.8.5.3.
    const auto all = range("1997-08-01T00:00", "1997-10-01T00:00");
    EXPECT_EQ(
        starts(
            repeating(
                "1997-08-05T09:00", 1h, "UTC", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO"
            ),
            all
        ),
        (Texts{"1997-08-05T09:00", "1997-08-10T09:00", "1997-08-19T09:00", "1997-08-24T09:00"})
    );
    EXPECT_EQ(
        starts(
            repeating(
                "1997-08-05T09:00", 1h, "UTC", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU"
            ),
            all
        ),
        (Texts{"1997-08-05T09:00", "1997-08-17T09:00", "1997-08-19T09:00", "1997-08-31T09:00"})
    );
    EXPECT_EQ(
        starts(repeating("2026-01-01T09:00", 1h, "UTC", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO"), year),
        Texts{"2026-05-11T09:00"}
    );
    EXPECT_EQ(
        starts(
            repeating("2026-01-01T09:00", 1h, "UTC", "FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=-1"),
            range("2026-02-01T00:00", "2026-02-15T00:00")
        ),
        (Texts{"2026-02-03T09:00", "2026-02-10T09:00"})
    );
    EXPECT_EQ(
        starts(repeating("2026-01-01T09:00", 1h, "UTC", "FREQ=YEARLY;BYYEARDAY=1,100,-1"), year),
        (Texts{"2026-01-01T09:00", "2026-04-10T09:00"})
    );
}

std::string any_rule() {
    const auto pick = [](std::vector<std::string> choices) {
        return *rc::gen::elementOf(std::move(choices));
    };
    const auto interval = pick({"", ";INTERVAL=2", ";INTERVAL=3"});
    return pick({
               "FREQ=DAILY",
               "FREQ=DAILY;BYDAY=MO,WE",
               "FREQ=DAILY;BYMONTH=2,11",
               "FREQ=DAILY;BYMONTHDAY=13,28",
               "FREQ=WEEKLY",
               "FREQ=WEEKLY;BYDAY=TU,SU",
               "FREQ=WEEKLY;BYDAY=MO,FR;WKST=SU",
               "FREQ=MONTHLY",
               "FREQ=MONTHLY;BYMONTHDAY=-1,15",
               "FREQ=MONTHLY;BYDAY=1MO,-1FR",
               "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
               "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-3,-2,-1",
               "FREQ=YEARLY",
               "FREQ=YEARLY;BYMONTH=1,9",
               "FREQ=YEARLY;BYDAY=20MO",
               "FREQ=YEARLY;BYDAY=-1SU",
               "FREQ=YEARLY;BYMONTH=3;BYDAY=TH",
               "FREQ=YEARLY;BYMONTH=9;BYDAY=-1SA",
               "FREQ=YEARLY;BYYEARDAY=1,-1,200",
               "FREQ=YEARLY;BYMONTHDAY=1;BYMONTH=4",
               "FREQ=YEARLY;BYMONTH=3,6;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1,-1",
           }) +
           interval;
}

// libical is a second opinion, written by others. It is not asked about BYSETPOS in weekly
// rules nor about negative days of the month in daily ones, which it passes over, nor about rules
// that never match, for which it looks at length.
RC_GTEST_PROP(recurrence_rule, agrees_with_libical, ()) {
    const auto text = any_rule();
    const LocalDate first =
        LocalDate(std::chrono::year(2024) / 1 / 1) + std::chrono::days(*rc::gen::inRange(0, 1500));
    auto rule = icalrecurrencetype_from_string(text.c_str());
    const auto date = date_text(first);
    auto compact = date;
    std::erase(compact, '-');
    auto* iterator =
        icalrecur_iterator_new(rule, icaltime_from_string((compact + "T120000").c_str()));
    const bool accepted = iterator != nullptr;
    RC_ASSERT(accepted);
    std::vector<std::string> theirs;
    std::vector<std::string> ours;
    for (int i = 0; i < 20; ++i) {
        const auto next = icalrecur_iterator_next(iterator);
        if (icaltime_is_null_time(next) || next.year > 2036)
            break;
        theirs.push_back(fmt::format("{:04}-{:02}-{:02}", next.year, next.month, next.day));
    }
    icalrecur_iterator_free(iterator);
    const LocalDate end{std::chrono::year(2036) / 12 / 31};
    for (const auto day : rule_days(*rule_from_text(text), first, first, end))
        if (ours.size() < 20)
            ours.push_back(date_text(day));
    RC_LOG() << text << " from " << date << '\n';
    RC_ASSERT(ours == theirs);
}

// Asking about a part of the time gives the same as asking about all of it.
RC_GTEST_PROP(recurrence, lies_in_the_range_is_sorted_and_misses_nothing, ()) {
    auto recurrence = repeating(
        "2024-02-03T01:30", std::chrono::hours(*rc::gen::inRange(1, 400)),
        *rc::gen::element<std::string>("Europe/Berlin", "America/New_York", "Australia/Lord_Howe"),
        any_rule()
    );
    if (*rc::gen::arbitrary<bool>())
        recurrence.count = *rc::gen::inRange(1, 100);
    const auto start = at("2024-01-01T00:00:00Z") + std::chrono::hours(*rc::gen::inRange(0, 30000));
    const Interval part{start, start + std::chrono::hours(*rc::gen::inRange(1, 3000))};
    const auto found = *occurrences(recurrence, part);
    RC_ASSERT(std::is_sorted(found.begin(), found.end()));
    std::vector<Interval> expected;
    const auto all = *occurrences(recurrence, range("2024-01-01T00:00", "2028-06-01T00:00"));
    for (const auto& one : all)
        if (overlaps(one, part))
            expected.push_back(one);
    RC_ASSERT(found == expected);
}

TEST(recurrence, travels_through_json) {
    auto weekly = repeating("2026-01-06T09:00", 1h, "Europe/Berlin", "FREQ=WEEKLY");
    weekly.except = {"2026-01-13"};
    weekly.count = 7;
    EXPECT_EQ(*decode<Recurrence>(to_json(weekly)), weekly);
    EXPECT_EQ(decode<Recurrence>(*parse_json("{}")).error().fields.size(), 2U);
}

} // namespace

} // namespace slipway::domain
