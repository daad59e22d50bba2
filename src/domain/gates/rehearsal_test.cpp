// SPDX-License-Identifier: Apache-2.0
// When the proof of a rehearsed rollback goes stale: each cause alone, the rest being in order, and
// each mended by rehearsing again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/abort_clock.hpp"
#include "domain/change/testing/gate_rows.hpp"

namespace slipway::domain::testing {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view gate = "rollback-rehearsed";
constexpr const char* how_to_rehearse_again =
    "Deploy to the test ring again (slipway change start_run CHG-12 --purpose ring_deploy), then "
    "rehearse the rollback there (slipway change start_run CHG-12 --purpose rehearsal)";

// Validated on a ring whose runbooks sign in with a key of their own.
const Scenario& rehearsed() {
    static const Scenario story = [] {
        Scenario s;
        s.records.rings.at("staging").credentials = {{"stage-key", at("2027-06-01T00:00Z"), "1"}};
        renew(s.records);
        open(s);
        plan(s);
        validate(s);
        return s;
    }();
    return story;
}

RingRecord& ring(Scenario& s, const char* id) {
    return s.records.rings.at(id);
}

// What came of gathering the facts of the test ring's host, in one document.
void find(Scenario& s, const std::string& document) {
    auto& found = ring(s, "staging").hosts[0].found.emplace();
    found.at = s.now;
    found.by = PersonId("ina");
    found.script = sha256("facts.sh");
    found.transcript = sha256(document);
    found.count = 1;
    renew(s.records);
}

void rehearse_again(Scenario& s) {
    s.does("ina", "compare_ring");
    s.run("ina", "ring_deploy");
    s.run("ina", "rehearsal");
    s.smoke("ina", "rehearsal");
}

TEST(Rehearsal, goes_stale_by_each_cause_alone) {
    const struct {
        const char* what;
        const char* field;
        const char* message; // part of it
        std::function<void(Scenario&)> happens;
    } rows[] = {
        {"age", "rehearsal", "is older than 14d",
         [](auto& s) { s.now += s.policy.rehearsal_valid_for + 1s; }},
        {"edit of the rollback runbook", "rehearsal", "other bytes ran",
         [](auto& s) { s.pin("jonas", edited_rollback_file(), "rollback"); }},
        {"edit of the deployment runbook", "rehearsal", "the deployment runbook was edited since",
         [](auto& s) { s.pin("jonas", edited_deployment_file(), "deployment"); }},
        {"another variable of the ring", "rehearsal", "the ring staging was edited since run-1",
         [](auto& s) { ring(s, "staging").variables["PORT"] = "81"; }},
        {"another address of a host", "rehearsal", "the ring staging was edited since run-1",
         [](auto& s) { ring(s, "staging").hosts[0].address = "10.0.0.9"; }},
        {"another fact of a host", "rehearsal.stage-1", "is not what was rehearsed on",
         [](auto& s) { ring(s, "staging").hosts[0].facts["package.nginx"] = "1.24"; }},
        {"another document of gathered facts", "rehearsal.stage-1", "is not what was rehearsed on",
         [](auto& s) { find(s, "package.nginx 1.24"); }},
        {"another expiry of the ring's credential", "credentials.staging/stage-key",
         "was rotated since",
         [](auto& s) { ring(s, "staging").credentials[0].expires_at = at("2027-09-01T00:00Z"); }},
        {"another version of the ring's credential", "credentials.staging/stage-key",
         "was rotated since", [](auto& s) { ring(s, "staging").credentials[0].version = "2"; }},
        {"another expiry of production's credential", "credentials.production/deploy-key",
         "was rotated since",
         [](auto& s) {
             ring(s, "production").credentials[0].expires_at = at("2027-09-01T00:00Z");
         }},
        {"another version of production's credential", "credentials.production/deploy-key",
         "was rotated since", [](auto& s) { ring(s, "production").credentials[0].version = "7"; }},
        {"production has a credential more", "credentials.production/vault-key", "was added since",
         [](auto& s) {
             ring(s, "production").credentials.push_back({"vault-key", {}, "1"});
         }},
        {"production's credential is gone", "credentials.production/deploy-key",
         "was rotated since", [](auto& s) { ring(s, "production").credentials.clear(); }},
    };

    EXPECT_EQ(look(rehearsed(), gate).verdict, Verdict::pass) << told(look(rehearsed(), gate));
    for (const auto& row : rows) {
        SCOPED_TRACE(row.what);
        auto s = rehearsed();
        row.happens(s);
        renew(s.records);
        const auto stale = look(s, gate);
        EXPECT_EQ(stale.verdict, Verdict::fail);
        ASSERT_EQ(stale.reasons.size(), 1u) << told(stale);
        EXPECT_EQ(stale.reasons[0].field, row.field);
        EXPECT_NE(stale.reasons[0].message.find(row.message), std::string::npos) << told(stale);
        EXPECT_FALSE(stale.reasons[0].evidence.empty());
        EXPECT_THAT(stale.reasons[0].remedy, ::testing::EndsWith(how_to_rehearse_again));
        rehearse_again(s);
        EXPECT_EQ(look(s, gate).verdict, Verdict::pass) << told(look(s, gate));
    }
}

TEST(Rehearsal, and_the_deployment_before_it_name_the_commands_that_run_them_again) {
    constexpr const char* how_to_deploy_again =
        "Deploy to the test ring again (slipway change start_run CHG-12 --purpose ring_deploy)";

    const struct {
        const char* what;
        std::function<void(domain::Run&)> broken;
    } rows[] = {
        {"other bytes", [](auto& run) { run.runbook = sha256("other"); }},
        {"not to the end", [](auto& run) { run.state = RunState::aborted; }},
        {"too old", [](auto& run) { *run.ended_at -= std::chrono::hours(24 * 365); }},
        {"another ring", [](auto& run) { run.ring = "laptop"; }},
        {"edited since", [](auto& run) { run.ring_contents = sha256("other"); }},
        {"a step skipped", [](auto& run) { run.steps[0].state = RunStepState::skipped; }},
    };

    for (const auto& row : rows) {
        SCOPED_TRACE(row.what);
        for (const auto& [index, id, remedy] :
             {std::tuple{0, "ring-deployed", how_to_deploy_again},
              // What ran on another ring left the deployment where it is.
              {1, "rollback-rehearsed",
               std::string_view(row.what) == "another ring"
                   ? "start_run CHG-12 --purpose rehearsal)"
                   : how_to_rehearse_again}}) {
            auto s = rehearsed();
            row.broken(s.change.runs.edit()[static_cast<std::size_t>(index)]);
            const auto refused = look(s, id);
            ASSERT_EQ(refused.reasons.size(), 1u) << told(refused);
            EXPECT_THAT(refused.reasons[0].remedy, ::testing::EndsWith(remedy));
        }
    }
    auto s = rehearsed();
    s.change.runs.clear();
    for (const auto* id : {"ring-deployed", "rollback-rehearsed"})
        EXPECT_THAT(
            look(s, id).reasons.at(0).remedy,
            ::testing::StartsWith("Deploy to the test ring (slipway change start_run CHG-12")
        );
    // Whoever has just deployed is not sent to do it once more.
    s.replayed = s.change;
    s.run("ina", "ring_deploy");
    EXPECT_EQ(
        look(s, "rollback-rehearsed").reasons.at(0).remedy,
        "Rehearse the rollback on the test ring (slipway change start_run CHG-12 --purpose "
        "rehearsal)"
    );
}

TEST(Rehearsal, facts_that_were_gathered_between_deployment_and_rehearsal_are_no_drift) {
    auto s = rehearsed();
    const auto gathered = [&](const char* version) {
        ring(s, "staging").hosts[0].facts["package.site"] = version;
        renew(s.records);
    };
    gathered("1.4");
    s.run("ina", "ring_deploy");
    gathered("1.5"); // what the deployment left there
    s.run("ina", "rehearsal");
    s.smoke("ina", "rehearsal");
    EXPECT_EQ(look(s, gate).verdict, Verdict::pass) << told(look(s, gate));
    gathered("1.4"); // it was rolled back, and looked at anew
    EXPECT_EQ(look(s, gate).verdict, Verdict::pass) << told(look(s, gate));
    gathered("1.3");
    EXPECT_EQ(look(s, gate).verdict, Verdict::fail);
}

TEST(Rehearsal, the_same_facts_gathered_again_or_not_at_all_are_no_drift) {
    auto s = rehearsed();
    find(s, "package.site 1.4");
    rehearse_again(s);
    s.now += 1h;
    find(s, "package.site 1.4");
    EXPECT_EQ(look(s, gate).verdict, Verdict::pass) << told(look(s, gate));
    auto& found = *ring(s, "staging").hosts[0].found;
    found.transcript = {};
    found.fault = "could not connect";
    renew(s.records);
    EXPECT_EQ(look(s, gate).verdict, Verdict::pass) << told(look(s, gate));
    find(s, "package.site 1.3");
    EXPECT_EQ(look(s, gate).verdict, Verdict::fail);
}

TEST(Rehearsal, of_an_old_entry_says_nothing_of_facts_and_credentials) {
    auto s = rehearsed();
    for (auto& run : s.change.runs.edit())
        run.ring_state.reset();
    ring(s, "staging").hosts[0].facts["package.nginx"] = "1.24";
    ring(s, "staging").credentials[0].version = "2";
    renew(s.records);
    EXPECT_EQ(look(s, gate).verdict, Verdict::pass) << told(look(s, gate));
}

// Each step took a minute, so that the run measures something.
void take_time(Run& run) {
    Time reached = run.started_at;
    for (auto& step : run.steps) {
        step.started_at = reached;
        reached += 1min;
        step.ended_at = reached;
    }
}

struct Counted {
    GateResult gate;
    AbortClock clock;
};

Counted counted(Scenario s) {
    for (auto& run : s.change.runs.edit())
        take_time(run);
    return {look(s, gate), abort_clock(s.change, s.facts("ina")).value()};
}

// Rollbacks that had nothing to go back from were proof, and set abort-by.
TEST(Rehearsal, counts_only_from_the_deployment_that_is_pinned) {
    const auto abort_last = [](Scenario& s) {
        s.does(
            "otto", "decide_run",
            fmt::format(
                R"({{"run":"{}","choice":"abort","reason":"r"}})", s.change.runs.back().id.value
            )
        );
    };
    const auto begin = [](Scenario& s, const char* purpose) {
        s.does(
            "ina", "start_run", fmt::format(R"({{"purpose":"{}","executor":"external"}})", purpose)
        );
    };

    const struct {
        const char* what;
        const char* message; // part of it
        const char* evidence;
        std::function<void(Scenario&)> before_the_rehearsal;
    } rows[] = {
        {"another rehearsal", "the deployment was gone already",
         "run-2 (rehearsal, succeeded) was on staging before run-3", [](auto&) {}},
        {"an aborted rehearsal", "the deployment was gone already",
         "run-4 (rehearsal, aborted) was on staging before run-5",
         [&](auto& s) {
             s.run("ina", "ring_deploy");
             begin(s, "rehearsal");
             abort_last(s);
         }},
        {"an aborted deployment", "did not run to the end",
         "run-3 (ring_deploy, aborted) was on staging before run-4",
         [&](auto& s) {
             begin(s, "ring_deploy");
             abort_last(s);
         }},
        {"a deployment with a step left out", "did not run as written",
         "a step was skipped (drain)",
         [&](auto& s) {
             s.run("ina", "ring_deploy");
             s.change.runs.edit().back().steps[0].state = RunStepState::skipped;
             s.replayed = s.change;
         }},
        {"nothing at all", "before the deployment", "no run of CHG-12 was on staging before run-1",
         [&](auto& s) {
             s.change.runs.edit().clear();
             s.replayed = s.change;
         }},
    };

    EXPECT_TRUE(counted(rehearsed()).clock.rehearsed);
    for (const auto& row : rows) {
        SCOPED_TRACE(row.what);
        auto s = rehearsed();
        row.before_the_rehearsal(s);
        s.said.clear();
        s.run("ina", "rehearsal");
        EXPECT_THAT(s.said, ::testing::Contains(::testing::HasSubstr(row.message)));
        s.smoke("ina", "rehearsal");
        if (s.change.runs.size() > 1)
            s.change.runs.edit()[1].runbook = sha256("the rehearsal that counted");
        const auto [refused, clock] = counted(s);
        ASSERT_EQ(refused.reasons.size(), 1u) << told(refused);
        EXPECT_EQ(refused.reasons[0].field, "rehearsal");
        EXPECT_NE(refused.reasons[0].message.find(row.message), std::string::npos) << told(refused);
        EXPECT_NE(refused.reasons[0].evidence.find(row.evidence), std::string::npos)
            << told(refused);
        EXPECT_THAT(
            refused.reasons[0].remedy,
            ::testing::HasSubstr("slipway change start_run CHG-12 --purpose ring_deploy")
        );
        EXPECT_FALSE(clock.rehearsed);
        EXPECT_THAT(clock.evidence, ::testing::Contains(::testing::HasSubstr(row.message)));
        s = rehearsed();
        row.before_the_rehearsal(s);
        rehearse_again(s);
        EXPECT_EQ(look(s, gate).verdict, Verdict::pass) << told(look(s, gate));
        EXPECT_TRUE(counted(s).clock.rehearsed);
    }
}

TEST(Rehearsal, counts_whatever_is_deployed_there_after_it) {
    auto s = rehearsed();
    s.run("ina", "ring_deploy");
    EXPECT_EQ(look(s, gate).verdict, Verdict::pass) << told(look(s, gate));
}

TEST(Rehearsal, of_an_old_entry_is_behind_the_run_of_its_change_before_it) {
    auto s = rehearsed();
    const auto forget_turns = [&] {
        for (auto& run : s.change.runs.edit())
            run.ring_turn.reset();
        s.replayed = s.change;
    };
    s.ring_uses["staging"].turns += 3; // nobody knows of those
    forget_turns();
    EXPECT_EQ(look(s, gate).verdict, Verdict::pass) << told(look(s, gate));
    s.run("ina", "rehearsal");
    s.smoke("ina", "rehearsal");
    EXPECT_EQ(look(s, gate).verdict, Verdict::fail) << "with a number behind those without";
    forget_turns();
    EXPECT_EQ(look(s, gate).verdict, Verdict::fail);
}

} // namespace
} // namespace slipway::domain::testing
