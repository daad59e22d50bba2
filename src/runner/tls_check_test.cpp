// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <filesystem>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "runner/check.hpp"
#include "runner/loopback_server.hpp"
#include "runner/tls_server.hpp"

namespace slipway::runner {
namespace {

using namespace std::chrono_literals;
using domain::RunOutcome;
using domain::SmokeCheck;
using testing::HasSubstr;

const std::string names = "DNS:www.example.com,DNS:*.shop.example.com,IP:127.0.0.1";
const std::string until = "29981231000000Z";

class TlsCheck : public testing::Test {
  protected:
    void SetUp() override {
        char name[] = "/tmp/slipway-tls-XXXXXX";
        ASSERT_NE(::mkdtemp(name), nullptr);
        folder_ = name;
        authority_.write_pem(ca());
    }

    void TearDown() override { std::filesystem::remove_all(folder_); }

    std::string ca() const { return (folder_ / "ca.pem").string(); }

    SmokeCheck check_of(const TlsServer& server, const std::string& name = "www.example.com") {
        SmokeCheck check;
        check.name = "certificate";
        check.kind = domain::SmokeKind::tls;
        check.address = server.address();
        check.timeout = 10s;
        check.tls = domain::TlsDemands{21, name, ca()};
        return check;
    }

    CheckAnswer look(const SmokeCheck& check) { return check_tls(check, now_, {}); }

    std::filesystem::path folder_;
    TestAuthority authority_;
    Time now_ = *time_from_text("2998-12-01T00:00:00Z"); // 30 days before the end
};

TEST_F(TlsCheck, refuses_a_chain_that_does_not_verify) {
    const TlsServer server(authority_.issue(names, until));
    auto check = check_of(server);
    check.tls->ca.clear(); // the system does not know the authority
    EXPECT_EQ(look(check).outcome, RunOutcome::failed);
    EXPECT_THAT(look(check).message, HasSubstr("certificate"));
    const TestAuthority other;
    other.write_pem(folder_ / "other.pem");
    check.tls->ca = (folder_ / "other.pem").string();
    EXPECT_EQ(look(check).outcome, RunOutcome::failed);
    check.tls->ca = (folder_ / "missing.pem").string();
    EXPECT_EQ(look(check).outcome, RunOutcome::failed);
    EXPECT_EQ(look(check_of(server)).outcome, RunOutcome::passed);
}

TEST_F(TlsCheck, refuses_another_name) {
    const TlsServer server(authority_.issue(names, until));
    for (const auto* name : {"www.example.org", "example.com", "a.b.shop.example.com"}) {
        const auto told = look(check_of(server, name));
        EXPECT_EQ(told.outcome, RunOutcome::failed) << name;
        EXPECT_THAT(told.message, HasSubstr(name));
    }
    EXPECT_EQ(look(check_of(server, "a.shop.example.com")).outcome, RunOutcome::passed);
    EXPECT_EQ(server.asked_for(), "a.shop.example.com");
    // Without a name it is the host of the address; an address is never asked for by SNI.
    EXPECT_EQ(look(check_of(server, "")).outcome, RunOutcome::passed);
    EXPECT_EQ(server.asked_for(), "");
    EXPECT_EQ(look(check_of(server, "x/../y")).outcome, RunOutcome::not_started);
}

TEST_F(TlsCheck, refuses_a_certificate_that_ends_soon) {
    const TlsServer server(authority_.issue(names, until));
    auto check = check_of(server);
    EXPECT_THAT(look(check).message, HasSubstr("ends in 30 days, at 2998-12-31T00:00:00.000Z"));
    check.tls->days = 30;
    EXPECT_EQ(look(check).outcome, RunOutcome::passed);
    check.tls->days = 31;
    EXPECT_EQ(look(check).outcome, RunOutcome::failed);
    EXPECT_THAT(look(check).message, HasSubstr("CN=server"));
    EXPECT_THAT(look(check).message, HasSubstr("expected 31 days or more"));
    check.tls->days.reset();
    now_ += 29 * 24h;
    EXPECT_THAT(look(check).message, HasSubstr("ends in 1 day, at"));
    now_ += 11 * 24h;
    EXPECT_EQ(look(check).outcome, RunOutcome::failed);
    EXPECT_THAT(look(check).message, HasSubstr("ended"));
}

TEST_F(TlsCheck, refuses_a_certificate_that_has_ended) {
    const TlsServer server(authority_.issue(names, "20210101000000Z"));
    const auto told = look(check_of(server));
    EXPECT_EQ(told.outcome, RunOutcome::failed);
    EXPECT_THAT(told.message, HasSubstr("expired"));
}

TEST_F(TlsCheck, looks_at_the_whole_chain) {
    TestAuthority soon("29981205000000Z");
    soon.write_pem(ca());
    const auto credentials = soon.issue(names, until);
    const TlsServer server(credentials, soon.certificate());
    const auto told = look(check_of(server));
    EXPECT_EQ(told.outcome, RunOutcome::failed);
    EXPECT_THAT(told.message, HasSubstr("Test authority"));
    EXPECT_THAT(told.message, HasSubstr("ends in 4 days"));
}

TEST_F(TlsCheck, refuses_a_chain_without_end) {
    const auto credentials = authority_.issue(names, until);
    const auto* more = authority_.certificate();
    const TlsServer most(credentials, more, limits::smoke_certificates_max - 1);
    EXPECT_EQ(look(check_of(most)).outcome, RunOutcome::passed);
    const TlsServer many(credentials, more, limits::smoke_certificates_max);
    const auto told = look(check_of(many));
    EXPECT_EQ(told.outcome, RunOutcome::failed);
    EXPECT_THAT(told.message, HasSubstr("21 certificates, the limit is 20"));
}

TEST_F(TlsCheck, refuses_what_speaks_no_tls) {
    SmokeCheck check;
    {
        const TlsServer server(authority_.issue(names, until));
        check = check_of(server);
    }
    EXPECT_EQ(look(check).outcome, RunOutcome::failed); // the server is gone
    for (const auto* bad : {"", "host", ":1", "h:", "user@h:1", "h:1/x"}) {
        check.address = bad;
        EXPECT_EQ(look(check).outcome, RunOutcome::not_started) << bad;
    }
    LoopbackServer silent({}); // takes what it gets for a request that has not ended
    check.address = silent.address();
    check.timeout = 200ms;
    EXPECT_EQ(look(check).outcome, RunOutcome::timed_out);
    std::stop_source stop;
    stop.request_stop();
    check.timeout = 10s;
    EXPECT_EQ(check_tls(check, now_, stop.get_token()).outcome, RunOutcome::stopped);
}

TEST_F(TlsCheck, says_plainly_that_a_server_speaks_no_tls) {
    const LoopbackPort port;
    port.listen();
    std::thread plain([&port] {
        const auto connection = port.accept();
        char hello[4096];
        ASSERT_GT(::recv(connection.get(), hello, sizeof hello, 0), 0);
        const auto answer = http_answer("400 Bad Request", "");
        (void)::send(connection.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
        // Until the other side has read it and goes.
        (void)::recv(connection.get(), hello, sizeof hello, 0);
    });
    SmokeCheck check;
    check.address = port.address();
    check.timeout = 10s;
    const auto told = look(check);
    plain.join();
    EXPECT_EQ(told.outcome, RunOutcome::failed);
    EXPECT_EQ(told.message, "the server does not speak TLS there");
}

} // namespace
} // namespace slipway::runner
