// SPDX-License-Identifier: Apache-2.0
#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/dns_query.hpp"
#include "runner/dns_responder.hpp"

namespace slipway::runner {
namespace {

using namespace std::chrono_literals;
using domain::DnsDemands;
using domain::DnsType;
using domain::RunOutcome;
using domain::SmokeCheck;
using testing::HasSubstr;

const std::string one("\xc0\x00\x02\x01", 4); // 192.0.2.1
const std::string two("\xc0\x00\x02\x02", 4);
const std::string six("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16);

std::string text(const std::string& part) {
    return static_cast<char>(part.size()) + part;
}

std::string key(const std::string& name, ns_type type) {
    return name + " " + std::to_string(static_cast<int>(type));
}

std::map<std::string, DnsSays> table() {
    return {
        {key("two.test", ns_t_a), {{{ns_t_a, one}, {ns_t_a, two}}}},
        {key("alias.test", ns_t_a),
         {{{ns_t_cname, dns_name("Two.test")}, {ns_t_a, one, "two.test"}}}},
        {key("far.test", ns_t_a),
         {{{ns_t_a, one, "two.test"},
           {ns_t_cname, dns_name("two.test"), "ALIAS.test"},
           {ns_t_cname, dns_name("alias.test")},
           {ns_t_a, two, "other.test"}}}},
        {key("loop.test", ns_t_a),
         {{{ns_t_cname, dns_name("alias.test")},
           {ns_t_cname, dns_name("loop.test"), "alias.test"},
           {ns_t_a, one, "two.test"}}}},
        {key("foreign.test", ns_t_a), {{{ns_t_a, one, "two.test"}}}},
        {key("foreign.test", ns_t_cname), {{{ns_t_cname, dns_name("x.test"), "two.test"}}}},
        {key("alias.test", ns_t_cname), {{{ns_t_cname, dns_name("Two.test")}}}},
        {key("six.test", ns_t_aaaa), {{{ns_t_aaaa, six}}}},
        {key("mail.test", ns_t_mx), {{{ns_t_mx, std::string("\0\x0a", 2) + dns_name("mx.test")}}}},
        {key("text.test", ns_t_txt), {{{ns_t_txt, text("v=spf1 ") + text("-all")}}}},
        {key("none.test", ns_t_a), {{}, 3}},
        {key("empty.test", ns_t_a), {}},
        {key("refused.test", ns_t_a), {{}, 5}},
        {key("large.test", ns_t_a), {{{ns_t_a, one}}, 0, true}},
        {key("stray.test", ns_t_a), {{{ns_t_a, one}}, 0, false, true}},
        {key("garbage.test", ns_t_a), {{{ns_t_a, one}}, 0, false, false, true}},
        {key("lost.test", ns_t_a), {{{ns_t_a, one}}, 0, false, false, false, true}},
        {key("short.test", ns_t_a), {{{ns_t_a, one.substr(0, 3)}}}},
        {key("short.test", ns_t_txt), {{{ns_t_txt, std::string("\x05xx", 3)}}}},
    };
}

class DnsCheck : public testing::Test {
  protected:
    CheckAnswer look(DnsDemands demands, Span timeout = 10s, std::stop_token stop = {}) {
        if (demands.server.empty())
            demands.server = responder_.address();
        SmokeCheck check;
        check.name = "name";
        check.kind = domain::SmokeKind::dns;
        check.timeout = timeout;
        check.dns = std::move(demands);
        return check_dns(check, stop);
    }

    CheckAnswer look(const std::string& name, DnsType type = DnsType::A) {
        DnsDemands demands;
        demands.name = name;
        demands.type = type;
        return look(std::move(demands));
    }

    RunOutcome outcome(
        const std::string& name, DnsType type, std::vector<std::string> has,
        std::vector<std::string> exactly = {}, std::vector<std::string> one_of = {}
    ) {
        return look(DnsDemands{
                        name, type, {}, std::move(has), std::move(exactly), std::move(one_of)})
            .outcome;
    }

    DnsResponder responder_{table()};
};

TEST_F(DnsCheck, says_what_kind_of_nothing_it_got) {
    EXPECT_EQ(look("none.test").outcome, RunOutcome::failed);
    EXPECT_THAT(look("none.test").message, HasSubstr("NXDOMAIN"));
    EXPECT_THAT(look("refused.test").message, HasSubstr("REFUSED"));
    EXPECT_EQ(look("empty.test").outcome, RunOutcome::failed);
    EXPECT_THAT(look("empty.test").message, HasSubstr("there is no record"));
    EXPECT_EQ(look("short.test").outcome, RunOutcome::failed);
    EXPECT_THAT(look("short.test").message, HasSubstr("malformed"));
    EXPECT_EQ(look("short.test", DnsType::TXT).outcome, RunOutcome::failed);
}

TEST_F(DnsCheck, refuses_names_and_servers_that_are_none) {
    const std::vector<std::string> names{
        "", ".", "a..b", std::string(64, 'x') + ".test", std::string(300, 'x')};
    for (const auto& bad : names)
        EXPECT_EQ(look(bad).outcome, RunOutcome::not_started) << bad;
    for (const auto* bad : {"localhost", "127.0.0.1:0", "127.0.0.1:x", "[::1", "127.0.0.1:70000"}) {
        DnsDemands demands;
        demands.name = "two.test";
        demands.server = bad;
        EXPECT_EQ(look(demands).outcome, RunOutcome::not_started) << bad;
    }
}

TEST_F(DnsCheck, waits_no_longer_than_its_time) {
    DnsDemands silent;
    silent.name = "silent.test";
    const auto told = look(silent, 200ms);
    EXPECT_EQ(told.outcome, RunOutcome::timed_out);
    EXPECT_THAT(told.message, HasSubstr("200ms"));
    DnsDemands garbage; // what cannot be read is no answer
    garbage.name = "garbage.test";
    EXPECT_EQ(look(garbage, 200ms).outcome, RunOutcome::timed_out);
    std::stop_source stop;
    stop.request_stop();
    EXPECT_EQ(look(silent, 10s, stop.get_token()).outcome, RunOutcome::stopped);
}

TEST_F(DnsCheck, asks_again_when_a_datagram_is_lost) {
    EXPECT_EQ(outcome("lost.test", DnsType::A, {}, {"192.0.2.1"}), RunOutcome::passed);
}

TEST_F(DnsCheck, says_when_nobody_listens) {
    DnsDemands demands;
    demands.name = "two.test";
    {
        const DnsResponder gone({});
        demands.server = gone.address();
    }
    const auto told = look(demands);
    EXPECT_EQ(told.outcome, RunOutcome::failed);
    EXPECT_THAT(told.message, HasSubstr("refused"));
}

TEST_F(DnsCheck, compares_records) {
    using enum RunOutcome;
    EXPECT_EQ(outcome("two.test", DnsType::A, {}), passed);
    EXPECT_EQ(outcome("two.test", DnsType::A, {"192.0.2.1"}), passed);
    EXPECT_EQ(outcome("two.test", DnsType::A, {"192.0.2.1", "192.0.2.3"}), unexpected_output);
    EXPECT_EQ(outcome("two.test", DnsType::A, {}, {"192.0.2.2", "192.0.2.1"}), passed);
    EXPECT_EQ(outcome("two.test", DnsType::A, {}, {"192.0.2.1"}), unexpected_output);
    EXPECT_EQ(
        outcome("two.test", DnsType::A, {}, {"192.0.2.1", "192.0.2.2", "192.0.2.3"}),
        unexpected_output
    );
    EXPECT_EQ(
        outcome("two.test", DnsType::A, {}, {}, {"192.0.2.1", "192.0.2.2", "192.0.2.3"}), passed
    );
    EXPECT_EQ(outcome("two.test", DnsType::A, {}, {}, {"192.0.2.1"}), unexpected_output);
    EXPECT_EQ(
        look(DnsDemands{"two.test", DnsType::A, {}, {"192.0.2.3"}, {}, {}}).message,
        "\"two.test\" A is \"192.0.2.1\", \"192.0.2.2\", expected at least \"192.0.2.3\""
    );
}

TEST_F(DnsCheck, knows_each_type) {
    using enum RunOutcome;
    EXPECT_EQ(outcome("alias.test", DnsType::A, {}, {"192.0.2.1"}), passed);
    EXPECT_EQ(outcome("alias.test", DnsType::CNAME, {}, {"TWO.test."}), passed);
    EXPECT_EQ(outcome("six.test", DnsType::AAAA, {}, {"2001:DB8:0::1"}), passed);
    EXPECT_EQ(outcome("mail.test", DnsType::MX, {}, {"10 MX.test."}), passed);
    EXPECT_EQ(outcome("mail.test", DnsType::MX, {}, {"20 mx.test"}), unexpected_output);
    EXPECT_EQ(outcome("text.test", DnsType::TXT, {}, {"v=spf1 -all"}), passed);
}

// Any record of the type counted, whosever it was.
TEST_F(DnsCheck, a_record_of_another_name_is_no_answer) {
    EXPECT_EQ(outcome("far.test", DnsType::A, {}, {"192.0.2.1"}), RunOutcome::passed);
    for (const auto* name : {"foreign.test", "loop.test"}) {
        EXPECT_EQ(look(name).outcome, RunOutcome::failed) << name;
        EXPECT_THAT(look(name).message, HasSubstr("there is no record")) << name;
    }
    EXPECT_EQ(look("foreign.test", DnsType::CNAME).outcome, RunOutcome::failed);
}

TEST_F(DnsCheck, comes_again_over_tcp) {
    EXPECT_EQ(outcome("large.test", DnsType::A, {}, {"192.0.2.1"}), RunOutcome::passed);
}

TEST_F(DnsCheck, refuses_more_records_than_its_limit) {
    DnsDemands demands;
    demands.name = "many.test";
    const auto with = [&](std::size_t count) {
        DnsSays says;
        says.records.assign(count, {ns_t_a, one});
        says.truncated = true; // more than a datagram holds
        const DnsResponder responder({{key("many.test", ns_t_a), says}});
        demands.server = responder.address();
        return look(demands);
    };
    EXPECT_EQ(with(limits::smoke_answers_max).outcome, RunOutcome::passed);
    EXPECT_EQ(with(limits::smoke_answers_max + 1).outcome, RunOutcome::failed);
    EXPECT_THAT(with(limits::smoke_answers_max + 1).message, HasSubstr("more than 100 records"));
}

TEST_F(DnsCheck, passes_over_answers_to_other_questions) {
    EXPECT_EQ(outcome("stray.test", DnsType::A, {}, {"192.0.2.1"}), RunOutcome::passed);
}

} // namespace
} // namespace slipway::runner
