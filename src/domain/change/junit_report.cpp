// SPDX-License-Identifier: Apache-2.0
#include "domain/change/junit_report.hpp"

#include <fmt/format.h>

namespace slipway::domain {

namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd"; // U+FFFD

// As the value of an attribute in double quotes (XML 1.0, sections 2.2, 2.4 and 3.3.3). A line end
// or a tab is a reference, because a reader would make a blank of it otherwise.
std::string quoted(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const auto rest = text.substr(i, 3);
        if (c == '&')
            out += "&amp;";
        else if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else if (c == '"')
            out += "&quot;";
        else if (c == '\t' || c == '\n' || c == '\r')
            out += fmt::format("&#{};", static_cast<int>(c));
        else if (static_cast<unsigned char>(c) < 0x20)
            out += replacement;
        else if (rest == "\xef\xbf\xbe" || rest == "\xef\xbf\xbf") { // U+FFFE and U+FFFF
            out += replacement;
            i += 2;
        } else
            out += c;
    }
    return out;
}

std::string seconds(std::uint64_t milliseconds) {
    return fmt::format("{}.{:03}", milliseconds / 1000, milliseconds % 1000);
}

std::string property(std::string_view indent, std::string_view name, std::string_view value) {
    return fmt::format("{}<property name=\"{}\" value=\"{}\"/>\n", indent, name, quoted(value));
}

std::string case_of(const SmokeResult& result) {
    auto out = fmt::format(
        "    <testcase name=\"{}\" time=\"{}\"", quoted(result.name), seconds(result.took_ms)
    );
    std::string properties;
    // One that passed at its third try is not one that passed.
    if (result.tries.value_or(1) > 1)
        properties += property("        ", "tries", fmt::format("{}", *result.tries));
    if (result.outside)
        properties +=
            property("        ", "outside", result.seen_from.empty() ? "true" : result.seen_from);
    std::string inside;
    if (!properties.empty())
        inside += "      <properties>\n" + properties + "      </properties>\n";
    if (!result.passed)
        inside += fmt::format("      <failure message=\"{}\"/>\n", quoted(result.detail));
    return out + (inside.empty() ? "/>\n" : ">\n" + inside + "    </testcase>\n");
}

// What makes the report fail besides its checks.
std::vector<SmokeResult> cases_of(const SmokeReport& report) {
    auto cases = report.results;
    for (const auto& agent : report.silent_agents)
        cases.push_back({"agent " + agent, false, "the monitoring agent is silent", 0, false, {}});
    for (const auto& alert : report.new_alerts)
        cases.push_back({"alert " + alert, false, "a new alert came up", 0, false, {}});
    if (!report.not_outside.empty())
        cases.push_back({"outside view", false, report.not_outside, 0, false, {}});
    return cases;
}

} // namespace

std::string junit_xml(const SmokeReport& report) {
    const auto cases = cases_of(report);
    std::size_t failures = 0;
    std::uint64_t took = 0;
    std::string list;
    for (const auto& result : cases) {
        failures += result.passed ? 0 : 1;
        took += result.took_ms;
        list += case_of(result);
    }
    auto properties = property("      ", "report", report.id) +
                      property("      ", "smoke_list", report.list.hex()) +
                      property("      ", "source", to_text(report.source));
    if (!report.run.empty())
        properties += property("      ", "run", report.run.value);
    if (!report.by.empty())
        properties += property("      ", "by", report.by.value);
    return fmt::format(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
        "  <testsuite name=\"{}\" timestamp=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" "
        "skipped=\"0\" time=\"{}\">\n"
        "    <properties>\n{}    </properties>\n{}  </testsuite>\n</testsuites>\n",
        quoted(fmt::format("smoke {} on {}", to_text(report.occasion), report.ring)),
        to_text(report.began.value_or(report.at)), cases.size(), failures, seconds(took),
        properties, list
    );
}

} // namespace slipway::domain
