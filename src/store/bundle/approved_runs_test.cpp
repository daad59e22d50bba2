// SPDX-License-Identifier: Apache-2.0
#include "store/bundle/approved_runs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

namespace slipway::store {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string old_bytes = "---\npurpose: deployment\n---\n"
                              "```sh {name=drain timeout=1m}\n./drain\n```\n"
                              "```sh {name=undrain timeout=1m undoes=drain}\n./undrain\n```\n";
const std::string new_bytes = "---\npurpose: deployment\n---\n"
                              "```sh {name=drain timeout=1m}\n./drain --now\n```\n";

class ApprovedRunsTest : public testing::Test {
  protected:
    std::string take(std::string_view type, const std::string& data) {
        return runs.take(type, *parse_json(data));
    }

    std::string pin(const std::string& bytes, const std::string& purpose = "deployment") {
        std::map<std::string, std::string> lists = {{"steps", ""}, {"undo", ""}};
        const auto digests = step_digests(bytes).value();
        for (const auto& [name, digest] : digests) {
            auto& list = lists.at(name == "undrain" ? "undo" : "steps");
            list += fmt::format(
                R"({}{{"name":"{}","digest":"{}"}})", list.empty() ? "" : ",", name, digest.hex()
            );
        }
        return take(
            "runbook_pinned",
            fmt::format(
                R"({{"purpose":"{}","runbook":{{"digest":"{}","steps":[{}],"undo":[{}]}}}})",
                purpose, sha256(bytes).hex(), lists.at("steps"), lists.at("undo")
            )
        );
    }

    std::string decide(const std::string& bytes, std::string_view outcome = "approved") {
        return take(
            "cab_decided",
            fmt::format(
                R"({{"decision":{{"outcome":"{}","sections":{{"deployment_runbook":"{}"}}}}}})",
                outcome, sha256(bytes).hex()
            )
        );
    }

    std::string start(const std::string& bytes, const std::string& purpose = "deployment") {
        return take(
            "run_started", fmt::format(
                               R"({{"run":{{"id":"run-1","purpose":"{}","runbook":"{}"}}}})",
                               purpose, sha256(bytes).hex()
                           )
        );
    }

    std::string report(const std::string& step, const std::string& digest) {
        return take(
            "run_step_reported",
            fmt::format(
                R"({{"run":"run-1","step":{{"name":"{}","state":"running"{}}}}})", step,
                digest.empty() ? "" : fmt::format(R"(,"digest":"{}")", digest)
            )
        );
    }

    static std::string step(const std::string& bytes, const std::string& name) {
        return step_digests(bytes)->at(name).hex();
    }

    std::map<Digest, StepDigests> runbooks = {
        {sha256(old_bytes), step_digests(old_bytes).value()},
        {sha256(new_bytes), step_digests(new_bytes).value()}};
    ApprovedRuns runs{runbooks};
};

TEST_F(ApprovedRunsTest, finds_nothing_where_all_is_as_approved) {
    EXPECT_THAT(pin(old_bytes), IsEmpty());
    EXPECT_THAT(decide(old_bytes), IsEmpty());
    EXPECT_THAT(start(old_bytes), IsEmpty());
    EXPECT_THAT(report("drain", step(old_bytes, "drain")), IsEmpty());
    EXPECT_THAT(report("undrain", step(old_bytes, "undrain")), IsEmpty());
    EXPECT_THAT(report("drain", ""), IsEmpty()) << "of a time before steps had digests";
    EXPECT_THAT(take("something_new", "{}"), IsEmpty());
}

TEST_F(ApprovedRunsTest, a_run_of_other_bytes_than_the_pinned_ones_is_told) {
    EXPECT_THAT(start(old_bytes), HasSubstr("none was pinned"));
    pin(old_bytes);
    EXPECT_THAT(start(new_bytes, "ring_deploy"), HasSubstr(sha256(new_bytes).hex()));
    EXPECT_THAT(start(old_bytes, "rehearsal"), HasSubstr("none was pinned"));
}

TEST_F(ApprovedRunsTest, what_was_pinned_after_the_approval_does_not_run_on_production) {
    pin(old_bytes);
    decide(old_bytes);
    pin(new_bytes);
    EXPECT_THAT(start(new_bytes, "ring_deploy"), IsEmpty()); // a test asks no board
    EXPECT_THAT(start(new_bytes), HasSubstr("was approved"));
    take("approval_voided", R"({"sections":["deployment_runbook"],"decision":true})");
    EXPECT_THAT(start(new_bytes), IsEmpty()); // whether a board was needed is another question
    decide(old_bytes, "deferred");
    EXPECT_THAT(start(new_bytes), IsEmpty());
}

TEST_F(ApprovedRunsTest, steps_of_other_bytes_or_of_no_runbook_are_told) {
    pin(old_bytes);
    EXPECT_THAT(report("drain", ""), HasSubstr("never started"));
    start(old_bytes);
    EXPECT_THAT(report("drain", step(new_bytes, "drain")), HasSubstr("other bytes"));
    EXPECT_THAT(report("format-disk", ""), HasSubstr("no step of the runbook"));
}

TEST_F(ApprovedRunsTest, an_outline_that_its_runbook_does_not_bear_out_is_told) {
    const auto wrong = fmt::format(
        R"({{"purpose":"deployment","runbook":{{"digest":"{}","steps":[{{"name":"drain",)"
        R"("digest":"{}"}}]}}}})",
        sha256(old_bytes).hex(), sha256("something else").hex()
    );
    EXPECT_THAT(take("runbook_pinned", wrong), HasSubstr("its steps are not those"));
    runbooks.clear(); // without the bytes, whose absence is told elsewhere, nobody can know
    EXPECT_THAT(take("runbook_pinned", wrong), IsEmpty());
}

TEST_F(ApprovedRunsTest, bytes_that_are_no_runbook_have_no_steps) {
    EXPECT_FALSE(step_digests("---\npurpose: neither\n---\n"));
    EXPECT_THAT(take("run_started", "{}"), HasSubstr("starts no run"));
    EXPECT_THAT(take("runbook_pinned", "{}"), HasSubstr("pins no runbook"));
    EXPECT_THAT(take("run_step_reported", "{}"), HasSubstr("never started"));
}

} // namespace
} // namespace slipway::store
