// SPDX-License-Identifier: Apache-2.0
// What slipway probe does when the server does not want it, or is not there.
#include "cli_fixture.hpp"

namespace slipway::test {

namespace {

class ProbeTest : public CliTest {
  protected:
    ProbeTest() {
        local.check_runner = [this](const std::string& data) {
            folders.push_back(data);
            return [](const domain::SmokeCheck&, const app::RingSetting&, std::stop_token) {
                return domain::CheckResult{};
            };
        };
    }

    void refuse() {
        server.answer(
            409,
            R"({"title":"A gate or a rule refuses this","status":409,"code":"blocked",)"
            R"("detail":"this probe does not count as the outside","reasons":[{"gate":)"
            R"("smoke-production","field":"inside_networks","message":"the probe is inside",)"
            R"("evidence":"the server sees it at \"10.1.2.3\", which lies in 10.0.0.0/8",)"
            R"("remedy":"Start the probe outside"}]})",
            "application/problem+json"
        );
    }

    std::vector<std::string> folders;
};

TEST_F(ProbeTest, AProbeNeedsANameThatCanStandInAReport) {
    EXPECT_EQ(run({"probe"}), 64);
    EXPECT_EQ(run({"probe", "--name", "from berlin"}), 64);
    EXPECT_NE(err.str().find("name"), std::string::npos);
    EXPECT_TRUE(server.seen().empty());
}

TEST_F(ProbeTest, AProbeInsideEndsWithTheReason) {
    refuse();
    EXPECT_EQ(run({"probe", "--name", "office", "--data", "/srv/probe"}), 6);
    EXPECT_NE(err.str().find("which lies in 10.0.0.0/8"), std::string::npos) << err.str();
    EXPECT_NE(err.str().find("Start the probe outside"), std::string::npos) << err.str();
    EXPECT_EQ(server.seen().at(0).target, "/api/v1/probe/work?name=office");
    EXPECT_EQ(server.seen().at(0).headers.at("authorization"), "Bearer secret");
    EXPECT_EQ(folders, std::vector<std::string>{"/srv/probe"});
    EXPECT_TRUE(waits.empty());
}

TEST_F(ProbeTest, AProbeDialsAgainMoreAndMoreSlowlyUntilItIsWelcome) {
    server.lose_connection();
    server.answer(503, R"({"status":503,"code":"unavailable","detail":"no room"})");
    server.answer(503, R"({"status":503,"code":"unavailable","detail":"no room"})");
    server.answer(
        200, "event: welcome\ndata: {\"name\":\"berlin\",\"address\":\"203.0.113.7\"}\n\n",
        "text/event-stream"
    );
    refuse();
    EXPECT_EQ(run({"probe", "--name", "berlin"}), 6);
    using namespace std::chrono_literals;
    EXPECT_EQ(waits, (std::vector<Span>{1s, 2s, 4s, 1s}));
    EXPECT_NE(out.str().find("which sees it at 203.0.113.7"), std::string::npos) << out.str();
    EXPECT_NE(out.str().find("dialling again in 4s"), std::string::npos) << out.str();
}

TEST_F(ProbeTest, ProbesAreListed) {
    server.answer(
        200, R"({"items":[{"name":"berlin","address":"203.0.113.7","person":"outpost",)"
             R"("since":"2026-11-22T19:00:00.000Z","change":"CHG-3"}],"next":""})"
    );
    EXPECT_EQ(run({"run", "probes"}), 0);
    EXPECT_NE(out.str().find("berlin"), std::string::npos);
    EXPECT_NE(out.str().find("CHG-3"), std::string::npos);
    EXPECT_EQ(server.seen().at(0).target.substr(0, 14), "/api/v1/probes");
}

} // namespace

} // namespace slipway::test
