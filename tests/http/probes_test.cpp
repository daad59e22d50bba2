// SPDX-License-Identifier: Apache-2.0
// Probes on the wire: who may dial in, from where, and what becomes of one that goes away.
#include <future>

#include "base/codec.hpp"
#include "domain/identity/roles.hpp"
#include "server_fixture.hpp"

namespace slipway::test {

namespace {

using namespace std::chrono_literals;

class ProbeServing : public ServerTest {
  protected:
    void start_probes() {
        probes.on_work([this] { listener->wake_streams(); });
    }

    void TearDown() override {
        probes.on_work({});
        ServerTest::TearDown();
    }

    std::unique_ptr<Client> dial(const std::string& name) {
        auto c = client();
        c->send(fmt::format(
            "GET /api/v1/probe/work?name={} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
            "{}\r\n\r\n",
            name, session("probe")
        ));
        c->receive_until("event: welcome\n");
        return c;
    }

    std::future<app::OutsideView> asks() {
        return std::async(std::launch::async, [this] {
            domain::SmokeCheck page;
            page.name = "page";
            page.url = "http://x/";
            page.timeout = 5s;
            page.outside = true;
            return probes.ask(TenantId("main"), app::make_probe_work({page}, {}), {});
        });
    }

    static app::ProbeWork work_of(Client& c) {
        c.receive_until("event: work\ndata: ");
        auto json = c.receive_until("\n");
        const auto work = restore<app::ProbeWork>(std::string_view(json));
        EXPECT_TRUE(work);
        return work ? *work : app::ProbeWork{};
    }

    static std::string report_of(const app::ProbeWork& work) {
        domain::CheckResult result;
        result.name = "page";
        return encode(app::ProbeReport{work.id, work.list, {result}});
    }
};

TEST_F(ProbeServing, nobody_but_a_probe_dials_in_and_a_probe_does_nothing_else) {
    for (const auto role : domain::enum_names(domain::Role{})) {
        if (role == "probe")
            continue;
        auto c = client(std::string(role));
        EXPECT_EQ(c->request("GET", "/api/v1/probe/work?name=a").status, 403) << role;
        EXPECT_EQ(c->request("POST", "/api/v1/probe/report", "{}").status, 403) << role;
    }
    auto probe = client("probe");
    for (const auto* target :
         {"/api/v1/changes", "/api/v1/probes", "/api/v1/events/stream", "/api/v1/changes/CHG-1"})
        EXPECT_EQ(probe->request("GET", target).status, 403) << target;
    EXPECT_EQ(probe->request("POST", "/api/v1/changes", R"({"title":"x"})").status, 403);
    EXPECT_EQ(client()->request("GET", "/api/v1/probe/work?name=a").status, 401);
    EXPECT_EQ(probe->request("GET", "/api/v1/probe/work").status, 400);
    EXPECT_EQ(probe->request("GET", "/api/v1/probe/work?name=a%20b").status, 400);
    EXPECT_EQ(probe->request("POST", "/api/v1/probe/report", "{}").status, 400);
}

TEST_F(ProbeServing, where_a_probe_is_the_server_judges_by_the_address_that_it_sees) {
    organisation.inside_networks = {"127.0.0.0/8"};
    auto probe = client("probe");
    const auto refused = probe->request(
        "GET", "/api/v1/probe/work?name=berlin", {},
        "X-Forwarded-For: 203.0.113.7\r\nForwarded: for=203.0.113.7\r\n"
    );
    EXPECT_EQ(refused.status, 409);
    EXPECT_NE(refused.body.find("which lies in 127.0.0.0/8"), std::string::npos) << refused.body;
    EXPECT_EQ(
        probe
            ->request(
                "POST", "/api/v1/probe/report",
                encode(app::ProbeReport{"x", sha256("x"), {domain::CheckResult{}}})
            )
            .status,
        400
    );
    organisation.inside_networks.clear();
    EXPECT_EQ(probe->request("GET", "/api/v1/probe/work?name=berlin").status, 409);
    EXPECT_TRUE(probes.list(TenantId("main")).empty());
}

TEST_F(ProbeServing, a_probe_is_given_work_and_reports_it) {
    start_probes();
    auto stream = dial("berlin");
    auto view = asks();
    const auto work = work_of(*stream);
    EXPECT_EQ(work.checks.at(0).name, "page");
    const auto listed = client("viewer")->request("GET", "/api/v1/probes");
    EXPECT_NE(listed.body.find(R"("name":"berlin")"), std::string::npos) << listed.body;
    auto probe = client("probe");
    auto other = work;
    other.list = sha256("another list");
    EXPECT_EQ(probe->request("POST", "/api/v1/probe/report", report_of(other)).status, 409);
    EXPECT_EQ(
        probe
            ->request(
                "POST", "/api/v1/probe/report", encode(app::ProbeReport{work.id, work.list, {}})
            )
            .status,
        400
    );
    // What comes from inside does not count, whenever that is found out.
    organisation.inside_networks = {"127.0.0.1"};
    EXPECT_EQ(probe->request("POST", "/api/v1/probe/report", report_of(work)).status, 409);
    organisation.inside_networks = {"10.0.0.0/8"};
    EXPECT_EQ(probe->request("POST", "/api/v1/probe/report", report_of(work)).status, 204);
    EXPECT_EQ(probe->request("POST", "/api/v1/probe/report", report_of(work)).status, 404);
    EXPECT_EQ(view.get().seen_from, "berlin at 127.0.0.1");
}

TEST_F(ProbeServing, another_probe_takes_over_when_the_connection_of_one_ends) {
    start_probes();
    auto berlin = dial("berlin");
    auto view = asks();
    const auto lost = work_of(*berlin);
    auto oslo = dial("oslo");
    berlin.reset();
    const auto work = work_of(*oslo); // as soon as writing to the dead connection fails
    EXPECT_EQ(work.id, lost.id);
    EXPECT_EQ(
        client("probe")->request("POST", "/api/v1/probe/report", report_of(work)).status, 204
    );
    EXPECT_EQ(view.get().seen_from, "oslo at 127.0.0.1");
}

} // namespace

} // namespace slipway::test
