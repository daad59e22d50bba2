// SPDX-License-Identifier: Apache-2.0
// When the proof of a rehearsed rollback goes stale: each cause alone, the rest being in order, and
// each mended by rehearsing again.
#include <gtest/gtest.h>

#include "domain/change/testing/gate_rows.hpp"

namespace slipway::domain::testing {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view gate = "rollback-rehearsed";

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
        EXPECT_FALSE(stale.reasons[0].remedy.empty());
        rehearse_again(s);
        EXPECT_EQ(look(s, gate).verdict, Verdict::pass) << told(look(s, gate));
    }
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

} // namespace
} // namespace slipway::domain::testing
