// SPDX-License-Identifier: Apache-2.0
// What a smoke report is written as can be read again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "domain/change/junit_report.hpp"
#include "runner/junit.hpp"

namespace slipway::runner {
namespace {

using domain::SmokeReport;

TEST(JunitRoundtrip, keeps_names_verdicts_messages_and_durations) {
    SmokeReport report;
    report.at = *time_from_text("2026-11-22T20:00:00Z");
    report.results = {
        {"front-page", true, "", 1234, true, 1},
        {"error-rate", false, "the value is \"3\", expected < 2 & more", 5, false, 4}};
    const auto read = read_junit(junit_xml(report));
    ASSERT_TRUE(read) << read.error().message;
    ASSERT_EQ(read->results.size(), 2);
    EXPECT_EQ(read->results.at(0).name, "front-page");
    EXPECT_TRUE(read->results.at(0).passed());
    EXPECT_EQ(read->results.at(0).started, report.at);
    EXPECT_EQ(read->began, report.at);
    EXPECT_EQ(read->results.at(0).ended - read->results.at(0).started, Span(1234));
    EXPECT_EQ(read->results.at(1).name, "error-rate");
    EXPECT_FALSE(read->results.at(1).passed());
    EXPECT_EQ(read->results.at(1).message, report.results[1].detail);
}

TEST(JunitRoundtrip, keeps_which_side_a_check_was_seen_from) {
    SmokeReport report;
    report.results = {
        {"front-page", true, "", 1, false, 1},
        {"front-page", false, "refused", 1, true, 1, "berlin at 203.0.113.7"},
        {"login", true, "", 1, true, {}}};
    const auto read = read_junit(junit_xml(report));
    ASSERT_TRUE(read) << read.error().message;
    ASSERT_EQ(read->results.size(), 3);
    EXPECT_FALSE(read->results.at(0).outside);
    EXPECT_TRUE(read->results.at(1).outside);
    EXPECT_FALSE(read->results.at(1).passed());
    EXPECT_EQ(read->results.at(1).message, "refused");
    EXPECT_TRUE(read->results.at(2).outside);
    EXPECT_TRUE(read->results.at(2).passed());
    // Properties of the suite, and of other tools, say nothing of it.
    const auto other = read_junit(R"(<testsuite><properties><property name="outside" value="x"/>
        </properties><testcase name="a"><properties><property name="outside" value="false"/>
        <property name="b" value="outside"/></properties></testcase></testsuite>)");
    ASSERT_TRUE(other);
    EXPECT_FALSE(other->results.at(0).outside);
}

TEST(JunitRoundtrip, any_text_can_be_read_again) {
    EXPECT_TRUE(rc::check([] {
        const auto text = rc::gen::container<std::string>(
            rc::gen::elementOf(std::string("ab<>&'\"]-!\t\n\r\x01\x1b\x7f "))
        );
        const auto name = *text;
        const auto detail = *text;
        SmokeReport report;
        report.results = {{"x" + name, false, detail, 1, false, {}}};
        const auto read = read_junit(junit_xml(report));
        RC_ASSERT(read.has_value());
        RC_ASSERT(read->results.size() == 1U);
        RC_ASSERT(!read->results.front().passed());
    }));
}

} // namespace
} // namespace slipway::runner
