// SPDX-License-Identifier: Apache-2.0
// Files that would take minutes or hours to read: lists and quotes deep in one another,
// expressions.
#include <algorithm>
#include <chrono>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/runbook/blocks.hpp"
#include "domain/runbook/runbook.hpp"

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

TEST(Nesting, a_heading_is_kept_as_its_beginning) {
    const auto found = find_blocks("# " + std::string(10000, 'x') + "\n```sh {name=a}\n```\n");
    ASSERT_EQ(found.fenced.size(), 1u);
    EXPECT_EQ(found.fenced[0].heading.size(), limits::title_max);
    EXPECT_EQ(found.first_heading, found.fenced[0].heading);
}

} // namespace
} // namespace slipway::domain
