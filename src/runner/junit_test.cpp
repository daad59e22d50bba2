// SPDX-License-Identifier: Apache-2.0
#include "runner/junit.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::runner {
namespace {

using domain::RunOutcome;
using testing::HasSubstr;

std::string error_of(std::string_view xml) {
    const auto report = read_junit(xml);
    EXPECT_FALSE(report) << xml;
    return report ? "" : report.error().message;
}

TEST(Junit, refuses_what_is_no_report) {
    EXPECT_THAT(error_of(""), HasSubstr("line 1: not valid XML"));
    EXPECT_THAT(error_of("{}"), HasSubstr("not valid XML"));
    EXPECT_THAT(error_of("<html/>"), HasSubstr("expected <testsuites>"));
    EXPECT_THAT(error_of("<testsuite/>"), HasSubstr("no test case"));
    EXPECT_THAT(error_of("<testsuite>\n<testcase/></testsuite>"), HasSubstr("line 2"));
    EXPECT_THAT(
        error_of("<testsuite><testcase name='a'><testcase name='b'/></testcase></testsuite>"),
        HasSubstr("inside another")
    );
    EXPECT_THAT(error_of("<testsuite><testcase name='a'>"), HasSubstr("not valid XML"));
    EXPECT_THAT(error_of("<testsuite><testcase name='\xff'/></testsuite>"), HasSubstr("XML"));
}

TEST(Junit, refuses_entities_of_the_file) {
    const std::string bomb = "<?xml version='1.0'?>\n<!DOCTYPE lolz [\n<!ENTITY a 'lol'>\n"
                             "<!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>\n]>\n"
                             "<testsuite><testcase name='&b;'/></testsuite>";
    EXPECT_THAT(error_of(bomb), HasSubstr("document type declaration"));
    EXPECT_THAT(
        error_of("<!DOCTYPE x SYSTEM 'file:///etc/passwd'><testsuite/>"),
        HasSubstr("document type declaration")
    );
}

TEST(Junit, refuses_more_than_its_limits) {
    std::string deep;
    for (int i = 0; i <= limits::junit_depth_max; ++i)
        deep += "<testsuite>";
    EXPECT_THAT(error_of(deep), HasSubstr("deeper than 32"));
    std::string many = "<testsuite>";
    for (std::size_t i = 0; i <= limits::junit_cases_max; ++i)
        many += "<testcase name='a'/>";
    EXPECT_THAT(error_of(many + "</testsuite>"), HasSubstr("more than 10000"));
    const auto large = read_junit(std::string(limits::import_body_max + 1, ' '));
    EXPECT_EQ(large.error().code, ErrorCode::limit_exceeded);
}

TEST(Junit, reads_results) {
    const auto report = read_junit(R"(<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="smoke" timestamp="2026-11-22T20:00:00" tests="6">
    <properties><property name="a" value="b"/></properties>
    <testcase classname="login" name="works" time="1.5"/>
    <testcase name="mail &amp; calendar"><failure message="refused"
      type="x">trace</failure></testcase>
    <testcase name="search"><error>
      first line
      second line</error></testcase>
    <testcase name="print"><skipped/></testcase>
    <testcase name="both"><skipped/><failure message="after all"/></testcase>
    <testcase name="talks"><system-out>failure</system-out></testcase>
  </testsuite>
  <testsuite timestamp="2026-11-22T22:00:00+01:00"><testcase name="offset" time="-1"/></testsuite>
</testsuites>)");
    ASSERT_TRUE(report) << report.error().message;
    ASSERT_EQ(report->results.size(), 7);
    const auto& list = report->results;
    EXPECT_EQ(list[0].name, "login.works");
    EXPECT_EQ(list[0].outcome, RunOutcome::passed);
    EXPECT_EQ(to_text(list[0].started), "2026-11-22T20:00:00.000Z");
    EXPECT_EQ(to_text(list[0].ended), "2026-11-22T20:00:01.500Z");
    EXPECT_EQ(list[1].name, "mail & calendar");
    EXPECT_EQ(list[1].outcome, RunOutcome::failed);
    EXPECT_EQ(list[1].message, "refused");
    EXPECT_EQ(list[2].outcome, RunOutcome::failed);
    EXPECT_EQ(list[2].message, "first line");
    EXPECT_EQ(list[3].outcome, RunOutcome::skipped);
    EXPECT_EQ(list[3].message, "skipped");
    EXPECT_EQ(list[4].outcome, RunOutcome::failed);
    EXPECT_EQ(list[4].message, "after all");
    EXPECT_EQ(list[5].outcome, RunOutcome::passed);
    EXPECT_EQ(to_text(list[6].started), "2026-11-22T21:00:00.000Z");
    EXPECT_EQ(list[6].ended, list[6].started);
}

// As the latest moment that the file can mean.
std::string began_of(std::string_view suites) {
    const auto report = read_junit(fmt::format("<testsuites>{}</testsuites>", suites));
    EXPECT_TRUE(report) << report.error().message;
    return report && report->began ? to_text(*report->began) : "";
}

TEST(Junit, says_when_the_tests_began_at_the_latest) {
    constexpr std::string_view one = "<testsuite{}><testcase name='a'{}/></testsuite>";
    EXPECT_EQ(began_of(fmt::format(one, "", "")), "");
    const auto unknown = read_junit(fmt::format(one, " timestamp='Sunday'", ""));
    ASSERT_FALSE(unknown);
    EXPECT_THAT(unknown.error().message, testing::HasSubstr("the timestamp Sunday cannot be read"));
    for (const auto* at : {"2026-11-22T20:00:00.0+0100", "2026-11-22 20:00:00.0+01:00"})
        EXPECT_EQ(
            began_of(fmt::format(one, fmt::format(" timestamp='{}'", at), "")),
            "2026-11-22T19:00:00.000Z"
        ) << at;
    EXPECT_EQ(began_of(fmt::format(one, " timestamp='2026-11-22'", "")), "2026-11-22T14:00:00.999Z")
        << "a day alone is its beginning, somewhere";
    EXPECT_EQ(
        began_of(fmt::format(one, " timestamp='2026-11-22T20:00:00.250+01:00'", "")),
        "2026-11-22T19:00:00.250Z"
    );
    EXPECT_EQ(
        began_of(fmt::format(one, " timestamp='2026-11-22T20:00:00Z'", "")),
        "2026-11-22T20:00:00.999Z"
    ) << "fractions are left out";
    EXPECT_EQ(
        began_of(fmt::format(one, " timestamp='2026-11-22T20:00Z'", "")), "2026-11-22T20:00:59.999Z"
    );
    EXPECT_EQ(
        began_of(fmt::format(one, " timestamp='2026-11-22T20:00:00.5'", "")),
        "2026-11-23T10:00:00.500Z"
    ) << "local time, nobody knows where";
    EXPECT_EQ(
        began_of(fmt::format(one, "", " timestamp='2026-11-22T20:00:00.0Z'")),
        "2026-11-22T20:00:00.000Z"
    );
    EXPECT_EQ(
        began_of(
            fmt::format(one, " timestamp='2026-11-22T20:00:00.0Z'", "") +
            fmt::format(one, " timestamp='2025-11-22T20:00:00.0Z'", "") +
            fmt::format(one, " timestamp='2026-11-22T21:00:00.0Z'", "")
        ),
        "2025-11-22T20:00:00.000Z"
    );
}

TEST(Junit, refuses_failures_that_no_case_shows) {
    const std::string good = "<testcase name='a'/>";
    const std::string bad = "<testcase name='b'><failure/></testcase>";
    EXPECT_THAT(
        error_of("<testsuite failures='1' errors='3'>" + good + bad + "</testsuite>"),
        HasSubstr("says that 4 of its tests failed, and its test cases show 1")
    );
    EXPECT_THAT(
        error_of("<testsuites errors='2'><testsuite>" + bad + good + "</testsuite></testsuites>"),
        HasSubstr("is not whole")
    );
    EXPECT_THAT(
        error_of(
            "<testsuites><testsuite>" + bad + "</testsuite><testsuite failures='1'>" + good +
            "</testsuite></testsuites>"
        ),
        HasSubstr("its test cases show 0")
    ) << "another suite's does not account for it";
    EXPECT_THAT(
        error_of("<testsuite><error message='setup'/>" + good + "</testsuite>"),
        HasSubstr("failed outside of its test cases")
    );
    for (const std::string& suite : std::vector<std::string>{
             "<testsuite failures='1'>" + bad + "</testsuite>",
             "<testsuites failures='1' errors='0'><testsuite failures='1'>" + bad +
                 "</testsuite></testsuites>",
             "<testsuite failures='' errors='-1' skipped='9' tests='7'>" + good + "</testsuite>",
             "<testsuite errors='1' failures='1'><testcase name='a'><failure/><error/></testcase>"
             "</testsuite>"})
        EXPECT_TRUE(read_junit(suite)) << suite;
}

TEST(Junit, counts_what_was_not_run_as_skipped) {
    const auto report =
        read_junit("<testsuite><testcase name='a' status='notrun' result='suppressed'/>"
                   "<testcase name='b' status='disabled'><skipped message='off'/></testcase>"
                   "<testcase name='c' status='run' result='completed'/></testsuite>");
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->results.at(0).outcome, RunOutcome::skipped);
    EXPECT_EQ(report->results.at(0).message, "skipped: it was not run");
    EXPECT_EQ(report->results.at(1).message, "skipped: off");
    EXPECT_EQ(report->results.at(2).outcome, RunOutcome::passed);
}

TEST(Junit, makes_texts_safe_and_short) {
    const auto report = read_junit(
        "<testsuite><testcase name='a&#10;b'><failure message='" +
        std::string(limits::text_max + 10, 'x') + "'/></testcase></testsuite>"
    );
    ASSERT_TRUE(report);
    EXPECT_EQ(report->results.at(0).name, "a\\x0ab");
    EXPECT_EQ(report->results.at(0).message.size(), limits::text_max);
}

} // namespace
} // namespace slipway::runner
