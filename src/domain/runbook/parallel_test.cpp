// SPDX-License-Identifier: Apache-2.0
#include "domain/runbook/parallel.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/runbook/runbook_fixture.hpp"

namespace slipway::domain {
namespace {

using namespace std::chrono_literals;
using samples::block;
using samples::front;
using samples::parsed;
using samples::smoke;

std::vector<std::string>
lines_and_rules_of(const std::vector<LintFinding>& findings, LintSeverity severity) {
    std::vector<std::string> rules;
    for (const auto& finding : findings)
        if (finding.severity == severity)
            rules.push_back(fmt::format("{} {}", finding.line, finding.rule));
    return rules;
}

TEST(Runbook, neighbours_of_one_group_run_at_the_same_time) {
    const auto runbook = parsed(
        block("sh {name=before timeout=1m}") +
        block("sh {name=web1 host=web1 parallel=web timeout=2m}") +
        block("sh {name=back1 undoes=web1 timeout=1m}") + // is no step between them
        block(R"(sh {"name":"web2","host":"web2","parallel":"web","timeout":"5m"})") +
        block("sh {name=check1 parallel=look timeout=3m verify=true}") +
        block("sh {name=check2 parallel=look timeout=1m verify=true}")
    );
    ASSERT_EQ(runbook.steps.size(), 5);
    EXPECT_EQ(runbook.steps[1].parallel, "web");
    EXPECT_EQ(runbook.steps[2].parallel, "web");
    EXPECT_FALSE(run_together(runbook.steps[0], runbook.steps[0]));
    EXPECT_TRUE(run_together(runbook.steps[1], runbook.steps[2]));
    EXPECT_FALSE(run_together(runbook.steps[2], runbook.steps[3]));
    EXPECT_EQ(time_allowed(runbook.steps), 1min + 5min + 3min);
    // What runs at the same time is part of what was approved.
    const auto alone = parsed(block("sh {name=web1 host=web1 timeout=2m}"));
    EXPECT_NE(alone.steps[0].digest, runbook.steps[1].digest);
}

TEST(RunbookParser, refuses_a_group_that_is_too_large) {
    std::string steps = front;
    for (std::size_t i = 0; i <= parallel_steps_max; ++i)
        steps += block(fmt::format("sh {{name=s{} parallel=g timeout=1m}}", i));
    EXPECT_THAT(
        lines_and_rules_of(lint_text(steps).findings, LintSeverity::error),
        testing::ElementsAre(
            fmt::format("{} too-many-steps", 8 + 3 * parallel_steps_max), "0 no-smoke-list"
        )
    );
}

TEST(RunbookLint, warns_of_a_step_that_is_alone_in_its_group) {
    const auto findings = lint_runbook(parsed(
        block("sh {name=a parallel=g timeout=1m}", "ls\n") +
        block("sh {name=b parallel=h timeout=1m}", "ls\n") +
        block("sh {name=c parallel=h timeout=1m}", "ls\n") + smoke
    ));
    EXPECT_THAT(
        lines_and_rules_of(findings, LintSeverity::warning),
        testing::ElementsAre("8 alone-in-group")
    );
}

TEST(RunbookLint, the_time_of_a_group_is_that_of_its_longest_step) {
    const auto body = [](std::string_view attribute) {
        return block(fmt::format("sh {{name=a timeout=30m{}}}", attribute), "ls\n") +
               block(fmt::format("sh {{name=b timeout=30m{}}}", attribute), "ls\n") + smoke;
    };
    const auto warnings = [&](std::string_view attribute) {
        return lines_and_rules_of(lint_runbook(parsed(body(attribute))), LintSeverity::warning);
    };
    EXPECT_THAT(warnings(""), testing::ElementsAre("0 time-limit-too-short"));
    EXPECT_THAT(warnings(" parallel=g"), testing::IsEmpty());
}

} // namespace
} // namespace slipway::domain
