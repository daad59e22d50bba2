// SPDX-License-Identifier: Apache-2.0
// Seeded drifts are all found, and nothing else is.
#include "domain/records/ring_comparison.hpp"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace slipway::domain {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

RingHost host_of(std::string name, std::string role, HostFacts facts) {
    RingHost host;
    host.host = std::move(name);
    host.role = std::move(role);
    host.facts = std::move(facts);
    return host;
}

std::vector<std::string> ids_of(const RingComparison& comparison) {
    std::vector<std::string> ids;
    for (const auto& difference : comparison.differences)
        ids.push_back(difference.id);
    return ids;
}

std::size_t below(std::size_t end) {
    return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange<std::size_t>(0, end));
}

HostFacts any_facts() {
    static const std::vector<std::string> kinds{
        "package.", "service.", "agent.", "port.tcp.", "file./etc/"};
    HostFacts facts{{"os.build", "12.8"}, {"kernel", "6.1.0-28"}};
    for (std::size_t i = 0, count = below(40); i < count; ++i)
        facts[kinds[below(kinds.size())] + std::to_string(below(60))] =
            "v" + std::to_string(below(5));
    return facts;
}

// Changes a fact, takes one away or adds one. Gives its name.
std::string drift(HostFacts& facts, std::size_t number) {
    const auto some = std::next(facts.begin(), static_cast<std::ptrdiff_t>(below(facts.size())));
    const auto name = some->first;
    switch (below(3)) {
    case 0:
        some->second += "-drifted" + std::to_string(number);
        return name;
    case 1:
        facts.erase(some);
        return name;
    default:
        break;
    }
    const auto added = "package.added" + std::to_string(number);
    facts[added] = "1";
    return added;
}

struct Pair {
    RingRecord ring;
    RingRecord production;
    FactsByDocument gathered;
    std::size_t facts = 0;
};

// A host is known by what people wrote down, by what was gathered, or by both.
void know(RingHost& host, const HostFacts& facts, bool is_gathered, FactsByDocument& gathered) {
    if (!is_gathered) {
        host.facts = facts;
        return;
    }
    FactsFound found;
    found.transcript = sha256(encode(facts));
    gathered[found.transcript] = facts;
    host.found = found;
    if (!facts.empty())
        host.facts = {{facts.begin()->first, "what was written down before it was gathered"}};
}

TEST(RingComparison, finds_every_seeded_drift_and_no_other) {
    EXPECT_TRUE(rc::check([] {
        Pair rings;
        std::set<std::string> seeded;
        for (const std::string role : {"", "db", "web"})
            for (std::size_t i = 0, count = below(4); i < count; ++i) {
                const auto name = role + std::to_string(i);
                const auto facts = any_facts();
                auto drifted = facts;
                std::set<std::string> names;
                for (std::size_t n = 0, drifts = below(4); n < drifts && drifted.size() > 2; ++n)
                    names.insert(drift(drifted, n));
                for (const auto& fact : names) {
                    const auto before = facts.find(fact);
                    const auto after = drifted.find(fact);
                    const bool same = (before == facts.end()) == (after == drifted.end()) &&
                                      (before == facts.end() || before->second == after->second);
                    if (!same)
                        seeded.insert("production-" + name + "/" + fact);
                }
                auto mine = host_of("staging-" + name, role, {});
                auto theirs = host_of("production-" + name, role, {});
                know(mine, drifted, below(2) == 0, rings.gathered);
                know(theirs, facts, below(2) == 0, rings.gathered);
                rings.ring.hosts.push_back(mine);
                rings.production.hosts.push_back(theirs);
            }
        const auto found = compare_rings(rings.ring, rings.production, rings.gathered);
        auto ids = ids_of(found);
        RC_ASSERT(std::set<std::string>(ids.begin(), ids.end()) == seeded);
        RC_ASSERT(ids.size() == seeded.size());
        for (const auto& difference : found.differences)
            RC_ASSERT(difference.ring_value != difference.production_value);
        const auto alike = compare_rings(rings.production, rings.production, rings.gathered);
        RC_ASSERT(alike.differences.empty());
    }));
}

TEST(RingComparison, says_of_a_difference_where_it_is_and_what_it_is) {
    RingRecord ring;
    RingRecord production;
    ring.hosts = {host_of("stage-1", "web", {{"package.nginx", "1.22"}})};
    production.hosts = {host_of("web-1", "web", {{"package.nginx", "1.26"}})};
    const auto found = compare_rings(ring, production, {}).differences;
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].id, "web-1/package.nginx");
    EXPECT_EQ(found[0].role, "web");
    EXPECT_EQ(found[0].ring_host, "stage-1");
    EXPECT_EQ(found[0].production_host, "web-1");
    EXPECT_EQ(found[0].kind, "package");
    EXPECT_EQ(found[0].name, "package.nginx");
    EXPECT_EQ(found[0].ring_value, "1.22");
    EXPECT_EQ(found[0].production_value, "1.26");
}

TEST(RingComparison, compares_hosts_of_one_role_whatever_the_order_of_the_roles) {
    RingRecord ring;
    RingRecord production;
    ring.hosts = {
        host_of("s-db", "db", {{"os.build", "12"}}), host_of("s-web", "web", {{"os.build", "13"}})};
    production.hosts = {
        host_of("p-web", "web", {{"os.build", "13"}}), host_of("p-db", "db", {{"os.build", "12"}})};
    EXPECT_THAT(compare_rings(ring, production, {}).differences, IsEmpty());
}

TEST(RingComparison, leaves_no_host_of_production_out_where_the_ring_has_fewer) {
    RingRecord ring;
    RingRecord production;
    ring.hosts = {host_of("s-1", "web", {{"kernel", "6"}})};
    production.hosts = {
        host_of("p-1", "web", {{"kernel", "6"}}), host_of("p-2", "web", {{"kernel", "5"}}),
        host_of("p-db", "db", {{"kernel", "6"}})};
    EXPECT_THAT(
        ids_of(compare_rings(ring, production, {})),
        UnorderedElementsAre("hosts.db", "hosts.web", "p-2/kernel")
    );
    EXPECT_THAT(
        ids_of(compare_rings(production, ring, {})),
        UnorderedElementsAre("hosts.db", "hosts.web", "p-2=s-1/kernel")
    );
}

TEST(RingComparison, what_nobody_could_look_at_is_not_alike) {
    RingRecord ring;
    RingRecord production;
    ring.hosts = {host_of("s", "", {{"file./etc/x", "unknown: may not be read"}})};
    production.hosts = {host_of("p", "", {{"file./etc/x", "unknown: may not be read"}})};
    EXPECT_THAT(ids_of(compare_rings(ring, production, {})), ElementsAre("p/file./etc/x"));
}

TEST(RingComparison, a_host_of_which_nothing_is_known_is_for_the_gate_to_name) {
    RingRecord ring;
    RingRecord production;
    ring.hosts = {host_of("s", "", {{"kernel", "6"}})};
    production.hosts = {host_of("p", "", {})};
    EXPECT_THAT(compare_rings(ring, production, {}).differences, IsEmpty());
    // What is left of an earlier time says nothing of a host that does not answer now.
    production.hosts[0].facts = {{"kernel", "5"}};
    production.hosts[0].found = FactsFound{};
    production.hosts[0].found->fault = "could not connect";
    EXPECT_THAT(compare_rings(ring, production, {}).differences, IsEmpty());
}

} // namespace
} // namespace slipway::domain
