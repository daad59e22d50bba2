// SPDX-License-Identifier: Apache-2.0
// A policy that no gate could follow is refused when it is read, with file, line and reason, so
// that no rule is silently off.
#include "domain/policy/policy.hpp"

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

namespace slipway::domain {
namespace {

const std::set<std::string_view> gates{"window",         "run-exact", "cab-decision",
                                       "classification", "closure",   "rfc-specific"};

Result<Policy> read(const std::string& text) {
    return read_policy("name: p\n" + text, "p.yaml", gates);
}

TEST(ReadPolicy, refuses_what_no_gate_could_follow) {
    const struct {
        const char* text;
        const char* message;
    } rows[] = {
        {"friday_evening_from: four\n", "p.yaml:2: friday_evening_from: expected"},
        {"friday_evening_from: \"25:00\"\n", "p.yaml:2: friday_evening_from: expected"},
        {"quorum: 0\n", "p.yaml:2: quorum: must be at least 1"},
        {"emergency_quorum: 0\n", "p.yaml:2: emergency_quorum: must be at least 1"},
        {"standard_approvals: 0\n", "p.yaml:2: standard_approvals: must be at least 1"},
        {"impact_depth: 0\n", "p.yaml:2: impact_depth: must be at least 1"},
        {"summary_words_min: 0\n", "p.yaml:2: summary_words_min: must be at least 1"},
        {"window_max: 0s\n", "p.yaml:2: window_max: must be longer than zero"},
        {"window_max: 8d\n", "p.yaml:2: window_max: the limit is 7d"},
        {"backup_age_max: 0s\n", "p.yaml:2: backup_age_max: must be longer than zero"},
        {"vague_phrases: [a, \" \"]\n", "p.yaml:2: vague_phrases[1]: is empty"},
        {"defect_severities: [bloker]\n", "p.yaml:2: defect_severities[0]: expected one of: minor"},
        {"never_waived: [run-exact, windwo]\n",
         "p.yaml:2: never_waived[1]: there is no gate windwo"},
        {"waiver_roles: [king]\n", "p.yaml:2: waiver_roles[0]: expected one of"},
        {"quorums: 2\n", "p.yaml:2: quorums: is not a field"},
        {"quorum: two\n", "p.yaml:2: quorum: expected"},
    };

    for (const auto& row : rows) {
        const auto policy = read(row.text);
        ASSERT_FALSE(policy) << row.text;
        EXPECT_EQ(policy.error().code, ErrorCode::invalid_input);
        EXPECT_TRUE(policy.error().message.starts_with(row.message))
            << policy.error().message << "\nexpected " << row.message;
    }
    EXPECT_FALSE(read_policy("quorum: 2\n", "p.yaml", gates)) << "without a name";
}

TEST(ReadPolicy, names_all_that_is_wrong) {
    const auto policy = read("quorum: 0\nbackup_age_max: 0s\n");
    ASSERT_FALSE(policy);
    EXPECT_EQ(policy.error().fields.size(), 2u);
}

TEST(ReadPolicy, a_list_takes_the_place_of_the_default) {
    const auto policy = read("defect_severities: [blocker]\nwaiver_roles: []\n");
    ASSERT_TRUE(policy);
    EXPECT_EQ(policy->defect_severities, std::vector<std::string>{"blocker"});
    EXPECT_TRUE(policy->waiver_roles.empty());
    EXPECT_EQ(policy->never_waived, Policy{}.never_waived);
}

TEST(ReadPolicy, the_file_that_ships_says_what_the_defaults_are) {
    std::ifstream file(SLIPWAY_ROOT "/policies/default.yaml");
    std::ostringstream bytes;
    bytes << file.rdbuf();
    const auto policy = read_policy(bytes.str(), "default.yaml", gates);
    ASSERT_TRUE(policy) << policy.error().message;
    EXPECT_EQ(policy->digest, sha256(bytes.str()));
    EXPECT_EQ(encode(*policy), encode(Policy{}));
}

} // namespace
} // namespace slipway::domain
