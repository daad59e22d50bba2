// SPDX-License-Identifier: Apache-2.0
// Registers: what their lists show, how records are written, edited and removed.
#include "base/json.hpp"
#include "cli_fixture.hpp"

namespace slipway::test {

namespace {

TEST_F(CliTest, ABoardIsListedWithItsNextMeetingAndTheQuorumThatApplies) {
    server.answer(
        200, R"({"items":[{"id":"cab","name":"CAB","quorum":0,"quorum_applies":2,"schedule":)"
             R"({"meetings":{"from":"2026-11-17T10:00","duration":"1h","zone":"Europe/Berlin",)"
             R"("rule":"FREQ=WEEKLY;BYDAY=TU"}}}]})"
    );
    server.answer(200, R"({"now":"2026-11-20T00:00:00.000Z"})");
    EXPECT_EQ(run({"board", "list"}), 0);
    EXPECT_EQ(
        out.str(), "ID   NAME  NEXT MEETING (UTC)   QUORUM\n"
                   "cab  CAB   2026-11-24 09:00:00  2\n"
    );
}

TEST_F(CliTest, BlackoutsAreListedWithTheirDatesAndRostersWithWhoIsOnCall) {
    server.answer(
        200, R"({"items":[{"id":"xmas","name":"Christmas","kind":"hard","recurrence":)"
             R"({"from":"2026-12-24T00:00","duration":"3d","zone":"UTC"}},)"
             R"({"id":"past","name":"Past","kind":"soft","recurrence":)"
             R"({"from":"2025-12-24T00:00","duration":"3d","zone":"UTC"}}]})"
    );
    server.answer(200, R"({"now":"2026-11-20T12:00:00.000Z"})");
    EXPECT_EQ(run({"blackout", "list"}), 0);
    EXPECT_EQ(
        out.str(), "ID    NAME       NEXT FROM (UTC)      UNTIL (UTC)          KIND\n"
                   "xmas  Christmas  2026-12-24 00:00:00  2026-12-27 00:00:00  hard\n"
                   "past  Past                                                 soft\n"
    );
    const auto shift = [](std::string_view person, std::string_view role, std::string_view from) {
        return fmt::format(
            R"({{"person":"{}","role":"{}","when":{{"from":"2026-11-20T{}","duration":"8h",)"
            R"("zone":"UTC"}}}})",
            person, role, from
        );
    };
    server.answer(
        200, fmt::format(
                 R"({{"items":[{{"id":"web","name":"Web","shifts":[{},{},{}]}},)"
                 R"({{"id":"db","name":"DB","shifts":[]}}]}})",
                 shift("pia", "primary", "08:00"), shift("sven", "secondary", "08:00"),
                 shift("eva", "primary", "16:00")
             )
    );
    server.answer(200, R"({"now":"2026-11-20T12:00:00.000Z"})");
    server.answer(200, R"({"id":"pia","inactive":false})");
    server.answer(200, R"({"id":"sven","inactive":true})");
    EXPECT_EQ(run({"roster", "list"}), 0);
    EXPECT_EQ(
        out.str(), "ID   NAME  ON CALL NOW\n"
                   "web  Web   pia, sven (secondary, inactive)\n"
                   "db   DB    nobody\n"
    );
}

const std::string contents(64, 'a');

TEST_F(CliTest, ACatalogueEntryIsListedWithItsRingsByName) {
    server.answer(
        200, fmt::format(
                 R"({{"items":[{{"id":"cert","title":"Renew","rings":["{}","{}"]}}]}})", contents,
                 std::string(64, 'b')
             )
    );
    server.answer(
        200, fmt::format(R"({{"items":[{{"id":"production","contents":"{}"}}]}})", contents)
    );
    EXPECT_EQ(run({"catalogue_entry", "list"}), 0);
    EXPECT_EQ(
        out.str(), "ID    TITLE  RINGS\n"
                   "cert  Renew  production, bbbbbbbb (as no ring is now)\n"
    );
}

TEST_F(CliTest, ARecordIsWrittenAndRemoved) {
    const auto file = write("web-1.json", R"({"name":"Web 1","ci_class":"x"})");
    server.answer(404, R"({"code":"not_found","detail":"no such item"})");
    server.answer(201, R"({"id":"web-1","version":1,"name":"Web 1"})");
    EXPECT_EQ(run({"ci", "put", "web-1", "@" + file, "--host", "h1", "--customer-facing"}), 0);
    EXPECT_EQ(out.str(), "configuration item web-1 created\n");
    EXPECT_EQ(server.seen().at(1).method + server.seen().at(1).target, "PUT/api/v1/cis/web-1");
    EXPECT_EQ(
        server.seen().at(1).body,
        R"({"name":"Web 1","ci_class":"x","host":"h1","customer_facing":true})"
    );
    server.answer(200, "{}");
    EXPECT_EQ(run({"ci", "remove", "../people/anna"}), 0);
    EXPECT_EQ(server.seen().at(2).target, "/api/v1/cis/..%2Fpeople%2Fanna");
    EXPECT_EQ(server.seen().at(2).method, "DELETE");
}

const std::string nightly = R"({"id":"report","record_version":7,"name":"Nightly report",)"
                            R"("ci_class":"scheduled_job","host":"db-1","owner":"olga",)"
                            R"("depends_on":["db"],"customer_facing":false})";

TEST_F(CliTest, WhatIsNoJsonIsAnsweredWithAnExample) {
    EXPECT_EQ(
        run(
            {"blackout", "put", "month-end", "--name", "Month end", "--reason", "books close",
             "--recurrence", "FREQ=MONTHLY;BYMONTHDAY=-3"}
        ),
        64
    );
    EXPECT_NE(
        err.str().find(
            R"(expected JSON such as '{"from":"2026-11-30T18:00","zone":"Europe/Berlin"}')"
        ),
        std::string::npos
    ) << err.str();
    EXPECT_EQ(run({"blackout", "put", "--help"}), 0);
    EXPECT_NE(out.str().find("fields: from,"), std::string::npos) << out.str();
    EXPECT_TRUE(server.seen().empty());
}

TEST_F(CliTest, PutSaysWhichFieldsItEmptied) {
    server.answer(200, nightly);
    server.answer(200, R"({"id":"report","record_version":8,"name":"Report","host":""})");
    EXPECT_EQ(run({"ci", "put", "report", "--name", "Report", "--ci_class", "scheduled_job"}), 0);
    EXPECT_EQ(
        out.str(),
        "configuration item report written\n"
        "  not given, so no longer set: host, owner, depends_on; slipway ci edit changes "
        "single fields\n"
    );
}

TEST_F(CliTest, EditChangesSingleFieldsAndKeepsTheOthers) {
    server.answer(200, R"({"version":"1.2.3","now":"2026-11-22T20:00:00.000Z"})");
    server.answer(200, nightly);
    server.answer(200, R"({"id":"report"})");
    EXPECT_EQ(
        run({"ci", "edit", "report", "--verified-at", "now", "--host", "db-2", "--clear", "owner"}),
        0
    );
    EXPECT_EQ(out.str(), "configuration item report written\n");
    const auto request = server.seen().at(2);
    EXPECT_EQ(request.method, "PUT");
    EXPECT_EQ(request.headers.at("if-match"), "\"v7\"");
    const auto body = parse_json(request.body);
    ASSERT_TRUE(body.has_value());
    EXPECT_EQ(
        *body, *parse_json(R"({"name":"Nightly report","ci_class":"scheduled_job","host":"db-2",)"
                           R"("depends_on":["db"],"customer_facing":false,)"
                           R"("verified_at":"2026-11-22T20:00:00.000Z"})")
    ) << request.body;
    EXPECT_EQ(run({"ci", "edit", "report"}), 64);
    EXPECT_EQ(run({"ci", "edit", "report", "--clear", "nothing"}), 64);
    EXPECT_EQ(server.seen().size(), 3u) << "nothing was sent";
}

TEST_F(CliTest, EditOfWhatIsNotThereSaysHowItIsMade) {
    server.answer(404, R"({"code":"not_found","detail":"there is no organisation main"})");
    EXPECT_EQ(run({"organisation", "edit", "main", "--inside_networks", "10.0.0.0/8"}), 3);
    EXPECT_NE(
        err.str().find("there is no organisation main; make it: slipway organisation put main, "),
        std::string::npos
    ) << err.str();
    EXPECT_EQ(server.seen().size(), 1u) << "nothing was written";
}

TEST_F(CliTest, PutTakesThePresentTimeAsWell) {
    server.answer(200, R"({"version":"1.2.3","now":"2026-11-22T20:00:00.000Z"})");
    server.answer(404, R"({"code":"not_found","detail":"no such item"})");
    server.answer(201, R"({"id":"web-1"})");
    EXPECT_EQ(
        run({"ci", "put", "web-1", "--name", "Web", "--ci_class", "host", "--verified_at", "now"}),
        0
    ) << err.str();
    EXPECT_NE(
        server.seen().back().body.find(R"("verified_at":"2026-11-22T20:00:00.000Z")"),
        std::string::npos
    ) << server.seen().back().body;
}

TEST_F(CliTest, ConfigurationItemsAreListedWithWhenTheyWereVerified) {
    server.answer(
        200, R"({"items":[{"id":"web-1","name":"Web","ci_class":"host",)"
             R"("verified_at":"2026-11-22T20:00:00.000Z"}]})"
    );
    EXPECT_EQ(run({"ci", "list"}), 0);
    EXPECT_NE(out.str().find("VERIFIED"), std::string::npos) << out.str();
    EXPECT_NE(out.str().find("2026-11-22 20:00:00"), std::string::npos) << out.str();
    EXPECT_EQ(server.seen().size(), 1u);
}

TEST_F(CliTest, ARingsContentsAreNoName) {
    EXPECT_EQ(run({"catalogue_entry", "put", "site", "--rings", "production"}), 64);
    EXPECT_NE(err.str().find("as ring show gives them"), std::string::npos) << err.str();
    EXPECT_TRUE(server.seen().empty());
}

TEST_F(CliTest, ABlackoutIsPutWithItsIdAsTheHelpSays) {
    const std::string when =
        R"({"from":"2027-01-01T00:00","duration":"4d","zone":"UTC","rule":"FREQ=MONTHLY;BYMONTHDAY=-3"})";
    const auto body =
        fmt::format(R"({{"name":"Month end","recurrence":{},"reason":"books close"}})", when);
    for (const bool as_document : {false, true}) {
        server.answer(404, R"({"code":"not_found","detail":"no such blackout"})");
        server.answer(201, R"({"id":"month-end","version":1})");
        EXPECT_EQ(
            as_document ? run({"blackout", "put", "month-end", body})
                        : run(
                              {"blackout", "put", "month-end", "--name", "Month end",
                               "--recurrence", when, "--reason", "books close"}
                          ),
            0
        ) << err.str();
        EXPECT_EQ(server.seen().back().target, "/api/v1/blackouts/month-end");
        EXPECT_EQ(server.seen().back().body, body);
    }
    EXPECT_EQ(run({"blackout", "put", "month-end", "--name", "x"}), 64);
    EXPECT_EQ(err.str().find("--id"), std::string::npos) << err.str();
}

} // namespace

} // namespace slipway::test
