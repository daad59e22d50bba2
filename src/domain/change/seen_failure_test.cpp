// SPDX-License-Identifier: Apache-2.0
// Two who own a run answer the same call: the second one's decision is not taken for a failure that
// he has not seen.
#include "domain/change/seen_failure.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/testing/scenario.hpp"

namespace slipway::domain::testing {
namespace {

using ::testing::HasSubstr;

void drain_fails(Scenario& s) {
    for (const auto* state : {"running", "failed"})
        s.does(
            "ina", "report_run",
            fmt::format(R"({{"run":"run-3","steps":[{{"name":"drain","state":"{}"}}]}})", state)
        );
}

Scenario failed_once() {
    auto s = ready();
    s.does("ina", "start_run", deployment_elsewhere());
    drain_fails(s);
    return s;
}

std::string deciding(std::string_view choice, std::string_view more = "") {
    return fmt::format(R"({{"run":"run-3","choice":"{}","reason":"seen"{}}})", choice, more);
}

const std::string first_seen = R"(,"step":"drain","attempt":1)";
const std::string second_seen = R"(,"step":"drain","attempt":2)";

TEST(SeenFailure, is_told_by_the_call_and_is_the_one_that_is_decided_on) {
    auto s = failed_once();
    EXPECT_THAT(
        s.tasks.back().payload,
        HasSubstr("decide_run CHG-12 --run run-3 --step drain --attempt 1 --choice retry")
    );
    s.does("otto", "decide_run", deciding("retry", first_seen));
    drain_fails(s);
    s.now += limits::decisions_apart; // however late
    const auto error = s.refused("pia", "decide_run", deciding("skip", first_seen));
    EXPECT_EQ(first(error).gate, "run-exact");
    EXPECT_EQ(first(error).field, "attempt");
    EXPECT_EQ(first(error).message, "attempt 1 of drain is not the last one");
    EXPECT_THAT(first(error).evidence, HasSubstr("drain failed, attempt 2"));
}

TEST(SeenFailure, is_named_soon_after_somebody_elses_decision) {
    auto s = failed_once();
    s.does("otto", "decide_run", deciding("retry"));
    drain_fails(s);
    for (const auto* more : {"", R"(,"step":"drain")"}) {
        const auto error = s.refused("pia", "decide_run", deciding("retry", more));
        EXPECT_EQ(first(error).field, "step.drain");
        EXPECT_THAT(first(error).message, HasSubstr("otto decided retry on drain at "));
        EXPECT_THAT(
            first(error).remedy,
            HasSubstr("slipway change decide_run CHG-12 --run run-3 --step drain --attempt 2 "
                      "--choice retry --reason WHY")
        );
    }
    auto later = s;
    later.now += limits::decisions_apart;
    later.does("pia", "decide_run", deciding("retry"));
    s.does("pia", "decide_run", deciding("retry", second_seen));
}

TEST(SeenFailure, of_another_step_is_named_by_its_step) {
    auto s = failed_once();
    s.does("otto", "decide_run", deciding("skip"));
    for (const auto* state : {"running", "failed"})
        s.does(
            "ina", "report_run",
            fmt::format(R"({{"run":"run-3","steps":[{{"name":"switch","state":"{}"}}]}})", state)
        );
    EXPECT_THAT(
        first(s.refused("pia", "decide_run", deciding("skip"))).message,
        HasSubstr("otto decided skip on drain")
    );
    s.does("pia", "decide_run", deciding("skip", R"(,"step":"switch")"));
}

TEST(SeenFailure, is_named_of_a_step_that_has_not_begun) {
    const auto s = failed_once();
    RunStep step;
    step.name = "look";
    EXPECT_EQ(
        how_to_decide(s.change, RunId("run-3"), step, "skip"),
        "slipway change decide_run CHG-12 --run run-3 --step look --attempt 0 --choice skip "
        "--reason WHY"
    );
}

TEST(SeenFailure, need_not_be_named_by_who_is_alone_at_it_or_wants_to_stop) {
    auto s = failed_once();
    s.does("otto", "decide_run", deciding("retry"));
    drain_fails(s);
    auto stopped = s;
    stopped.does("pia", "decide_run", deciding("abort", first_seen));
    s.does("otto", "decide_run", deciding("retry"));
    drain_fails(s);
    s.does("petra", "extend_window", R"({"until":"2026-11-26T12:30:00Z","reason":"it is slow"})");
    s.does("otto", "decide_run", deciding("retry"));
}

} // namespace
} // namespace slipway::domain::testing
