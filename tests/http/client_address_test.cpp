// SPDX-License-Identifier: Apache-2.0
// Which address a request counts as.
#include "http/client_address.hpp"

#include "domain/identity/roles.hpp"
#include "server_fixture.hpp"

namespace slipway::test {

namespace {

TEST(ClientAddress, what_nobody_trusted_says_counts_for_nothing) {
    const auto address = [](std::string_view peer, std::string_view forwarded) {
        return http::client_address(peer, forwarded, {"10.0.0.0/8", "::1"});
    };
    EXPECT_EQ(http::client_address("10.0.0.1", "203.0.113.7", {}), "10.0.0.1");
    EXPECT_EQ(address("192.0.2.1", "203.0.113.7"), "192.0.2.1");
    EXPECT_EQ(address("10.0.0.1", ""), "10.0.0.1");
    EXPECT_EQ(address("10.0.0.1", "203.0.113.7"), "203.0.113.7");
    EXPECT_EQ(address("::1", "1.2.3.4, 203.0.113.7"), "203.0.113.7"); // the first is anybody's
    EXPECT_EQ(address("::ffff:10.0.0.1", "1.2.3.4,203.0.113.7 , 10.9.9.9"), "203.0.113.7");
    EXPECT_EQ(address("10.0.0.1", "10.0.0.2, 10.0.0.3"), "10.0.0.2");
    EXPECT_EQ(address("10.0.0.1", "[2001:db8::7]"), "2001:db8::7");
    EXPECT_EQ(address("10.0.0.1", "1.2.3.4, unknown"), "unknown");
    EXPECT_EQ(address("10.0.0.1", "1.2.3.4, "), "10.0.0.1");
    EXPECT_EQ(address("10.0.0.1", ",,,"), "10.0.0.1");
}

class BehindProxy : public ServerTest {
  protected:
    static http::ListenerOptions trusting() {
        http::ListenerOptions options;
        options.trusted_proxies = {"127.0.0.1"};
        return options;
    }

    BehindProxy() : ServerTest(trusting()) {}
};

TEST_F(BehindProxy, a_session_behind_a_proxy_that_ends_tls_is_for_https_only) {
    add_person("ada", "engineer");
    auto c = client();
    const auto cookie = [&](std::string_view fields) {
        const auto body = fmt::format(R"({{"person":"ada","password":"{}"}})", good_password);
        return c->request("POST", "/api/v1/login", body, fields).headers.at("set-cookie");
    };
    EXPECT_TRUE(cookie("").ends_with("; Secure"));
    EXPECT_TRUE(cookie("X-Forwarded-Proto: https\r\n").ends_with("; Secure"));
    EXPECT_TRUE(cookie("X-Forwarded-Proto: HTTP\r\n").ends_with("; SameSite=Strict"));
    EXPECT_FALSE(http::came_over_tls_to_proxy("192.0.2.1", "https", {"127.0.0.1"}));
}

TEST_F(BehindProxy, a_probe_is_where_the_trusted_proxy_saw_it) {
    auto probe = client("probe");
    const auto told = [&](std::string_view forwarded) {
        const auto reply = probe->request(
            "GET", "/api/v1/probe/work?name=a%20b", {},
            fmt::format("X-Forwarded-For: {}\r\n", forwarded)
        );
        return reply.status;
    };
    EXPECT_EQ(told("203.0.113.7"), 400); // as far as the name, which is wrong
    const auto refused = probe->request(
        "GET", "/api/v1/probe/work?name=office", {},
        "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-For: 10.1.2.3\r\n"
    );
    EXPECT_EQ(refused.status, 409);
    EXPECT_NE(refused.body.find("10.1.2.3"), std::string::npos) << refused.body;
}

} // namespace

} // namespace slipway::test
