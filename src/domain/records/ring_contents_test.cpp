// SPDX-License-Identifier: Apache-2.0
#include "domain/records/ring_contents.hpp"

#include <functional>

#include <gtest/gtest.h>

namespace slipway::domain {
namespace {

RingRecord production() {
    RingRecord ring;
    ring.name = "Production";
    ring.kind = RingKind::production;
    ring.variables = {{"SITE", "/srv/site"}};
    ring.hosts = {{"web-1", CiId("web-1"), "10.0.0.1", {{"kernel", "6.1"}}}};
    ring.credentials = {{"deploy-key", Time(std::chrono::hours(1))}};
    ring.snapshot_connector = "snap";
    ring.backup_connector = "restic";
    return ring;
}

TEST(RingContents, are_all_that_decides_where_with_what_and_as_whom) {
    const auto before = ring_contents("production", production());
    EXPECT_EQ(ring_contents("production", production()), before);
    EXPECT_NE(ring_contents("pilot", production()), before);
    const std::vector<std::function<void(RingRecord&)>> edits{
        [](auto& ring) { ring.kind = RingKind::pilot; },
        [](auto& ring) { ring.variables["SITE"] = "/elsewhere"; },
        [](auto& ring) { ring.variables["PROXY"] = "evil"; },
        [](auto& ring) { ring.variables.clear(); },
        [](auto& ring) { ring.hosts[0].host = "web-2"; },
        [](auto& ring) { ring.hosts[0].ci = CiId("web-2"); },
        [](auto& ring) { ring.hosts[0].address = "10.0.0.2"; },
        [](auto& ring) { ring.hosts[0].role = "db"; },
        [](auto& ring) { ring.hosts.push_back(ring.hosts[0]); },
        [](auto& ring) { ring.credentials[0].name = "root"; },
        [](auto& ring) { ring.credentials.clear(); },
        [](auto& ring) { ring.snapshot_connector = "external"; },
        [](auto& ring) { ring.backup_connector.clear(); },
    };
    for (std::size_t i = 0; i < edits.size(); ++i) {
        auto edited = production();
        edits[i](edited);
        EXPECT_NE(ring_contents("production", edited), before) << "edit " << i;
    }
}

TEST(RingContents, are_not_what_was_found_on_the_ring) {
    auto looked_at = production();
    looked_at.name = "The real thing";
    looked_at.hosts[0].facts = {{"kernel", "6.2"}};
    looked_at.hosts[0].found = FactsFound{};
    looked_at.facts_at = Time(std::chrono::hours(2));
    looked_at.fact_files = {"/etc/hosts"};
    looked_at.credentials[0].expires_at = Time(std::chrono::hours(3));
    looked_at.credentials[0].version = "7";
    EXPECT_EQ(ring_contents("production", looked_at), ring_contents("production", production()));
    EXPECT_EQ(
        ring_contents("production", contents_of(looked_at)), ring_contents("production", looked_at)
    );
    EXPECT_EQ(ring_edits(production(), looked_at), "");
}

TEST(RingContents, are_told_in_words) {
    EXPECT_EQ(
        ring_in_words(production()),
        "variables SITE=/srv/site; hosts web-1 (10.0.0.1); credentials deploy-key; snapshots by "
        "snap; backups by restic"
    );
    EXPECT_EQ(ring_in_words({}), "nothing");
}

TEST(RingContents, that_were_edited_are_named_with_both_values) {
    auto edited = production();
    edited.variables["SITE"] = "/elsewhere";
    edited.variables["PROXY"] = "evil";
    edited.hosts[0].address = "10.0.0.2";
    edited.backup_connector.clear();
    EXPECT_EQ(
        ring_edits(production(), edited), "backup_connector was \"restic\" and is nothing; "
                                          "hosts[0].address was \"10.0.0.1\" and is \"10.0.0.2\"; "
                                          "variables.PROXY was nothing and is \"evil\"; "
                                          "variables.SITE was \"/srv/site\" and is \"/elsewhere\""
    );
    for (int i = 0; i < 20; ++i)
        edited.variables[fmt::format("V{}", i)] = std::string(1000, 'x');
    const auto many = ring_edits(production(), edited);
    EXPECT_LT(many.size(), 4000u);
    EXPECT_TRUE(many.ends_with("; and 14 more")) << many;
}

} // namespace
} // namespace slipway::domain
