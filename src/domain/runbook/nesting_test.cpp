// SPDX-License-Identifier: Apache-2.0
// Files whose lists and quotes stand so deep in one another that reading them would take hours.
#include <algorithm>
#include <chrono>

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

TEST(Nesting, a_heading_is_kept_as_its_beginning) {
    const auto found = find_blocks("# " + std::string(10000, 'x') + "\n```sh {name=a}\n```\n");
    ASSERT_EQ(found.fenced.size(), 1u);
    EXPECT_EQ(found.fenced[0].heading.size(), limits::title_max);
    EXPECT_EQ(found.first_heading, found.fenced[0].heading);
}

} // namespace
} // namespace slipway::domain
