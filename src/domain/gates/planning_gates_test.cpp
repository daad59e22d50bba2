// SPDX-License-Identifier: Apache-2.0
// The gates of phase 1, as gates_test.cpp holds those of the other phases.
#include <algorithm>

#include <gtest/gtest.h>

#include "domain/change/testing/gate_rows.hpp"

namespace slipway::domain::testing {
namespace {

using namespace std::chrono_literals;

bool told_of(const GateResult& result, std::string_view what) {
    return std::any_of(
        result.warnings.begin(), result.warnings.end(),
        [&](const std::string& warning) { return warning.find(what) != std::string::npos; }
    );
}

TEST(PlanningGates, planning_refuses) {
    check(
        ready(),
        {
            {"rfc-specific", "no scope", "scope", [](auto& s) { s.change.scope.reset(); }},
            {"rfc-specific", "vague", "scope.summary",
             [](auto& s) {
                 s.change.scope->summary = "Upgrade middleware on the servers as planned";
             }},
            {"rfc-specific", "too short", "scope.summary",
             [](auto& s) { s.change.scope->summary = "harbor-site 1.5"; }},
            {"rfc-specific", "words about nothing in particular", "scope.summary",
             [](auto& s) {
                 s.change.scope->summary =
                     "We will upgrade the middleware on our servers this week as planned";
             }},
            {"rfc-specific", "no item", "scope.summary",
             [](auto& s) {
                 s.change.scope->summary = "Our site 1.4 -> 1.5: the feed gains a berth field";
             }},
            {"rfc-specific", "another version", "scope.summary",
             [](auto& s) {
                 s.change.scope->summary =
                     "harbor-site 1.4 -> 1.50 on web-1: the feed gains a berth field";
             }},
            {"rfc-specific", "the same word again and again", "scope.summary",
             [](auto& s) { s.change.scope->summary = "x x x x x x harbor-site 1.5"; }},
            {"rfc-specific", "a driver that says nothing", "scope.business_driver",
             [](auto& s) { s.change.scope->business_driver = "x"; }},
            {"rfc-specific", "an impact that says nothing", "scope.customer_impact",
             [](auto& s) { s.change.scope->customer_impact = "-"; }},
            {"rfc-specific", "a blank driver", "scope.business_driver",
             [](auto& s) { s.change.scope->business_driver = " "; }},
            {"rfc-specific", "a blank impact", "scope.customer_impact",
             [](auto& s) { s.change.scope->customer_impact = " \n"; }},
            {"rfc-specific", "no version from", "scope.cis[0].version_from",
             [](auto& s) { s.change.scope->cis[0].version_from.clear(); }},
            {"rfc-specific", "no driver", "scope.business_driver",
             [](auto& s) { s.change.scope->business_driver.clear(); }},
            {"rfc-specific", "no customer impact", "scope.customer_impact",
             [](auto& s) { s.change.scope->customer_impact.clear(); }},
            {"rfc-specific", "no item", "scope.cis", [](auto& s) { s.change.scope->cis.clear(); }},
            {"rfc-specific", "no version", "scope.cis[0].version_to",
             [](auto& s) { s.change.scope->cis[0].version_to.clear(); }},
            {"rfc-specific", "same version", "scope.cis[0].version_to",
             [](auto& s) { s.change.scope->cis[0].version_to = "1.4"; }},
            {"rfc-specific", "no host", "scope.cis[0].host",
             [](auto& s) {
                 s.change.scope->cis[0].host.clear();
                 s.records.cis.at(CiId("harbor-site")).host.clear();
             }},
            {"impact-traced", "no trace", "impact", [](auto& s) { s.change.impact.reset(); }},
            {"impact-traced", "another scope", "impact",
             [](auto& s) {
                 s.change.scope->cis.push_back({CiId("billing"), "", "", "2"});
             }},
            {"impact-traced", "the CMDB finds more", "impact",
             [](auto& s) {
                 s.records.cis.at(CiId("billing")).depends_on.push_back(CiId("harbor-site"));
                 renew(s.records);
             }},
            {"impact-traced", "another class", "impact",
             [](auto& s) {
                 s.records.cis.at(CiId("lb-1")).ci_class = CiClass::scheduled_job;
                 renew(s.records);
             }},
            {"impact-traced", "another owner", "impact",
             [](auto& s) {
                 s.records.cis.at(CiId("port-feed")).owner = PersonId("paul");
                 renew(s.records);
             }},
            {"impact-traced", "a job is moved into the window", "impact",
             [](auto& s) {
                 s.records.cis.at(CiId("nightly-report")).schedule->from = "2026-01-01T11:00";
                 renew(s.records);
             }},
            {"impact-traced", "the window is moved over a job", "impact",
             [](auto& s) {
                 s.change.window->start += 8h;
                 s.change.window->end += 8h;
             }},
            {"impact-traced", "a stale record", "impact.lb-1",
             [](auto& s) { s.records.cis.at(CiId("lb-1")).verified_at = s.now - 91 * 24h; }},
            {"impact-traced", "a record that says it is verified tomorrow", "impact.lb-1",
             [](auto& s) { s.records.cis.at(CiId("lb-1")).verified_at = s.now + 24h; }},
            {"impact-traced", "nobody answers for a job", "impact.nightly-report",
             [](auto& s) { s.change.impact->acknowledged.erase(CiId("nightly-report")); }},
            {"impact-traced", "nobody answers for an integration", "impact.port-feed",
             [](auto& s) { s.change.impact->acknowledged.erase(CiId("port-feed")); }},
            {"impact-traced", "an unknown item", "impact.unknown",
             [](auto& s) { s.change.impact->unknown.emplace_back("ghost"); }},
            {"rollback-runbook", "none", "rollback_runbook",
             [](auto& s) { s.change.runbooks.erase("rollback"); }},
            {"rollback-runbook", "a team instead of an engineer", "rollback_runbook.turn-round",
             [](auto& s) {
                 auto& runbook = s.change.runbooks.at("rollback");
                 runbook.steps[0].owner = "sre";
             }},
            {"rollback-runbook", "an engineer who has left", "rollback_runbook.engineer",
             [](auto& s) { s.records.people.at(PersonId("pia")).inactive = true; }},
            {"rollback-runbook", "an unknown backup", "rollback_runbook.backup_engineer",
             [](auto& s) { s.change.runbooks.at("rollback").backup_engineer = "somebody"; }},
            {"classification", "none", "classification",
             [](auto& s) { s.change.classification.reset(); }},
            {"classification", "emergency without a cause", "classification.incident",
             [](auto& s) { s.change.classification->type = ChangeType::emergency; }},
            {"window", "none", "window", [](auto& s) { s.change.window.reset(); }},
            {"window", "month-end close", "window.start",
             [](auto& s) {
                 s.change.window->start = at("2026-11-30T10:00Z");
                 s.change.window->end = at("2026-11-30T12:00Z");
             }},
            {"window", "overlaps", "window.start",
             [](auto& s) {
                 s.others.push_back(
                     {ChangeId("CHG-9"),
                      "Other",
                      {at(window_start), at(window_end)},
                      {CiId("harbor-site")}}
                 );
             }},
            {"window", "no room for the rollback", "window.end",
             [](auto& s) { s.change.window->end = s.change.window->start + 50min; }},
            {"window", "rollback in the dark", "window.end",
             [](auto& s) {
                 s.change.window->start += 9h;
                 s.change.window->end += 9h;
             }},
            {"window", "Friday evening without a reason", "window.reason",
             [](auto& s) {
                 s.change.window->start = at("2026-11-27T16:30Z");
                 s.change.window->end = at("2026-11-27T18:30Z");
             }},
            {"window", "no roster, so no daylight", "roster",
             [](auto& s) { s.change.roster.clear(); }},
            {"window", "a policy that no clock can read", "window.zone",
             [](auto& s) { s.policy.friday_evening_from = "four"; }},
            {"window", "too long", "window.end",
             [](auto& s) { s.change.window->end = s.change.window->start + 25h; }},
            {"window", "past", "window.end", [](auto& s) { s.now = s.change.window->end; }},
        }
    );
}

TEST(PlanningGates, a_requester_who_answers_for_what_he_impacts_is_told_of) {
    auto s = ready();
    EXPECT_FALSE(told_of(look(s, "impact-traced"), "rosa asks for the change"));
    s.change.impact->acknowledged.at(CiId("port-feed")).by = PersonId("rosa");
    const auto result = look(s, "impact-traced");
    EXPECT_EQ(result.verdict, Verdict::pass) << told(result);
    EXPECT_TRUE(told_of(result, "rosa asks for the change and answers for port-feed too"));
}

TEST(PlanningGates, a_summary_may_name_the_item_as_people_do) {
    auto s = ready();
    for (const auto* summary :
         {"Harbor-Site goes from v1.4 to v1.5: the feed gains a berth field.",
          "On web-1 the site goes from 1.4 to 1.5.",
          "The feed gains a berth field: harbor-site 1.5"}) {
        s.change.scope->summary = summary;
        EXPECT_EQ(look(s, "rfc-specific").verdict, Verdict::pass) << summary;
    }
}

TEST(PlanningGates, friday_evening_with_a_reason_is_a_warning) {
    auto s = ready();
    s.change.window->start = at("2026-11-27T16:30Z");
    s.change.window->end = at("2026-11-27T18:30Z");
    s.change.window->reason = "the port is closed then";
    const auto result = look(s, "window");
    EXPECT_EQ(result.verdict, Verdict::pass) << told(result);
    EXPECT_FALSE(result.warnings.empty());
}

TEST(PlanningGates, a_window_over_friday_evening_is_told_where_it_ends) {
    auto s = ready();
    s.change.window->end = at("2026-11-28T10:00Z");
    const auto result = look(s, "window");
    const auto reason =
        std::find_if(result.reasons.begin(), result.reasons.end(), [](const Reason& each) {
            return each.field == "window.reason";
        });
    ASSERT_NE(reason, result.reasons.end()) << told(result);
    EXPECT_NE(reason->evidence.find("2026-11-28"), std::string::npos) << reason->evidence;
    EXPECT_NE(reason->remedy.find("schedule --reason"), std::string::npos) << reason->remedy;
}

TEST(PlanningGates, standard_classification_refuses) {
    auto s = ready();
    s.change.classification->type = ChangeType::standard;
    s.change.classification->catalogue_entry = "site-release";
    check(
        s,
        {
            {"classification", "no entry", "catalogue_entry",
             [](auto& t) { t.change.classification->catalogue_entry = "nothing"; }},
            {"classification", "approved by nobody known", "catalogue_entry",
             [](auto& t) {
                 t.records.catalogue.at("site-release").approved_by = {
                     PersonId("x"), PersonId("y")};
             }},
            {"classification", "approved by one", "catalogue_entry",
             [](auto& t) { t.records.catalogue.at("site-release").approved_by.pop_back(); }},
            {"classification", "approved by one and the requester", "catalogue_entry",
             [](auto& t) { t.change.requester = PersonId("mika"); }},
            {"classification", "approved by one and the author", "catalogue_entry",
             [](auto& t) { t.change.runbooks.at("deployment").author = PersonId("mika"); }},
            {"classification", "approved by one twice", "catalogue_entry",
             [](auto& t) {
                 auto& names = t.records.catalogue.at("site-release").approved_by;
                 names = {names[0], names[0]};
             }},
            {"classification", "approved by one and a viewer", "catalogue_entry",
             [](auto& t) {
                 t.records.catalogue.at("site-release").approved_by[1] = PersonId("vic");
             }},
            {"classification", "expired", "catalogue_entry",
             [](auto& t) { t.records.catalogue.at("site-release").expires_at = t.now; }},
            {"classification", "suspended", "catalogue_entry",
             [](auto& t) {
                 t.records.catalogue.at("site-release").suspended_because = "CHG-3 failed";
             }},
            {"classification", "too many failures", "catalogue_entry",
             [](auto& t) { t.records.catalogue.at("site-release").last_trials = {Trial::failed}; }},
            {"classification", "other bytes", "deployment_runbook",
             [](auto& t) {
                 t.change.runbooks.at("deployment").digest = edited_deployment_file().digest;
             }},
            {"classification", "other way back", "rollback_runbook",
             [](auto& t) { t.change.runbooks.at("rollback").digest = deployment_file().digest; }},
            {"classification", "a way back that nobody has seen", "catalogue_entry",
             [](auto& t) { t.records.catalogue.at("site-release").rollback_runbook.reset(); }},
            {"classification", "no way back at all", "catalogue_entry",
             [](auto& t) {
                 t.records.catalogue.at("site-release").rollback_runbook.reset();
                 t.change.runbooks.erase("rollback");
             }},
            {"classification", "another ring", "production_ring",
             [](auto& t) { t.change.ring_contents = sha256("elsewhere"); }},
            {"classification", "no ring that it was approved for", "production_ring",
             [](auto& t) { t.records.catalogue.at("site-release").rings.clear(); }},
            {"classification", "another class of item", "scope.cis",
             [](auto& t) { t.records.cis.at(CiId("harbor-site")).ci_class = CiClass::database; }},
        }
    );
}

TEST(PlanningGates, a_window_passed_beside_changes_that_nobody_had_looked_at) {
    const auto s = ready();
    auto facts = s.facts("otto");
    ASSERT_EQ(evaluate(*find_gate("window"), s.change, facts).verdict, Verdict::pass);
    facts.others.reset();
    const auto result = evaluate(*find_gate("window"), s.change, facts);
    ASSERT_EQ(result.reasons.size(), 1u);
    EXPECT_EQ(result.reasons[0].message, "other changes were not looked at");
}

} // namespace
} // namespace slipway::domain::testing
