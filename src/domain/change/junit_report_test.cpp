// SPDX-License-Identifier: Apache-2.0
#include "domain/change/junit_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::domain {
namespace {

using ::testing::HasSubstr;

TEST(JunitReport, says_each_check_and_what_failed) {
    SmokeReport report;
    report.id = "smoke-3";
    report.ring = "staging";
    report.list = sha256("list");
    report.at = *time_from_text("2026-11-22T20:00:00Z");
    report.results = {
        {"front-page", true, "the answer was 200", 1234, false, 1},
        {"error-rate", false, "the value is \"3\", expected < 2", 5, false, 4}};
    report.silent_agents = {"web-1"};
    report.new_alerts = {"disk & more"};
    EXPECT_EQ(
        junit_xml(report),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<testsuites>\n"
        "  <testsuite name=\"smoke staging on staging\" timestamp=\"2026-11-22T20:00:00.000Z\" "
        "tests=\"4\" failures=\"3\" errors=\"0\" skipped=\"0\" time=\"1.239\">\n"
        "    <properties>\n"
        "      <property name=\"report\" value=\"smoke-3\"/>\n"
        "      <property name=\"smoke_list\" value=\"" +
            sha256("list").hex() +
            "\"/>\n"
            "      <property name=\"source\" value=\"runner\"/>\n"
            "    </properties>\n"
            "    <testcase name=\"front-page\" time=\"1.234\"/>\n"
            "    <testcase name=\"error-rate\" time=\"0.005\">\n"
            "      <properties>\n"
            "        <property name=\"tries\" value=\"4\"/>\n"
            "      </properties>\n"
            "      <failure message=\"the value is &quot;3&quot;, expected &lt; 2\"/>\n"
            "    </testcase>\n"
            "    <testcase name=\"agent web-1\" time=\"0.000\">\n"
            "      <failure message=\"the monitoring agent is silent\"/>\n"
            "    </testcase>\n"
            "    <testcase name=\"alert disk &amp; more\" time=\"0.000\">\n"
            "      <failure message=\"a new alert came up\"/>\n"
            "    </testcase>\n"
            "  </testsuite>\n"
            "</testsuites>\n"
    );
}

TEST(JunitReport, marks_what_passed_only_at_a_later_try_and_who_reported_it) {
    SmokeReport report;
    report.source = SmokeSource::person;
    report.by = PersonId("anna");
    report.run = RunId("run-4");
    report.at = *time_from_text("2026-11-22T20:00:00Z");
    report.began = *time_from_text("2026-11-22T19:58:00Z");
    report.results = {{"front-page", true, "", 0, false, 3}};
    const auto xml = junit_xml(report);
    EXPECT_THAT(xml, HasSubstr("<property name=\"tries\" value=\"3\"/>"));
    EXPECT_THAT(xml, HasSubstr("<property name=\"run\" value=\"run-4\"/>"));
    EXPECT_THAT(xml, HasSubstr("timestamp=\"2026-11-22T19:58:00.000Z\""));
    EXPECT_THAT(xml, HasSubstr("<property name=\"source\" value=\"person\"/>"));
    EXPECT_THAT(xml, HasSubstr("<property name=\"by\" value=\"anna\"/>"));
}

TEST(JunitReport, says_from_where_a_check_was_seen_and_fails_when_nobody_looked_from_outside) {
    SmokeReport report;
    report.results = {
        {"page", true, "", 1, true, 1, "berlin at 203.0.113.7"},
        {"port", false, "refused", 1, true, {}}};
    auto xml = junit_xml(report);
    EXPECT_THAT(
        xml, HasSubstr("    <testcase name=\"page\" time=\"0.001\">\n"
                       "      <properties>\n"
                       "        <property name=\"outside\" value=\"berlin at 203.0.113.7\"/>\n"
                       "      </properties>\n"
                       "    </testcase>\n"
                       "    <testcase name=\"port\" time=\"0.001\">\n"
                       "      <properties>\n"
                       "        <property name=\"outside\" value=\"true\"/>\n"
                       "      </properties>\n"
                       "      <failure message=\"refused\"/>\n"
                       "    </testcase>\n")
    );
    report.results.resize(1);
    report.not_outside = "no probe is there";
    xml = junit_xml(report);
    EXPECT_THAT(xml, HasSubstr("failures=\"1\""));
    EXPECT_THAT(xml, HasSubstr("name=\"outside view\""));
    EXPECT_THAT(xml, HasSubstr("<failure message=\"no probe is there\"/>"));
}

TEST(JunitReport, is_well_formed_whatever_a_message_holds) {
    SmokeReport report;
    report.results = {
        {"\"<a>'&",
         false,
         "]]>\x1b[2J\t\n\r\x01\xef\xbf\xbf\xef\xbf\xbe\xef\xbf\xbd",
         0,
         false,
         {}}};
    const auto xml = junit_xml(report);
    EXPECT_THAT(xml, HasSubstr("name=\"&quot;&lt;a&gt;'&amp;\""));
    EXPECT_THAT(
        xml, HasSubstr("message=\"]]&gt;\xef\xbf\xbd[2J&#9;&#10;&#13;\xef\xbf\xbd"
                       "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"")
    );
}

} // namespace
} // namespace slipway::domain
