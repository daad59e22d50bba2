// SPDX-License-Identifier: Apache-2.0
// Commands whose report comes later, and what commands say they led to.
#include "base/json.hpp"
#include "base/limits.hpp"
#include "cli_fixture.hpp"

namespace slipway::test {

namespace {

const std::string asked = R"({"id":"CHG-1","version":7,"state":"approved","said":[]})";

std::string page_of(std::string_view type, std::string_view data) {
    return fmt::format(
        R"({{"items":[{{"seq":9,"version":8,"type":"{0}","entry":{{"type":"{0}","data":{1}}}}}]}})",
        type, data
    );
}

std::string smoke(std::string_view source, bool passed) {
    return page_of(
        "smoke_reported",
        fmt::format(
            R"({{"report":{{"occasion":"production","ring":"harbour","source":"{}","results":[)"
            R"({{"name":"front page","passed":true,"detail":"200"}},)"
            R"({{"name":"login","passed":{},"detail":"the answer was 502"}}]}}}})",
            source, passed
        )
    );
}

TEST_F(CliTest, ASmokeReportIsWaitedForAndItsVerdictIsTheExitCode) {
    for (const bool good : {true, false}) {
        server.answer(200, asked);
        server.answer(200, R"({"items":[]})");
        server.answer(200, smoke("junit", true)); // handed in by a person meanwhile
        server.answer(503, R"({"code":"unavailable","detail":"starting"})");
        server.answer(200, smoke("runner", good));
        EXPECT_EQ(
            run({"change", "run_smoke", "CHG-1", "--occasion", "production", "--wait"}),
            good ? 0 : 6
        );
        const auto said = out.str();
        EXPECT_NE(said.find("checks passed"), std::string::npos) << said;
        EXPECT_NE(
            said.find(good ? "login       passed" : "login       failed  the answer was 502"),
            std::string::npos
        ) << said;
        EXPECT_EQ(err.str(), "waiting for the report of run_smoke of CHG-1\n");
    }
    EXPECT_EQ(
        server.seen().at(1).target,
        fmt::format("/api/v1/changes/CHG-1/events?limit={}&cursor=7", limits::page_size_max)
    );
}

// All that ran had passed, and what customers see nobody had looked at.
TEST_F(CliTest, ASmokeReportWithoutItsOutsideViewIsNotGood) {
    server.answer(200, asked);
    server.answer(
        200,
        page_of(
            "smoke_reported",
            R"({"report":{"source":"runner","occasion":"production","ring":"production",)"
            R"("not_outside":"no probe has dialled in","results":[{"name":"login","passed":true}]}})"
        )
    );
    EXPECT_EQ(run({"change", "run_smoke", "CHG-1", "--occasion", "production", "--wait"}), 6);
    EXPECT_NE(
        out.str().find("nobody looked from the outside: no probe has dialled in"), std::string::npos
    ) << out.str();
}

TEST_F(CliTest, AReportThatDoesNotComeEndsTheWaitWithItsOwnCode) {
    server.answer(200, asked);
    for (int i = 0; i < 4; ++i)
        server.answer(200, R"({"items":[]})");
    EXPECT_EQ(run({"change", "preflight", "CHG-1", "--wait", "--timeout", "3s"}), 8);
    EXPECT_NE(
        err.str().find("the report of preflight of CHG-1 did not come within 3s"), std::string::npos
    ) << err.str();
}

TEST_F(CliTest, ABackupIsGoodWhenItIsVerified) {
    for (const auto* verdict : {"verified", "not_verified"}) {
        server.answer(200, asked);
        const std::string data = fmt::format(
            R"({{"backup":{{"verdict":"{}","proofs":[{{"ci":"db-1","host":"db","restored":true}}]}}}})",
            verdict
        );
        server.answer(200, page_of("backup_recorded", data));
        const bool good = verdict == std::string("verified");
        const std::string gate = R"({"gate":"backup-restorable","verdict":"pass"})";
        if (good)
            server.answer(200, fmt::format(R"({{"gates":[{}]}})", gate));
        EXPECT_EQ(run({"change", "verify_backup", "CHG-1", "--wait", "--json"}), good ? 0 : 6);
        EXPECT_EQ(
            out.str(),
            fmt::format(
                R"({{"type":"backup_recorded","data":{}{}}})", data, good ? ",\"gate\":" + gate : ""
            ) + "\n"
        );
    }
}

// The restore of another host's point was "backups verified", and the exit status said so too.
TEST_F(CliTest, ABackupThatTheGateRefusesIsNotSaidToBeVerified) {
    const auto ask = [&](std::initializer_list<std::string> more) {
        server.answer(200, asked);
        server.answer(
            200,
            page_of(
                "backup_recorded", R"({"backup":{"verdict":"verified","proofs":[{"ci":"berths-db",)"
                                   R"("host":"db-1","restored":true,"point_host":"web-9",)"
                                   R"("point_at":"2026-11-27T06:00:00.000Z"}]}})"
            )
        );
        server.answer(
            200, R"({"gates":[{"gate":"smoke-staging","verdict":"fail","reasons":[]},)"
                 R"({"gate":"backup-restorable","verdict":"fail","reasons":[)"
                 R"({"gate":"backup-restorable","field":"backup.berths-db",)"
                 R"("message":"the backup is of another host",)"
                 R"("evidence":"berths-db is on db-1, the backup is of web-9",)"
                 R"("remedy":"Restore the latest point of berths-db"}]}]})"
        );
        std::vector<std::string> words{"change", "verify_backup", "CHG-1", "--wait"};
        words.insert(words.end(), more);
        return run(words);
    };
    EXPECT_EQ(ask({}), 6);
    EXPECT_EQ(out.str().find("verified"), std::string::npos) << out.str();
    EXPECT_NE(out.str().find("POINT OF"), std::string::npos) << out.str();
    EXPECT_NE(out.str().find("web-9"), std::string::npos) << out.str();
    EXPECT_NE(out.str().find("2026-11-27"), std::string::npos) << out.str();
    EXPECT_NE(err.str().find("the backup is of another host"), std::string::npos) << err.str();
    EXPECT_NE(err.str().find("Restore the latest point"), std::string::npos) << err.str();
    EXPECT_EQ(ask({"--json"}), 6);
    EXPECT_NE(out.str().find(R"("gate":{"gate":"backup-restorable")"), std::string::npos);
}

TEST_F(CliTest, TheFactsOfARingAreWaitedForUntilEachHostHasNewOnes) {
    const auto facts = [](std::string_view first, std::string_view second, std::string_view fault) {
        return fmt::format(
            R"({{"items":[{{"host":"a","role":"web","found":{{"at":"{}","script":"x"}}}},)"
            R"({{"host":"b","role":"db","found":{{"at":"{}","script":"x","fault":"{}"}}}}]}})",
            first, second, fault
        );
    };
    for (const auto* fault : {"", "no route to host"}) {
        server.answer(200, facts("1", "1", ""));
        server.answer(200, R"({"id":"staging"})");
        server.answer(200, facts("2", "1", ""));
        server.answer(200, facts("2", "2", fault));
        const bool good = std::string(fault).empty();
        EXPECT_EQ(run({"ring", "gather", "staging", "--wait"}), good ? 0 : 6);
        EXPECT_EQ(out.str().find("no route to host") == std::string::npos, good) << out.str();
    }
}

TEST_F(CliTest, ARunThatBeganIsNamedWithTheCommandThatFollowsIt) {
    server.answer(200, asked);
    server.answer(
        200, R"({"id":"CHG-1","runs":[{"id":"run-3","purpose":"deployment"},)"
             R"({"id":"run-4","purpose":"rollback"}]})"
    );
    EXPECT_EQ(run({"change", "roll_back", "CHG-1", "--reason", "no"}), 0);
    EXPECT_EQ(
        out.str(), "CHG-1 approved · version 7\n  run-4 rollback: slipway run follow CHG-1\n"
    );
}

TEST_F(CliTest, TheTraceSaysWhatItFoundAndWhoAnswersForIt) {
    server.answer(200, asked);
    server.answer(
        200, R"({"id":"CHG-1","impact":{"hits":[{"ci":"site"},)"
             R"({"ci":"feed","owner":"olga","needs_acknowledgement":true},)"
             R"({"ci":"report","owner":"pia","needs_acknowledgement":true}],)"
             R"("unknown":["ghost"],"acknowledged":{"report":{"by":"pia"}}}})"
    );
    EXPECT_EQ(run({"change", "trace_impact", "CHG-1"}), 0);
    EXPECT_EQ(
        out.str(), "CHG-1 approved · version 7\n"
                   "  traced the impact: site, feed, report; not in the CMDB: ghost\n"
                   "  olga answers for feed:\n"
                   "    slipway change acknowledge_impact CHG-1 --ci feed\n"
    );
}

} // namespace

} // namespace slipway::test
