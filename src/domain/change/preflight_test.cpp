// SPDX-License-Identifier: Apache-2.0
// What a preflight looks for, what it makes of the answers, who starts it, and what the gate says.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/approved_ring.hpp"
#include "domain/change/preflight_plan.hpp"
#include "domain/change/tasks.hpp"
#include "domain/change/testing/scenario.hpp"
#include "domain/gates/gate.hpp"

namespace slipway::domain::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

Runbook runbook_of_text(std::string_view needs, std::string_view blocks) {
    const auto runbook = parse_runbook(fmt::format(
        "---\ntitle: t\npurpose: deployment\nengineer: pia\n{}---\n# T\n\n{}", needs, blocks
    ));
    EXPECT_TRUE(runbook.has_value()) << runbook.error().message;
    return runbook ? *runbook : Runbook{};
}

std::string refused_needs(std::string_view needs) {
    const auto runbook =
        parse_runbook(fmt::format("---\ntitle: t\npurpose: deployment\nneeds:\n{}---\n", needs));
    return runbook ? "" : runbook.error().message;
}

const Time until = at("2026-11-26T12:00Z");

const PreflightCheck*
check_of(const std::vector<PreflightCheck>& checks, PreflightKind kind, std::string_view name) {
    const auto found = std::find_if(checks.begin(), checks.end(), [&](const auto& check) {
        return check.kind == kind && check.name == name;
    });
    return found == checks.end() ? nullptr : &*found;
}

TEST(PreflightPlan, names_every_machine_program_and_place_of_both_runbooks) {
    const auto deploy = runbook_of_text(
        "needs:\n"
        "  - tools: [nginx, jq]\n"
        "    disk: {/var/www: 500M}\n"
        "  - host: db1\n"
        "    disk: {/var/lib: 20G}\n",
        "```bash { name=one host=\"${WEB}\" }\ntrue\n```\n\n"
        "```sh { name=two }\ntrue\n```\n"
    );
    const auto back = runbook_of_text(
        "needs:\n  - disk: {/var/www: 1G}\n", "```python3 { name=one host=web1 }\npass\n```\n"
    );
    RingRecord ring;
    ring.hosts = {{"web-1", {}, "web1", {}}, {"db-1", {}, "db1", {}}};
    const auto plan = plan_preflight({deploy, back}, ring, {{"WEB", "web1"}, {"DB", "db1"}}, until);
    ASSERT_THAT(plan.hosts, UnorderedElementsAre(Key(""), Key("web1"), Key("db1")));
    EXPECT_THAT(
        plan.hosts.at("web1").tools, UnorderedElementsAre("bash", "python3", "nginx", "jq")
    );
    EXPECT_THAT(plan.hosts.at("web1").disk, ElementsAre(Pair("/var/www", 1024u * 1024)));
    EXPECT_THAT(plan.hosts.at("").tools, UnorderedElementsAre("sh", "nginx", "jq"));
    EXPECT_THAT(plan.hosts.at("db1").tools, IsEmpty());
    EXPECT_THAT(plan.hosts.at("db1").disk, ElementsAre(Pair("/var/lib", 20u * 1024 * 1024)));
    EXPECT_THAT(plan.known, IsEmpty());
}

TEST(PreflightPlan, looks_at_credentials_before_anybody_is_asked) {
    RingRecord ring;
    ring.credentials = {{"deploy-key", until + 1s}, {"db-password", until - 1s}, {"token", {}}};
    const auto plan = plan_preflight(
        {runbook_of_text("needs:\n  - credentials: [deploy-key, VAULT, no-such]\n", "")}, ring,
        {{"VAULT", "secret:file:/x"}, {"SITE", "/srv"}}, until
    );
    EXPECT_THAT(plan.secrets, ElementsAre(Pair("VAULT", "secret:file:/x")));
    const auto passed = [&](std::string_view name) {
        const auto* check = check_of(plan.known, PreflightKind::credential, name);
        return check && check->passed;
    };
    EXPECT_TRUE(passed("deploy-key"));
    EXPECT_TRUE(passed("token"));
    EXPECT_FALSE(passed("db-password"));
    EXPECT_FALSE(passed("no-such"));
    EXPECT_EQ(check_of(plan.known, PreflightKind::credential, "VAULT"), nullptr) << "it is asked";
}

TEST(PreflightPlan, says_which_host_cannot_be_named) {
    const auto plan = plan_preflight(
        {runbook_of_text("", "```sh { name=one host=\"${NOWHERE}\" }\ntrue\n```\n")}, {}, {}, until
    );
    EXPECT_THAT(plan.hosts, IsEmpty());
    ASSERT_EQ(plan.known.size(), 1u);
    EXPECT_FALSE(plan.known[0].passed);
    EXPECT_EQ(plan.known[0].host, "${NOWHERE}");
}

TEST(PreflightPlan, asks_no_machine_of_another_ring) {
    RingRecord ring;
    ring.hosts = {{"web-1", {}, "web1", {}}, {"web-2", {}, {}, {}}};
    const auto runbook = runbook_of_text(
        "needs:\n  - host: db1\n    tools: [psql]\n",
        "```sh { name=one host=deploy@WEB1 }\ntrue\n```\n\n"
        "```sh { name=two host=web-2 }\ntrue\n```\n\n"
        "```smoke\n- name: job\n  command: run\n  host: web9\n```\n"
    );
    const auto plan = plan_preflight({runbook}, ring, {}, until);
    EXPECT_THAT(plan.hosts, ElementsAre(Key("deploy@WEB1")));
    std::vector<std::string> refused;
    for (const auto& check : plan.known)
        refused.push_back(check.passed ? "passed" : check.host);
    EXPECT_THAT(refused, UnorderedElementsAre("web-2", "web9", "db1"));
}

TEST(PreflightPlan, needs_that_could_mean_something_else_to_a_shell_are_refused) {
    EXPECT_EQ(refused_needs("  - tools: [nginx, /usr/bin/g++, python3.11]\n"), "");
    EXPECT_THAT(refused_needs("  - tools: [\"$(reboot)\"]\n"), HasSubstr("$(reboot)"));
    EXPECT_THAT(refused_needs("  - tools: [\"a b\"]\n"), HasSubstr("a b"));
    EXPECT_THAT(refused_needs("  - tools: [-x]\n"), HasSubstr("-x"));
    EXPECT_THAT(refused_needs("  - disk: {var: 5M}\n"), HasSubstr("var: 5M"));
    EXPECT_THAT(refused_needs("  - disk: {/var: much}\n"), HasSubstr("much"));
    EXPECT_THAT(refused_needs("  - disk: {/var: 9999999999T}\n"), HasSubstr("9999999999T"));
    EXPECT_THAT(refused_needs("  - host: -oProxyCommand=x\n"), HasSubstr("-oProxyCommand"));
    EXPECT_THAT(refused_needs("  - tool: [nginx]\n"), HasSubstr("tool"));
    std::string many;
    for (std::size_t i = 0; i <= limits::runbook_needs_max; ++i)
        many += "  - tools: [nginx]\n";
    EXPECT_THAT(refused_needs(many), HasSubstr("the limit is 50"));
}

TEST(PreflightJudgement, believes_only_what_the_host_said) {
    HostNeeds needs{{"nginx", "jq"}, {{"/var/www", 1000}}};
    StepResult result;
    result.outcome = RunOutcome::passed;
    const std::vector<std::string> lines{
        "Welcome", "passed tool.nginx /usr/sbin/nginx",
        "failed disk./var/www 10 KiB free, 1000 KiB wanted", "preflight done"};
    const auto checks = judge_host("web1", needs, result, lines);
    EXPECT_TRUE(check_of(checks, PreflightKind::host, "")->passed);
    EXPECT_EQ(check_of(checks, PreflightKind::tool, "nginx")->detail, "/usr/sbin/nginx");
    EXPECT_TRUE(check_of(checks, PreflightKind::tool, "nginx")->passed);
    EXPECT_FALSE(check_of(checks, PreflightKind::tool, "jq")->passed) << "it said nothing of it";
    EXPECT_FALSE(check_of(checks, PreflightKind::disk, "/var/www")->passed);
    for (const auto& check : checks)
        EXPECT_EQ(check.host, "web1");
    // Cut off in the middle, or not there at all.
    EXPECT_FALSE(judge_host("web1", needs, result, {lines[1]})[0].passed);
    result.outcome = RunOutcome::not_started;
    result.message = "could not connect";
    const auto silent = judge_host("web1", needs, result, {});
    ASSERT_EQ(silent.size(), 1u);
    EXPECT_FALSE(silent[0].passed);
    EXPECT_EQ(silent[0].detail, "could not connect");
}

// --- the command and the gate ------------------------------------------------------------------

Preflight good_preflight(const Scenario& s) {
    Preflight preflight;
    preflight.ring = "production";
    preflight.ring_contents = ring_contents_now(s.facts("ina"), "production");
    preflight.deployment = deployment_file().digest;
    preflight.rollback = rollback_file().digest;
    preflight.asked_by = PersonId("ina");
    preflight.checks = {{{}, PreflightKind::host, {}, true, "exit status 0"}};
    return preflight;
}

void record(Scenario& s, const Preflight& preflight) {
    s.does("system", "record_preflight", fmt::format(R"({{"preflight":{}}})", encode(preflight)));
}

GateResult judged(const Scenario& s) {
    return evaluate(*find_gate("preflight"), s.change, s.facts("otto"));
}

TEST(Preflight, is_started_by_the_implementer_or_the_owner) {
    auto s = ready();
    EXPECT_EQ(s.refused("jonas", "preflight").reasons.at(0).field, "implementer");
    s.does("ina", "preflight");
    s.does("otto", "preflight");
    const auto task = restore<PreflightTask>(json(s.tasks.back().payload));
    ASSERT_TRUE(task.has_value());
    EXPECT_EQ(s.tasks.back().kind, "preflight");
    EXPECT_EQ(task->deployment, deployment_file().digest);
    EXPECT_EQ(task->rollback, rollback_file().digest);
    EXPECT_EQ(task->ring, "production");
    EXPECT_EQ(task->needed_until, at(window_end));
    EXPECT_EQ(task->asked_by, PersonId("otto"));
}

TEST(Preflight, needs_a_runbook_and_a_ring) {
    Scenario s;
    open(s);
    EXPECT_EQ(s.refused("ina", "preflight").reasons.at(0).field, "runbooks");
    plan(s);
    s.does("rosa", "assign", R"({"production_ring":""})");
    EXPECT_EQ(s.refused("ina", "preflight").reasons.at(0).field, "production_ring");
}

TEST(Preflight, that_was_never_made_is_a_warning) {
    const auto& s = ready();
    EXPECT_EQ(judged(s).verdict, Verdict::pass);
    EXPECT_THAT(judged(s).warnings, Contains(HasSubstr("no preflight")));
    auto started = s;
    started.does("ina", "start_run", deployment_elsewhere());
    EXPECT_TRUE(started.has_said("no preflight"));
}

TEST(Preflight, in_which_all_was_there_is_silent) {
    auto s = ready();
    record(s, good_preflight(s));
    EXPECT_EQ(s.change.preflight->at, s.now);
    EXPECT_EQ(judged(s).verdict, Verdict::pass);
    EXPECT_THAT(judged(s).warnings, IsEmpty());
    EXPECT_TRUE(not_ready(s.change, s.facts("ina")).empty());
}

TEST(Preflight, that_found_something_missing_stops_the_deployment) {
    auto s = ready();
    auto preflight = good_preflight(s);
    preflight.checks.push_back({"web1", PreflightKind::tool, "nginx", false, "not found on PATH"});
    record(s, preflight);
    const auto result = judged(s);
    ASSERT_EQ(result.reasons.size(), 1u);
    EXPECT_EQ(result.reasons[0].field, "preflight.web1.tool.nginx");
    EXPECT_THAT(result.reasons[0].message, HasSubstr("web1 lacks the program nginx"));
    EXPECT_EQ(
        s.refused("ina", "start_run", deployment_elsewhere()).reasons.at(0).gate, "preflight"
    );
    record(s, good_preflight(s));
    s.does("ina", "start_run", deployment_elsewhere());
    EXPECT_THAT(judged(s).warnings, IsEmpty()) << "afterwards there is nothing to look ahead to";
}

TEST(Preflight, that_is_old_or_of_other_bytes_or_of_another_ring_is_a_warning) {
    auto s = ready();
    record(s, good_preflight(s));
    const auto warns = [](const Scenario& changed, const char* what) {
        EXPECT_EQ(judged(changed).verdict, Verdict::pass);
        EXPECT_THAT(judged(changed).warnings, ElementsAre(HasSubstr(what)));
    };
    auto old = s;
    old.change.preflight->at -= old.policy.preflight_valid_for + 1s;
    warns(old, "older than");
    for (const auto digest : std::initializer_list<Digest Preflight::*>{
             &Preflight::deployment, &Preflight::rollback, &Preflight::ring_contents}) {
        auto other = s;
        (*other.change.preflight).*digest = sha256("other");
        warns(other, "other runbooks or another ring");
    }
}

} // namespace
} // namespace slipway::domain::testing
