// SPDX-License-Identifier: Apache-2.0
#include "app/probes/probes.hpp"

#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::app {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

const TenantId acme("acme");
const PersonId outpost("outpost");
constexpr auto outside = "203.0.113.7";

std::vector<domain::SmokeCheck> smoke_list() {
    domain::SmokeCheck page;
    page.name = "page";
    page.url = "${SITE}/";
    page.timeout = 5s;
    page.outside = true;
    page.patience = domain::SmokePatience{2, 3s, 10s};
    auto login = page;
    login.name = "login";
    login.patience.reset();
    auto port = login;
    port.name = "port";
    port.address = "${INSIDE}:1";
    port.outside = false;
    return {page, login, port};
}

domain::CheckResult passed(const std::string& name) {
    domain::CheckResult result;
    result.name = name;
    return result;
}

class ProbesTest : public testing::Test {
  protected:
    Probes::Parts parts() {
        return {
            clock,
            random,
            [this](const TenantId&) { return Result<domain::OrganisationRecord>(organisation); },
            false,
            patience,
            slack};
    }

    std::shared_ptr<Probes::Line>
    dial(const std::string& name, const std::string& address = outside) {
        auto line = probes->dial_in(acme, outpost, name, address);
        EXPECT_TRUE(line) << line.error().message;
        return line ? *line : nullptr;
    }

    // Somebody asks for the outside view, on a thread of his own.
    std::future<OutsideView> asks() {
        return std::async(std::launch::async, [this] {
            auto work = make_probe_work(smoke_list(), {{"SITE", "http://x"}, {"INSIDE", "y"}});
            work.change = "CHG-1";
            return probes->ask(acme, std::move(work), stop.get_token());
        });
    }

    // The work once it has come; what asks for it runs on another thread.
    ProbeWork work_of(const std::shared_ptr<Probes::Line>& line) {
        for (;;) {
            const auto work = probes->next_work(*line);
            EXPECT_TRUE(work);
            if (!work)
                return {};
            if (*work)
                return **work;
            std::this_thread::yield();
        }
    }

    Result<void> reports(const ProbeWork& work, const std::string& address = outside) {
        return probes->report(
            acme, outpost, address, {work.id, work.list, {passed("login"), passed("page")}}
        );
    }

    FixedClock clock{*time_from_text("2026-11-22T20:00:00Z")};
    SystemRandom random;
    domain::OrganisationRecord organisation{"Acme", "UTC", {}, {}, {"10.0.0.0/8"}};
    Span patience = 1h;
    Span slack = 1h;
    std::stop_source stop;
    std::unique_ptr<Probes> probes = std::make_unique<Probes>(parts());
};

TEST_F(ProbesTest, a_probe_inside_is_refused_with_the_reason) {
    const auto line = probes->dial_in(acme, outpost, "office", "10.1.2.3");
    ASSERT_FALSE(line);
    EXPECT_EQ(line.error().code, ErrorCode::blocked);
    EXPECT_THAT(line.error().reasons.at(0).evidence, HasSubstr("lies in 10.0.0.0/8"));
    EXPECT_TRUE(probes->list(acme).empty());
}

TEST_F(ProbesTest, what_is_reported_from_inside_does_not_count) {
    const auto line = dial("berlin");
    auto view = asks();
    const auto work = work_of(line);
    EXPECT_EQ(reports(work, "10.1.2.3").error().code, ErrorCode::blocked);
    // The networks may be declared meanwhile.
    organisation.inside_networks.push_back("203.0.113.0/24");
    EXPECT_EQ(reports(work).error().code, ErrorCode::blocked);
    organisation.inside_networks.pop_back();
    EXPECT_TRUE(reports(work));
    EXPECT_EQ(view.get().seen_from, "berlin at 203.0.113.7");
}

TEST_F(ProbesTest, only_who_was_given_the_work_reports_it_and_once) {
    const auto line = dial("berlin");
    auto view = asks();
    auto work = work_of(line);
    const ProbeReport whole{work.id, work.list, {passed("login"), passed("page")}};
    const auto code = [&](const TenantId& tenant, const PersonId& person,
                          const ProbeReport& report) {
        const auto told = probes->report(tenant, person, outside, report);
        return told ? std::nullopt : std::optional(told.error().code);
    };
    EXPECT_EQ(code(TenantId("other"), outpost, whole), ErrorCode::not_found);
    EXPECT_EQ(code(acme, PersonId("mallory"), whole), ErrorCode::not_found);
    EXPECT_EQ(code(acme, outpost, {"guess", work.list, whole.results}), ErrorCode::not_found);
    EXPECT_EQ(code(acme, outpost, {work.id, sha256("other"), whole.results}), ErrorCode::blocked);
    EXPECT_EQ(code(acme, outpost, {work.id, work.list, {}}), ErrorCode::invalid_input);
    EXPECT_EQ(
        code(acme, outpost, {work.id, work.list, {passed("page")}}), ErrorCode::invalid_input
    );
    EXPECT_EQ(
        code(acme, outpost, {work.id, work.list, {passed("page"), passed("page")}}),
        ErrorCode::invalid_input
    );
    EXPECT_EQ(
        code(
            acme, outpost, {work.id, work.list, {passed("page"), passed("login"), passed("port")}}
        ),
        ErrorCode::invalid_input
    );
    EXPECT_EQ(code(acme, outpost, whole), std::nullopt);
    EXPECT_EQ(code(acme, outpost, whole), ErrorCode::not_found);
    EXPECT_EQ(view.get().results.size(), 2);
}

TEST_F(ProbesTest, no_more_dial_in_than_may) {
    std::vector<std::shared_ptr<Probes::Line>> lines;
    for (std::size_t i = 0; i < limits::probes_max; ++i)
        lines.push_back(dial(fmt::format("p{}", i)));
    const auto more = probes->dial_in(acme, outpost, "more", outside);
    ASSERT_FALSE(more);
    EXPECT_EQ(more.error().code, ErrorCode::limit_exceeded);
    EXPECT_TRUE(probes->dial_in(TenantId("other"), outpost, "theirs", outside));
    lines.pop_back();
    EXPECT_NE(dial("again"), nullptr);
}

TEST_F(ProbesTest, nobody_waits_for_ever_for_a_probe) {
    patience = 5ms;
    probes = std::make_unique<Probes>(parts());
    auto view = asks().get();
    EXPECT_TRUE(view.results.empty());
    EXPECT_EQ(
        view.not_outside, "no probe has dialled in within 5ms; start one outside with slipway probe"
    );
    // One that is there but takes nothing, as a dead one whose connection is not found out yet.
    const auto line = dial("berlin");
    EXPECT_THAT(asks().get().not_outside, HasSubstr("none of the 1 probes"));
    // Whoever belongs to another tenant is of no use.
    const auto theirs = probes->dial_in(TenantId("other"), outpost, "theirs", outside);
    EXPECT_FALSE((*probes->next_work(**theirs)).has_value());
}

TEST_F(ProbesTest, the_work_says_what_is_needed_and_no_more) {
    const auto line = dial("berlin");
    auto view = asks();
    const auto work = work_of(line);
    EXPECT_EQ(work.list, domain::smoke_list_digest(smoke_list()));
    EXPECT_EQ(domain::smoke_list_digest(work.checks), work.list);
    EXPECT_EQ(work.variables, (domain::Variables{{"SITE", "http://x"}}));
    EXPECT_GE(work.id.size(), 32);
    // settle, three tries, two pauses; one try of the other.
    EXPECT_EQ(longest_time(work.checks), Span(10s + 3 * 5s + 2 * 3s + 5s));
    EXPECT_EQ(probes->list(acme).at(0).change, "CHG-1");
    EXPECT_TRUE(probes->is_busy(*line));
    EXPECT_FALSE(probes->next_work(*line)->has_value()); // one thing at a time
    EXPECT_TRUE(reports(work));
    EXPECT_FALSE(probes->is_busy(*line));
    EXPECT_EQ(view.get().results.at(0).name, "login");
}

TEST_F(ProbesTest, several_probes_share_the_work) {
    const auto berlin = dial("berlin");
    const auto oslo = dial("oslo", "198.51.100.9");
    auto first = asks();
    const auto one = work_of(berlin);
    auto second = asks();
    const auto other = work_of(oslo);
    EXPECT_NE(one.id, other.id);
    EXPECT_TRUE(reports(other, "198.51.100.9"));
    EXPECT_TRUE(reports(one));
    EXPECT_EQ(first.get().seen_from, "berlin at 203.0.113.7");
    EXPECT_EQ(second.get().seen_from, "oslo at 198.51.100.9");
}

TEST_F(ProbesTest, another_takes_over_from_one_that_dies) {
    auto berlin = dial("berlin");
    auto view = asks();
    const auto lost = work_of(berlin);
    berlin.reset();
    const auto oslo = dial("oslo");
    const auto work = work_of(oslo);
    EXPECT_EQ(work.id, lost.id);
    EXPECT_TRUE(reports(work));
    EXPECT_EQ(view.get().seen_from, "oslo at 203.0.113.7");
}

TEST_F(ProbesTest, probes_that_die_one_after_the_other_come_to_nothing) {
    auto view = asks();
    for (int i = 0; i <= limits::probe_losses_max; ++i) {
        auto line = dial(fmt::format("p{}", i));
        work_of(line);
    }
    const auto seen = view.get();
    EXPECT_TRUE(seen.results.empty());
    EXPECT_EQ(
        seen.not_outside,
        "3 probes came to nothing; the probe p2 at 203.0.113.7 went away before it reported"
    );
}

TEST_F(ProbesTest, one_that_is_late_loses_its_work_and_must_dial_in_again) {
    slack = -Span(36s) + 1ms; // beyond the longest time of the checks
    patience = 50ms;
    probes = std::make_unique<Probes>(parts());
    const auto line = dial("berlin");
    auto view = asks();
    const auto work = work_of(line);
    const auto seen = view.get();
    EXPECT_THAT(seen.not_outside, HasSubstr("berlin at 203.0.113.7 did not report in time"));
    EXPECT_FALSE(probes->next_work(*line));
    EXPECT_EQ(reports(work).error().code, ErrorCode::not_found);
}

TEST_F(ProbesTest, a_server_that_ends_does_not_wait) {
    auto view = asks();
    stop.request_stop();
    EXPECT_THAT(view.get().not_outside, HasSubstr("the server ended"));
    const auto line = dial("berlin");
    EXPECT_FALSE(probes->next_work(*line)->has_value());
}

TEST_F(ProbesTest, who_may_have_work_is_told) {
    std::atomic<int> told{0};
    probes->on_work([&] { ++told; });
    const auto line = dial("berlin");
    auto view = asks();
    const auto work = work_of(line);
    EXPECT_EQ(told, 1);
    EXPECT_TRUE(reports(work));
    view.get();
    probes->on_work({});
}

} // namespace
} // namespace slipway::app
