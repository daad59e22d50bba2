// SPDX-License-Identifier: Apache-2.0
// Differences between the rings: listed in full, accepted one by one by who may, and an acceptance
// covers the very difference that was looked at.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/change/testing/scenario.hpp"
#include "domain/gates/gate.hpp"

namespace slipway::domain::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

RingHost& host_of(Scenario& s, const std::string& ring) {
    return s.records.rings.at(ring).hosts.at(0);
}

// Compares again, with what the records hold now.
void compare(Scenario& s) {
    renew(s.records);
    s.does("ina", "compare_ring");
}

GateResult parity_gate(Scenario& s) {
    renew(s.records);
    return evaluate(*find_gate("ring-parity"), s.change, s.facts("otto"));
}

std::vector<std::string> refused_fields(Scenario& s) {
    std::vector<std::string> fields;
    for (const auto& reason : parity_gate(s).reasons)
        fields.push_back(reason.field);
    return fields;
}

// A planned change whose rings differ in one package.
Scenario differing() {
    Scenario s;
    open(s);
    plan(s);
    host_of(s, "staging").facts["package.nginx"] = "1.26";
    compare(s);
    return s;
}

constexpr auto acceptance = R"({"id":"web-1/package.nginx","reason":"the point of this change"})";

TEST(Divergence, says_where_it_is_and_what_each_ring_has) {
    const auto s = differing();
    ASSERT_EQ(s.change.parity->divergences.size(), 1u);
    const auto& divergence = s.change.parity->divergences[0];
    EXPECT_EQ(divergence.id, "web-1/package.nginx");
    EXPECT_EQ(divergence.ring_host, "stage-1");
    EXPECT_EQ(divergence.production_host, "web-1");
    EXPECT_EQ(divergence.kind, "package");
    EXPECT_EQ(divergence.name, "package.nginx");
    EXPECT_EQ(divergence.ring_value, "1.26");
    EXPECT_EQ(divergence.production_value, "1.22");
}

TEST(Divergence, is_accepted_by_the_owner_or_a_change_manager_and_by_nobody_else) {
    auto s = differing();
    EXPECT_THAT(refused_fields(s), Contains("parity.web-1/package.nginx"));
    const auto error = s.refused("ina", "accept_divergence", acceptance);
    EXPECT_EQ(error.reasons.at(0).gate, "ring-parity");
    EXPECT_THAT(error.reasons.at(0).evidence, HasSubstr("otto"));
    auto managed = s;
    managed.does("petra", "accept_divergence", acceptance);
    s.does("otto", "accept_divergence", acceptance);
    EXPECT_THAT(refused_fields(s), IsEmpty());
    EXPECT_THAT(
        parity_gate(s).warnings,
        Contains(AllOf(HasSubstr("otto"), HasSubstr("the point of this change")))
    );
    const auto event = restore<DivergenceAccepted>(json(s.events.back().data));
    EXPECT_EQ(event->ring_value, "1.26");
    EXPECT_EQ(event->production_value, "1.22");
}

TEST(Divergence, that_was_accepted_does_not_cover_another_one) {
    auto s = differing();
    s.does("otto", "accept_divergence", acceptance);
    compare(s);
    EXPECT_THAT(refused_fields(s), IsEmpty()) << "the same difference stays accepted";
    host_of(s, "staging").facts["package.nginx"] = "1.27";
    compare(s);
    EXPECT_THAT(refused_fields(s), Contains("parity.web-1/package.nginx"));
    host_of(s, "staging").facts["package.nginx"] = "1.26";
    host_of(s, "production").facts["package.nginx"] = "1.20";
    compare(s);
    EXPECT_THAT(refused_fields(s), Contains("parity.web-1/package.nginx"));
}

TEST(Divergence, of_one_ring_is_not_accepted_for_another_ring) {
    auto s = differing();
    s.does("otto", "accept_divergence", acceptance);
    s.records.rings["pilot"] = s.records.rings.at("staging");
    renew(s.records);
    s.does("rosa", "assign", R"({"test_ring":"pilot"})");
    compare(s);
    EXPECT_THAT(refused_fields(s), Contains("parity.web-1/package.nginx"));
}

TEST(Divergence, is_accepted_as_it_was_seen) {
    auto s = differing();
    const auto accept = [&](std::string_view values) {
        return s.refused(
            "otto", "accept_divergence",
            fmt::format(R"({{"id":"web-1/package.nginx","reason":"r",{}}})", values)
        );
    };
    EXPECT_EQ(accept(R"("ring_value":"1.25")").fields.at(0).field, "ring_value");
    EXPECT_EQ(accept(R"("production_value":"1.26")").fields.at(0).field, "production_value");
    s.does(
        "otto", "accept_divergence",
        R"({"id":"web-1/package.nginx","reason":"r","ring_value":"1.26","production_value":"1.22"})"
    );
}

TEST(Divergence, that_does_not_fit_into_the_list_is_counted_and_refused) {
    Scenario s;
    open(s);
    plan(s);
    for (int i = 0; i < 1000; ++i)
        host_of(s, "staging").facts[fmt::format("package.p{:04}", i)] = std::string(200, 'x');
    compare(s);
    const auto listed = s.change.parity->divergences.size();
    EXPECT_LT(listed, 1000u);
    ASSERT_TRUE(s.change.parity->unlisted.has_value());
    EXPECT_EQ(listed + *s.change.parity->unlisted, 1000u);
    EXPECT_LT(encode(*s.change.parity).size(), limits::event_body_max);
    for (auto& divergence : s.change.parity->divergences)
        divergence.accepted_by = PersonId("otto");
    EXPECT_THAT(refused_fields(s), Contains("parity"));
}

// --- facts that the server found ---------------------------------------------------------------

FactsFound found_at(Time at, const std::string& document) {
    FactsFound found;
    found.at = at;
    found.by = PersonId("ina");
    found.script = sha256("facts.sh");
    found.transcript = sha256(document);
    found.count = 1;
    return found;
}

// Both rings gathered, and compared; the written facts are gone.
Scenario gathered() {
    Scenario s;
    open(s);
    plan(s);
    for (const auto* ring : {"staging", "production"}) {
        s.records.rings.at(ring).facts_at.reset();
        host_of(s, ring).facts.clear();
        host_of(s, ring).found = found_at(s.now, ring);
    }
    renew(s.records);
    auto facts = s.facts("ina");
    facts.gathered = {
        {sha256("staging"), {{"kernel", "6"}}}, {sha256("production"), {{"kernel", "6"}}}};
    auto decision = find_command("compare_ring")->decide(s.change, JsonObject{}, facts);
    EXPECT_TRUE(decision.has_value()) << explain(decision.error());
    s.change = decision->next;
    s.replayed = s.change;
    return s;
}

TEST(Parity, of_gathered_facts_says_which_documents_were_compared) {
    auto s = gathered();
    EXPECT_THAT(refused_fields(s), IsEmpty());
    ASSERT_EQ(s.change.parity->compared.size(), 2u);
    EXPECT_EQ(s.change.parity->compared[0].host, "stage-1");
    EXPECT_EQ(s.change.parity->compared[0].transcript, sha256("staging"));
    EXPECT_EQ(s.change.parity->compared[1].ring, "production");
    EXPECT_EQ(s.change.parity->facts_compared, 1u);
}

TEST(Parity, a_host_that_did_not_answer_is_told_and_not_left_out) {
    auto s = gathered();
    auto& found = *host_of(s, "staging").found;
    found = FactsFound{};
    found.at = s.now;
    found.fault = "could not connect to stage-1: no route to host";
    const auto result = parity_gate(s);
    ASSERT_EQ(result.reasons.size(), 1u);
    EXPECT_EQ(result.reasons[0].field, "parity.stage-1");
    EXPECT_THAT(result.reasons[0].evidence, HasSubstr("no route to host"));
    EXPECT_THAT(result.reasons[0].remedy, HasSubstr("ring gather"));
}

TEST(Parity, each_host_has_an_age_of_its_own) {
    auto s = gathered();
    host_of(s, "production").found->at = s.now - s.policy.ring_facts_age_max - 1s;
    EXPECT_THAT(refused_fields(s), ::testing::ElementsAre("parity.web-1"));
}

TEST(Parity, facts_that_were_gathered_anew_and_are_others_are_compared_anew) {
    auto s = gathered();
    host_of(s, "staging").found->at = s.now + 1min;
    EXPECT_THAT(refused_fields(s), IsEmpty()) << "nothing has changed on it";
    host_of(s, "staging").found->transcript = sha256("upgraded meanwhile");
    EXPECT_THAT(refused_fields(s), ::testing::ElementsAre("parity.stage-1"));
}

TEST(Parity, facts_of_different_scripts_are_not_compared) {
    auto s = gathered();
    s.change.parity->compared[0].script = sha256("an older facts.sh");
    EXPECT_THAT(refused_fields(s), ::testing::ElementsAre("parity"));
    // What was imported does not say by what it was gathered.
    s.change.parity->compared[0].script.reset();
    EXPECT_THAT(refused_fields(s), IsEmpty());
}

} // namespace
} // namespace slipway::domain::testing
