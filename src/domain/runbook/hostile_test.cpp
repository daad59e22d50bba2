// SPDX-License-Identifier: Apache-2.0
// Files that would take minutes or hours to read: lists and quotes deep in one another,
// expressions. And files that show something else than they do.
#include <algorithm>
#include <chrono>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/runbook/blocks.hpp"
#include "domain/runbook/runbook_fixture.hpp"

namespace slipway::domain {
namespace {

constexpr auto most = limits::runbook_nesting_max;

std::string times(std::size_t count, std::string_view text) {
    std::string all;
    for (std::size_t i = 0; i < count; ++i)
        all += text;
    return all;
}

std::string until(std::size_t size, std::string_view text) {
    return times(size / text.size(), text);
}

TEST(Nesting, is_bounded_and_the_line_is_named) {
    const struct {
        const char* what;
        std::string text;
        int line; // 0: it may be read
    } rows[] = {
        {"as deep as it may be", times(most, "- ") + "x\n", 0},
        {"lists on one line", "x\n\n" + times(most + 1, "- ") + "x\n", 3},
        {"without a text", times(most + 1, "* ") + "\n", 1},
        {"numbered", times(most + 1, "1. ") + "x\n", 1},
        {"quotes", times(most + 1, ">") + "x\n", 1},
        {"of each something", times(most / 2 + 1, "> 1) ") + "x\n", 1},
        {"with tabs", times(most + 1, "-\t") + "x\n", 1},
        {"by indenting",
         [] {
             std::string text;
             for (std::size_t i = 0; i <= most; ++i)
                 text += std::string(2 * i, ' ') + "- x\n";
             return text;
         }(),
         static_cast<int>(most + 1)},
        {"by indenting, with empty lines",
         [] {
             std::string text;
             for (std::size_t i = 0; i <= most; ++i)
                 text += std::string(2 * i, ' ') + "- x\n\n";
             return text;
         }(),
         static_cast<int>(2 * most + 1)},
        {"in two leaps, past a line of the paragraph",
         times(most, "- ") + "x\ny\n" + std::string(2 * most, ' ') + "- x\n", 3},
        {"one after the other", times(3 * most, "- x\n"), 0},
        {"one after the other, deep", times(3 * most, times(most / 2, "> ") + "x\n\n"), 0},
        {"a rule", std::string(200, '-') + "\n" + std::string(200, '*') + "\n", 0},
        {"far to the right", "```sh {name=a}\n" + std::string(300, ' ') + "- x\n```\n", 0},
        {"marks in a text", "x " + times(200, "- > * ") + "\n", 0},
    };

    for (const auto& row : rows)
        EXPECT_EQ(find_blocks(row.text).too_deep_line, row.line) << row.what;
}

TEST(Nesting, of_a_file_is_refused_where_it_stands_with_what_mends_it) {
    const auto report = lint_text(
        "---\ntitle: T\npurpose: deployment\n---\n# Steps\n" + times(most + 1, "> ") + "x\n"
    );
    ASSERT_FALSE(report.passed());
    const auto& finding =
        *std::find_if(report.findings.begin(), report.findings.end(), [](const auto& one) {
            return one.rule == "too-deep";
        });
    EXPECT_EQ(finding.line, 6);
    EXPECT_THAT(finding.message, testing::HasSubstr("more than 32 deep"));
    EXPECT_THAT(finding.remedy, testing::HasSubstr("beginning of this line"));
}

// A blank line goes through every open list, a heading went into every block below it. The largest
// files of that kind took an hour, and 30 gigabytes.
TEST(Nesting, the_largest_hostile_files_are_read_soon) {
    constexpr auto half = limits::runbook_file_max / 2 - 200;
    for (const auto& text :
         {until(half, "* ") + "x\n" + until(half, "\n"),
          until(half, "+ - ") + "\n" + until(half, "\n"),
          times(most, "- ") + "x\n" + until(2 * half, "\n"),
          until(half, ">") + "x\n" + until(half, "x\n"), "x" + until(2 * half, "<!--"),
          "# " + until(half, "x") + "\n" + until(half, "```\n```\n")}) {
        const auto began = std::chrono::steady_clock::now();
        (void)lint_text("---\npurpose: rollback\n---\n" + text);
        // Far more than it takes, for a busy machine and a sanitizer.
        EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(60))
            << text.substr(0, 20);
    }
}

// The largest file of expensive expressions took three minutes.
TEST(Expressions, are_looked_at_up_to_a_limit) {
    const auto steps = [](std::size_t count, std::string_view expression) {
        std::string text = "---\ntitle: T\npurpose: deployment\n---\n";
        for (std::size_t i = 0; i < count; ++i)
            text += fmt::format("```sh {{name=a{} expect=\"{}\"}}\nx\n```\n", i, expression);
        return text;
    };
    const auto refused = [](const std::string& text) {
        const auto report = lint_text(text);
        return std::count_if(report.findings.begin(), report.findings.end(), [](const auto& one) {
            return one.rule == "too-many-expressions";
        });
    };
    const auto checks = [](std::size_t count, std::string_view expects) {
        std::string text = "```smoke\n";
        for (std::size_t i = 0; i < count; ++i)
            text += fmt::format("- {{name: c{}, http: 'http://h', {}}}\n", i, expects);
        return text + "```\n";
    };
    constexpr auto most_of_them = limits::runbook_expressions_max;
    EXPECT_EQ(refused(steps(most_of_them, "/a+/")), 0);
    EXPECT_EQ(refused(steps(most_of_them + 1, "/a+/")), 1);
    EXPECT_EQ(refused(steps(most_of_them + 1, "/plain text")), 0);
    for (const auto* expects : {"expect: '/a/'", "final_url: '/a/'", "headers: {x: '/a/'}"}) {
        EXPECT_EQ(refused(steps(most_of_them - 1, "/a+/") + checks(1, expects)), 0) << expects;
        EXPECT_EQ(refused(steps(most_of_them, "/a+/") + checks(1, expects)), 1) << expects;
    }
    const auto long_one = "/" + std::string(3000, 'x') + "/";
    EXPECT_EQ(refused(steps(limits::runbook_expressions_bytes_max / 3002, long_one)), 0);
    EXPECT_EQ(refused(steps(limits::runbook_expressions_bytes_max / 3002 + 1, long_one)), 1);
    const auto began = std::chrono::steady_clock::now();
    (void)lint_text(steps(20'000, "/\\\\pL{900}/"));
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(60));
}

// The lines and rules of what the linter refuses in a text that begins on line 8, but not that the
// text is no whole runbook.
std::vector<std::string> refused_lines(const std::string& text) {
    std::vector<std::string> found;
    for (const auto& finding : lint_text(samples::front + text).findings)
        if (finding.severity == LintSeverity::error && finding.line > 0)
            found.push_back(fmt::format("{} {}", finding.line, finding.rule));
    return found;
}

TEST(Hidden, what_runs_is_what_is_read) {
    using samples::block;
    const std::vector<std::string> second_line{"10 hidden-characters"};
    const std::string name = "sh {name=a timeout=1s}";
    EXPECT_EQ(refused_lines(block(name, "true\ntouch evil\recho nothing\n")), second_line);
    EXPECT_EQ(refused_lines("a\n\nb\rc\n" + block(name)), second_line) << "in prose too";
    EXPECT_EQ(refused_lines(block(name, "true\nrm /srv\u200b/x\n")), second_line);
    EXPECT_EQ(refused_lines(block(name, "true\nrm /srv\u00a0/x\n")), second_line);
    EXPECT_EQ(refused_lines(block(name, "true\nx # \u2066\n")), second_line);
    EXPECT_EQ(refused_lines(block(name, "true\nrm /srv\ufff9/x\n")), second_line);
    EXPECT_EQ(
        refused_lines(block("smoke", "- name: a\n  command: x\u200b\n") + block(name)), second_line
    );
    EXPECT_TRUE(refused_lines("10\u00a0km, \u200bhere\n" + block(name, "echo ✔\ufe0f\r\n")).empty()
    );
}

// What was approved by an older program is run by the newer one, above all the way back.
TEST(Hidden, rules_that_came_since_do_not_stop_what_was_pinned) {
    using samples::block;
    const auto text = samples::front +
                      block(
                          "sh {\"name\":\"a\",\"timeout\":\"1s\",\"expect\":\"//\"}",
                          "true # \u00a0\ntouch a\recho b\n"
                      ) +
                      block(
                          "smoke", "- name: a\n  http: http://x/\n  expect: /.*/\n"
                                   "  final_url: ''\n"
                      );
    EXPECT_FALSE(lint_text(text).findings.empty());
    const auto pinned = parse_runbook(text);
    ASSERT_TRUE(pinned.has_value()) << pinned.error().message;
    EXPECT_EQ(pinned->steps.at(0).script, "true # \u00a0\ntouch a\necho b\n");
    EXPECT_EQ(pinned->smoke.size(), 1U);
}

TEST(Hidden, an_expectation_that_everything_meets_is_none) {
    using samples::block;
    const std::vector<std::string> no_demand{"8 bad-attribute"};
    const auto step = [](const std::string& expect) {
        return refused_lines(
            block("sh {\"name\":\"a\",\"timeout\":\"1s\",\"expect\":\"" + expect + "\"}")
        );
    };
    for (const auto* everything : {"", "//", "/.*/", "/x*/", "/^/", "/(ok)?/", "/ok|/"})
        EXPECT_EQ(step(everything), no_demand) << everything;
    for (const auto* something : {"/", "ok", "/ok/", "/^$/", "/./", "/^\\\\s*$/"})
        EXPECT_TRUE(step(something).empty()) << something;
    for (const auto* check :
         {"expect: ''", "expect: '//'", "expect: /.*/", "final_url: ''", "final_url: /.*/",
          "headers: {a: /x*/}"}) {
        const auto list = fmt::format("- name: a\n  http: http://x/\n  {}\n", check);
        EXPECT_EQ(
            refused_lines(block("smoke", list) + block("sh {name=a timeout=1s}")),
            std::vector<std::string>{"11 bad-check"}
        ) << check;
    }
}

TEST(Nesting, a_heading_is_kept_as_its_beginning) {
    const auto found = find_blocks("# " + std::string(10000, 'x') + "\n```sh {name=a}\n```\n");
    ASSERT_EQ(found.fenced.size(), 1u);
    EXPECT_EQ(found.fenced[0].heading.size(), limits::title_max);
    EXPECT_EQ(found.first_heading, found.fenced[0].heading);
}

} // namespace
} // namespace slipway::domain
