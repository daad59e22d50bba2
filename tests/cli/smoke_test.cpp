// SPDX-License-Identifier: Apache-2.0
// slipway change smoke: the reports of a change, for people and for pipelines.
#include "cli_fixture.hpp"

namespace slipway::test {
namespace {

const std::string record =
    R"({"id":"CHG-1","smoke_reports":[)"
    R"({"id":"smoke-1","ring":"staging","occasion":"staging",)"
    R"("at":"2026-11-22T18:00:00.000Z","source":"runner",)"
    R"("results":[{"name":"page","passed":true,"detail":"the answer was 200","took_ms":12,)"
    R"("tries":3},{"name":"port","detail":"refused","took_ms":1,"outside":true}]},)"
    R"({"id":"smoke-2","ring":"prod","occasion":"production",)"
    R"("at":"2026-11-22T19:00:00.000Z","source":"junit","by":"anna",)"
    R"("results":[{"name":"page","passed":true,"took_ms":7}],"silent_agents":["web-1"]}]})";

TEST_F(CliTest, ASmokeReportThatIsNotThereIsNotFound) {
    server.answer(200, R"({"id":"CHG-1"})");
    EXPECT_EQ(run({"change", "smoke", "CHG-1"}), 3);
    server.answer(200, record);
    EXPECT_EQ(run({"change", "smoke", "CHG-1", "--report", "smoke-9"}), 3);
    server.answer(200, record);
    EXPECT_EQ(run({"change", "smoke", "CHG-1", "--occasion", "rollback", "--junit"}), 3);
    EXPECT_EQ(out.str(), "");
    EXPECT_EQ(run({"change", "smoke", "CHG-1", "--occasion", "party"}), 64);
    server.answer(200, R"({"smoke_reports":[{"results":7}]})");
    EXPECT_EQ(run({"change", "smoke", "CHG-1"}), 70);
}

TEST_F(CliTest, ASmokeReportIsShownCheckByCheck) {
    server.answer(200, record);
    EXPECT_EQ(run({"change", "smoke", "CHG-1", "--report", "smoke-1"}), 0);
    EXPECT_EQ(
        out.str(),
        "smoke-1 staging on staging, 2026-11-22 18:00:00 UTC, list 000000000000, run by Slipway\n"
        "CHECK  RESULT  TOOK  TRIES  FROM     DETAIL\n"
        "page   passed  12ms  3               the answer was 200\n"
        "port   failed  1ms          outside  refused\n"
    );
    auto of_run = record;
    of_run.insert(
        of_run.find(R"("source":"runner")"), R"("run":"run-4","began":"2026-11-22T17:58:30.000Z",)"
    );
    server.answer(200, of_run);
    EXPECT_EQ(run({"change", "smoke", "CHG-1", "--report", "smoke-1"}), 0);
    EXPECT_NE(
        out.str().find("smoke-1 staging of run-4 on staging, 2026-11-22 17:58:30 to "
                       "2026-11-22 18:00:00 UTC, list"),
        std::string::npos
    ) << out.str();
    server.answer(200, record); // the last one when nothing else is asked for
    EXPECT_EQ(run({"change", "smoke", "CHG-1"}), 0);
    EXPECT_NE(out.str().find("smoke-2 production on prod"), std::string::npos);
    EXPECT_NE(out.str().find("JUnit XML handed in by anna\n"), std::string::npos) << out.str();
    EXPECT_NE(out.str().find("the monitoring agent web-1 is silent"), std::string::npos);
    server.answer(200, record);
    EXPECT_EQ(run({"change", "smoke", "CHG-1", "--json"}), 0);
    EXPECT_TRUE(out.str().starts_with(R"({"id":"smoke-2")")) << out.str();
}

TEST_F(CliTest, ASmokeReportOfAPersonSaysSo) {
    server.answer(
        200, R"({"smoke_reports":[{"id":"smoke-1","ring":"prod","occasion":"production",)"
             R"("at":"2026-11-22T19:00:00.000Z","source":"person","by":"anna",)"
             R"("results":[{"name":"page","passed":true,"took_ms":7}]}]})"
    );
    EXPECT_EQ(run({"change", "smoke", "CHG-1"}), 0);
    EXPECT_NE(out.str().find("reported by anna\n"), std::string::npos) << out.str();
}

TEST_F(CliTest, ASmokeReportIsJunitForAPipeline) {
    server.answer(200, record);
    EXPECT_EQ(run({"change", "smoke", "CHG-1", "--occasion", "staging", "--junit"}), 0);
    EXPECT_TRUE(out.str().starts_with("<?xml version=\"1.0\"")) << out.str();
    EXPECT_NE(out.str().find("tests=\"2\" failures=\"1\""), std::string::npos) << out.str();
    EXPECT_NE(out.str().find("<failure message=\"refused\"/>"), std::string::npos);
}

TEST_F(CliTest, ASmokeReportSaysWhichProbeSawItOrWhyNoneDid) {
    server.answer(
        200, R"({"id":"CHG-1","smoke_reports":[{"id":"smoke-1","ring":"prod",)"
             R"("occasion":"production","at":"2026-11-22T19:00:00.000Z","results":[)"
             R"({"name":"page","passed":true,"outside":true,"took_ms":7,)"
             R"("seen_from":"berlin at 203.0.113.7"}],)"
             R"("not_outside":"no probe has dialled in within 1m"}]})"
    );
    EXPECT_EQ(run({"change", "smoke", "CHG-1"}), 0);
    EXPECT_NE(out.str().find("berlin at 203.0.113.7"), std::string::npos) << out.str();
    EXPECT_NE(
        out.str().find("nobody looked from the outside: no probe has dialled in within 1m"),
        std::string::npos
    ) << out.str();
}

} // namespace
} // namespace slipway::test
