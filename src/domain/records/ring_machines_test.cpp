// SPDX-License-Identifier: Apache-2.0
// A ring for tests has no machine of production and is not production by another name.
#include "domain/records/ring_machines.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::domain {
namespace {

using testing::HasSubstr;

RingHost host(std::string name, std::string address = {}) {
    return {std::move(name), {}, std::move(address), {}};
}

RingRecord ring(
    RingKind kind, std::vector<RingHost> hosts, std::map<std::string, std::string> variables = {}
) {
    RingRecord record;
    record.kind = kind;
    record.hosts = std::move(hosts);
    record.variables = std::move(variables);
    return record;
}

// Both ways: the test ring beside production, and production beside the test ring.
std::vector<Reason> refused(const RingRecord& test, const RingRecord& production) {
    std::vector<Reason> reasons;
    if (auto reason = ring_by_another_name("fake", test, {{"fake", test}, {"live", production}}))
        reasons.push_back(*std::move(reason));
    if (auto reason = ring_by_another_name("live", production, {{"fake", test}}))
        reasons.push_back(*std::move(reason));
    return reasons;
}

TEST(RingMachines, are_the_same_however_their_address_is_written) {
    EXPECT_EQ(machine_of("Web-1.Example.org."), "web-1.example.org");
    EXPECT_EQ(machine_of("deploy@web-1"), machine_of("web-1"));
    for (const auto* four : {"10.0.0.1", "10.1", "0xa.0.0.1", "167772161", "::ffff:10.0.0.1"})
        EXPECT_EQ(machine_of(four), "10.0.0.1") << four;
    EXPECT_EQ(machine_of("2001:DB8:0:0::1"), "2001:db8::1");
    EXPECT_NE(machine_of("web-1"), machine_of("web-10"));
    EXPECT_EQ(machine_of("deploy@127.0.0.1"), machine_of("deploy@LocalHost."));
    EXPECT_NE(machine_of("deploy@127.0.0.1"), machine_of("stage@127.0.0.1"))
        << "the rings of a small shop";
    for (const auto* here : {"", "localhost", "127.0.0.1", "::1"})
        EXPECT_EQ(machine_of(here), "") << here;
    for (const auto* elsewhere : {"LOCALHOST", "deploy@localhost", "user@", "."})
        EXPECT_NE(machine_of(elsewhere), "") << elsewhere << ": SSH is asked";
}

TEST(RingMachines, are_the_addresses_of_its_hosts_and_nothing_else) {
    const auto record = ring(RingKind::test, {host("web-1", "10.0.0.1"), host("web-2")});
    EXPECT_TRUE(has_machine(record, "root@10.0.0.1"));
    EXPECT_FALSE(has_machine(record, "web-1")) << "SSH may know another machine by that name";
    EXPECT_FALSE(has_machine(record, "web-2")) << "this host is on the server's machine";
    EXPECT_FALSE(has_machine(record, ""));
}

TEST(RingMachines, of_production_are_in_no_ring_of_another_kind) {
    const auto live =
        ring(RingKind::production, {host("web-1", "10.0.0.1"), host("db", "db.example")});
    for (const auto kind : {RingKind::test, RingKind::staging, RingKind::pilot})
        for (const auto* address : {"10.0.0.1", "root@10.1", "WEB-1", "DB.example."}) {
            const auto fake = ring(kind, {host("own", "own"), host("other", address)});
            const auto reasons = refused(fake, live);
            ASSERT_EQ(reasons.size(), 2u) << address;
            EXPECT_EQ(reasons[0].field, "hosts[1]");
            EXPECT_THAT(reasons[0].message, HasSubstr("the production ring live"));
            EXPECT_THAT(reasons[0].evidence, HasSubstr(address));
            EXPECT_THAT(reasons[1].message, HasSubstr(to_text(kind)));
            for (const auto& reason : reasons)
                EXPECT_THAT(reason.remedy, HasSubstr("in fake"));
        }
    EXPECT_TRUE(refused(ring(RingKind::test, {host("web-1", "10.0.0.2")}), live).empty())
        << "a host's name is its name in this ring";
    EXPECT_FALSE(
        ring_by_another_name("blue", live, {{"green", live}}) ||
        ring_by_another_name("live", live, {{"live", ring(RingKind::test, live.hosts)}})
    ) << "of one kind, or the ring itself before it is written";
}

// A small shop runs all of it on the server's machine.
TEST(RingMachines, may_be_one_where_the_variables_tell_the_rings_apart) {
    const auto live = [](std::map<std::string, std::string> variables) {
        return ring(RingKind::production, {host("box")}, std::move(variables));
    };
    const auto staging = [](std::map<std::string, std::string> variables) {
        return ring(RingKind::staging, {host("box")}, std::move(variables));
    };
    const std::map<std::string, std::string> there{{"SITE", "/srv/live"}, {"ROOT", "/srv"}};
    EXPECT_TRUE(refused(staging({{"SITE", "/srv/stage"}, {"ROOT", "/srv"}}), live(there)).empty());
    EXPECT_TRUE(refused(staging({}), live(there)).empty());
    auto same = there;
    same["MORE"] = "1"; // changes nothing of where it is
    const auto reasons = refused(staging(same), live(there));
    ASSERT_EQ(reasons.size(), 2u);
    EXPECT_EQ(reasons[0].field, "variables");
    EXPECT_EQ(reasons[0].evidence, "ROOT=/srv, SITE=/srv/live");
    EXPECT_THAT(reasons[0].remedy, HasSubstr("values of its own"));
    // Hosts of another name, or another secret, do not make it another place.
    const auto moved = ring(RingKind::test, {host("innocent", "innocent")}, there);
    EXPECT_EQ(refused(moved, live(there)).size(), 2u);
    auto secret = there;
    secret["TOKEN"] = "secret:file:/one";
    EXPECT_EQ(refused(staging(there), live(secret)).size(), 2u);
}

TEST(RingMachines, that_have_nothing_but_a_name_are_told_apart_by_it) {
    const auto live = ring(RingKind::production, {host("web-1")});
    EXPECT_TRUE(refused(ring(RingKind::staging, {host("stage-1")}), live).empty());
    const auto reasons = refused(ring(RingKind::staging, {host("WEB-1")}), live);
    ASSERT_EQ(reasons.size(), 2u);
    EXPECT_EQ(reasons[0].field, "hosts");
    const auto bare = ring(RingKind::production, {});
    EXPECT_TRUE(refused(ring(RingKind::staging, {}), bare).empty());
}

} // namespace
} // namespace slipway::domain
