// SPDX-License-Identifier: Apache-2.0
#include "domain/records/networks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/records/register_table.hpp"

namespace slipway::domain {
namespace {

using testing::HasSubstr;

TEST(Networks, what_is_no_network_is_refused) {
    for (const auto* bad :
         {"", "office", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0/8",
          "2001:db8::/129", "/8", "10.0.0.0/8/8", " 10.0.0.0/8"}) {
        const auto checked = check_network(bad, "n");
        ASSERT_FALSE(checked) << bad;
        EXPECT_EQ(checked.error().fields.at(0).field, "n");
    }
    auto vague = check_network("10.1.2.3/8", "n");
    ASSERT_FALSE(vague);
    EXPECT_THAT(vague.error().fields.at(0).message, HasSubstr("expected 10.0.0.0/8"));
    vague = check_network("2001:db8:1::/32", "n");
    ASSERT_FALSE(vague);
    EXPECT_THAT(vague.error().fields.at(0).message, HasSubstr("expected 2001:db8::/32"));
    for (const auto* good :
         {"10.0.0.0/8", "0.0.0.0/0", "192.0.2.7", "192.0.2.7/32", "::/0", "2001:db8::/32",
          "fe80::/10", "192.0.2.128/25"})
        EXPECT_TRUE(check_network(good, "n")) << good;
}

TEST(Networks, an_address_is_found_in_the_network_it_lies_in) {
    const std::vector<std::string> networks{"10.0.0.0/8", "192.0.2.128/25", "2001:db8::/33", "::2"};
    const auto network = [&](std::string_view address) {
        return network_of_address(networks, address).value_or("none");
    };
    EXPECT_EQ(network("10.255.0.1"), "10.0.0.0/8");
    EXPECT_EQ(network("::ffff:10.1.2.3"), "10.0.0.0/8");
    EXPECT_EQ(network("192.0.2.128"), "192.0.2.128/25");
    EXPECT_EQ(network("2001:db8:7fff::1"), "2001:db8::/33");
    EXPECT_EQ(network("::2"), "::2");
    for (const auto* outside :
         {"11.0.0.1", "192.0.2.127", "2001:db8:8000::1", "::3", "::10.1.2.3", "nowhere", ""})
        EXPECT_EQ(network(outside), "none") << outside;
    EXPECT_EQ(network_of_address({"0.0.0.0/0"}, "2001:db8::1"), std::nullopt);
}

class Outside : public testing::Test {
  protected:
    std::string refusal(std::string_view address, bool one_machine = false) {
        const auto seen = require_outside(organisation, address, one_machine);
        if (seen)
            return "none";
        EXPECT_EQ(seen.error().code, ErrorCode::blocked);
        const auto& reason = seen.error().reasons.at(0);
        EXPECT_FALSE(reason.remedy.empty());
        return reason.message + ": " + reason.evidence;
    }

    OrganisationRecord organisation{"Harbor", "UTC", {}, {}, {"10.0.0.0/8"}};
};

TEST_F(Outside, a_probe_within_a_declared_network_is_not_outside) {
    EXPECT_THAT(
        refusal("10.1.2.3"),
        HasSubstr(
            "the probe is inside: the server sees it at \"10.1.2.3\", which lies in 10.0.0.0/8"
        )
    );
    EXPECT_EQ(refusal("203.0.113.7"), "none");
    EXPECT_THAT(refusal(""), HasSubstr("nobody knows where"));
    EXPECT_THAT(refusal("unix"), HasSubstr("nobody knows where"));
}

TEST_F(Outside, nothing_is_outside_while_nobody_has_said_what_is_inside) {
    organisation.inside_networks.clear();
    EXPECT_THAT(refusal("203.0.113.7"), HasSubstr("not declared"));
    EXPECT_THAT(refusal("127.0.0.1", true), HasSubstr("not declared"));
}

TEST_F(Outside, the_servers_own_machine_is_outside_in_training_only) {
    for (const auto* here : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"}) {
        EXPECT_THAT(refusal(here), HasSubstr("own machine")) << here;
        EXPECT_EQ(refusal(here, true), "none") << here;
    }
    organisation.inside_networks.push_back("127.0.0.0/8");
    EXPECT_THAT(refusal("127.0.0.1", true), HasSubstr("which lies in 127.0.0.0/8"));
}

TEST_F(Outside, the_record_takes_networks_only) {
    const auto* row = find_register("organisation");
    ASSERT_NE(row, nullptr);
    const auto put = [&](std::string_view networks) {
        return row->normalise(
            "main", *parse_json(fmt::format(
                        R"({{"name":"Harbor","zone":"UTC","inside_networks":{}}})", networks
                    ))
        );
    };
    const auto bad = put(R"(["10.0.0.0/8","office"])");
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().fields.at(0).field, "inside_networks[1]");
    EXPECT_TRUE(put(R"(["10.0.0.0/8","2001:db8::/32"])"));
    // Records of before have none, and keep their bytes.
    const auto old = row->normalise("main", *parse_json(R"({"name":"Harbor","zone":"UTC"})"));
    ASSERT_TRUE(old);
    EXPECT_THAT(*old, testing::Not(HasSubstr("inside_networks")));
}

} // namespace
} // namespace slipway::domain
