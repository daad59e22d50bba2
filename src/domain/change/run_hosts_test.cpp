// SPDX-License-Identifier: Apache-2.0
// What nobody approved runs on a test ring, and there alone: no step of it and no smoke command
// goes to a machine that is none of the ring's, and no test ring is production by another name.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/testing/scenario.hpp"
#include "domain/gates/gate.hpp"

namespace slipway::domain::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;

constexpr auto to_staging = R"({"purpose":"ring_deploy","executor":"external"})";

Scenario with_a_plan() {
    Scenario s;
    open(s);
    plan(s);
    s.now = std::max(s.now, at("2026-11-20T09:00Z"));
    return s;
}

PinnedRunbook& runbook(Scenario& s, const char* purpose = "deployment") {
    return s.change.runbooks.at(purpose);
}

void set_address(Scenario& s, const char* ring, const char* address) {
    s.records.rings.at(ring).hosts.at(0).address = address;
    renew(s.records);
}

bool starts(Scenario& s) {
    return s.decide("ina", "start_run", json(to_staging)).has_value();
}

TEST(RunHosts, a_step_of_a_test_goes_to_no_machine_that_is_none_of_its_ring) {
    auto s = with_a_plan();
    EXPECT_TRUE(starts(s)) << "on the server's machine";
    runbook(s).steps.at(1).host = "web-1.invalid";
    const auto error = s.refused("ina", "start_run", to_staging);
    EXPECT_EQ(first(error).gate, "run-exact");
    EXPECT_EQ(first(error).field, "steps.switch");
    EXPECT_THAT(first(error).message, HasSubstr("would run on web-1.invalid"));
    EXPECT_EQ(first(error).evidence, "staging names no address");
    EXPECT_THAT(first(error).remedy, HasSubstr("ring put"));
    // The name of a host is no address: SSH may know another machine by it.
    runbook(s).steps.at(1).host = "stage-1";
    EXPECT_FALSE(starts(s));
    set_address(s, "staging", "10.0.0.9");
    EXPECT_EQ(
        first(s.refused("ina", "start_run", to_staging)).evidence, "staging has stage-1 (10.0.0.9)"
    );
    runbook(s).steps.at(1).host = "deploy@10.0.0.9";
    EXPECT_TRUE(starts(s));
    RunbookStepOutline undo;
    undo.name = "take-back";
    undo.undoes = "switch";
    undo.host = "10.0.0.1";
    runbook(s).undo = {undo};
    EXPECT_EQ(first(s.refused("ina", "start_run", to_staging)).field, "steps.take-back");
}

TEST(RunHosts, a_host_is_named_by_the_variables_of_the_ring_and_never_by_a_secret) {
    auto s = with_a_plan();
    set_address(s, "staging", "web.staging.example");
    runbook(s).steps.at(0).host = "${SITE_HOST}";
    runbook(s).steps.at(1).host = "web.${SLIPWAY_RING}.example";
    auto error = s.refused("ina", "start_run", to_staging);
    ASSERT_EQ(error.reasons.size(), 1u) << explain(error);
    EXPECT_EQ(first(error).field, "steps.drain");
    EXPECT_THAT(first(error).message, HasSubstr("is not known"));
    auto& variables = s.records.rings.at("staging").variables;
    variables["SITE_HOST"] = "secret:file:/host";
    renew(s.records);
    EXPECT_FALSE(starts(s));
    s.records.rings.at("staging").variables["SITE_HOST"] = "Web.Staging.Example";
    renew(s.records);
    EXPECT_TRUE(starts(s));
}

TEST(RunHosts, a_smoke_command_of_a_test_goes_to_no_machine_that_is_none_of_its_ring) {
    auto s = with_a_plan();
    auto bytes = deployment_file().bytes;
    bytes.insert(bytes.rfind("```"), "  host: web-9\n- name: again\n  command: x\n  host: web-9\n");
    s.pin("jonas", runbook_file("deploy.md", bytes), "deployment");
    EXPECT_THAT(runbook(s).smoke_hosts, ElementsAre("web-9"));
    for (const auto& [command, body] :
         {std::pair{"start_run", to_staging}, {"run_smoke", R"({"occasion":"staging"})"}}) {
        const auto error = s.refused("ina", command, body);
        ASSERT_EQ(error.reasons.size(), 1u) << explain(error);
        EXPECT_EQ(first(error).field, "smoke");
        EXPECT_THAT(first(error).message, HasSubstr("web-9"));
    }
    set_address(s, "staging", "web-9");
    EXPECT_TRUE(starts(s));
    EXPECT_TRUE(s.decide("ina", "run_smoke", json(R"({"occasion":"staging"})")));
}

TEST(
    RunHosts,
    both_runbooks_stay_on_production_before_it_is_touched_and_nothing_holds_up_the_way_back
) {
    auto s = ready();
    runbook(s).steps.at(1).host = "web-9";
    runbook(s, "rollback").steps.at(1).host = "web-8";
    const auto error = s.refused("ina", "start_run", deployment_elsewhere());
    EXPECT_THAT(
        error.reasons,
        ElementsAre(
            Field(&Reason::field, "steps.switch"), Field(&Reason::field, "steps.switch-back")
        )
    );
    EXPECT_EQ(not_ready(s.change, s.facts("ina")).size(), 2u);
    // A change from before this was looked at goes back as it was approved.
    auto late = deployed();
    runbook(late, "rollback").steps.at(1).host = "web-8";
    EXPECT_TRUE(late.decide("pia", "roll_back", json(R"({"reason":"the feed is empty"})")));
}

TEST(RunHosts, nothing_is_tested_on_a_ring_that_is_production_by_another_name) {
    auto s = with_a_plan();
    s.does("ina", "compare_ring");
    const auto parity_refuses = [&] {
        const auto result = evaluate(*find_gate("ring-parity"), s.change, s.facts("ina"));
        return std::any_of(result.reasons.begin(), result.reasons.end(), [](const auto& reason) {
            return reason.gate == "ring-parity" && reason.field == "test_ring";
        });
    };
    EXPECT_FALSE(parity_refuses());
    set_address(s, "staging", "root@10.0.0.1");
    set_address(s, "production", "10.0.0.1");
    EXPECT_TRUE(parity_refuses());
    for (const auto& [command, body] : {
             std::pair{"start_run", to_staging},
             {"start_run", R"({"purpose":"rehearsal","executor":"external"})"},
             {"run_smoke", R"({"occasion":"staging"})"},
             {"run_smoke", R"({"occasion":"rehearsal"})"},
         }) {
        const auto error = s.refused("ina", command, body);
        EXPECT_EQ(first(error).gate, "run-exact");
        EXPECT_EQ(first(error).field, "test_ring");
        EXPECT_THAT(first(error).message, HasSubstr("the production ring production"));
        EXPECT_THAT(first(error).remedy, HasSubstr("another test ring with assign"));
    }
    const auto assigned = s.refused("rosa", "assign", R"({"test_ring":"staging"})");
    EXPECT_EQ(assigned.fields.at(0).field, "test_ring");
    set_address(s, "staging", "10.0.0.9");
    EXPECT_TRUE(starts(s));
}

} // namespace
} // namespace slipway::domain::testing
