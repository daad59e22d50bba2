// SPDX-License-Identifier: Apache-2.0
// What the CMDB is told after a failure: the old version when somebody went back, and otherwise
// only what somebody found.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/cmdb_versions.hpp"
#include "domain/change/testing/gate_rows.hpp"
#include "domain/change/testing/scenario.hpp"

namespace slipway::domain::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

constexpr std::string_view found = R"({"found":[{"ci":"harbor-site","version":"1.5"}]})";

// The switch was made, its check failed, and the owner gave up: 1.5 runs.
Scenario left_as_it_is() {
    auto s = ready();
    s.does("ina", "start_run", deployment_elsewhere());
    s.does("ina", "report_run", R"({"run":"run-3","steps":[{"name":"drain","state":"succeeded"},
        {"name":"switch","state":"succeeded"},{"name":"verify","state":"failed"}]})");
    s.does(
        "otto", "decide_run", R"({"run":"run-3","choice":"abort","reason":"the feed is empty"})"
    );
    s.complete("ina", "execute");
    return s;
}

void take_back(Scenario& s) {
    s.now += 1min;
    s.does("pia", "start_run", R"({"purpose":"rollback","executor":"external"})");
    s.does("pia", "confirm_step", R"({"run":"run-4","step":"turn-round","note":"seen"})");
    s.does("ina", "report_run", R"({"run":"run-4","steps":[
        {"name":"switch-back","state":"succeeded"},{"name":"verify-back","state":"succeeded"}]})");
}

const CiRecord& site(const Scenario& s) {
    return s.records.cis.get().at(CiId("harbor-site"));
}

TEST(CmdbVersions, nobody_writes_what_nobody_has_looked_at) {
    auto s = left_as_it_is();
    ASSERT_EQ(s.change.state, ChangeState::rolling_back);
    const auto reason = first(s.refused("otto", "update_cmdb"));
    EXPECT_EQ(reason.field, "cmdb");
    EXPECT_THAT(
        reason.remedy,
        HasSubstr(
            R"(change update_cmdb CHG-12 --found '[{"ci":"harbor-site","version":"VERSION"}]')"
        )
    );
    EXPECT_EQ(first(s.refused("ina", "complete_step", R"({"step":"cmdb_update"})")), reason);
    s.does("otto", "update_cmdb", found);
    EXPECT_EQ(site(s).version, "1.5");
    EXPECT_EQ(site(s).verified_at, s.now);
    EXPECT_TRUE(s.change.cmdb_pushes[0].found);
    s.complete("otto", "cmdb_update");
    EXPECT_EQ(look(s, "cmdb-updated").verdict, Verdict::pass);
}

TEST(CmdbVersions, what_was_found_holds_until_production_is_touched_again) {
    auto s = left_as_it_is();
    s.does("otto", "update_cmdb", found);
    s.now += 1min;
    s.does("pia", "start_run", R"({"purpose":"rollback","executor":"external"})");
    auto given_up = s;
    given_up.does(
        "otto", "decide_run", R"({"run":"run-4","choice":"abort","reason":"no way back"})"
    );
    ASSERT_EQ(given_up.change.state, ChangeState::rolling_back);
    EXPECT_EQ(look(given_up, "cmdb-updated").verdict, Verdict::fail);
    given_up.does("otto", "update_cmdb", found);
    EXPECT_EQ(look(given_up, "cmdb-updated").verdict, Verdict::pass);
}

TEST(CmdbVersions, after_a_rollback_the_record_says_what_runs) {
    auto s = left_as_it_is();
    s.does("otto", "update_cmdb", found);
    take_back(s);
    ASSERT_EQ(s.change.state, ChangeState::rolled_back);
    const auto wrong = look(s, "cmdb-updated");
    ASSERT_FALSE(wrong.reasons.empty());
    EXPECT_EQ(wrong.reasons[0].evidence, "written 1.5, runs 1.4");
    EXPECT_EQ(s.refused("otto", "update_cmdb", found).fields.at(0).field, "found[0].ci");
    s.does("otto", "update_cmdb");
    EXPECT_EQ(site(s).version, "1.4");
    EXPECT_FALSE(s.change.cmdb_pushes[0].found);
    EXPECT_EQ(look(s, "cmdb-updated").verdict, Verdict::pass);
}

void add_items(Scenario& s, int count) {
    for (int i = 0; i < count; ++i) {
        auto scoped = s.change.scope->cis.at(0);
        scoped.ci = CiId(fmt::format("service-number-{}", i));
        s.change.scope->cis.push_back(scoped);
    }
    s.replayed = s.change;
}

TEST(CmdbVersions, that_nobody_found_are_asked_for_once_for_all_items) {
    auto s = left_as_it_is();
    add_items(s, 1);
    const auto of_two = look(s, "cmdb-updated").reasons;
    ASSERT_EQ(of_two.size(), 1U);
    EXPECT_THAT(
        of_two[0].remedy, HasSubstr(R"('[{"ci":"harbor-site","version":"VERSION"},)"
                                    R"({"ci":"service-number-0","version":"VERSION"}]')")
    );
    EXPECT_EQ(first(s.refused("otto", "update_cmdb", found)), of_two[0])
        << "it is to name them all, each time";
    add_items(s, 194);
    const auto of_many = look(s, "cmdb-updated").reasons;
    ASSERT_EQ(of_many.size(), 1U);
    EXPECT_THAT(
        of_many[0].remedy,
        HasSubstr("slipway change update_cmdb CHG-12 --found @FILE, where FILE names all 196: [")
    );
    EXPECT_LT(of_many[0].remedy.size(), 500U);
    EXPECT_EQ(first(s.refused("otto", "update_cmdb")), of_many[0]);
}

// The gate of an earlier version let it pass; close asks it again.
TEST(CmdbVersions, that_an_earlier_version_guessed_do_not_pass) {
    auto s = left_as_it_is();
    s.change.cmdb_pushes.push_back({CiId("harbor-site"), "1.4", "web-1", {}, s.now});
    EXPECT_EQ(look(s, "cmdb-updated").verdict, Verdict::fail);
}

TEST(CmdbVersions, a_first_version_that_was_taken_back_leaves_none) {
    auto s = left_as_it_is();
    s.change.scope->cis[0].version_from.clear();
    s.replayed = s.change;
    s.does("otto", "update_cmdb", found);
    take_back(s);
    EXPECT_EQ(look(s, "cmdb-updated").verdict, Verdict::fail);
    s.does("otto", "update_cmdb");
    EXPECT_EQ(site(s).version, "");
    EXPECT_EQ(look(s, "cmdb-updated").verdict, Verdict::pass);
}

TEST(CmdbVersions, are_said_of_what_the_record_does_not_know) {
    const auto field = [](Scenario s, std::string_view body) {
        return s.refused("otto", "update_cmdb", body).fields.at(0).field;
    };
    EXPECT_EQ(field(deployed(), found), "found[0].ci") << "1.5 runs by the record";
    EXPECT_EQ(
        field(left_as_it_is(), R"({"found":[{"ci":"billing","version":"1"}]})"), "found[0].ci"
    );
    EXPECT_EQ(
        field(left_as_it_is(), R"({"found":[{"ci":"harbor-site","version":"1.5"},
            {"ci":"harbor-site","version":"1.4"}]})"),
        "found[1].ci"
    );
}

} // namespace
} // namespace slipway::domain::testing
